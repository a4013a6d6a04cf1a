/* SPDX-License-Identifier: BSD-2-Clause */
/* Aho-Corasick over a compressed alphabet, rows of 16 or 32 bits.  Frozen after building; any thread. */
#include "classify/prefilter.h"

#include <errno.h>
#include <stdlib.h>

enum { BYTES = 256, NO_STATE = 0 };

/* The numbers of one state: outputs[from .. to). */
struct output {
	uint32_t number;
	uint32_t len;
};

struct prefilter {
	uint8_t column[BYTES]; /* of a byte; 0: in no literal */
	unsigned shift;        /* a row has 1 << shift cells */
	size_t state_count;
	uint32_t first_final; /* states from here on have outputs */
	uint16_t *narrow;     /* one of the two tables; a cell is the next state */
	uint32_t *wide;
	uint32_t *output_from; /* per final state, and one more */
	struct output *outputs;
};

/* While building: a trie with its fail links. */
struct trie {
	uint32_t *next; /* state << shift | column */
	uint32_t *fail, *order, *renumbered;
	uint32_t *entry_head;  /* per state: first entry that ends here, plus one */
	uint32_t *entry_next;  /* per entry: the next one of the same state, plus one */
	size_t count, capacity;
};

static struct span cut(struct span literal)
{
	return span_slice(literal, 0, PREFILTER_LITERAL_MAX);
}

static void choose_columns(struct prefilter *prefilter, const struct prefilter_entry *entries, size_t count)
{
	bool is_used[BYTES] = { false };
	unsigned columns = 1;

	for (size_t i = 0; i < count; i++) {
		struct span literal = cut(entries[i].literal);
		for (size_t j = 0; j < literal.len; j++)
			is_used[(unsigned char)literal.ptr[j]] = true;
	}
	for (unsigned byte = 0; byte < BYTES; byte++) {
		if (is_used[byte])
			prefilter->column[byte] = (uint8_t)columns++; /* at most 255: NUL is in no literal */
	}
	while (1u << prefilter->shift < columns)
		prefilter->shift++;
}

static int trie_init(struct trie *trie, const struct prefilter *prefilter, const struct prefilter_entry *entries, size_t count)
{
	trie->capacity = 1;
	for (size_t i = 0; i < count; i++)
		trie->capacity += cut(entries[i].literal).len;
	trie->count = 1;
	trie->next = calloc(trie->capacity << prefilter->shift, sizeof(*trie->next));
	trie->fail = calloc(trie->capacity, sizeof(*trie->fail));
	trie->order = calloc(trie->capacity, sizeof(*trie->order));
	trie->renumbered = calloc(trie->capacity, sizeof(*trie->renumbered));
	trie->entry_head = calloc(trie->capacity, sizeof(*trie->entry_head));
	trie->entry_next = calloc(count + 1, sizeof(*trie->entry_next));
	if (!trie->next || !trie->fail || !trie->order || !trie->renumbered || !trie->entry_head || !trie->entry_next)
		return -ENOMEM;
	return 0;
}

static void trie_done(struct trie *trie)
{
	free(trie->next);
	free(trie->fail);
	free(trie->order);
	free(trie->renumbered);
	free(trie->entry_head);
	free(trie->entry_next);
}

static void trie_add(struct trie *trie, const struct prefilter *prefilter, struct span literal, uint32_t entry)
{
	uint32_t state = 0;

	for (size_t i = 0; i < literal.len; i++) {
		uint32_t *cell = &trie->next[((size_t)state << prefilter->shift) + prefilter->column[(unsigned char)literal.ptr[i]]];
		if (*cell == NO_STATE)
			*cell = (uint32_t)trie->count++;
		state = *cell;
	}
	trie->entry_next[entry] = trie->entry_head[state];
	trie->entry_head[state] = entry + 1;
}

/* Breadth first: the fail links, and the cells that follow them. */
static void trie_link(struct trie *trie, const struct prefilter *prefilter)
{
	size_t width = (size_t)1 << prefilter->shift, head = 0, tail = 0;

	for (size_t column = 0; column < width; column++) {
		if (trie->next[column] != NO_STATE)
			trie->order[tail++] = trie->next[column];
	}
	while (head < tail) {
		uint32_t state = trie->order[head++];
		uint32_t *row = &trie->next[(size_t)state << prefilter->shift];
		const uint32_t *fail_row = &trie->next[(size_t)trie->fail[state] << prefilter->shift];
		for (size_t column = 0; column < width; column++) {
			if (row[column] == NO_STATE) {
				row[column] = fail_row[column];
				continue;
			}
			trie->fail[row[column]] = fail_row[column];
			trie->order[tail++] = row[column];
		}
	}
}

static bool trie_is_final(const struct trie *trie, uint32_t state)
{
	for (; state != 0; state = trie->fail[state]) {
		if (trie->entry_head[state])
			return true;
	}
	return false;
}

/* Final states get the highest numbers, so that the scan asks one comparison a byte. */
static void renumber(struct trie *trie, struct prefilter *prefilter)
{
	uint32_t number = 1;

	for (size_t i = 0; i + 1 < trie->count; i++) {
		if (!trie_is_final(trie, trie->order[i]))
			trie->renumbered[trie->order[i]] = number++;
	}
	prefilter->first_final = number;
	for (size_t i = 0; i + 1 < trie->count; i++) {
		if (trie_is_final(trie, trie->order[i]))
			trie->renumbered[trie->order[i]] = number++;
	}
	prefilter->state_count = trie->count;
}

