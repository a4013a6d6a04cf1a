/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of a growing file, on real files: what rotation, truncation and restarts do to it. */
#include "intake/follow.h"

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
#include <zlib.h>

#include "base/buffer.h"
#include "intake/trust.h"

struct fixture {
	char folder[64], path[128];
	struct follow *follow;
	struct buffer got;
	char place[PLACE_TEXT_SIZE];
	uint64_t replay_bytes;
};

static const char *name(const struct fixture *f, const char *end)
{
	static char path[2][200];
	static unsigned turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s%s", f->path, end);
	return path[turn];
}

static void add_to(const char *path, const char *text, size_t len, int flags)
{
	int fd = open(path, O_WRONLY | flags, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void append(const struct fixture *f, const char *text)
{
	add_to(f->path, text, strlen(text), O_APPEND | O_CREAT);
}

static void copy(const char *from, const char *to)
{
	char bytes[65536];
	int fd = open(from, O_RDONLY);
	ssize_t got = read(fd, bytes, sizeof(bytes));

	assert_true(got >= 0);
	close(fd);
	add_to(to, bytes, (size_t)got, O_CREAT | O_TRUNC);
}

/* As gzip(1) does: with the owner, the mode and, unless told otherwise, the time of the file, which is gone afterwards. */
static void compress_file(const char *from, const char *to, bool keeps_time)
{
	char bytes[65536];
	struct stat info;
	int fd = open(from, O_RDONLY);
	gzFile file = gzopen(to, "wb");
	ssize_t got;

	assert_non_null(file);
	assert_int_equal(fstat(fd, &info), 0);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		assert_int_equal(gzwrite(file, bytes, (unsigned)got), got);
	assert_int_equal(gzclose(file), Z_OK);
	if (keeps_time)
		assert_int_equal(utimensat(AT_FDCWD, to, (struct timespec[]){ info.st_atim, info.st_mtim }, 0), 0);
	close(fd);
	unlink(from);
}

/* A file system's clock may tick but every 4 ms: what is newer says so. */
static void set_age(const char *path, time_t seconds)
{
	struct timespec times[2] = { { time(NULL) - seconds, 0 }, { time(NULL) - seconds, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void begin(struct fixture *f, bool is_from_beginning)
{
	struct follow_options options = { f->path, is_from_beginning, f->replay_bytes };

	assert_int_equal(follow_open(&options, f->place[0] ? span_of(f->place) : SPAN_NONE, &f->follow), 0);
}

/* As a crash would: only the place is left. */
static void end(struct fixture *f)
{
	follow_get_place(f->follow, f->place);
	follow_close(f->follow);
	f->follow = NULL;
}

/* All lines that there are now, each with a "|" behind. */
static const char *lines(struct fixture *f)
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

static struct follow_stats stats(const struct fixture *f)
{
	struct follow_stats result;

	follow_get_stats(f->follow, &result);
	return result;
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command_path[160];

	follow_close(f->follow);
	buffer_done(&f->got);
	for (const char *const *end = (const char *const[]){ "", ".1", ".2", ".1.gz", ".2.gz", ".3.gz", "-20261122", ".moved", NULL }; *end; end++)
		unlink(name(f, *end));
	snprintf(command_path, sizeof(command_path), "%s", f->folder);
	assert_int_equal(rmdir(command_path), 0);
	free(f);
	return 0;
}

/* --- places to start */

static void starts_at_the_end(void **state)
{
	struct fixture *f = *state;

	append(f, "old\n");
	begin(f, false);
	assert_string_equal(lines(f), "");
	append(f, "new\n");
	assert_string_equal(lines(f), "new|");
}

static void starts_at_the_beginning(void **state)
{
	struct fixture *f = *state;

	append(f, "one\ntwo\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|two|");
}

static void starts_in_the_middle_of_a_line(void **state)
{
	struct fixture *f = *state;

	append(f, "begin of a ");
	begin(f, false);
	append(f, "line\nwhole\n");
	assert_string_equal(lines(f), "whole|");
}

static void waits_for_a_file(void **state)
{
	struct fixture *f = *state;

	begin(f, false);
	assert_string_equal(lines(f), "");
	assert_int_equal(stats(f).error, ENOENT);
	append(f, "first\n");
	assert_string_equal(lines(f), "first|");
	assert_int_equal(stats(f).error, 0);
}

static void goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;

	append(f, "one\ntwo\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|two|");
	end(f);
	append(f, "three\n");
	begin(f, false);
	assert_string_equal(lines(f), "three|");
}

static void goes_on_behind_each_line(void **state)
{
	struct fixture *f = *state;
	struct span line;

	append(f, "one\ntwo\nthree\n");
	for (unsigned i = 0; i < 3; i++) {
		begin(f, true);
		assert_int_equal(follow_read_line(f->follow, &line), 1);
		assert_int_equal(line.len, strlen((const char *const[]){ "one", "two", "three" }[i]));
		end(f);
	}
	begin(f, true);
	assert_string_equal(lines(f), "");
}

static void empty_file_is_a_place_too(void **state)
{
	struct fixture *f = *state;

	append(f, "");
	begin(f, false);
	end(f);
	append(f, "while we were away\n");
	begin(f, false);
	assert_string_equal(lines(f), "while we were away|");
	assert_int_equal(stats(f).gaps, 0);
}

/* --- lines */

static void half_a_line_waits(void **state)
{
	struct fixture *f = *state;

	begin(f, true);
	append(f, "half");
	assert_string_equal(lines(f), "");
	append(f, " and half\n\nend\n");
	assert_string_equal(lines(f), "half and half||end|");
}

static void long_lines_are_passed_over(void **state)
{
	struct fixture *f = *state;
	size_t size = 1 << 20;
	char *text = malloc(size);

	memset(text, 'x', size);
	text[100000] = '\0';
	begin(f, true);
	append(f, "before\n");
	add_to(f->path, text, size, O_APPEND);
	append(f, " end of it\nafter\n");
	assert_string_equal(lines(f), "before|after|");
	assert_int_equal(stats(f).long_lines, 1);
	add_to(f->path, text, FOLLOW_LINE_MAX + 1, O_APPEND);
	append(f, "\n");
	memset(text, 'y', size);
	add_to(f->path, text, FOLLOW_LINE_MAX, O_APPEND);
	append(f, "\nlast\n");
	assert_int_equal(strlen(lines(f)), FOLLOW_LINE_MAX + 6);
	assert_int_equal(stats(f).long_lines, 2);
	free(text);
}

/* The rest of a long line, read after a restart, is no line of its own. */
static void rest_of_a_long_line_is_no_line(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(200000);

	memset(text, 'x', 200000);
	append(f, "");
	add_to(f->path, text, 200000, O_APPEND);
	begin(f, true);
	assert_string_equal(lines(f), "");
	end(f);
	append(f, "forged\nreal\n");
	begin(f, true);
	assert_string_equal(lines(f), "real|");
	free(text);
}

static void nul_bytes_are_bytes(void **state)
{
	struct fixture *f = *state;
	struct span line;

	add_to(f->path, "a\0b\n", 4, O_CREAT);
	begin(f, true);
	assert_int_equal(follow_read_line(f->follow, &line), 1);
	assert_int_equal(line.len, 3);
	assert_memory_equal(line.ptr, "a\0b", 3);
}

/* --- rotation */

static void renamed_file_is_read_to_its_end(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	/* the log daemon has it open still, and the new one is there already */
	append(f, "");
	add_to(name(f, ".1"), "two\n", 4, O_APPEND);
	assert_string_equal(lines(f), "two|");
	add_to(name(f, ".1"), "three\n", 6, O_APPEND);
	append(f, "four\n");
	assert_string_equal(lines(f), "three|four|");
	append(f, "five\n");
	assert_string_equal(lines(f), "five|");
}

static void renamed_and_deleted_file_is_read_to_its_end(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	append(f, "two\n");
	/* compressed at once */
	copy(name(f, ".1"), name(f, ".1.gz"));
	unlink(name(f, ".1"));
	assert_string_equal(lines(f), "one|two|");
}

static void deleted_file_comes_again(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	unlink(f->path);
	assert_string_equal(lines(f), "");
	append(f, "two\n");
	assert_string_equal(lines(f), "two|");
}

static void truncated_file_begins_again(void **state)
{
	struct fixture *f = *state;

	append(f, "a long first line\n");
	begin(f, true);
	assert_string_equal(lines(f), "a long first line|");
	assert_int_equal(truncate(f->path, 0), 0);
	append(f, "two\n");
	assert_string_equal(lines(f), "two|");
	assert_int_equal(stats(f).truncations, 1);
}

/* Cut and grown again past our place before we looked: only its first bytes tell. */
static void truncated_and_grown_file_begins_again(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	assert_int_equal(truncate(f->path, 0), 0);
	append(f, "another first line\nand more\n");
	assert_string_equal(lines(f), "another first line|and more|");
}

/* copytruncate: what we had not read yet is in the copy. */
static void copy_of_a_truncated_file_is_read_on(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	append(f, "two\n");
	copy(f->path, name(f, ".1"));
	assert_int_equal(truncate(f->path, 0), 0);
	append(f, "three\n");
	assert_string_equal(lines(f), "two|three|");
	append(f, "four\n");
	assert_string_equal(lines(f), "four|");
}

static void rotated_while_away(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\n");
	set_age(f->path, 100);
	assert_int_equal(rename(f->path, name(f, "-20261122")), 0);
	append(f, "three\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|");
	assert_int_equal(stats(f).gaps, 0);
}

static void rotated_twice_while_away(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\n");
	set_age(f->path, 200);
	assert_int_equal(rename(f->path, name(f, ".2")), 0);
	append(f, "three\n");
	set_age(f->path, 100);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	append(f, "four\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|four|");
}

/* The file that we were in is compressed: its rest is lost, and said to be; what came after it is read whole. */
static void rotated_and_compressed_while_away(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	set_age(f->path, 300);
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	unlink(f->path);
	add_to(name(f, ".1.gz"), "binary", 6, O_CREAT);
	append(f, "two\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|");
	assert_int_equal(stats(f).gaps, 1);
}

/* logrotate without delaycompress, once: the rest of the file that we were in is in the archive. */
static void rest_is_read_from_the_archive(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\nthree\n");
	set_age(f->path, 100);
	compress_file(f->path, name(f, ".1.gz"), true);
	append(f, "four\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|four|");
	assert_int_equal(stats(f).gaps, 0);
	append(f, "five\n");
	assert_string_equal(lines(f), "five|");
}

/* ... and again, and killed in the middle of it; archives of before are none of our business. */
static void archives_are_read_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct span line;

	append(f, "long ago\n");
	set_age(f->path, 900);
	compress_file(f->path, name(f, ".3.gz"), true);
	append(f, "one\n");
	set_age(f->path, 800);
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\nthree\n");
	set_age(f->path, 300);
	compress_file(f->path, name(f, ".2.gz"), true);
	append(f, "four\nfive\n");
	set_age(f->path, 200);
	compress_file(f->path, name(f, ".1.gz"), true);
	append(f, "six\n");
	static const char *const wanted[] = { "two", "three", "four", "five", "six", NULL };
	for (const char *const *word = wanted; *word; word++) {
		begin(f, false);
		assert_int_equal(follow_read_line(f->follow, &line), 1);
		assert_true(span_is_equal(line, span_of(*word)));
		end(f);
	}
	begin(f, false);
	assert_string_equal(lines(f), "");
	assert_int_equal(stats(f).gaps, 0);
}

/* delaycompress, two rotations; a copytruncate that compresses its copy; both copies there, because a kill left them. */
static void archive_beside_plain_files(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\n");
	set_age(f->path, 300);
	compress_file(f->path, name(f, ".2.gz"), true);
	append(f, "three\n");
	set_age(f->path, 200);
	copy(f->path, name(f, ".moved"));
	compress_file(name(f, ".moved"), name(f, ".1.gz"), false);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	append(f, "four\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|four|");
	unlink(name(f, ".1"));
	/* while we read: what we have read is compressed by somebody who does not keep its time */
	copy(f->path, name(f, ".moved"));
	append(f, "five\n");
	assert_string_equal(lines(f), "five|");
	copy(f->path, name(f, ".moved"));
	compress_file(name(f, ".moved"), name(f, ".1.gz"), false);
	unlink(f->path);
	append(f, "six\n");
	assert_string_equal(lines(f), "six|");
	assert_int_equal(stats(f).gaps, 0);
}

static void copy_that_was_truncated_and_compressed_is_read_on(void **state)
{
	struct fixture *f = *state;

	append(f, "one, and more of it\n");
	begin(f, true);
	assert_string_equal(lines(f), "one, and more of it|");
	append(f, "two\n");
	copy(f->path, name(f, ".moved"));
	compress_file(name(f, ".moved"), name(f, ".1.gz"), true);
	assert_int_equal(truncate(f->path, 0), 0);
	append(f, "three\n");
	assert_string_equal(lines(f), "two|three|");
	assert_int_equal(stats(f).gaps, 0);
}

/* What is open is known again from an archive, too. */
static void replay_begins_in_an_archive(void **state)
{
	struct fixture *f = *state;

	f->replay_bytes = 6;
	append(f, "one\ntwo\nthree\n");
	set_age(f->path, 200);
	begin(f, true);
	assert_string_equal(lines(f), "one|two|three|");
	compress_file(f->path, name(f, ".1.gz"), true);
	append(f, "four\n");
	assert_string_equal(lines(f), "four|");
	end(f);
	append(f, "five\n");
	begin(f, false);
	/* a byte of "three" is within reach: half a line is none */
	assert_string_equal(lines(f), "~four|five|");
	end(f);
	f->replay_bytes = 12;
	begin(f, false);
	assert_string_equal(lines(f), "~four|~five|");
	end(f);
	f->replay_bytes = 16;
	begin(f, false);
	assert_string_equal(lines(f), "~three|~four|~five|");
}

/* Cut off, overwritten, or no archive at all: what can be had is read, the rest is a gap, and what comes after is read whole. */
static void damaged_archive_is_a_gap(void **state)
{
	struct fixture *f = *state;
	char noise[40000];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)('a' + (i * i * 7919 >> 5) % 26);
	noise[sizeof(noise) - 1] = '\n';
	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\n");
	add_to(f->path, noise, sizeof(noise), O_APPEND);
	append(f, "lost\n");
	set_age(f->path, 200);
	compress_file(f->path, name(f, ".1.gz"), true);
	struct stat info;
	assert_int_equal(stat(name(f, ".1.gz"), &info), 0);
	assert_int_equal(truncate(name(f, ".1.gz"), info.st_size - 20), 0);
	set_age(name(f, ".1.gz"), 200);
	append(f, "three\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|");
	assert_int_equal(stats(f).gaps, 1);
	append(f, "four\n");
	assert_string_equal(lines(f), "four|");
}

/* A number of an inode is given out again: the first bytes tell that it is another file. */
static void inode_of_another_file_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct place place;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	assert_int_equal(truncate(f->path, 0), 0);
	append(f, "another file, longer than the first\n");
	assert_int_equal(place_parse(span_of(f->place), &place), 0);
	assert_int_equal(place.offset, 4);
	begin(f, false);
	assert_string_equal(lines(f), "another file, longer than the first|");
}

/* Edited or restored: another inode with the same content is no reason to read it all again. */
static void copy_in_its_place_is_read_on(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	copy(f->path, name(f, ".moved"));
	assert_int_equal(rename(name(f, ".moved"), f->path), 0);
	append(f, "two\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|");
}

static void nonsense_for_a_place_is_none(void **state)
{
	static const char *const texts[] = { "x", "1 2 3", "2 1 1 1 1 1", "1 1 99999999999999999999 1 1 1", "1 1 1 1 257 1", "1 1 1 1 1 1 1" };
	struct place place = { .offset = 77 };
	char text[PLACE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(place_parse(span_of(texts[i]), &place), -EINVAL);
	assert_int_equal(place.offset, 77);
	place = (struct place){ UINT64_MAX, 5, UINT64_MAX, 256, 9 };
	place_format(&place, text);
	place = (struct place){ .inode = 0 };
	assert_int_equal(place_parse(span_of(text), &place), 0);
	assert_true(place.inode == UINT64_MAX && place.offset == 5 && place.hash == UINT64_MAX && place.head_len == 256 && place.written_ns == 9);
}

static void folder_comes_later(void **state)
{
	struct fixture *f = *state;
	char folder[160], path[200];
	struct follow_options options = { path, false, 0 };

	snprintf(folder, sizeof(folder), "%s.d", f->path);
	snprintf(path, sizeof(path), "%s/mail.log", folder);
	assert_int_equal(follow_open(&options, SPAN_NONE, &f->follow), 0);
	assert_string_equal(lines(f), "");
	assert_int_equal(mkdir(folder, 0700), 0);
	add_to(path, "one\n", 4, O_CREAT);
	assert_string_equal(lines(f), "one|");
	add_to(path, "two\n", 4, O_APPEND);
	/* by then the folder is watched, too */
	struct pollfd polled = { .fd = follow_get_fd(f->follow), .events = POLLIN };
	assert_int_equal(poll(&polled, 1, 0), 1);
	assert_string_equal(lines(f), "two|");
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	assert_string_equal(lines(f), "");
	assert_int_equal(mkdir(folder, 0700), 0);
	add_to(path, "three\n", 6, O_CREAT);
	assert_string_equal(lines(f), "three|");
	unlink(path);
	rmdir(folder);
}

/* Not to be read for now: the place waits, and nothing is read from the beginning. */
static void place_waits_for_a_file_that_cannot_be_opened(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	assert_int_equal(rename(f->path, name(f, ".moved")), 0);
	assert_int_equal(symlink("/nowhere", f->path), 0);
	begin(f, true);
	assert_string_equal(lines(f), "");
	assert_int_equal(stats(f).error, ELOOP);
	end(f);
	begin(f, true);
	unlink(f->path);
	assert_int_equal(rename(name(f, ".moved"), f->path), 0);
	append(f, "two\n");
	assert_string_equal(lines(f), "two|");
	assert_int_equal(stats(f).gaps, 0);
	assert_int_equal(stats(f).error, 0);
}

/* There was no file yet; what had been rotated away by then is old. */
static void nothing_is_a_place_too(void **state)
{
	struct fixture *f = *state;

	append(f, "old\n");
	set_age(f->path, 1000);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	begin(f, false);
	assert_string_equal(lines(f), "");
	end(f);
	append(f, "new\n");
	begin(f, false);
	assert_string_equal(lines(f), "new|");
}

/* --- what was read is read again, for who has forgotten it */

static void replay_ends_at_the_place(void **state)
{
	struct fixture *f = *state;

	append(f, "one\ntwo\nthree\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|two|three|");
	end(f);
	append(f, "four\n");
	f->replay_bytes = 9;
	begin(f, true);
	assert_string_equal(lines(f), "~three|four|");
	end(f);
	f->replay_bytes = 1000;
	begin(f, true);
	assert_string_equal(lines(f), "~one|~two|~three|~four|");
	/* stopped while it replayed: the place is the same */
	end(f);
	append(f, "five\n");
	begin(f, true);
	assert_string_equal(lines(f), "~one|~two|~three|~four|five|");
}

static void replay_begins_in_the_file_before(void **state)
{
	struct fixture *f = *state;
	struct span line;

	append(f, "one\ntwo\n");
	set_age(f->path, 100);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	append(f, "three\n");
	begin(f, true);
	assert_string_equal(lines(f), "three|");
	end(f);
	f->replay_bytes = 10;
	begin(f, true);
	/* killed in the file before: nothing is lost, and nothing new */
	assert_int_equal(follow_read_line(f->follow, &line), 1);
	assert_true(follow_is_replay(f->follow));
	end(f);
	append(f, "four\n");
	begin(f, true);
	assert_string_equal(lines(f), "~two|~three|four|");
}

/* Nothing new in the file of the place, and another one behind it. */
static void replay_ends_with_its_file(void **state)
{
	struct fixture *f = *state;

	append(f, "one\ntwo\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|two|");
	end(f);
	set_age(f->path, 100);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	append(f, "three\n");
	f->replay_bytes = 1000;
	begin(f, true);
	assert_string_equal(lines(f), "~one|~two|three|");
	end(f);
	f->replay_bytes = 0;
	append(f, "four\n");
	begin(f, true);
	assert_string_equal(lines(f), "four|");
}

/* --- notices */

static bool is_noticed(const struct fixture *f)
{
	struct pollfd polled = { .fd = follow_get_fd(f->follow), .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

static void notices_come_for_all_that_happens(void **state)
{
	struct fixture *f = *state;

	append(f, "one\n");
	begin(f, true);
	lines(f);
	assert_false(is_noticed(f));
	append(f, "two\n");
	assert_true(is_noticed(f));
	lines(f);
	assert_false(is_noticed(f));
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	assert_true(is_noticed(f));
	lines(f);
	add_to(name(f, ".1"), "three\n", 6, O_APPEND);
	assert_true(is_noticed(f));
	assert_string_equal(lines(f), "three|");
	append(f, "");
	assert_true(is_noticed(f));
	lines(f);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_true(is_noticed(f));
}

static void no_regular_file_is_followed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	begin(f, true);
	assert_string_equal(lines(f), "");
	assert_int_equal(stats(f).error, EINVAL);
	unlink(f->path);
	assert_int_equal(symlink("/etc/passwd", f->path), 0);
	assert_string_equal(lines(f), "");
	assert_int_equal(stats(f).error, ELOOP);
	unlink(f->path);
	append(f, "one\n");
	assert_string_equal(lines(f), "one|");
}

/* --- trust */

static bool trusts(const char *path, char why[static 600])
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	bool is_trusted = trust_check_log(fd, path, why, 600);

	close(fd);
	return is_trusted;
}

static void only_what_nobody_else_writes_is_trusted(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/var/tmp/kodama-trust.XXXXXX", path[64], link_path[64], why[600];

	(void)f;
	if (geteuid() != 0) {
		/* what another user owns proves nothing, whatever its mode */
		append(f, "");
		assert_false(trusts(f->path, why));
		return;
	}
	/* below a sticky folder, as below /tmp */
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mail.log", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	add_to(path, "", 0, O_CREAT);
	assert_true(trusts(path, why));
	static const struct {
		mode_t file, folder;
		uid_t owner, folder_owner;
		gid_t group;
		const char *why; /* NULL: trusted */
	} rows[] = {
		{ 0640, 0755, 0, 0, 4, NULL },
		{ 0660, 0755, 0, 0, 0, NULL },
		{ 0602, 0755, 0, 0, 0, "everybody" },
		{ 0660, 0755, 0, 0, 65534, "group" },
		{ 0640, 0755, 65534, 0, 0, "neither root" },
		{ 0640, 0777, 0, 0, 0, "everybody" },
		{ 0640, 01777, 0, 0, 0, "everybody" },
		{ 0640, 0755, 0, 65534, 0, "neither root" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(chown(path, rows[i].owner, rows[i].group), 0);
		assert_int_equal(chmod(path, rows[i].file), 0);
		assert_int_equal(chown(folder, rows[i].folder_owner, 0), 0);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		assert_int_equal(trusts(path, why), rows[i].why == NULL);
		if (rows[i].why)
			assert_non_null(strstr(why, rows[i].why));
	}
	assert_int_equal(chown(folder, 0, 0), 0);
	assert_int_equal(link(path, link_path), 0);
	assert_false(trusts(path, why));
	unlink(link_path);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

static bool is_believed(const struct fixture *f)
{
	const char *why;

	return follow_is_trusted(f->follow, &why);
}

/* Opened up while it is read: what comes then proves nothing, nor what comes later by whoever has it open; the next file does. */
static void trust_ends_when_others_may_write(void **state)
{
	static const struct {
		mode_t file, folder;
	} rows[] = { { 0666, 0755 }, { 0600, 0777 } };
	struct fixture *f = *state;
	char folder[] = "/var/tmp/kodama-trust.XXXXXX", old[128];

	if (geteuid() != 0)
		return;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", folder);
	snprintf(old, sizeof(old), "%s/mail.log.1", folder);
	append(f, "first\n");
	begin(f, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		append(f, "one\n");
		assert_non_null(strstr(lines(f), "one|"));
		assert_true(is_believed(f));
		assert_int_equal(chmod(f->path, rows[i].file), 0);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		append(f, "two\n");
		assert_string_equal(lines(f), "two|");
		assert_false(is_believed(f));
		assert_int_equal(chmod(f->path, 0600), 0);
		assert_int_equal(chmod(folder, 0755), 0);
		append(f, "three\n");
		assert_string_equal(lines(f), "three|");
		assert_false(is_believed(f));
		set_age(f->path, 100);
		assert_int_equal(rename(f->path, old), 0);
		append(f, "four\n");
		assert_string_equal(lines(f), "four|");
		assert_true(is_believed(f));
		/* under another name, and nothing under its own: it is the same file */
		assert_int_equal(rename(f->path, old), 0);
		add_to(old, "five\n", 5, O_APPEND);
		assert_string_equal(lines(f), "five|");
		assert_true(is_believed(f));
		assert_int_equal(rename(old, f->path), 0);
	}
	unlink(f->path);
	assert_int_equal(rmdir(folder), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", f->folder);
}

/* A log that postlogd alone writes is everybody's where everybody can speak to postlogd. */
static void set_group_id_postlog_makes_the_log_everybodys(void **state)
{
	static const struct {
		mode_t mode;
		bool is_trusted;
	} rows[] = { { 0755, true }, { 02755, false }, { 02555, false }, { 02750, true }, { 0777, true } };
	char path[] = "/var/tmp/kodama-postlog.XXXXXX", why[600];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_true(trust_check_postlog("/var/tmp/kodama-no-such-postlog", why, sizeof(why)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fchmod(fd, rows[i].mode), 0);
		assert_int_equal(trust_check_postlog(path, why, sizeof(why)), rows[i].is_trusted);
	}
	assert_int_equal(fchmod(fd, 02755), 0);
	assert_false(trust_check_postlog(path, why, sizeof(why)));
	assert_non_null(strstr(why, "set-group-ID"));
	close(fd);
	unlink(path);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(starts_at_the_end),
		TEST(starts_at_the_beginning),
		TEST(starts_in_the_middle_of_a_line),
		TEST(waits_for_a_file),
		TEST(goes_on_where_it_was),
		TEST(goes_on_behind_each_line),
		TEST(empty_file_is_a_place_too),
		TEST(half_a_line_waits),
		TEST(long_lines_are_passed_over),
		TEST(rest_of_a_long_line_is_no_line),
		TEST(nul_bytes_are_bytes),
		TEST(renamed_file_is_read_to_its_end),
		TEST(renamed_and_deleted_file_is_read_to_its_end),
		TEST(deleted_file_comes_again),
		TEST(truncated_file_begins_again),
		TEST(truncated_and_grown_file_begins_again),
		TEST(copy_of_a_truncated_file_is_read_on),
		TEST(rotated_while_away),
		TEST(rotated_twice_while_away),
		TEST(rotated_and_compressed_while_away),
		TEST(rest_is_read_from_the_archive),
		TEST(archives_are_read_in_their_order),
		TEST(archive_beside_plain_files),
		TEST(copy_that_was_truncated_and_compressed_is_read_on),
		TEST(replay_begins_in_an_archive),
		TEST(damaged_archive_is_a_gap),
		TEST(inode_of_another_file_is_not_ours),
		TEST(copy_in_its_place_is_read_on),
		TEST(nonsense_for_a_place_is_none),
		TEST(folder_comes_later),
		TEST(nothing_is_a_place_too),
		TEST(place_waits_for_a_file_that_cannot_be_opened),
		TEST(replay_ends_at_the_place),
		TEST(replay_begins_in_the_file_before),
		TEST(replay_ends_with_its_file),
		TEST(notices_come_for_all_that_happens),
		TEST(no_regular_file_is_followed),
		TEST(only_what_nobody_else_writes_is_trusted),
		TEST(trust_ends_when_others_may_write),
		TEST(set_group_id_postlog_makes_the_log_everybodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
