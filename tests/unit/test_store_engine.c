/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine that speaks PostgreSQL may lack.  A view stands for it: it is written and read by statements, and no COPY knows it. */
#include "store_contract.h"

enum { ENTRIES = 100 };

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
	static char addresses[ENTRIES][32];
	static struct suppression rows[ENTRIES];
	struct fixture *f = *state;
	unsigned count = 0, first = 0;
	int64_t before;

	for (int i = 0; i < ENTRIES; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "u%d@example.com", i);
		rows[i] = (struct suppression){ .address = span_of(addresses[i]), .origin = ORIGIN_MANUAL, .kind = DECISION_SUPPRESSED,
						.since_s = NOW, .until_s = TIME_FOREVER };
	}
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
	assert_int_equal(count_history(f, addresses[ENTRIES - 1]), 1);
	assert_int_equal(find(f, addresses[ENTRIES - 1]).kind, DECISION_SUPPRESSED);
}

const struct CMUnitTest store_engine_tests[] = {
	CONTRACT(test_an_engine_without_copy),
};
const size_t store_engine_test_count = sizeof(store_engine_tests) / sizeof(store_engine_tests[0]);
