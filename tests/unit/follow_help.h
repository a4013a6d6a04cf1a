/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the log follower share: a folder with a log in it, on disk, and what is read of it. */
#ifndef KODAMA_TESTS_FOLLOW_HELP_H
#define KODAMA_TESTS_FOLLOW_HELP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "intake/follow.h"

struct fixture {
	char folder[64], path[128];
	struct follow *follow;
	struct buffer got;
	char place[PLACE_TEXT_SIZE];
	uint64_t replay_bytes;
	const void *data; /* the test's own */
};

static inline const char *name(const struct fixture *f, const char *end)
{
	static char path[2][200];
	static unsigned turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s%s", f->path, end);
	return path[turn];
}

static inline void add_to(const char *path, const char *text, size_t len, int flags)
{
	int fd = open(path, O_WRONLY | flags, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static inline void append(const struct fixture *f, const char *text)
{
	add_to(f->path, text, strlen(text), O_APPEND | O_CREAT);
}

static inline void copy(const char *from, const char *to)
{
	char bytes[65536];
	int fd = open(from, O_RDONLY);
	ssize_t got = read(fd, bytes, sizeof(bytes));

	assert_true(got >= 0);
	close(fd);
	add_to(to, bytes, (size_t)got, O_CREAT | O_TRUNC);
}

/* A file system's clock may tick but every 4 ms: what is newer says so. */
static inline void set_age(const char *path, time_t seconds)
{
	struct timespec times[2] = { { time(NULL) - seconds, 0 }, { time(NULL) - seconds, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline void begin(struct fixture *f, bool is_from_beginning)
{
	struct follow_options options = { f->path, is_from_beginning, f->replay_bytes };

	assert_int_equal(follow_open(&options, f->place[0] ? span_of(f->place) : SPAN_NONE, &f->follow), 0);
}

/* As a crash would: only the place is left. */
static inline void end(struct fixture *f)
{
	follow_get_place(f->follow, f->place);
	follow_close(f->follow);
	f->follow = NULL;
}

/* All lines that there are now, each with a "|" behind. */
static inline const char *lines(struct fixture *f)
{
	struct span line;

	buffer_clear(&f->got);
	follow_take_notices(f->follow);
	while (follow_read_line(f->follow, &line)) {
		if (follow_is_replay(f->follow))
			buffer_add_char(&f->got, '~');
		buffer_add(&f->got, line);
		buffer_add_char(&f->got, '|');
	}
	return buffer_get_text(&f->got);
}

/* A daemon that has read the log, one line, and is stopped. */
static inline void read_one_and_end(struct fixture *f)
{
	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
}

static inline struct follow_stats stats(const struct fixture *f)
{
	struct follow_stats result;

	follow_get_stats(f->follow, &result);
	return result;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->folder, sizeof(f->folder), "follow.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	char *folder = realpath(f->folder, NULL);
	assert_non_null(folder);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", folder);
	free(folder);
	buffer_init(&f->got, 1 << 22);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	DIR *folder = opendir(f->folder);

	follow_close(f->follow);
	buffer_done(&f->got);
	assert_non_null(folder);
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
	closedir(folder);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
