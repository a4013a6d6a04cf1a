/* SPDX-License-Identifier: BSD-2-Clause */
/* Folding, the literals that patterns need, their alternatives, and the filter in front of them. */
#include "rules_fixture.h"

#include <unicase.h>

#include "base/utf8.h"
#include "classify/alternative.h"
#include "classify/fold.h"
#include "classify/pattern.h"
#include "classify/prefilter.h"

static const char *const folds[][2] = {
	{ "", "" },
	{ "  A \t\r\n b  ", "a b" },
	{ "No Such\0User", "no such" },
	{ "it\xe2\x80\x99s \xe2\x80\x9cgone\xe2\x80\x9d \xe2\x80\x93 \xe2\x80\x94", "it's \"gone\" - -" },
	{ "a\xc2\xa0\xe3\x80\x80 b", "a b" },
	{ "\xff\xfe bad", "\xef\xbf\xbd\xef\xbf\xbd bad" },
	{ "\xc0\xaf\xed\xa0\x80", NULL },
	{ "\xd0\x9f\xd0\x9e\xd0\xa7\xd0\xa2\xd0\x90", "\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0" },
	{ "\xe2\x84\xaa\xc5\xbf", "ks" },
	{ "\xe5\xae\x9b\xe5\x85\x88 OK", "\xe5\xae\x9b\xe5\x85\x88 ok" },
	{ "a\x01\x7f" "b", "a b" },
};

static void test_folding(void **state)
{
	char out[128];
	bool is_cut;

	(void)state;
	for (size_t i = 0; i < sizeof(folds) / sizeof(*folds); i++) {
		size_t len = fold_text(span_of(folds[i][0]), out, sizeof(out), &is_cut);
		assert_false(is_cut);
		assert_true(utf8_is_valid(span_make(out, len)));
		if (folds[i][1] && !span_is_equal(span_make(out, len), span_of(folds[i][1])))
			fail_msg("%zu: '%s' folds to '%.*s'", i, folds[i][0], (int)len, out);
	}
	assert_int_equal(fold_text(SPAN_LIT("x\0y"), out, sizeof(out), &is_cut), 3);
	assert_memory_equal(out, "x y", 3);
}

