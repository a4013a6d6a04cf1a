/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer: what was acknowledged is there, once, whatever happens to the store. */
#include "writer_help.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "store/queue.h"
#include "store/wire.h"

/* Warnings and errors of the log that begin with that. */
static unsigned count_problems(const char *text)
{
	struct log_problem problems[64];
	size_t count = log_get_problems(problems, 64);
	unsigned found = 0;

	for (size_t i = 0; i < count; i++)
		found += strncmp(problems[i].text, text, strlen(text)) == 0 ? (unsigned)problems[i].times : 0;
	return found;
}

static void test_a_record_is_committed_and_in_the_index(void **state)
{
	struct fixture *f = *state;
	struct index *index = index_new();
	struct writer *writer = start(f, index);
	struct decision decision;
	struct address address;
	struct index_hit hit;

	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), 0);
	assert_int_equal(decision.kind, DECISION_SUPPRESSED);
	assert_int_equal(address_fold(SPAN_LIT("user@example.com"), &address, NULL), 0);
	assert_true(index_find(index, &address, SPAN_LIT(""), "", NOW, &hit));
	struct store *other = open_store(f);
	assert_int_equal(count_outcomes(other, "user@example.com"), 1);
	store_close(other);
	writer_stop(writer);
	index_free(index);
}

static void test_unproved_events_never_reach_the_store(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct writer_stats stats;
	struct decision decision;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(record(writer, f, (struct sample){ .proof = PROOF_NONE, .source = SOURCE_MILTER }, &decision), 0);
		assert_int_equal(decision.kind, DECISION_UNPROVED);
	}
	writer_get_stats(writer, &stats);
	assert_int_equal(stats.transactions, 0);
	assert_int_equal(stats.unproved, 1000);
	writer_stop(writer);
}

struct remembered {
	size_t count;
	char last_text[64];
};

static bool remember(void *data, const struct history_row *row)
{
	struct remembered *remembered = data;

	assert_true(span_is_equal(row->decision, SPAN_LIT("unproved")));
	snprintf(remembered->last_text, sizeof(remembered->last_text), "%.*s", SPAN_ARG(row->text));
	remembered->count++;
	return true;
}

static void test_what_nothing_proves_is_remembered_for_a_while_in_bounded_memory(void **state)
{
	struct fixture *f = *state;
	struct remembered remembered = { 0, "" };
	struct sample_event e;
	struct decision decision;
	char text[32], recipient[40];

	struct writer *writer = start(f, NULL);
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "forged %d \xff", i);
		snprintf(recipient, sizeof(recipient), "user%d@example.com", i % 10);
		sample_make(&(struct sample){ .recipient = recipient, .text = text }, &e);
		e.outcome.proof = PROOF_NONE;
		assert_int_equal(writer_record(writer, &f->limits, &e.event, 1, &decision), 0);
		assert_int_equal(decision.kind, DECISION_UNPROVED);
	}
	writer_visit_unproved(writer, SPAN_LIT("user7@example.com"), remember, &remembered);
	assert_true(remembered.count >= 100 && remembered.count < 1000);
	assert_string_equal(remembered.last_text, "forged 9997 ?");
	remembered.count = 0;
	writer_visit_unproved(writer, SPAN_LIT("nobody@example.com"), remember, &remembered);
	writer_forget_unproved(writer, SPAN_LIT("user7@example.com"));
	writer_visit_unproved(writer, SPAN_LIT("user7@example.com"), remember, &remembered);
	assert_int_equal(remembered.count, 0);
	writer_visit_unproved(writer, SPAN_LIT("user8@example.com"), remember, &remembered);
	assert_true(remembered.count >= 100);
	writer_stop(writer);
}

static void test_files_are_the_owners_alone(void **state)
{
	struct fixture *f = *state;
	struct decision decision;
	struct stat st;
	char path[256];
	static const char *const names[] = { "db/kodama.db", "db/kodama.db-wal", "db/kodama.db-shm", "queue/outcomes.queue" };

	umask(0);
	struct writer *writer = start(f, NULL);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), 0);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	snprintf(path, sizeof(path), "%.120s/db", f->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	umask(022);
	writer_stop(writer);
}

