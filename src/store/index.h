/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is suppressed, in memory: a table of keyed 64-bit hashes (SipHash; addresses are the outside's choice), 16 bytes
 * an entry, filled before readiness and kept current by a follower thread.  Readers are any threads and never wait for
 * SQL; a miss costs a look into the table.  When the store is away the last known table serves.
 */
#ifndef KODAMA_STORE_INDEX_H
#define KODAMA_STORE_INDEX_H

#include "store/store.h"

struct index;

/* NULL when out of memory.  The key is random for each process. */
struct index *index_new(void);
void index_free(struct index *index);

struct index_hit {
	enum class class_id;
	int64_t since_s; /* midnight of that day, UTC */
	int64_t until_s;
	bool is_manual;
};

/*
 * Is mail to `recipient` suppressed at now_s for `stream` ("" for none)?  Order: manual, stream, shared; the exact
 * address, then without extension (`delimiters`, "" for none), then the manual entry of its domain.  Any thread.
 */
bool index_find(const struct index *index, const struct address *recipient, struct span stream, const char *delimiters,
		int64_t now_s, struct index_hit *ret_hit);

/* One row's new truth; until_s 0 or kind not suppressed: gone. */
void index_set(struct index *index, const struct suppression *row);
size_t index_get_count(const struct index *index);

/* Opens its own handle, fills the index, and then follows changes every 500 ms in a thread. */
struct index_follower;
int index_follow(struct index *index, const struct store_options *options, struct index_follower **ret_follower)
	__attribute__((warn_unused_result));
void index_follower_stop(struct index_follower *follower);

#endif
