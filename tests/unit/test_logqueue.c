/* SPDX-License-Identifier: BSD-2-Clause */
/* What is deferred in a log of which nobody asks who sent what: the same failures as the join that knows all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "evidence/logqueue.h"

static const struct siphash_key key = { { 1, 2 } };

struct bench {
	struct logqueue *queue;
	struct logclock clock;
	struct buffer told; /* a line for each delivery */
	uint64_t messages;
	unsigned garbage;
};

static void begin(struct bench *bench)
{
	int64_t reference_s;

	assert_int_equal(timestamp_parse(SPAN_LIT("2026-11-30T00:00:00Z"), &reference_s), 0);
	logclock_init(&bench->clock, reference_s);
	buffer_init(&bench->told, 1 << 20);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	begin(bench);
	bench->queue = logqueue_new(6, 86400);
	*state = bench;
	return bench->queue ? 0 : -1;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	logqueue_free(bench->queue);
	buffer_done(&bench->told);
	free(bench);
	return 0;
}

static void tell(void *data, const struct log_delivery *delivery)
{
	struct bench *bench = data;
	char status[STATUS_TEXT_SIZE];

	buffer_printf(&bench->told, "%s%s%s%s%s %.*s %s relay=%.*s: %.*s\n", action_get_name(delivery->action), delivery->is_final ? "" : " for now",
		      delivery->is_expired ? " expired" : "", delivery->is_probe ? " probe" : "", delivery->is_doubtful ? " doubtful" : "",
		      SPAN_ARG(delivery->recipient), status_format(delivery->status, status), SPAN_ARG(delivery->relay),
		      SPAN_ARG(delivery->text));
}

/* As a report does. */
static void take_deliveries(struct bench *bench, const struct logline *line)
{
	struct log_delivery delivery = log_delivery_of_line(line);
	uint64_t id = logqueue_hash_id(&key, line);
	struct span rest = line->to;

	while (logline_take_recipient(line, &rest, &delivery.recipient)) {
		tell(bench, &delivery);
		if (delivery.is_probe)
			continue;
		if (delivery.is_final)
			logqueue_settle(bench->queue, id, quickhash(&key, delivery.recipient));
		else
			assert_int_equal(logqueue_defer(bench->queue, id, quickhash(&key, delivery.recipient), &delivery), 0);
	}
}

static void take(struct bench *bench, const char *text)
{
	struct logline line;
	struct log_delivery expired;

	logline_begin(span_of(text), &bench->clock, &line);
	switch (logqueue_read(&line, &bench->messages)) {
	case LOGQUEUE_DELIVERY:
		take_deliveries(bench, &line);
		break;
	case LOGQUEUE_EXPIRED:
		expired = log_delivery_of_line(&line);
		logqueue_expire(bench->queue, logqueue_hash_id(&key, &line), &expired, tell, bench);
		break;
	case LOGQUEUE_OVER:
		logqueue_forget(bench->queue, logqueue_hash_id(&key, &line));
		break;
	case LOGQUEUE_NOTHING:
		break;
	}
	bench->garbage += line.kind == LOGLINE_GARBAGE;
}

static void take_all(struct bench *bench, const char *const *lines)
{
	for (; *lines; lines++)
		take(bench, *lines);
}

static void assert_told(struct bench *bench, const char *wanted)
{
	assert_string_equal(buffer_get_text(&bench->told), wanted);
	buffer_clear(&bench->told);
}

#define P "Nov 21 20:30:21 mx1 postfix/"
#define RELAY "mx.example.com[192.0.2.1]:25"
#define REST ", relay=" RELAY ", delay=1, delays=0/0/0/1, "
#define DEFERRED REST "dsn=4.2.2, status=deferred (452 4.2.2 full)"
#define EXPIRED "from=<s@example.org>, status=expired, returned to sender"
#define FULL " 4.2.2 relay=" RELAY ": 452 4.2.2 full\n"

