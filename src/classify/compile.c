/* SPDX-License-Identifier: BSD-2-Clause */
/* Drafts to rules, tests and indexes.  Loading only. */
#include "classify/compile.h"

#include <errno.h>
#include <stdlib.h>

#include "classify/alternative.h"
#include "classify/fold.h"
#include "classify/optfile.h"

enum { SCRAP_LIMIT = 16 * 1024 * 1024 };

/* What one rule is compiled with. */
struct compiler {
	struct ruleset *ruleset;
	struct arena *scrap; /* for one pattern at a time */
	const struct draft *draft;
	struct complaint *complaint;
};

/* A complaint about a value of the draft, with the line where the value stands. */
static int refuse(const struct compiler *compiler, const char *value, const char *why)
{
	const struct draft *draft = compiler->draft;
	unsigned line = optfile_find_line(draft->path, draft->line, value);

	complaint_set(compiler->complaint, draft->path, line, "rule '%s': '%s': %s", draft->id, value, why);
	return -EINVAL;
}

static int refuse_rule(const struct compiler *compiler, const char *why)
{
	const struct draft *draft = compiler->draft;

	complaint_set(compiler->complaint, draft->path, draft->line, "rule '%s': %s", draft->id, why);
	return -EINVAL;
}

/* Ids and providers are written into headers, logs and JSON as they are. */
static bool is_name(const char *text)
{
	for (const char *c = text; *c; c++) {
		bool is_fine = ascii_is_digit(*c) || (*c >= 'a' && *c <= 'z') || strchr("-._", *c);
		if (!is_fine)
			return false;
	}
	return *text && strlen(text) < 64;
}

static int set_class(const struct compiler *compiler, struct rule *rule)
{
	const char *name = compiler->draft->texts[DRAFT_CLASS];

	if (!name)
		return refuse_rule(compiler, "it has no class");
	if (!class_find(span_of(name), &rule->class_id))
		return refuse(compiler, name, "there is no such class");
	return 0;
}

/* Only evidence about the recipient may count against the recipient, whatever a file says. */
static int set_effect(const struct compiler *compiler, struct rule *rule)
{
	const struct class_info *info = class_get_info(rule->class_id);
	const char *name = compiler->draft->texts[DRAFT_SUPPRESS];
	bool is_about_recipient = info->scope == SCOPE_RECIPIENT || info->scope == SCOPE_DOMAIN;

	rule->effect = info->effect;
	rule->is_sign = info->scope == SCOPE_SENDER || info->scope == SCOPE_MESSAGE || info->scope == SCOPE_SUBMISSION;
	if (!name)
		return 0;
	if (!effect_find(span_of(name), &rule->effect))
		return refuse(compiler, name, "suppress is now, count, never or reset");
	if (rule->effect == EFFECT_RESET && rule->class_id != CLASS_DELIVERED)
		return refuse(compiler, name, "only class delivered resets");
	if ((rule->effect == EFFECT_NOW || rule->effect == EFFECT_COUNT) && !is_about_recipient)
		return refuse(compiler, name, "a class that is not about the recipient cannot count against it");
	return 0;
}

static int set_provider(const struct compiler *compiler, struct rule *rule)
{
	const char *name = compiler->draft->texts[DRAFT_PROVIDER];
	int rc;

	if (!name || !*name)
		return 0;
	if (!is_name(name) || strcmp(name, "generic") == 0)
		return refuse(compiler, name, "a provider is lower-case letters, digits, '-', '.' and '_', and not 'generic'");
	rc = providers_add(&compiler->ruleset->providers, name, &rule->provider);
	return rc == -ERANGE ? refuse(compiler, name, "there are too many providers") : rc;
}

static int set_replies(const struct compiler *compiler, struct rule *rule)
{
	const struct draft_values *values = &compiler->draft->lists[DRAFT_REPLY];
	struct reply_range *ranges = arena_alloc(compiler->ruleset->arena, (values->count + 1) * sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < values->count; i++) {
		if (reply_range_parse(span_of(values->items[i]), &ranges[i]) < 0)
			return refuse(compiler, values->items[i], "a reply is 550, 55x or 550-559");
	}
	rule->conditions.replies = ranges;
	rule->conditions.reply_count = values->count;
	return 0;
}

static int set_statuses(const struct compiler *compiler, struct rule *rule)
{
	const struct draft_values *values = &compiler->draft->lists[DRAFT_STATUS];
	struct status_range *ranges = arena_alloc(compiler->ruleset->arena, (values->count + 1) * sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < values->count; i++) {
		if (status_range_parse(span_of(values->items[i]), &ranges[i]) < 0)
			return refuse(compiler, values->items[i], "a status is 5.1.1, x.1.1, 5.1.*, 5.*.* or 5.7.500-699");
	}
	rule->conditions.statuses = ranges;
	rule->conditions.status_count = values->count;
	return 0;
}

