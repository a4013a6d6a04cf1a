/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log follower: reads the MTA's log (a file, or the journal) in a thread and a loop of its own, because it waits for the store
 * where the others must not.  What was read is committed together with the place behind it; while the store is away the place stays,
 * and nothing is read.  Mail does not pass here: whatever fails, it flows.
 */
#ifndef KODAMA_INTAKE_MAILLOG_H
#define KODAMA_INTAKE_MAILLOG_H

#include "base/complaint.h"
#include "flow/log.h"
#include "intake/intake.h"

struct maillog;

/* Borrowed; outlives the follower. */
struct maillog_options {
	const char *file;           /* absolute; "": the journal */
	bool is_from_beginning;
	const char *const *uids;    /* names or numbers, NULL-terminated; empty: those of the MTAs */
};

/* -EINVAL with a complaint: no such user, or no journal in this build. */
int maillog_start(const struct intake *intake, const struct maillog_options *options, struct maillog **ret_maillog, struct complaint *complaint)
	__attribute__((warn_unused_result));

/* What was read is committed if the store lets it.  NULL is fine. */
void maillog_stop(struct maillog *maillog);

/* Any thread. */
void maillog_get_status(void *maillog, struct follower_status *ret_status);

#endif
