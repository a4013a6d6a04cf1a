/* SPDX-License-Identifier: BSD-2-Clause */
/* What a log's deliveries are counted as: texts that are the same, addresses to suppress, and several tallies as one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/quick.h"
#include "cli/classifier.h"
#include "cli/mask.h"
#include "cli/suspects.h"
#include "cli/tally.h"
#include "cli/terminal.h"
#include "cli/verdicts.h"

struct bench {
	struct ruleset *ruleset;
	struct suspects suspects;
};

static int set_up(void **state)
{
	static char etc[4096];
	struct bench *bench = calloc(1, sizeof(*bench));
	const char *top = getenv("top_srcdir");
	struct complaint complaint;

	snprintf(etc, sizeof(etc), "%s/etc", top ? top : ".");
	*state = bench;
	return bench && classifier_load_rules(etc, false, &bench->ruleset, &complaint) == 0 ? suspects_init(&bench->suspects) : -1;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	ruleset_free(bench->ruleset);
	suspects_done(&bench->suspects);
	free(bench);
	return 0;
}

static const struct {
	const char *text, *masked, *masked_with_hosts;
} masks[] = {
	{ "550 5.1.1 <a.b+c@mail.example.com>: no such user", "550 5.1.1 <@>: no such user", "550 5.1.1 <@>: no such user" },
	{ "host mx.example.com[192.0.2.1] said: 550 no", "host mx.example.com[#] said: 550 no", "host %[#] said: 550 no" },
	{ "gone af79cd13be357-7c5 - gsmtp", "gone # - gsmtp", "gone # - gsmtp" },
	{ "at 1794657483, code S3150, 42521, AS(201806281)", "at #, code S3150, 42521, AS(201806281)", "at #, code S3150, 42521, AS(201806281)" },
	{ "listed by zen.spamhaus.org.", "listed by zen.spamhaus.org.", "listed by %." },
	{ "4.7.650 5.1.1", "4.7.650 5.1.1", "4.7.650 5.1.1" },
	{ "rejected XGEMAIL_0006, (ofr004_104) XGEMAIL_0099", "rejected XGEMAIL_0006, (ofr004_104) #", "rejected XGEMAIL_0006, (ofr004_104) #" }, /* tags of rules */
	{ "", "", "" },
	{ "\xe5\xae\x9b\xe5\x85\x88 @ ...", "\xe5\xae\x9b\xe5\x85\x88 @ ...", "\xe5\xae\x9b\xe5\x85\x88 @ ..." },
};

static void test_masks(void **state)
{
	const struct bench *bench = *state;
	char out[200];

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		struct span text = span_of(masks[i].text);
		assert_true(text.len < sizeof(out));
		out[mask_text(text, bench->ruleset, out)] = '\0';
		assert_string_equal(out, masks[i].masked);
		out[mask_text_and_hosts(text, bench->ruleset, out)] = '\0';
		assert_string_equal(out, masks[i].masked_with_hosts);
	}
}

/* Where there are no dots there are no names of hosts, and the two ways over a text come to the same. */
static void test_words_are_masked_wherever_they_stand(void **state)
{
	static const char some[] = "abcxyzABZ0123456789@-_+ <>[]():\xe5\xff";
	const struct bench *bench = *state;
	char text[300], out[300], other[300];
	uint64_t dice = 1;

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = round % sizeof(text), masked, masked_too;
		for (size_t i = 0; i < len; i++) {
			dice = dice * 6364136223846793005u + 1442695040888963407u;
			text[i] = dice >> 61 ? some[(dice >> 33) % (round % 3 ? 10 : sizeof(some) - 1)] : (char)(round % 2 ? ' ' : '7');
		}
		masked = mask_text(span_make(text, len), bench->ruleset, out);
		masked_too = mask_text_and_hosts(span_make(text, len), bench->ruleset, other);
		assert_int_equal(masked, masked_too);
		assert_memory_equal(out, other, masked);
	}
}

/* --- addresses to suppress */

enum { DAY_S = 86400 };

struct step {
	int day;
	char what; /* s success, n now, c count, w count on a weak basis */
};

