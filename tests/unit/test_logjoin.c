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
	struct logjoin *join;
	struct logclock clock;
	struct buffer told; /* a line for each delivery */
};

static struct logjoin_options get_options(void)
{
	return (struct logjoin_options){ .key = { { 1, 2 } }, .open_max = 8, .deferred_max = 6, .lifetime_s = 86400 };
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct logjoin_options options = get_options();
	int64_t reference_s;

	if (!bench || timestamp_parse(SPAN_LIT("2026-11-30T00:00:00Z"), &reference_s) < 0)
		return -1;
	logclock_init(&bench->clock, reference_s);
	buffer_init(&bench->told, 1 << 20);
	bench->join = logjoin_new(&options);
	*state = bench;
	return bench->join ? 0 : -1;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	logjoin_free(bench->join);
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
	struct logjoin_options options = get_options();
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

/* A clock that was wrong for a while makes nothing old, and what is old afterwards is found out. */
static void test_a_clock_that_leaps(void **state)
{
	struct bench *bench = *state;

	take_all(bench, begun);
	assert_int_equal(take(bench, bench->join, "2090-11-21T20:30:22Z mx1 postfix/qmgr[1]: 4B2504E04F: from=<t@example.org>, size=1, nrcpt=1 (queue active)"), 0);
	assert_int_equal(logjoin_get_counts(bench->join)->aged, 0);
	assert_int_equal(take(bench, bench->join, "Nov 21 20:30:23 mx1 postfix/qmgr[1]: 4B2504E050: from=<t@example.org>, size=1, nrcpt=1 (queue active)"), 0);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 3);
	assert_int_equal(take(bench, bench->join, "Nov 22 20:00:00 mx1 postfix/qmgr[1]: 4B2504E051: from=<t@example.org>, size=1, nrcpt=1 (queue active)"), 0);
	assert_int_equal(logjoin_get_counts(bench->join)->aged, 0);
	assert_int_equal(take(bench, bench->join, "Nov 23 19:00:00 mx1 postfix/qmgr[1]: 4B2504E051: from=<t@example.org>, size=1, nrcpt=1 (queue active)"), 0);
	assert_int_equal(logjoin_get_counts(bench->join)->aged, 3);
	assert_int_equal(logjoin_get_counts(bench->join)->open, 1);
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
		cmocka_unit_test_setup_teardown(test_a_clock_that_leaps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_once_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outcome, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
