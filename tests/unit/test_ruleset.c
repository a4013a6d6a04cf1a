/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading rule sets: what is refused, with file and line, and what an operator can change. */
#include "rules_fixture.h"

#include <errno.h>

#include "base/buffer.h"
#include "classify/check.h"

struct refusal {
	const char *rules;
	unsigned line;
	const char *reason; /* a part of it */
};

static const struct refusal refusals[] = {
	{ "rule a {\n  class = no-such-class\n  text = {'abc'}\n}\n", 2, "no such class" },
	{ "rule a {\n  text = {'abc'}\n}\n", 1, "no class" },
	{ "\nrule a { class = spam }\n", 2, "no tag, text, word, status or reply" },
	{ "rule a { class = spam text = {'abc'} }\nrule a { class = spam text = {'abc'} }\n", 2, "duplicate" },
	{ "rule a {\n class = spam\n\n text = {'abc', '(abc'}\n}\n", 4, "missing closing parenthesis" },
	{ "rule a {\n class = spam\n text = {'too many{70000}'}\n}\n", 3, "number too big" },
	{ "rule a {\n class = spam\n text = {'no end\\b{1}'}\n}\n", 3, "repeatable" },
	{ "rule a {\n class = spam\n text = {'no utf-8 \xff'}\n}\n", 3, "UTF-8" },
	{ "rule a {\n class = spam\n text = {'a*'}\n}\n", 3, "matches the empty text" },
	{ "rule a {\n class = spam\n text = {'foo|b?'}\n}\n", 3, "matches the empty text" },
	{ "rule a { class = spam\n text = {'^(?=x)'} }\n", 2, "matches the empty text" },
	{ "rule a { class = spam\n text = {'(a+)+b'} }\n", 2, "backtracks without bound" },
	{ "rule a { class = spam\n text = {'spam: (?:\\w+ ?)+end'} }\n", 2, "backtracks without bound" },
	{ "rule a { class = spam\n text = {'(a|a)*b'} }\n", 2, "backtracks without bound" },
	{ "rule a { class = spam\n reply = {'5x5'} }\n", 2, "a reply is" },
	{ "rule a { class = spam\n reply = {'650'} }\n", 2, "a reply is" },
	{ "rule a { class = spam\n reply = {'560-550'} }\n", 2, "a reply is" },
	{ "rule a { class = spam\n status = {'5.1'} }\n", 2, "a status is" },
	{ "rule a { class = spam\n status = {'3.1.1'} }\n", 2, "a status is" },
	{ "rule a { class = spam\n status = {'5.*.1'} }\n", 2, "a status is" },
	{ "rule a { class = spam text = {'abc'}\n command = {'vrfy'} }\n", 2, "a command is" },
	{ "rule a { class = spam text = {'abc'}\n suppress = now }\n", 2, "not about the recipient" },
	{ "rule a { class = user-unknown text = {'abc'}\n suppress = reset }\n", 2, "only class delivered resets" },
	{ "rule a { class = user-unknown text = {'abc'}\n suppress = later }\n", 2, "suppress is" },
	{ "rule a { class = user-unknown\n tag = {'X-1'} }\n", 2, "names none" },
	{ "rule a { class = user-unknown provider = acme\n tag = {'x'} }\n", 2, "at least two characters" },
	{ "rule a { class = user-unknown text = {'abc'}\n provider = 'Ac me' }\n", 2, "a provider is" },
	{ "rule a { class = user-unknown text = {'abc'}\n provider = generic }\n", 2, "a provider is" },
	{ "rule a { class = user-unknown text = {'abc'}\n status-as = '5.1' }\n", 2, "status-as" },
	{ "rule a { class = user-unknown text = {'abc'}\n advice = nowhere }\n", 2, "no advice 'nowhere'" },
	{ "rule a { class = user-unknown\n instead-of = nobody reply = {'550'} }\n", 2, "no such class" },
	{ "rule a {\n class = user-unknown instead-of = user-unknown }\n", 1, "instead-of" },
	{ "rule a {\n class = spam instead-of = user-unknown reply = {'550'} text = {'abc'} }\n", 1, "instead-of" },
	{ "rule 'A b' { class = user-unknown text = {'abc'} }\n", 1, "an id is" },
	{ "rule kodama.suppressed { class = user-unknown text = {'abc'} }\n", 1, "built in" },
	{ "rule a {\n clas = spam\n}\n", 2, "no such option" },
	{ "rule a {\n class = spam\n priority = much\n}\n", 3, "priority" },
	{ "rule a {\n class = spam\n", 3, "" },
};

