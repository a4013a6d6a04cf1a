/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: it never waits, it says what it dropped, and it remembers what went wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

enum { LINES = 5000, PATIENCE_S = 20 };

/* All that waits in fd; it ends when nothing does. */
static char *read_all(int fd)
{
	static char text[4 << 20];
	size_t len = 0;
	ssize_t got;

	while ((got = recv(fd, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	return text;
}

/* A reader that has stopped reading holds up nobody, and is told what it missed once it reads again. */
static void test_a_reader_that_hangs(void **state)
{
	int pair[2], before = dup(STDERR_FILENO);
	unsigned long long dropped;
	const char *told;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	dup2(pair[0], STDERR_FILENO);
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	/* were it to wait, this ends the test */
	alarm(PATIENCE_S);
	for (int i = 0; i < LINES; i++)
		log_event(LOG_LEVEL_INFO, "line", "number=%d words=\"%0200d\"", i, 0);
	alarm(0);
	dropped = log_get_dropped();
	assert_true(dropped > 0 && dropped < LINES);
	assert_null(strstr(read_all(pair[1]), "log-lines-dropped"));
	log_event(LOG_LEVEL_INFO, "again", "x=1");
	told = strstr(read_all(pair[1]), "log-lines-dropped count=");
	dup2(before, STDERR_FILENO);
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	assert_non_null(told);
	assert_int_equal(strtoull(told + strlen("log-lines-dropped count="), NULL, 10), dropped);
	close(pair[0]);
	close(pair[1]);
	close(before);
}

static void test_problems(void **state)
{
	struct log_problem problems[LOG_PROBLEMS_MAX];
	int before = dup(STDERR_FILENO);
	size_t count;

	(void)state;
	assert_non_null(freopen("/dev/null", "w", stderr));
	log_event(LOG_LEVEL_INFO, "nothing", "x=1");
	assert_int_equal(log_get_problems(problems, LOG_PROBLEMS_MAX), 0);
	for (int i = 0; i < 20; i++) {
		char event[16];
		snprintf(event, sizeof(event), "problem-%d", i % 10);
		log_event(i % 2 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, event, "number=%d", i);
	}
	/* one that is told for each mail does not push out the others */
	for (int i = 20; i < 50; i++)
		log_event(LOG_LEVEL_ERROR, "problem-9", "number=%d", i);
	count = log_get_problems(problems, LOG_PROBLEMS_MAX);
	dup2(before, STDERR_FILENO);
	close(before);
	assert_int_equal(count, LOG_PROBLEMS_MAX);
	assert_string_equal(problems[0].text, "problem-9 number=49");
	assert_int_equal(problems[0].level, LOG_LEVEL_ERROR);
	assert_true(problems[0].times >= 31);
	assert_string_equal(problems[1].text, "problem-8 number=18");
	assert_string_equal(problems[7].text, "problem-2 number=12");
	assert_int_equal(log_get_problems(problems, 2), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_problems), cmocka_unit_test(test_a_reader_that_hangs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
