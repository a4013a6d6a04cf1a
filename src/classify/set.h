/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of the strings that a part of a pattern matches, or of which it needs one; with the marks that fold.h puts where a
 * word begins or ends.  In an arena, never changed: what comes out shares its strings with what went in.  Pure; any thread.
 */
#ifndef KODAMA_CLASSIFY_SET_H
#define KODAMA_CLASSIFY_SET_H

#include "classify/literal.h"

/* The longest string in a set. */
enum { SET_STRING_MAX = 64 };

/* is_valid false: any string at all. */
struct set {
	const struct span *items;
	size_t count;
	size_t shortest, longest; /* bytes of a string */
	size_t reach; /* of a need: at most that many bytes of its part stand before it */
	bool is_valid;
};

/* Where new ones are made. */
struct set_maker {
	struct arena *arena;
	int error; /* -ENOMEM once there was no memory: what was made since is worth nothing */
};

extern const struct set set_of_empty, set_of_boundary, set_of_end; /* one string each: the empty one, a mark */

bool set_has(const struct set *set, struct span text);

/* How well a set filters: long strings and few of them; 0: not at all. */
static inline size_t set_get_worth(const struct set *set)
{
	return set->is_valid && set->shortest >= LITERAL_SIZE_MIN ? set->shortest * 8 - set->count / 2 : 0;
}

/*
 * Can a text be cut into these strings in one way at most?  So it is when none of them begins another, and also when
 * none ends another; an empty one fits everywhere.
 */
bool set_is_unambiguous(const struct set *set);

/* One string more, copied; not beyond EXACT_MAX. */
void set_add_string(struct set_maker *maker, struct set *set, struct span text);
/* All of a and b; not valid when that is too many. */
struct set set_unite(struct set_maker *maker, const struct set *a, const struct set *b);
/* Each of a followed by each of b; false, and nothing done, when that is too many or too long. */
bool set_append(struct set_maker *maker, struct set *a, const struct set *b);
void set_keep_better(struct set *best, const struct set *other);

/* Without those that hold another one: where they stand, that stands too, if not at their start.  Nothing of a set without worth. */
struct need set_minimize(struct set_maker *maker, const struct set *set);
/* Its strings, at most EXACT_MAX, without those that cannot be; 0: the bytes cannot tell whether the marks of one hold. */
size_t set_settle_exact(struct set_maker *maker, const struct set *set, struct span items[static EXACT_MAX]);

/* Lengths, as far as anybody wants to know. */
static inline size_t length_add(size_t a, size_t b)
{
	return a + b < LITERAL_FAR ? a + b : LITERAL_FAR;
}

static inline size_t length_get_larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
