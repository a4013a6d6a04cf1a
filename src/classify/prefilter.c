/* SPDX-License-Identifier: BSD-2-Clause */
/* Grams in a text.  Frozen after building; any thread. */
#include "classify/prefilter.h"

#include <errno.h>
#include <stdlib.h>

enum { RUN = 256, GRAM_OF_THREE = 0xFFFFFF, GRAM_OF_TWO = 0xFFFF };

/* gram 0: free, since no text has NUL */
struct slot {
	uint32_t gram, number;
};

/* A gram that is shorter: few are, so that they are not looked for at each byte. */
struct brief {
	uint32_t number;
	uint16_t mark;
};

struct prefilter {
	uint64_t bitmap[(1 << GRAM_HASH_BITS) / 64]; /* the hashes of grams of four bytes */
	struct slot *slots;
	uint32_t slot_mask;
	struct brief *briefs;
	size_t brief_count;
	size_t count;
};

static inline bool bitmap_has(const uint64_t *bitmap, uint32_t hash)
{
	return bitmap[hash / 64] >> hash % 64 & 1;
}

static void bitmap_set(uint64_t *bitmap, uint32_t hash)
{
	bitmap[hash / 64] |= (uint64_t)1 << hash % 64;
}

/* The gram's slot, or the free one where it would be. */
static inline struct slot *find_slot(const struct prefilter *prefilter, uint32_t gram)
{
	uint32_t at = gram * 2246822519u >> 7 & prefilter->slot_mask;

	while (prefilter->slots[at].gram != gram && prefilter->slots[at].gram != 0)
		at = (at + 1) & prefilter->slot_mask;
	return &prefilter->slots[at];
}

static void add_gram(struct prefilter *prefilter, uint32_t gram, uint32_t number)
{
	if (gram > GRAM_OF_THREE) {
		*find_slot(prefilter, gram) = (struct slot){ gram, number };
		bitmap_set(prefilter->bitmap, gram_hash(gram));
	} else {
		uint16_t mark = gram_get_mark(gram, gram > GRAM_OF_TWO ? 3 : 2);
		prefilter->briefs[prefilter->brief_count++] = (struct brief){ number, mark };
	}
}

int prefilter_new(const uint32_t *grams, size_t count, struct prefilter **ret_prefilter)
{
	struct prefilter *prefilter = calloc(1, sizeof(*prefilter));
	uint32_t size = 64;

	while (size < count * 2)
		size *= 2;
	if (!prefilter)
		return -ENOMEM;
	prefilter->count = count;
	prefilter->slot_mask = size - 1;
	prefilter->slots = calloc(size, sizeof(*prefilter->slots));
	prefilter->briefs = calloc(count + 1, sizeof(*prefilter->briefs));
	if (!prefilter->slots || !prefilter->briefs) {
		prefilter_free(prefilter);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		add_gram(prefilter, grams[i], (uint32_t)i);
	*ret_prefilter = prefilter;
	return 0;
}

void prefilter_free(struct prefilter *prefilter)
{
	if (!prefilter)
		return;
	free(prefilter->slots);
	free(prefilter->briefs);
	free(prefilter);
}

size_t prefilter_get_size(const struct prefilter *prefilter)
{
	return sizeof(*prefilter) + (prefilter->slot_mask + (size_t)1) * sizeof(*prefilter->slots) +
	       (prefilter->count + 1) * sizeof(*prefilter->briefs);
}

/* ---- scanning ---- */

static size_t get_seen_size(size_t size)
{
	return (size + 63) / 64 * sizeof(uint64_t);
}

int hits_reserve(struct hits *hits, size_t size)
{
	struct hit *items;
	uint64_t *seen;

	if (size <= hits->size)
		return 0;
	items = calloc(size, sizeof(*items));
	seen = calloc(1, get_seen_size(size));
	if (!items || !seen) {
		free(items);
		free(seen);
		return -ENOMEM;
	}
	hits_done(hits);
	*hits = (struct hits){ .items = items, .seen = seen, .size = size };
	return 0;
}

void hits_done(struct hits *hits)
{
	free(hits->items);
	free(hits->seen);
	*hits = (struct hits){ .size = 0 };
}

static void hits_begin(const struct prefilter *prefilter, struct hits *hits)
{
	hits->count = 0;
	memset(hits->seen, 0, get_seen_size(prefilter->count));
	if (++hits->stamp == 0) {
		memset(hits->marks, 0, sizeof(hits->marks));
		hits->stamp = 1;
	}
	hits->marks[MARK_ALWAYS] = hits->stamp;
}

static inline void look_up(const struct prefilter *prefilter, uint32_t gram, size_t at, struct hits *hits)
{
	const struct slot *slot = find_slot(prefilter, gram);

	if (slot->gram != gram || bitmap_has(hits->seen, slot->number))
		return;
	bitmap_set(hits->seen, slot->number);
	hits->items[hits->count++] = (struct hit){ slot->number, (uint32_t)at };
}

/* A run of places, each with four bytes from there on: first which may begin a gram, without a branch, then which do. */
static void scan_run(const struct prefilter *prefilter, struct span text, size_t from, size_t to, struct hits *hits)
{
	uint16_t places[RUN];
	size_t count = 0;
	uint8_t *marks = hits->marks, stamp = hits->stamp;

	for (size_t at = from; at < to; at++) {
		uint32_t gram = gram_make(text.ptr + at, GRAM_MAX);
		marks[gram_get_mark(gram & GRAM_OF_THREE, 3)] = stamp;
		marks[gram_get_mark(gram, GRAM_MAX)] = stamp;
		places[count] = (uint16_t)(at - from);
		count += bitmap_has(prefilter->bitmap, gram_hash(gram));
	}
	for (size_t i = 0; i < count; i++)
		look_up(prefilter, gram_make(text.ptr + from + places[i], GRAM_MAX), from + places[i], hits);
}

static void mark_pairs(struct span text, struct hits *hits)
{
	uint8_t *marks = hits->marks, stamp = hits->stamp;

	for (size_t at = 0; at + GRAM_MIN <= text.len; at++)
		marks[gram_get_mark(gram_make(text.ptr + at, GRAM_MIN), GRAM_MIN)] = stamp;
}

void prefilter_scan(const struct prefilter *prefilter, struct span text, struct span words, struct hits *hits)
{
	size_t end = words.len < GRAM_MAX ? 0 : words.len - GRAM_MAX + 1;

	hits_begin(prefilter, hits);
	for (size_t at = 0; at < end; at += RUN)
		scan_run(prefilter, words, at, at + RUN < end ? at + RUN : end, hits);
	if (words.len >= 3) /* the last three bytes begin no gram of four */
		hits->marks[gram_get_mark(gram_make(words.ptr + words.len - 3, 3), 3)] = hits->stamp;
	mark_pairs(text, hits);
	for (size_t i = 0; i < prefilter->brief_count; i++) {
		const struct brief *brief = &prefilter->briefs[i];
		if (hits_has_mark(hits, brief->mark))
			hits->items[hits->count++] = (struct hit){ brief->number, 0 };
	}
}
