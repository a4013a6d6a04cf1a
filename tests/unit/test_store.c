/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract of the store: handles, transactions, changes, lists, what is deleted with time.  On every backend. */
#include "store_contract.h"

#include <errno.h>
#include <pthread.h>

#include "store/enforced.h"

static void test_changes_are_numbered_and_say_what_holds_now(void **state)
{
	struct fixture *f = *state;
	int64_t before, between, after;

	assert_int_equal(store_get_change(f->store, &before), 0);
	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj2", .recipient = "b@example.com", .class_id = CLASS_MAILBOX_FULL });
	assert_int_equal(store_get_change(f->store, &between), 0);
	assert_true(between == before + 1);
	struct seen_changes seen = list_changes(f, before);
	assert_int_equal(seen.count, 1);
	assert_change_is_of(f, &seen, "user@example.com");
	assert_true(seen.last_until_s == TIME_FOREVER);
	assert_int_equal(store_remove(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), SPAN_LIT(""), SPAN_NONE, NOW), 1);
	assert_int_equal(store_get_change(f->store, &after), 0);
	seen = list_changes(f, between);
	assert_int_equal(seen.count, 1);
	assert_true(seen.last_until_s == 0);
	assert_int_equal(list_changes(f, after).count, 0);
}

static void test_hostile_texts_are_kept_as_text(void **state)
{
	struct fixture *f = *state;
	static char long_text[20000];

	memset(long_text, 'x', sizeof(long_text) - 1);
	record(f, (struct sample){ .recipient = "\"a'; DROP TABLE addresses; --\"@example.com", .queue_id = "';--", .text = "\xff\xfe'\"" });
	assert_int_equal(find(f, "\"a'; drop table addresses; --\"@example.com").kind, DECISION_SUPPRESSED);
	record(f, (struct sample){ .text = long_text, .message_id = long_text, .provider = "x'y" });
	assert_int_equal(find(f, "user@example.com").kind, DECISION_SUPPRESSED);
	record(f, (struct sample){ .recipient = "no address", .queue_id = "4XyZabCdEfGhIj1" });
}

static void test_a_rollback_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct sample_event e;
	struct decision decision;

	sample_make(&(struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &e);
	assert_int_equal(store_begin(f->store), 0);
	assert_int_equal(record_event(f->store, &f->limits, &e.event, &decision), 0);
	store_rollback(f->store);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	assert_int_equal(record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }).kind, DECISION_SUPPRESSED);
}

static void test_another_writer_is_waited_for_and_then_busy(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	assert_int_equal(store_open(&f->options, &other), 0);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(store_begin(f->store), -EBUSY);
	assert_string_not_equal(store_get_error(f->store), "");
	store_rollback(other);
	assert_int_equal(store_begin(f->store), 0);
	store_rollback(f->store);
	store_close(other);
}

enum { COUNTED_EACH = 20 };

static void *count_failures(void *data)
{
	struct fixture own = fixture;
	char queue_id[64];

	own.options.busy_ms = 20000;
	assert_int_equal(store_open(&own.options, &own.store), 0);
	for (int i = 0; i < COUNTED_EACH; i++) {
		snprintf(queue_id, sizeof(queue_id), "4Xyz%sZ%d", (const char *)data, i);
		record(&own, (struct sample){ .queue_id = queue_id, .class_id = CLASS_MAILBOX_FULL });
	}
	store_close(own.store);
	return NULL;
}

static bool take_tally(void *data, const struct suppression *row)
{
	*(unsigned *)data = row->tally_count ? row->tallies[0].count : 0;
	return false;
}

static void test_counts_are_exact_with_two_writers(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];
	char names[2][2] = { "a", "b" };
	unsigned count = 0;

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_failures, names[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(store_find(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), take_tally, &count), 1);
	assert_int_equal(count, 2 * COUNTED_EACH);
}

/* One that numbered its change first and commits last: whoever looked in between must not pass it over. */
static void test_no_change_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct store *other;
	struct sample_event e;
	struct decision decision;
	int64_t seen;

	assert_int_equal(store_open(&f->options, &other), 0);
	sample_make(&(struct sample){ .queue_id = "4XyzFirst", .recipient = "first@example.com" }, &e);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record_event(other, &f->limits, &e.event, &decision), 0);
	/* the second one cannot number its own before the first is through */
	assert_int_equal(store_begin(f->store), -EBUSY);
	assert_int_equal(store_get_change(f->store, &seen), 0);
	assert_int_equal(store_commit(other), 0);
	record(f, (struct sample){ .queue_id = "4XyzSecond", .recipient = "second@example.com" });
	assert_int_equal(list_changes(f, seen).count, 2);
	store_close(other);
}

