/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine that speaks PostgreSQL may lack.  A view stands for it: it is written and read by statements, and no COPY knows it. */
#include "store_contract.h"

#include <unistd.h>

#include "store/libpq.h"

enum { ENTRIES = 100 };

static void make_entries(struct suppression rows[static ENTRIES])
{
	static char addresses[ENTRIES][32];

	for (int i = 0; i < ENTRIES; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "u%d@example.com", i);
		rows[i] = (struct suppression){ .address = span_of(addresses[i]), .origin = ORIGIN_MANUAL, .kind = DECISION_SUPPRESSED,
						.since_s = NOW, .until_s = TIME_FOREVER };
	}
}

static void make_views(void)
{
	static const char *const tables[] = { "addresses", "audit", "changes", "enforced" };
	char script[200];

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(script, sizeof(script), "ALTER TABLE %s RENAME TO %s_table; CREATE VIEW %s AS SELECT * FROM %s_table", tables[i],
			 tables[i], tables[i], tables[i]);
		execute_on_server(script);
	}
}

static bool count_pair(void *data, uint64_t hash, uint64_t value)
{
	*(unsigned *)data += hash && value;
	return true;
}

static bool stop_at_once(void *data, uint64_t hash, uint64_t value)
{
	(void)hash;
	(void)value;
	++*(unsigned *)data;
	return false;
}

static void test_an_engine_without_copy(void **state)
{
	static struct suppression rows[ENTRIES];
	struct fixture *f = *state;
	unsigned count = 0, first = 0;
	int64_t before;

	make_entries(rows);
	make_views();
	assert_int_equal(store_get_change(f->store, &before), 0);
	if (store_import(f->store, rows, ENTRIES / 2, SPAN_LIT("uid 0"), NOW) != ENTRIES / 2)
		fail_msg("%s", store_get_error(f->store));
	assert_int_equal(store_import(f->store, rows, ENTRIES, SPAN_LIT("uid 0"), NOW), ENTRIES / 2);
	assert_int_equal(store_list_enforced(f->store, count_pair, &count), 0);
	assert_int_equal(count, ENTRIES);
	assert_int_equal(store_list_enforced(f->store, stop_at_once, &first), 0);
	assert_int_equal(first, 1);
	assert_int_equal(list_changes(f, before).count, ENTRIES);
	assert_int_equal(count_history(f, "u99@example.com"), 1);
	assert_int_equal(find(f, "u99@example.com").kind, DECISION_SUPPRESSED);
}

static PGresult *(*real_exec)(PGconn *connection, const char *query);
static unsigned copies;

/* As CockroachDB does it: what stands before is done, and the COPY is refused. */
static PGresult *refuse_joined_copy(PGconn *connection, const char *query)
{
	const char *copy = strstr(query, "COPY ");
	char before[100];

	copies += copy && strstr(copy, "FROM STDIN");
	if (!copy || copy == query)
		return real_exec(connection, query);
	snprintf(before, sizeof(before), "%.*s", (int)(copy - query), query);
	libpq.PQclear(real_exec(connection, before));
	return real_exec(connection, "DO $$ BEGIN RAISE 'COPY together with another statement' USING ERRCODE = '08P01'; END $$");
}

static void test_an_engine_whose_copy_stands_alone(void **state)
{
	static struct suppression rows[ENTRIES];
	struct fixture *f = *state;
	unsigned count = 0;

	make_entries(rows);
	real_exec = libpq.PQexec;
	libpq.PQexec = refuse_joined_copy;
	copies = 0;
	int half = store_import(f->store, rows, ENTRIES / 2, SPAN_LIT("uid 0"), NOW);
	int rest = store_import(f->store, rows, ENTRIES, SPAN_LIT("uid 0"), NOW);
	libpq.PQexec = real_exec;
	if (half != ENTRIES / 2 || rest != ENTRIES / 2)
		fail_msg("%s", store_get_error(f->store));
	assert_true(copies > 4); /* the second time, too */
	assert_int_equal(store_list_enforced(f->store, count_pair, &count), 0);
	assert_int_equal(count, ENTRIES);
}

static int fail_to_end(PGconn *connection, const char *why)
{
	(void)connection;
	(void)why;
	return -1;
}

/* libpq has no memory for the few bytes of the end: the server waits for more, and so would we. */
static void test_a_copy_that_cannot_be_ended(void **state)
{
	static struct suppression rows[ENTRIES];
	struct fixture *f = *state;
	int (*real_end)(PGconn *connection, const char *why) = libpq.PQputCopyEnd;

	make_entries(rows);
	libpq.PQputCopyEnd = fail_to_end;
	alarm(30); /* rather than for ever */
	int result = store_import(f->store, rows, ENTRIES, SPAN_LIT("uid 0"), NOW);
	alarm(0);
	libpq.PQputCopyEnd = real_end;
	assert_true(result < 0);
	assert_int_equal(find(f, "u99@example.com").kind, DECISION_NONE);
	assert_int_equal(store_import(f->store, rows, ENTRIES, SPAN_LIT("uid 0"), NOW), ENTRIES);
}

const struct CMUnitTest store_engine_tests[] = {
	CONTRACT(test_an_engine_without_copy),
	CONTRACT(test_an_engine_whose_copy_stands_alone),
	CONTRACT(test_a_copy_that_cannot_be_ended),
};
const size_t store_engine_test_count = sizeof(store_engine_tests) / sizeof(store_engine_tests[0]);