static void test_expired_with_the_last_reasons(void **state)
{
	static const char *const lines[] = {
		P "smtp[1]: 3F2504E04F: to=<a@example.com>" DEFERRED,
		P "smtp[1]: 3F2504E04F: to=<b@example.com>" DEFERRED,
		P "smtp[1]: 3F2504E04F: to=<c@example.com>" DEFERRED,
		P "error[1]: 3F2504E04F: to=<a@example.com>, relay=none, delay=9, delays=9/0/0/0, dsn=4.4.1, status=deferred (connect: refused)",
		P "smtp[1]: 3F2504E04F: to=<b@example.com>" REST "dsn=2.0.0, status=sent (250 ok)",
		P "smtp[1]: 3F2504E04F: to=<c@example.com>" REST "dsn=5.1.1, status=bounced (550 5.1.1 no)",
		NULL,
	};
	struct bench *bench = *state;

	take_all(bench, lines);
	buffer_clear(&bench->told);
	take(bench, P "qmgr[1]: 3F2504E04F: " EXPIRED);
	assert_told(bench, "failed expired a@example.com 4.4.1 relay=none: connect: refused\n");
	take(bench, P "qmgr[1]: 3F2504E04F: " EXPIRED);
	assert_told(bench, "");
	assert_int_equal(logqueue_get_counts(bench->queue).deferred, 0);
}

static void test_removed(void **state)
{
	struct bench *bench = *state;

	take(bench, P "smtp[1]: 3F2504E04F: to=<a@example.com>" DEFERRED);
	take(bench, P "qmgr[1]: 3F2504E04F: removed");
	buffer_clear(&bench->told);
	take(bench, P "qmgr[1]: 3F2504E04F: " EXPIRED);
	assert_told(bench, "");
	assert_int_equal(logqueue_get_counts(bench->queue).deferred, 0);
}

/* A short id is used again, and a line of its end may be missing; a long one is not. */
static void test_an_id_that_is_used_again(void **state)
{
	struct bench *bench = *state;

	take(bench, P "smtp[1]: 3F2504E04F: to=<a@example.com>" DEFERRED);
	take(bench, P "cleanup[1]: 3F2504E04F: message-id=<2@example.org>");
	take(bench, P "smtp[1]: 4jX3kl5Jdtz1cMg1: to=<b@example.com>" DEFERRED);
	take(bench, P "cleanup[1]: 4jX3kl5Jdtz1cMg1: message-id=<2@example.org>");
	buffer_clear(&bench->told);
	take(bench, P "qmgr[1]: 3F2504E04F: " EXPIRED);
	take(bench, P "qmgr[1]: 4jX3kl5Jdtz1cMg1: " EXPIRED);
	assert_told(bench, "failed expired b@example.com" FULL);
	assert_int_equal(bench->messages, 2);
}

static void test_hosts_and_instances_are_told_apart(void **state)
{
	struct bench *bench = *state;

	take(bench, P "smtp[1]: 3F2504E04F: to=<a@example.com>" DEFERRED);
	take(bench, P "smtp[1]: 4jX3kl5Jdtz1cMg1: to=<b@example.com>" DEFERRED);
	buffer_clear(&bench->told);
	take(bench, "Nov 21 20:30:21 mx2 postfix/qmgr[1]: 3F2504E04F: " EXPIRED);
	take(bench, "Nov 21 20:30:21 mx2 postfix/qmgr[1]: 4jX3kl5Jdtz1cMg1: " EXPIRED);
	take(bench, "Nov 21 20:30:21 mx1 postfix-out/qmgr[1]: 3F2504E04F: " EXPIRED);
	assert_told(bench, "");
	/* a long one is nobody else's on its host */
	take(bench, "Nov 21 20:30:21 mx1 postfix-out/qmgr[1]: 4jX3kl5Jdtz1cMg1: " EXPIRED);
	assert_told(bench, "failed expired b@example.com" FULL);
	take(bench, P "qmgr[1]: 3F2504E04F: " EXPIRED);
	assert_told(bench, "failed expired a@example.com" FULL);
}

/* --- bounds */