static void test_a_locked_store_queues_and_drains_in_order(void **state)
{
	unsigned told = count_problems("store-away ");
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct store *other = open_store(f);
	struct writer_stats stats;
	struct decision decision;
	struct sample sample = { .class_id = CLASS_MAILBOX_FULL, .queue_id = "4XyZabCdEfGhIj1" };

	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record(writer, f, sample, &decision), -EINPROGRESS);
	sample.queue_id = "4XyZabCdEfGhIj2";
	assert_int_equal(record(writer, f, sample, &decision), -EINPROGRESS);
	/* the same failure once more, and one that nothing names */
	assert_int_equal(record(writer, f, sample, &decision), -EINPROGRESS);
	writer_get_stats(writer, &stats);
	assert_int_equal(stats.queued, 3);
	assert_string_not_equal(stats.last_error, "");
	assert_int_equal(count_problems("store-away "), told + 1);
	store_rollback(other);
	wait_for_drain(writer);
	assert_int_equal(get_tally(other, "user@example.com"), 2);
	assert_int_equal(count_outcomes(other, "user@example.com"), 2);
	sample.queue_id = "4XyZabCdEfGhIj3";
	assert_int_equal(record(writer, f, sample, &decision), 0);
	assert_int_equal(decision.kind, DECISION_SUPPRESSED);
	store_close(other);
	writer_stop(writer);
}

/* The descriptor that the writer has of a file. */
static int find_descriptor(const char *end)
{
	char link[32], path[256];

	for (int fd = 0; fd < 256; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t len = readlink(link, path, sizeof(path));
		if (len > 0 && span_has_suffix_nocase(span_make(path, (size_t)len), span_of(end)))
			return fd;
	}
	fail_msg("%s is not open", end);
	return -1;
}

static void wait_for_error(struct writer *writer, const char *text)
{
	struct timespec nap = { .tv_nsec = 5000000 };
	struct writer_stats stats = { .last_error = "" };

	for (int i = 0; i < 2000; i++) {
		writer_get_stats(writer, &stats);
		if (strstr(stats.last_error, text))
			return;
		nanosleep(&nap, NULL);
	}
	fail_msg("\"%s\" where %s is to be told", stats.last_error, text);
}

/* The store is well, and what waits on disk cannot be read: it is not the store's fault, and told all the same. */
static void test_a_queue_that_cannot_be_read_is_told(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct store *other = open_store(f);
	struct decision decision;
	char path[160];

	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), -EINPROGRESS);
	int fd = find_descriptor("/outcomes.queue"), good = dup(fd);
	snprintf(path, sizeof(path), "%s/outcomes.queue", f->queue);
	int bad = open(path, O_WRONLY);
	assert_true(good >= 0 && bad >= 0 && dup2(bad, fd) == fd);
	store_rollback(other);
	wait_for_error(writer, "drain: Bad file descriptor");
	assert_int_equal(dup2(good, fd), fd);
	wait_for_drain(writer);
	assert_int_equal(count_outcomes(other, "user@example.com"), 1);
	close(good);
	close(bad);
	store_close(other);
	writer_stop(writer);
}

/* PostgreSQL's words have them in nearly every sentence; here it is the path. */
static void test_quotes_do_not_end_what_the_log_says(void **state)
{
	struct fixture *f = *state;
	struct log_problem last;

	snprintf(f->uri, sizeof(f->uri), "sqlite:%.60s/d\"b/kodama.db", f->folder);
	struct store *other = open_store(f);
	struct writer *writer = start(f, NULL);
	struct decision decision;

	assert_int_equal(store_begin(other), 0);
	writer_stop(writer);
	writer = start(f, NULL);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), -EINPROGRESS);
	wait_for_error(writer, "/d'b/kodama.db");
	assert_int_equal(log_get_problems(&last, 1), 1);
	assert_null(strstr(last.text, "d\"b"));
	store_close(other);
	writer_stop(writer);
}

static void test_the_queue_outlives_the_process(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct store *other = open_store(f);
	struct decision decision;

	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1", .provider = "google" }, &decision), -EINPROGRESS);
	writer_stop(writer);
	store_rollback(other);
	assert_int_equal(count_outcomes(other, "user@example.com"), 0);
	writer = start(f, NULL);
	wait_for_drain(writer);
	assert_int_equal(count_outcomes(other, "user@example.com"), 1);
	store_close(other);
	writer_stop(writer);
}

