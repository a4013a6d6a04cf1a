/* SPDX-License-Identifier: BSD-2-Clause */
/* The index: what it answers, that it grows and shrinks under readers, and that it follows what others change. */
#include "store_help.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "store/index.h"

static struct address fold(const char *text)
{
	struct address address;

	if (address_fold(span_of(text), &address, NULL) < 0)
		fail_msg("no address: %s", text);
	return address;
}

static void put(struct index *index, const char *address, const char *stream, int64_t until_s)
{
	const struct suppression row = { .address = span_of(address), .stream = span_of(stream), .kind = DECISION_SUPPRESSED,
					 .class_id = CLASS_MAILBOX_FULL, .since_s = NOW + HOUR, .until_s = until_s };

	assert_int_equal(index_set(index, &row), 0);
}

static bool has_for(struct index *index, const char *text, const char *stream, const char *delimiters, int64_t now_s)
{
	struct address address = fold(text);
	struct index_hit hit;

	return index_find(index, &address, span_of(stream), delimiters, now_s, &hit);
}

static bool has(struct index *index, const char *text)
{
	return has_for(index, text, "", "", NOW);
}

static void test_a_hit_says_since_when_why_and_until(void **state)
{
	struct index *index = index_new();
	struct suppression row = { .address = SPAN_LIT("b@example.com"), .stream = SPAN_LIT(""), .origin = ORIGIN_MANUAL,
				   .kind = DECISION_SUPPRESSED, .since_s = NOW, .until_s = TIME_FOREVER };
	struct address address = fold("user@example.com");
	struct index_hit hit;

	(void)state;
	put(index, "user@example.com", "", NOW + 5);
	assert_true(index_find(index, &address, SPAN_LIT(""), "", NOW + 4, &hit));
	assert_int_equal(hit.class_id, CLASS_MAILBOX_FULL);
	assert_true(hit.since_s == NOW / DAY * DAY);
	assert_true(hit.until_s == NOW + 5);
	assert_false(hit.is_manual);
	assert_false(index_find(index, &address, SPAN_LIT(""), "", NOW + 5, &hit));
	assert_int_equal(index_set(index, &row), 0);
	address = fold("B@example.com");
	assert_true(index_find(index, &address, SPAN_LIT(""), "", INT64_MAX - 1, &hit));
	assert_true(hit.until_s == TIME_FOREVER && hit.is_manual);
	index_free(index);
}

static void test_extension_stream_and_domain_in_their_order(void **state)
{
	struct index *index = index_new();

	(void)state;
	put(index, "user@example.com", "", TIME_FOREVER);
	assert_true(has_for(index, "user+x@example.com", "", "+", NOW));
	assert_false(has_for(index, "user+x@example.com", "", "", NOW));
	assert_false(has_for(index, "user-x@example.com", "", "+", NOW));
	put(index, "tagged+x@example.com", "", TIME_FOREVER);
	assert_true(has_for(index, "tagged+x@example.com", "", "+", NOW));
	assert_false(has_for(index, "tagged@example.com", "", "+", NOW));
	put(index, "c@example.com", "tenant-a", TIME_FOREVER);
	assert_true(has_for(index, "c@example.com", "tenant-a", "", NOW));
	assert_false(has_for(index, "c@example.com", "tenant-b", "", NOW));
	assert_false(has_for(index, "c@example.com", "", "", NOW));
	assert_true(has_for(index, "user@example.com", "tenant-b", "", NOW));
	put(index, "@example.net", "", TIME_FOREVER);
	assert_true(has(index, "anyone@example.net"));
	assert_false(has(index, "anyone@sub.example.net"));
	put(index, "@example.net", "", 0);
	assert_false(has(index, "anyone@example.net"));
	index_free(index);
}

/* Manual, stream, shared: the answer says which of them it was. */
static void test_look_up_order_is_manual_stream_shared(void **state)
{
	struct index *index = index_new();
	struct suppression row = { .address = SPAN_LIT("a@example.com"), .stream = SPAN_LIT(""), .kind = DECISION_SUPPRESSED, .since_s = NOW,
				   .until_s = TIME_FOREVER, .class_id = CLASS_MAILBOX_DISABLED };
	struct address address;
	struct index_hit hit;

	(void)state;
	assert_int_equal(address_fold(row.address, &address, NULL), 0);
	assert_int_equal(index_set(index, &row), 0);
	row.stream = SPAN_LIT("tenant-a");
	row.class_id = CLASS_USER_UNKNOWN;
	assert_int_equal(index_set(index, &row), 0);
	assert_true(index_find(index, &address, SPAN_LIT("tenant-a"), "", NOW, &hit));
	assert_int_equal(hit.class_id, CLASS_USER_UNKNOWN);
	assert_true(index_find(index, &address, SPAN_LIT("tenant-b"), "", NOW, &hit));
	assert_int_equal(hit.class_id, CLASS_MAILBOX_DISABLED);
	row = (struct suppression){ .address = row.address, .stream = SPAN_LIT(""), .origin = ORIGIN_MANUAL, .kind = DECISION_SUPPRESSED,
				    .since_s = NOW, .until_s = TIME_FOREVER };
	assert_int_equal(index_set(index, &row), 0);
	assert_true(index_find(index, &address, SPAN_LIT("tenant-a"), "", NOW, &hit) && hit.is_manual);
	index_free(index);
}