static void test_too_many(void **state)
{
	struct bench *bench = *state;
	char text[200];

	for (unsigned i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), P "smtp[1]: %X2504E04F: to=<a@example.com>" DEFERRED, i + 1);
		take(bench, text);
	}
	assert_int_equal(logqueue_get_counts(bench->queue).deferred, 6);
	assert_int_equal(logqueue_get_counts(bench->queue).forgotten, 3);
	buffer_clear(&bench->told);
	take(bench, P "qmgr[1]: 32504E04F: " EXPIRED);
	assert_told(bench, "");
	take(bench, P "qmgr[1]: 42504E04F: " EXPIRED);
	assert_told(bench, "failed expired a@example.com" FULL);
}

static void test_deferred_for_too_long(void **state)
{
	struct bench *bench = *state;

	take(bench, P "smtp[1]: 3F2504E04F: to=<a@example.com>" DEFERRED);
	take(bench, P "smtp[1]: 4B2504E04F: to=<b@example.com>" DEFERRED);
	/* whoever is tried again is not too old */
	take(bench, "Nov 22 20:00:00 mx1 postfix/smtp[1]: 4B2504E04F: to=<b@example.com>" DEFERRED);
	take(bench, "Nov 22 20:31:00 mx1 postfix/smtp[1]: 5B2504E04F: to=<c@example.com>" DEFERRED);
	assert_int_equal(logqueue_get_counts(bench->queue).deferred, 2);
	assert_int_equal(logqueue_get_counts(bench->queue).forgotten, 1);
	buffer_clear(&bench->told);
	take(bench, "Nov 22 20:31:00 mx1 postfix/qmgr[1]: 3F2504E04F: " EXPIRED);
	take(bench, "Nov 22 20:31:00 mx1 postfix/qmgr[1]: 4B2504E04F: " EXPIRED);
	assert_told(bench, "failed expired b@example.com" FULL);
}

/* A line that is dated wrong makes nobody old, nor young for ever. */
static void test_a_clock_that_leaps(void **state)
{
	struct bench *bench = *state;

	take(bench, P "smtp[1]: 3F2504E04F: to=<a@example.com>" DEFERRED);
	take(bench, "2090-11-21T20:30:22Z mx1 postfix/smtp[1]: 4B2504E04F: to=<b@example.com>" DEFERRED);
	assert_int_equal(logqueue_get_counts(bench->queue).forgotten, 0);
	take(bench, "Nov 22 20:00:00 mx1 postfix/smtp[1]: 5B2504E04F: to=<c@example.com>" DEFERRED);
	take(bench, "Nov 23 19:00:00 mx1 postfix/smtp[1]: 5B2504E04F: to=<c@example.com>" DEFERRED);
	take(bench, "Nov 24 18:00:00 mx1 postfix/smtp[1]: 5B2504E04F: to=<c@example.com>" DEFERRED);
	assert_int_equal(logqueue_get_counts(bench->queue).deferred, 1);
	assert_int_equal(logqueue_get_counts(bench->queue).forgotten, 2);
}

static void test_long_texts(void **state)
{
	struct log_delivery delivery = { .action = ACTION_DELAYED }, expired = { .action = ACTION_FAILED, .is_final = true, .is_expired = true };
	struct bench *bench = *state;
	char *text = malloc(5000);

	assert_non_null(text);
	memset(text, 'x', 5000);
	delivery.recipient = span_make(text, 5000);
	delivery.relay = delivery.text = SPAN_LIT("");
	assert_int_equal(logqueue_defer(bench->queue, 1, 1, &delivery), 0);
	assert_int_equal(logqueue_get_counts(bench->queue).deferred, 0);
	delivery.recipient = SPAN_LIT("");
	delivery.text = span_make(text, 5000);
	assert_int_equal(logqueue_defer(bench->queue, 1, 1, &delivery), 0);
	logqueue_expire(bench->queue, 1, &expired, tell, bench);
	assert_true(bench->told.len > 2048 && bench->told.len < 2200);
	free(text);
}