static size_t collect_outputs(const struct trie *trie, const struct prefilter_entry *entries, uint32_t state, struct output *outputs)
{
	size_t count = 0;

	for (; state != 0; state = trie->fail[state]) {
		for (uint32_t entry = trie->entry_head[state]; entry; entry = trie->entry_next[entry - 1]) {
			if (outputs)
				outputs[count] = (struct output){ entries[entry - 1].number, (uint32_t)cut(entries[entry - 1].literal).len };
			count++;
		}
	}
	return count;
}

static int store_outputs(const struct trie *trie, struct prefilter *prefilter, const struct prefilter_entry *entries)
{
	size_t finals = prefilter->state_count - prefilter->first_final, total = 0, used = 0;

	for (size_t i = 0; i + 1 < trie->count; i++)
		total += collect_outputs(trie, entries, trie->order[i], NULL);
	prefilter->output_from = calloc(finals + 1, sizeof(*prefilter->output_from));
	prefilter->outputs = calloc(total + 1, sizeof(*prefilter->outputs));
	if (!prefilter->output_from || !prefilter->outputs)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < trie->count; i++) {
		uint32_t number = trie->renumbered[trie->order[i]];
		if (number < prefilter->first_final)
			continue;
		prefilter->output_from[number - prefilter->first_final] = (uint32_t)used;
		used += collect_outputs(trie, entries, trie->order[i], prefilter->outputs + used);
		prefilter->output_from[number - prefilter->first_final + 1] = (uint32_t)used;
	}
	return 0;
}

static int store_table(const struct trie *trie, struct prefilter *prefilter)
{
	size_t width = (size_t)1 << prefilter->shift, cells = prefilter->state_count << prefilter->shift;

	if (prefilter->state_count <= UINT16_MAX)
		prefilter->narrow = calloc(cells, sizeof(*prefilter->narrow));
	else
		prefilter->wide = calloc(cells, sizeof(*prefilter->wide));
	if (!prefilter->narrow && !prefilter->wide)
		return -ENOMEM;
	for (size_t state = 0; state < prefilter->state_count; state++) {
		size_t to = (size_t)trie->renumbered[state] << prefilter->shift;
		for (size_t column = 0; column < width; column++) {
			uint32_t next = trie->renumbered[trie->next[(state << prefilter->shift) + column]];
			if (prefilter->narrow)
				prefilter->narrow[to + column] = (uint16_t)next;
			else
				prefilter->wide[to + column] = next;
		}
	}
	return 0;
}

int prefilter_new(const struct prefilter_entry *entries, size_t count, struct prefilter **ret_prefilter)
{
	struct prefilter *prefilter = calloc(1, sizeof(*prefilter));
	struct trie trie = { .count = 0 };
	int rc;

	if (!prefilter)
		return -ENOMEM;
	choose_columns(prefilter, entries, count);
	rc = trie_init(&trie, prefilter, entries, count);
	if (rc == 0) {
		for (size_t i = 0; i < count; i++)
			trie_add(&trie, prefilter, cut(entries[i].literal), (uint32_t)i);
		trie_link(&trie, prefilter);
		renumber(&trie, prefilter);
		rc = store_table(&trie, prefilter);
	}
	if (rc == 0)
		rc = store_outputs(&trie, prefilter, entries);
	trie_done(&trie);
	if (rc < 0) {
		prefilter_free(prefilter);
		return rc;
	}
	*ret_prefilter = prefilter;
	return 0;
}

void prefilter_free(struct prefilter *prefilter)
{
	if (!prefilter)
		return;
	free(prefilter->narrow);
	free(prefilter->wide);
	free(prefilter->output_from);
	free(prefilter->outputs);
	free(prefilter);
}

size_t prefilter_get_size(const struct prefilter *prefilter)
{
	return prefilter->state_count * (prefilter->narrow ? sizeof(uint16_t) : sizeof(uint32_t)) << prefilter->shift;
}

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

static void report(const struct prefilter *prefilter, uint32_t state, size_t end, struct hits *hits)
{
	uint32_t final = state - prefilter->first_final;

	for (uint32_t i = prefilter->output_from[final]; i < prefilter->output_from[final + 1]; i++) {
		struct output output = prefilter->outputs[i];
		if (hits->seen[output.number] == hits->stamp)
			continue;
		hits->seen[output.number] = hits->stamp;
		hits->numbers[hits->count] = output.number;
		hits->starts[hits->count++] = (uint32_t)(end - output.len);
	}
}

void prefilter_scan(const struct prefilter *prefilter, struct span text, struct hits *hits)
{
	const uint8_t *column = prefilter->column;
	uint32_t state = 0;

	hits_begin(hits);
	for (size_t i = 0; i < text.len; i++) {
		size_t cell = ((size_t)state << prefilter->shift) + column[(unsigned char)text.ptr[i]];
		state = prefilter->narrow ? prefilter->narrow[cell] : prefilter->wide[cell];
		if (state >= prefilter->first_final)
			report(prefilter, state, i + 1, hits);
	}
}
