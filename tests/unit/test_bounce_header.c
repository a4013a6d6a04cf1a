/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written into headers and refusals, to the letter (DESIGN section 8), and what hostile text cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "reply/action.h"
#include "reply/header.h"

#define HOST "mx1.example.jp"

static struct outcome gone_outcome(void)
{
	return (struct outcome){
		.recipient = SPAN_LIT("user@example.com"),
		.action = ACTION_FAILED,
		.reply = 550,
		.status = { 5, 1, 1 },
		.text = SPAN_LIT("The email account does not exist"),
		.proof = PROOF_TOKEN,
	};
}

static struct verdict gone_verdict(void)
{
	return (struct verdict){
		.class_id = CLASS_USER_UNKNOWN,
		.scope = SCOPE_RECIPIENT,
		.effect = EFFECT_NOW,
		.bounce = BOUNCE_HARD,
		.basis = BASIS_PHRASE,
		.confidence = CONFIDENCE_RULE,
		.rule = "google.no-such-user",
		.provider = "google",
		.advice = { "Remove the address: the mailbox does not exist.",
			    "宛先を配信リストから外してください。このメールボックスは存在しません。" },
		.status_as = "",
	};
}

static const struct decision suppressed = { .kind = DECISION_SUPPRESSED, .until_s = TIME_FOREVER };

struct fixture {
	struct arena *arena;
	struct edits edits;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->arena = arena_new(0);
	*state = fixture;
	return fixture->arena ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static const struct edit *get_edit(const struct fixture *fixture, size_t index)
{
	const struct edit *edit = fixture->edits.first;

	while (edit && index--)
		edit = edit->next;
	assert_non_null(edit);
	return edit;
}

static void assert_edit(const struct fixture *fixture, size_t index, const char *name, const char *value)
{
	const struct edit *edit = get_edit(fixture, index);

	assert_int_equal(edit->kind, EDIT_ADD_HEADER);
	assert_string_equal(edit->name, name);
	assert_string_equal(edit->value, value);
}

static void assert_result(void **state, const struct result *result, const char *wanted)
{
	struct fixture *fixture = *state;

	assert_string_equal(header_format_result(result, HOST, fixture->arena).ptr, wanted);
}

static void test_result_and_advice_as_the_contract_shows_them(void **state)
{
	struct fixture *fixture = *state;
	struct outcome outcome = gone_outcome();
	struct verdict verdict = gone_verdict();
	struct result result = { &outcome, &verdict, &suppressed, false };

	assert_int_equal(header_write(&result, 1, HOST, LANGUAGE_EN, fixture->arena, &fixture->edits), 0);
	assert_int_equal(fixture->edits.count, 2);
	assert_edit(fixture, 0, "X-Bounce-Result",
		    "mx1.example.jp; rcpt=<user@example.com>; action=failed;\n"
		    " class=user-unknown; scope=recipient; bounce=hard; reply=550; status=5.1.1;\n"
		    " provider=google; basis=phrase; rule=google.no-such-user; proof=token;\n"
		    " suppress=now; decision=suppressed; until=forever");
	assert_edit(fixture, 1, "X-Bounce-Advice",
		    "mx1.example.jp; rule=google.no-such-user; lang=en;\n"
		    " Remove the address: the mailbox does not exist.");
}

static void test_japanese_advice_is_encoded_between_characters(void **state)
{
	struct fixture *fixture = *state;
	struct outcome outcome = gone_outcome();
	struct verdict verdict = gone_verdict();
	struct result result = { &outcome, &verdict, &suppressed, false };

	assert_int_equal(header_write(&result, 1, HOST, LANGUAGE_JA, fixture->arena, &fixture->edits), 0);
	assert_edit(fixture, 1, "X-Bounce-Advice",
		    "mx1.example.jp; rule=google.no-such-user; lang=ja;\n"
		    " =?UTF-8?B?5a6b5YWI44KS6YWN5L+h44Oq44K544OI44GL44KJ5aSW44GX44Gm44GP44Gg?=\n"
		    " =?UTF-8?B?44GV44GE44CC44GT44Gu44Oh44O844Or44Oc44OD44Kv44K544Gv5a2Y5Zyo?=\n"
		    " =?UTF-8?B?44GX44G+44Gb44KT44CC?=");
}

static void test_what_is_unknown_is_absent(void **state)
{
	struct outcome outcome = { .action = ACTION_UNKNOWN };
	struct verdict verdict = { .rule = "", .provider = "", .advice = { "", "" }, .status_as = "" };
	struct result result = { &outcome, &verdict, NULL, false };

	assert_result(state, &result,
		      HOST "; class=unclassified; scope=none;\n bounce=none; basis=none; suppress=never");
}

/* The value of a result in one line. */
static const char *format_unfolded(struct fixture *fixture, const struct result *result)
{
	struct span value = header_format_result(result, HOST, fixture->arena);
	char *text = malloc(value.len + 1);
	size_t len = 0;

	assert_non_null(text);
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] != '\n')
			text[len++] = value.ptr[i];
	struct span copy = arena_copy(fixture->arena, span_make(text, len));
	free(text);
	return copy.ptr;
}