static void test_it_grows_forgets_and_reuses(void **state)
{
	struct index *index = index_new();
	char text[64];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(text, sizeof(text), "u%d-%d@example.com", round, i);
			put(index, text, "", TIME_FOREVER);
		}
		assert_int_equal(index_get_count(index), 20000);
		snprintf(text, sizeof(text), "u%d-19999@example.com", round);
		assert_true(has(index, text));
		for (int i = 0; i < 20000; i++) {
			snprintf(text, sizeof(text), "u%d-%d@example.com", round, i);
			put(index, text, "", 0);
		}
		assert_int_equal(index_get_count(index), 0);
	}
	index_free(index);
}

struct race {
	struct index *index;
	_Atomic bool is_over;
	_Atomic unsigned lookups, missed;
};

static void *read_all_the_time(void *data)
{
	struct race *race = data;
	struct address always = fold("always@example.com"), never = fold("never@example.com");
	struct index_hit hit;

	while (!atomic_load(&race->is_over)) {
		if (!index_find(race->index, &always, SPAN_LIT(""), "", NOW, &hit) ||
		    index_find(race->index, &never, SPAN_LIT(""), "", NOW, &hit))
			atomic_fetch_add(&race->missed, 1);
		atomic_fetch_add(&race->lookups, 1);
	}
	return NULL;
}

/* Readers never miss what is there and never see what is not, while the table grows, shrinks and is exchanged. */
static void test_readers_beside_a_writer(void **state)
{
	struct race race = { .index = index_new() };
	pthread_t readers[3];
	char text[64];

	(void)state;
	put(race.index, "always@example.com", "", TIME_FOREVER);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &race), 0);
	for (int i = 0; i < 60000; i++) {
		snprintf(text, sizeof(text), "u%d@example.com", i);
		put(race.index, text, "", TIME_FOREVER);
		snprintf(text, sizeof(text), "u%d@example.com", i - 500);
		put(race.index, text, "", 0);
	}
	while (atomic_load(&race.lookups) < 1000)
		;
	atomic_store(&race.is_over, true);
	for (size_t i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(race.missed, 0);
	index_free(race.index);
}

static bool wait_until(struct index *index, const char *address, bool wanted)
{
	struct timespec start, now, nap = { .tv_nsec = 5000000 };

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (has_for(index, address, "", "", time(NULL)) == wanted)
			return true;
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 10);
	return false;
}

static int put_in_store(struct store *store, const char *address, int64_t until_s)
{
	const struct suppression row = { .address = span_of(address), .stream = SPAN_LIT(""), .since_s = NOW, .until_s = until_s };

	return store_add(store, &row, SPAN_LIT("test"), time(NULL));
}

static void test_it_follows_another_handle(void **state)
{
	struct index *index = index_new();
	struct index_follower *follower;
	struct store *store;
	char *folder = scratch_folder(), uri[128];

	(void)state;
	snprintf(uri, sizeof(uri), "sqlite:%s/kodama.db", folder);
	struct store_options options = { .uri = uri, .busy_ms = 1000 };
	assert_int_equal(store_open(&options, &store), 0);
	assert_int_equal(put_in_store(store, "before@example.com", TIME_FOREVER), 0);
	assert_int_equal(put_in_store(store, "over@example.com", 1), 0);
	assert_int_equal(index_follow(index, &options, 10, &follower), 0);
	assert_true(has_for(index, "before@example.com", "", "", time(NULL)));
	assert_int_equal(index_get_count(index), 1);
	assert_int_equal(put_in_store(store, "after@example.com", TIME_FOREVER), 0);
	assert_true(wait_until(index, "after@example.com", true));
	assert_int_equal(store_remove(store, SPAN_LIT("before@example.com"), SPAN_LIT(""), SPAN_LIT(""), SPAN_NONE, NOW), 1);
	assert_true(wait_until(index, "before@example.com", false));
	assert_int_equal(store_forget(store, SPAN_LIT("after@example.com"), SPAN_LIT(""), NOW), 2);
	assert_true(wait_until(index, "after@example.com", false));
	index_follower_stop(follower);
	store_close(store);
	index_free(index);
	scratch_remove(folder);
}

