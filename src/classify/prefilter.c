/* SPDX-License-Identifier: BSD-2-Clause */
/* Literals by their rarest gram.  Frozen after building; any thread. */
#include "classify/prefilter.h"

#include <errno.h>
#include <stdlib.h>

enum { GRAM_MAX = 4, BITMAP_BITS = 16, BITMAP_WORDS = (1 << BITMAP_BITS) / 64, NO_SLOT = UINT32_MAX };

/* A literal, known by the gram at `offset`: numbers[first .. first + count). */
struct filed {
	struct span literal;
	uint32_t offset;
	uint32_t first, count;
	char first_byte, last_byte; /* of the literal: they tell most apart without a look at it */
};

/* All literals that are known by one gram: filed[first .. first + count). */
struct slot {
	uint32_t gram;
	uint32_t first, count; /* count 0: free */
};

/* The literals whose grams have one length. */
struct table {
	uint64_t bitmap[BITMAP_WORDS];
	struct slot *slots;
	uint32_t slot_mask;
	struct filed *filed;
	size_t count;
};

struct prefilter {
	struct table *tables[GRAM_MAX + 1]; /* by gram length; NULL where there are none */
	struct filed *literals;             /* each once, sorted; the tables have copies */
	uint32_t *numbers;
	size_t literal_count, number_count;
};

static inline uint32_t gram_load(const char *bytes, unsigned len)
{
	const unsigned char *b = (const unsigned char *)bytes;

	switch (len) {
	case 2:
		return (uint32_t)b[0] | (uint32_t)b[1] << 8;
	case 3:
		return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
	default: {
		uint32_t gram;
		memcpy(&gram, bytes, sizeof(gram));
		return gram;
	}
	}
}

static inline uint32_t gram_hash(uint32_t gram)
{
	return gram * 2654435761u >> (32 - BITMAP_BITS);
}

static unsigned gram_len_of(struct span literal)
{
	return literal.len < GRAM_MAX ? (unsigned)literal.len : GRAM_MAX;
}

/* ---- building ---- */

/* How often each gram (by its hash) stands in the literals: the rarer, the better it tells them apart. */
static void count_grams(const struct prefilter *prefilter, uint32_t *uses)
{
	for (size_t i = 0; i < prefilter->literal_count; i++) {
		struct span literal = prefilter->literals[i].literal;
		unsigned len = gram_len_of(literal);
		for (size_t at = 0; at + len <= literal.len; at++)
			uses[gram_hash(gram_load(literal.ptr + at, len))]++;
	}
}

static uint32_t choose_offset(struct span literal, const uint32_t *uses)
{
	unsigned len = gram_len_of(literal);
	uint32_t best = 0, best_uses = UINT32_MAX;

	for (uint32_t at = 0; at + len <= literal.len; at++) {
		uint32_t here = uses[gram_hash(gram_load(literal.ptr + at, len))];
		if (here < best_uses) {
			best_uses = here;
			best = at;
		}
	}
	return best;
}

static uint32_t filed_get_gram(const struct filed *filed)
{
	return gram_load(filed->literal.ptr + filed->offset, gram_len_of(filed->literal));
}

static int compare_filed(const void *a, const void *b)
{
	uint32_t gram_a = filed_get_gram(a), gram_b = filed_get_gram(b);

	return (gram_a > gram_b) - (gram_a < gram_b);
}

static struct slot *find_slot(const struct table *table, uint32_t gram)
{
	uint32_t at = gram * 2246822519u >> 7 & table->slot_mask;

	while (table->slots[at].count > 0 && table->slots[at].gram != gram)
		at = (at + 1) & table->slot_mask;
	return &table->slots[at];
}

static int table_fill(struct table *table)
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
		uint32_t gram = filed_get_gram(&table->filed[i]), hash = gram_hash(gram);
		struct slot *slot = find_slot(table, gram);
		if (slot->count == 0)
			*slot = (struct slot){ .gram = gram, .first = (uint32_t)i };
		slot->count++;
		table->bitmap[hash / 64] |= (uint64_t)1 << hash % 64;
	}
	return 0;
}

static int table_new(unsigned gram_len, const struct prefilter *prefilter, const uint32_t *uses, struct table **ret_table)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	*ret_table = table; /* the prefilter frees it, whatever happens */
	table->filed = calloc(prefilter->literal_count + 1, sizeof(*table->filed));
	if (!table->filed)
		return -ENOMEM;
	for (size_t i = 0; i < prefilter->literal_count; i++) {
		struct filed filed = prefilter->literals[i];
		if (gram_len_of(filed.literal) != gram_len)
			continue;
		filed.offset = choose_offset(filed.literal, uses);
		table->filed[table->count++] = filed;
	}
	return table_fill(table);
}

static int compare_entries(const void *a, const void *b)
{
	const struct prefilter_entry *x = a, *y = b;

	return span_compare(x->literal, y->literal);
}

static struct filed filed_make(struct span literal, uint32_t first)
{
	return (struct filed){ .literal = literal, .first = first, .first_byte = literal.ptr[0],
			       .last_byte = literal.ptr[literal.len - 1] };
}