static int set_commands(const struct compiler *compiler, struct rule *rule)
{
	const struct draft_values *values = &compiler->draft->lists[DRAFT_COMMAND];

	for (size_t i = 0; i < values->count; i++) {
		enum smtp_command command = smtp_command_find(span_of(values->items[i]));
		if (command == COMMAND_UNKNOWN)
			return refuse(compiler, values->items[i],
				      "a command is connect, ehlo, starttls, auth, mail, rcpt, data or end-of-data");
		rule->conditions.commands |= (uint16_t)(1u << command);
	}
	return 0;
}

static int set_instead_of(const struct compiler *compiler, struct rule *rule)
{
	const char *name = compiler->draft->texts[DRAFT_INSTEAD_OF];

	rule->instead_of = CLASS_COUNT;
	if (name && !class_find(span_of(name), &rule->instead_of))
		return refuse(compiler, name, "there is no such class");
	return 0;
}

static int set_rest(const struct compiler *compiler, struct rule *rule)
{
	const char *status_as = compiler->draft->texts[DRAFT_STATUS_AS];
	struct status status;

	rule->status_as = status_as ? status_as : "";
	if (*rule->status_as && (status_parse(span_of(status_as), &status) < 0 || status.class_digit == 2))
		return refuse(compiler, status_as, "status-as is the status of a failure, such as 5.1.1");
	if (compiler->draft->priority < -1000000 || compiler->draft->priority > 1000000)
		return refuse_rule(compiler, "the priority is out of bounds");
	rule->priority = (int32_t)compiler->draft->priority;
	rule->matches = (struct samples){ compiler->draft->lists[DRAFT_MATCHES].items, compiler->draft->lists[DRAFT_MATCHES].count };
	rule->differs = (struct samples){ compiler->draft->lists[DRAFT_DIFFERS].items, compiler->draft->lists[DRAFT_DIFFERS].count };
	return 0;
}

static int grow_tests(struct ruleset *ruleset)
{
	size_t size = ruleset->test_size ? ruleset->test_size * 2 : 1024;
	struct test *tests = realloc(ruleset->tests, size * sizeof(*tests));
	struct needs *needs;

	if (!tests)
		return -ENOMEM;
	ruleset->tests = tests;
	needs = realloc(ruleset->needs, size * sizeof(*needs));
	if (!needs)
		return -ENOMEM;
	ruleset->needs = needs;
	ruleset->test_size = size;
	return 0;
}

static struct test *add_test(struct ruleset *ruleset, enum test_kind kind, uint32_t number, struct span text)
{
	if (ruleset->test_count == ruleset->test_size && grow_tests(ruleset) < 0)
		return NULL;
	ruleset->tests[ruleset->test_count] = (struct test){ .kind = kind, .rule = number, .longest = LITERAL_FAR, .text = text };
	ruleset->needs[ruleset->test_count] = (struct needs){ .items = { { .count = 0 } } };
	return &ruleset->tests[ruleset->test_count++];
}

static bool has_span(const struct span *items, size_t count, struct span item)
{
	for (size_t i = 0; i < count; i++) {
		if (span_is_equal(items[i], item))
			return true;
	}
	return false;
}

static bool has_words(struct span words)
{
	size_t others = 0;

	for (size_t i = 0; others < 2 && i < words.len; i++)
		others += words.ptr[i] != ' ' && words.ptr[i] != FOLD_END;
	return words.len > GRAM_MIN && others == 2;
}

/*
 * A literal as the index files it: its words, or, where it has none to speak of, two bytes of it as they are.  Empty when it
 * is shorter; SPAN_NONE without memory.
 */
static struct span make_key(struct arena *arena, struct span literal)
{
	char *words = arena_take(arena, 2 * literal.len + 1);
	struct span key = words ? span_make(words, fold_words(literal, words)) : SPAN_NONE;

	if (!words || has_words(key))
		return key;
	while (literal.len > 0 && literal.ptr[0] == FOLD_BOUNDARY)
		literal = span_skip(literal, 1);
	while (literal.len > 0 && (literal.ptr[literal.len - 1] == FOLD_BOUNDARY || literal.ptr[literal.len - 1] == FOLD_END))
		literal.len--;
	return literal.len < GRAM_MIN ? SPAN_LIT("") : arena_copy(arena, span_slice(literal, 0, GRAM_MIN));
}

/* The literals of a need as keys, each once; none at all where one is too short for that. */
static int keep_need(struct arena *arena, const struct need *need, struct need *ret_kept)
{
	struct span *items = arena_take(arena, (need->count + 1) * sizeof(*items));
	struct need kept = { items, 0, need->reach };

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < need->count; i++) {
		struct span key = make_key(arena, need->items[i]);
		if (!span_is_known(key))
			return -ENOMEM;
		if (span_is_empty(key))
			return 0;
		items[kept.count] = key;
		kept.count += !has_span(items, kept.count, key);
	}
	*ret_kept = kept;
	return 0;
}

