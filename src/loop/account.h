/* SPDX-License-Identifier: BSD-2-Clause */
/* The account that the daemon becomes, and the folders that it needs there.  Main thread, before any other exists. */
#ifndef KODAMA_LOOP_ACCOUNT_H
#define KODAMA_LOOP_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/complaint.h"

struct account {
	const char *name;
	uid_t uid; /* (uid_t)-1: stay who we are, we are not root */
	gid_t gid;
};

/* Looks user and group up, if we are root.  -EINVAL: there is no such one, or it is root. */
int account_find(const char *user, const char *group, struct account *ret_account, struct complaint *complaint) __attribute__((warn_unused_result));

/* Makes the folder, 0700 and the account's, unless it is there.  Its parent must be there. */
int account_make_folder(const struct account *account, const char *path, struct complaint *complaint) __attribute__((warn_unused_result));

/* Becomes the account for good, and makes sure of it. */
int account_become(const struct account *account, struct complaint *complaint) __attribute__((warn_unused_result));

#endif
