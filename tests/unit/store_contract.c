/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract of the store: the same cases on every backend. */
#include "store_contract.h"

#include <assert.h>
#include <string.h>

#include "store/enforced.h"
#ifdef POSTGRES_BIN
#include "pgsql_help.h"
#endif

struct fixture fixture;

int open_fixture(void **state)
{
	snprintf(fixture.folder, sizeof(fixture.folder), "%s", scratch_folder());
#ifdef POSTGRES_BIN
	snprintf(fixture.uri, sizeof(fixture.uri), "%s", postgres_get_uri());
	postgres_empty();
#else
	snprintf(fixture.uri, sizeof(fixture.uri), "sqlite:%s/db/kodama.db", fixture.folder);
#endif
	fixture.options = (struct store_options){ .uri = fixture.uri, .busy_ms = 50, .retention_s = 90 * DAY };
	fixture.limits = sample_limits(PRESET_CAREFUL);
	*state = &fixture;
	return store_open(&fixture.options, &fixture.store);
}

int close_fixture(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	f->store = NULL;
	scratch_remove(f->folder);
	return 0;
}

struct decision record(struct fixture *f, struct sample sample)
{
	struct sample_event e;
	struct decision decision;

	sample_make(&sample, &e);
	assert_int_equal(store_begin(f->store), 0);
	if (record_event(f->store, &f->limits, &e.event, &decision) != 0)
		fail_msg("%s", store_get_error(f->store));
	assert_int_equal(store_commit(f->store), 0);
	return decision;
}

bool keep_row(void *data, const struct suppression *row)
{
	struct suppression *copy = data;

	*copy = *row;
	copy->address = copy->stream = copy->rule = copy->provider = copy->note = copy->section = SPAN_NONE;
	copy->tallies = NULL;
	return false;
}

struct suppression find_in(struct fixture *f, const char *address, const char *stream)
{
	struct suppression row = { .kind = DECISION_NONE };

	assert_true(store_find(f->store, span_of(address), span_of(stream), keep_row, &row) >= 0);
	return row;
}

struct suppression find(struct fixture *f, const char *address)
{
	return find_in(f, address, "");
}

static bool count_history_row(void *data, const struct history_row *row)
{
	(void)row;
	++*(unsigned *)data;
	return true;
}

unsigned count_history(struct fixture *f, const char *address)
{
	unsigned count = 0;

	assert_int_equal(store_history(f->store, span_of(address), count_history_row, &count), 0);
	return count;
}

static bool keep_message_id(void *data, const struct history_row *row)
{
	snprintf(data, 64, "%.*s", SPAN_ARG(row->message_id));
	return true;
}

const char *last_message_id(struct fixture *f, const char *address)
{
	static char message_id[64];

	message_id[0] = '\0';
	assert_int_equal(store_history(f->store, span_of(address), keep_message_id, message_id), 0);
	return message_id;
}

int add(struct fixture *f, const char *address, int64_t until_s)
{
	const struct suppression row = { .address = span_of(address), .stream = SPAN_LIT(""), .note = SPAN_LIT("asked for"),
					 .since_s = NOW, .until_s = until_s };

	return store_add(f->store, &row, SPAN_LIT("uid 0"), NOW);
}

static bool see_change(void *data, uint64_t hash, uint64_t value)
{
	struct seen_changes *seen = data;
	struct index_hit hit = { .until_s = 0 };

	seen->count++;
	seen->last_hash = hash;
	seen->last_until_s = enforced_unpack(value, NOW, &hit) ? hit.until_s : 0;
	return true;
}

struct seen_changes list_changes(struct fixture *f, int64_t after)
{
	struct seen_changes seen = { .count = 0 };
	int64_t change = after, newest;

	assert_int_equal(store_list_changes(f->store, &change, see_change, &seen), 0);
	assert_int_equal(store_get_change(f->store, &newest), 0);
	assert_true(change == newest);
	return seen;
}

void assert_change_is_of(struct fixture *f, const struct seen_changes *seen, const char *address)
{
	struct siphash_key key = store_get_index_key(f->store);

	assert_true(seen->last_hash == enforced_hash(&key, span_of(address), SPAN_LIT("")));
}

#ifdef POSTGRES_BIN
void execute_on_server(const char *script)
{
	PGconn *connection = postgres_connect();

	assert_non_null(connection);
	PGresult *result = PQexec(connection, script);
	assert_string_equal(PQresultErrorMessage(result), "");
	PQclear(result);
	PQfinish(connection);
}
#endif

struct part {
	const struct CMUnitTest *tests;
	size_t count;
};

/* All of them as one group: a server is started once.  The macro counts an array, and this one is made. */
static int run_parts(const struct part *parts, size_t count, const char *name, CMFixtureFunction begin, CMFixtureFunction end)
{
	struct CMUnitTest all[200];
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		assert(at + parts[i].count <= sizeof(all) / sizeof(all[0]));
		memcpy(&all[at], parts[i].tests, parts[i].count * sizeof(all[0]));
		at += parts[i].count;
	}
	return _cmocka_run_group_tests(name, all, at, begin, end);
}

int main(void)
{
	const struct part parts[] = {
		{ store_handle_tests, store_handle_test_count },
		{ store_event_tests, store_event_test_count },
		{ store_manual_tests, store_manual_test_count },
#ifdef POSTGRES_BIN
		{ store_engine_tests, store_engine_test_count },
	};
	return run_parts(parts, sizeof(parts) / sizeof(parts[0]), "postgresql", postgres_start, postgres_stop);
#else
	};
	return run_parts(parts, sizeof(parts) / sizeof(parts[0]), "sqlite", NULL, NULL);
#endif
}
