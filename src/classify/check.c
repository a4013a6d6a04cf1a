/* SPDX-License-Identifier: BSD-2-Clause */
/* Proving a rule set by its own samples.  Pure; any thread. */
#include "classify/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "classify/explain.h"
#include "classify/rules.h"

enum { ARENA_LIMIT = 4 * 1024 * 1024, TEXT_SIZE = 768 };

struct checker {
	const struct ruleset *ruleset;
	struct scratch *scratch;
	struct arena *arena;
	void (*report)(void *data, const struct finding *finding);
	void *data;
	int errors;
};

__attribute__((format(printf, 4, 5))) static void find(struct checker *checker, enum finding_level level, const struct rule *rule,
							const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (level == FINDING_ERROR)
		checker->errors++;
	checker->report(checker->data, &(struct finding){ level, rule->path, rule->line, rule->id, text });
}

static enum smtp_command get_first_command(const struct conditions *conditions)
{
	for (unsigned i = COMMAND_UNKNOWN + 1; i < COMMAND_COUNT; i++) {
		if (conditions->commands & 1u << i)
			return (enum smtp_command)i;
	}
	return COMMAND_UNKNOWN;
}

/* The query of a sample: the rule's provider is given, and what the sample does not hold the rule's first values stand in for. */
static int make_query(struct checker *checker, const struct rule *rule, struct span sample, struct query *ret_query)
{
	const struct conditions *conditions = &rule->conditions;
	struct query query = { .text = sample, .provider = span_of(checker->ruleset->providers.names[rule->provider]) };
	struct reply reply;
	int rc = reply_find(sample, checker->arena, &reply);

	if (rc < 0)
		return rc;
	if (reply.code == 0 && conditions->reply_count > 0)
		query.reply = reply_range_get_example(&conditions->replies[0]);
	if (!status_is_known(reply.status) && conditions->status_count > 0)
		query.status = status_range_get_example(&conditions->statuses[0]);
	if (reply.command == COMMAND_UNKNOWN)
		query.command = get_first_command(conditions);
	*ret_query = query;
	return 0;
}

/* Two rules of which only the id decides which wins: nobody meant that. */
static void look_for_tie(struct checker *checker, const struct rule *rule, const struct explanation *explanation, struct span sample)
{
	if (explanation->candidate_count > 1 && strncmp(explanation->candidates[1].lost, "equal in all", 12) == 0)
		find(checker, FINDING_WARNING, rule, "'%s' and '%s' tie, and only the order of their ids decides: %.*s",
		     explanation->candidates[0].rule, explanation->candidates[1].rule, SPAN_ARG(span_slice(sample, 0, 200)));
}

static const char *get_end(const struct explanation *explanation)
{
	return *explanation->verdict.rule ? explanation->verdict.rule : "no rule";
}

static bool is_among(const struct explanation *explanation, const char *id)
{
	for (size_t i = 0; i < explanation->candidate_count; i++) {
		if (strcmp(explanation->candidates[i].rule, id) == 0)
			return true;
	}
	return false;
}

static int run_sample(struct checker *checker, const struct rule *rule, struct span sample, struct explanation *ret_explanation)
{
	struct query query;
	int rc;

	arena_reset(checker->arena);
	rc = make_query(checker, rule, sample, &query);
	return rc < 0 ? rc : explain(checker->ruleset, checker->scratch, &query, checker->arena, ret_explanation);
}

static int check_match(struct checker *checker, const struct rule *rule, struct span sample)
{
	struct explanation explanation;
	int rc = run_sample(checker, rule, sample, &explanation);

	if (rc < 0)
		return rc;
	look_for_tie(checker, rule, &explanation, sample);
	if (strcmp(explanation.verdict.rule, rule->id) != 0)
		find(checker, FINDING_ERROR, rule, "the sample ends at %s%s%s: %.*s", get_end(&explanation),
		     is_among(&explanation, rule->id) ? ", which shadows the rule" : ", and the rule does not match it",
		     *explanation.safety ? " (capped)" : "", SPAN_ARG(span_slice(sample, 0, 300)));
	else if (explanation.verdict.is_capped && explanation.reply.code / 100 != 4 && explanation.reply.status.class_digit != 4)
		find(checker, FINDING_NOTE, rule, "the sample is capped at count, since %s: %.*s", explanation.safety,
		     SPAN_ARG(span_slice(sample, 0, 300)));
	return 0;
}

static int check_difference(struct checker *checker, const struct rule *rule, struct span sample)
{
	struct explanation explanation;
	int rc = run_sample(checker, rule, sample, &explanation);

	if (rc == 0 && strcmp(explanation.verdict.rule, rule->id) == 0)
		find(checker, FINDING_ERROR, rule, "the sample should end elsewhere: %.*s", SPAN_ARG(span_slice(sample, 0, 300)));
	return rc;
}

/* A rule that only codes make needs no sample: its first codes are one. */
static int check_rule(struct checker *checker, const struct rule *rule)
{
	bool is_of_codes = rule->basis == BASIS_STATUS || rule->basis == BASIS_REPLY;
	int rc = 0;

	if (rule->matches.count == 0 && is_of_codes)
		rc = check_match(checker, rule, SPAN_LIT(""));
	else if (rule->matches.count == 0)
		find(checker, FINDING_ERROR, rule, "the rule has no sample (matches) that proves it");
	for (size_t i = 0; rc == 0 && i < rule->matches.count; i++)
		rc = check_match(checker, rule, span_of(rule->matches.items[i]));
	for (size_t i = 0; rc == 0 && i < rule->differs.count; i++)
		rc = check_difference(checker, rule, span_of(rule->differs.items[i]));
	return rc;
}

static void check_prefilter(struct checker *checker)
{
	const struct ruleset *ruleset = checker->ruleset;

	for (size_t i = 0; i < ruleset->always.count; i++) {
		const struct test *test = &ruleset->tests[ruleset->always.items[i]];
		find(checker, FINDING_WARNING, &ruleset->rules[test->rule],
		     "the pattern holds no literal that every match needs, so it is tried on every text: %.*s", SPAN_ARG(test->text));
	}
}

int ruleset_check(const struct ruleset *ruleset, void (*report)(void *data, const struct finding *finding), void *data)
{
	struct checker checker = { .ruleset = ruleset, .report = report, .data = data };
	int rc = 0;

	checker.scratch = scratch_new();
	checker.arena = arena_new(ARENA_LIMIT);
	if (!checker.scratch || !checker.arena)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < ruleset->rule_count; i++)
		rc = check_rule(&checker, &ruleset->rules[i]);
	if (rc == 0)
		check_prefilter(&checker);
	scratch_free(checker.scratch);
	arena_free(checker.arena);
	return rc < 0 ? rc : checker.errors;
}

void ruleset_list(const struct ruleset *ruleset, void (*visit)(void *data, const struct rule_info *info), void *data)
{
	for (size_t i = 0; i < ruleset->rule_count; i++) {
		const struct rule *rule = &ruleset->rules[i];
		visit(data, &(struct rule_info){ .id = rule->id, .provider = ruleset->providers.names[rule->provider], .path = rule->path,
						 .line = rule->line, .class_id = rule->class_id, .effect = rule->effect,
						 .basis = rule->basis, .pattern = rule->pattern });
	}
}