static void test_positions_are_kept_by_name(void **state)
{
	struct fixture *f = *state;
	char value[64] = "";

	assert_int_equal(store_get_position(f->store, "log:/var/log/mail.log", value, sizeof(value)), 0);
	assert_int_equal(store_set_position(f->store, "log:/var/log/mail.log", "12 34567"), 0);
	assert_int_equal(store_set_position(f->store, "log:/var/log/mail.log", "12 34568"), 0);
	assert_int_equal(store_get_position(f->store, "log:/var/log/mail.log", value, sizeof(value)), 1);
	assert_string_equal(value, "12 34568");
}

static void test_pruning_keeps_what_is_in_force(void **state)
{
	struct fixture *f = *state;

	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(store_prune(f->store, NOW + 200 * DAY), 0);
	assert_int_equal(count_history(f, "user@example.com"), 0);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_SUPPRESSED);
}

/* A clock that somebody set a year ahead: what it makes old is kept until it has gone on for a day. */
static void test_a_clock_that_leaps_ahead_deletes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct sample failure = { .queue_id = "4XyZabCdEfGhIjK", .class_id = CLASS_MAILBOX_FULL };

	record(f, failure);
	assert_int_equal(store_prune(f->store, NOW + 600), 0);
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY), 1);
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY + 12 * HOUR), 1);
	/* set right: nothing is lost, nothing counts twice */
	assert_int_equal(store_prune(f->store, NOW + 1200), 0);
	assert_true(record(f, failure).is_duplicate);
	assert_int_equal(count_history(f, "user@example.com"), 1);
	/* it was right: a day later what is old goes */
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY), 1);
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY + 20 * HOUR), 1);
	assert_int_equal(store_prune(f->store, NOW + 401 * DAY), 0);
	assert_int_equal(count_history(f, "user@example.com"), 0);
}

static bool count_listed(void *data, const struct suppression *row)
{
	(void)row;
	return ++*(unsigned *)data < 3;
}

static void test_list_stops_when_told_and_leaves_out_what_ended(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;

	assert_int_equal(add(f, "a@example.com", NOW + 10), 0);
	assert_int_equal(add(f, "b@example.com", NOW + 1000), 0);
	assert_int_equal(store_list(f->store, NOW + 10, count_listed, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(add(f, "c@example.com", TIME_FOREVER), 0);
	assert_int_equal(add(f, "@example.net", TIME_FOREVER), 0);
	count = 0;
	assert_int_equal(store_list(f->store, NOW, count_listed, &count), 0);
	assert_int_equal(count, 3);
	/* a stopped list leaves no lock behind */
	assert_int_equal(add(f, "d@example.com", TIME_FOREVER), 0);
}

struct pairs {
	uint64_t hashes[4];
	unsigned count, most;
};

static bool keep_pair(void *data, uint64_t hash, uint64_t value)
{
	struct pairs *pairs = data;

	if (value)
		pairs->hashes[pairs->count++] = hash;
	return pairs->count < pairs->most;
}

static void test_what_is_enforced_is_read_whole_and_a_stop_harms_nothing(void **state)
{
	struct fixture *f = *state;
	struct siphash_key key = store_get_index_key(f->store);
	struct pairs all = { .most = 4 }, two = { .most = 2 };
	unsigned found = 0;

	assert_int_equal(store_list_enforced(f->store, keep_pair, &all), 0);
	assert_int_equal(all.count, 0);
	for (const char *const *name = (const char *const[]){ "a@example.com", "b@example.com", "c@example.com", NULL }; *name; name++)
		assert_int_equal(add(f, *name, TIME_FOREVER), 0);
	assert_int_equal(store_list_enforced(f->store, keep_pair, &all), 0);
	assert_int_equal(all.count, 3);
	for (unsigned i = 0; i < 3; i++)
		found += all.hashes[i] == enforced_hash(&key, SPAN_LIT("b@example.com"), SPAN_LIT(""));
	assert_int_equal(found, 1);
	assert_int_equal(store_list_enforced(f->store, keep_pair, &two), 0);
	assert_int_equal(two.count, 2);
	assert_int_equal(add(f, "d@example.com", TIME_FOREVER), 0);
}

const struct CMUnitTest store_handle_tests[] = {
	CONTRACT(test_changes_are_numbered_and_say_what_holds_now),
	CONTRACT(test_hostile_texts_are_kept_as_text),
	CONTRACT(test_a_rollback_leaves_nothing),
	CONTRACT(test_another_writer_is_waited_for_and_then_busy),
	CONTRACT(test_counts_are_exact_with_two_writers),
	CONTRACT(test_no_change_is_passed_over),
	CONTRACT(test_positions_are_kept_by_name),
	CONTRACT(test_pruning_keeps_what_is_in_force),
	CONTRACT(test_a_clock_that_leaps_ahead_deletes_nothing),
	CONTRACT(test_list_stops_when_told_and_leaves_out_what_ended),
	CONTRACT(test_what_is_enforced_is_read_whole_and_a_stop_harms_nothing),
};
const size_t store_handle_test_count = sizeof(store_handle_tests) / sizeof(store_handle_tests[0]);
