/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines joined by queue id: what is told of each recipient, and what is forgotten in time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "evidence/logjoin.h"

struct bench {
	struct logjoin *join, *part;
	struct logclock clock;
	struct buffer told; /* a line for each delivery */
};

static struct logjoin_options options_of(bool is_part)
{
	return (struct logjoin_options){ .key = { { 1, 2 } }, .open_max = 8, .deferred_max = 6, .lifetime_s = 86400, .is_part = is_part };
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct logjoin_options options = options_of(false), part = options_of(true);
	int64_t reference_s;

	if (!bench || timestamp_parse(SPAN_LIT("2026-11-30T00:00:00Z"), &reference_s) < 0)
		return -1;
	logclock_init(&bench->clock, reference_s);
	buffer_init(&bench->told, 1 << 20);
	bench->join = logjoin_new(&options);
	bench->part = logjoin_new(&part);
	*state = bench;
	return bench->join && bench->part ? 0 : -1;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	logjoin_free(bench->join);
	logjoin_free(bench->part);
	buffer_done(&bench->told);
	free(bench);
	return 0;
}

static void add_known(struct buffer *told, const char *name, struct span text)
{
	if (span_is_known(text))
		buffer_printf(told, " %s=%.*s", name, SPAN_ARG(text));
}

static void tell(void *data, const struct log_delivery *delivery)
{
	struct bench *bench = data;
	char status[STATUS_TEXT_SIZE];

	buffer_printf(&bench->told, "%s%s%s%s %.*s %s", action_get_name(delivery->action), delivery->is_final ? "" : " for now",
		      delivery->is_expired ? " expired" : "", delivery->is_probe ? " probe" : "", SPAN_ARG(delivery->recipient),
		      status_format(delivery->status, status));
	add_known(&bench->told, "from", delivery->sender);
	add_known(&bench->told, "id", delivery->message_id);
	add_known(&bench->told, "login", delivery->login);
	add_known(&bench->told, "orig", delivery->orig_to);
	buffer_printf(&bench->told, ": %.*s\n", SPAN_ARG(delivery->text));
}

static int take(struct bench *bench, struct logjoin *join, const char *text)
{
	struct logline line;

	logline_parse(span_of(text), &bench->clock, &line);
	return logjoin_take(join, &line, tell, bench);
}

static void take_all(struct bench *bench, const char *const *lines)
{
	for (; *lines; lines++)
		assert_int_equal(take(bench, bench->join, *lines), 0);
}

static void assert_told(struct bench *bench, const char *wanted)
{
	assert_string_equal(buffer_get_text(&bench->told), wanted);
	buffer_clear(&bench->told);
}

#define P "Nov 21 20:30:21 mx1 postfix/"
#define REST ", relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, "

static const char *const begun[] = {
	P "submission/smtpd[1]: 3F2504E04F: client=pc[192.0.2.9], sasl_method=PLAIN, sasl_username=alice",
	P "cleanup[1]: 3F2504E04F: message-id=<1@example.org>",
	P "qmgr[1]: 3F2504E04F: from=<s@example.org>, size=399, nrcpt=2 (queue active)",
	NULL,
};

/* A report asks neither who nor which message. */
static void test_what_nobody_asks_for(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		NULL,
	};
	struct logjoin_options options = options_of(false);
	struct bench *bench = *state;

	options.is_brief = true;
	logjoin_free(bench->join);
	bench->join = logjoin_new(&options);
	assert_non_null(bench->join);
	take_all(bench, begun);
	take_all(bench, lines);
	assert_told(bench, "delivered a@example.com 2.0.0: 250 ok\n");
	assert_int_equal(logjoin_get_counts(bench->join)->messages, 1);
}