/* Each literal once, with all its numbers. */
static int gather(struct prefilter *prefilter, const struct prefilter_entry *entries, size_t count)
{
	struct prefilter_entry *sorted = calloc(count + 1, sizeof(*sorted));

	prefilter->literals = calloc(count + 1, sizeof(*prefilter->literals));
	prefilter->numbers = calloc(count + 1, sizeof(*prefilter->numbers));
	if (!sorted || !prefilter->literals || !prefilter->numbers) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = entries[i];
	qsort(sorted, count, sizeof(*sorted), compare_entries);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !span_is_equal(sorted[i].literal, sorted[i - 1].literal))
			prefilter->literals[prefilter->literal_count++] =
				filed_make(sorted[i].literal, (uint32_t)i);
		prefilter->literals[prefilter->literal_count - 1].count++;
		prefilter->numbers[prefilter->number_count++] = sorted[i].number;
	}
	free(sorted);
	return 0;
}

int prefilter_new(const struct prefilter_entry *entries, size_t count, struct prefilter **ret_prefilter)
{
	struct prefilter *prefilter = calloc(1, sizeof(*prefilter));
	uint32_t *uses = calloc(1 << BITMAP_BITS, sizeof(*uses));
	size_t of_len[GRAM_MAX + 1] = { 0 };
	int rc = prefilter && uses ? gather(prefilter, entries, count) : -ENOMEM;

	for (size_t i = 0; i < count; i++)
		of_len[gram_len_of(entries[i].literal)]++;
	if (rc == 0)
		count_grams(prefilter, uses);
	for (unsigned len = PREFILTER_LITERAL_MIN; rc == 0 && len <= GRAM_MAX; len++) {
		if (of_len[len] > 0)
			rc = table_new(len, prefilter, uses, &prefilter->tables[len]);
	}
	free(uses);
	if (rc < 0) {
		prefilter_free(prefilter);
		return rc;
	}
	*ret_prefilter = prefilter;
	return 0;
}

static void table_free(struct table *table)
{
	if (!table)
		return;
	free(table->slots);
	free(table->filed);
	free(table);
}

void prefilter_free(struct prefilter *prefilter)
{
	if (!prefilter)
		return;
	for (unsigned len = 0; len <= GRAM_MAX; len++)
		table_free(prefilter->tables[len]);
	free(prefilter->literals);
	free(prefilter->numbers);
	free(prefilter);
}

size_t prefilter_get_size(const struct prefilter *prefilter)
{
	size_t size = sizeof(*prefilter) + prefilter->number_count * sizeof(*prefilter->numbers);

	for (unsigned len = 0; len <= GRAM_MAX; len++) {
		const struct table *table = prefilter->tables[len];
		if (table)
			size += sizeof(*table) + (table->slot_mask + 1) * sizeof(*table->slots) + table->count * sizeof(*table->filed);
	}
	return size;
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

static void report(const struct prefilter *prefilter, const struct filed *filed, size_t start, struct hits *hits)
{
	for (uint32_t i = filed->first; i < filed->first + filed->count; i++) {
		uint32_t number = prefilter->numbers[i];
		if (hits_has(hits, number))
			continue;
		hits->seen[number] = hits->stamp;
		hits->numbers[hits->count] = number;
		hits->starts[hits->count++] = (uint32_t)start;
	}
}

static bool stands_at(const struct filed *filed, struct span text, size_t start)
{
	const char *here = text.ptr + start;
	size_t len = filed->literal.len;

	return len <= text.len - start && here[0] == filed->first_byte && here[len - 1] == filed->last_byte &&
	       memcmp(here, filed->literal.ptr, len) == 0;
}

/* The gram of some literals stands at `at`, or one that has the same hash. */
static void look_closer(const struct prefilter *prefilter, const struct table *table, uint32_t gram, struct span text, size_t at, struct hits *hits)
{
	const struct slot *slot = find_slot(table, gram);

	for (uint32_t i = 0; i < slot->count; i++) {
		const struct filed *filed = &table->filed[slot->first + i];
		if (filed->offset <= at && stands_at(filed, text, at - filed->offset))
			report(prefilter, filed, at - filed->offset, hits);
	}
}

/* May a gram of the table, `len` bytes long, stand here? */
static inline bool has_gram(const struct table *table, uint32_t gram)
{
	uint32_t hash = gram_hash(gram);

	return table && (table->bitmap[hash / 64] >> hash % 64 & 1);
}

/* The longest grams tell most and are most: their loop stands alone. */
static void scan_long(const struct prefilter *prefilter, struct span text, struct hits *hits)
{
	const struct table *table = prefilter->tables[GRAM_MAX];

	for (size_t at = 0; table && at + GRAM_MAX <= text.len; at++) {
		uint32_t gram = gram_load(text.ptr + at, GRAM_MAX);
		if (has_gram(table, gram))
			look_closer(prefilter, table, gram, text, at, hits);
	}
}

static void scan_short(const struct prefilter *prefilter, struct span text, struct hits *hits)
{
	const struct table *three = prefilter->tables[3], *two = prefilter->tables[2];

	if (!three && !two)
		return;
	for (size_t at = 0; at + 2 <= text.len; at++) {
		uint32_t gram = gram_load(text.ptr + at, 2);
		if (has_gram(two, gram))
			look_closer(prefilter, two, gram, text, at, hits);
		if (at + 3 > text.len)
			break;
		gram |= (uint32_t)(unsigned char)text.ptr[at + 2] << 16;
		if (has_gram(three, gram))
			look_closer(prefilter, three, gram, text, at, hits);
	}
}

void prefilter_scan(const struct prefilter *prefilter, struct span text, struct hits *hits)
{
	hits_begin(hits);
	scan_long(prefilter, text, hits);
	scan_short(prefilter, text, hits);
}
