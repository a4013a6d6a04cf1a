/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of other systems: which addresses are taken from a file, and what is said of each line that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "cli/import.h"

enum { SAID_MAX = 64 * 1024 };

/* "address|class|since|note" a row, "LINE: why" a refusal, "LINE~ why" what is passed over. */
static void tell(struct buffer *said, enum import_result result, const struct import_row *row)
{
	if (result == IMPORT_REFUSED)
		buffer_printf(said, "%u: %s\n", (unsigned)row->line, row->why);
	else if (result == IMPORT_PASSED)
		buffer_printf(said, "%u~ %s\n", (unsigned)row->line, row->why);
	else
		buffer_printf(said, "%.*s|%.*s|%.*s|%.*s\n", SPAN_ARG(row->address), SPAN_ARG(row->class_name), SPAN_ARG(row->since),
			      SPAN_ARG(row->note));
}

/* In pieces of `step` bytes. */
static void read_in_pieces(enum import_form form, struct span text, size_t step, struct buffer *said)
{
	struct import *import = import_new(form);
	struct import_row row;
	size_t end = 0, start = 0;
	enum import_result result;

	assert_non_null(import);
	buffer_clear(said);
	do {
		end = end + step < text.len ? end + step : text.len;
		struct span window = span_slice(text, start, end);
		while ((result = import_take(import, &window, end == text.len, &row)) != IMPORT_MORE)
			tell(said, result, &row);
		start = end - window.len;
	} while (end < text.len);
	assert_int_equal(start, text.len);
	import_free(import);
}

static void check_span(enum import_form form, struct span text, const char *wanted)
{
	struct buffer said;

	buffer_init(&said, SAID_MAX);
	read_in_pieces(form, text, text.len ? text.len : 1, &said);
	assert_string_equal(buffer_get_text(&said), wanted);
	/* what stands in a file does not hang on how it is read */
	read_in_pieces(form, text, 1, &said);
	assert_string_equal(buffer_get_text(&said), wanted);
	read_in_pieces(form, text, 7, &said);
	assert_string_equal(buffer_get_text(&said), wanted);
	buffer_done(&said);
}

static void check(const char *text, const char *wanted)
{
	check_span(IMPORT_AUTO, span_of(text), wanted);
}

static void test_plain_lists(void **state)
{
	(void)state;
	check("", "");
	check("\n \n# nobody@example.com\n", "");
	check("A@Example.COM\r\n<b@example.com>\r\n\r\nc@example.com", "a@example.com|||imported\nb@example.com|||imported\nc@example.com|||imported\n");
	check("\xef\xbb\xbf" "a@example.com\n", "a@example.com|||imported\n");
	check("@example.net\n", "@example.net|||imported\n");
}

static void test_addresses_of_every_kind(void **state)
{
	(void)state;
	check("\"a,b\"@example.com\n\"a b\"@example.com\n\"plain\"@example.com\n",
	      "\"a,b\"@example.com|||imported\n\"a b\"@example.com|||imported\nplain@example.com|||imported\n");
	check("\xc3\xbcser@example.com\na@b\xc3\xbc" "cher.example\n", "\xc3\xbcser@example.com|||imported\na@xn--bcher-kva.example|||imported\n");
	check("nobody\na b@example.com\na@\n@\na@exa mple.com\nok@example.com\n",
	      "1: it has no \"@\"\n2: the part before the \"@\" holds a character that needs quotes\n"
	      "3: nothing stands after the \"@\"\n4: nothing stands after the \"@\"\n"
	      "5: the part after the \"@\" is no domain name\nok@example.com|||imported\n");
}