static void test_what_other_lines_told(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		P "smtp[1]: 3F2504E04F: to=<b@example.com>, orig_to=<c@example.org>" REST "dsn=5.1.1, status=bounced (host x said: 550 5.1.1 no)",
		P "bounce[1]: 3F2504E04F: sender non-delivery notification: 4B2504E04F",
		P "qmgr[1]: 3F2504E04F: removed",
		P "smtp[1]: 3F2504E04F: to=<d@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, begun);
	take_all(bench, lines);
	assert_told(bench, "delivered a@example.com 2.0.0 from=s@example.org id=1@example.org login=alice: 250 ok\n"
			   "failed b@example.com 5.1.1 from=s@example.org id=1@example.org login=alice orig=c@example.org: host x said: 550 5.1.1 no\n"
			   "delivered d@example.com 2.0.0: 250 ok\n");
	assert_int_equal(logjoin_get_counts(bench->join)->open, 0);
	assert_int_equal(logjoin_get_counts(bench->join)->messages, 1);
}

static void test_expired_with_the_last_reasons(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=4.4.1, status=deferred (connect to x: refused)",
		P "smtp[1]: 3F2504E04F: to=<b@example.com>" REST "dsn=4.2.2, status=deferred (host x said: 452 4.2.2 full)",
		P "smtp[1]: 3F2504E04F: to=<c@example.com>" REST "dsn=4.2.0, status=deferred (host x said: 450 4.2.0 later)",
		P "qmgr[1]: 3F2504E04F: from=<s@example.org>, size=399, nrcpt=3 (queue active)",
		P "smtp[1]: 3F2504E04F: to=<c@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=4.2.1, status=deferred (host x said: 450 4.2.1 disabled)",
		NULL,
	};
	static const char *const end[] = {
		P "qmgr[1]: 3F2504E04F: from=<s@example.org>, status=expired, returned to sender",
		P "qmgr[1]: 3F2504E04F: removed",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, begun);
	take_all(bench, lines);
	assert_int_equal(logjoin_get_counts(bench->join)->deferred, 2);
	buffer_clear(&bench->told);
	take_all(bench, end);
	assert_told(bench, "failed expired b@example.com 4.2.2 from=s@example.org id=1@example.org login=alice: host x said: 452 4.2.2 full\n"
			   "failed expired a@example.com 4.2.1 from=s@example.org id=1@example.org login=alice: host x said: 450 4.2.1 disabled\n");
	assert_int_equal(logjoin_get_counts(bench->join)->deferred, 0);
}

static void test_expired_without_a_reason_is_counted(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(take(bench, bench->join, P "qmgr[1]: 3F2504E04F: from=<s@example.org>, status=expired, returned to sender"), 0);
	assert_told(bench, "");
	assert_int_equal(logjoin_get_counts(bench->join)->expired_unknown, 1);
}

/* A log that begins in the middle: the reason alone is enough. */
static void test_deferred_of_an_unknown_message(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 full)",
		P "qmgr[1]: 3F2504E04F: from=<s@example.org>, status=expired, returned to sender",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, lines);
	assert_told(bench, "delayed for now a@example.com 4.2.2: 452 4.2.2 full\n"
			   "failed expired a@example.com 4.2.2 from=s@example.org: 452 4.2.2 full\n");
}

static void test_probes_leave_nothing(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=5.1.1, status=undeliverable (host x said: 550 5.1.1 no)",
		P "smtp[1]: 3F2504E04F: to=<b@example.com>" REST "dsn=2.1.5, status=deliverable (250 2.1.5 ok)",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, begun);
	take_all(bench, lines);
	assert_told(bench, "failed probe a@example.com 5.1.1 from=s@example.org id=1@example.org login=alice: host x said: 550 5.1.1 no\n"
			   "delivered probe b@example.com 2.1.5 from=s@example.org id=1@example.org login=alice: 250 2.1.5 ok\n");
}

/* Short ids are used again: what was known belongs to the message before. */
static void test_an_id_that_is_used_again(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 full)",
		P "cleanup[1]: 3F2504E04F: message-id=<2@example.org>",
		P "smtp[1]: 3F2504E04F: to=<b@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		P "qmgr[1]: 3F2504E04F: from=<s@example.org>, status=expired, returned to sender",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, begun);
	take_all(bench, lines);
	assert_told(bench, "delayed for now a@example.com 4.2.2 from=s@example.org id=1@example.org login=alice: 452 4.2.2 full\n"
			   "delivered b@example.com 2.0.0 id=2@example.org: 250 ok\n");
}

