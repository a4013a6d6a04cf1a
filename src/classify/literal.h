/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PCRE2 pattern cannot match without: literals of which every match holds at least one, folded.
 * A reader of the pattern's syntax that gives up early and never guesses: what it does not know needs nothing.
 * It also sees repeats that may backtrack without bound, and makes texts that show whether they do.  Of a pattern that does not
 * compile nothing of use comes out.
 * Pure; any thread.
 */
#ifndef KODAMA_CLASSIFY_LITERAL_H
#define KODAMA_CLASSIFY_LITERAL_H

#include "base/arena.h"

enum { NEEDS = 4, LITERAL_FAR = 4096, LITERALS_MAX = 64, LITERAL_SIZE_MIN = 2, SUSPECTS_MAX = 4, PIECES_MAX = 16, EXACT_MAX = 16 };

/*
 * Every match holds at least one of these.  FOLD_BOUNDARY at its start or end: there a word begins or ends; FOLD_END behind
 * it: no word follows in the text.
 */
struct need {
	const struct span *items; /* at least LITERAL_SIZE_MIN bytes each, at most LITERALS_MAX */
	size_t count;             /* 0: nothing is needed */
	size_t reach;             /* the pattern begins at most that many bytes before one of them; LITERAL_FAR: nobody knows */
};

struct literals {
	struct need needs[NEEDS]; /* the best first; none known: the pattern must be tried on every text */
	/* The pattern matches these and nothing else, of two at one place the first; FOLD_BOUNDARY as in a need. */
	struct span exact[EXACT_MAX];
	size_t exact_count; /* 0: it matches more than that */
	bool is_plain;      /* of a few signs that PCRE2 takes for certain */
	size_t longest;     /* a match has at most that many bytes; LITERAL_FAR: nobody knows */
	bool has_suspects;  /* repeats without bound around what can vary itself */
};

/* All that comes out lives in the arena.  -ENOMEM past its limit. */
int literals_find(struct span pattern, struct arena *arena, struct literals *ret_literals) __attribute__((warn_unused_result));

/* Texts of `prefix` and many times one of the pieces show what such a repeat costs. */
struct suspect {
	struct span prefix;
	const struct span *pieces;
	size_t count;
};

struct examples {
	struct span sample; /* a text that comes near to what the pattern wants */
	struct suspect suspects[SUSPECTS_MAX];
	size_t suspect_count;
};

/* The same reading, for the examples alone. */
int literals_find_examples(struct span pattern, struct arena *arena, struct examples *ret_examples) __attribute__((warn_unused_result));

#endif