/* One that slept so long that the changes were forgotten fills anew. */
static void test_a_gap_in_the_changes_fills_anew(void **state)
{
	struct index *index = index_new();
	struct store *store;
	char *folder = scratch_folder(), uri[128];

	(void)state;
	snprintf(uri, sizeof(uri), "sqlite:%s/kodama.db", folder);
	struct store_options options = { .uri = uri, .busy_ms = 1000 };
	assert_int_equal(store_open(&options, &store), 0);
	assert_int_equal(put_in_store(store, "a@example.com", TIME_FOREVER), 0);
	assert_int_equal(index_fill(index, store, NOW), 0);
	assert_int_equal(put_in_store(store, "b@example.com", TIME_FOREVER), 0);
	assert_int_equal(store_remove(store, SPAN_LIT("a@example.com"), SPAN_LIT(""), SPAN_LIT(""), SPAN_NONE, time(NULL)), 1);
	assert_int_equal(store_prune(store, time(NULL) + 3 * DAY), 0);
	assert_int_equal(index_update(index, store, NOW), 0);
	assert_true(has(index, "b@example.com"));
	assert_false(has(index, "a@example.com"));
	store_close(store);
	index_free(index);
	scratch_remove(folder);
}

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 20];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");

	assert_non_null(in);
	assert_non_null(out);
	size_t size = fread(bytes, 1, sizeof(bytes), in);
	assert_true(size > 0 && size < sizeof(bytes));
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static struct store *open_named(const char *folder, const char *name)
{
	struct store *store;
	char uri[128];

	snprintf(uri, sizeof(uri), "sqlite:%s/%s", folder, name);
	assert_int_equal(store_open(&(struct store_options){ .uri = uri, .busy_ms = 1000 }, &store), 0);
	return store;
}

/* A database put back from a backup, or a standby that had not heard all, counts from where it was then. */
static void test_numbers_that_went_back_fill_anew(void **state)
{
	struct index *index = index_new();
	char *folder = scratch_folder(), path[100], backup_path[100];
	struct store *store = open_named(folder, "kodama.db");

	(void)state;
	snprintf(path, sizeof(path), "%s/kodama.db", folder);
	snprintf(backup_path, sizeof(backup_path), "%s/backup.db", folder);
	assert_int_equal(put_in_store(store, "then@example.com", TIME_FOREVER), 0);
	store_close(store);
	copy_file(path, backup_path);
	store = open_named(folder, "kodama.db");
	assert_int_equal(put_in_store(store, "since@example.com", TIME_FOREVER), 0);
	assert_int_equal(index_fill(index, store, NOW), 0);
	assert_true(has(index, "since@example.com"));
	struct store *backup = open_named(folder, "backup.db");
	assert_int_equal(index_update(index, backup, NOW), 0);
	assert_false(has(index, "since@example.com"));
	assert_true(has(index, "then@example.com"));
	/* and it follows from there */
	assert_int_equal(put_in_store(backup, "again@example.com", TIME_FOREVER), 0);
	assert_int_equal(index_update(index, backup, NOW), 0);
	assert_true(has(index, "again@example.com"));
	store_close(backup);
	store_close(store);
	index_free(index);
	scratch_remove(folder);
}

/* Numbers that go on, but are another database's: its entries have other hashes. */
static void test_another_database_fills_anew(void **state)
{
	struct index *index = index_new();
	char *folder = scratch_folder();
	struct store *store = open_named(folder, "kodama.db"), *other = open_named(folder, "other.db");

	(void)state;
	assert_int_equal(put_in_store(store, "a@example.com", TIME_FOREVER), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put_in_store(other, "b@example.com", TIME_FOREVER - i), 0);
	assert_int_equal(index_update(index, store, NOW), 0);
	assert_true(has(index, "a@example.com"));
	assert_int_equal(index_update(index, other, NOW), 0);
	assert_true(has(index, "b@example.com"));
	assert_false(has(index, "a@example.com"));
	store_close(other);
	store_close(store);
	index_free(index);
	scratch_remove(folder);
}