static const struct {
	const char *name;
	struct step steps[5];
	bool is_listed;
	unsigned failed;
} rows[] = {
	{ "now is at once", { { 1, 'n' } }, true, 1 },
	{ "count takes three", { { 1, 'c' }, { 2, 'c' } }, false, 2 },
	{ "three in a row", { { 1, 'c' }, { 2, 'c' }, { 3, 'c' } }, true, 3 },
	{ "a success between them", { { 1, 'c' }, { 2, 'c' }, { 3, 's' }, { 4, 'c' } }, false, 1 },
	{ "a success after now", { { 1, 'n' }, { 2, 's' } }, false, 0 },
	{ "three in too long a time", { { 1, 'c' }, { 2, 'c' }, { 40, 'c' } }, false, 3 },
	{ "a row that goes on", { { 1, 'c' }, { 40, 'c' }, { 41, 'c' }, { 42, 'c' } }, true, 4 },
};

static void test_suspects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct suspects suspects;
		assert_int_equal(suspects_init(&suspects), 0);
		for (size_t k = 0; k < 5 && rows[i].steps[k].what; k++) {
			char what = rows[i].steps[k].what;
			const struct tally_word word = { .hash = 7, .time_s = (int64_t)rows[i].steps[k].day * DAY_S,
							 .effect = what == 'n' ? EFFECT_NOW : EFFECT_COUNT, .class_id = CLASS_USER_UNKNOWN,
							 .recipient = SPAN_LIT("a@example.com") };
			if (what == 's')
				suspects_take_success(&suspects, word.hash);
			else
				suspects_take_failure(&suspects, &word);
		}
		assert_int_equal(suspects.table.count, 1);
		if (suspects.items[0].is_listed != rows[i].is_listed || suspects.items[0].failed != rows[i].failed)
			fail_msg("%s: listed %d, failed %u", rows[i].name, suspects.items[0].is_listed, suspects.items[0].failed);
		suspects_done(&suspects);
	}
}

static void test_suspects_have_a_maximum(void **state)
{
	struct suspects suspects;

	(void)state;
	assert_int_equal(suspects_init(&suspects), 0);
	for (uint64_t i = 0; i < SUSPECTS_MAX + 10; i++)
		suspects_take_failure(&suspects, &(struct tally_word){ .hash = i * 0x9e3779b97f4a7c15u, .effect = EFFECT_NOW, .recipient = SPAN_LIT("a@b") });
	assert_int_equal(suspects.table.count, SUSPECTS_MAX);
	assert_int_equal(suspects.forgotten, 10);
	suspects_done(&suspects);
}

/* --- a tally, and two that are added up */

static void tell_success(void *data, uint64_t hash)
{
	suspects_take_success(data, hash);
}

static void tell_failure(void *data, const struct tally_word *word)
{
	suspects_take_failure(data, word);
}

static struct tally *make_tally(struct bench *bench, int64_t since_s)
{
	const struct siphash_key key = { { 1, 2 } };
	struct tally *tally = tally_new(bench->ruleset, &key, since_s, (struct tally_listener){ tell_success, tell_failure, &bench->suspects });

	assert_non_null(tally);
	return tally;
}

static struct log_delivery make(enum action action, const char *recipient, const char *text)
{
	return (struct log_delivery){ .action = action, .is_final = action != ACTION_DELAYED, .time_s = 1795293362,
				      .recipient = span_of(recipient), .relay = SPAN_LIT("gmail-smtp-in.l.google.com[192.0.2.1]:25"),
				      .text = span_of(text) };
}

static void add_some(struct tally *tally, unsigned from, unsigned to)
{
	static const struct {
		enum action action;
		const char *recipient, *text;
	} some[] = {
		{ ACTION_DELIVERED, "ok@gmail.com", "250 2.0.0 OK" },
		{ ACTION_FAILED, "Gone@GMAIL.com", "host x[192.0.2.1] said: 550 5.1.1 <gone@gmail.com> The email account that you tried to reach does not exist" },
		{ ACTION_FAILED, "away@gmail.com", "host x[192.0.2.9] said: 550 5.1.1 <away@gmail.com> The email account that you tried to reach does not exist" },
		{ ACTION_DELAYED, "full@gmail.com", "host x[192.0.2.1] said: 452 4.2.2 The email account that you tried to reach is over quota" },
		{ ACTION_DELIVERED, "full@gmail.com", "250 2.0.0 OK" },
	};

	for (unsigned i = from; i < to; i++) {
		struct log_delivery delivery = make(some[i].action, some[i].recipient, some[i].text);
		tally_add(tally, &delivery);
	}
}

