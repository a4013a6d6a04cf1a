/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building the indexes.  A test is filed under one of the sets of literals that it needs, the one that texts have least
 * often: the rules' own samples tell how often that is.  Loading only.
 */
#include "classify/index.h"

#include <errno.h>
#include <stdlib.h>

#include "classify/fold.h"

enum { SAMPLE_MAX = 4096 };

static int list_add(struct arena *arena, struct rule_list *list, size_t size, uint32_t number)
{
	if (!list->items)
		list->items = arena_alloc(arena, size * sizeof(*list->items));
	if (!list->items)
		return -ENOMEM;
	list->items[list->count++] = number;
	return 0;
}

/* Files a status rule under every subject that its ranges name. */
static int index_statuses(struct ruleset *ruleset, uint32_t number)
{
	const struct conditions *conditions = &ruleset->rules[number].conditions;
	bool is_filed[SUBJECTS] = { false };

	for (size_t i = 0; i < conditions->status_count; i++) {
		const struct status_range *range = &conditions->statuses[i];
		for (unsigned subject = 0; subject < SUBJECTS; subject++) {
			if (range->is_any_subject || subject == (range->subject < SUBJECTS - 1 ? range->subject : SUBJECTS - 1))
				is_filed[subject] = true;
		}
	}
	for (unsigned subject = 0; subject < SUBJECTS; subject++) {
		if (is_filed[subject] && list_add(ruleset->arena, &ruleset->by_subject[subject], ruleset->rule_count, number) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int index_codes(struct ruleset *ruleset)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ruleset->rule_count; i++) {
		if (ruleset->rules[i].basis == BASIS_STATUS)
			rc = index_statuses(ruleset, (uint32_t)i);
		else if (ruleset->rules[i].basis == BASIS_REPLY)
			rc = list_add(ruleset->arena, &ruleset->by_reply, ruleset->rule_count, (uint32_t)i);
	}
	return rc;
}

/* A literal on its way into the prefilter, and who needs it. */
struct entry {
	struct span literal;
	uint32_t test, need, number;
};

struct indexer {
	struct ruleset *ruleset;
	struct entry *entries;
	size_t count;
	struct span *literals;  /* by number */
	uint32_t *samples_with; /* by number: samples that have the literal */
};

static struct need get_need(const struct test *test, unsigned need)
{
	if (!test->pattern)
		return (struct need){ &test->literal, need == 0, 0 };
	return test->needs[need];
}

static int gather(struct indexer *indexer)
{
	struct ruleset *ruleset = indexer->ruleset;
	size_t size = 0;

	for (size_t i = 0; i < ruleset->test_count; i++) {
		for (unsigned need = 0; need < NEEDS; need++)
			size += get_need(&ruleset->tests[i], need).count;
	}
	indexer->entries = calloc(size + 1, sizeof(*indexer->entries));
	if (!indexer->entries)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset->test_count; i++) {
		for (unsigned need = 0; need < NEEDS; need++) {
			struct need wanted = get_need(&ruleset->tests[i], need);
			for (size_t j = 0; j < wanted.count; j++)
				indexer->entries[indexer->count++] = (struct entry){ wanted.items[j], (uint32_t)i, need, 0 };
		}
	}
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return span_compare(x->literal, y->literal);
}

/* Each literal once, by number. */
static int number_literals(struct indexer *indexer)
{
	struct ruleset *ruleset = indexer->ruleset;

	indexer->literals = calloc(indexer->count + 1, sizeof(*indexer->literals));
	if (!indexer->literals)
		return -ENOMEM;
	qsort(indexer->entries, indexer->count, sizeof(*indexer->entries), compare_entries);
	for (size_t i = 0; i < indexer->count; i++) {
		struct entry *entry = &indexer->entries[i];
		if (i == 0 || !span_is_equal(entry->literal, entry[-1].literal))
			indexer->literals[ruleset->literal_count++] = entry->literal;
		entry->number = (uint32_t)ruleset->literal_count - 1;
	}
	ruleset->uses = calloc(ruleset->literal_count + 1, sizeof(*ruleset->uses));
	indexer->samples_with = calloc(ruleset->literal_count + 1, sizeof(*indexer->samples_with));
	if (!ruleset->uses || !indexer->samples_with)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset->literal_count; i++)
		ruleset->uses[i].len = (uint32_t)indexer->literals[i].len;
	return 0;
}

static void count_in(const struct indexer *indexer, const struct samples *samples, struct hits *hits)
{
	char folded[SAMPLE_MAX];
	bool is_cut;

	for (size_t i = 0; i < samples->count; i++) {
		size_t len = fold_text(span_of(samples->items[i]), folded, sizeof(folded), &is_cut);
		prefilter_scan(indexer->ruleset->prefilter, span_make(folded, len), hits);
		for (size_t j = 0; j < hits->count; j++)
			indexer->samples_with[hits->numbers[j]]++;
	}
}

static int count_in_samples(const struct indexer *indexer)
{
	const struct ruleset *ruleset = indexer->ruleset;
	struct hits hits = { .size = 0 };

	if (hits_reserve(&hits, ruleset->literal_count + 1) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset->rule_count; i++) {
		count_in(indexer, &ruleset->rules[i].matches, &hits);
		count_in(indexer, &ruleset->rules[i].differs, &hits);
	}
	hits_done(&hits);
	return 0;
}