/* Where PCRE2 sees the boundary of a word, there is a blank on one side, or an end. */
static void test_words(void **state)
{
	static const char *const cases[][2] = {
		{ "user-unknown: 5.1.1 <a_b@example.com>", "user unknown  5 1 1  a_b example com " },
		{ "eight by eight.", "eight by eight " },
		{ "\u5b9b\u5148taro\u306f\u4e0d\u660e.", "\u5b9b\u5148 taro \u306f\u4e0d\u660e " },
		{ "123456\u00e9 (x)", "123456 \u00e9  x " },
		{ "\1gone\1\2", " gone \2" },
		{ "\1sixteen letters.\1\2", " sixteen letters  \2" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[128];
		size_t len = fold_words(span_of(cases[i][0]), words);
		if (!span_is_equal(span_make(words, len), span_of(cases[i][1])))
			fail_msg("'%s': '%.*s'", cases[i][0], (int)len, words);
	}
}

static void test_folding_is_cut_between_characters(void **state)
{
	char out[8];
	bool is_cut;

	(void)state;
	assert_int_equal(fold_text(SPAN_LIT("abcdef\xe5\xae\x9b"), out, sizeof(out), &is_cut), 6);
	assert_true(is_cut);
	assert_int_equal(fold_text(SPAN_LIT("abcdefgh"), out, sizeof(out), &is_cut), 8);
	assert_false(is_cut);
}

static bool is_cased(uint32_t c)
{
	return uc_tolower(c) != c || uc_toupper(c) != c;
}

static struct pattern *compile(struct span text, struct arena *arena, struct literals *literals)
{
	struct pattern *pattern = NULL;
	char reason[PATTERN_REASON_SIZE] = "";

	if (pattern_new(text, true, arena, literals, &pattern, reason) < 0)
		fail_msg("%.*s: %s", SPAN_ARG(text), reason);
	return pattern;
}

/*
 * The promise of fold.h: what PCRE2 takes for equal without regard to case folds to one character, so that no match
 * is lost by looking for folded literals.  All letters that have a case, each against all of them.
 */
static void test_what_pcre2_takes_for_equal_folds_to_the_same(void **state)
{
	struct buffer cased;
	struct arena *arena = arena_new(0);
	struct matcher *matcher = matcher_new();
	unsigned found = 0;

	(void)state;
	assert_non_null(arena);
	assert_non_null(matcher);
	buffer_init(&cased, 1 << 20);
	for (uint32_t c = 'A'; c < 0x1F000; c++) {
		char bytes[4];
		if (is_cased(c))
			buffer_add(&cased, span_make(bytes, utf8_put(c, bytes)));
	}
	for (uint32_t c = 'A'; c < 0x1F000; c++) {
		char bytes[4], folded[FOLD_CHAR_SIZE];
		size_t len = utf8_put(c, bytes), from, to, folded_len = fold_char(c, folded);
		struct literals literals;
		struct pattern *pattern;
		if (!is_cased(c))
			continue;
		pattern = compile(span_make(bytes, len), arena, &literals);
		for (size_t at = 0; pattern_find(pattern, matcher, buffer_get(&cased), at, &from, &to) == PATTERN_FOUND; at = to) {
			uint32_t other;
			char other_folded[FOLD_CHAR_SIZE];
			assert_int_equal(utf8_decode(span_slice(buffer_get(&cased), from, to), &other), to - from);
			if (fold_char(other, other_folded) != folded_len || memcmp(folded, other_folded, folded_len) != 0)
				fail_msg("U+%04X matches U+%04X, and folds otherwise", c, other);
			found += other != c;
		}
		pattern_free(pattern);
		arena_reset(arena);
	}
	assert_true(found > 2000);
	buffer_done(&cased);
	matcher_free(matcher);
	arena_free(arena);
}

/* The first need of a pattern, its strings in a row, boundaries of words "~", the end of the text "$"; "" where nothing is known. */
static const struct {
	const char *pattern, *need, *second;
	size_t exact_count;
} needs[] = {
	{ "no such user", "no such user", "", 1 },
	{ "No Such User", "no such user", "", 1 },
	{ "\\bno such user\\b", "~no such user~", "", 1 },
	{ "\\b(?:ham|eggs\\w) .{0,9}\\bspam(?![\\w-])", "~spam~", "~ham|~eggs", 0 },
	{ "(?<!of )\\buser\\b: \\bunknown", "~user: unknown", "", 0 },
	{ "(?<![\\w.])tls(?!x)", "~tls", "", 0 },
	{ "^(?:mail|message)\\W*$", "~mail~$|~message~$", "", 0 },
	{ "(?:^|- )gone (?:off|away)\\)?$", "~gone off~$|~gone away~$|- gone off~$|- gone away~$", "", 0 },
	{ "\\b, \\bor\\b: \\(", ", or: (", "", 0 },
	{ "wouldn\\x27t", "wouldn't", "", 1 },
	{ "no such (?:user|mailbox) here", "no such user here|no such mailbox here", "", 2 },
	{ "account .{0,30} does not exist", " does not exist", "account ", 0 },
	{ "over\\s+quota", "over ", "quota", 0 },
	{ "mail ?box full", "mail box full|mailbox full", "", 2 },
	{ "quota|mailbox full", "quota|mailbox full", "", 2 },
	{ "full|mailbox full", "full", "", 2 },
	{ "a{2,3}bcd+", "bcd", "", 0 },
	{ "colou?rs*", "colour|color", "", 0 },
	{ "[Uu]ser [^x]+ gone", "user ", " gone", 0 },
	{ "(?:user|mailbox) .{1,9} (?:gone|closed)", "user |mailbox ", " gone| closed", 0 },
	{ "\\d{3} \\w+", "", "", 0 },
	{ "(?<!not )found", "found", "", 0 },
	{ "(?i)found", "found", "", 0 },
	{ "(?x) fo und", "", "", 0 },
	{ "\\Qfound\\E", "", "", 0 },
	{ "(?:ab|\\w)cd", "cd", "", 0 },
	{ "user (?:x|\\d) unknown", " unknown", "user ", 0 },
	{ "x*", "", "", 0 },
	{ "\\x41bcd", "abcd", "", 1 },
	{ "\\x{41}bcd", "bcd", "", 0 },
	{ "a\\.b\\-c", "a.b-c", "", 1 },
	{ "a\\b-\\bbc|\\bc\\bde", "a-bc|~cde", "", 1 },
	{ "colou?r", "colour|color", "", 2 },
	{ "colou??r", "colour|color", "", 0 },
	{ "colou?+r", "colour|color", "", 0 },
	{ "(?>a|ab)c", "ac|abc", "", 0 },
	{ "(?-i:ab)", "ab", "", 0 },
	{ "\\bx(?:y|yz)?\\b", "~xy~|~xyz~|~x~", "", 3 },
	{ "^ab", "~ab", "", 0 },
	{ "\xd0\x9f\xd0\x9e\xd0\xa7", "\xd0\xbf\xd0\xbe\xd1\x87", "", 1 },
	{ "wei\xc3\x9f nicht", "wei\xc3\x9f nicht", "", 1 },
};

static void print_need(const struct need *need, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < need->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? "|" : "", SPAN_ARG(need->items[i]));
	for (char *c = out; *c; c++)
		*c = *c == FOLD_BOUNDARY ? '~' : *c == FOLD_END ? '$' : *c;
}

