/* SPDX-License-Identifier: BSD-2-Clause */
/* What was read from a log goes into the store whole, with its place, or not at all. */
#include "store/reading.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store_help.h"

enum { EVENTS = 3 };

struct fixture {
	struct writer *writer;
	char folder[64], path[100], uri[120], queue_dir[100];
	struct limits limits;
	struct sample_event samples[EVENTS];
	struct reading_event events[EVENTS];
	struct reading reading;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct writer_options options = { .queue_dir = f->queue_dir, .store = { .uri = f->uri, .busy_ms = 1 } };

	snprintf(f->folder, sizeof(f->folder), "%s", scratch_folder());
	snprintf(f->path, sizeof(f->path), "%s/kodama.db", f->folder);
	snprintf(f->uri, sizeof(f->uri), "sqlite:%s", f->path);
	snprintf(f->queue_dir, sizeof(f->queue_dir), "%s/queue", f->folder);
	assert_int_equal(mkdir(f->queue_dir, 0700), 0);
	assert_int_equal(writer_start(&options, NULL, &f->writer), 0);
	f->limits = sample_limits(PRESET_CAREFUL);
	f->reading = (struct reading){ .events = f->events, .name = "log:test", .place = "1" };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	writer_stop(f->writer);
	scratch_remove(f->folder);
	free(f);
	return 0;
}

static void add(struct fixture *f, struct sample sample)
{
	size_t number = f->reading.event_count++;

	sample_make(&sample, &f->samples[number]);
	f->events[number] = (struct reading_event){ .event = f->samples[number].event };
	f->events[number].ruling = ruling_make(&f->limits, &f->events[number].event);
}

static const char *place(struct fixture *f)
{
	static char text[64];

	text[0] = '\0';
	assert_true(reading_get_place(f->writer, "log:test", text, sizeof(text)) >= 0);
	return text;
}

static struct store *open_beside(struct fixture *f)
{
	struct store_options options = { .uri = f->uri, .busy_ms = 1 };
	struct store *store;

	assert_int_equal(store_open(&options, &store), 0);
	return store;
}

static bool keep_tallies(void *data, const struct suppression *row)
{
	*(size_t *)data = row->tally_count;
	return true;
}

/* Rows of that address; *ret_tallies: counters of the last. */
static int find(struct fixture *f, const char *address, size_t *ret_tallies)
{
	struct store *store = open_beside(f);
	int rows = store_find(store, span_of(address), SPAN_LIT(""), keep_tallies, ret_tallies);

	store_close(store);
	return rows;
}

static void goes_in_with_its_place(void **state)
{
	struct fixture *f = *state;
	size_t tallies = 0;

	assert_string_equal(place(f), "");
	add(f, (struct sample){ .recipient = "gone@example.com", .queue_id = "4XyZabCdEfGhIj1" });
	add(f, (struct sample){ .recipient = "full@example.com", .queue_id = "4XyZabCdEfGhIj2", .class_id = CLASS_MAILBOX_FULL });
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[0].decision.kind, DECISION_SUPPRESSED);
	assert_int_equal(f->events[1].decision.kind, DECISION_COUNTED);
	assert_string_equal(place(f), "1");
	assert_int_equal(find(f, "full@example.com", &tallies), 1);
	assert_int_equal(tallies, 1);
}

static void counts_nothing_twice(void **state)
{
	struct fixture *f = *state;

	add(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1", .class_id = CLASS_MAILBOX_FULL });
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[0].decision.count, 1);
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_true(f->events[0].decision.is_duplicate);
	f->reading.event_count = 0;
	add(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj2", .class_id = CLASS_MAILBOX_FULL });
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[0].decision.count, 2);
}

/* Millions a day: a delivery leaves a row only where there is one. */
static void delivery_writes_only_where_something_is_known(void **state)
{
	struct fixture *f = *state;
	struct sample sent = { .recipient = "known@example.com", .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj9",
			       .at = NOW + HOUR };
	size_t tallies = 9;

	add(f, (struct sample){ .recipient = "known@example.com", .queue_id = "4XyZabCdEfGhIj1", .class_id = CLASS_MAILBOX_FULL });
	add(f, sent);
	sent.recipient = "stranger@example.com";
	add(f, sent);
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[1].decision.reason, REASON_SUCCESS_RESET);
	assert_int_equal(f->events[2].decision.reason, REASON_SUCCESS_NOTHING);
	assert_true(find(f, "known@example.com", &tallies) >= 1);
	assert_int_equal(tallies, 0);
	assert_int_equal(find(f, "stranger@example.com", &tallies), 0);
}

/* The preset careful counts a weak failure only where the provider took other mail: the same batch says so. */
static void counts_stand_before_events(void **state)
{
	struct fixture *f = *state;
	struct reading_count delivered = { SPAN_LIT("google"), SPAN_LIT("delivered"), NOW / 3600, 7, SPAN_LIT("user@example.com") };

	/* what it took for the address itself is no other mail */
	add(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1", .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_WORD, .provider = "google" });
	f->reading.counts = &delivered;
	f->reading.count_count = 1;
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[0].decision.reason, REASON_WEAK_BASIS);
	f->reading.event_count = 0;
	delivered.recipient = SPAN_NONE;
	add(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj2", .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_WORD, .provider = "google" });
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[0].decision.kind, DECISION_COUNTED);
}

static void locked_store_takes_nothing(void **state)
{
	struct fixture *f = *state;
	size_t tallies;
	sqlite3 *lock;

	add(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(sqlite3_open(f->path, &lock), SQLITE_OK);
	assert_int_equal(sqlite3_exec(lock, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_true(reading_commit(f->writer, &f->reading) < 0);
	assert_int_equal(sqlite3_exec(lock, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(lock);
	assert_string_equal(place(f), "");
	assert_int_equal(find(f, "user@example.com", &tallies), 0);
	/* ... and nothing went to the queue on disk: the log is the queue */
	struct writer_stats stats;
	writer_get_stats(f->writer, &stats);
	assert_int_equal(stats.queue_bytes, 0);
	assert_int_equal(reading_commit(f->writer, &f->reading), 0);
	assert_int_equal(f->events[0].decision.kind, DECISION_SUPPRESSED);
	assert_string_equal(place(f), "1");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(goes_in_with_its_place),
		TEST(counts_nothing_twice),
		TEST(delivery_writes_only_where_something_is_known),
		TEST(counts_stand_before_events),
		TEST(locked_store_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
