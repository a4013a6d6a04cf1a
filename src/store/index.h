/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is suppressed, in memory: a table of keyed 64-bit hashes (SipHash; addresses are the outside's choice), 16 bytes
 * an entry, filled before readiness and kept current by a follower thread.  Readers are any threads and never wait for
 * SQL nor for a lock; a miss costs a look into the table.  When the store is away the last known table serves.
 */
#ifndef KODAMA_STORE_INDEX_H
#define KODAMA_STORE_INDEX_H

#include "store/store.h"

struct index;

/* NULL when out of memory.  The key is random, and the store's own from the first index_fill on. */
struct index *index_new(void);
void index_free(struct index *index);

struct index_hit {
	enum class class_id;
	int64_t since_s; /* midnight of that day, UTC */
	int64_t until_s;
	bool is_manual;
};

/*
 * Is mail to `recipient` suppressed at now_s for `stream` ("" where streams are not in use, "*" for an unknown one)?
 * The exact address, for the stream and then for all; the same without extension (`delimiters`, "" for none); then the
 * manual entry of its domain.  Any thread.
 */
bool index_find(const struct index *index, const struct address *recipient, struct span stream, const char *delimiters,
		int64_t now_s, struct index_hit *ret_hit);

/* For an index without a store (tests, benches): one row's new truth; until_s 0 or kind not suppressed: gone.  -ENOMEM: the table could not grow, and is as before. */
int index_set(struct index *index, const struct suppression *row) __attribute__((warn_unused_result));
size_t index_get_count(const struct index *index);

/* Replaces all by what the store says now; readers see the old table until it is whole. */
int index_fill(struct index *index, struct store *store, int64_t now_s) __attribute__((warn_unused_result));

/*
 * Takes in what changed since it was filled or updated last, by whichever handle: what the writer has taken in, the follower does
 * not read again.
 * Fills anew where that is too long ago, or was never.
 */
int index_update(struct index *index, struct store *store, int64_t now_s) __attribute__((warn_unused_result));

/* Opens its own handle, fills the index, and then follows changes every `poll_ms` (0: 250) in a thread. */
struct index_follower;
int index_follow(struct index *index, const struct store_options *options, unsigned poll_ms, struct index_follower **ret_follower)
	__attribute__((warn_unused_result));
void index_follower_stop(struct index_follower *follower);

#endif
