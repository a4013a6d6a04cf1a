/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding and ranking matches.  Pure; any thread; hostile text. */
#include "classify/match.h"

#include <errno.h>
#include <stdlib.h>

#include "classify/fold.h"

enum { OUTSIDE_TRIES = 64, STOPS_MAX = 4 };

/* What a text says by itself. */
struct signs {
	uint16_t provider; /* whose signature it holds */
	size_t signature_len;
	bool has_mark;
};

/* ---- looking into the text ---- */

static bool is_word_byte(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

static bool stands_at(const struct phrase *phrase, struct span text, size_t at)
{
	size_t end = at + phrase->text.len;

	return phrase->text.len <= text.len - at && text.ptr[at] == phrase->text.ptr[0] &&
	       memcmp(text.ptr + at, phrase->text.ptr, phrase->text.len) == 0 &&
	       !(phrase->is_bounded_left && at > 0 && is_word_byte(text.ptr[at - 1])) &&
	       !(phrase->is_bounded_right && end < text.len && is_word_byte(text.ptr[end]));
}

/* The leftmost of the test's phrases at or after `start`. */
static enum pattern_found find_phrase(const struct test *test, struct span text, size_t start, size_t *ret_from, size_t *ret_to)
{
	for (size_t at = start; at < text.len; at++) {
		if (!(test->firsts >> (unsigned char)text.ptr[at] % 32 & 1))
			continue;
		for (uint32_t i = 0; i < test->phrase_count; i++) {
			if (stands_at(&test->phrases[i], text, at)) {
				*ret_from = at;
				*ret_to = at + test->phrases[i].text.len;
				return PATTERN_FOUND;
			}
		}
	}
	return PATTERN_ABSENT;
}

/* Is there, as far as the marks tell, all that a test needs? */
static bool is_possible(const struct ruleset *ruleset, const struct hits *hits, const struct filed *filed)
{
	const uint16_t *other = &ruleset->others[filed->others];

	if (!hits_has_mark(hits, filed->marks[0]) || !hits_has_mark(hits, filed->marks[1]))
		return false;
	while (*other > 0) {
		const uint16_t *next = other + 1 + 2 * *other;
		for (other++; other < next && !(hits_has_mark(hits, other[0]) && hits_has_mark(hits, other[1]));)
			other += 2;
		if (other == next)
			return false;
		other = next;
	}
	return true;
}

/* A character's first byte before which no match begins. */
static size_t find_hint(const struct hit *hit, const struct filed *filed, const struct facts *facts)
{
	size_t before = filed->before + facts->shift, start = before < hit->at ? hit->at - before : 0;

	if (start >= facts->folded.len)
		return 0;
	while (start > 0 && (facts->folded.ptr[start] & 0xC0) == 0x80)
		start--;
	return start;
}

/* How the text's last word ends, so that what stands at a text's end is known by it: the bytes added behind `len`. */
static size_t add_end(char *words, size_t len)
{
	size_t last = len - 1;

	while (last > 0 && !is_word_byte(words[last]))
		last--;
	if (last == 0)
		return 0;
	words[len] = words[last - 1];
	words[len + 1] = words[last];
	words[len + 2] = ' ';
	words[len + 3] = FOLD_END;
	return 4;
}

void match_scan(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts)
{
	char *words = scratch->words;
	size_t len = 1;

	words[0] = ' ';
	len += fold_words(facts->folded, words + 1);
	words[len++] = ' ';
	facts->shift = len - 1 - facts->folded.len;
	prefilter_scan(ruleset->prefilter, facts->folded, span_make(words, len + add_end(words, len)), &scratch->hits);
}

/* ---- reading ---- */

static void complete_reply(const struct query *query, struct facts *facts)
{
	struct status found = facts->reply.status;

	facts->is_temporary = query->reply / 100 == 4 || facts->reply.code / 100 == 4 || query->status.class_digit == 4 ||
			      found.class_digit == 4;
	if (query->reply != 0)
		facts->reply.code = query->reply;
	if (status_is_known(query->status))
		facts->reply.status = query->status;
	/* x.0.0 says nothing that the remote's own status could not say better */
	if (query->status.class_digit == found.class_digit && query->status.subject == 0 && query->status.detail == 0)
		facts->reply.status = found;
	if (query->command != COMMAND_UNKNOWN)
		facts->reply.command = query->command;
	if (span_is_known(query->remote_mta) && !span_is_empty(query->remote_mta))
		facts->reply.remote_mta = query->remote_mta;
}

static enum action find_action(const struct query *query, const struct facts *facts)
{
	struct query completed = *query;

	completed.reply = facts->reply.code;
	completed.status = facts->reply.status;
	return query_get_action(&completed);
}

static void set_provider(const struct ruleset *ruleset, struct facts *facts, uint16_t provider, const char *source)
{
	facts->provider = provider;
	facts->provider_name = ruleset->providers.names[provider];
	facts->provider_source = provider == PROVIDER_NONE ? "" : source;
}

/* Of two as long, the provider whose name comes first. */
static void take_signature(const struct ruleset *ruleset, const struct test *test, struct signs *signs)
{
	const char *const *names = ruleset->providers.names;
	bool is_better = test->phrases->text.len > signs->signature_len ||
			 (test->phrases->text.len == signs->signature_len && strcmp(names[test->rule], names[signs->provider]) < 0);

	if (test->kind == TEST_MARK) {
		signs->has_mark = true;
	} else if (is_better) {
		signs->provider = (uint16_t)test->rule;
		signs->signature_len = test->phrases->text.len;
	}
}

/* What the text says by itself: the longest signature that it holds, and whether our own mark is there. */
static struct signs find_signs(const struct ruleset *ruleset, const struct hits *hits, const struct facts *facts)
{
	struct signs signs = { .provider = PROVIDER_NONE };

	for (size_t i = 0; i < hits->count; i++) {
		const struct group *group = &ruleset->groups[hits->items[i].number];
		for (uint32_t at = group->signatures_at; at < group->texts_at; at++) {
			const struct filed *filed = &ruleset->filed[at];
			const struct test *test = &ruleset->tests[filed->test];
			size_t from, to;
			if (is_possible(ruleset, hits, filed) &&
			    find_phrase(test, facts->folded, find_hint(&hits->items[i], filed, facts), &from, &to) == PATTERN_FOUND)
				take_signature(ruleset, test, &signs);
		}
	}
	return signs;
}

static struct span get_domain(struct span address)
{
	for (size_t at = address.len; at > 0; at--) {
		if (address.ptr[at - 1] == '@')
			return span_skip(address, at);
	}
	return SPAN_NONE;
}

/* A name that no rule knows is kept for the output all the same. */
static void take_given_provider(const struct ruleset *ruleset, struct scratch *scratch, struct span name, struct facts *facts)
{
	size_t len = name.len < sizeof(scratch->provider_name) ? name.len : sizeof(scratch->provider_name) - 1;

	set_provider(ruleset, facts, providers_find(&ruleset->providers, name), "given");
	if (facts->provider != PROVIDER_NONE)
		return;
	memcpy(scratch->provider_name, name.ptr, len);
	scratch->provider_name[len] = '\0';
	facts->provider_name = scratch->provider_name;
	facts->provider_source = "given";
}

static void find_provider(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, uint16_t signature,
			  struct facts *facts)
{
	if (!span_is_empty(query->provider) && !span_is_equal_nocase(query->provider, SPAN_LIT("generic"))) {
		take_given_provider(ruleset, scratch, query->provider, facts);
		return;
	}
	set_provider(ruleset, facts, suffix_table_find(&ruleset->providers.mx, facts->reply.remote_mta), "remote host");
	if (facts->provider == PROVIDER_NONE)
		set_provider(ruleset, facts, signature, "text");
	if (facts->provider == PROVIDER_NONE)
		set_provider(ruleset, facts, suffix_table_find(&ruleset->providers.recipient, get_domain(query->recipient)),
			     "recipient domain");
}

static size_t get_listed_size(size_t tests)
{
	return (tests + 63) / 64 * sizeof(uint64_t);
}

/* *memory made larger; what it held is nobody's any more. */
static int renew(void *memory, size_t size)
{
	void **place = memory, *renewed = malloc(size);

	if (!renewed)
		return -ENOMEM;
	free(*place);
	*place = renewed;
	return 0;
}

static int reserve(const struct ruleset *ruleset, struct scratch *scratch)
{
	size_t size = ruleset->test_count + ruleset->rule_count;

	if (size > scratch->match_size) {
		if (renew(&scratch->matches, size * sizeof(*scratch->matches)) < 0 ||
		    renew(&scratch->listed, get_listed_size(size)) < 0 ||
		    renew(&scratch->place_of, size * sizeof(*scratch->place_of)) < 0 ||
		    renew(&scratch->prospects, size * sizeof(*scratch->prospects)) < 0 ||
		    renew(&scratch->skipped, size * sizeof(*scratch->skipped)) < 0)
			return -ENOMEM;
		scratch->match_size = size;
	}
	return hits_reserve(&scratch->hits, ruleset->group_count);
}

int facts_read(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct facts *ret_facts)
{
	struct facts facts = { .provider_name = "", .provider_source = "" };
	struct signs signs;
	struct span text = span_is_known(query->text) ? query->text : SPAN_LIT("");
	int rc = reserve(ruleset, scratch);

	if (rc < 0)
		return rc;
	arena_reset(scratch->arena);
	rc = reply_find(text, scratch->arena, &facts.reply);
	if (rc < 0)
		return rc;
	/* whoever knows the reply has taken its frame off: a second one inside is what somebody else was told, and of whom? */
	if (query->reply != 0 && facts.reply.is_inner)
		facts.reply.text = span_slice(text, 0, REPLY_TEXT_MAX);
	facts.matches = scratch->matches;
	facts.folded.ptr = scratch->folded;
	facts.folded.len = fold_text(facts.reply.text, scratch->folded, CLASSIFY_TEXT_MAX, &facts.is_limited);
	facts.is_limited |= query->text.len > REPLY_TEXT_MAX;
	complete_reply(query, &facts);
	facts.action = find_action(query, &facts);
	match_scan(ruleset, scratch, &facts);
	signs = find_signs(ruleset, &scratch->hits, &facts);
	facts.has_mark = signs.has_mark;
	find_provider(ruleset, scratch, query, signs.provider, &facts);
	fold_hide_addresses(scratch->folded, facts.folded.len);
	*ret_facts = facts;
	return 0;
}

/* ---- matching ---- */

/* Does the rule apply at all: its provider, its conditions, and what the action leaves possible? */
static bool is_applicable(const struct rule *rule, const struct facts *facts, unsigned *ret_rank)
{
	if (rule->provider != PROVIDER_NONE && rule->provider != facts->provider)
		return false;
	if (rule->class_id == CLASS_DELIVERED && (facts->action == ACTION_FAILED || facts->action == ACTION_DELAYED))
		return false;
	return conditions_hold(&rule->conditions, &facts->reply, ret_rank);
}

static enum strength get_strength(enum basis basis, bool is_bound)
{
	switch (basis) {
	case BASIS_TAG:
		return STRENGTH_TAG;
	case BASIS_PHRASE:
		return is_bound ? STRENGTH_PHRASE_BOUND : STRENGTH_PHRASE;
	case BASIS_STATUS:
		return is_bound ? STRENGTH_STATUS_BOUND : STRENGTH_STATUS;
	case BASIS_REPLY:
		return is_bound ? STRENGTH_REPLY_BOUND : STRENGTH_REPLY;
	case BASIS_WORD:
		return STRENGTH_WORD;
	default:
		return STRENGTH_NONE;
	}
}

enum basis strength_get_basis(enum strength strength)
{
	static const enum basis bases[STRENGTH_COUNT] = {
		[STRENGTH_WORD] = BASIS_WORD, [STRENGTH_REPLY] = BASIS_REPLY, [STRENGTH_REPLY_BOUND] = BASIS_REPLY,
		[STRENGTH_STATUS] = BASIS_STATUS, [STRENGTH_STATUS_BOUND] = BASIS_STATUS, [STRENGTH_PHRASE] = BASIS_PHRASE,
		[STRENGTH_PHRASE_BOUND] = BASIS_PHRASE, [STRENGTH_TAG] = BASIS_TAG, [STRENGTH_MARK] = BASIS_TAG,
	};

	return bases[strength];
}

static enum pattern_found find_first(const struct test *test, struct scratch *scratch, struct span text, size_t hint, size_t *ret_from,
				     size_t *ret_to)
{
	if (test->is_anchored && hint > 0)
		return PATTERN_ABSENT;
	if (!test->pattern)
		return find_phrase(test, text, hint, ret_from, ret_to);
	return pattern_find(test->pattern, scratch->matcher, text, hint, ret_from, ret_to);
}

static enum pattern_found find_next(const struct test *test, struct scratch *scratch, struct span text, size_t start, size_t *ret_from,
				    size_t *ret_to)
{
	if (!test->pattern)
		return find_phrase(test, text, start, ret_from, ret_to);
	return pattern_find_next(test->pattern, scratch->matcher, text, start, ret_from, ret_to);
}

static const enum basis test_bases[] = { [TEST_TAG] = BASIS_TAG, [TEST_TEXT] = BASIS_PHRASE, [TEST_WORD] = BASIS_WORD };

/* No match begins before `hint`. */
static void try_test(const struct ruleset *ruleset, struct scratch *scratch, uint32_t number, size_t hint, struct facts *facts)
{
	const struct test *test = &ruleset->tests[number];
	const struct rule *rule = &ruleset->rules[test->rule];
	enum pattern_found found;
	size_t from, to;
	unsigned rank;

	if (facts->stop_count == STOPS_MAX || !is_applicable(rule, facts, &rank))
		return;
	found = find_first(test, scratch, facts->folded, hint, &from, &to);
	if (found == PATTERN_STOPPED) {
		facts->is_limited = true;
		facts->stop_count++;
	}
	if (found != PATTERN_FOUND)
		return;
	facts->matches[facts->match_count++] = (struct match){ .rule = test->rule, .test = number, .from = (uint32_t)from,
							       .to = (uint32_t)to,
							       .strength = get_strength(test_bases[test->kind], rule->provider != PROVIDER_NONE) };
}

/* Which tests a pass over the text tries. */
enum pass { PASS_TEXTS, PASS_WORDS, PASS_SIGNS };

/* A test may be filed under several grams: it is listed once, with the least hint. */
static void list_prospect(struct scratch *scratch, uint32_t number, size_t hint)
{
	uint64_t bit = (uint64_t)1 << number % 64, *word = &scratch->listed[number / 64];

	if (!(*word & bit)) {
		*word |= bit;
		scratch->place_of[number] = (uint32_t)scratch->prospect_count;
		scratch->prospects[scratch->prospect_count++] = (struct prospect){ number, (uint32_t)hint };
	} else if (hint < scratch->prospects[scratch->place_of[number]].hint) {
		scratch->prospects[scratch->place_of[number]].hint = (uint32_t)hint;
	}
}

/* The tests behind one gram that stands in the text. */
static void list_filed(const struct ruleset *ruleset, struct scratch *scratch, const struct hit *hit, enum pass pass, const struct facts *facts)
{
	const struct group *group = &ruleset->groups[hit->number];
	uint32_t at = pass == PASS_TEXTS ? group->texts_at : group->words_at, end = pass == PASS_TEXTS ? group->words_at : group->end;

	for (; at < end; at++) {
		const struct filed *filed = &ruleset->filed[at];
		if ((filed->provider == PROVIDER_NONE || filed->provider == facts->provider) && (pass != PASS_SIGNS || filed->is_sign) &&
		    is_possible(ruleset, &scratch->hits, filed))
			list_prospect(scratch, filed->test, find_hint(hit, filed, facts));
	}
}

static bool is_of_pass(const struct ruleset *ruleset, const struct test *test, enum pass pass)
{
	if (pass == PASS_TEXTS)
		return test->kind == TEST_TAG || test->kind == TEST_TEXT;
	return test->kind == TEST_WORD && (pass == PASS_WORDS || ruleset->rules[test->rule].is_sign);
}

/* Could a match of the test beat this one? */
static bool may_win(const struct ruleset *ruleset, const struct test *test, const struct match *best)
{
	enum strength strength = get_strength(test_bases[test->kind], test->is_bound);

	if (!best || match_gives_way(ruleset, best) || strength > best->strength)
		return true;
	return strength == best->strength && (test->longest == LITERAL_FAR || test->longest >= best->to - best->from);
}

/* The better of the last match and `best`. */
static const struct match *keep_better(const struct ruleset *ruleset, const struct facts *facts, const struct match *best)
{
	const struct match *last = &facts->matches[facts->match_count - 1];
	bool is_better = !best || match_gives_way(ruleset, best) ||
			 (!match_gives_way(ruleset, last) && match_compare(ruleset, last, best, NULL) > 0);

	return is_better ? last : best;
}

/* Plain phrases before patterns, which cost more and, where they cannot win, may be left out. */
static void try_prospects(const struct ruleset *ruleset, struct scratch *scratch, bool may_skip, struct facts *facts)
{
	const struct match *best = NULL;

	scratch->skipped_count = 0;
	for (int of_patterns = 0; of_patterns <= 1; of_patterns++) {
		for (size_t i = 0; i < scratch->prospect_count; i++) {
			const struct prospect *prospect = &scratch->prospects[i];
			const struct test *test = &ruleset->tests[prospect->test];
			size_t count = facts->match_count;
			if ((test->pattern != NULL) != of_patterns)
				continue;
			if (may_skip && test->pattern && !may_win(ruleset, test, best)) {
				scratch->skipped[scratch->skipped_count++] = *prospect;
				continue;
			}
			try_test(ruleset, scratch, prospect->test, prospect->hint, facts);
			if (facts->match_count > count)
				best = keep_better(ruleset, facts, best);
		}
	}
}

static void match_tests(const struct ruleset *ruleset, struct scratch *scratch, enum pass pass, struct facts *facts)
{
	memset(scratch->listed, 0, get_listed_size(ruleset->test_count));
	scratch->prospect_count = 0;
	for (size_t i = 0; i < scratch->hits.count; i++)
		list_filed(ruleset, scratch, &scratch->hits.items[i], pass, facts);
	try_prospects(ruleset, scratch, pass == PASS_TEXTS && !facts->is_thorough, facts);
	for (size_t i = 0; i < ruleset->always.count; i++) {
		uint32_t number = ruleset->always.items[i];
		if (is_of_pass(ruleset, &ruleset->tests[number], pass))
			try_test(ruleset, scratch, number, 0, facts);
	}
}

void match_texts(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts)
{
	match_tests(ruleset, scratch, PASS_TEXTS, facts);
}

void match_words(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts)
{
	facts->has_words = true;
	match_tests(ruleset, scratch, PASS_WORDS, facts);
}

void match_signs(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts)
{
	for (size_t i = 0; i < scratch->skipped_count; i++)
		try_test(ruleset, scratch, scratch->skipped[i].test, scratch->skipped[i].hint, facts);
	match_tests(ruleset, scratch, PASS_SIGNS, facts);
}

static void match_list(const struct ruleset *ruleset, const struct rule_list *list, struct facts *facts)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct rule *rule = &ruleset->rules[list->items[i]];
		unsigned rank;
		if (is_applicable(rule, facts, &rank))
			facts->matches[facts->match_count++] = (struct match){ .rule = list->items[i], .rank = rank,
									       .strength = get_strength(rule->basis, rule->provider != PROVIDER_NONE) };
	}
}