static void test_hosts_and_instances_are_told_apart(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		"Nov 21 20:30:21 mx2 postfix/smtp[1]: 3F2504E04F: to=<b@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		"Nov 21 20:30:21 mx1 postfix-out/smtp[1]: 3F2504E04F: to=<c@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		/* a long id is unique: a service may log under a name of its own */
		P "qmgr[1]: 4jX3kl5Jdtz1cMg1: from=<l@example.org>, size=399, nrcpt=1 (queue active)",
		"Nov 21 20:30:21 mx1 postfix-slow/smtp[1]: 4jX3kl5Jdtz1cMg1: to=<d@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, begun);
	take_all(bench, lines);
	assert_told(bench, "delivered a@example.com 2.0.0 from=s@example.org id=1@example.org login=alice: 250 ok\n"
			   "delivered b@example.com 2.0.0: 250 ok\n"
			   "delivered c@example.com 2.0.0: 250 ok\n"
			   "delivered d@example.com 2.0.0 from=l@example.org: 250 ok\n");
}

#define S "Nov 21 20:45:42 mx1 sm-mta[2]: 6ALKjgGN027975: "
#define SREST ", delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=120244, relay=mx.example.com. [192.0.2.1], "

static void test_sendmail(void **state)
{
	static const char *const lines[] = {
		S "from=<s@example.org>, size=244, class=0, nrcpts=4, msgid=<1@example.org>, proto=ESMTP, daemon=MTA, relay=x [192.0.2.9]",
		S "to=<a@example.com>,<b@example.com>" SREST "dsn=2.0.0, stat=Sent (Ok: queued as 57)",
		S "to=<c@example.com>" SREST "dsn=4.7.0, reply=421 4.7.0 slow down, stat=Deferred: 421-4.7.0 slow down",
		S "to=<d@example.com>" SREST "dsn=4.2.0, reply=421 4.7.0 slow down, stat=Deferred: 421-4.7.0 slow down",
		S "6ALKkKGX028584: DSN: Cannot send message for 5 days",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, lines);
	assert_told(bench, "delivered a@example.com 2.0.0 from=s@example.org id=1@example.org: Sent (Ok: queued as 57)\n"
			   "delivered b@example.com 2.0.0 from=s@example.org id=1@example.org: Sent (Ok: queued as 57)\n"
			   "delayed for now c@example.com 4.7.0 from=s@example.org id=1@example.org: 421 4.7.0 slow down\n"
			   "delayed for now d@example.com 4.2.0 from=s@example.org id=1@example.org: Deferred\n"
			   "failed expired c@example.com 4.7.0 from=s@example.org id=1@example.org: 421 4.7.0 slow down\n"
			   "failed expired d@example.com 4.2.0 from=s@example.org id=1@example.org: Deferred\n");
}

/* Sendmail never says "removed": who has had all his last words does not count as open, and is gone after a while. */
static void test_sendmail_has_no_end(void **state)
{
	static const char *const lines[] = {
		S "from=<s@example.org>, size=244, class=0, nrcpts=1, msgid=<1@example.org>, relay=x [192.0.2.9]",
		S "to=<a@example.com>" SREST "dsn=2.0.0, stat=Sent (ok)",
		S "to=<alias@example.com>" SREST "dsn=2.0.0, stat=Sent (ok)",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, lines);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 0);
	assert_int_equal(take(bench, bench->join, "Nov 21 21:45:42 mx1 sm-mta[2]: 6ALKjgGN027976: from=<t@example.org>, size=1, class=0, nrcpts=1, relay=x"), 0);
	assert_int_equal(take(bench, bench->join, "Nov 21 21:45:42 mx1 sm-mta[2]: 6ALKjgGN027975: to=<late@example.com>" SREST "dsn=2.0.0, stat=Sent (ok)"), 0);
	assert_told(bench, "delivered a@example.com 2.0.0 from=s@example.org id=1@example.org: Sent (ok)\n"
			   "delivered alias@example.com 2.0.0 from=s@example.org id=1@example.org: Sent (ok)\n"
			   "delivered late@example.com 2.0.0: Sent (ok)\n");
	assert_int_equal(logjoin_get_counts(bench->join)->aged, 0);
}