/* What is drained and then, before the queue was cut, drained again: each of them once, also what no key names. */
/* Written by another version: set aside, in a form that that version reads, while what stands around it is taken in. */
static void test_a_record_of_another_version_is_set_aside(void **state)
{
	struct fixture *f = *state;
	struct buffer bytes, record;
	struct sample_event e;
	struct queue *queue;
	struct wire_event event;
	char aside[200], name[200];
	uint64_t offset = 0;

	buffer_init(&bytes, WIRE_SIZE_MAX);
	buffer_init(&record, QUEUE_RECORD_MAX);
	assert_int_equal(queue_open(f->queue, 1 << 20, &queue), 0);
	for (unsigned i = 0; i < 3; i++) {
		sample_make(&(struct sample){ .recipient = (const char *const[]){ "a@example.com", "b@example.com", "c@example.com" }[i], .nonce = "n" }, &e);
		struct ruling ruling = ruling_make(&f->limits, &e.event);
		buffer_clear(&bytes);
		wire_put(&bytes, &e.event, &ruling);
		/* its first number is the version */
		bytes.bytes[0] = (char)(bytes.bytes[0] + (i == 1));
		assert_int_equal(queue_append(queue, buffer_get(&bytes)), 0);
	}
	queue_close(queue);
	writer_stop(start(f, NULL));
	struct store *store = open_store(f);
	assert_int_equal(count_outcomes(store, "a@example.com"), 1);
	assert_int_equal(count_outcomes(store, "b@example.com"), 0);
	assert_int_equal(count_outcomes(store, "c@example.com"), 1);
	store_close(store);

	/* what the hint says: the version that knows it takes it from there */
	snprintf(aside, sizeof(aside), "%.120s/" QUEUE_ASIDE, f->queue);
	snprintf(name, sizeof(name), "%.120s/outcomes.queue", f->queue);
	assert_int_equal(rename(aside, name), 0);
	assert_int_equal(queue_open(f->queue, 1 << 20, &queue), 0);
	assert_int_equal(queue_read(queue, &offset, &record), 1);
	record.bytes[0]--;
	struct span rest = buffer_get(&record);
	assert_int_equal(wire_take(&rest, &event), 0);
	assert_true(span_is_equal(event.outcome.recipient, SPAN_LIT("b@example.com")));
	assert_int_equal(queue_read(queue, &offset, &record), 0);
	queue_close(queue);
	buffer_done(&bytes);
	buffer_done(&record);
}

static void test_draining_twice_counts_once(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct store *other = open_store(f);
	struct decision decision;
	char path[256], copy[256], bytes[65536];

	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record(writer, f, (struct sample){ .class_id = CLASS_MAILBOX_FULL }, &decision), -EINPROGRESS);
	assert_int_equal(record(writer, f, (struct sample){ .class_id = CLASS_MAILBOX_FULL }, &decision), -EINPROGRESS);
	snprintf(path, sizeof(path), "%.120s/outcomes.queue", f->queue);
	snprintf(copy, sizeof(copy), "%.120s/copy", f->folder);
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(size > 0);
	store_rollback(other);
	wait_for_drain(writer);
	writer_stop(writer);
	assert_int_equal(get_tally(other, "user@example.com"), 2);
	fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, bytes, (size_t)size), size);
	close(fd);
	writer = start(f, NULL);
	wait_for_drain(writer);
	assert_int_equal(get_tally(other, "user@example.com"), 2);
	store_close(other);
	writer_stop(writer);
}

static void test_a_full_queue_keeps_nothing_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct store *other;
	struct decision decision;

	f->options.queue_max = 100;
	struct writer *writer = start(f, NULL);
	other = open_store(f);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), -ENOSPC);
	store_rollback(other);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), 0);
	assert_int_equal(decision.kind, DECISION_SUPPRESSED);
	assert_int_equal(count_outcomes(other, "user@example.com"), 1);
	store_close(other);
	writer_stop(writer);
}