/* What stands from `key` on. */
static const char *find_pair(const char *value, const char *key)
{
	const char *pair = strstr(value, key);

	assert_non_null(pair);
	return pair;
}

static void test_each_decision_has_what_belongs_to_it(void **state)
{
	static const struct {
		struct decision decision;
		const char *wanted;
	} cases[] = {
		{ { .kind = DECISION_NONE, .until_s = 5, .count = 1, .after = 3 }, "decision=none" },
		{ { .kind = DECISION_COUNTED, .count = 2, .after = 3 }, "decision=counted; count=2/3" },
		{ { .kind = DECISION_SUPPRESSED, .until_s = 1795293362 },
		  "decision=suppressed; until=2026-11-21T20:36:02Z" },
		{ { .kind = DECISION_HELD, .until_s = 1795293362 }, "decision=held; until=2026-11-21T20:36:02Z" },
		{ { .kind = DECISION_EXEMPT, .until_s = 5 }, "decision=exempt" },
		{ { .kind = DECISION_UNPROVED }, "decision=unproved" },
		{ { .kind = DECISION_DRY_RUN, .until_s = TIME_FOREVER }, "decision=dry-run; until=forever" },
	};
	struct fixture *fixture = *state;
	struct outcome outcome = { .action = ACTION_FAILED };
	struct verdict verdict = gone_verdict();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result = { &outcome, &verdict, &cases[i].decision, false };
		assert_string_equal(find_pair(format_unfolded(fixture, &result), "decision="), cases[i].wanted);
	}
}

static void test_backscatter_follows_the_proof(void **state)
{
	struct outcome outcome = { .action = ACTION_FAILED, .proof = PROOF_NONE };
	struct verdict verdict = gone_verdict();
	struct result result = { &outcome, &verdict, NULL, true };
	struct fixture *fixture = *state;

	assert_string_equal(find_pair(format_unfolded(fixture, &result), "proof="),
			    "proof=none; backscatter=likely; suppress=now");
}

static void test_recipients_are_escaped(void **state)
{
	static const struct {
		const char *recipient, *wanted;
	} cases[] = {
		{ "user+tag@example.com", "rcpt=<user\\x{2B}tag@example.com>" },
		{ "a=b@EXAMPLE.COM", "rcpt=<a\\x{3D}b@example.com>" },
		{ "木霊@例え.jp", "rcpt=<\\x{6728}\\x{970A}@xn--r8jz45g.jp>" },
		{ "\"a b;c\"@example.com", "rcpt=<\\x{22}a\\x{20}b\\x{3B}c\\x{22}@example.com>" },
		{ "x>\r\nX-Evil: 1@example.com", "rcpt=<x\\x{3E}\\x{0D}\\x{0A}X-Evil:\\x{20}1@example.com>" },
		{ "a; suppress=never@example.com", "rcpt=<a\\x{3B}\\x{20}suppress\\x{3D}never@example.com>" },
		{ "back\\slash@example.com", "rcpt=<back\\x{5C}slash@example.com>" },
		{ "\xff\xfe@example.com", "rcpt=<\\x{FFFD}\\x{FFFD}@example.com>" },
		{ "no-domain", "rcpt=<no-domain>" },
		{ "a@b<c@exa mple.com", "rcpt=<a@b\\x{3C}c@exa\\x{20}mple.com>" },
		{ "\xf0\x9f\x93\xaa@example.com", "rcpt=<\\x{1F4EA}@example.com>" },
	};
	struct fixture *fixture = *state;
	struct verdict verdict = gone_verdict();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = { .recipient = span_of(cases[i].recipient) };
		struct result result = { &outcome, &verdict, NULL, false };
		const char *rcpt = find_pair(format_unfolded(fixture, &result), "rcpt=");
		size_t len = strcspn(rcpt, "; ");
		assert_string_equal(arena_copy(fixture->arena, span_make(rcpt, len)).ptr, cases[i].wanted);
	}
}