static void test_a_bad_file_is_refused_with_line_and_reason(void **state)
{
	struct folder folder;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "rules.d/a.rules", "rule fine { class = spam text = {'spam'} }\n");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct ruleset *ruleset = (struct ruleset *)&folder;
		struct complaint complaint;
		char path[128];
		folder_write(&folder, "rules.d/b.rules", refusals[i].rules);
		assert_int_equal(ruleset_load(folder.path, &ruleset, &complaint), -EINVAL);
		assert_ptr_equal(ruleset, &folder);
		snprintf(path, sizeof(path), "%s/rules.d/b.rules", folder.path);
		assert_string_equal(complaint.path, path);
		if (!strstr(complaint.text, refusals[i].reason) || (*refusals[i].reason && complaint.line != refusals[i].line))
			fail_msg("%s: line %u: %s", refusals[i].rules, complaint.line, complaint.text);
	}
	folder_remove(&folder);
}

static void test_an_id_belongs_to_one_file(void **state)
{
	struct folder folder;
	struct ruleset *ruleset;
	struct complaint complaint;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "rules.d/a.rules", "rule same { class = spam text = {'abc'} }\n");
	folder_write(&folder, "rules.d/b.rules", "\n\nrule same { class = spam text = {'abc'} }\n");
	assert_int_equal(ruleset_load(folder.path, &ruleset, &complaint), -EINVAL);
	assert_int_equal(complaint.line, 3);
	assert_non_null(strstr(complaint.text, "there already"));
	folder_remove(&folder);
}

static struct verdict classify_text(const struct ruleset *ruleset, const char *text)
{
	struct scratch *scratch = scratch_new();
	struct query query = { .text = span_of(text) };
	struct verdict verdict;

	assert_non_null(scratch);
	classify(ruleset, scratch, &query, &verdict);
	scratch_free(scratch);
	return verdict;
}

/* Who is in a hurry hears of it when a text has come that the pattern was needed for. */
static void test_what_was_broken_is_known_afterwards(void **state)
{
	struct folder folder;
	struct ruleset *ruleset;
	struct complaint complaint;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "rules.d/a.rules", "rule fine { class = user-unknown text = {'no such (?:user|mailbox)s?'} }\n"
						 "\nrule broken { class = spam text = {'looks like [z-a]junk'} }\n");
	assert_int_equal(ruleset_load_lazy(folder.path, &ruleset, &complaint), 0);
	assert_string_equal(classify_text(ruleset, "550 no such user").rule, "fine");
	assert_false(ruleset_find_broken(ruleset, &complaint));
	assert_string_equal(classify_text(ruleset, "550 looks like junk, no such user").rule, "fine");
	assert_true(ruleset_find_broken(ruleset, &complaint));
	assert_int_equal(complaint.line, 3);
	assert_non_null(strstr(complaint.text, "range out of order"));
	ruleset_free(ruleset);
	folder_remove(&folder);
}

static void test_local_rules_add_change_and_disable(void **state)
{
	struct folder folder;
	struct ruleset *ruleset;
	struct verdict verdict;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "rules.d/a.rules",
		     "rule one { class = user-unknown text = {'first thing'} status-as = '5.1.1' }\n"
		     "rule two { class = user-unknown text = {'second thing'} }\n");
	folder_write(&folder, "local.rules",
		     "provider = acme\n"
		     "rule one { class = mailbox-full }\n"
		     "rule two { enabled = no }\n"
		     "rule three { class = spam provider = '' text = {'third thing'} }\n");
	ruleset = load_or_fail(folder.path);
	assert_int_equal(ruleset_get_count(ruleset), 2);
	verdict = classify_text(ruleset, "550 first thing");
	assert_int_equal(verdict.class_id, CLASS_MAILBOX_FULL);
	assert_int_equal(verdict.effect, EFFECT_COUNT);
	assert_string_equal(verdict.status_as, "5.1.1");
	assert_string_equal(classify_text(ruleset, "550 second thing").rule, "");
	assert_string_equal(classify_text(ruleset, "550 third thing").rule, "three");
	ruleset_free(ruleset);
	folder_remove(&folder);
}

