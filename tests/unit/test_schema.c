/* SPDX-License-Identifier: BSD-2-Clause */
/* A store's version: new ones are made whole, those of another version are refused untouched. */
#include "store_help.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/index.h"
#include "store/private.h"
#include "store/schema.h"

struct fixture {
	char folder[64], uri[160];
	struct store_options options;
};

static struct fixture fixture;

static int open_fixture(void **state)
{
	struct fixture *f = &fixture;

	snprintf(f->folder, sizeof(f->folder), "%s", scratch_folder());
	snprintf(f->uri, sizeof(f->uri), "sqlite:%.60s/kodama.db", f->folder);
	f->options = (struct store_options){ .uri = f->uri, .busy_ms = 10000 };
	*state = f;
	return 0;
}

static int close_fixture(void **state)
{
	scratch_remove(((struct fixture *)*state)->folder);
	return 0;
}

static void execute(struct fixture *f, const char *script)
{
	struct sql *sql;
	char error[200];

	assert_int_equal(sqlite_driver.open(&f->options, f->uri + strlen("sqlite:"), &sql, error, sizeof(error)), 0);
	if (sqlite_driver.execute(sql, script) < 0)
		fail_msg("%s", sqlite_driver.get_error(sql));
	sqlite_driver.close(sql);
}

static int open_and_close(struct fixture *f)
{
	struct store *store;
	int result = store_open(&f->options, &store);

	if (result == 0)
		store_close(store);
	return result;
}

static void test_a_newer_schema_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_and_close(f), 0);
	execute(f, "INSERT INTO migrations VALUES(99, 1)");
	assert_int_equal(open_and_close(f), -EINVAL);
	assert_non_null(strstr(store_get_error(NULL), "schema version 99"));
	execute(f, "DELETE FROM migrations WHERE version = 99");
	assert_int_equal(open_and_close(f), 0);
}

static void test_another_folding_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_and_close(f), 0);
	execute(f, "UPDATE meta SET value = 77 WHERE name = 'fold'");
	assert_int_equal(open_and_close(f), -EINVAL);
	assert_non_null(strstr(store_get_error(NULL), "rule 77"));
}

static bool is_seen(struct store *store, const char *recipient, const char *queue_id)
{
	struct limits limits = sample_limits(PRESET_CAREFUL);
	struct decision decision;
	struct sample_event e;

	sample_make(&(struct sample){ .recipient = recipient, .queue_id = queue_id, .class_id = CLASS_MAILBOX_FULL }, &e);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(record_event(store, &limits, &e.event, &decision), 0);
	store_rollback(store);
	return decision.is_duplicate;
}

/* The preset careful counts it where the provider took another's mail; of what was counted before there were names, nobody knows whose it was. */
static bool is_weak_failure_counted(struct store *store)
{
	struct limits limits = sample_limits(PRESET_CAREFUL);
	struct decision decision;
	struct sample_event e;

	sample_make(&(struct sample){ .recipient = "d@example.com", .queue_id = "4XyZabCdEfGhIjW", .class_id = CLASS_MAILBOX_FULL,
				      .basis = BASIS_WORD, .provider = "google" }, &e);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(record_event(store, &limits, &e.event, &decision), 0);
	store_rollback(store);
	return decision.kind == DECISION_COUNTED;
}

/* A database from before the table of what is in force, and of changes that named addresses: its entries are in the index after the migration. */
static void test_an_older_database_is_brought_up(void **state)
{
	struct fixture *f = *state;
	struct index *index = index_new();
	struct address address;
	struct index_hit hit;
	struct store *store;

	assert_int_equal(open_and_close(f), 0);
	execute(f, "INSERT INTO addresses VALUES('a@example.com', '', 0, 'suppressed', 1800000000, 1800000100, 1, 'gone', 'user-unknown', "
		   "NULL, NULL, NULL, 0, 0, ''), ('a@example.com', '', 1, 'suppressed', 1800000000, 1900000000, 1, '', NULL, NULL, NULL, "
		   "NULL, 0, 0, ''), ('h@example.com', '', 0, 'held', 1800000000, 1900000000, 1, '', NULL, NULL, NULL, NULL, 0, 0, '')");
	execute(f, "INSERT INTO counts VALUES('google', 'delivered', 500000, 7, 5); ALTER TABLE counts DROP COLUMN who");
	execute(f, "DROP TABLE enforced; DELETE FROM meta WHERE name LIKE 'index_key%'; DELETE FROM migrations WHERE version > 2");
	execute(f, "DROP TABLE changes; CREATE TABLE changes(number BIGINT PRIMARY KEY, address TEXT, stream TEXT, time_s BIGINT) WITHOUT ROWID; "
		   "INSERT INTO changes VALUES(1, 'a@example.com', '', 1800000000); UPDATE meta SET value = 1 WHERE name = 'change'");
	execute(f, "DROP TABLE seen; CREATE TABLE seen(key TEXT, recipient TEXT, time_s BIGINT, proof BIGINT, outcome BIGINT, "
		   "PRIMARY KEY(key, recipient)) WITHOUT ROWID; CREATE INDEX seen_time ON seen(time_s); "
		   "INSERT INTO seen VALUES('fq:mx1/4XyZabCdEfGhIjK', 'b@example.com', 1800000000, 3, 1)");
	assert_int_equal(store_open(&f->options, &store), 0);
	assert_true(is_seen(store, "b@example.com", "4XyZabCdEfGhIjK"));
	assert_false(is_seen(store, "c@example.com", "4XyZabCdEfGhIjK"));
	assert_true(is_weak_failure_counted(store));
	assert_int_equal(index_fill(index, store, 1800000000), 0);
	assert_int_equal(index_get_count(index), 1);
	assert_int_equal(address_fold(SPAN_LIT("A@example.com"), &address, NULL), 0);
	assert_true(index_find(index, &address, SPAN_LIT(""), "", 1850000000, &hit) && hit.is_manual);
	/* what changes from now on is followed */
	assert_int_equal(store_remove(store, SPAN_LIT("a@example.com"), SPAN_LIT(""), SPAN_LIT("uid 0"), SPAN_NONE, 1800000000), 1);
	assert_int_equal(index_update(index, store, 1800000000), 0);
	assert_false(index_find(index, &address, SPAN_LIT(""), "", 1850000000, &hit));
	store_close(store);
	index_free(index);
}