static void assert_whole(const struct tally *tally)
{
	assert_int_equal(tally->counts.delivered, 2);
	assert_int_equal(tally->counts.failed, 2);
	assert_int_equal(tally->counts.deferred, 1);
	assert_int_equal(tally->day_count, 1);
	assert_int_equal(tally->days[0].counts.failed, 2);
	assert_int_equal(tally->classes[CLASS_USER_UNKNOWN].failed, 2);
	assert_int_equal(tally->classes[CLASS_MAILBOX_FULL].deferred, 1);
	assert_int_equal(tally->domain_table.count, 1);
	assert_int_equal(tally->domains[0].counts.delivered, 2);
	assert_true(span_has_prefix(span_make(tally->domains[0].words->bytes, tally->domains[0].words->len), SPAN_LIT("452 4.2.2")));
	/* two recipients, one text */
	assert_int_equal(tally->response_table.count, 2);
}

static void test_counted_once_and_in_two_parts(void **state)
{
	struct bench *bench = *state;
	struct tally *whole = make_tally(bench, INT64_MIN);

	add_some(whole, 0, 5);
	assert_whole(whole);
	assert_int_equal(bench->suspects.table.count, 2);
	for (unsigned cut = 0; cut <= 5; cut++) {
		struct tally *first = make_tally(bench, INT64_MIN);
		struct tally *second = make_tally(bench, INT64_MIN);
		add_some(first, 0, cut);
		add_some(second, cut, 5);
		tally_merge(first, second);
		assert_whole(first);
		tally_free(first);
		tally_free(second);
	}
	tally_free(whole);
}

/* Threads meet providers in another order each; the words of all of them go to the same suspects. */
static void test_words_name_the_provider(void **state)
{
	struct bench *bench = *state;
	struct tally *first = make_tally(bench, INT64_MIN), *second = make_tally(bench, INT64_MIN);
	struct log_delivery elsewhere = make(ACTION_DELIVERED, "ok@example.com", "250 2.0.0 OK");

	elsewhere.relay = SPAN_LIT("mta7.am0.yahoodns.net[192.0.2.7]:25");
	tally_add(first, &elsewhere);
	add_some(first, 1, 2);
	add_some(second, 2, 3);
	assert_int_equal(bench->suspects.table.count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(bench->suspects.items[i].provider, "google");
	assert_true(tally_find_counted(first, "google")->counts.failed == 1 && tally_find_counted(second, "google")->counts.failed == 1);
	assert_null(tally_find_counted(second, "yahoo"));
	tally_free(first);
	tally_free(second);
}

/* Whichever part is counted first: of two answers of the same second the one that stands first in the log is shown. */
static void test_the_earliest_example(void **state)
{
	struct bench *bench = *state;

	for (int later = 0; later < 2; later++) {
		struct tally *tally = make_tally(bench, INT64_MIN);
		tally->part = later ? 2 : 1;
		add_some(tally, later ? 2 : 1, later ? 3 : 2);
		tally->part = later ? 1 : 2;
		add_some(tally, later ? 1 : 2, later ? 2 : 3);
		assert_int_equal(tally->response_table.count, 1);
		assert_int_not_equal(span_find(tally->responses[0].example, SPAN_LIT("<gone@gmail.com>"), 0), SIZE_MAX);
		tally_free(tally);
	}
}

/*
 * An answer to end of DATA is told for each recipient of the transaction.  Only him whom it names it may suppress at once, whoever
 * is met first, and by whichever of the tallies that share their verdicts.
 */
static void test_an_answer_for_all_counts_against_him_whom_it_names(void **state)
{
	static const char text[] = "host mx.example.com[192.0.2.1] said: 550 5.1.1 <%s@example.com>: Recipient address rejected: User unknown (in reply to end of DATA command)";
	static const char *const orders[][2] = { { "gone", "here" }, { "here", "gone" } };
	static const struct siphash_key key = { { 1, 2 } };
	struct bench *bench = *state;

	for (size_t order = 0; order < 2; order++)
		for (int is_shared = 0; is_shared < 2; is_shared++) {
			struct verdicts *verdicts = verdicts_new(&key);
			struct tally *tallies[2] = { make_tally(bench, INT64_MIN), make_tally(bench, INT64_MIN) };
			char said[300], recipient[64];
			for (size_t i = 0; i < 2; i++) {
				struct tally *tally = tallies[is_shared ? i : 0];
				tally->verdicts = is_shared ? verdicts : NULL;
				snprintf(said, sizeof(said), text, "gone");
				snprintf(recipient, sizeof(recipient), "%s@example.com", orders[order][i]);
				struct log_delivery delivery = make(ACTION_FAILED, recipient, said);
				tally_add(tally, &delivery);
			}
			assert_int_equal(bench->suspects.table.count, 2);
			for (size_t i = 0; i < 2; i++)
				assert_int_equal(bench->suspects.items[i].is_listed, strcmp(orders[order][i], "gone") == 0);
			tally_merge(tallies[0], tallies[1]);
			assert_int_equal(tallies[0]->classes[CLASS_USER_UNKNOWN].failed, 2);
			tally_free(tallies[0]);
			tally_free(tallies[1]);
			verdicts_free(verdicts);
			suspects_done(&bench->suspects);
			assert_int_equal(suspects_init(&bench->suspects), 0);
		}
}

static void test_what_was_before(void **state)
{
	struct bench *bench = *state;
	struct tally *tally = make_tally(bench, 1795293363);

	add_some(tally, 0, 5);
	assert_int_equal(tally->counts.delivered + tally->counts.failed + tally->counts.deferred, 0);
	tally_free(tally);
}

/* Texts without end, each another one: the tables stay as they are, the counts are right. */
static void test_tables_have_a_maximum(void **state)
{
	struct bench *bench = *state;
	struct tally *tally = make_tally(bench, INT64_MIN);
	char recipient[64], text[64];

	for (unsigned i = 0; i < 70000; i++) {
		snprintf(recipient, sizeof(recipient), "a@d%u.example", i);
		snprintf(text, sizeof(text), "450 4.2.0 later %u", i % 20000);
		struct log_delivery delivery = make(i % 3 ? ACTION_DELIVERED : ACTION_DELAYED, recipient, text);
		tally_add(tally, &delivery);
	}
	assert_int_equal(tally->counts.delivered + tally->counts.deferred, 70000);
	assert_true(tally->domain_table.count <= 1 << 16);
	assert_true(tally->response_table.count <= 1 << 14);
	assert_false(tally->has_no_memory);
	tally_free(tally);
}

/* --- what it rests on */

static void test_few_bytes(void **state)
{
	char text[41];
	const struct siphash_key key = { { 1, 2 } };

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			memset(text, 'a', sizeof(text));
			struct span same = span_make(text, len);
			uint64_t hash = quickhash(&key, same);
			char other[41];
			memcpy(other, text, sizeof(other));
			assert_true(quick_is_equal(same, span_make(other, len)));
			assert_null(quick_find(text, text + len, ':'));
			text[at] = ':';
			assert_ptr_equal(quick_find(text, text + len, ':'), text + at);
			assert_false(quick_is_equal(same, span_make(other, len)));
			assert_int_not_equal(quickhash(&key, same), hash);
		}
	}
}

