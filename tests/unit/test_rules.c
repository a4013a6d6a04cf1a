/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shipped rules: they prove themselves by their samples; the engine finds the same winner as trying every rule on
 * every text; and nothing that a text and its codes can say breaks the rules of safety (DESIGN section 5).
 */
#include "rules_fixture.h"

#include <time.h>

#include "base/buffer.h"
#include "classify/check.h"
#include "classify/explain.h"
#include "classify/judge.h"

enum { MIXTURES = 4000, TEXT_SIZE = 2048 };

struct fixture {
	struct ruleset *ruleset;
	struct scratch *scratch;
	struct arena *arena;
	const char **samples; /* of all rules */
	size_t sample_count;
	uint32_t seed;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct ruleset *ruleset = load_shipped();
	size_t size = 0;

	fixture = (struct fixture){ .ruleset = ruleset, .scratch = scratch_new(), .arena = arena_new(0), .seed = 20261121 };
	assert_non_null(fixture.scratch);
	assert_non_null(fixture.arena);
	for (size_t i = 0; i < ruleset->rule_count; i++)
		size += ruleset->rules[i].matches.count + ruleset->rules[i].differs.count;
	fixture.samples = calloc(size + 1, sizeof(*fixture.samples));
	assert_non_null(fixture.samples);
	for (size_t i = 0; i < ruleset->rule_count; i++) {
		const struct rule *rule = &ruleset->rules[i];
		for (size_t j = 0; j < rule->matches.count; j++)
			fixture.samples[fixture.sample_count++] = rule->matches.items[j];
		for (size_t j = 0; j < rule->differs.count; j++)
			fixture.samples[fixture.sample_count++] = rule->differs.items[j];
	}
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->samples);
	scratch_free(fixture->scratch);
	arena_free(fixture->arena);
	ruleset_free(fixture->ruleset);
	return 0;
}

static uint32_t draw(struct fixture *fixture, uint32_t count)
{
	fixture->seed = fixture->seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(fixture->seed >> 8) * count >> 24);
}

static void print_finding(void *data, const struct finding *finding)
{
	(void)data;
	if (finding->level == FINDING_ERROR)
		print_error("%s:%u: %s: %s\n", finding->path, finding->line, finding->rule, finding->text);
}

static void test_shipped_rules_end_where_their_samples_say(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(ruleset_check(fixture->ruleset, print_finding, NULL), 0);
}

/* ---- the oracle ---- */

/*
 * The same rules with no filter in front, nothing known of where a match may begin, and PCRE2 alone for the whole of each
 * pattern, plain literals too: every test is tried on every text, from its start.
 */
struct brute {
	struct ruleset ruleset;
	struct test *tests;
	uint32_t *all;
	struct pattern **patterns;
};

static void brute_make(struct brute *brute, const struct ruleset *ruleset, struct arena *arena)
{
	size_t count = ruleset->test_count;

	brute->ruleset = *ruleset;
	brute->tests = calloc(count, sizeof(*brute->tests));
	brute->all = calloc(count, sizeof(*brute->all));
	brute->patterns = calloc(count, sizeof(*brute->patterns));
	assert_true(brute->tests && brute->all && brute->patterns);
	brute->ruleset.always.count = 0;
	for (size_t i = 0; i < count; i++) {
		struct literals literals;
		char reason[PATTERN_REASON_SIZE];
		struct span whole;
		brute->tests[i] = ruleset->tests[i];
		if (brute->tests[i].kind == TEST_SIGNATURE || brute->tests[i].kind == TEST_MARK)
			continue;
		brute->all[brute->ruleset.always.count++] = (uint32_t)i;
		if (brute->tests[i].kind == TEST_TAG)
			continue;
		whole = arena_printf(arena, "(?:%.*s)", SPAN_ARG(brute->tests[i].text)); /* so that no beginning is stripped */
		assert_int_equal(pattern_new(whole, true, arena, &literals, &brute->patterns[i], reason), 0);
		brute->tests[i].pattern = brute->patterns[i];
	}
	brute->ruleset.tests = brute->tests;
	brute->ruleset.always.items = brute->all;
}

static void brute_free(struct brute *brute)
{
	for (size_t i = 0; i < brute->ruleset.test_count; i++)
		pattern_free(brute->patterns[i]);
	free(brute->patterns);
	free(brute->tests);
	free(brute->all);
}

static struct verdict brute_classify(struct fixture *fixture, struct brute *brute, const struct query *query)
{
	struct facts facts;
	struct judgement judgement;

