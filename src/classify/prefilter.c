/* SPDX-License-Identifier: BSD-2-Clause */
/* Literals by their rarest gram.  Frozen after building; any thread. */
#include "classify/prefilter.h"

#include <errno.h>
#include <stdlib.h>

enum { GRAM_LONG = 4, GRAM_SHORT = 2, BITMAP_BITS = 16, BITMAP_WORDS = (1 << BITMAP_BITS) / 64 };

/* A literal, known by the gram at `offset`. */
struct filed {
	const char *bytes;
	uint32_t gram, number, len, offset;
	char first_byte, last_byte; /* of the literal: they tell most apart without a look at it */
};

/* The literals whose grams have one length, sorted by gram. */
struct table {
	uint64_t bitmap[BITMAP_WORDS]; /* of the grams' hashes */
	uint32_t *slots;               /* by gram: the first that has it, counted from 1; 0: free */
	uint32_t slot_mask;
	struct filed *filed;
	size_t count;
};

struct prefilter {
	struct table of_long, of_short;
};

static inline uint32_t gram_load_long(const char *bytes)
{
	uint32_t gram;

	memcpy(&gram, bytes, sizeof(gram));
	return gram;
}

static inline uint32_t gram_load_short(const char *bytes)
{
	uint16_t gram;

	memcpy(&gram, bytes, sizeof(gram));
	return gram;
}

/* Two bytes have a bit of their own, four share one. */
static inline uint32_t hash_long(uint32_t gram)
{
	return gram * 2654435761u >> (32 - BITMAP_BITS);
}

static bool is_long(struct span literal)
{
	return literal.len >= GRAM_LONG;
}

static inline bool bitmap_has(const uint64_t *bitmap, uint32_t hash)
{
	return bitmap[hash / 64] >> hash % 64 & 1;
}

/* ---- building ---- */

static uint32_t hash_at(struct span literal, size_t at)
{
	return is_long(literal) ? hash_long(gram_load_long(literal.ptr + at)) : gram_load_short(literal.ptr + at);
}

static size_t get_last_offset(struct span literal)
{
	return literal.len - (is_long(literal) ? GRAM_LONG : GRAM_SHORT);
}

/* How often each gram (by its hash) stands in the literals: the rarer, the better it tells them apart. */
static void count_grams(const struct span *literals, size_t count, uint32_t *uses)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at <= get_last_offset(literals[i]); at++)
			uses[hash_at(literals[i], at)]++;
	}
}

static uint32_t choose_offset(struct span literal, const uint32_t *uses)
{
	uint32_t best = 0;

	for (uint32_t at = 1; at <= get_last_offset(literal); at++) {
		if (uses[hash_at(literal, at)] < uses[hash_at(literal, best)])
			best = at;
	}
	return best;
}

static struct filed filed_make(struct span literal, uint32_t number, uint32_t offset)
{
	const char *gram = literal.ptr + offset;

	return (struct filed){ .bytes = literal.ptr, .gram = is_long(literal) ? gram_load_long(gram) : gram_load_short(gram),
			       .number = number, .len = (uint32_t)literal.len, .offset = offset, .first_byte = literal.ptr[0],
			       .last_byte = literal.ptr[literal.len - 1] };
}

static int compare_filed(const void *a, const void *b)
{
	const struct filed *x = a, *y = b;

	return (x->gram > y->gram) - (x->gram < y->gram);
}

/* The slot of the literals that have the gram, or the free one where it would be. */
static inline uint32_t *find_slot(const struct table *table, uint32_t gram)
{
	uint32_t at = gram * 2246822519u >> 7 & table->slot_mask;

	while (table->slots[at] > 0 && table->filed[table->slots[at] - 1].gram != gram)
		at = (at + 1) & table->slot_mask;
	return &table->slots[at];
}

static int table_fill(struct table *table, bool of_long)
{
	uint32_t size = 64;

	while (size < table->count * 4)
		size *= 2;
	table->slot_mask = size - 1;
	table->slots = calloc(size, sizeof(*table->slots));
	if (!table->slots)
		return -ENOMEM;
	qsort(table->filed, table->count, sizeof(*table->filed), compare_filed);
	for (size_t i = 0; i < table->count; i++) {
		uint32_t gram = table->filed[i].gram, hash = of_long ? hash_long(gram) : gram, *slot = find_slot(table, gram);
		if (*slot == 0)
			*slot = (uint32_t)i + 1;
		table->bitmap[hash / 64] |= (uint64_t)1 << hash % 64;
	}
	return 0;
}