/* --- bounds */

static void take_new(struct bench *bench, unsigned number)
{
	char text[200];

	snprintf(text, sizeof(text), P "qmgr[1]: 3F2504E%03X: from=<s%u@example.org>, size=399, nrcpt=1 (queue active)", number, number);
	assert_int_equal(take(bench, bench->join, text), 0);
}

static void test_too_many_open(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < 1000; i++)
		take_new(bench, i);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 8);
	assert_int_equal(logjoin_get_counts(bench->join)->aged, 992);
	/* the newest are known, the older are not */
	assert_int_equal(take(bench, bench->join, P "smtp[1]: 3F2504E3E0: to=<a@example.com>" REST "dsn=2.0.0, status=sent (ok)"), 0);
	assert_int_equal(take(bench, bench->join, P "smtp[1]: 3F2504E3DF: to=<a@example.com>" REST "dsn=2.0.0, status=sent (ok)"), 0);
	assert_told(bench, "delivered a@example.com 2.0.0 from=s992@example.org: ok\ndelivered a@example.com 2.0.0: ok\n");
}

static void test_too_many_deferred(void **state)
{
	struct bench *bench = *state;
	char text[300];

	take_new(bench, 1);
	assert_int_equal(take(bench, bench->join, P "smtp[1]: 3F2504E001: to=<first@example.com>" REST "dsn=4.2.2, status=deferred (452 full)"), 0);
	take_new(bench, 2);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), P "smtp[1]: 3F2504E002: to=<a%u@example.com>" REST "dsn=4.2.2, status=deferred (452 full)", i);
		assert_int_equal(take(bench, bench->join, text), 0);
	}
	assert_int_equal(logjoin_get_counts(bench->join)->deferred, 6);
	assert_int_equal(logjoin_get_counts(bench->join)->deferred_forgotten, 95);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 1);
}

static void count_expired(void *data, const struct log_delivery *delivery)
{
	*(unsigned *)data += delivery->is_expired && span_has_suffix_nocase(delivery->text, SPAN_LIT("again"));
}

