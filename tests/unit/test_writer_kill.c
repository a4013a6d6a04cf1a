/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer, killed at random (KODAMA_KILLS times): what was acknowledged is there, once. */
#include "writer_help.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Records without end, and tells through the pipe what was acknowledged; every third outcome has no name. */
static void run_victim(struct fixture *f, unsigned round, int acknowledged)
{
	struct writer *writer;
	struct decision decision;
	char recipient[64], queue_id[64];

	if (writer_start(&f->options, NULL, &writer) < 0)
		_exit(2);
	for (unsigned i = 0;; i++) {
		snprintf(recipient, sizeof(recipient), "k%u-%u@example.com", round, i);
		snprintf(queue_id, sizeof(queue_id), "4Xyz%uZ%u", round, i);
		int result = record(writer, f, (struct sample){ .recipient = recipient, .class_id = CLASS_MAILBOX_FULL,
								.queue_id = i % 3 ? queue_id : NULL }, &decision);
		if (result != 0 && result != -EINPROGRESS)
			_exit(3);
		if (write(acknowledged, &i, sizeof(i)) != sizeof(i))
			_exit(4);
	}
}

static unsigned long next_random(unsigned long *seed)
{
	*seed = *seed * 6364136223846793005UL + 1442695040888963407UL;
	return *seed >> 33;
}

/* How many were acknowledged before the end came. */
static unsigned kill_one(struct fixture *f, unsigned round, unsigned long *seed)
{
	int pipes[2], status;
	unsigned number, count = 0, limit = (unsigned)(next_random(seed) % 60) + 1;
	struct timespec nap = { .tv_nsec = (long)(next_random(seed) % 1500000) };

	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pipes[0]);
		run_victim(f, round, pipes[1]);
	}
	close(pipes[1]);
	while (count < limit && read(pipes[0], &number, sizeof(number)) == sizeof(number))
		count++;
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	while (read(pipes[0], &number, sizeof(number)) == sizeof(number))
		count++;
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	close(pipes[0]);
	assert_true(count >= limit);
	return count;
}

static void kill_at_random(struct fixture *f, bool is_locked)
{
	const char *rounds_text = getenv("KODAMA_KILLS");
	unsigned rounds = rounds_text ? (unsigned)strtoul(rounds_text, NULL, 10) : 15;
	unsigned acknowledged[1000];
	unsigned long seed = 20261121;
	struct store *locker = open_store(f);

	assert_true(rounds <= 1000);
	for (unsigned round = 0; round < rounds; round++) {
		/* with the store locked in every other round what is acknowledged is in the queue */
		bool is_lock_round = is_locked && round % 2;
		if (is_lock_round)
			assert_int_equal(store_begin(locker), 0);
		acknowledged[round] = kill_one(f, round, &seed);
		store_rollback(locker);
	}
	struct writer *writer = start(f, NULL);
	wait_for_drain(writer);
	writer_stop(writer);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < acknowledged[round]; i++) {
			char recipient[64];
			snprintf(recipient, sizeof(recipient), "k%u-%u@example.com", round, i);
			if (count_outcomes(locker, recipient) != 1 || get_tally(locker, recipient) != 1)
				fail_msg("%s: %u outcomes, counted %u", recipient, count_outcomes(locker, recipient), get_tally(locker, recipient));
		}
	}
	store_close(locker);
}

static void test_killed_at_random_nothing_is_lost_or_doubled(void **state)
{
	kill_at_random(*state, false);
}

static void test_killed_while_queueing_nothing_is_lost_or_doubled(void **state)
{
	struct fixture *f = *state;

	f->options.store.busy_ms = 1;
	kill_at_random(f, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_killed_at_random_nothing_is_lost_or_doubled),
		CASE(test_killed_while_queueing_nothing_is_lost_or_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