static void test_bytes_that_are_no_text(void **state)
{
	(void)state;
	check("a@example.com\n\xe9t\xe9@example.com\nb@example.com\n",
	      "a@example.com|||imported\n2: it is not valid UTF-8\nb@example.com|||imported\n");
	/* a mark of UTF-8, and Shift_JIS behind it */
	check("\xef\xbb\xbf" "email,note\na@example.com,\x83\x65\x83\x58\x83\x67\n\x83\x65@example.com,x\n",
	      "a@example.com|||\xef\xbf\xbd" "e\xef\xbf\xbdX\xef\xbf\xbdg\n3: it is not valid UTF-8\n");
	check_span(IMPORT_AUTO, SPAN_LIT("\xff\xfe" "a\0@\0b\0"), "1: the file is UTF-16: save it as UTF-8\n");
	check_span(IMPORT_AUTO, SPAN_LIT("a\0b@example.com\nb@example.com\n"), "1: it holds a control character\nb@example.com|||imported\n");
	check("a\x1b[2J@example.com\n", "1: it holds a control character\n");
}

static void test_a_line_without_end_is_refused_alone(void **state)
{
	struct buffer text, said;

	(void)state;
	buffer_init(&text, 1024 * 1024);
	buffer_init(&said, SAID_MAX);
	for (size_t i = 0; i < 10000; i++)
		buffer_add_char(&text, 'x');
	buffer_add(&text, SPAN_LIT("@example.com\n"));
	for (size_t i = 0; i < 3 * IMPORT_RECORD_MAX; i++)
		buffer_add_char(&text, 'y');
	buffer_add(&text, SPAN_LIT("@example.com\nlast@example.com\n"));
	read_in_pieces(IMPORT_AUTO, buffer_get(&text), IMPORT_RECORD_MAX / 2, &said);
	assert_string_equal(buffer_get_text(&said), "1: it is too long\n2: the line is longer than 64 KiB\nlast@example.com|||imported\n");
	buffer_done(&said);
	buffer_done(&text);
}

static void test_csv_by_the_names_of_its_columns(void **state)
{
	(void)state;
	check("name;E-Mail\r\nDoe;a@example.com\r\n\"Roe; R\";b@example.com\r\n", "a@example.com|||imported\nb@example.com|||imported\n");
	check("id\temail_address\tnote\n1\ta@example.com\tsays \"no\"\n", "a@example.com|||says \"no\"\n");
	check("email,note\na@example.com,\"two\nlines, \"\"quoted\"\"\"\n", "a@example.com|||two lines, \"quoted\"\n");
	check("email\n\"\"\"a b\"\"@example.com\"\n", "\"a b\"@example.com|||imported\n");
	check("email,note\n,x\n", "2: it names no address\n");
	check("a@example.com,BOUNCE\nb@example.com,COMPLAINT\n", "a@example.com|||imported: BOUNCE\nb@example.com|complaint||imported: COMPLAINT\n");
}

static void test_a_quote_without_end_costs_its_line(void **state)
{
	struct buffer text, said;

	(void)state;
	check("email,note\na@example.com,\"never\nb@example.com,x\n", "2: a quote does not end\nb@example.com|||x\n");
	/* and not the rest of a long file */
	buffer_init(&text, 4 * 1024 * 1024);
	buffer_init(&said, 4 * 1024 * 1024);
	buffer_add(&text, SPAN_LIT("email,note\na@example.com,\"never\n"));
	for (size_t i = 0; i < 20000; i++)
		buffer_add(&text, SPAN_LIT("b@example.com,x\n"));
	read_in_pieces(IMPORT_AUTO, buffer_get(&text), IMPORT_RECORD_MAX, &said);
	assert_true(span_has_prefix(buffer_get(&said), SPAN_LIT("2: a quote does not end\nb@example.com|||x\n")));
	assert_int_equal(said.len, strlen("2: a quote does not end\n") + 20000 * strlen("b@example.com|||x\n"));
	buffer_done(&said);
	buffer_done(&text);
}

static void test_formulas_and_injections_are_text(void **state)
{
	(void)state;
	check("email,note\n'; DROP TABLE addresses; --@example.com,x\na@example.com,\"=cmd|' /C calc'!A0\"\n",
	      "2: the part before the \"@\" holds a character that needs quotes\na@example.com|||=cmd|' /C calc'!A0\n");
	check("{\"email\":\"a@example.com\\r\\nRCPT TO:<b@example.com>\"}\n{\"email\":\"c@example.com\",\"note\":\"x\\u0007y\"}\n",
	      "1: it holds a control character\nc@example.com|||x y\n");
}