static void test_a_recipient_that_does_not_fit_is_absent(void **state)
{
	struct fixture *fixture = *state;
	char *recipient = malloc(70000);
	struct verdict verdict = gone_verdict();

	assert_non_null(recipient);
	memset(recipient, 'a', 70000);
	memcpy(recipient + 70000 - 12, "@example.com", 12);
	struct outcome outcome = { .recipient = span_make(recipient, 70000), .action = ACTION_FAILED };
	struct result result = { &outcome, &verdict, NULL, false };
	struct span value = header_format_result(&result, HOST, fixture->arena);
	assert_true(span_has_prefix(value, SPAN_LIT(HOST "; action=failed;")));
	free(recipient);
}

static void test_no_word_of_the_remote_is_written(void **state)
{
	struct fixture *fixture = *state;
	struct span secret = SPAN_LIT("remotewords");
	struct outcome outcome = gone_outcome();
	struct verdict verdict = gone_verdict();
	struct result result = { &outcome, &verdict, &suppressed, false };

	outcome.text = outcome.remote_mta = outcome.reporting_mta = outcome.queue_id = secret;
	outcome.envelope_id = outcome.message_id = outcome.original_recipient = outcome.sender = secret;
	outcome.token = secret;
	assert_int_equal(header_write(&result, 1, HOST, LANGUAGE_EN, fixture->arena, &fixture->edits), 0);
	for (const struct edit *edit = fixture->edits.first; edit; edit = edit->next)
		assert_true(span_find(span_of(edit->value), secret, 0) == SIZE_MAX);
}

static void test_words_of_rules_cannot_break_the_line_or_the_pair(void **state)
{
	struct outcome outcome = { .action = ACTION_FAILED };
	struct verdict verdict = gone_verdict();
	struct result result = { &outcome, &verdict, NULL, false };

	verdict.rule = "a;b\r\nX-Evil: 1";
	verdict.provider = "caf\xc3\xa9";
	assert_result(state, &result,
		      HOST "; action=failed; class=user-unknown;\n scope=recipient; bounce=hard; "
			   "provider=caf??; basis=phrase;\n rule=a?b??X-Evil:?1; suppress=now");
}

static void test_fifty_results_and_a_count_of_the_rest(void **state)
{
	struct fixture *fixture = *state;
	struct outcome outcome = gone_outcome();
	struct verdict verdict = gone_verdict();
	struct result results[173];

	for (size_t i = 0; i < 173; i++)
		results[i] = (struct result){ &outcome, &verdict, &suppressed, false };
	assert_int_equal(header_write(results, 173, HOST, LANGUAGE_EN, fixture->arena, &fixture->edits), 0);
	assert_int_equal(fixture->edits.count, 50 + 1 + 1);
	assert_edit(fixture, 50, "X-Bounce-Result", "mx1.example.jp; more=123");
	assert_string_equal(get_edit(fixture, 51)->name, "X-Bounce-Advice");
}

static void test_one_advice_for_each_rule(void **state)
{
	struct fixture *fixture = *state;
	struct outcome outcome = gone_outcome();
	struct verdict verdicts[5];
	struct result results[5];

	for (size_t i = 0; i < 5; i++) {
		verdicts[i] = gone_verdict();
		results[i] = (struct result){ &outcome, &verdicts[i], NULL, false };
	}
	verdicts[1].rule = "docomo.filter";
	verdicts[3].rule = verdicts[4].rule = "";
	verdicts[4].class_id = CLASS_EXPIRED;
	assert_int_equal(header_write(results, 5, HOST, LANGUAGE_EN, fixture->arena, &fixture->edits), 0);
	assert_int_equal(fixture->edits.count, 5 + 4);
	assert_edit(fixture, 6, "X-Bounce-Advice",
		    "mx1.example.jp; rule=docomo.filter; lang=en;\n Remove the address: the mailbox does not exist.");
	assert_edit(fixture, 7, "X-Bounce-Advice",
		    "mx1.example.jp; lang=en;\n Remove the address: the mailbox does not exist.");
}