static void test_literals_of_patterns(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	assert_non_null(arena);
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		struct literals literals;
		char first[256], second[256];
		assert_int_equal(literals_find(span_of(needs[i].pattern), arena, &literals), 0);
		print_need(&literals.needs[0], first, sizeof(first));
		print_need(&literals.needs[1], second, sizeof(second));
		if (strcmp(first, needs[i].need) != 0 || strcmp(second, needs[i].second) != 0 || literals.exact_count != needs[i].exact_count)
			fail_msg("%s needs '%s' and '%s', %zu exactly", needs[i].pattern, first, second, literals.exact_count);
	}
	arena_free(arena);
}

static const struct {
	const char *pattern;
	const char *alternatives[4];
} cuts[] = {
	{ "abc", { "abc" } },
	{ "a|b|cd", { "a", "b", "cd" } },
	{ "a(b|c)|d", { "a(b|c)", "d" } },
	{ "[|a]x|[]|]y|[^]|]z", { "[|a]x", "[]|]y", "[^]|]z" } },
	{ "[[:alpha:]|]|b", { "[[:alpha:]|]", "b" } },
	{ "a\\|b|c", { "a\\|b", "c" } },
	{ "(?:x(?i:y|z))|w", { "(?:x(?i:y|z))", "w" } },
	{ "(?<n>a|b)|c", { "(?<n>a|b)", "c" } },
	{ "(?i)a|b", { "(?i)a|b" } },
	{ "a|(?-i)b|c", { "a|(?-i)b|c" } },
	{ "\\Qa|b\\E", { "\\Qa|b\\E" } },
	{ "(*UCP)a|b", { "(*UCP)a|b" } },
};

static void test_alternatives_of_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		struct alternatives alternatives = alternatives_of(span_of(cuts[i].pattern));
		for (size_t j = 0; j < 4 && cuts[i].alternatives[j]; j++) {
			struct span taken = alternatives_take(&alternatives);
			if (!span_is_equal(taken, span_of(cuts[i].alternatives[j])))
				fail_msg("%s: '%.*s'", cuts[i].pattern, SPAN_ARG(taken));
		}
		assert_false(span_is_known(alternatives.rest));
	}
}

/* Where a gram is among the findings; NULL: it is not. */
static const struct hit *find_hit(const struct hits *hits, uint32_t number)
{
	for (size_t i = 0; i < hits->count; i++) {
		if (hits->items[i].number == number)
			return &hits->items[i];
	}
	return NULL;
}