void match_codes(const struct ruleset *ruleset, struct facts *facts)
{
	unsigned subject = facts->reply.status.subject;

	if (status_is_known(facts->reply.status))
		match_list(ruleset, &ruleset->by_subject[subject < SUBJECTS - 1 ? subject : SUBJECTS - 1], facts);
	if (facts->reply.code != 0)
		match_list(ruleset, &ruleset->by_reply, facts);
}

/* ---- ranking ---- */

int match_compare(const struct ruleset *ruleset, const struct match *a, const struct match *b, const char **ret_why)
{
	const struct rule *rule_a = &ruleset->rules[a->rule], *rule_b = &ruleset->rules[b->rule];
	const struct {
		int64_t a, b;
		const char *why;
	} keys[] = {
		{ a->strength, b->strength, "a weaker kind of evidence" },
		{ a->to - a->from, b->to - b->from, "a shorter match" },
		{ a->rank, b->rank, "a less specific range of codes" },
		{ conditions_get_count(&rule_a->conditions), conditions_get_count(&rule_b->conditions), "fewer conditions" },
		{ rule_a->priority, rule_b->priority, "a lower priority" },
		{ -(int64_t)a->rule, -(int64_t)b->rule, "equal in all, and its id comes later" },
		{ -(int64_t)a->from, -(int64_t)b->from, "another match of the same rule" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (ret_why)
			*ret_why = keys[i].why;
		if (keys[i].a != keys[i].b)
			return keys[i].a > keys[i].b ? 1 : -1;
	}
	if (ret_why)
		*ret_why = "another match of the same rule";
	return 0;
}

/* What a match leaves open: the less of it, the earlier it is asked. */
enum doubt { DOUBT_NONE, DOUBT_CODE, DOUBT_ALL, DOUBT_COUNT };

static enum doubt get_doubt(const struct ruleset *ruleset, const struct match *match)
{
	const struct rule *rule = &ruleset->rules[match->rule];

	if (rule->provider != PROVIDER_NONE)
		return DOUBT_NONE;
	if (rule->class_id == CLASS_UNCLASSIFIED)
		return DOUBT_ALL;
	/* 550 means anything: a rule that makes less of it than its class does says so, and any word knows better */
	return match->strength == STRENGTH_REPLY && class_get_info(rule->class_id)->effect == EFFECT_NOW && rule->effect != EFFECT_NOW ?
		       DOUBT_CODE : DOUBT_NONE;
}

bool match_gives_way(const struct ruleset *ruleset, const struct match *match)
{
	return get_doubt(ruleset, match) != DOUBT_NONE;
}

static bool is_code(enum strength strength)
{
	return strength >= STRENGTH_REPLY && strength <= STRENGTH_STATUS_BOUND;
}

/*
 * Of one strength.  Among texts, one that gives way loses to any other; among codes the most specific range speaks
 * first, and if it says that it knows nothing, wider ranges know no better.
 */
static const struct match *find_best_of(const struct ruleset *ruleset, const struct facts *facts, enum strength strength, enum doubt doubt)
{
	const struct match *best = NULL;

	for (size_t i = 0; i < facts->match_count; i++) {
		const struct match *match = &facts->matches[i];
		if (match->strength != strength || (!is_code(strength) && get_doubt(ruleset, match) > doubt))
			continue;
		if (!best || match_compare(ruleset, match, best, NULL) > 0)
			best = match;
	}
	return best && get_doubt(ruleset, best) > doubt ? NULL : best;
}

const struct match *match_find_best(const struct ruleset *ruleset, const struct facts *facts)
{
	for (int doubt = DOUBT_NONE; doubt < DOUBT_COUNT; doubt++) {
		for (int strength = STRENGTH_TAG; strength > STRENGTH_NONE; strength--) {
			const struct match *best = find_best_of(ruleset, facts, (enum strength)strength, (enum doubt)doubt);
			if (best)
				return best;
		}
	}
	return NULL;
}

const struct match *match_find_instead(const struct ruleset *ruleset, struct facts *facts, const struct match *winner)
{
	const struct rule *rule = winner ? &ruleset->rules[winner->rule] : NULL;
	struct match best;

	if (!rule || winner->strength != STRENGTH_PHRASE || rule->conditions.status_count > 0 || rule->conditions.commands ||
	    rule->effect != class_get_info(rule->class_id)->effect)
		return winner;
	best = *winner;
	for (size_t i = 0; i < ruleset->instead.count; i++) {
		struct match match = *winner;
		const struct rule *other = &ruleset->rules[ruleset->instead.items[i]];
		unsigned rank;
		match.rule = ruleset->instead.items[i];
		if (other->instead_of == rule->class_id && is_applicable(other, facts, &rank) &&
		    (best.rule == winner->rule || match_compare(ruleset, &match, &best, NULL) > 0))
			best = match;
	}
	if (best.rule == winner->rule)
		return winner;
	facts->matches[facts->match_count] = best;
	return &facts->matches[facts->match_count++];
}

bool match_is_outside(const struct ruleset *ruleset, struct scratch *scratch, const struct facts *facts, const struct match *match,
		      size_t from, size_t to)
{
	const struct test *test = &ruleset->tests[match->test];
	size_t match_from = match->from, match_to = match->to;

	for (unsigned tries = 0; tries < OUTSIDE_TRIES; tries++) {
		enum pattern_found found;
		if (match_from < from || match_to > to)
			return true;
		do { /* the next character: a match begins at none of the bytes inside one */
			match_from++;
		} while (match_from < facts->folded.len && (facts->folded.ptr[match_from] & 0xC0) == 0x80);
		if (match_from >= facts->folded.len)
			return false;
		found = find_next(test, scratch, facts->folded, match_from, &match_from, &match_to);
		if (found != PATTERN_FOUND)
			return found == PATTERN_STOPPED;
	}
	return true;
}
