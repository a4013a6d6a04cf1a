/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PCRE2 pattern cannot match without: literals of which every match holds at least one, folded.
 * A reader of the pattern's syntax that gives up early and never guesses: what it does not know needs nothing.
 * It also sees repeats that can backtrack without bound.  Pure; any thread; the pattern compiles already.
 */
#ifndef KODAMA_CLASSIFY_LITERAL_H
#define KODAMA_CLASSIFY_LITERAL_H

#include "base/arena.h"

enum { LITERALS_MAX = 16, LITERAL_SIZE_MIN = 2 };

struct literals {
	struct span items[LITERALS_MAX]; /* in the arena; at least LITERAL_SIZE_MIN bytes each */
	size_t count;                    /* 0: none is known, the pattern must be tried on every text */
	bool is_exact;                   /* the pattern matches items[0] and nothing else */
	const char *hazard;              /* why it may backtrack without bound; NULL if it does not */
};

/* -ENOMEM past the arena's limit. */
int literals_find(struct span pattern, struct arena *arena, struct literals *ret_literals) __attribute__((warn_unused_result));

#endif