/* The literals, which live as long as the arena, as what a test matches. */
static int set_phrases(struct arena *arena, const struct span *literals, size_t count, struct test *test)
{
	struct phrase *phrases = arena_alloc(arena, count * sizeof(*phrases));

	if (!phrases)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct span text = literals[i];
		phrases[i].is_bounded_left = text.ptr[0] == FOLD_BOUNDARY;
		phrases[i].is_bounded_right = text.ptr[text.len - 1] == FOLD_BOUNDARY;
		phrases[i].text = span_slice(text, phrases[i].is_bounded_left, text.len - phrases[i].is_bounded_right);
		test->firsts |= 1u << (unsigned char)phrases[i].text.ptr[0] % 32;
	}
	test->phrases = phrases;
	test->phrase_count = (uint32_t)count;
	return 0;
}

static bool is_word(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* The text, folded, as a literal; of a whole word where it begins or ends with a part of one. */
static int fold_literal(struct arena *arena, const char *text, bool is_whole_word, struct span *ret_literal)
{
	size_t size = strlen(text) * 2 + FOLD_CHAR_SIZE, len;
	char *folded = arena_alloc(arena, size + 2);
	bool is_cut;

	if (!folded)
		return -ENOMEM;
	len = fold_text(span_of(text), folded + 1, size, &is_cut);
	if (is_cut || len < GRAM_MIN)
		return -EINVAL;
	*ret_literal = span_make(folded + 1, len);
	if (is_whole_word && is_word(folded[len]))
		folded[1 + ret_literal->len++] = FOLD_BOUNDARY;
	if (is_whole_word && is_word(folded[1])) {
		folded[0] = FOLD_BOUNDARY;
		*ret_literal = span_make(folded, ret_literal->len + 1);
	}
	return 0;
}

int compile_literal(struct ruleset *ruleset, enum test_kind kind, uint32_t number, const char *text)
{
	struct test *test = add_test(ruleset, kind, number, span_of(text));
	struct span literal;
	int rc = test ? fold_literal(ruleset->arena, text, kind == TEST_TAG, &literal) : -ENOMEM;

	if (rc == 0)
		rc = keep_need(ruleset->arena, &(struct need){ &literal, 1, 0 }, &ruleset->needs[test - ruleset->tests].items[0]);
	return rc == 0 ? set_phrases(ruleset->arena, &literal, 1, test) : rc;
}

static int add_tag(const struct compiler *compiler, uint32_t number, const char *text)
{
	int rc;

	if (compiler->ruleset->rules[number].provider == PROVIDER_NONE)
		return refuse(compiler, text, "a tag means something for a provider only, and the rule names none");
	rc = compile_literal(compiler->ruleset, TEST_TAG, number, text);
	return rc == -EINVAL ? refuse(compiler, text, "a tag has at least two characters") : rc;
}

static int add_alternative(const struct compiler *compiler, enum test_kind kind, uint32_t number, struct span text)
{
	struct ruleset *ruleset = compiler->ruleset;
	struct literals literals;
	char reason[PATTERN_REASON_SIZE];
	struct test *test = add_test(ruleset, kind, number, text);
	struct needs *needs;
	int rc;

	if (!test)
		return -ENOMEM;
	arena_reset(compiler->scrap);
	if (ruleset->is_lazy)
		rc = pattern_new_lazy(text, ruleset->is_jit, compiler->scrap, &literals, &test->pattern);
	else
		rc = pattern_new(text, ruleset->is_jit, compiler->scrap, &literals, &test->pattern, reason);
	if (rc == -EINVAL)
		return refuse(compiler, arena_copy(ruleset->arena, text).ptr, reason);
	if (rc < 0)
		return rc;
	test->is_anchored = pattern_is_anchored(test->pattern);
	test->longest = (uint32_t)literals.longest;
	test->is_bound = ruleset->rules[number].provider != PROVIDER_NONE;
	needs = &ruleset->needs[test - ruleset->tests];
	for (unsigned i = 0; rc == 0 && i < NEEDS; i++)
		rc = keep_need(ruleset->arena, &literals.needs[i], &needs->items[i]);
	if (rc < 0 || literals.exact_count == 0)
		return rc;
	pattern_free(test->pattern);
	test->pattern = NULL;
	for (size_t i = 0; i < literals.exact_count; i++) {
		literals.exact[i] = arena_copy(ruleset->arena, literals.exact[i]);
		if (!span_is_known(literals.exact[i]))
			return -ENOMEM;
	}
	return set_phrases(ruleset->arena, literals.exact, literals.exact_count, test);
}

static int add_pattern(const struct compiler *compiler, enum test_kind kind, uint32_t number, const char *text)
{
	struct alternatives alternatives = alternatives_of(span_of(text));
	int rc = 0;

	while (rc == 0 && span_is_known(alternatives.rest))
		rc = add_alternative(compiler, kind, number, alternatives_take(&alternatives));
	return rc;
}

static const struct {
	enum draft_list list;
	enum test_kind kind;
	enum basis basis;
} sources[] = { { DRAFT_TAG, TEST_TAG, BASIS_TAG }, { DRAFT_TEXT, TEST_TEXT, BASIS_PHRASE }, { DRAFT_WORD, TEST_WORD, BASIS_WORD } };

static int set_tests(const struct compiler *compiler, struct rule *rule, uint32_t number)
{
	rule->pattern = "";
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		const struct draft_values *values = &compiler->draft->lists[sources[i].list];
		for (size_t j = 0; j < values->count; j++) {
			int rc = sources[i].kind == TEST_TAG ? add_tag(compiler, number, values->items[j]) :
							       add_pattern(compiler, sources[i].kind, number, values->items[j]);
			if (rc < 0)
				return rc;
		}
		if (values->count > 0 && rule->basis == BASIS_NONE) {
			rule->basis = sources[i].basis;
			rule->pattern = values->items[0];
		}
	}
	if (rule->instead_of != CLASS_COUNT) {
		if (rule->basis != BASIS_NONE || conditions_get_count(&rule->conditions) == 0)
			return refuse_rule(compiler, "a rule with instead-of has a status, reply or command, and no tag, text or word");
		rule->basis = BASIS_PHRASE;
	}
	if (rule->basis == BASIS_NONE && rule->conditions.status_count > 0)
		rule->basis = BASIS_STATUS;
	else if (rule->basis == BASIS_NONE && rule->conditions.reply_count > 0)
		rule->basis = BASIS_REPLY;
	return rule->basis == BASIS_NONE ? refuse_rule(compiler, "it has no tag, text, word, status or reply") : 0;
}

