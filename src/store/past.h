/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands about a recipient in one stream, and what its last successes wiped out: each of those is a relay's word only,
 * and void when the same message comes back within five days.  Rows of one table, read at once.  Inside a transaction.
 */
#ifndef KODAMA_STORE_PAST_H
#define KODAMA_STORE_PAST_H

#include "store/store.h"

enum { PAST_MAX = 8, SUCCESS_PROVISIONAL_S = 5 * 24 * 3600 };

/* The history as it was when a success came. */
struct wiped {
	int64_t origin;                   /* of its row; a later success has a greater one */
	int64_t success_s;                /* when we heard of it */
	uint64_t keys[EVENT_KEYS_MAX];    /* hashes of what names its message */
	size_t key_count;
	struct history history;
};

struct past {
	bool is_there;                    /* anything but wiped ones */
	struct history now;
	struct wiped wiped[PAST_MAX];     /* oldest first */
	size_t wiped_count;
};

int past_load(struct store *store, struct span address, struct span stream, struct past *ret_past) __attribute__((warn_unused_result));
int past_save(struct store *store, struct span address, struct span stream, const struct history *now) __attribute__((warn_unused_result));

/*
 * A success of that message is about to change past->now, that was `before`, or would have if there had been anything left:
 * kept while something could come back.
 */
int past_keep(struct store *store, struct span address, struct span stream, struct past *past, const struct history *before, bool is_reset,
	      const uint64_t *keys, size_t key_count, int64_t received_s) __attribute__((warn_unused_result));

/*
 * The message of that name has failed: what its success had wiped out goes to what came after it, up to the next success.
 * 1 there was such a success, 0 none.
 */
int past_take_back(struct store *store, struct span address, struct span stream, struct past *past, const uint64_t *keys, size_t key_count,
		   int64_t received_s) __attribute__((warn_unused_result));

#endif
