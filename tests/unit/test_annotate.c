/* SPDX-License-Identifier: BSD-2-Clause */
/* What a message looks like with our fields on top, and how one is known that has been here before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "cli/annotate.h"

#define HOST "mx.example.jp"
#define MARK HEADER_INGESTED ": " HOST
#define FIELDS "X-Bounce-Result: h; a=b;\n c=d\nX-Bounce-Advice: h; e\n"

static const struct {
	const char *name, *message, *wanted;
} cases[] = {
	{ "LF", "Subject: a\n\nbody\n", FIELDS MARK "\nSubject: a\n\nbody\n" },
	{ "CRLF", "Subject: a\r\n\r\nbody\r\n", "X-Bounce-Result: h; a=b;\r\n c=d\r\nX-Bounce-Advice: h; e\r\n" MARK "\r\nSubject: a\r\n\r\nbody\r\n" },
	{ "an mbox's line stays the first", "From MAILER-DAEMON Sun\nSubject: a\n\nb", "From MAILER-DAEMON Sun\n" FIELDS MARK "\nSubject: a\n\nb" },
	{ "fields of ours go, with their folded lines", "A: 1\nX-Bounce-Result: f;\n g\n\th\nB: 2\nx-bounce-ADVICE : i\nX-Kodama-Token: j\nX-Bounce-Results: k\n\n",
	  FIELDS MARK "\nA: 1\nB: 2\nX-Bounce-Results: k\n\n" },
	{ "the body stays", "A: 1\n\nX-Bounce-Result: body\n", FIELDS MARK "\nA: 1\n\nX-Bounce-Result: body\n" },
	{ "no body", "A: 1\nX-Bounce-Result: f", FIELDS MARK "\nA: 1\n" },
	{ "no header", "\nbody\n", FIELDS MARK "\n\nbody\n" },
	{ "a folded line comes first", " A: 1\nB: 2\n\n", FIELDS MARK "\n A: 1\nB: 2\n\n" },
	{ "a line of blanks does not end the header", "A: 1\n \nX-Bounce-Result: f\nB: 2\n\n", FIELDS MARK "\nA: 1\n \nB: 2\n\n" },
	{ "nothing but an mbox's line", "From MAILER-DAEMON", "From MAILER-DAEMON\n" FIELDS MARK "\n" },
	{ "nothing", "", FIELDS MARK "\n" },
};

static void test_annotate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 10000);
		annotate(span_of(cases[i].message), SPAN_LIT(FIELDS), HOST, &out);
		if (strcmp(buffer_get_text(&out), cases[i].wanted) != 0)
			fail_msg("%s: %s", cases[i].name, buffer_get_text(&out));
		assert_true(annotate_is_loop(buffer_get(&out), HOST));
		assert_false(annotate_is_loop(buffer_get(&out), "mx.example.org"));
		buffer_done(&out);
	}
}

static void test_marks(void **state)
{
	(void)state;
	assert_true(annotate_is_loop(SPAN_LIT("From x y\nA: b\nx-kodama-ingested :\tMX.example.JP \n\n"), HOST));
	assert_false(annotate_is_loop(SPAN_LIT("A: b\n\n" MARK "\n"), HOST));
	assert_false(annotate_is_loop(SPAN_LIT("A: b\n " MARK "\n\n"), HOST));
	assert_false(annotate_is_loop(SPAN_LIT(HEADER_INGESTED "\n\n"), HOST));
}

static void test_hops(void **state)
{
	struct buffer message;

	(void)state;
	buffer_init(&message, 10000);
	for (unsigned i = 0; i < ANNOTATE_HOPS_MAX; i++)
		buffer_add(&message, SPAN_LIT("Received: from a\n\tby b\n"));
	buffer_add(&message, SPAN_LIT("Received-SPF: none\n"));
	assert_false(annotate_is_loop(buffer_get(&message), HOST));
	buffer_add(&message, SPAN_LIT("received: from a\n"));
	assert_true(annotate_is_loop(buffer_get(&message), HOST));
	buffer_done(&message);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_annotate), cmocka_unit_test(test_marks), cmocka_unit_test(test_hops) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
