/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms of bounces: the shipped ones prove themselves; what is no bounce, and files that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "evidence/formats.h"
#include "evidence/template.h"

static struct formats *load_shipped(void)
{
	const char *top = getenv("top_srcdir");
	struct formats *formats = NULL;
	struct complaint complaint = { 0 };
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/etc/formats.d", top ? top : ".");
	if (formats_load(dir, &formats, &complaint) != 0)
		fail_msg("%s:%u: %s", complaint.path, complaint.line, complaint.text);
	return formats;
}

static void test_samples(void **state)
{
	struct formats *formats = load_shipped();
	struct complaint complaint = { 0 };
	(void)state;

	if (formats_check(formats, &complaint) != 0)
		fail_msg("%s: %s", complaint.path, complaint.text);
	formats_free(formats);
}

/* Mails that hold the words of bounces and are none. */
static const struct {
	const char *name;
	const char *mail;
} no_bounces[] = {
	{ "a bounce quoted by a user",
	  "From: Someone <user@example.com>\nTo: help@example.org\nSubject: Re: failure notice\n\nWhat is this?\n\n"
	  "Hi. This is the qmail-send program at example.com.\n"
	  "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
	  "<victim@example.net>:\n550 5.1.1 no such user\n" },
	{ "a bounce forwarded by a user",
	  "From: user@example.com\nSubject: Fwd: Mail delivery failed: returning message to sender\n\n"
	  "---------- Forwarded message ---------\nFrom: Mail Delivery System <mailer-daemon@example.net>\n"
	  "Subject: Mail delivery failed\n\nThis message was created automatically by mail delivery software.\n\n"
	  "A message that you sent could not be delivered to one or more of its\n"
	  "recipients. This is a permanent error. The following address(es) failed:\n\n"
	  "  victim@example.net\n    550 5.1.1 unknown\n" },
	{ "a list's mail about a bounce",
	  "From: list-owner@example.org\nList-Id: <list.example.org>\nSubject: Undelivered Mail Returned to Sender\n\n"
	  "Delivery to the following recipient failed permanently:\n\n     victim@example.net\n\n550 5.1.1 no such user\n" },
	{ "a parcel that was delivered",
	  "Return-Path: <>\nFrom: Delivery <postmaster@example.com>\nTo: shop@example.org\nSubject: Coletul a fost livrat\n\n"
	  "Coletul a fost livrat. Destinatar: client@example.net\n" },
	{ "the sender alone is named, behind a list whose name has the word",
	  "Return-Path: <>\nFrom: MAILER-DAEMON@example.com\nTo: shop@example.org\nSubject: hm\n\n"
	  "550 5.7.1 not delivered: list sender-news, sender kim@example.net\n" },
	{ "mail from a postmaster who writes himself",
	  "From: postmaster@example.com\nTo: user@example.org\nSubject: Maintenance on Sunday\n\n"
	  "Dear users, mail to admin@example.com is read on weekdays.\nWrite to help@example.com with questions.\n" },
	{ "a bounce forwarded with a service that has a form of its own",
	  "From: user@example.com\nX-Mailer: Zoho Mail\nX-ZohoMail: 1\nSubject: Undeliverable Mail\n\n"
	  "This message was created automatically by mail delivery software.\n"
	  "A message that you sent could not be delivered to one or more of its recipients.\n\n"
	  "victim@example.net Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 unknown\n\nUnknown user: victim@example.net\n" },
	{ "a post to a list of fml",
	  "From: user@example.com\nX-MLServer: fml [fml 4.0.3 release]\nSubject: [list 00012] hello\n\n"
	  "Write to <victim@example.net>.\nNobody knows the address <other@example.net>.\n" },
	{ "a program's mail about something that failed",
	  "From: root@example.com\nReturn-Path: <root@example.com>\nSubject: Backup failure notice\n\n"
	  "The job of admin@example.com failed: error 550.\nowner: admin@example.com\n" },
	{ "an answering program with the null sender",
	  "Return-Path: <>\nFrom: user@example.com\nIn-Reply-To: <1@example.org>\nSubject: Re: Delivery failure of our order\n\n"
	  "I cannot answer. Write to other@example.net.\n" },
	{ "a mail system's own news",
	  "From: MAILER-DAEMON@example.com\nSubject: Statistics of the day\n\nTop senders:\nuser@example.net: 12 failed\n" },
	{ "an empty mail with the null sender", "Return-Path: <>\nFrom: user@example.com\nSubject: hello\n\nhello user@example.net\n" },
};

static void test_no_bounces(void **state)
{
	struct formats *formats = load_shipped();
	struct mail_reader *reader = mail_reader_new(NULL);
	(void)state;

	for (size_t i = 0; i < sizeof(no_bounces) / sizeof(no_bounces[0]); i++) {
		struct outcomes outcomes = { 0 };
		const struct mail *mail = mail_read(reader, span_of(no_bounces[i].mail), SPAN_NONE);
		if (formats_read(formats, mail, &outcomes) != 0 || outcomes.count != 0)
			fail_msg("%s: taken for a bounce, by form %s", no_bounces[i].name, formats_find(formats, mail));
	}
	mail_reader_free(reader);
	formats_free(formats);
}

