/* SPDX-License-Identifier: BSD-2-Clause */
/* The SMTP session in a bounce: whose reply is whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "evidence/mailbox.h"
#include "evidence/session.h"

struct wanted {
	const char *recipient;
	const char *text;
	enum smtp_command command;
	const char *host;
};

static const struct {
	const char *name;
	const char *text;
	size_t count;
	struct wanted wanted[3];
} cases[] = {
	{ "one recipient", "... while talking to mx.example.com.:\n>>> RCPT To:<a@example.com>\n<<< 550 5.1.1 unknown\n550 5.1.1 <a@example.com>... User unknown\n",
	  1, { { "a@example.com", "<<< 550 5.1.1 unknown", COMMAND_RCPT, "mx.example.com" } } },
	{ "several lines", ">>> RCPT To:<a@example.com>\n<<< 550-5.1.1 un\n<<< 550 5.1.1 known\n>>> QUIT\n", 1,
	  { { "a@example.com", "<<< 550-5.1.1 un\n<<< 550 5.1.1 known", COMMAND_RCPT, "" } } },
	{ "an accepted recipient is none", ">>> RCPT To:<a@example.com>\n<<< 250 ok\n>>> RCPT To:<b@example.com>\n<<< 550 no\n", 1,
	  { { "b@example.com", "<<< 550 no", COMMAND_RCPT, "" } } },
	{ "MAIL refused: all recipients", ">>> MAIL From:<s@example.org>\n<<< 550 no\n554 <a@example.com>... Service unavailable\n554 <b@example.com>... Service unavailable\n",
	  2, { { "a@example.com", "<<< 550 no", COMMAND_MAIL, "" }, { "b@example.com", "<<< 550 no", COMMAND_MAIL, "" } } },
	{ "its own words, when nobody answered", "550 example.net (smtp)... 550 Host unknown\n554 <a@example.net>... 550 Host unknown (Authoritative answer)\n", 1,
	  { { "a@example.net", "550 Host unknown (Authoritative answer)", COMMAND_UNKNOWN, "" } } },
	{ "an answer is not the next host's", ">>> MAIL From:<s@example.org>\n<<< 501 no\n554 <a@example.com>... Remote protocol error\n"
					      "550 example.net (smtp)... 550 Host unknown\n554 <b@example.net>... 550 Host unknown\n",
	  2, { { "a@example.com", "<<< 501 no", COMMAND_MAIL, "" }, { "b@example.net", "550 Host unknown", COMMAND_UNKNOWN, "" } } },
	{ "what RCPT was answered is no other's", ">>> RCPT To:<a@example.com>\n<<< 550 no\n550 a@example.com... User unknown\n550 b@example.net... Host unknown\n", 2,
	  { { "a@example.com", "<<< 550 no", COMMAND_RCPT, "" }, { "b@example.net", "550 b@example.net... Host unknown", COMMAND_UNKNOWN, "" } } },
	{ "deferred", "<a@example.com>... Deferred: Connection timed out\n", 1, { { "a@example.com", "Deferred: Connection timed out", COMMAND_UNKNOWN, "" } } },
	{ "prose", "We are sorry.\n550 people\nuser@example.com\n", 0, { { 0 } } },
};

static void test_cases(void **state)
{
	struct arena *arena = arena_new(0);
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcomes outcomes = { 0 };
		assert_int_equal(session_read(span_of(cases[i].text), 0, &outcomes, arena), 0);
		if (outcomes.count != cases[i].count)
			fail_msg("%s: %zu outcomes", cases[i].name, outcomes.count);
		for (size_t n = 0; n < outcomes.count; n++) {
			const struct outcome *got = &outcomes.items[n];
			const struct wanted *wanted = &cases[i].wanted[n];
			if (!span_is_equal(got->recipient, span_of(wanted->recipient)) || !span_is_equal(got->text, span_of(wanted->text)) ||
			    got->command != wanted->command || !span_is_equal(got->remote_mta, span_of(wanted->host)))
				fail_msg("%s: '%.*s' '%.*s' %s '%.*s'", cases[i].name, SPAN_ARG(got->recipient), SPAN_ARG(got->text),
					 smtp_command_get_name(got->command), SPAN_ARG(got->remote_mta));
		}
	}
	arena_free(arena);
}

static void test_addresses_in_text(void **state)
{
	size_t at = 0;
	struct span text = SPAN_LIT("To <a@example.com>, \"b c\"@example.com or d@[192.0.2.1]; @ @x y@ .");
	(void)state;

	assert_true(span_is_equal(mailbox_find(text, &at), SPAN_LIT("a@example.com")));
	assert_true(span_is_equal(mailbox_find(text, &at), SPAN_LIT("\"b c\"@example.com")));
	assert_true(span_is_equal(mailbox_find(text, &at), SPAN_LIT("d@[192.0.2.1]")));
	assert_false(span_is_known(mailbox_find(text, &at)));
	assert_true(mailbox_is_system(SPAN_LIT("MAILER-DAEMON@example.com")));
	assert_false(mailbox_is_system(SPAN_LIT("user@example.com")));
	assert_true(span_is_equal(mailbox_get_domain(SPAN_LIT("\"a@b\"@example.com")), SPAN_LIT("example.com")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_addresses_in_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