/* The needs of every test as numbers. */
static int set_wanted(struct indexer *indexer)
{
	struct ruleset *ruleset = indexer->ruleset;

	for (size_t i = 0; i < indexer->count; i++) {
		const struct entry *entry = &indexer->entries[i];
		struct test *test = &ruleset->tests[entry->test];
		struct wanted *wanted = &test->wanted[entry->need];
		uint32_t *numbers = (uint32_t *)(uintptr_t)wanted->numbers;
		if (!numbers) {
			numbers = arena_alloc(ruleset->arena, get_need(test, entry->need).count * sizeof(*numbers));
			if (!numbers)
				return -ENOMEM;
			*wanted = (struct wanted){ .numbers = numbers, .reach = (uint32_t)get_need(test, entry->need).reach };
		}
		numbers[wanted->count++] = entry->number;
		if (entry->need >= test->wanted_count)
			test->wanted_count = entry->need + 1;
	}
	return 0;
}

static uint64_t get_commonness(const struct indexer *indexer, const struct wanted *wanted)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < wanted->count; i++)
		sum += indexer->samples_with[wanted->numbers[i]];
	return sum;
}

/* Puts the rarest of the test's needs first: that is the key. */
static struct wanted choose_key(const struct indexer *indexer, struct test *test)
{
	unsigned best = 0;
	struct wanted key;

	for (unsigned i = 1; i < test->wanted_count; i++) {
		if (get_commonness(indexer, &test->wanted[i]) < get_commonness(indexer, &test->wanted[best]))
			best = i;
	}
	key = test->wanted[best];
	test->wanted[best] = test->wanted[0];
	test->wanted[0] = key;
	return key;
}

/* What a literal says by itself: whose signature it is (of two, whose name comes first), or our own mark. */
static bool use_alone(struct ruleset *ruleset, const struct test *test, struct literal_use *use)
{
	const char *const *names = ruleset->providers.names;

	use->is_mark |= test->kind == TEST_MARK;
	if (test->kind == TEST_SIGNATURE && (use->provider == PROVIDER_NONE || strcmp(names[test->rule], names[use->provider]) < 0))
		use->provider = (uint16_t)test->rule;
	return test->kind == TEST_MARK || test->kind == TEST_SIGNATURE;
}

/* A test under a literal: sorted, these are the index. */
struct filing {
	uint32_t number;
	bool is_word;
	uint32_t test;
};

static int compare_filings(const void *a, const void *b)
{
	const struct filing *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->is_word != y->is_word)
		return x->is_word ? 1 : -1;
	return (x->test > y->test) - (x->test < y->test);
}

static size_t make_filings(const struct indexer *indexer, struct filing *filings)
{
	struct ruleset *ruleset = indexer->ruleset;
	size_t count = 0;

	for (size_t i = 0; i < ruleset->test_count; i++) {
		struct test *test = &ruleset->tests[i];
		struct wanted key;
		if (test->wanted_count == 0)
			continue;
		key = choose_key(indexer, test);
		if (use_alone(ruleset, test, &ruleset->uses[key.numbers[0]]))
			continue;
		test->is_filed_often = key.count > 1;
		for (uint32_t j = 0; j < key.count; j++)
			filings[count++] = (struct filing){ key.numbers[j], test->kind == TEST_WORD, (uint32_t)i };
	}
	return count;
}

static int file_tests(struct indexer *indexer)
{
	struct ruleset *ruleset = indexer->ruleset;
	struct filing *filings = calloc(indexer->count + 1, sizeof(*filings));
	size_t count = filings ? make_filings(indexer, filings) : 0, at = 0;

	ruleset->filed = calloc(count + 1, sizeof(*ruleset->filed));
	if (!filings || !ruleset->filed) {
		free(filings);
		return -ENOMEM;
	}
	qsort(filings, count, sizeof(*filings), compare_filings);
	for (uint32_t number = 0; number < ruleset->literal_count; number++) {
		struct literal_use *use = &ruleset->uses[number];
		use->texts_at = (uint32_t)at;
		for (; at < count && filings[at].number == number && !filings[at].is_word; at++)
			ruleset->filed[at] = filings[at].test;
		use->words_at = (uint32_t)at;
		for (; at < count && filings[at].number == number; at++)
			ruleset->filed[at] = filings[at].test;
		use->end = (uint32_t)at;
	}
	free(filings);
	return 0;
}

static int index_unfiled(struct ruleset *ruleset)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ruleset->test_count; i++) {
		if (get_need(&ruleset->tests[i], 0).count == 0)
			rc = list_add(ruleset->arena, &ruleset->always, ruleset->test_count, (uint32_t)i);
	}
	return rc;
}

static int index_tests(struct indexer *indexer)
{
	struct ruleset *ruleset = indexer->ruleset;
	int rc = gather(indexer);

	if (rc == 0)
		rc = number_literals(indexer);
	if (rc == 0)
		rc = prefilter_new(indexer->literals, ruleset->literal_count, &ruleset->prefilter);
	if (rc == 0)
		rc = count_in_samples(indexer);
	if (rc == 0)
		rc = set_wanted(indexer);
	if (rc == 0)
		rc = file_tests(indexer);
	return rc == 0 ? index_unfiled(ruleset) : rc;
}

int index_build(struct ruleset *ruleset)
{
	struct indexer indexer = { .ruleset = ruleset };
	int rc = index_codes(ruleset);

	if (rc == 0)
		rc = index_tests(&indexer);
	free(indexer.entries);
	free(indexer.literals);
	free(indexer.samples_with);
	return rc;
}