	assert_int_equal(facts_read(fixture->ruleset, fixture->scratch, query, &facts), 0);
	fixture->scratch->hits.count = 0; /* what the filter found is not used */
	judge(&brute->ruleset, fixture->scratch, query, &facts, true, &judgement);
	return judgement.verdict;
}

static void require_same(struct fixture *fixture, struct brute *brute, const struct query *query)
{
	struct verdict wanted = brute_classify(fixture, brute, query), verdict;

	classify(fixture->ruleset, fixture->scratch, query, &verdict);
	if (strcmp(verdict.rule, wanted.rule) != 0 || verdict.effect != wanted.effect || verdict.basis != wanted.basis)
		fail_msg("'%.*s' ends at '%s' %s, and at '%s' %s when every rule is tried", SPAN_ARG(query->text), verdict.rule,
			 effect_get_name(verdict.effect), wanted.rule, effect_get_name(wanted.effect));
}

/* A sample changed as the world changes them: case, words lost or put in, two of them joined, bytes that are no text. */
static struct span mutate(struct fixture *fixture, const char *sample, char out[static TEXT_SIZE])
{
	static const char *const inserts[] = { " ", "  \t", "<neko@example.com> ", "192.0.2.7 ", "\xe2\x80\x99", "\xff", "550-5.7.1 ", "spam ",
					       "\xe5\xae\x9b\xe5\x85\x88" };
	struct buffer text;
	const char *other = fixture->samples[draw(fixture, (uint32_t)fixture->sample_count)];
	uint32_t kind = draw(fixture, 6);
	size_t len = strlen(sample), at = len ? draw(fixture, (uint32_t)len) : 0, len_out;

	buffer_init(&text, TEXT_SIZE - 1);
	buffer_add(&text, span_make(sample, kind == 5 ? len : at));
	if (kind == 0)
		buffer_add(&text, span_of(inserts[draw(fixture, sizeof(inserts) / sizeof(*inserts))]));
	if (kind == 1 || kind == 2)
		at += draw(fixture, 12); /* lost */
	if (kind != 5 && at < len)
		buffer_add(&text, span_make(sample + at, len - at));
	if (kind >= 3) {
		buffer_add(&text, SPAN_LIT("; "));
		buffer_add(&text, span_of(other));
	}
	len_out = text.len;
	for (size_t i = 0; i < len_out; i++) {
		char c = text.bytes[i];
		out[i] = kind == 2 && ascii_is_alpha(c) && draw(fixture, 2) ? (char)(c ^ 0x20) : c;
	}
	buffer_done(&text);
	return span_make(out, len_out);
}

static struct query draw_query(struct fixture *fixture, struct span text)
{
	static const uint16_t replies[] = { 0, 0, 0, 250, 421, 450, 451, 452, 500, 521, 550, 550, 551, 552, 553, 554, 556 };
	static const struct status statuses[] = { { 0, 0, 0 }, { 0, 0, 0 }, { 4, 0, 0 }, { 4, 1, 1 }, { 4, 7, 1 }, { 5, 0, 0 }, { 5, 1, 1 },
						  { 5, 1, 2 }, { 5, 1, 10 }, { 5, 2, 1 }, { 5, 7, 1 }, { 5, 7, 18 }, { 5, 4, 4 } };
	const struct rule *rule = &fixture->ruleset->rules[draw(fixture, (uint32_t)fixture->ruleset->rule_count)];
	struct query query = { .text = text };

	query.reply = replies[draw(fixture, sizeof(replies) / sizeof(*replies))];
	query.status = statuses[draw(fixture, sizeof(statuses) / sizeof(*statuses))];
	query.command = (enum smtp_command)(draw(fixture, 3) ? 0 : draw(fixture, COMMAND_COUNT));
	query.action = (enum action)(draw(fixture, 3) ? 0 : draw(fixture, ACTION_COUNT));
	query.kind = (enum kind)(draw(fixture, 3) ? 0 : draw(fixture, KIND_COUNT));
	query.is_generic = draw(fixture, 8) == 0;
	query.provider = draw(fixture, 3) ? SPAN_NONE : span_of(fixture->ruleset->providers.names[rule->provider]);
	return query;
}

static void test_same_winner_as_trying_every_rule(void **state)
{
	struct fixture *fixture = *state;
	struct brute brute;
	char text[TEXT_SIZE];

	brute_make(&brute, fixture->ruleset, fixture->arena);
	for (size_t i = 0; i < fixture->sample_count; i++) {
		struct query query = { .text = span_of(fixture->samples[i]) };
		require_same(fixture, &brute, &query);
		query.text = mutate(fixture, fixture->samples[i], text);
		require_same(fixture, &brute, &query);
		query = draw_query(fixture, mutate(fixture, fixture->samples[i], text));
		require_same(fixture, &brute, &query);
	}
	brute_free(&brute);
}