static void test_the_deadline_is_kept(void **state)
{
	struct fixture *f = *state;
	struct timespec start_time, end_time;
	struct decision decision;

	f->options.deadline_ms = 100;
	f->options.store.busy_ms = 3000;
	struct writer *writer = start(f, NULL);
	struct store *other = open_store(f);
	assert_int_equal(store_begin(other), 0);
	clock_gettime(CLOCK_MONOTONIC, &start_time);
	assert_int_equal(record(writer, f, (struct sample){ .class_id = CLASS_MAILBOX_FULL }, &decision), -EINPROGRESS);
	clock_gettime(CLOCK_MONOTONIC, &end_time);
	assert_true(end_time.tv_sec - start_time.tv_sec <= 1);
	store_rollback(other);
	/* it may now be committed by the writer that held it, and drained from the queue too: once in all */
	wait_for_drain(writer);
	writer_stop(writer);
	assert_int_equal(get_tally(other, "user@example.com"), 1);
	store_close(other);
}

static int add_by_hand(struct store *store, void *data)
{
	const struct suppression row = { .address = SPAN_LIT("hand@example.com"), .since_s = NOW, .until_s = TIME_FOREVER };

	(void)data;
	return store_add(store, &row, SPAN_LIT("test"), NOW);
}

static int add_and_fail(struct store *store, void *data)
{
	assert_int_equal(add_by_hand(store, data), 0);
	return -ECANCELED;
}

static void test_jobs_run_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct store *other = open_store(f);
	struct writer_stats stats;

	assert_int_equal(writer_run(writer, add_and_fail, NULL), -ECANCELED);
	/* which is no failure of the store */
	writer_get_stats(writer, &stats);
	assert_string_equal(stats.last_error, "");
	assert_int_equal(count_outcomes(other, "hand@example.com"), 0);
	assert_int_equal(writer_run(writer, add_by_hand, NULL), 0);
	assert_int_equal(count_outcomes(other, "hand@example.com"), 1);
	store_close(other);
	writer_stop(writer);
}

static void test_a_store_that_is_no_database_stops_the_start(void **state)
{
	struct fixture *f = *state;
	struct writer *writer;
	char path[256];

	snprintf(path, sizeof(path), "%.120s/db", f->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	FILE *file = fopen(f->db, "w");
	for (int i = 0; i < 4096; i++)
		fputs("garbage", file);
	fclose(file);
	assert_int_equal(writer_start(&f->options, NULL, &writer), -EIO);
	assert_non_null(strstr(store_get_error(NULL), "not a database"));
	assert_non_null(strstr(store_get_error(NULL), "backup"));
	f->options.store.uri = "mysql:x";
	assert_int_equal(writer_start(&f->options, NULL, &writer), -EINVAL);
}

/* Broken while it runs: the outcome goes to the queue, and into the store when there is one again. */
static void test_a_store_that_breaks_under_way(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct decision decision;
	struct stat st;
	char moved[256];

	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &decision), 0);
	writer_stop(writer);
	/* a page in the middle of the tables is overwritten */
	assert_int_equal(stat(f->db, &st), 0);
	writer = start(f, NULL);
	int fd = open(f->db, O_WRONLY);
	char garbage[4096];
	memset(garbage, 0x5a, sizeof(garbage));
	for (off_t at = 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
	close(fd);
	assert_int_equal(record(writer, f, (struct sample){ .queue_id = "4XyZabCdEfGhIj2", .recipient = "b@example.com" }, &decision), -EINPROGRESS);
	writer_stop(writer);
	/* whoever is told of it is told which file, and what to do */
	assert_int_equal(writer_start(&f->options, NULL, &writer), -EIO);
	assert_non_null(strstr(store_get_error(NULL), f->db));
	assert_non_null(strstr(store_get_error(NULL), "backup"));
	snprintf(moved, sizeof(moved), "%s.broken", f->db);
	assert_int_equal(rename(f->db, moved), 0);
	snprintf(moved, sizeof(moved), "%s-wal", f->db);
	unlink(moved);
	snprintf(moved, sizeof(moved), "%s-shm", f->db);
	unlink(moved);
	writer = start(f, NULL);
	wait_for_drain(writer);
	struct store *other = open_store(f);
	assert_int_equal(count_outcomes(other, "b@example.com"), 1);
	store_close(other);
	writer_stop(writer);
}