/* A list: all are deferred, and again in the opposite order, a third is delivered, the rest expires.  Processor time in seconds. */
static double take_list(struct bench *bench, unsigned recipients)
{
	struct logjoin_options options = options_of(false);
	unsigned expired = 0;
	char text[300];
	struct timespec begin, end;

	options.deferred_max = recipients;
	logjoin_free(bench->join);
	bench->join = logjoin_new(&options);
	take_new(bench, 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (unsigned i = 0; i < recipients; i++) {
		snprintf(text, sizeof(text), P "smtp[1]: 3F2504E001: to=<a%u@example.com>" REST "dsn=4.2.2, status=deferred (452 full)", i);
		assert_int_equal(take(bench, bench->join, text), 0);
	}
	for (unsigned i = recipients; i-- > 0;) {
		snprintf(text, sizeof(text), P "smtp[1]: 3F2504E001: to=<a%u@example.com>" REST "dsn=4.2.2, status=deferred (452 full again)", i);
		assert_int_equal(take(bench, bench->join, text), 0);
	}
	assert_int_equal(logjoin_get_counts(bench->join)->deferred, recipients);
	for (unsigned i = 0; i < recipients; i += 3) {
		snprintf(text, sizeof(text), P "smtp[1]: 3F2504E001: to=<a%u@example.com>" REST "dsn=2.0.0, status=sent (ok)", i);
		assert_int_equal(take(bench, bench->join, text), 0);
	}
	assert_int_equal(logjoin_get_counts(bench->join)->deferred, recipients - (recipients + 2) / 3);
	struct logline line;
	logline_parse(SPAN_LIT(P "qmgr[1]: 3F2504E001: from=<s@example.org>, status=expired, returned to sender"), &bench->clock, &line);
	assert_int_equal(logjoin_take(bench->join, &line, count_expired, &expired), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(expired, recipients - (recipients + 2) / 3);
	assert_int_equal(logjoin_get_counts(bench->join)->deferred, 0);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/* Ten times as many recipients take ten times as long, not a hundred times. */
static void test_deferred_of_a_long_list(void **state)
{
	double ratio = 100;

	for (unsigned i = 0; i < 3 && ratio >= 40; i++)
		ratio = take_list(*state, 50000) / take_list(*state, 5000);
	assert_true(ratio < 40);
}

static void test_untouched_for_too_long(void **state)
{
	struct bench *bench = *state;

	take_all(bench, begun);
	assert_int_equal(take(bench, bench->join, "Nov 22 20:30:20 mx1 postfix/qmgr[1]: 4B2504E04F: from=<t@example.org>, size=1, nrcpt=1 (queue active)"), 0);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 2);
	assert_int_equal(take(bench, bench->join, "Nov 22 20:30:22 mx1 postfix/qmgr[1]: 4B2504E050: from=<t@example.org>, size=1, nrcpt=1 (queue active)"), 0);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 2);
	assert_int_equal(logjoin_get_counts(bench->join)->aged, 1);
}

/* A text that is too long to be kept is not known, rather than another one. */
static void test_long_texts(void **state)
{
	struct bench *bench = *state;
	char sender[3000], text[4000];

	memset(sender, 'x', sizeof(sender) - 1);
	sender[sizeof(sender) - 1] = '\0';
	snprintf(text, sizeof(text), P "qmgr[1]: 3F2504E001: from=<%s@example.org>, size=399, nrcpt=1 (queue active)", sender);
	assert_int_equal(take(bench, bench->join, text), 0);
	assert_int_equal(take(bench, bench->join, P "smtp[1]: 3F2504E001: to=<a@example.com>" REST "dsn=2.0.0, status=sent (ok)"), 0);
	assert_told(bench, "delivered a@example.com 2.0.0: ok\n");
}

/* After a restart the lines before the place to go on from are read once more, and nobody is told. */
static void test_read_once_more(void **state)
{
	struct bench *bench = *state;
	struct logline line;

	for (size_t i = 0; begun[i]; i++) {
		logline_parse(span_of(begun[i]), &bench->clock, &line);
		assert_int_equal(logjoin_take(bench->join, &line, NULL, NULL), 0);
	}
	assert_int_equal(take(bench, bench->join, P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)"), 0);
	assert_told(bench, "delivered a@example.com 2.0.0 from=s@example.org id=1@example.org login=alice: 250 ok\n");
}

/* --- a log in two parts */

static const char *const whole[] = {
	P "smtpd[1]: 3F2504E04F: client=pc[192.0.2.9], sasl_method=PLAIN, sasl_username=alice",
	P "cleanup[1]: 3F2504E04F: message-id=<1@example.org>",
	P "qmgr[1]: 3F2504E04F: from=<s@example.org>, size=399, nrcpt=2 (queue active)",
	P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 full)",
	P "smtp[1]: 3F2504E04F: to=<b@example.com>" REST "dsn=4.2.1, status=deferred (450 4.2.1 off)",
	P "cleanup[1]: 4B2504E04F: message-id=<20261121203021.4B2504E04F@mx1.example.org>",
	P "qmgr[1]: 4B2504E04F: from=<t@example.org>, size=399, nrcpt=1 (queue active)",
	P "smtp[1]: 4B2504E04F: to=<c@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 full)",
	P "smtp[1]: 3F2504E04F: to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
	P "qmgr[1]: 3F2504E04F: from=<s@example.org>, status=expired, returned to sender",
	P "qmgr[1]: 3F2504E04F: removed",
	P "cleanup[1]: 3F2504E04F: message-id=<3@example.org>",
	P "smtp[1]: 3F2504E04F: to=<d@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 full)",
	P "qmgr[1]: 3F2504E04F: from=<s3@example.org>, status=expired, returned to sender",
	P "qmgr[1]: 4B2504E04F: from=<t@example.org>, status=expired, returned to sender",
	/* Postfix's own Message-ID, and nothing but the line before tells that it is no bounce */
	P "pickup[1]: 5B2504E04F: uid=0 from=<root>",
	P "cleanup[1]: 5B2504E04F: message-id=<20261121203021.5B2504E04F@mx1.example.org>",
	P "qmgr[1]: 5B2504E04F: from=<root@example.org>, size=399, nrcpt=1 (queue active)",
	P "smtp[1]: 5B2504E04F: to=<e@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
	P "qmgr[1]: 5B2504E04F: removed",
};

enum { WHOLE_COUNT = sizeof(whole) / sizeof(whole[0]) };

static int compare_lines(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* What was told, in an order that does not depend on who told it. */
static void sort_told(struct bench *bench)
{
	struct span lines[64], rest = buffer_get(&bench->told);
	struct buffer sorted;
	size_t count = 0;

	buffer_init(&sorted, 1 << 20);
	while (rest.len && count < 64)
		lines[count++] = span_take(&rest, '\n');
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < count; i++) {
		buffer_add(&sorted, lines[i]);
		buffer_add_char(&sorted, '\n');
	}
	buffer_done(&bench->told);
	bench->told = sorted;
}

/* Cut anywhere: the second part is read without the first, what it does not know is told once more to the first. */
static void test_two_parts_tell_what_the_whole_tells(void **state)
{
	struct bench *bench = *state;
	uint64_t messages;
	char *wanted;

	for (size_t i = 0; i < WHOLE_COUNT; i++)
		assert_int_equal(take(bench, bench->join, whole[i]), 0);
	messages = logjoin_get_counts(bench->join)->messages;
	sort_told(bench);
	wanted = strdup(buffer_get_text(&bench->told));
	assert_non_null(wanted);
	for (size_t cut = 0; cut <= WHOLE_COUNT; cut++) {
		struct logjoin_options options = options_of(false);
		const char *unknown[WHOLE_COUNT];
		size_t unknown_count = 0;

		logjoin_free(bench->join);
		bench->join = logjoin_new(&options);
		assert_non_null(bench->join);
		buffer_clear(&bench->told);
		for (size_t i = 0; i < cut; i++)
			assert_int_equal(take(bench, bench->join, whole[i]), 0);
		for (size_t i = cut; i < WHOLE_COUNT; i++) {
			int taken = take(bench, bench->part, whole[i]);
			assert_true(taken == 0 || taken == -ENOENT);
			if (taken == -ENOENT)
				unknown[unknown_count++] = whole[i];
		}
		for (size_t i = 0; i < unknown_count; i++)
			assert_int_equal(take(bench, bench->join, unknown[i]), 0);
		assert_int_equal(logjoin_absorb(bench->join, bench->part), 0);
		assert_int_equal(logjoin_get_counts(bench->part)->open, 0);
		sort_told(bench);
		if (strcmp(buffer_get_text(&bench->told), wanted) != 0)
			fail_msg("cut at %zu:\n%s\nnot\n%s", cut, buffer_get_text(&bench->told), wanted);
		assert_int_equal(logjoin_get_counts(bench->join)->open, 2);
		assert_int_equal(logjoin_get_counts(bench->join)->messages, messages);
	}
	free(wanted);
}

/* What the first part told of a message goes on in the second. */
static void test_a_part_goes_over(void **state)
{
	struct bench *bench = *state;

	for (size_t i = 5; i < 8; i++)
		assert_int_equal(take(bench, bench->part, whole[i]), 0);
	assert_int_equal(logjoin_absorb(bench->join, bench->part), 0);
	buffer_clear(&bench->told);
	assert_int_equal(take(bench, bench->join, whole[14]), 0);
	assert_told(bench, "failed expired c@example.com 4.2.2 from=t@example.org id=20261121203021.4B2504E04F@mx1.example.org: 452 4.2.2 full\n");
}

/* --- in brief */

static unsigned roll(uint64_t *dice, unsigned sides)
{
	*dice = *dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*dice >> 33) % sides;
}