/* ---- safety ---- */

static bool is_recipients(enum scope scope)
{
	return scope == SCOPE_RECIPIENT || scope == SCOPE_DOMAIN;
}

static bool is_plain(struct status status)
{
	static const struct status plain[] = { { 5, 1, 1 }, { 5, 1, 2 }, { 5, 1, 3 }, { 5, 1, 6 }, { 5, 1, 10 }, { 5, 2, 1 }, { 5, 7, 17 }, { 5, 7, 18 } };

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (status_is_equal(status, plain[i]))
			return true;
	}
	return false;
}

/* What a verdict of `now` must rest on. */
static const char *find_breach_of_now(const struct query *query, const struct explanation *story)
{
	const struct verdict *verdict = &story->verdict;
	struct span winner = SPAN_NONE;

	if (query->kind == KIND_ARF)
		return verdict->class_id == CLASS_COMPLAINT && !query->is_generic ? NULL : "a report that is no complaint";
	if (!is_recipients(verdict->scope))
		return "scope";
	if (query->is_generic || verdict->confidence == CONFIDENCE_GENERIC)
		return "a guess";
	if (query->reply / 100 == 4 || query->status.class_digit == 4 || story->reply.code / 100 == 4 || story->reply.status.class_digit == 4)
		return "a temporary failure";
	if (query->action != ACTION_UNKNOWN && query->action != ACTION_FAILED)
		return "no failure";
	if (verdict->basis < BASIS_REPLY || (verdict->basis == BASIS_REPLY && story->reply.code != 556) ||
	    (verdict->basis == BASIS_STATUS && !is_plain(story->reply.status)))
		return "vague evidence";
	winner = span_slice(story->folded, story->candidates[0].from, story->candidates[0].to);
	for (size_t i = 1; i < story->candidate_count; i++) {
		const struct candidate *other = &story->candidates[i];
		bool is_text = other->basis == BASIS_PHRASE || other->basis == BASIS_TAG || other->basis == BASIS_WORD;
		bool is_inside = other->from >= story->candidates[0].from && other->to <= story->candidates[0].to;
		if (is_text && other->scope >= SCOPE_SENDER && !(is_inside && span_is_known(winner)))
			return "a sign of another cause";
	}
	return NULL;
}

static const char *find_breach(const struct query *query, const struct explanation *story)
{
	const struct verdict *verdict = &story->verdict;
	bool is_delivered = verdict->class_id == CLASS_DELIVERED;

	if (verdict->effect == EFFECT_NOW && find_breach_of_now(query, story))
		return find_breach_of_now(query, story);
	if (verdict->effect == EFFECT_COUNT && !is_recipients(verdict->scope))
		return "counts against the recipient what is not about it";
	if (verdict->effect == EFFECT_RESET && (!is_delivered || query->action == ACTION_FAILED || query->action == ACTION_DELAYED ||
						query->action == ACTION_RELAYED || query->action == ACTION_EXPANDED))
		return "a reset without a final delivery";
	if (verdict->bounce == BOUNCE_HARD && (verdict->effect != EFFECT_NOW || query->action == ACTION_DELAYED))
		return "hard";
	if (verdict->scope != class_get_info(verdict->class_id)->scope)
		return "the scope of another class";
	if (!verdict->advice[LANGUAGE_EN] || !*verdict->advice[LANGUAGE_EN] || !verdict->advice[LANGUAGE_JA] || !*verdict->advice[LANGUAGE_JA])
		return "no advice";
	return NULL;
}

static void test_no_mixture_breaks_the_rules_of_safety(void **state)
{
	struct fixture *fixture = *state;
	char text[TEXT_SIZE];
	unsigned now = 0, count = 0;

	for (unsigned i = 0; i < MIXTURES; i++) {
		const char *sample = fixture->samples[draw(fixture, (uint32_t)fixture->sample_count)];
		struct query query = draw_query(fixture, mutate(fixture, sample, text));
		struct explanation story;
		struct verdict verdict;
		const char *breach;
		arena_reset(fixture->arena);
		assert_int_equal(explain(fixture->ruleset, fixture->scratch, &query, fixture->arena, &story), 0);
		breach = find_breach(&query, &story);
		if (breach)
			fail_msg("'%.*s' reply=%u class=%s rule=%s effect=%s: %s", SPAN_ARG(query.text), query.reply,
				 class_get_name(story.verdict.class_id), story.verdict.rule, effect_get_name(story.verdict.effect), breach);
		classify(fixture->ruleset, fixture->scratch, &query, &verdict);
		assert_string_equal(verdict.rule, story.verdict.rule);
		assert_int_equal(verdict.effect, story.verdict.effect);
		now += verdict.effect == EFFECT_NOW;
		count += verdict.effect == EFFECT_COUNT;
	}
	assert_true(now > 50 && count > 200); /* else the mixtures say nothing */
}