static double get_cpu_time_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Who is named in the headers is looked up for each address of the text, and read but once. */
static void test_crowds(void **state)
{
	enum { FIELDS = 150, ADDRESSES = 200, LINES = 400, REPEATS = 130, COMMENT = 60000 };
	struct formats *formats = load_shipped();
	struct mail_reader *reader = mail_reader_new(NULL);
	struct outcomes outcomes = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *mail = open_memstream(&text, &len);
	double begin_s;
	(void)state;

	assert_non_null(mail);
	fprintf(mail, "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nTo: (%0*d) sender@example.org\nSubject: failure notice\n"
		      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n550 5.1.1 unable to deliver\n", COMMENT, 0);
	for (int i = 0; i < LINES; i++) {
		fprintf(mail, "<user%d@example.com>", i);
		for (int n = 0; n < REPEATS; n++)
			fputs(", b@x.test", mail);
		fputc('\n', mail);
	}
	fputs("--b\nContent-Type: message/rfc822\n\nFrom: sender@example.org\n", mail);
	for (int i = 0; i < FIELDS; i++) {
		fputs("To: first@example.com", mail);
		for (int n = 0; n < ADDRESSES; n++)
			fprintf(mail, ", other%d@example.com", n);
		fputc('\n', mail);
	}
	fputs("\n--b--\n", mail);
	assert_int_equal(fclose(mail), 0);
	begin_s = get_cpu_time_s();
	assert_int_equal(formats_read(formats, mail_read(reader, span_make(text, len), SPAN_NONE), &outcomes), 1);
	assert_true(get_cpu_time_s() - begin_s < 5);
	assert_true(outcomes.count > LINES / 2);
	free(text);
	mail_reader_free(reader);
	formats_free(formats);
}

/* So is who is named by a local part alone: the line of the last of them still finds its whole address. */
static void read_crowd_of_names(const char *head, const char *line, const char *tail, const char *wanted)
{
	enum { LINES = 60000 };
	struct formats *formats = load_shipped();
	struct mail_reader *reader = mail_reader_new(NULL);
	struct outcomes outcomes = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *mail = open_memstream(&text, &len);
	double begin_s;

	assert_non_null(mail);
	fputs(head, mail);
	for (int i = 0; i < LINES; i++)
		fputs(line, mail);
	fputs(tail, mail);
	assert_int_equal(fclose(mail), 0);
	begin_s = get_cpu_time_s();
	assert_int_equal(formats_read(formats, mail_read(reader, span_make(text, len), SPAN_NONE), &outcomes), 1);
	assert_true(get_cpu_time_s() - begin_s < 5);
	assert_true(span_is_equal(outcomes.items[0].recipient, span_of(wanted)));
	free(text);
	mail_reader_free(reader);
	formats_free(formats);
}

static void test_crowds_of_names(void **state)
{
	enum { ADDRESSES = 900 };
	char crowd[ADDRESSES * 32], head[sizeof(crowd) + 512], tail[sizeof(crowd) + 512];
	size_t used = 0;
	(void)state;

	for (int n = 0; n < ADDRESSES; n++)
		used += (size_t)snprintf(crowd + used, sizeof(crowd) - used, "user%d@example.com,\n ", n);
	snprintf(crowd + used, sizeof(crowd) - used, "last@example.com\n");
	snprintf(head, sizeof(head), "Return-Path: <>\nFrom: MAILER-DAEMON@example.net\nX-Failed-Recipients: %s\n"
		 "This message was created automatically by mail delivery software.\n"
		 "The following address(es) failed:\n\n  last:\n    550 5.1.1 no such user\n", crowd);
	read_crowd_of_names(head, "name\n", "", "last@example.com");
	snprintf(tail, sizeof(tail), "\n--b\nContent-Type: message/rfc822\n\nFrom: sender@example.org\nTo: %s\nhello\n--b--\n", crowd);
	read_crowd_of_names("Return-Path: <>\nFrom: MAILER-DAEMON@example.net\nMIME-Version: 1.0\n"
			    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
			    "The message that you sent was undeliverable to the following:\n\tlast (user not found)\n",
			    "\tname (user not found)\n", tail, "last@example.com");
}

/* Files that must be refused, where, and what the complaint speaks of. */
static const struct {
	const char *text;
	unsigned line;
	const char *why;
} bad_files[] = {
	{ "form a {\n\ttext = {'x *'}\n\tnonsense = 1\n\tsample s { mail = 'x' }\n}\n", 3, "nonsense" },
	{ "form a {\n\ttext = {'x {nobody}'}\n}\n", 2, "unknown name" },
	{ "form a {\n\ttext = {'x'}\n\trecipient = {'* * {text}{recipient}{recipient}'}\n}\n", 3, "twice" },
	{ "form a {\n\ttext = {'*'}\n}\n", 2, "every line" },
	{ "form a {\n\ttext = {'x'}\n\trecipient = {'*{text}'}\n}\n", 3, "side by side" },
	{ "form a {\n\theader = {'Subject'}\n}\n", 2, "Name: value" },
	{ "form a {\n\trecipient = {'{recipient}'}\n\tsample s { mail = 'x' }\n}\n", 0, "known" },
	{ "form a {\n\ttext = {'x'}\n}\n", 0, "sample" },
	{ "form a { text = {'x'} signature = yes sample s { mail = 'x' } }\n", 0, "signature" },
	{ "form a { text = {'x'} sample s { mail = 'x' } }\nform a { text = {'x'} sample s { mail = 'x' } }\n", 2, "" },
	{ "form a {\n", 0, "" },
};

static void test_bad_files(void **state)
{
	char dir[] = "/tmp/kodama-formats-XXXXXX", path[100];
	(void)state;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.formats", dir);
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		struct formats *formats = NULL;
		struct complaint complaint = { 0 };
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(bad_files[i].text, file);
		fclose(file);
		if (formats_load(dir, &formats, &complaint) == 0)
			fail_msg("accepted: %s", bad_files[i].text);
		assert_null(formats);
		assert_string_equal(complaint.path, path);
		if (bad_files[i].line && complaint.line != bad_files[i].line)
			fail_msg("line %u, not %u: %s", complaint.line, bad_files[i].line, bad_files[i].text);
		if (!strstr(complaint.text, bad_files[i].why))
			fail_msg("'%s' says nothing of '%s'", complaint.text, bad_files[i].why);
	}
	unlink(path);
	struct formats *none = NULL;
	assert_int_equal(formats_load(dir, &none, NULL), 0);
	formats_free(none);
	rmdir(dir);
	assert_int_not_equal(formats_load(dir, &none, NULL), 0);
}