static bool count_outcome(void *data, const struct history_row *row)
{
	(void)row;
	++*(unsigned *)data;
	return true;
}

/* Written by an older rule of folding: two spellings become one mailbox, suppressed as long as the longer of them. */
static void test_an_older_folding_is_brought_up(void **state)
{
	struct fixture *f = *state;
	struct index *index = index_new();
	struct address address;
	struct index_hit hit;
	struct store *store;
	unsigned outcomes = 0;

	assert_int_equal(open_and_close(f), 0);
	execute(f, "INSERT INTO addresses VALUES('User@Example.com', '', 0, 'suppressed', 1800000000, 1900000000, 1, 'gone', NULL, NULL, NULL, NULL, "
		   "0, 0, ''), ('user@example.com', '', 0, 'suppressed', 1800000000, 1800000100, 1, 'gone', NULL, NULL, NULL, NULL, 0, 0, ''), "
		   "('no address', '', 0, 'none', 0, 0, 0, '', NULL, NULL, NULL, NULL, 0, 0, '')");
	execute(f, "INSERT INTO outcomes(address, stream, time_s, received_s) VALUES('User@Example.com', '', 1, 1), ('user@example.com', '', 2, 2); "
		   "INSERT INTO seen VALUES(1, 1, 3, 1)");
	execute(f, "UPDATE meta SET value = 0 WHERE name = 'fold'");
	assert_int_equal(store_open(&f->options, &store), 0);
	assert_int_equal(index_fill(index, store, 1800000000), 0);
	assert_int_equal(index_get_count(index), 1);
	assert_int_equal(address_fold(SPAN_LIT("user@example.com"), &address, NULL), 0);
	assert_true(index_find(index, &address, SPAN_LIT(""), "", 1850000000, &hit));
	assert_int_equal(store_history(store, address_get(&address), count_outcome, &outcomes), 0);
	assert_int_equal(outcomes, 2);
	store_close(store);
	index_free(index);
	assert_int_equal(open_and_close(f), 0);
}

/* Begun and not ended: the version is not written, and what stands in the way is said, not overwritten. */
static void test_a_failed_migration_leaves_the_version(void **state)
{
	struct fixture *f = *state;

	execute(f, "CREATE TABLE outcomes(x)");
	assert_true(open_and_close(f) < 0);
	assert_non_null(strstr(store_get_error(NULL), "outcomes"));
	execute(f, "DROP TABLE outcomes");
	assert_int_equal(open_and_close(f), 0);
}

static void test_a_reader_makes_nothing(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[200];

	f->options.is_read_only = true;
	assert_int_equal(open_and_close(f), -EACCES);
	snprintf(path, sizeof(path), "%.60s/kodama.db", f->folder);
	assert_int_equal(stat(path, &st), -1);
	f->options.is_read_only = false;
	execute(f, "CREATE TABLE other(x)");
	f->options.is_read_only = true;
	assert_true(open_and_close(f) < 0);
	f->options.is_read_only = false;
	assert_int_equal(open_and_close(f), 0);
	f->options.is_read_only = true;
	assert_int_equal(open_and_close(f), 0);
}

static void *open_in_thread(void *data)
{
	return open_and_close(data) == 0 ? NULL : data;
}

static void test_all_who_come_first_agree(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[6];
	void *failed;

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_in_thread, f), 0);
	for (size_t i = 0; i < 6; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

/* As a user who may not write there; root is made one first. */
static int open_as_nobody(struct fixture *f)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
			_exit(100);
		_exit(-open_and_close(f));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000;
}

static void test_a_database_that_may_not_be_written(void **state)
{
	struct fixture *f = *state;
	char path[200];

	assert_int_equal(open_and_close(f), 0);
	snprintf(path, sizeof(path), "%.60s/kodama.db", f->folder);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(f->folder, 0555), 0);
	assert_int_equal(open_as_nobody(f), -EACCES);
	assert_int_equal(chmod(f->folder, 0700), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_newer_schema_is_refused_and_left_alone),
		CASE(test_another_folding_is_refused),
		CASE(test_an_older_database_is_brought_up),
		CASE(test_an_older_folding_is_brought_up),
		CASE(test_a_failed_migration_leaves_the_version),
		CASE(test_a_reader_makes_nothing),
		CASE(test_all_who_come_first_agree),
		CASE(test_a_database_that_may_not_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