static void test_amazon_ses(void **state)
{
	(void)state;
	check("{\"SuppressedDestinationSummaries\":[{\"EmailAddress\":\"a@example.com\",\"Reason\":\"BOUNCE\",\"LastUpdateTime\":"
	      "\"2020-04-10T21:03:05.702000+00:00\"},\n {\"EmailAddress\":\"b@example.com\",\"Reason\":\"COMPLAINT\"}],\"NextToken\":\"x]}\"}\n",
	      "a@example.com||2020-04-10T21:03:05Z|ses: BOUNCE\nb@example.com|complaint||ses: COMPLAINT\n");
	check("{\"emailAddress\":\"a@example.com\",\"reason\":\"BOUNCE\"}\n{\"emailAddress\":\"b@example.com\",\"reason\":\"COMPLAINT\"}\n",
	      "a@example.com|||ses: BOUNCE\nb@example.com|complaint||ses: COMPLAINT\n");
	check("Email address,Reason,Date added\na@example.com,BOUNCE,2020-04-10\n", "a@example.com||2020-04-10T00:00:00Z|ses: BOUNCE\n");
}

static void test_sendgrid(void **state)
{
	(void)state;
	check("email,reason,status,created\na@example.com,\"550 5.1.1 no such user\",5.1.1,1443651125\nb@example.com,full,4.2.2,1443651125\n"
	      "c@example.com,\"x\",,2015-09-28 14:14:15\n",
	      "a@example.com||2015-09-30T22:12:05Z|sendgrid: 550 5.1.1 no such user\n3~ it was a temporary failure\n"
	      "c@example.com||2015-09-28T14:14:15Z|sendgrid: x\n");
	check("[\n  {\n    \"created\": 1443651125,\n    \"email\": \"a@example.com\",\n    \"reason\": \"550 no\",\n    \"status\": \"5.1.1\"\n  }\n]\n",
	      "a@example.com||2015-09-30T22:12:05Z|sendgrid: 550 no\n");
}

static void test_mailgun(void **state)
{
	(void)state;
	check("address,code,error,created_at\na@example.com,550,No such mailbox,\"Fri, 21 Oct 2011 11:02:55 UTC\"\n",
	      "a@example.com||2011-10-21T11:02:55Z|mailgun: No such mailbox\n");
	check("{\"items\": [{\"address\": \"a@example.com\", \"code\": \"550\", \"error\": \"\", \"created_at\": \"Fri, 21 Oct 2011 11:02:55 GMT\"}],\n"
	      " \"paging\": {\"next\": \"https://api.example.net/{\"}}\n{\"items\": [{\"address\": \"b@example.com\", \"code\": 605}]}",
	      "a@example.com||2011-10-21T11:02:55Z|mailgun\nb@example.com|||mailgun\n");
}

/* A history of bounces: what is soft, and what is the sender's fault, suppresses nobody. */
static void test_sisimai(void **state)
{
	(void)state;
	check("[{\"recipient\":\"a@example.com\",\"reason\":\"userunknown\",\"hardbounce\":true,\"deliverystatus\":\"5.1.1\",\"timestamp\":1443651125,"
	      "\"diagnosticcode\":\"550 5.1.1 no\"},"
	      "{\"recipient\":\"b@example.com\",\"reason\":\"mailboxfull\",\"hardbounce\":false,\"deliverystatus\":\"5.2.2\"},"
	      "{\"recipient\":\"c@example.com\",\"reason\":\"spamdetected\",\"softbounce\":1,\"deliverystatus\":\"5.7.1\"},"
	      "{\"recipient\":\"d@example.com\",\"reason\":\"hostunknown\",\"softbounce\":0},"
	      "{\"recipient\":\"e@example.com\",\"reason\":\"feedback\",\"feedbacktype\":\"abuse\",\"hardbounce\":false},"
	      "{\"recipient\":\"f@example.com\",\"reason\":\"userunknown\",\"hardbounce\":true,\"deliverystatus\":\"4.1.1\"}]",
	      "a@example.com|user-unknown|2015-09-30T22:12:05Z|sisimai: 550 5.1.1 no\n1~ it is no hard bounce and no complaint\n"
	      "1~ it is no hard bounce and no complaint\nd@example.com|domain-unknown||sisimai: hostunknown\n"
	      "e@example.com|complaint||sisimai: feedback\n1~ it was a temporary failure\n");
}