/* Lines about one of few messages: "tag: QID: words", and where there is a tail "QID tail" behind. */
static const struct {
	const char *tag, *words, *tail;
} sayings[] = {
	{ "postfix/smtpd[1]", "connect from x[192.0.2.9]", NULL },
	{ "postfix/submission/smtpd[2]", "client=pc[192.0.2.9], sasl_method=PLAIN, sasl_username=alice", NULL },
	{ "postfix/pickup[3]", "uid=0 from=<root>", NULL },
	{ "postfix/pickup[3]", "uid=0", NULL },
	{ "postfix/cleanup[4]", "message-id=<1@example.org>", NULL },
	{ "postfix/cleanup[4]", "message-id=<20261121203021.", "@mx1.example.org>" },
	{ "postfix/qmgr[5]", "from=<s@example.org>, size=399, nrcpt=2 (queue active)", NULL },
	{ "postfix/qmgr[5]", "from=<s@example.org>, size=no, nrcpt=2 (queue active)", NULL },
	{ "postfix/qmgr[5]", "from=<s@example.org>, status=expired, returned to sender", NULL },
	{ "postfix/qmgr[5]", "from=<s>, status=expired, returned to sender>, size=399, nrcpt=2 (queue active)", NULL },
	{ "postfix/smtp[6]", "to=<a@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 full)", NULL },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 to=<c@example.com>, dsn=5.1.1, status=bounced (no))", NULL },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=4.2.2, status=deferred (452 >, relay=x, dsn=5.1.1, status=bounced (no))", NULL },
	{ "postfix/smtp[6]", "to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)", NULL },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=5.1.1, status=bounced (550 5.1.1 no)", NULL },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=5.1.1, status=cut", NULL },
	{ "postfix/smtp[6]", "to=<a@example.com>" REST "dsn=2.1.5, status=deliverable (250 ok)", NULL },
	{ "postfix-out/smtp[7]", "to=<a@example.com>" REST "dsn=4.2.1, status=deferred (450 4.2.1 off)", NULL },
	{ "postfix/bounce[8]", "sender non-delivery notification: 4B2504E04F", NULL },
	{ "postfix/qmgr[5]", "removed", NULL },
	{ "postfix/qmgr[5]", "removed, or so it says", NULL },
	{ "sm-mta[9]", "from=<s@example.org>, size=244, class=0, nrcpts=1, msgid=<1@example.org>, relay=x [192.0.2.9]", NULL },
	{ "sm-mta[9]", "to=<a@example.com>,<b@example.com>" SREST "dsn=4.7.0, stat=Deferred: 421-4.7.0 slow down", NULL },
	{ "sm-mta[9]", "to=<a@example.com>" SREST "dsn=2.0.0, stat=Sent (ok)", NULL },
	{ "sm-mta[9]", "6ALKkKGX028584: DSN: Cannot send message for 5 days", NULL },
	{ "sm-mta[9]", "6ALKkKGX028584: DSN: User unknown", NULL },
	{ "kernel", "to=<a@example.com>", NULL },
};