static void test_advice_by_name_provider_and_class(void **state)
{
	struct folder folder;
	struct ruleset *ruleset;
	struct verdict verdict;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "rules.d/a.rules",
		     "rule named { class = user-unknown advice = special text = {'first thing'} }\n"
		     "rule bound { class = user-unknown provider = acme text = {'second thing'} }\n"
		     "rule plain { class = user-unknown text = {'third thing'} }\n"
		     "rule bare { class = spam text = {'fourth thing'} }\n");
	folder_write(&folder, "providers.conf", "provider acme { text = {'- acmesmtp'} }\n");
	folder_write(&folder, "advice/a.advice",
		     "advice user-unknown { en = 'class' ja = 'kurasu' }\nadvice special { en = 'special' }\n"
		     "advice acme.user-unknown { en = 'acme' ja = 'akume' }\n");
	ruleset = load_or_fail(folder.path);
	verdict = classify_text(ruleset, "550 first thing");
	assert_string_equal(verdict.advice[LANGUAGE_EN], "special");
	assert_string_equal(verdict.advice[LANGUAGE_JA], "kurasu");
	assert_string_equal(classify_text(ruleset, "550 second thing - acmesmtp").advice[LANGUAGE_JA], "akume");
	assert_string_equal(classify_text(ruleset, "550 third thing - acmesmtp").advice[LANGUAGE_EN], "acme");
	assert_string_equal(classify_text(ruleset, "550 third thing").advice[LANGUAGE_EN], "class");
	assert_string_equal(classify_text(ruleset, "550 fourth thing").advice[LANGUAGE_EN], class_get_info(CLASS_SPAM)->meaning);
	ruleset_free(ruleset);
	folder_remove(&folder);
}

static void test_an_empty_folder_is_a_rule_set(void **state)
{
	struct folder folder;
	struct ruleset *ruleset;

	(void)state;
	folder_make(&folder);
	ruleset = load_or_fail(folder.path);
	assert_int_equal(ruleset_get_count(ruleset), 0);
	assert_int_equal(classify_text(ruleset, "550 5.1.1 no such user").class_id, CLASS_UNCLASSIFIED);
	assert_string_equal(classify_text(ruleset, "550 x (kodama-suppressed)").rule, "kodama.suppressed");
	ruleset_free(ruleset);
	folder_remove(&folder);
}

struct findings {
	unsigned errors, warnings;
	char text[2048];
};

static void take_finding(void *data, const struct finding *finding)
{
	struct findings *findings = data;
	size_t len = strlen(findings->text);

	findings->errors += finding->level == FINDING_ERROR;
	findings->warnings += finding->level == FINDING_WARNING;
	snprintf(findings->text + len, sizeof(findings->text) - len, "%u %s: %s\n", finding->line, finding->rule, finding->text);
}

static void check(const char *rules, struct findings *findings)
{
	struct ruleset *ruleset = load_text(rules);
	int errors;

	*findings = (struct findings){ .errors = 0 };
	errors = ruleset_check(ruleset, take_finding, findings);
	assert_int_equal(errors, findings->errors);
	ruleset_free(ruleset);
}

