/* SPDX-License-Identifier: BSD-2-Clause */
/* The command's options, lines of responses, and the keys of its JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/outcome_json.h"
#include "cli/response.h"

static const uint64_t taken = OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_HELP);

static void test_options_stand_anywhere(void **state)
{
	char *args[] = { "add", "--etc", "/x", "a@example.com", "--format=json", "-", "--", "--etc", "-x" };
	struct options options;
	char why[OPTIONS_WHY_SIZE];

	(void)state;
	assert_int_equal(options_parse(&options, taken, args, 9, why), 0);
	assert_string_equal(options.values[OPTION_ETC], "/x");
	assert_true(options_is(&options, OPTION_FORMAT, "json"));
	assert_null(options.values[OPTION_HELP]);
	assert_int_equal(options.arg_count, 5);
	assert_string_equal(options.args[0], "add");
	assert_string_equal(options.args[1], "a@example.com");
	assert_string_equal(options.args[2], "-");
	assert_string_equal(options.args[3], "--etc");
	assert_string_equal(options.args[4], "-x");
}

static void test_wrong_options_are_named(void **state)
{
	static const struct {
		char *args[2];
		size_t count;
		const char *why;
	} cases[] = {
		{ { "--format=xml" }, 1, "--format is one of text|json, not 'xml'" },
		{ { "--format=" }, 1, "--format is one of text|json, not ''" },
		{ { "--format=text|json" }, 1, "--format is one of text|json, not 'text|json'" },
		{ { "--etc" }, 1, "--etc needs a value: --etc=DIR" },
		{ { "--help=x" }, 1, "--help takes no value" },
		{ { "--lang=en" }, 1, "there is no option --lang" },
		{ { "--form", "json" }, 2, "there is no option --form" },
		{ { "-x" }, 1, "there is no option -x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *args[2] = { cases[i].args[0], cases[i].args[1] };
		struct options options;
		char why[OPTIONS_WHY_SIZE] = "";
		assert_int_equal(options_parse(&options, taken, args, cases[i].count, why), -EINVAL);
		assert_string_equal(why, cases[i].why);
	}
}

static void assert_span(struct span text, const char *wanted)
{
	if (!wanted) {
		assert_int_equal(text.len, 0);
		return;
	}
	if (!span_is_equal(text, span_of(wanted)))
		fail_msg("'%.*s' is not '%s'", SPAN_ARG(text), wanted);
}

static void test_lines_of_responses(void **state)
{
	static const struct {
		const char *line;
		const char *provider, *text, *recipient, *remote;
		unsigned reply;
		struct status status;
		enum smtp_command command;
	} cases[] = {
		{ "550 5.1.1 No such user", NULL, "No such user", NULL, NULL, 550, { 5, 1, 1 }, COMMAND_UNKNOWN },
		{ "just words", NULL, "just words", NULL, NULL, 0, { 0 }, COMMAND_UNKNOWN },
		{ "google\t550\t5.1.1\tNo such user", "google", "No such user", NULL, NULL, 550, { 5, 1, 1 }, COMMAND_UNKNOWN },
		/* what the caller says goes before what the text says */
		{ "\t451\t4.7.1\t550 5.1.1 No such user\t", NULL, "No such user", NULL, NULL, 451, { 4, 7, 1 }, COMMAND_UNKNOWN },
		{ "\t451\t\t550 5.1.1 No such user", NULL, "No such user", NULL, NULL, 451, { 5, 1, 1 }, COMMAND_UNKNOWN },
		{ "\t\t\thost x.example[192.0.2.1] said: 550 No (in reply to RCPT TO command)\ta@example.com", NULL, "No",
		  "a@example.com", "x.example", 550, { 0 }, COMMAND_RCPT },
		{ "\t\t\thost x.example[192.0.2.1] said: 550 No\t\ty.example", NULL, "No", NULL, "y.example", 550, { 0 },
		  COMMAND_UNKNOWN },
		{ "shanon\t\t\t42521", "shanon", "42521", NULL, NULL, 0, { 0 }, COMMAND_UNKNOWN },
		{ " google \t 550 \t 5.7.500-699 \t", "google", NULL, NULL, NULL, 550, { 5, 7, 500 }, COMMAND_UNKNOWN },
		{ "\t\t\t", NULL, NULL, NULL, NULL, 0, { 0 }, COMMAND_UNKNOWN },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct response response;
		const char *why = "";
		assert_int_equal(response_parse(span_of(cases[i].line), arena, &response, &why), 0);
		assert_span(response.provider, cases[i].provider);
		assert_span(response.outcome.text, cases[i].text);
		assert_span(response.outcome.recipient, cases[i].recipient);
		assert_span(response.outcome.remote_mta, cases[i].remote);
		assert_int_equal(response.outcome.reply, cases[i].reply);
		assert_true(status_is_equal(response.outcome.status, cases[i].status));
		assert_int_equal(response.outcome.command, cases[i].command);
		assert_int_equal(response.outcome.source, SOURCE_RESPONSE);
		assert_int_equal(response.outcome.kind, KIND_RESPONSE);
	}
	arena_free(arena);
}