/* The filter names a gram of four bytes when, and only when, it stands in the text, and its first place; no shorter one is missed. */
static void check_hits(const struct hits *hits, struct span text, struct span gram, uint32_t number)
{
	const struct hit *hit = find_hit(hits, number);
	size_t place = span_find(text, gram, 0);

	if (gram.len == GRAM_MAX)
		assert_int_equal(hit ? hit->at : SIZE_MAX, place);
	else
		assert_true(hit || place == SIZE_MAX);
	for (size_t at = 0; at + gram.len <= text.len; at++)
		assert_true(hits_has_mark(hits, gram_get_mark(gram_make(text.ptr + at, gram.len), gram.len)));
}

static void test_the_filter_finds_what_stands_there(void **state)
{
	static const char letters[] = "abcdef ";
	enum { ALL = 300, LETTERS = 7 };
	char bytes[ALL][GRAM_MAX], text[600];
	struct span spans[ALL];
	uint32_t grams[ALL], seed = 7;
	size_t all = 0, missing = 0;
	struct hits hits = { .size = 0 };

	(void)state;
	while (all < ALL) {
		size_t len = GRAM_MIN + (seed = seed * 1664525 + 1013904223) / 65536 % 3, same = 0;
		for (size_t j = 0; j < len; j++)
			bytes[all][j] = letters[(seed = seed * 1664525 + 1013904223) / 65536 % LETTERS];
		spans[all] = span_make(bytes[all], len);
		grams[all] = gram_make(bytes[all], len);
		while (grams[same] != grams[all])
			same++;
		all += same == all;
	}
	for (size_t count = 0; count <= all; count += all / 5) {
		struct prefilter *prefilter;
		assert_int_equal(prefilter_new(grams, count, &prefilter), 0);
		assert_int_equal(hits_reserve(&hits, ALL), 0);
		for (unsigned round = 0; round < 300; round++) {
			size_t len = (seed = seed * 1664525 + 1013904223) / 65536 % (round % 2 ? 40 : sizeof(text));
			struct span here = span_make(text, len);
			for (size_t j = 0; j < len; j++)
				text[j] = letters[(seed = seed * 1664525 + 1013904223) / 65536 % LETTERS];
			prefilter_scan(prefilter, here, here, &hits);
			for (size_t i = 0; i < count; i++)
				check_hits(&hits, here, spans[i], (uint32_t)i);
			missing += count - hits.count;
		}
		prefilter_free(prefilter);
	}
	assert_true(missing > 1000); /* else it names everything */
	hits_done(&hits);
}

static void test_addresses_hide(void **state)
{
	static const char *const cases[][2] = {
		{ "<neko@user-unknown.test>... mailbox full", "<xxxx@xxxx-xxxxxxx.xxxx>... mailbox full" },
		{ "spam@example.com: no such user", "xxxx@xxxxxxx.xxx: no such user" },
		{ "\"user unknown\"@example.com is full", "\"xxxx xxxxxxx\"@xxxxxxx.xxx is full" },
		{ "\u5b9b\u5148taro@example.jp\u306f\u4e0d\u660e", "\u5b9b\u5148xxxx@xxxxxxx.xx\u306f\u4e0d\u660e" },
		{ "a@b@c d@e", "x@x@x x@x" },
		{ "user unknown @ example", "user unknown @ example" },
		{ "@example.com", "@example.com" },
		{ "full@", "full@" },
		{ "\"full", "\"full" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		size_t len = strlen(cases[i][0]);

		memcpy(text, cases[i][0], len);
		fold_hide_addresses(text, len);
		if (!span_is_equal(span_make(text, len), span_of(cases[i][1])))
			fail_msg("%s: %.*s", cases[i][0], (int)len, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_hide),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_folding_is_cut_between_characters),
		cmocka_unit_test(test_what_pcre2_takes_for_equal_folds_to_the_same),
		cmocka_unit_test(test_literals_of_patterns),
		cmocka_unit_test(test_alternatives_of_patterns),
		cmocka_unit_test(test_the_filter_finds_what_stands_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