static void test_our_names_in_any_case(void **state)
{
	(void)state;
	assert_true(header_is_ours(SPAN_LIT("x-bounce-RESULT")));
	assert_true(header_is_ours(SPAN_LIT("X-Bounce-Advice")));
	assert_true(header_is_ours(SPAN_LIT("X-KODAMA-TOKEN")));
	assert_false(header_is_ours(SPAN_LIT("X-Bounce-Results")));
	assert_false(header_is_ours(SPAN_LIT("")));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *template, *recipient, *wanted;
	} cases[] = {
		{ NULL, "user@example.com",
		  "<user@example.com>: suppressed since 2026-11-21: user-unknown (kodama-suppressed)" },
		{ "see https://example.jp/why?a=%r (%c, %d) 100%%", "a+b@example.com",
		  "see https://example.jp/why?a=a+b@example.com (user-unknown, 2026-11-21) 100% (kodama-suppressed)" },
		{ "gone\r\n250 OK", "a@example.com", "gone??250 OK (kodama-suppressed)" },
		{ "", "a@example.com", "(kodama-suppressed)" },
		{ "no more mail (kodama-suppressed)", "a@example.com", "no more mail (kodama-suppressed)" },
		{ "odd %q end %", "a@example.com", "odd %q end % (kodama-suppressed)" },
		{ "%r", "木霊@example.com", "\\x{6728}\\x{970A}@example.com (kodama-suppressed)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[REFUSAL_SIZE];
		struct address address = { .len = (uint16_t)strlen(cases[i].recipient) };
		memcpy(address.text, cases[i].recipient, address.len);
		assert_string_equal(
			refusal_format(cases[i].template, &address, 1795293362, CLASS_USER_UNKNOWN, text),
			cases[i].wanted);
	}
}

static void test_a_long_refusal_fits_a_reply_line_and_keeps_the_mark(void **state)
{
	char template[2000];
	char text[REFUSAL_SIZE];
	struct address address = { .text = "a@example.com", .len = 13 };

	(void)state;
	memset(template, 'x', sizeof(template) - 1);
	template[sizeof(template) - 1] = '\0';
	refusal_format(template, &address, 0, CLASS_USER_UNKNOWN, text);
	assert_true(strlen("550 5.1.1 ") + strlen(text) + strlen("\r\n") <= 512);
	assert_true(span_has_suffix_nocase(span_of(text), SPAN_LIT("xxx (kodama-suppressed)")));
}

static void test_edits_keep_their_order_and_stop_at_the_limit(void **state)
{
	struct fixture *fixture = *state;
	struct arena *small = arena_new(256);
	struct edits few = { 0 };
	int error = 0;

	assert_int_equal(edits_add(&fixture->edits, fixture->arena, EDIT_REMOVE_HEADER, "A", NULL, 2), 0);
	assert_int_equal(edits_add(&fixture->edits, fixture->arena, EDIT_REMOVE_RECIPIENT, "<a@example.com>", NULL, 0), 0);
	assert_string_equal(get_edit(fixture, 0)->name, "A");
	assert_int_equal(get_edit(fixture, 0)->index, 2);
	assert_null(get_edit(fixture, 0)->value);
	assert_string_equal(get_edit(fixture, 1)->name, "<a@example.com>");
	for (int i = 0; i < 100 && !error; i++)
		error = edits_add(&few, small, EDIT_ADD_HEADER, "Name", "value", 0);
	assert_int_equal(error, -ENOMEM);
	assert_true(few.count > 0 && few.count < 10);
	arena_free(small);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_result_and_advice_as_the_contract_shows_them),
		CASE(test_japanese_advice_is_encoded_between_characters),
		CASE(test_what_is_unknown_is_absent),
		CASE(test_each_decision_has_what_belongs_to_it),
		CASE(test_backscatter_follows_the_proof),
		CASE(test_recipients_are_escaped),
		CASE(test_a_recipient_that_does_not_fit_is_absent),
		CASE(test_no_word_of_the_remote_is_written),
		CASE(test_words_of_rules_cannot_break_the_line_or_the_pair),
		CASE(test_fifty_results_and_a_count_of_the_rest),
		CASE(test_one_advice_for_each_rule),
		CASE(test_our_names_in_any_case),
		CASE(test_refusals),
		CASE(test_a_long_refusal_fits_a_reply_line_and_keeps_the_mark),
		CASE(test_edits_keep_their_order_and_stop_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