static void test_unreadable_lines_of_responses(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "a\tb", "fewer than four fields" },
		{ "google\t550\t5.1.1", "fewer than four fields" },
		{ "\t\t\t\t\t\t", "more than six fields" },
		{ "google\t55\t5.1.1\tx", "the second field is no SMTP reply code" },
		{ "google\t42521\t\tx", "the second field is no SMTP reply code" },
		{ "google\t199\t\tx", "the second field is no SMTP reply code" },
		{ "google\t600\t\tx", "the second field is no SMTP reply code" },
		{ "google\t+55\t\tx", "the second field is no SMTP reply code" },
		{ "google\t550\t5.1\tx", "the third field is no enhanced status code" },
		{ "google\t550\t6.1.1\tx", "the third field is no enhanced status code" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct response response;
		const char *why = "";
		assert_int_equal(response_parse(span_of(cases[i].line), arena, &response, &why), -EINVAL);
		assert_string_equal(why, cases[i].why);
	}
	arena_free(arena);
}

static char *make_json(const struct place *place, const struct outcome *outcome, const struct verdict *verdict, enum language language)
{
	struct json_line line;

	json_line_init(&line);
	struct span text = outcome_format_json(&line, place, outcome, verdict, language);
	assert_true(span_is_known(text) && text.ptr[text.len - 1] == '\n');
	char *copy = strndup(text.ptr, text.len - 1);
	assert_non_null(copy);
	json_line_done(&line);
	return copy;
}

/* DESIGN section 9, every key, in its order. */
static void test_all_keys_in_the_order_of_the_contract(void **state)
{
	struct place place = { .file = "bounces/1.eml", .index = 2, .line = 7 };
	struct outcome outcome = {
		.recipient = SPAN_LIT("user@example.com"),
		.original_recipient = SPAN_LIT("alias@example.com"),
		.sender = SPAN_LIT("sender@example.jp"),
		.action = ACTION_FAILED,
		.reply = 550,
		.status = { 5, 1, 1 },
		.text = SPAN_LIT("No such user"),
		.command = COMMAND_RCPT,
		.remote_mta = SPAN_LIT("mx.example.com"),
		.reporting_mta = SPAN_LIT("mx1.example.jp"),
		.queue_id = SPAN_LIT("4jX3rL3M9mz1cMcN"),
		.envelope_id = SPAN_LIT("env-1"),
		.message_id = SPAN_LIT("m1@example.jp"),
		.time_s = 1795293362,
		.source = SOURCE_FILE,
		.kind = KIND_DSN,
		.proof = PROOF_TOKEN,
	};
	struct verdict verdict = {
		.class_id = CLASS_USER_UNKNOWN,
		.scope = SCOPE_RECIPIENT,
		.effect = EFFECT_NOW,
		.bounce = BOUNCE_HARD,
		.basis = BASIS_PHRASE,
		.confidence = CONFIDENCE_RULE,
		.rule = "google.no-such-user",
		.provider = "google",
		.advice = { "Remove it.", "外す。" },
		.status_as = "",
	};
	char *text = make_json(&place, &outcome, &verdict, LANGUAGE_JA);

	(void)state;
	assert_string_equal(
		text, "{\"file\":\"bounces/1.eml\",\"index\":2,\"line\":7,\"recipient\":\"user@example.com\","
		      "\"original_recipient\":\"alias@example.com\",\"sender\":\"sender@example.jp\",\"action\":\"failed\","
		      "\"reply\":\"550\",\"status\":\"5.1.1\",\"text\":\"No such user\",\"command\":\"rcpt\","
		      "\"remote_mta\":\"mx.example.com\",\"reporting_mta\":\"mx1.example.jp\",\"queue_id\":\"4jX3rL3M9mz1cMcN\","
		      "\"envelope_id\":\"env-1\",\"message_id\":\"m1@example.jp\",\"time\":\"2026-11-21T20:36:02Z\","
		      "\"source\":\"file\",\"kind\":\"dsn\",\"class\":\"user-unknown\",\"scope\":\"recipient\",\"bounce\":\"hard\","
		      "\"suppress\":\"now\",\"basis\":\"phrase\",\"rule\":\"google.no-such-user\",\"provider\":\"google\","
		      "\"advice\":\"外す。\",\"proof\":\"token\",\"confidence\":\"rule\"}");
	free(text);
}

