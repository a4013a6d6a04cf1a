/* SPDX-License-Identifier: BSD-2-Clause */
/* Amazon SES's notifications: what each type gives, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "evidence/notification.h"

#define HEADER "From: AWS <no-reply@sns.amazonaws.com>\nx-amz-sns-message-id: 1\nSubject: AWS Notification Message\n\n"
#define MAIL                                                                                                    \
	"\"mail\":{\"source\":\"sender@example.org\",\"messageId\":\"0101-0\",\"headers\":[{\"name\":\"Message-ID\"," \
	"\"value\":\"<id@example.org>\"}]}"

struct wanted {
	const char *recipient;
	unsigned reply;
	const char *status;
	enum action action;
	enum kind kind;
};

static const struct {
	const char *name;
	const char *mail;
	size_t count;
	struct wanted wanted[2];
} cases[] = {
	{ "bounce",
	  HEADER "{\"notificationType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"Permanent\",\"timestamp\":\"2016-11-23T12:01:03.512Z\","
		 "\"bouncedRecipients\":[{\"emailAddress\":\"nobody@example.net\",\"action\":\"failed\",\"status\":\"5.1.1\","
		 "\"diagnosticCode\":\"smtp; 550 5.1.1 no such user\"},{\"emailAddress\":\"other@example.net\",\"status\":\"5.0.0\"}]}}\n\n--\nunsubscribe\n",
	  2,
	  { { "nobody@example.net", 550, "5.1.1", ACTION_FAILED, KIND_BOUNCE }, { "other@example.net", 0, "5.0.0", ACTION_FAILED, KIND_BOUNCE } } },
	{ "delivery",
	  HEADER "{\"notificationType\":\"Delivery\"," MAIL ",\"delivery\":{\"timestamp\":\"2016-11-23T12:01:03.512Z\","
		 "\"recipients\":[\"user@example.net\"],\"smtpResponse\":\"250 2.6.0 Message received\"}}",
	  1,
	  { { "user@example.net", 250, "2.6.0", ACTION_DELIVERED, KIND_BOUNCE } } },
	{ "complaint",
	  HEADER "{\"eventType\":\"Complaint\"," MAIL ",\"complaint\":{\"timestamp\":\"2016-11-23T12:01:03.512Z\","
		 "\"complainedRecipients\":[{\"emailAddress\":\"user@example.net\"}]}}",
	  1,
	  { { "user@example.net", 0, "", ACTION_UNKNOWN, KIND_ARF } } },
	{ "broken lines", HEADER "{\"notificationType\":\"Deli!\n very\"," MAIL ",\"delivery\":{\"timestamp\":\"2016-11-23T12:01:03Z\","
		 "\"recipients\":[\"user@exam!\n ple.net\"]}}",
	  1,
	  { { "user@example.net", 0, "", ACTION_DELIVERED, KIND_BOUNCE } } },
	{ "somebody else", "From: user@example.com\n\n{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{\"emailAddress\":\"a@example.net\"}]}}", 0, { { 0 } } },
	{ "no object", HEADER "hello", 0, { { 0 } } },
	{ "cut object", HEADER "{\"notificationType\":\"Bounce\",\"bounce\":{", 0, { { 0 } } },
	{ "wrong types", HEADER "{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[1,{\"emailAddress\":2},[]]}}", 0, { { 0 } } },
};

static void test_cases(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcomes outcomes = { 0 };
		const struct mail *mail = mail_read(reader, span_of(cases[i].mail), SPAN_NONE);
		char status[STATUS_TEXT_SIZE];

		assert_true(notification_read(mail, &outcomes) >= 0);
		if (outcomes.count != cases[i].count)
			fail_msg("%s: %zu outcomes", cases[i].name, outcomes.count);
		for (size_t n = 0; n < outcomes.count; n++) {
			const struct outcome *got = &outcomes.items[n];
			const struct wanted *wanted = &cases[i].wanted[n];
			if (!span_is_equal(got->recipient, span_of(wanted->recipient)) || got->reply != wanted->reply ||
			    strcmp(status_format(got->status, status), wanted->status) != 0 || got->action != wanted->action ||
			    got->kind != wanted->kind)
				fail_msg("%s: %.*s %u %s", cases[i].name, SPAN_ARG(got->recipient), got->reply, status);
			assert_true(span_is_equal(got->message_id, SPAN_LIT("id@example.org")));
			assert_true(span_is_equal(got->sender, SPAN_LIT("sender@example.org")));
			assert_int_equal(got->time_s, 1479902463);
		}
	}
	mail_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
