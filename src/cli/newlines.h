/* SPDX-License-Identifier: BSD-2-Clause */
/* Where lines end, some kilobytes at a time and all of these at once: nothing is guessed of a line's length.  One thread. */
#ifndef KODAMA_CLI_NEWLINES_H
#define KODAMA_CLI_NEWLINES_H

#include "base/quickmask.h"

enum { NEWLINES_STRETCH = 4096 };

struct newlines {
	const char *at, *end; /* what is not yet looked at */
	const char *from;     /* of the stretch */
	unsigned count, next;
	uint16_t places[NEWLINES_STRETCH + 2]; /* two are written at a time, whether they are there or not */
};

static inline void newlines_begin(struct newlines *newlines, const char *text, size_t len)
{
	newlines->at = text;
	newlines->end = text + len;
	newlines->count = newlines->next = 0;
}

static inline void newlines_look(struct newlines *newlines)
{
	size_t left = (size_t)(newlines->end - newlines->at), len = left < NEWLINES_STRETCH ? left : NEWLINES_STRETCH, at = 0;
	unsigned count = 0;

	newlines->from = newlines->at;
	for (; at + 64 <= len; at += 64) {
		const uint64_t top = (uint64_t)1 << 63;
		uint64_t mask = quickmask_64(newlines->from + at, '\n'), others = mask & (mask - 1);
		newlines->places[count] = (uint16_t)(at + quickmask_first(mask | top));
		newlines->places[count + 1] = (uint16_t)(at + quickmask_first(others | top));
		count += (mask != 0) + (others != 0);
		for (others &= others - 1; others; others &= others - 1)
			newlines->places[count++] = (uint16_t)(at + quickmask_first(others));
	}
	for (; at < len; at++)
		if (newlines->from[at] == '\n')
			newlines->places[count++] = (uint16_t)at;
	newlines->at += len;
	newlines->count = count;
	newlines->next = 0;
}

/* The next one; NULL: there is none any more. */
static inline const char *newlines_take(struct newlines *newlines)
{
	while (newlines->next == newlines->count) {
		if (newlines->at == newlines->end)
			return NULL;
		newlines_look(newlines);
	}
	return newlines->from + newlines->places[newlines->next++];
}

#endif
