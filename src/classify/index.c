/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building the indexes.  A test is filed under one of the sets of literals that it needs, and each literal under one of
 * its grams: those that texts have least often.  The rules' own samples tell how often that is.  Loading only.
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
		else if (ruleset->rules[i].instead_of != CLASS_COUNT)
			rc = list_add(ruleset->arena, &ruleset->instead, ruleset->rule_count, (uint32_t)i);
	}
	return rc;
}

/* Where in its group a test goes. */
enum rubric { RUBRIC_SIGNATURE, RUBRIC_TEXT, RUBRIC_WORD };

/* On its way into the index. */
struct filing {
	uint32_t gram;
	enum rubric rubric;
	struct filed filed;
};

struct indexer {
	struct ruleset *ruleset;
	uint32_t *common; /* by a gram's hash: how often it stands in samples and literals */
	struct filing *filings;
	size_t count, size;
	size_t others_count, others_size;
};

/* ---- how common ---- */

static void count_long_grams(const struct indexer *indexer, struct span text, uint32_t weight)
{
	for (size_t at = 0; at + GRAM_MAX <= text.len; at++)
		indexer->common[gram_hash(gram_make(text.ptr + at, GRAM_MAX))] += weight;
}

static void count_samples(const struct indexer *indexer, const struct samples *samples)
{
	enum { WEIGHT = 16 }; /* what texts have counts; among equals, what other tests are not filed under */
	char folded[SAMPLE_MAX], words[2 * SAMPLE_MAX];
	bool is_cut;

	for (size_t i = 0; i < samples->count; i++) {
		size_t len = fold_text(span_of(samples->items[i]), folded, sizeof(folded), &is_cut);
		count_long_grams(indexer, span_make(words, fold_words(span_make(folded, len), words)), WEIGHT);
	}
}

static struct need get_need(const struct ruleset *ruleset, size_t number, unsigned need)
{
	return ruleset->needs[number].items[need];
}

static void count_grams(const struct indexer *indexer)
{
	const struct ruleset *ruleset = indexer->ruleset;

	for (size_t i = 0; i < ruleset->rule_count; i++) {
		count_samples(indexer, &ruleset->rules[i].matches);
		count_samples(indexer, &ruleset->rules[i].differs);
	}
	for (size_t i = 0; i < ruleset->test_count; i++) {
		struct need need = get_need(ruleset, i, 0);
		for (size_t j = 0; j < need.count; j++)
			count_long_grams(indexer, need.items[j], 1);
	}
}

static uint32_t get_commonness(const struct indexer *indexer, struct span literal, size_t at)
{
	return indexer->common[gram_hash(gram_make(literal.ptr + at, GRAM_MAX))];
}

static bool is_end(struct span literal)
{
	return literal.ptr[literal.len - 1] == FOLD_END;
}

/* Where the literal's rarest gram begins; not that of a text's end, if there is another: its place in the text is none. */
static size_t choose_offset(const struct indexer *indexer, struct span literal)
{
	size_t best = 0, last = literal.len - GRAM_MAX;

	last -= last > 0 && is_end(literal);
	for (size_t at = 1; at <= last; at++) {
		if (get_commonness(indexer, literal, at) < get_commonness(indexer, literal, best))
			best = at;
	}
	return best;
}

/* ---- what is needed ---- */

static size_t get_gram_len(struct span literal)
{
	return literal.len < GRAM_MAX ? literal.len : GRAM_MAX;
}

/* Two marks of a literal, as far from each other and from its gram at `except` (SIZE_MAX: none) as may be. */
static void choose_marks(struct span literal, size_t except, uint16_t marks[static 2])
{
	size_t len = get_gram_len(literal), last = literal.len - len;
	size_t places[] = { except == 0 ? last / 2 : 0, except == last ? last / 2 : last };

	for (unsigned i = 0; i < 2; i++)
		marks[i] = places[i] == except ? MARK_ALWAYS : gram_get_mark(gram_make(literal.ptr + places[i], len), len);
}