static int table_init(struct table *table, bool of_long, const struct span *literals, size_t count)
{
	uint32_t *uses = calloc(1 << BITMAP_BITS, sizeof(*uses));
	int rc = -ENOMEM;

	table->filed = calloc(count + 1, sizeof(*table->filed));
	if (uses && table->filed) {
		count_grams(literals, count, uses);
		for (size_t i = 0; i < count; i++) {
			if (is_long(literals[i]) == of_long)
				table->filed[table->count++] = filed_make(literals[i], (uint32_t)i, choose_offset(literals[i], uses));
		}
		rc = table_fill(table, of_long);
	}
	free(uses);
	return rc;
}

int prefilter_new(const struct span *literals, size_t count, struct prefilter **ret_prefilter)
{
	struct prefilter *prefilter = calloc(1, sizeof(*prefilter));
	int rc;

	if (!prefilter)
		return -ENOMEM;
	rc = table_init(&prefilter->of_long, true, literals, count);
	if (rc == 0)
		rc = table_init(&prefilter->of_short, false, literals, count);
	if (rc < 0) {
		prefilter_free(prefilter);
		return rc;
	}
	*ret_prefilter = prefilter;
	return 0;
}

static void table_done(struct table *table)
{
	free(table->slots);
	free(table->filed);
}

void prefilter_free(struct prefilter *prefilter)
{
	if (!prefilter)
		return;
	table_done(&prefilter->of_long);
	table_done(&prefilter->of_short);
	free(prefilter);
}

static size_t table_get_size(const struct table *table)
{
	return (table->slot_mask + 1) * sizeof(*table->slots) + (table->count + 1) * sizeof(*table->filed);
}

size_t prefilter_get_size(const struct prefilter *prefilter)
{
	return sizeof(*prefilter) + table_get_size(&prefilter->of_long) + table_get_size(&prefilter->of_short);
}

/* ---- scanning ---- */

int hits_reserve(struct hits *hits, size_t size)
{
	uint32_t *numbers, *starts, *seen;

	if (size <= hits->size)
		return 0;
	numbers = calloc(size, sizeof(*numbers));
	starts = calloc(size, sizeof(*starts));
	seen = calloc(size, sizeof(*seen));
	if (!numbers || !starts || !seen) {
		free(numbers);
		free(starts);
		free(seen);
		return -ENOMEM;
	}
	hits_done(hits);
	*hits = (struct hits){ .numbers = numbers, .starts = starts, .seen = seen, .size = size };
	return 0;
}

void hits_done(struct hits *hits)
{
	free(hits->numbers);
	free(hits->starts);
	free(hits->seen);
	*hits = (struct hits){ .size = 0 };
}

static void hits_begin(struct hits *hits)
{
	hits->count = 0;
	if (++hits->stamp == 0) {
		memset(hits->seen, 0, hits->size * sizeof(*hits->seen));
		hits->stamp = 1;
	}
}

static void report(uint32_t number, size_t start, struct hits *hits)
{
	if (hits_has(hits, number))
		return;
	hits->seen[number] = hits->stamp;
	hits->starts[number] = (uint32_t)start;
	hits->numbers[hits->count++] = number;
}

static bool stands_at(const struct filed *filed, struct span text, size_t start)
{
	const char *here = text.ptr + start;
	size_t len = filed->len;

	return len <= text.len - start && here[0] == filed->first_byte && here[len - 1] == filed->last_byte &&
	       memcmp(here, filed->bytes, len) == 0;
}

/* The gram of some literals stands at `at`, or one that has the same hash. */
static __attribute__((noinline)) void look_closer(const struct table *table, uint32_t gram, struct span text, size_t at, struct hits *hits)
{
	uint32_t first = *find_slot(table, gram);

	if (first == 0)
		return;
	for (const struct filed *filed = &table->filed[first - 1], *end = table->filed + table->count; filed < end && filed->gram == gram; filed++) {
		if (filed->offset <= at && stands_at(filed, text, at - filed->offset))
			report(filed->number, at - filed->offset, hits);
	}
}

void prefilter_scan(const struct prefilter *prefilter, struct span text, struct hits *hits)
{
	const struct table *of_long = &prefilter->of_long, *of_short = &prefilter->of_short;
	size_t at = 0;

	hits_begin(hits);
	for (; at + GRAM_LONG <= text.len; at++) {
		uint32_t gram = gram_load_long(text.ptr + at), start = gram_load_short(text.ptr + at);
		if (bitmap_has(of_long->bitmap, hash_long(gram)))
			look_closer(of_long, gram, text, at, hits);
		if (bitmap_has(of_short->bitmap, start))
			look_closer(of_short, start, text, at, hits);
	}
	for (; at + GRAM_SHORT <= text.len; at++) {
		uint32_t start = gram_load_short(text.ptr + at);
		if (bitmap_has(of_short->bitmap, start))
			look_closer(of_short, start, text, at, hits);
	}
}