/* Some are no queue ids of Postfix's, or none at all. */
static const char *const ids[] = { "3F2504E04F", "4B2504E04F", "4jX3kl5Jdtz1cMg1", "4jX3kl5Jdtz1cMg2", "6ALKjgGN027975", "6ALKjgGN027976", "warning", "NOQUEUE" };

static void make_line(uint64_t *dice, unsigned number, char text[static 600])
{
	const char *id = ids[roll(dice, sizeof(ids) / sizeof(ids[0]))], *tail;
	size_t saying = roll(dice, sizeof(sayings) / sizeof(sayings[0]));
	unsigned minute = number / 100, second = number / 2 % 50;
	int at = roll(dice, 2) ? snprintf(text, 600, "Nov 21 20:%02u:%02u mx%u ", minute, second, roll(dice, 2)) :
				 snprintf(text, 600, "2026-11-21T20:%02u:%02u.123456+00:00 mx%u ", minute, second, roll(dice, 2));

	tail = sayings[saying].tail;
	snprintf(text + at, 600 - (size_t)at, "%s: %s: %s%s%s", sayings[saying].tag, id, sayings[saying].words, tail ? id : "", tail ? tail : "");
}

static void tell_in_brief(void *data, const struct log_delivery *delivery)
{
	struct log_delivery brief = *delivery;

	brief.sender = brief.message_id = brief.login = SPAN_NONE;
	tell(data, &brief);
}