static void test_json_that_is_broken_costs_its_record(void **state)
{
	(void)state;
	check("{\"email\":\"a@example.com\"\n{\"email\":\"b@example.com\"}\n", "1: the object does not end\nb@example.com|||imported\n");
	check("{\"email\":\"a@example.com\n{\"email\":\"b@example.com\"}\n", "1: the object does not end\nb@example.com|||imported\n");
	check("{\"email\":\"b@example.com\"}\nnot json\n{\"email\":7}\n{\"email\":\"c@example.com\"",
	      "b@example.com|||imported\n2: it is no JSON object\n3: it has no \"@\"\n4: the object does not end\n");
	check("{\"email\":\"\xff@example.com\"}\n{\"mail\":\"b@example.com\"}\n[]\n",
	      "1: it is no JSON: unable to decode byte 0xff near '\"'\nb@example.com|||imported\n");
}

static void test_our_own_export_comes_back_as_it_was(void **state)
{
	static const char text[] = "address,stream,origin,decision,class,rule,provider,since,until,note\r\n"
				   "a@example.com,tenant,evidence,suppressed,user-unknown,some.rule,google,2026-11-22T01:30:06Z,2027-01-01T00:00:00Z,\r\n";
	struct import *import = import_new(IMPORT_AUTO);
	struct span window = span_of(text);
	struct import_row row;

	(void)state;
	assert_int_equal(import_take(import, &window, true, &row), IMPORT_ROW);
	const struct { struct span got; const char *wanted; } cases[] = {
		{ row.address, "a@example.com" }, { row.stream, "tenant" }, { row.origin, "evidence" }, { row.decision, "suppressed" },
		{ row.class_name, "user-unknown" }, { row.rule, "some.rule" }, { row.provider, "google" },
		{ row.since, "2026-11-22T01:30:06Z" }, { row.until, "2027-01-01T00:00:00Z" }, { row.note, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(span_is_equal(cases[i].got, span_of(cases[i].wanted)));
	import_free(import);
}

static void test_an_end_that_is_no_time_is_asked_about(void **state)
{
	(void)state;
	check("address,until\na@example.com,soon\nb@example.com,forever\n", "2: until: it is no time\nb@example.com|||imported\n");
}

static void test_the_form_that_is_named_wins(void **state)
{
	enum import_form form;

	(void)state;
	check_span(IMPORT_LIST, SPAN_LIT("email\na@example.com\n"), "1: it has no \"@\"\na@example.com|||imported\n");
	check_span(IMPORT_SISIMAI, SPAN_LIT("recipient,reason\na@example.com,userunknown\nb@example.com,filtered\n"),
		   "a@example.com|user-unknown||sisimai: userunknown\n3~ it is no hard bounce and no complaint\n");
	for (unsigned i = 0; i < IMPORT_FORM_COUNT; i++) {
		assert_true(import_form_find(span_of(import_form_get_name((enum import_form)i)), &form));
		assert_int_equal(form, i);
	}
	assert_false(import_form_find(SPAN_LIT("postfix"), &form));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_lists),
		cmocka_unit_test(test_addresses_of_every_kind),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_a_line_without_end_is_refused_alone),
		cmocka_unit_test(test_csv_by_the_names_of_its_columns),
		cmocka_unit_test(test_a_quote_without_end_costs_its_line),
		cmocka_unit_test(test_formulas_and_injections_are_text),
		cmocka_unit_test(test_amazon_ses),
		cmocka_unit_test(test_sendgrid),
		cmocka_unit_test(test_mailgun),
		cmocka_unit_test(test_sisimai),
		cmocka_unit_test(test_json_that_is_broken_costs_its_record),
		cmocka_unit_test(test_our_own_export_comes_back_as_it_was),
		cmocka_unit_test(test_an_end_that_is_no_time_is_asked_about),
		cmocka_unit_test(test_the_form_that_is_named_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