/* The writer and the follower bring what changed to the same index: what the one has brought is not read again, nor lost, by the other. */
static void test_two_handles_bring_changes_to_one_index(void **state)
{
	struct index *index = index_new();
	char *folder = scratch_folder(), name[32];
	struct store *handles[] = { open_named(folder, "kodama.db"), open_named(folder, "kodama.db"), open_named(folder, "kodama.db") };

	(void)state;
	assert_int_equal(index_fill(index, handles[0], NOW), 0);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "user%u@example.com", i);
		assert_int_equal(put_in_store(handles[2], name, TIME_FOREVER), 0);
		assert_int_equal(index_update(index, handles[i % 2], NOW), 0);
		assert_true(has(index, name));
		assert_int_equal(index_update(index, handles[!(i % 2)], NOW), 0);
		assert_int_equal(index_get_count(index), i + 1);
	}
	for (size_t i = 0; i < 3; i++)
		store_close(handles[i]);
	index_free(index);
	scratch_remove(folder);
}

enum { CHANGED = 40, BURST = 17000, STEPS = 600 };

static unsigned choose(unsigned below)
{
	static uint64_t seed = 88172645463325252;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % below;
}

/* One to three changes in a transaction, which is taken back now and then. */
static void change_some(struct store *store)
{
	char name[32];

	assert_int_equal(store_begin(store), 0);
	for (unsigned left = 1 + choose(3); left; left--) {
		snprintf(name, sizeof(name), "user%u@example.com", choose(CHANGED));
		if (choose(2))
			assert_int_equal(put_in_store(store, name, TIME_FOREVER), 0);
		else
			assert_true(store_remove(store, span_of(name), SPAN_LIT(""), SPAN_LIT("test"), SPAN_NONE, NOW) >= 0);
	}
	if (choose(5))
		assert_int_equal(store_commit(store), 0);
	else
		store_rollback(store);
}

/* More than a handle keeps of its own. */
static void change_many(struct store *store)
{
	static char names[BURST][32];
	static struct suppression rows[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		snprintf(names[i], sizeof(names[i]), "many%u@example.com", i);
		rows[i] = (struct suppression){ .address = span_of(names[i]), .origin = ORIGIN_MANUAL, .kind = DECISION_SUPPRESSED,
						.since_s = NOW, .until_s = TIME_FOREVER };
	}
	assert_int_equal(store_import(store, rows, BURST, SPAN_LIT("test"), NOW), BURST);
}

static void assert_as_filled(struct index *index, struct store *store)
{
	struct index *filled = index_new();
	char name[32];

	assert_int_equal(index_fill(filled, store, NOW), 0);
	assert_int_equal(index_get_count(index), index_get_count(filled));
	for (unsigned i = 0; i < CHANGED; i++) {
		snprintf(name, sizeof(name), "user%u@example.com", i);
		assert_int_equal(has(index, name), has(filled, name));
	}
	index_free(filled);
}

/* Whoever changes what, and whoever brings it: what a handle knows of its own changes, it never takes for all that was changed. */
static void test_property_an_index_that_follows_is_as_one_filled_anew(void **state)
{
	struct index *index = index_new();
	char *folder = scratch_folder();
	struct store *handles[] = { open_named(folder, "kodama.db"), open_named(folder, "kodama.db") };

	(void)state;
	assert_int_equal(index_fill(index, handles[0], NOW), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		change_some(handles[choose(2)]);
		if (step == STEPS / 2)
			change_many(handles[0]);
		if (choose(2))
			continue;
		/* the writer's own first, and then the follower, as in the daemon */
		assert_int_equal(index_update(index, handles[0], NOW), 0);
		assert_int_equal(index_update(index, handles[1], NOW), 0);
		assert_int_equal(index_update(index, handles[0], NOW), 0);
		assert_as_filled(index, handles[1]);
	}
	store_close(handles[0]);
	store_close(handles[1]);
	index_free(index);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hit_says_since_when_why_and_until),
		cmocka_unit_test(test_extension_stream_and_domain_in_their_order),
		cmocka_unit_test(test_look_up_order_is_manual_stream_shared),
		cmocka_unit_test(test_it_grows_forgets_and_reuses),
		cmocka_unit_test(test_readers_beside_a_writer),
		cmocka_unit_test(test_it_follows_another_handle),
		cmocka_unit_test(test_a_gap_in_the_changes_fills_anew),
		cmocka_unit_test(test_numbers_that_went_back_fill_anew),
		cmocka_unit_test(test_another_database_fills_anew),
		cmocka_unit_test(test_two_handles_bring_changes_to_one_index),
		cmocka_unit_test(test_property_an_index_that_follows_is_as_one_filled_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