static const struct {
	const char *template;
	const char *line;
	const char *recipient; /* NULL: no match */
	const char *text;
} lines[] = {
	{ "{recipient}", "  <user@example.com>  ", "user@example.com", "" },
	{ "{recipient}", "user@example.com", "user@example.com", "" },
	{ "{recipient}", "user@example.com is here", NULL, NULL },
	{ "{recipient}:", "\"user@example.com\":", "user@example.com", "" },
	{ "{recipient}:", "<\"a b\"@example.com>:", "\"a b\"@example.com", "" },
	{ "to {recipient}*", "TO   mailto:user@example.com, as said", "user@example.com", "" },
	{ "{recipient}: {text}", "user@example.com: 550 no: such user", "user@example.com", "550 no: such user" },
	{ "* for {recipient} ({text})", "x for y for user@example.com (full)", "user@example.com", "full" },
	{ "*{recipient}", "rfc822;user@example.com", "user@example.com", "" },
	{ "{recipient}", "<@relay.example.org:user@example.com>", "user@example.com", "" },
	{ "{recipient}", "'user@example.com'", "user@example.com", "" },
	{ "{recipient}.", "user@example.com.", "user@example.com", "" },
	{ "{recipient}", "user@", NULL, NULL },
	{ "{recipient}", "@example.com", NULL, NULL },
	{ "{recipient}", "no address", NULL, NULL },
};

static void test_templates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *why;
		size_t budget = 10000;
		struct captures captures = { 0 };
		struct template *template = template_parse(span_of(lines[i].template), &why);
		assert_non_null(template);
		struct template_line line = template_line_make(span_of(lines[i].line));
		bool is_match = template_match(template, &line, &captures, &budget);
		if (is_match != (lines[i].recipient != NULL))
			fail_msg("'%s' and '%s': %s", lines[i].template, lines[i].line, is_match ? "match" : "no match");
		if (is_match && (!span_is_equal(captures.spans[CAPTURE_RECIPIENT], span_of(lines[i].recipient)) ||
				 !span_is_equal(captures.spans[CAPTURE_TEXT], span_of(lines[i].text))))
			fail_msg("'%s' and '%s': '%.*s', '%.*s'", lines[i].template, lines[i].line,
				 SPAN_ARG(captures.spans[CAPTURE_RECIPIENT]), SPAN_ARG(captures.spans[CAPTURE_TEXT]));
		template_free(template);
	}
}

/* A line made to backtrack costs no more than the budget. */
static void test_budget(void **state)
{
	const char *why;
	struct template *template = template_parse(SPAN_LIT("*a*a*a*a*a*a*a*a*a*b*"), &why);
	struct captures captures;
	char bytes[2000];
	struct template_line line, matching = template_line_make(SPAN_LIT("aaaaaaaaab"));
	size_t budget = 100000;
	(void)state;

	assert_non_null(template);
	memset(bytes, 'a', sizeof(bytes));
	line = template_line_make(span_make(bytes, sizeof(bytes)));
	assert_false(template_match(template, &line, &captures, &budget));
	assert_int_equal(budget, 0);
	assert_false(template_match(template, &matching, &captures, &budget));
	budget = 100000;
	assert_true(template_match(template, &matching, &captures, &budget));
	template_free(template);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),   cmocka_unit_test(test_no_bounces), cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_templates), cmocka_unit_test(test_budget),    cmocka_unit_test(test_crowds),
		cmocka_unit_test(test_crowds_of_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