/* One message for a long list: the last one is found as fast as the first, and each is told once. */
static void test_a_long_list(void **state)
{
	enum { COUNT = 20000 };
	struct log_delivery delivery = { .action = ACTION_DELAYED, .relay = SPAN_LIT("none"), .text = SPAN_LIT("x") };
	struct log_delivery expired = { .action = ACTION_FAILED, .is_final = true, .is_expired = true };
	struct logqueue *queue = logqueue_new(0, 0);
	struct bench *bench = *state;
	char name[32];

	assert_non_null(queue);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < COUNT; i++) {
			delivery.recipient = span_make(name, (size_t)snprintf(name, sizeof(name), "u%u", i));
			assert_int_equal(logqueue_defer(queue, 7, quickhash(&key, delivery.recipient), &delivery), 0);
		}
	assert_int_equal(logqueue_get_counts(queue).deferred, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		if (i % 100)
			logqueue_settle(queue, 7, quickhash(&key, span_make(name, (size_t)snprintf(name, sizeof(name), "u%u", i))));
	logqueue_expire(queue, 7, &expired, tell, bench);
	assert_int_equal(logqueue_get_counts(queue).deferred, 0);
	logqueue_free(queue);
	for (unsigned i = 0; i < COUNT; i++) {
		char line[64];
		snprintf(line, sizeof(line), "failed expired u%u ", i);
		assert_int_equal(strstr(buffer_get_text(&bench->told), line) != NULL, i % 100 == 0);
	}
}

/* --- beside the join that knows all */

static unsigned roll(uint64_t *dice, unsigned sides)
{
	*dice = *dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*dice >> 33) % sides;
}

#define SREST ", delay=00:00:01, mailer=esmtp, relay=mx.example.com. [192.0.2.1], "

/* Lines about one of few messages: "tag: QID: words". */
struct saying {
	const char *tag, *words;
};

static const struct saying postfix_sayings[] = {
	{ "postfix/qmgr[5]", "from=<s@example.org>, size=399, nrcpt=2 (queue active)" },
	{ "postfix/qmgr[5]", EXPIRED },
	{ "postfix/qmgr[5]", "from=<s>, status=expired, returned to sender>, size=399, nrcpt=2 (queue active)" },
	{ "postfix/smtp[6]", "to=<a@example.com>" DEFERRED },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=4.2.2, status=deferred (452 4.2.2 to=<c@example.com>, dsn=5.1.1, status=bounced (no))" },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=4.2.2, status=deferred (452 >, relay=x, dsn=5.1.1, status=bounced (no))" },
	{ "postfix/smtp[6]", "to=<a@example.com>" REST "dsn=2.0.0, status=sent (250 ok)" },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=5.1.1, status=bounced (550 5.1.1 no)" },
	{ "postfix/smtp[6]", "to=<b@example.com>" REST "dsn=5.1.1, status=cut" },
	{ "postfix/smtp[6]", "to=<a@example.com>" REST "dsn=2.1.5, status=deliverable (250 ok)" },
	{ "postfix-out/smtp[7]", "to=<a@example.com>" REST "dsn=4.2.1, status=deferred (450 4.2.1 off)" },
	{ "postfix/bounce[8]", "sender non-delivery notification: 4B2504E04F" },
	{ "postfix/qmgr[5]", "removed, or so it says" },
	{ "kernel", "to=<a@example.com>" },
};

static const struct saying sendmail_sayings[] = {
	{ "sm-mta[9]", "to=<a@example.com>,<b@example.com>" SREST "dsn=4.7.0, stat=Deferred: 421-4.7.0 slow down" },
	{ "sm-mta[9]", "to=<a@example.com>" SREST "dsn=2.0.0, stat=Sent (ok)" },
	{ "sm-mta[9]", "6ALKkKGX028584: DSN: Cannot send message for 5 days" },
	{ "sm-mta[9]", "6ALKkKGX028584: DSN: User unknown" },
};

static const char *const postfix_ids[] = { "3F2504E04F", "4B2504E04F", "4jX3kl5Jdtz1cMg1", "4jX3kl5Jdtz1cMg2", "warning", "NOQUEUE" };
static const char *const sendmail_ids[] = { "6ALKjgGN027975", "6ALKjgGN027976" };