/* No file may grow past where the log of the store is now: the store is full, the queue still has room. */
static int record_on_a_full_disk(struct fixture *f)
{
	struct rlimit limit;
	struct decision decision;
	struct stat st;
	char path[256];
	int last = 0, queued = 0;

	signal(SIGXFSZ, SIG_IGN);
	struct writer *writer = start(f, NULL);
	if (record(writer, f, (struct sample){ .queue_id = "4XyzFirst" }, &decision) != 0)
		return 1;
	snprintf(path, sizeof(path), "%.120s-wal", f->db);
	if (stat(path, &st) < 0)
		return 2;
	limit.rlim_cur = limit.rlim_max = (rlim_t)st.st_size + 8192;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 5 && last != -EINPROGRESS; i++) {
		char queue_id[32], recipient[32];
		snprintf(queue_id, sizeof(queue_id), "4XyzZ%d", i);
		snprintf(recipient, sizeof(recipient), "full%d@example.com", i);
		last = record(writer, f, (struct sample){ .queue_id = queue_id, .recipient = recipient }, &decision);
		if (last != 0 && last != -EINPROGRESS)
			return 3;
		queued += last == -EINPROGRESS;
	}
	struct writer_stats stats;
	writer_get_stats(writer, &stats);
	if (!queued || !stats.last_error[0])
		return 4;
	_exit(0);
}

static void test_a_full_disk_queues(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(record_on_a_full_disk(f));
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* room again: all that was acknowledged is there */
	struct writer *writer = start(f, NULL);
	wait_for_drain(writer);
	struct store *other = open_store(f);
	assert_int_equal(count_outcomes(other, "user@example.com"), 1);
	assert_int_equal(count_outcomes(other, "full0@example.com"), 1);
	store_close(other);
	writer_stop(writer);
}

static void test_two_writers_do_not_share_a_queue(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL), *second;

	assert_int_equal(writer_start(&f->options, NULL, &second), -EBUSY);
	writer_stop(writer);
}

struct producer {
	struct fixture *f;
	struct writer *writer;
	unsigned number, count;
	pthread_t thread;
};

static void *produce(void *data)
{
	struct producer *p = data;
	struct decision decision;
	char recipient[64], queue_id[64];

	for (unsigned i = 0; i < p->count; i++) {
		snprintf(recipient, sizeof(recipient), "u%u-%u@example.com", p->number, i);
		snprintf(queue_id, sizeof(queue_id), "4Xyz%uZ%u", p->number, i);
		if (record(p->writer, p->f, (struct sample){ .recipient = recipient, .class_id = CLASS_MAILBOX_FULL, .queue_id = queue_id },
			   &decision) != 0 || decision.count != 1)
			return data;
	}
	return NULL;
}

static void test_many_threads_share_commits(void **state)
{
	struct fixture *f = *state;
	struct writer *writer = start(f, NULL);
	struct producer producers[8];
	struct writer_stats stats;
	void *failed;

	for (unsigned i = 0; i < 8; i++) {
		producers[i] = (struct producer){ .f = f, .writer = writer, .number = i, .count = 50 };
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
	}
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(producers[i].thread, &failed);
		assert_null(failed);
	}
	writer_get_stats(writer, &stats);
	assert_int_equal(stats.committed, 400);
	assert_true(stats.transactions < 400);
	writer_stop(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_record_is_committed_and_in_the_index),
		CASE(test_unproved_events_never_reach_the_store),
		CASE(test_what_nothing_proves_is_remembered_for_a_while_in_bounded_memory),
		CASE(test_files_are_the_owners_alone),
		CASE(test_a_locked_store_queues_and_drains_in_order),
		CASE(test_a_queue_that_cannot_be_read_is_told),
		CASE(test_quotes_do_not_end_what_the_log_says),
		CASE(test_the_queue_outlives_the_process),
		CASE(test_a_record_of_another_version_is_set_aside),
		CASE(test_draining_twice_counts_once),
		CASE(test_a_full_queue_keeps_nothing_and_says_so),
		CASE(test_the_deadline_is_kept),
		CASE(test_jobs_run_whole_or_not_at_all),
		CASE(test_a_store_that_is_no_database_stops_the_start),
		CASE(test_a_store_that_breaks_under_way),
		CASE(test_a_full_disk_queues),
		CASE(test_two_writers_do_not_share_a_queue),
		CASE(test_many_threads_share_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
