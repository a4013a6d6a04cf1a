/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far each host's lines have been counted: who reads an old log again, counts nothing twice.  Failures are told apart
 * by their keys in the store; millions of successes leave none, so their time has to do: what is older than the last that
 * was counted of its host has been counted, and of that very second the last few are remembered.
 * A value type; pure; one thread at a time; the text comes back from the store.
 */
#ifndef KODAMA_FLOW_MARK_H
#define KODAMA_FLOW_MARK_H

#include "base/buffer.h"

enum { MARK_HOSTS = 8, MARK_RECENT = 32, MARK_TEXT_MAX = MARK_HOSTS * (MARK_RECENT + 2) * 21 };

struct mark_host {
	uint64_t host;  /* its hash; 0: free */
	int64_t time_s;
	unsigned count; /* of what came in that second */
	uint64_t recent[MARK_RECENT];
};

struct mark {
	struct mark_host hosts[MARK_HOSTS]; /* the stalest makes room */
};

/* Takes one delivery: true if it is new.  what: names it. */
bool mark_take(struct mark *mark, struct span host, int64_t time_s, struct span what);

/* As text, appended; and back: what is no such text leaves *ret_mark empty. */
void mark_write(const struct mark *mark, struct buffer *out);
void mark_read(struct span text, struct mark *ret_mark);

#endif