#define PICK(dice, of) (&(of)[roll(dice, sizeof(of) / sizeof((of)[0]))])

/* Now and then a short id ends, or is used again; of a long one nothing is said behind its end. */
static void make_line(uint64_t *dice, unsigned number, char text[static 600])
{
	static const struct saying of_short_ids[] = { { "postfix/cleanup[4]", "message-id=<1@example.org>" }, { "postfix/qmgr[5]", "removed" } };
	unsigned minute = number / 100, second = number / 2 % 50, kind = roll(dice, 12);
	const char *id = kind < 3 ? *PICK(dice, sendmail_ids) : kind == 3 ? postfix_ids[roll(dice, 2)] : *PICK(dice, postfix_ids);
	const struct saying *saying = kind < 3 ? PICK(dice, sendmail_sayings) : kind == 3 ? PICK(dice, of_short_ids) : PICK(dice, postfix_sayings);
	int at = roll(dice, 2) ? snprintf(text, 600, "Nov 21 20:%02u:%02u mx%u ", minute, second, roll(dice, 2)) :
				 snprintf(text, 600, "2026-11-21T20:%02u:%02u.123456+00:00 mx%u ", minute, second, roll(dice, 2));

	snprintf(text + at, 600 - (size_t)at, "%s: %s: %s", saying->tag, id, saying->words);
}

static int compare_lines(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* What was told, in an order that does not depend on who told it first. */
static void sort_told(struct bench *bench)
{
	static struct span lines[2000];
	struct span rest = buffer_get(&bench->told);
	struct buffer sorted;
	size_t count = 0;

	buffer_init(&sorted, 1 << 20);
	while (rest.len && count < 2000)
		lines[count++] = span_take(&rest, '\n');
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < count; i++) {
		buffer_add(&sorted, lines[i]);
		buffer_add_char(&sorted, '\n');
	}
	buffer_done(&bench->told);
	bench->told = sorted;
}

/* Cleanup says it of each message; the join knows from it that a short id begins anew only where the queue manager had seen the old one. */
static void tell_join(struct logjoin *join, struct bench *whole, const char *text)
{
	struct logline line;

	logline_parse(span_of(text), &whole->clock, &line);
	if (line.kind == LOGLINE_MESSAGE_ID) {
		struct logline first = line;
		first.kind = LOGLINE_CLIENT;
		assert_int_equal(logjoin_take(join, &first, tell, whole), 0);
	}
	assert_int_equal(logjoin_take(join, &line, tell, whole), 0);
	whole->garbage += line.kind == LOGLINE_GARBAGE;
}

/* Random logs. */
static void test_the_join_tells_the_same(void **state)
{
	struct bench *bench = *state;

	for (uint64_t log = 1; log <= 300; log++) {
		const struct logjoin_options options = { .key = key };
		struct logjoin *join = logjoin_new(&options);
		struct bench whole = { 0 };
		uint64_t dice = log;
		char text[600];

		assert_non_null(join);
		begin(&whole);
		logqueue_free(bench->queue);
		bench->queue = logqueue_new(0, 0);
		assert_non_null(bench->queue);
		buffer_clear(&bench->told);
		bench->garbage = 0;
		for (unsigned i = 0; i < 400; i++) {
			make_line(&dice, i, text);
			tell_join(join, &whole, text);
			take(bench, text);
		}
		sort_told(bench);
		sort_told(&whole);
		assert_true(strstr(buffer_get_text(&whole.told), "failed expired") != NULL);
		assert_string_equal(buffer_get_text(&bench->told), buffer_get_text(&whole.told));
		assert_int_equal(bench->garbage, whole.garbage);
		assert_int_equal(logqueue_get_counts(bench->queue).deferred, logjoin_get_counts(join)->deferred);
		buffer_done(&whole.told);
		logjoin_free(join);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expired_with_the_last_reasons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_id_that_is_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hosts_and_instances_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deferred_for_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_clock_that_leaps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_join_tells_the_same, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