/* Random logs: whoever reads no more of a line than he must hears the same, in the same order, and as many of them are garbage. */
static void test_brief_tells_what_the_whole_tells(void **state)
{
	struct bench *bench = *state;
	struct logjoin_options brief = options_of(false);

	brief.is_brief = true;
	for (uint64_t log = 1; log <= 300; log++) {
		struct bench other = { .clock = bench->clock, .join = logjoin_new(&brief) };
		struct logjoin_options options = options_of(false);
		unsigned garbage[2] = { 0 };
		uint64_t dice = log;
		char text[600];

		assert_non_null(other.join);
		buffer_init(&other.told, 1 << 20);
		logjoin_free(bench->join);
		bench->join = logjoin_new(&options);
		assert_non_null(bench->join);
		buffer_clear(&bench->told);
		for (unsigned i = 0; i < 400; i++) {
			struct logline line;
			make_line(&dice, i, text);
			logline_parse(span_of(text), &bench->clock, &line);
			assert_int_equal(logjoin_take(bench->join, &line, tell_in_brief, bench), 0);
			garbage[0] += line.kind == LOGLINE_GARBAGE;
			logline_begin(span_of(text), &other.clock, &line);
			assert_int_equal(logjoin_take(other.join, &line, tell_in_brief, &other), 0);
			garbage[1] += line.kind == LOGLINE_GARBAGE;
		}
		assert_true(bench->told.len > 1000);
		assert_string_equal(buffer_get_text(&other.told), buffer_get_text(&bench->told));
		assert_int_equal(garbage[0], garbage[1]);
		assert_memory_equal(logjoin_get_counts(bench->join), logjoin_get_counts(other.join), sizeof(struct logjoin_counts));
		buffer_done(&other.told);
		logjoin_free(other.join);
	}
}

/* --- outcomes */

static void keep(void *data, const struct log_delivery *delivery)
{
	struct outcome *outcome = data;
	struct arena *arena = arena_new(0);

	assert_non_null(arena);
	assert_int_equal(log_delivery_get_outcome(delivery, arena, outcome), 0);
	assert_string_equal(smtp_command_get_name(outcome->command), "rcpt");
	assert_true(span_is_equal(outcome->text, SPAN_LIT("No such user here")));
	assert_true(span_is_equal(outcome->remote_mta, SPAN_LIT("mx.example.com")));
	assert_true(span_is_equal(outcome->reporting_mta, SPAN_LIT("mx1")));
	assert_true(span_is_equal(outcome->queue_id, SPAN_LIT("3F2504E04F")));
	assert_true(span_is_equal(outcome->recipient, SPAN_LIT("a\xef\xbf\xbd@example.com")));
	assert_false(span_is_known(outcome->sender));
	arena_free(arena);
}

static void test_outcome(void **state)
{
	struct bench *bench = *state;
	struct outcome outcome;
	struct logline line;

	logline_parse(SPAN_LIT(P "smtp[1]: 3F2504E04F: to=<a\xff@example.com>" REST
				 "dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550-5.1.1 No such 550 5.1.1 user here (in reply to RCPT TO command))"),
		      &bench->clock, &line);
	assert_int_equal(logjoin_take(bench->join, &line, keep, &outcome), 0);
	assert_int_equal(outcome.action, ACTION_FAILED);
	assert_int_equal(outcome.reply, 550);
	assert_int_equal(outcome.source, SOURCE_LOG);
	assert_int_equal(outcome.kind, KIND_LOG);
	assert_true(status_is_equal(outcome.status, (struct status){ 5, 1, 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_nobody_asks_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_other_lines_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expired_with_the_last_reasons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expired_without_a_reason_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deferred_of_an_unknown_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_probes_leave_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_id_that_is_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hosts_and_instances_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sendmail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sendmail_has_no_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_deferred, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deferred_of_a_long_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_untouched_for_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_once_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_parts_tell_what_the_whole_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_part_goes_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_brief_tells_what_the_whole_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outcome, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