static int add_other(struct indexer *indexer, uint16_t value)
{
	struct ruleset *ruleset = indexer->ruleset;

	if (indexer->others_count == indexer->others_size) {
		size_t size = indexer->others_size ? indexer->others_size * 2 : 4096;
		uint16_t *grown = realloc(ruleset->others, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		ruleset->others = grown;
		indexer->others_size = size;
	}
	ruleset->others[indexer->others_count++] = value;
	return 0;
}

static int add_other_need(struct indexer *indexer, const struct need *need)
{
	int rc = add_other(indexer, (uint16_t)need->count);

	for (size_t i = 0; rc == 0 && i < need->count; i++) {
		uint16_t marks[2];
		choose_marks(need->items[i], SIZE_MAX, marks);
		rc = add_other(indexer, marks[0]);
		if (rc == 0)
			rc = add_other(indexer, marks[1]);
	}
	return rc;
}

/* All that a test needs besides `key`: *ret_others as in struct filed. */
static int add_others(struct indexer *indexer, size_t number, unsigned key, uint32_t *ret_others)
{
	size_t start = indexer->others_count;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < NEEDS; i++) {
		struct need need = get_need(indexer->ruleset, number, i);
		if (i != key && need.count > 0)
			rc = add_other_need(indexer, &need);
	}
	*ret_others = indexer->others_count > start ? (uint32_t)start : 0;
	return rc == 0 && *ret_others ? add_other(indexer, 0) : rc;
}

/* How many texts have one of the literals, about; of short ones every text may. */
static uint64_t get_need_commonness(const struct indexer *indexer, const struct need *need)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < need->count; i++) {
		struct span literal = need->items[i];
		sum += literal.len < GRAM_MAX ? UINT32_MAX : get_commonness(indexer, literal, choose_offset(indexer, literal));
	}
	return sum;
}

static unsigned choose_key(const struct indexer *indexer, size_t number)
{
	unsigned best = 0;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < NEEDS; i++) {
		struct need need = get_need(indexer->ruleset, number, i);
		uint64_t common = need.count ? get_need_commonness(indexer, &need) : UINT64_MAX;
		if (common < least) {
			least = common;
			best = i;
		}
	}
	return best;
}

/* ---- filing ---- */

static uint16_t add_lengths(size_t a, size_t b)
{
	return a < LITERAL_FAR && a + b < BEFORE_UNKNOWN ? (uint16_t)(a + b) : BEFORE_UNKNOWN;
}

static void file_literal(struct indexer *indexer, struct span literal, size_t reach, enum rubric rubric, struct filed filed)
{
	size_t len = get_gram_len(literal), offset = len == GRAM_MAX ? choose_offset(indexer, literal) : 0;

	choose_marks(literal, offset, filed.marks);
	filed.before = is_end(literal) && offset + len == literal.len ? BEFORE_UNKNOWN : add_lengths(reach, offset);
	indexer->filings[indexer->count++] = (struct filing){ gram_make(literal.ptr + offset, len), rubric, filed };
}

static enum rubric get_rubric(enum test_kind kind)
{
	if (kind == TEST_SIGNATURE || kind == TEST_MARK)
		return RUBRIC_SIGNATURE;
	return kind == TEST_WORD ? RUBRIC_WORD : RUBRIC_TEXT;
}