static void test_samples_prove_rules(void **state)
{
	struct findings findings;

	(void)state;
	check("rule good { class = spam text = {'abc'} matches = {'550 abc'} differs = {'550 xyz'} }\n"
	      "rule code { class = policy status = {'5.7.*'} }\n"
	      "rule bound { class = virus provider = acme reply = {554} command = {end-of-data} tag = {'X17'} matches = {'X17'} }\n",
	      &findings);
	assert_string_equal(findings.text, "");
	check("rule a.none { class = spam text = {'abcd'} }\n"
	      "rule b.fails { class = spam text = {'efgh'} matches = {'550 xyz'} }\n"
	      "rule c.long { class = spam text = {'ijkl mnop'} matches = {'550 ijkl mnop'} }\n"
	      "rule d.shadowed { class = spam text = {'mnop'} matches = {'550 ijkl mnop'} }\n"
	      "rule e.greedy { class = spam text = {'qrst'} matches = {'qrst'} differs = {'qrst and more'} }\n"
	      "rule f.code { class = spam status = {'5.7.99'} }\n"
	      "rule g.code { class = spam status = {'5.7.*'} }\n",
	      &findings);
	assert_int_equal(findings.errors, 5);
	assert_non_null(strstr(findings.text, "1 a.none: the rule has no sample"));
	assert_non_null(strstr(findings.text, "2 b.fails: the sample ends at no rule, and the rule does not match it: 550 xyz"));
	assert_non_null(strstr(findings.text, "4 d.shadowed: the sample ends at c.long, which shadows the rule"));
	assert_non_null(strstr(findings.text, "5 e.greedy: the sample should end elsewhere: qrst and more"));
	assert_non_null(strstr(findings.text, "7 g.code: the sample ends at f.code, which shadows the rule"));
}

static void test_ties_and_patterns_without_a_literal_are_reported(void **state)
{
	struct findings findings;

	(void)state;
	check("rule a { class = spam text = {'same words'} matches = {'550 same words'} }\n"
	      "rule b { class = virus text = {'same w..ds'} }\n"
	      "rule c { class = loop text = {'\\d\\w\\d'} matches = {'1a1'} }\n",
	      &findings);
	assert_int_equal(findings.warnings, 2);
	assert_non_null(strstr(findings.text, "'a' and 'b' tie"));
	assert_non_null(strstr(findings.text, "tried on every text: \\d\\w\\d"));
}

static void count_rule(void *data, const struct rule_info *info)
{
	assert_non_null(info->pattern);
	assert_non_null(info->provider);
	++*(size_t *)data;
}

static void test_list_names_every_rule(void **state)
{
	struct ruleset *ruleset = load_shipped();
	size_t count = 0;

	(void)state;
	ruleset_list(ruleset, count_rule, &count);
	assert_int_equal(count, ruleset_get_count(ruleset));
	assert_true(count > 100);
	ruleset_free(ruleset);
}

/* "user-unknown" as roff wants it. */
static void write_roff(const char *text, struct buffer *out)
{
	for (; *text; text++)
		buffer_printf(out, "%s%c", *text == '-' ? "\\" : "", *text);
}

static void test_manual_explains_every_class(void **state)
{
	static char page[1 << 17];
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/man/kodama.rules.5", getenv("top_srcdir"));
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		const struct class_info *info = class_get_info((enum class)i);
		struct buffer entry;
		buffer_init(&entry, 1000);
		buffer_printf(&entry, ".BR ");
		write_roff(info->name, &entry);
		buffer_printf(&entry, " \" (%s, %s)\"\n", scope_get_name(info->scope), effect_get_name(info->effect));
		write_roff(info->meaning, &entry);
		if (!strstr(page, buffer_get_text(&entry)))
			fail_msg("not in the manual: %s", buffer_get_text(&entry));
		buffer_done(&entry);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bad_file_is_refused_with_line_and_reason),
		cmocka_unit_test(test_an_id_belongs_to_one_file),
		cmocka_unit_test(test_what_was_broken_is_known_afterwards),
		cmocka_unit_test(test_local_rules_add_change_and_disable),
		cmocka_unit_test(test_advice_by_name_provider_and_class),
		cmocka_unit_test(test_an_empty_folder_is_a_rule_set),
		cmocka_unit_test(test_samples_prove_rules),
		cmocka_unit_test(test_ties_and_patterns_without_a_literal_are_reported),
		cmocka_unit_test(test_list_names_every_rule),
		cmocka_unit_test(test_manual_explains_every_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
