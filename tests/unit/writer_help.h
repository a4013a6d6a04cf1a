/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the writer and its queue share: a writer on a scratch store, and what is in that store. */
#ifndef KODAMA_TESTS_WRITER_HELP_H
#define KODAMA_TESTS_WRITER_HELP_H

#include "store_help.h"

#include <time.h>

#include "store/writer.h"

struct fixture {
	char folder[64], db[128], uri[160], queue[128];
	struct writer_options options;
	struct limits limits;
};

static struct fixture fixture;

static inline int open_fixture(void **state)
{
	struct fixture *f = &fixture;

	snprintf(f->folder, sizeof(f->folder), "%s", scratch_folder());
	snprintf(f->db, sizeof(f->db), "%.60s/db/kodama.db", f->folder);
	snprintf(f->uri, sizeof(f->uri), "sqlite:%.120s", f->db);
	snprintf(f->queue, sizeof(f->queue), "%.60s/queue", f->folder);
	f->options = (struct writer_options){ .store = { .uri = f->uri, .busy_ms = 20 }, .queue_dir = f->queue, .deadline_ms = 5000 };
	f->limits = sample_limits(PRESET_STRICT);
	*state = f;
	return 0;
}

static inline int close_fixture(void **state)
{
	scratch_remove(((struct fixture *)*state)->folder);
	return 0;
}

static inline struct writer *start(struct fixture *f, struct index *index)
{
	struct writer *writer;
	int result = writer_start(&f->options, index, &writer);

	if (result < 0)
		fail_msg("writer_start: %d %s", result, store_get_error(NULL));
	return writer;
}

static inline int record(struct writer *writer, struct fixture *f, struct sample sample, struct decision *decision)
{
	struct sample_event e;

	sample_make(&sample, &e);
	return writer_record(writer, &f->limits, &e.event, 1, decision);
}

static inline struct store *open_store(struct fixture *f)
{
	struct store *store;

	assert_int_equal(store_open(&f->options.store, &store), 0);
	return store;
}

static inline bool count_row(void *data, const struct history_row *row)
{
	(void)row;
	++*(unsigned *)data;
	return true;
}

static inline unsigned count_outcomes(struct store *store, const char *address)
{
	unsigned count = 0;

	assert_int_equal(store_history(store, span_of(address), count_row, &count), 0);
	return count;
}

static inline bool take_count(void *data, const struct suppression *row)
{
	*(unsigned *)data = row->tally_count ? row->tallies[0].count : 0;
	return false;
}

static inline unsigned get_tally(struct store *store, const char *address)
{
	unsigned count = 0;

	assert_true(store_find(store, span_of(address), SPAN_LIT(""), take_count, &count) >= 0);
	return count;
}

static inline void wait_for_drain(struct writer *writer)
{
	struct timespec nap = { .tv_nsec = 5000000 };
	struct writer_stats stats;

	for (int i = 0; i < 4000; i++) {
		writer_get_stats(writer, &stats);
		if (stats.queue_bytes == 0)
			return;
		nanosleep(&nap, NULL);
	}
	fail_msg("the queue is not drained: %s", stats.last_error);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

#endif
