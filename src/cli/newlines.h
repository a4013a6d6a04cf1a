/* SPDX-License-Identifier: BSD-2-Clause */
/* Where lines end, some kilobytes at a time and all of these at once: nothing is guessed of a line's length.  One thread. */
#ifndef KODAMA_CLI_NEWLINES_H
#define KODAMA_CLI_NEWLINES_H

#include <stdbool.h>

#include "base/quickmask.h"

enum { NEWLINES_STRETCH = 4096 };

struct newlines {
	const char *at, *end; /* what is not yet looked at */
	const char *from;     /* of the stretch */
	unsigned count;
	uint16_t places[NEWLINES_STRETCH + 2]; /* two are written at a time, whether they are there or not */
};

static inline void newlines_begin(struct newlines *newlines, const char *text, size_t len)
{
	newlines->at = text;
	newlines->end = text + len;
	newlines->count = 0;
}

/* The newlines of 64 bytes, `at` bytes behind the stretch's begin; seldom more than two. */
static inline __attribute__((always_inline)) unsigned newlines_note(struct newlines *newlines, unsigned count, size_t at, uint64_t mask)
{
	const uint64_t top = (uint64_t)1 << 63;
	unsigned found = (unsigned)__builtin_popcountll(mask);
	uint16_t *places = newlines->places + count;

	places[0] = (uint16_t)(at + quickmask_first(mask | top));
	mask &= mask - 1;
	places[1] = (uint16_t)(at + quickmask_first(mask | top));
	for (unsigned i = 2; i < found; i++) {
		mask &= mask - 1;
		places[i] = (uint16_t)(at + quickmask_first(mask));
	}
	return count + found;
}

static inline unsigned newlines_find(struct newlines *newlines, size_t len)
{
	const char *from = newlines->from;
	unsigned count = 0;

	for (size_t at = 0; at < len; at += 64)
		count = newlines_note(newlines, count, at, quickmask_64(from + at, '\n'));
	return count;
}

#ifdef __x86_64__
__attribute__((target("avx2,bmi,popcnt"))) static inline unsigned newlines_find_avx2(struct newlines *newlines, size_t len)
{
	const char *from = newlines->from;
	unsigned count = 0;

	for (size_t at = 0; at < len; at += 64)
		count = newlines_note(newlines, count, at, quickmask_64_avx2(from + at, '\n'));
	return count;
}
#else
#define newlines_find_avx2 newlines_find
#endif

static inline bool newlines_has_avx2(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
#else
	return false;
#endif
}

/* The next stretch: its `count` newlines stand at from + places[...].  False: all was looked at. */
static inline bool newlines_look(struct newlines *newlines)
{
	size_t left = (size_t)(newlines->end - newlines->at);
	size_t len = left < NEWLINES_STRETCH ? left : NEWLINES_STRETCH, at = len - len % 64;

	if (!left)
		return false;
	newlines->from = newlines->at;
	newlines->count = newlines_has_avx2() ? newlines_find_avx2(newlines, at) : newlines_find(newlines, at);
	for (; at < len; at++)
		if (newlines->from[at] == '\n')
			newlines->places[newlines->count++] = (uint16_t)at;
	newlines->at += len;
	return true;
}

#endif
