/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of many grams, runs of two to four bytes, stand in a text, in one pass: those of two in the text as it is, longer
 * ones in its words (fold_words).  Every gram leaves a mark, by which words are known (nearly: several grams share one).
 * For grams of four bytes there is a bitmap that stays in the first cache and tells at each byte whether one may begin
 * there, and a small table that tells which one it is.  No state goes from byte to byte and nothing is decided before the
 * end of a run, so that the processor looks at several bytes at a time.  Frozen after building; any thread; linear in the text.
 */
#ifndef KODAMA_CLASSIFY_PREFILTER_H
#define KODAMA_CLASSIFY_PREFILTER_H

#include "base/span.h"

enum { GRAM_MIN = 2, GRAM_MAX = 4 };

/* The gram of the `len` bytes (GRAM_MIN to GRAM_MAX, none of them NUL) at `bytes`: another for each run of bytes. */
static inline uint32_t gram_make(const char *bytes, size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	uint32_t gram = (uint32_t)b[0] | (uint32_t)b[1] << 8;

	return len < 3 ? gram : gram | (uint32_t)b[2] << 16 | (len < GRAM_MAX ? 0 : (uint32_t)b[3] << 24);
}

enum { GRAM_HASH_BITS = 16 };

static inline uint32_t gram_hash(uint32_t gram)
{
	return gram * 2654435761u >> (32 - GRAM_HASH_BITS);
}

/* Marks: those of grams of each length by themselves, and one that every text has. */
enum { MARK_BITS = 10, MARK_ALWAYS = 3 << MARK_BITS, MARK_COUNT };

static inline uint16_t gram_get_mark(uint32_t gram, size_t len)
{
	return (uint16_t)((len - GRAM_MIN) << MARK_BITS | gram_hash(gram) >> (GRAM_HASH_BITS - MARK_BITS));
}

struct prefilter;

/* The grams differ from each other; each is known by its number, 0 to count - 1. */
int prefilter_new(const uint32_t *grams, size_t count, struct prefilter **ret_prefilter) __attribute__((warn_unused_result));
void prefilter_free(struct prefilter *prefilter);
size_t prefilter_get_size(const struct prefilter *prefilter); /* bytes; for benches */

/* A gram by number, and the first place where it begins; of one shorter than four bytes 0. */
struct hit {
	uint32_t number, at;
};

/* One scan's findings, each gram once.  A short gram may be there whose mark alone is. */
struct hits {
	struct hit *items;
	size_t count;
	uint64_t *seen; /* bits by number */
	size_t size;    /* grams that fit: 0 to size - 1 */
	uint8_t marks[MARK_COUNT];
	uint8_t stamp; /* a mark that equals it is of this text, so that clearing costs nothing */
};

int hits_reserve(struct hits *hits, size_t size) __attribute__((warn_unused_result));
void hits_done(struct hits *hits);

static inline bool hits_has_mark(const struct hits *hits, uint16_t mark)
{
	return hits->marks[mark] == hits->stamp;
}

/* Forgets the findings before; hits must have room for every gram.  The text is folded: no NUL is in it.  Places are those in `words`. */
void prefilter_scan(const struct prefilter *prefilter, struct span text, struct span words, struct hits *hits);

#endif