static void test_columns(void **state)
{
	struct span wide = SPAN_LIT("a\xe6\x9c\xa8\xe9\x9c\x8a" "b"); /* a, two wide ones, b */

	(void)state;
	assert_int_equal(terminal_measure(wide), 6);
	assert_int_equal(terminal_cut(wide, 6).len, wide.len);
	assert_int_equal(terminal_cut(wide, 4).len, 4);
	assert_int_equal(terminal_cut(wide, 3).len, 4);
	assert_int_equal(terminal_cut(wide, 0).len, 0);
}

static void test_lines(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *lines[5];
	} cases[] = {
		{ "one two three", 7, { "one two", "three" } },
		{ "one two three", 8, { "one two", "three" } },
		{ "  one  two  ", 4, { "one", "two" } },
		{ "abcdefgh ij", 4, { "abcd", "efgh", "ij" } },
		{ "再送に任せ、何度", 10, { "再送に任", "せ、何度" } },    /* no line begins with a comma */
		{ "再送（キュー）に", 6, { "再送", "（キュ", "ー）に" } }, /* nor ends with an opening bracket */
		{ "送信IPを調べ", 6, { "送信IP", "を調べ" } },
		{ "名", 1, { "名" } },
		{ "", 10, { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span rest = span_of(cases[i].text);
		size_t n = 0;
		while (rest.len) {
			struct span line = terminal_take_line(&rest, cases[i].columns);
			if (n == 4 || !cases[i].lines[n] || !span_is_equal(line, span_of(cases[i].lines[n])))
				fail_msg("%s, %zu columns: line %zu is '%.*s'", cases[i].text, cases[i].columns, n, SPAN_ARG(line));
			n++;
		}
		assert_null(cases[i].lines[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_masks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words_are_masked_wherever_they_stand, set_up, tear_down),
		cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_suspects_have_a_maximum),
		cmocka_unit_test_setup_teardown(test_counted_once_and_in_two_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words_name_the_provider, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_earliest_example, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_answer_for_all_counts_against_him_whom_it_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tables_have_a_maximum, set_up, tear_down),
		cmocka_unit_test(test_few_bytes),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
