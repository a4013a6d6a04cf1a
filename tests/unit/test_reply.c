/* SPDX-License-Identifier: BSD-2-Clause */
/* The reply inside a text: a table of named cases, and what must hold for every input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "evidence/outcome.h"
#include "evidence/reply.h"

struct reply_case {
	const char *name;
	const char *text;
	unsigned code;
	const char *status;
	const char *words;
	const char *command;
	const char *host;
};

static const struct reply_case cases[] = {
	{ "bare reply", "550 5.1.1 User unknown", 550, "5.1.1", "User unknown", "", "" },
	{ "code alone", "550", 550, "", "", "", "" },
	{ "code and status alone", "550 5.1.1", 550, "5.1.1", "", "", "" },
	{ "no status", "550 User unknown", 550, "", "User unknown", "", "" },
	{ "no code", "5.1.1 User unknown", 0, "5.1.1", "User unknown", "", "" },
	{ "neither", "User unknown", 0, "", "User unknown", "", "" },
	{ "nothing", "", 0, "", "", "", "" },
	{ "success", "250 2.0.0 Ok: queued as 12345", 250, "2.0.0", "Ok: queued as 12345", "", "" },
	{ "diagnostic type", "smtp; 550 5.1.1 <a@example.com>: unknown", 550, "5.1.1", "<a@example.com>: unknown", "", "" },
	{ "diagnostic type without blank", "SMTP;550 5.2.2 Mailbox full", 550, "5.2.2", "Mailbox full", "", "" },
	{ "diagnostic type of an MTA", "X-Postfix; unknown user: \"a\"", 0, "", "unknown user: \"a\"", "", "" },
	{ "exit code is no reply", "x-unix; 67", 0, "", "67", "", "" },
	{ "Postfix frame", "host mx.example.com[192.0.2.1] said: 550 5.1.1 <a@example.com>: no such user (in reply to RCPT TO command)",
	  550, "5.1.1", "<a@example.com>: no such user", "rcpt", "mx.example.com" },
	{ "what another server said of the sender is not said of us",
	  "<a@example.org>: Sender address rejected: undeliverable address: host mx.example.org[192.0.2.7] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
	  550, "5.1.1",
	  "<a@example.org>: Sender address rejected: undeliverable address: host mx.example.org[192.0.2.7] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
	  "", "mx.example.org" },
	{ "a frame without a colon", "RCPT TO: Host mx.example.com(192.0.2.1) said 550 User not found", 550, "", "User not found", "", "" },
	{ "a status before the code", "5.1.1 550 unknown user", 550, "5.1.1", "unknown user", "", "" },
	{ "a number that only looks like a code", "5.1.1 5000 users", 0, "5.1.1", "5000 users", "", "" },
	{ "Postfix frame, joined lines",
	  "host mx.example.com[192.0.2.1] said: 550-5.1.1 The account that you tried to reach 550-5.1.1 does not exist. 550 5.1.1 see https://example.com/ x1 - gsmtp (in reply to RCPT TO command)",
	  550, "5.1.1", "The account that you tried to reach does not exist. see https://example.com/ x1 - gsmtp", "rcpt",
	  "mx.example.com" },
	{ "Postfix frame, folded over lines",
	  "X-Postfix; host mx.example.com[192.0.2.1] said: 550\n    5.1.1 <a@example.com>... User Unknown (in reply to RCPT TO\n    command)",
	  550, "5.1.1", "<a@example.com>... User Unknown", "rcpt", "mx.example.com" },
	{ "Postfix frame, end of data", "host mx.example.com[192.0.2.1] said: 552 5.3.4 too big (in reply to end of DATA command)", 552,
	  "5.3.4", "too big", "end-of-data", "mx.example.com" },
	{ "Postfix frame, mail", "host 192.0.2.1[192.0.2.1] said: 550 5.7.1 no (in reply to MAIL FROM command)", 550, "5.7.1", "no",
	  "mail", "192.0.2.1" },
	{ "Postfix frame, helo", "host a.example.com[192.0.2.1] said: 504 5.5.2 <x>: Helo command rejected (in reply to HELO command)",
	  504, "5.5.2", "<x>: Helo command rejected", "ehlo", "a.example.com" },
	{ "Postfix refused to talk", "host mx.example.com[192.0.2.1] refused to talk to me: 421 4.7.0 try later", 421, "4.7.0",
	  "try later", "connect", "mx.example.com" },
	{ "Postfix connection refused", "connect to mx.example.com[192.0.2.1]:25: Connection refused", 0, "",
	  "connect to mx.example.com[192.0.2.1]:25: Connection refused", "connect", "mx.example.com" },
	{ "port is no code", "connect to mx.example.com[192.0.2.1]:587: Connection timed out", 0, "",
	  "connect to mx.example.com[192.0.2.1]:587: Connection timed out", "connect", "mx.example.com" },
	{ "Postfix lost connection", "lost connection with mx.example.com[192.0.2.1] while sending RCPT TO", 0, "",
	  "lost connection with mx.example.com[192.0.2.1] while sending RCPT TO", "rcpt", "mx.example.com" },
	{ "Postfix timeout in the body",
	  "conversation with mx.example.com[192.0.2.1] timed out while sending message body", 0, "",
	  "conversation with mx.example.com[192.0.2.1] timed out while sending message body", "end-of-data", "mx.example.com" },
	{ "delivery status filter's key", "5.1.1 host mx.example.com[192.0.2.1] said: 550 5.1.1 <x@example.com>: no (in reply to RCPT TO command)",
	  550, "5.1.1", "<x@example.com>: no", "rcpt", "mx.example.com" },
	{ "IPv6 host", "host mx.example.com[2001:db8::1] said: 550 5.1.1 no (in reply to RCPT TO command)", 550, "5.1.1", "no", "rcpt",
	  "mx.example.com" },
	{ "suspended delivery", "delivery temporarily suspended: host mx.example.com[192.0.2.1] refused to talk to me: 554 go away", 554,
	  "", "go away", "connect", "mx.example.com" },
	{ "verify frame keeps the outer reply",
	  "550 5.1.1 <a@example.com>: Recipient address rejected: undeliverable address: host b.example.com[192.0.2.2] said: 554 no (in reply to RCPT TO command)",
	  550, "5.1.1",
	  "<a@example.com>: Recipient address rejected: undeliverable address: host b.example.com[192.0.2.2] said: 554 no", "rcpt", "" },
	{ "Exim", "SMTP error from remote mail server after RCPT TO:<a@example.com>:\n    host mx.example.com [192.0.2.1]: 550 5.1.1 unknown",
	  550, "5.1.1", "unknown", "rcpt", "mx.example.com" },
	{ "Exim, wrapped, no status",
	  "SMTP error from remote mailer after MAIL FROM:<b@example.org> SIZE=1543:\n    host mx.example.com [192.0.2.1]:\n    553 sender refused",
	  553, "", "sender refused", "mail", "mx.example.com" },
	{ "Exim, end of data", "SMTP error from remote mail server after end of data: host mx.example.com [192.0.2.1]: 554 spam", 554,
	  "", "spam", "end-of-data", "mx.example.com" },
	{ "Exim, pipelined", "SMTP error from remote mail server after pipelined MAIL FROM:<b@example.org>: 550 no", 550, "", "no", "mail", "" },
	{ "Exim, data block", "SMTP error from remote mail server after pipelined sending data block: 550 no", 550, "", "no", "end-of-data", "" },
	{ "Exim, connection", "SMTP error from remote mail server after initial connection: host mx.example.com [192.0.2.1]: 554 5.7.1 no",
	  554, "5.7.1", "no", "connect", "mx.example.com" },
	{ "Exim, two lines", "host mx.example.com [192.0.2.1]: 550-Callback setup failed\n550 Sender verify failed", 550, "",
	  "Callback setup failed Sender verify failed", "", "mx.example.com" },
	{ "qmail", "192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 no such user\nGiving up on 192.0.2.1.", 550, "5.1.1",
	  "no such user", "rcpt", "192.0.2.1" },
	{ "qmail, sender", "Connected to 192.0.2.1 but sender was rejected.\nRemote host said: 553 5.1.8 bad domain", 553, "5.1.8",
	  "bad domain", "mail", "192.0.2.1" },
	{ "qmail, data", "192.0.2.1 failed after I sent the message.\nRemote host said: 554 spam", 554, "", "spam", "end-of-data", "192.0.2.1" },
	{ "qmail, greeting", "Connected to 192.0.2.1 but greeting failed.\nRemote host said: 554 5.7.1 no", 554, "5.7.1", "no", "connect",
	  "192.0.2.1" },
	{ "qmail, stage behind", "Remote host said: 550 5.1.1 no user here [RCPT_TO]", 550, "5.1.1", "no user here", "rcpt", "" },
	{ "qmail, status behind", "Sorry, no mailbox here by that name. (#5.1.1)", 0, "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)",
	  "", "" },
	{ "qmail, code and status behind", "550 sorry, no mailbox here by that name (#5.1.1)", 550, "5.1.1",
	  "sorry, no mailbox here by that name (#5.1.1)", "", "" },
	{ "Sendmail transcript", "... while talking to mx.example.com.:\n>>> RCPT To:<a@example.com>\n<<< 550 5.1.1 <a@example.com>... User unknown\n550 5.1.1 <a@example.com>... User unknown",
	  550, "5.1.1", "<a@example.com>... User unknown <a@example.com>... User unknown", "rcpt", "mx.example.com" },
	{ "Sendmail transcript, several lines", "... while talking to mx.example.com.:\n>>> DATA\n<<< 550-5.7.26 not authenticated\n<<< 550-5.7.26 because of it\n<<< 550 5.7.26 the end\n>>> QUIT",
	  550, "5.7.26", "not authenticated because of it the end", "data", "mx.example.com" },
	{ "Sendmail transcript, earlier success", ">>> MAIL From:<b@example.org>\n<<< 250 2.1.0 ok\n>>> RCPT To:<a@example.com>\n<<< 550 5.1.1 no", 550,
	  "5.1.1", "no", "rcpt", "" },
	{ "Exchange 2007", "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##", 550, "5.1.1", "RESOLVER.ADR.RecipNotFound; not found", "", "" },
	{ "Exchange 2007, smtp", "mx.example.com #550 5.1.1 User unknown #SMTP#", 550, "5.1.1", "User unknown", "", "" },
	{ "Exchange 2003", "<mx.example.com #5.1.1 smtp;550 5.1.1 unknown>", 550, "5.1.1", "unknown", "", "" },
	{ "Exchange 2003, no reply", "<mx.example.com #5.1.1>", 0, "5.1.1", "<mx.example.com #5.1.1>", "", "" },
	{ "Exchange 2003, its own status", "<mx.example.com #5.5.0 smtp;554 delivery error: no such account>", 554, "5.5.0",
	  "delivery error: no such account", "", "" },
	{ "Exchange 2003, no words", "#5.1.1 smtp;550", 550, "5.1.1", "#5.1.1 smtp;550", "", "" },
	{ "status in brackets alone", "(#5.1.1)", 0, "5.1.1", "", "", "" },
	{ "Microsoft 365, quoted", "Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found'", 550, "5.1.10",
	  "RESOLVER.ADR.RecipientNotFound; Recipient not found", "", "" },
	{ "IronPort", "smtp; 5.1.0 - Unknown address error 550-'5.1.1 no such user' (delivery attempts: 0)", 550, "5.1.1", "no such user", "",
	  "" },
	{ "code, colon, text", "441:timed out", 441, "", "timed out", "", "" },
	{ "colon before the code", "error: 451 4.3.0 temporary failure", 451, "4.3.0", "temporary failure", "", "" },
	{ "behind an angle bracket", "unable to deliver in 840 minutes.<421 4.4.2 Connection timed out>", 421, "4.4.2", "Connection timed out", "", "" },
	{ "status behind a colon", "validation failed: RCPT TO not accepted: 5.7.1 This system is not open", 0, "5.7.1", "This system is not open",
	  "", "" },
	{ "lines", "550-5.1.1 first\n550-5.1.1 second\n550 5.1.1 third", 550, "5.1.1", "first second third", "", "" },
	{ "lines with CRLF", "550-5.1.1 first\r\n550 5.1.1 second\r\n", 550, "5.1.1", "first second", "", "" },
	{ "lines, status in the last only", "550-first\n550 5.1.1 second", 550, "5.1.1", "first second", "", "" },
	{ "lines, empty first", "550-\n550 5.7.1 refused", 550, "5.7.1", "refused", "", "" },
	{ "joined lines without status", "554-no 554-mail 554 today", 554, "", "no mail today", "", "" },
	{ "wrapped in the middle", "550 5.1.1 no such\n   user here", 550, "5.1.1", "no such user here", "", "" },
	{ "code on the second line", "The remote server answered\n550 5.1.1 no such user", 550, "5.1.1", "no such user", "", "" },
	{ "an empty line ends it", "550 5.1.1 no such user\n\nThank you for your patience", 550, "5.1.1", "no such user", "", "" },
	{ "missing blank", "5505.1.1 User unknown", 550, "5.1.1", "User unknown", "", "" },
	{ "missing blank before words", "550User unknown", 550, "", "User unknown", "", "" },
	{ "ideographic blanks", "550\xe3\x80\x80" "5.1.1\xe3\x80\x80User\xe3\x80\x80unknown", 550, "5.1.1", "User unknown", "", "" },
	{ "no-break blank", "550\xc2\xa0" "5.1.1 User unknown", 550, "5.1.1", "User unknown", "", "" },
	{ "hash before the status", "550 #5.1.0 Address rejected.", 550, "5.1.0", "Address rejected.", "", "" },
	{ "brackets around the status", "550 [5.1.1] unknown", 550, "5.1.1", "unknown", "", "" },
	{ "repeated status", "550 5.1.1 5.1.1 unknown", 550, "5.1.1", "unknown", "", "" },
	{ "status among the words", "550 Message refused. 5.7.1 see the policy", 550, "5.7.1", "Message refused. 5.7.1 see the policy", "", "" },
	{ "class of code and status differ", "450 5.1.1 unknown", 450, "5.1.1", "unknown", "", "" },
	{ "long status", "550 5.7.509 Access denied", 550, "5.7.509", "Access denied", "", "" },
	{ "five digits are no reply", "42521", 0, "", "42521", "", "" },
	{ "five digits and words", "42551 no such account", 0, "", "42551 no such account", "", "" },
	{ "number in prose", "we sent 550 mails to your 421 users", 0, "", "we sent 550 mails to your 421 users", "", "" },
	{ "version in prose", "the server runs version 5.1.1 of something", 0, "", "the server runs version 5.1.1 of something", "", "" },
	{ "address is no status", "host 5.1.1.7 is down", 0, "", "host 5.1.1.7 is down", "", "" },
	{ "host in prose", "host example.com not found", 0, "", "host example.com not found", "", "" },
	{ "Gmail's state", "The error that the other server returned was: 550 550 no such user (state 14).", 550, "", "no such user", "rcpt", "" },
	{ "delivery agent's words", "SMTP:RCPT host mx.example.com: 550 no such user", 550, "", "no such user", "rcpt", "mx.example.com" },
};

static void assert_span(struct span got, const char *wanted, const char *name, const char *what)
{
	if (!span_is_equal(got, span_of(wanted)))
		fail_msg("%s: %s is '%.*s', not '%s'", name, what, SPAN_ARG(got), wanted);
}

static void test_cases(void **state)
{
	struct arena *arena = arena_new(0);
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct reply_case *c = &cases[i];
		struct reply reply;
		char status[STATUS_TEXT_SIZE];

		assert_int_equal(reply_find(span_of(c->text), arena, &reply), 0);
		if (reply.code != c->code)
			fail_msg("%s: code is %u, not %u", c->name, reply.code, c->code);
		assert_span(span_of(status_format(reply.status, status)), c->status, c->name, "status");
		assert_span(reply.text, c->words, c->name, "text");
		assert_span(span_of(smtp_command_get_name(reply.command)), c->command, c->name, "command");
		assert_span(reply.remote_mta, c->host, c->name, "host");
	}
	arena_free(arena);
}

static void test_long_text(void **state)
{
	enum { SIZE = 1 << 20 };
	struct arena *arena = arena_new(1 << 20);
	char *bytes = malloc(SIZE);
	struct reply reply;
	(void)state;

	memset(bytes, 'x', SIZE);
	memcpy(bytes, "550 5.1.1 ", 10);
	assert_int_equal(reply_find(span_make(bytes, SIZE), arena, &reply), 0);
	assert_int_equal(reply.code, 550);
	assert_int_equal(reply.text.len, REPLY_TEXT_MAX - 10);
	free(bytes);
	arena_free(arena);
}

static void test_full_arena(void **state)
{
	struct arena *arena = arena_new(16);
	struct reply reply;
	(void)state;

	assert_int_equal(reply_find(SPAN_LIT("550 5.1.1 there is no such user here"), arena, &reply), -12);
	arena_free(arena);
}

static void test_commands(void **state)
{
	(void)state;
	for (enum smtp_command c = COMMAND_CONNECT; c < COMMAND_COUNT; c++)
		assert_int_equal(smtp_command_find(span_of(smtp_command_get_name(c))), c);
	assert_int_equal(smtp_command_find(SPAN_LIT("RCPT TO")), COMMAND_RCPT);
	assert_int_equal(smtp_command_find(SPAN_LIT("MAIL FROM")), COMMAND_MAIL);
	assert_int_equal(smtp_command_find(SPAN_LIT("HELO")), COMMAND_EHLO);
	assert_int_equal(smtp_command_find(SPAN_LIT("end of DATA")), COMMAND_END_OF_DATA);
	assert_int_equal(smtp_command_find(SPAN_LIT("datagram")), COMMAND_UNKNOWN);
	assert_int_equal(smtp_command_find(SPAN_NONE), COMMAND_UNKNOWN);
}

static void test_status(void **state)
{
	static const char *const bad[] = { "", "5", "5.1", "5.1.", "5.1.1.", "5.1.1.1", "3.1.1", "5.1234.1", "5.1.1a", " 5.1.1", "5..1" };
	struct status status = { 0 };
	char text[STATUS_TEXT_SIZE];
	(void)state;

	assert_int_equal(status_parse(SPAN_LIT("5.7.509"), &status), 0);
	assert_string_equal(status_format(status, text), "5.7.509");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(status_parse(span_of(bad[i]), &status), 0);
	assert_int_equal(status_take(SPAN_LIT("5.1.1: no"), &status), 5);
	assert_int_equal(status_take(SPAN_LIT("5.1.1. No"), &status), 5);
	assert_string_equal(status_format((struct status){ 0 }, text), "");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(action_get_name(ACTION_EXPANDED), "expanded");
	assert_int_equal(action_find(SPAN_LIT("Failed")), ACTION_FAILED);
	assert_int_equal(action_find(SPAN_LIT("")), ACTION_UNKNOWN);
	assert_string_equal(proof_get_name(PROOF_TOKEN), "token");
	assert_string_equal(proof_get_name(PROOF_COUNT), "");
}

static void test_outcomes(void **state)
{
	struct arena *arena = arena_new(0);
	struct outcomes outcomes = { 0 };
	(void)state;

	for (unsigned i = 0; i < OUTCOMES_MAX; i++) {
		struct outcome *outcome = outcomes_add(&outcomes, arena);
		assert_non_null(outcome);
		outcome->reply = (uint16_t)i;
	}
	assert_null(outcomes_add(&outcomes, arena));
	assert_true(outcomes.is_cut);
	for (unsigned i = 0; i < OUTCOMES_MAX; i++)
		assert_int_equal(outcomes.items[i].reply, i);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),    cmocka_unit_test(test_long_text), cmocka_unit_test(test_full_arena),
		cmocka_unit_test(test_commands), cmocka_unit_test(test_status),    cmocka_unit_test(test_names),
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