static int make_room(struct indexer *indexer, size_t count)
{
	if (indexer->count + count > indexer->size) {
		size_t size = (indexer->count + count) * 2;
		struct filing *grown = realloc(indexer->filings, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		indexer->filings = grown;
		indexer->size = size;
	}
	return 0;
}

static int file_test(struct indexer *indexer, size_t number)
{
	struct ruleset *ruleset = indexer->ruleset;
	const struct test *test = &ruleset->tests[number];
	enum rubric rubric = get_rubric(test->kind);
	unsigned key = choose_key(indexer, number);
	struct need need = get_need(ruleset, number, key);
	struct filed filed = { .test = (uint32_t)number };

	if (rubric != RUBRIC_SIGNATURE) {
		filed.provider = ruleset->rules[test->rule].provider;
		filed.is_sign = ruleset->rules[test->rule].is_sign;
	}
	if (need.count == 0)
		return list_add(ruleset->arena, &ruleset->always, ruleset->test_count, (uint32_t)number);
	if (add_others(indexer, number, key, &filed.others) < 0 || make_room(indexer, need.count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < need.count; i++)
		file_literal(indexer, need.items[i], need.reach, rubric, filed);
	return 0;
}

enum { PLACE_BITS = 30 };

/* How filings are sorted: by gram, by rubric, and as they came, which is by test. */
static uint64_t make_sort_key(const struct filing *filing, size_t place)
{
	return (uint64_t)filing->gram << 32 | (uint64_t)filing->rubric << PLACE_BITS | place;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The filings, in the order of the sorted keys: `grams` gets each once. */
static void make_groups(struct indexer *indexer, const uint64_t *keys, uint32_t *grams)
{
	struct ruleset *ruleset = indexer->ruleset;

	for (size_t i = 0; i < indexer->count; i++) {
		const struct filing *filing = &indexer->filings[keys[i] & ((1u << PLACE_BITS) - 1)];
		struct group *group = &ruleset->groups[ruleset->group_count];
		if (i == 0 || keys[i] >> 32 != keys[i - 1] >> 32) {
			group = &ruleset->groups[ruleset->group_count++];
			*group = (struct group){ (uint32_t)i, (uint32_t)i, (uint32_t)i, (uint32_t)i };
			grams[ruleset->group_count - 1] = filing->gram;
		} else {
			group--;
		}
		ruleset->filed[i] = filing->filed;
		group->texts_at += filing->rubric == RUBRIC_SIGNATURE;
		group->words_at += filing->rubric <= RUBRIC_TEXT;
		group->end++;
	}
}

static int group_filings(struct indexer *indexer)
{
	struct ruleset *ruleset = indexer->ruleset;
	uint32_t *grams = calloc(indexer->count + 1, sizeof(*grams));
	uint64_t *keys = calloc(indexer->count + 1, sizeof(*keys));
	int rc = -ENOMEM;

	ruleset->groups = calloc(indexer->count + 1, sizeof(*ruleset->groups));
	ruleset->filed = calloc(indexer->count + 1, sizeof(*ruleset->filed));
	if (grams && keys && ruleset->groups && ruleset->filed) {
		for (size_t i = 0; i < indexer->count; i++)
			keys[i] = make_sort_key(&indexer->filings[i], i);
		qsort(keys, indexer->count, sizeof(*keys), compare_keys);
		make_groups(indexer, keys, grams);
		rc = prefilter_new(grams, ruleset->group_count, &ruleset->prefilter);
	}
	free(grams);
	free(keys);
	return rc;
}

static int index_tests(struct indexer *indexer)
{
	int rc = add_other(indexer, 0); /* so that no test has its others at 0 */

	count_grams(indexer);
	for (size_t i = 0; rc == 0 && i < indexer->ruleset->test_count; i++)
		rc = file_test(indexer, i);
	return rc == 0 ? group_filings(indexer) : rc;
}

static int index_tags(struct ruleset *ruleset)
{
	size_t size = 256, count = 0;

	for (size_t i = 0; i < ruleset->test_count; i++)
		count += ruleset->tests[i].kind == TEST_TAG;
	while (size < 2 * count)
		size *= 2;
	ruleset->tags = arena_alloc(ruleset->arena, size * sizeof(*ruleset->tags));
	if (!ruleset->tags)
		return -ENOMEM;
	ruleset->tag_size = size;
	for (size_t i = 0; i < ruleset->test_count; i++) {
		size_t at = hash_word(ruleset->tests[i].text) & (size - 1);
		if (ruleset->tests[i].kind != TEST_TAG)
			continue;
		while (ruleset->tags[at])
			at = (at + 1) & (size - 1);
		ruleset->tags[at] = (uint32_t)i + 1;
	}
	return 0;
}

bool ruleset_has_tag(const struct ruleset *ruleset, struct span word)
{
	size_t at = hash_word(word) & (ruleset->tag_size - 1);

	for (; ruleset->tags[at]; at = (at + 1) & (ruleset->tag_size - 1))
		if (span_is_equal_nocase(ruleset->tests[ruleset->tags[at] - 1].text, word))
			return true;
	return false;
}

int index_build(struct ruleset *ruleset)
{
	struct indexer indexer = { .ruleset = ruleset, .common = calloc(1 << GRAM_HASH_BITS, sizeof(*indexer.common)) };
	int rc = indexer.common ? index_codes(ruleset) : -ENOMEM;

	if (rc == 0)
		rc = index_tags(ruleset);
	if (rc == 0)
		rc = index_tests(&indexer);
	free(indexer.common);
	free(indexer.filings);
	free(ruleset->needs);
	ruleset->needs = NULL;
	return rc;
}
