/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the keys that sign tokens are kept: a file, or the table `keys` of the store, which a fleet has in common.  Made
 * on the first start; read again every few seconds, and at once when a token names a key that we do not know.
 */
#ifndef KODAMA_STORE_KEYSOURCE_H
#define KODAMA_STORE_KEYSOURCE_H

#include "base/complaint.h"
#include "base/keyring.h"
#include "store/store.h"

struct keysource_options {
	const char *file;           /* "": the store */
	struct store_options store;
	int64_t accept_s;           /* so long after its end a retired key is accepted */
};

/* All of them, whether in use or not.  -errno with *complaint. */
int keysource_read(const struct keysource_options *options, struct key_records *ret_records, struct complaint *complaint)
	__attribute__((warn_unused_result));

/* Makes the first keys unless there are some. */
int keysource_create(const struct keysource_options *options, int64_t now_s, struct complaint *complaint) __attribute__((warn_unused_result));

/* A new key signs from now on, those before it are retired, and those whose time is over are deleted. */
int keysource_rotate(const struct keysource_options *options, int64_t now_s, char ret_id[static KEY_ID_SIZE], struct complaint *complaint)
	__attribute__((warn_unused_result));

/* The same for one key that must not be accepted any longer, because somebody else has it.  -ENOENT; -EBUSY: it signs. */
int keysource_revoke(const struct keysource_options *options, struct span id, struct complaint *complaint) __attribute__((warn_unused_result));

/* A thread that keeps a ring current.  The options' texts are borrowed. */
struct keysource;
int keysource_start(const struct keysource_options *options, struct keys **ret_keys, struct keysource **ret_source, struct complaint *complaint)
	__attribute__((warn_unused_result));
/* Read now, and wait for it, but not long. */
bool keysource_refresh(struct keysource *source);
void keysource_stop(struct keysource *source); /* NULL is fine; the ring stays the caller's */

#endif
