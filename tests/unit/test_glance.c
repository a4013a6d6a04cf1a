/* SPDX-License-Identifier: BSD-2-Clause */
/* The glance never says no where the readers would say yes, and it does say no to plain mail. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "evidence/autoreply.h"
#include "evidence/glance.h"
#include "evidence/mail.h"

static struct formats *formats;

static int setup(void **state)
{
	struct complaint complaint;
	char dir[4096];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/etc/formats.d", getenv("top_srcdir"));
	return formats_load(dir, &formats, &complaint);
}

static int teardown(void **state)
{
	(void)state;
	formats_free(formats);
	return 0;
}

static bool is_candidate(struct mail_reader *reader, struct span message)
{
	(void)mail_read(reader, message, SPAN_NONE);
	return mail_is_candidate(reader) || formats_is_candidate(formats, mail_get(reader));
}

/* The fields as they came. */
static bool glances(const struct mail *mail)
{
	struct glance glance;

	glance_begin(&glance, span_is_known(mail->sender) ? mail->sender : SPAN_LIT("user@example.org"));
	for (size_t i = 0; i < mail->fields.count; i++)
		glance_add(&glance, formats, mail->fields.items[i].name, mail->fields.items[i].raw);
	return glance_may_be_candidate(&glance);
}

static unsigned check_folder(struct mail_reader *reader, const char *name)
{
	char dir[4096], path[8192];
	static char text[1 << 20];
	unsigned candidates = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(dir, sizeof(dir), "%s/tests/fuzz/seeds/%s", getenv("top_srcdir"), name);
	folder = opendir(dir);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!file)
			continue;
		size_t len = fread(text, 1, sizeof(text), file);
		fclose(file);
		/* the first byte of a seed may be the fuzzer's own */
		for (size_t from = 0; from < 2 && from < len; from++) {
			bool is_bounce = is_candidate(reader, span_make(text + from, len - from));
			candidates += is_bounce;
			if (is_bounce && !glances(mail_get(reader)))
				fail_msg("%s: passed over", path);
		}
	}
	closedir(folder);
	return candidates;
}

static void test_no_bounce_is_passed_over(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);

	(void)state;
	assert_true(check_folder(reader, "mail") > 10);
	assert_true(check_folder(reader, "formats") > 10);
	check_folder(reader, "report");
	check_folder(reader, "arf");
	mail_reader_free(reader);
}

static const char plain[] = "Received: from a by b\nFrom: Thomas <thomas@example.com>\nSubject: Re: the plan\nContent-Type: text/plain; charset=utf-8\n"
			    "Message-ID: <1@example.com>\nIn-Reply-To: <2@example.com>\nPrecedence: bulk\nDelivered-To: user@example.com\n";

static const struct {
	const char *more;
	bool is_bounce;
} headers[] = {
	{ "", false },
	{ "Auto-Submitted: no\n", false },
	{ "Auto-Submitted: auto-generated\n", false },
	{ "List-Id: <news.example.com>\nX-Mailer: Mail 1.0\nReply-To: user@example.com\n", false },
	{ "Auto-Submitted:\n\tAuto-Replied (vacation)\n", true },
	{ "x-failed-recipients: a@example.com\n", true },
	{ "X-AUTOREPLY: yes\n", true },
};

static void test_plain_mail_is_passed_over(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		int len = snprintf(text, sizeof(text), "%s%s\nhello\n", plain, headers[i].more);
		if (is_candidate(reader, span_make(text, (size_t)len)) != headers[i].is_bounce || glances(mail_get(reader)) != headers[i].is_bounce)
			fail_msg("%zu: %s", i, headers[i].more);
	}
	mail_reader_free(reader);
}

/* Every name that an automatic reply may have, alone in a plain mail. */
static void test_every_signature_is_seen(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	char text[4096];

	(void)state;
	for (size_t i = 0; i < autoreply_signature_count; i++) {
		int len = snprintf(text, sizeof(text), "%.*s: %.*s\n\nhello\n", SPAN_ARG(autoreply_signatures[i].name), SPAN_ARG(autoreply_signatures[i].value));
		assert_true(is_candidate(reader, span_make(text, (size_t)len)));
		assert_true(glances(mail_get(reader)));
	}
	mail_reader_free(reader);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bounce_is_passed_over),
		cmocka_unit_test(test_plain_mail_is_passed_over),
		cmocka_unit_test(test_every_signature_is_seen),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