static void test_unknown_keys_are_absent_and_a_null_sender_is_known(void **state)
{
	struct place place = { .file = "-", .index = 1 };
	struct outcome outcome = { .sender = SPAN_LIT(""), .text = SPAN_LIT(""), .source = SOURCE_FILE, .kind = KIND_BOUNCE };
	struct verdict verdict = { .rule = "", .provider = "", .advice = { "", "" }, .status_as = "" };
	char *text = make_json(&place, &outcome, &verdict, LANGUAGE_EN);

	(void)state;
	assert_string_equal(text, "{\"file\":\"-\",\"index\":1,\"sender\":\"\",\"source\":\"file\",\"kind\":\"bounce\","
				  "\"class\":\"unclassified\",\"scope\":\"none\",\"bounce\":\"none\",\"suppress\":\"never\","
				  "\"basis\":\"none\",\"confidence\":\"generic\"}");
	free(text);
}

/* Every byte and every pair of bytes: what another reader of JSON makes of it is what went in, made valid. */
static void test_any_bytes_come_back_from_another_reader(void **state)
{
	struct json_line line;

	(void)state;
	json_line_init(&line);
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		char text[] = { (char)(pair >> 8), (char)pair };
		struct buffer valid;
		json_line_begin(&line);
		json_line_put_number(&line, "n", pair);
		json_line_put(&line, "t", span_make(text, 2));
		struct span written = json_line_end(&line);
		json_t *object = json_loadb(written.ptr, written.len, JSON_ALLOW_NUL, NULL);
		assert_non_null(object);
		const json_t *value = json_object_get(object, "t");
		buffer_init(&valid, 64);
		if (utf8_is_valid(span_make(text, 2)))
			buffer_add(&valid, span_make(text, 2));
		else
			utf8_add_valid(&valid, span_make(text, 2));
		assert_true(span_is_equal(span_make(json_string_value(value), json_string_length(value)), buffer_get(&valid)));
		assert_int_equal(json_integer_value(json_object_get(object, "n")), pair);
		buffer_done(&valid);
		json_decref(object);
	}
	json_line_done(&line);
}

static void test_hostile_text_is_valid_json(void **state)
{
	struct place place = { .file = "caf\xe9", .index = 1 };
	struct outcome outcome = { .text = SPAN_LIT("a\xff\"\\\n\x1b[31m\xed\xa0\x80z") };
	struct verdict verdict = { .rule = "", .provider = "", .advice = { "", "" }, .status_as = "" };
	char *text = make_json(&place, &outcome, &verdict, LANGUAGE_EN);
	json_t *object = json_loads(text, 0, NULL);

	(void)state;
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "file")), "caf\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_object_get(object, "text")),
			    "a\xef\xbf\xbd\"\\\n\x1b[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	json_decref(object);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_wrong_options_are_named),
		cmocka_unit_test(test_lines_of_responses),
		cmocka_unit_test(test_unreadable_lines_of_responses),
		cmocka_unit_test(test_all_keys_in_the_order_of_the_contract),
		cmocka_unit_test(test_unknown_keys_are_absent_and_a_null_sender_is_known),
		cmocka_unit_test(test_any_bytes_come_back_from_another_reader),
		cmocka_unit_test(test_hostile_text_is_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