static int compile_rule(const struct compiler *compiler, uint32_t number)
{
	struct rule *rule = &compiler->ruleset->rules[number];
	const struct draft *draft = compiler->draft;
	int rc;

	*rule = (struct rule){ .id = draft->id, .path = draft->path, .line = draft->line, .advice = ADVICE_BY_CLASS };
	if (!is_name(draft->id))
		return refuse_rule(compiler, "an id is lower-case letters, digits, '-', '.' and '_', at most 63 of them");
	if (strcmp(draft->id, OWN_MARK_RULE) == 0)
		return refuse_rule(compiler, "this rule is built in and cannot be changed");
	rc = set_class(compiler, rule);
	if (rc == 0)
		rc = set_instead_of(compiler, rule);
	if (rc == 0)
		rc = set_effect(compiler, rule);
	if (rc == 0)
		rc = set_provider(compiler, rule);
	if (rc == 0)
		rc = set_replies(compiler, rule);
	if (rc == 0)
		rc = set_statuses(compiler, rule);
	if (rc == 0)
		rc = set_commands(compiler, rule);
	if (rc == 0)
		rc = set_rest(compiler, rule);
	return rc == 0 ? set_tests(compiler, rule, number) : rc;
}

static int compare_drafts(const void *a, const void *b)
{
	return strcmp((*(const struct draft *const *)a)->id, (*(const struct draft *const *)b)->id);
}

/* The drafts that are enabled, sorted by id; the caller's. */
static const struct draft **sort_drafts(const struct drafts *drafts, size_t *ret_count)
{
	const struct draft **sorted = calloc(drafts->count + 1, sizeof(*sorted));
	size_t count = 0;

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < drafts->count; i++) {
		if (drafts->items[i].is_enabled)
			sorted[count++] = &drafts->items[i];
	}
	qsort(sorted, count, sizeof(*sorted), compare_drafts);
	*ret_count = count;
	return sorted;
}

int compile_rules(struct ruleset *ruleset, const struct drafts *drafts, struct complaint *complaint)
{
	size_t count = 0;
	const struct draft **sorted = sort_drafts(drafts, &count);
	struct arena *scrap = arena_new(SCRAP_LIMIT);
	int rc = 0;

	ruleset->rules = calloc(count + 1, sizeof(*ruleset->rules));
	if (!sorted || !scrap || !ruleset->rules)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct compiler compiler = { ruleset, scrap, sorted[i], complaint };
		rc = compile_rule(&compiler, (uint32_t)i);
		ruleset->rule_count = i + 1;
	}
	free(sorted);
	arena_free(scrap);
	return rc;
}
