/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of many literals stand in a text, in one pass.  Each literal is known by its rarest run of four bytes (a gram;
 * of two where it is shorter).  A bitmap that stays in the first cache tells at each byte whether any literal has its
 * gram there, a small table tells which, and a comparison decides.  No state goes from byte to byte, so the
 * processor looks at several at a time; and nothing large is touched, so that a cold cache costs little.
 * Frozen after building; any thread; linear in the text times the literals that share a gram.
 */
#ifndef KODAMA_CLASSIFY_PREFILTER_H
#define KODAMA_CLASSIFY_PREFILTER_H

#include "base/span.h"

enum { PREFILTER_LITERAL_MIN = 2 };

struct prefilter;

/* The literals differ from each other, have at least PREFILTER_LITERAL_MIN bytes, and must live as long. */
int prefilter_new(const struct span *literals, size_t count, struct prefilter **ret_prefilter) __attribute__((warn_unused_result));
void prefilter_free(struct prefilter *prefilter);
size_t prefilter_get_size(const struct prefilter *prefilter); /* bytes */

/* One scan's findings: literals by number, each once.  `seen` has a stamp per literal, so that clearing it costs nothing. */
struct hits {
	uint32_t *numbers;
	uint32_t *starts; /* by number: where the first place of a literal that was found begins */
	size_t count;
	uint32_t *seen;
	uint32_t stamp;
	size_t size; /* literals that fit: 0 to size - 1 */
};

int hits_reserve(struct hits *hits, size_t size) __attribute__((warn_unused_result));
void hits_done(struct hits *hits);

static inline bool hits_has(const struct hits *hits, uint32_t number)
{
	return hits->seen[number] == hits->stamp;
}

/* Forgets the findings before; hits must have room for every literal. */
void prefilter_scan(const struct prefilter *prefilter, struct span text, struct hits *hits);

#endif
