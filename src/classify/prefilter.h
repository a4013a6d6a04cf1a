/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of many literals stand in a text, in one pass (Aho and Corasick 1975, as a full table over a compressed
 * alphabet).  Each literal has a number; a scan names each number that it met once, with the end of the first
 * place.  Long literals are filed under their first bytes, so a number is a promise that it may be there, no more.
 * Frozen after building; any thread; linear in the text.
 */
#ifndef KODAMA_CLASSIFY_PREFILTER_H
#define KODAMA_CLASSIFY_PREFILTER_H

#include "base/span.h"

enum { PREFILTER_LITERAL_MAX = 24 };

struct prefilter_entry {
	struct span literal; /* not empty; borrowed for the call */
	uint32_t number;
};

struct prefilter;

int prefilter_new(const struct prefilter_entry *entries, size_t count, struct prefilter **ret_prefilter)
	__attribute__((warn_unused_result));
void prefilter_free(struct prefilter *prefilter);
size_t prefilter_get_size(const struct prefilter *prefilter); /* bytes */

/* One scan's findings; `seen` has a stamp per number, so that clearing it costs nothing. */
struct hits {
	uint32_t *numbers;
	uint32_t *starts; /* where the first place of numbers[i] begins */
	size_t count;
	uint32_t *seen;
	uint32_t stamp;
	size_t size; /* numbers that fit: 0 to size - 1 */
};

int hits_reserve(struct hits *hits, size_t size) __attribute__((warn_unused_result));
void hits_done(struct hits *hits);

/* Forgets the findings before; hits must have room for every number. */
void prefilter_scan(const struct prefilter *prefilter, struct span text, struct hits *hits);

#endif