/* Whatever the rules say, the same text with a 4xx code in front is never `now`. */
static void test_no_sample_is_now_once_its_code_is_temporary(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < fixture->sample_count; i++) {
		struct query query = { .text = span_of(fixture->samples[i]), .reply = 451 };
		struct verdict verdict;
		classify(fixture->ruleset, fixture->scratch, &query, &verdict);
		assert_int_not_equal(verdict.effect, EFFECT_NOW);
		query = (struct query){ .text = span_of(fixture->samples[i]), .status = { 4, 2, 1 } };
		classify(fixture->ruleset, fixture->scratch, &query, &verdict);
		assert_int_not_equal(verdict.effect, EFFECT_NOW);
	}
}

/* ---- the interpreter, and hostile texts ---- */

static void test_the_interpreter_gives_the_same_verdicts(void **state)
{
	struct fixture *fixture = *state;
	struct ruleset *interpreted;

	assert_int_equal(setenv("KODAMA_JIT", "no", 1), 0);
	interpreted = load_shipped();
	assert_int_equal(unsetenv("KODAMA_JIT"), 0);
	assert_false(ruleset_is_jit(interpreted));
	for (size_t i = 0; i < fixture->sample_count; i++) {
		struct query query = { .text = span_of(fixture->samples[i]) };
		struct verdict compiled, verdict;
		classify(fixture->ruleset, fixture->scratch, &query, &compiled);
		classify(interpreted, fixture->scratch, &query, &verdict);
		assert_string_equal(verdict.rule, compiled.rule);
		assert_int_equal(verdict.effect, compiled.effect);
	}
	ruleset_free(interpreted);
}

static void test_patterns_that_are_compiled_late_give_the_same_verdicts(void **state)
{
	struct fixture *fixture = *state;
	struct ruleset *lazy;
	struct complaint complaint;

	assert_int_equal(ruleset_load_lazy(get_shipped(), &lazy, &complaint), 0);
	for (size_t i = 0; i < fixture->sample_count; i++) {
		struct query query = { .text = span_of(fixture->samples[i]) };
		struct verdict wanted, verdict;
		classify(fixture->ruleset, fixture->scratch, &query, &wanted);
		classify(lazy, fixture->scratch, &query, &verdict);
		assert_string_equal(verdict.rule, wanted.rule);
		assert_int_equal(verdict.effect, wanted.effect);
	}
	assert_false(ruleset_find_broken(lazy, &complaint));
	ruleset_free(lazy);
}

static double cpu_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A MiB of each pattern's own words, over and over, is what is worst for it. */
static void test_a_hostile_text_costs_little(void **state)
{
	enum { SIZE = 1 << 20, STEP = 16 };
	struct fixture *fixture = *state;
	char *text = malloc(SIZE);
	double worst = 0;

	assert_non_null(text);
	for (size_t i = 0; i < fixture->ruleset->test_count; i += STEP) {
		struct examples examples;
		struct query query = { .text = span_make(text, SIZE) };
		struct verdict verdict;
		double start;
		arena_reset(fixture->arena);
		assert_int_equal(literals_find_examples(fixture->ruleset->tests[i].text, fixture->arena, &examples), 0);
		for (size_t j = 0; j < SIZE; j++)
			text[j] = examples.sample.len ? examples.sample.ptr[j % examples.sample.len] : 'a';
		start = cpu_seconds();
		classify(fixture->ruleset, fixture->scratch, &query, &verdict);
		if (cpu_seconds() - start > worst)
			worst = cpu_seconds() - start;
		assert_int_not_equal(verdict.effect, EFFECT_NOW);
	}
	free(text);
	assert_true(worst < 2); /* some milliseconds; sanitizers and valgrind take their share */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped_rules_end_where_their_samples_say),
		cmocka_unit_test(test_same_winner_as_trying_every_rule),
		cmocka_unit_test(test_no_mixture_breaks_the_rules_of_safety),
		cmocka_unit_test(test_no_sample_is_now_once_its_code_is_temporary),
		cmocka_unit_test(test_the_interpreter_gives_the_same_verdicts),
		cmocka_unit_test(test_patterns_that_are_compiled_late_give_the_same_verdicts),
		cmocka_unit_test(test_a_hostile_text_costs_little),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
