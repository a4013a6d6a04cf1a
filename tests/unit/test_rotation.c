/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of a growing file, on real files: what rotation, truncation and compression do to it. */
#include "follow_help.h"

#include <spawn.h>
#include <sys/wait.h>

#include "intake/archive.h"

/* How often somebody wanted to know how long an archive was before: all of it is read for that. */
static unsigned times_measured;
uint64_t __real_archive_get_size(int fd, const char *path);
uint64_t __wrap_archive_get_size(int fd, const char *path);
uint64_t __wrap_archive_get_size(int fd, const char *path)
{
	times_measured++;
	return __real_archive_get_size(fd, path);
}

/* What logrotate can be told to compress with; in small blocks, so that a log of the tests has several. */
static const struct tool {
	const char *suffix, *command[4];
} tools[] = {
	{ ".gz", { "gzip", "-nc" } },
	{ ".bz2", { "bzip2", "-1c" } },
	{ ".xz", { "xz", "-0c" } },
	{ ".zst", { "zstd", "-qc" } },
};

static const char *archive(const struct fixture *f, const char *number)
{
	const struct tool *tool = f->data;
	char end_of[16];

	snprintf(end_of, sizeof(end_of), "%s%s", number, tool->suffix);
	return name(f, end_of);
}

/* Adds to the file `to`. */
static void run_tool(const struct tool *tool, const char *from, const char *to)
{
	posix_spawn_file_actions_t actions;
	char *argv[4];
	pid_t pid;
	int status;

	for (size_t i = 0; i < 4; i++)
		argv[i] = (char *)(uintptr_t)tool->command[i];
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, from, O_RDONLY, 0), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, to, O_WRONLY | O_CREAT | O_APPEND, 0600), 0);
	assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* As gzip(1) and its kin do: with the time of the file, unless told otherwise, and the file is gone afterwards. */
static void compress_file(const struct fixture *f, const char *from, const char *to, bool keeps_time)
{
	struct stat info;

	assert_int_equal(stat(from, &info), 0);
	unlink(to);
	run_tool(f->data, from, to);
	if (keeps_time)
		assert_int_equal(utimensat(AT_FDCWD, to, (struct timespec[]){ info.st_atim, info.st_mtim }, 0), 0);
	unlink(from);
}

static const struct tool *find_tool(const char *command)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(tools[i].command[0], command) == 0)
			return &tools[i];
	return NULL;
}

static int set_up_with(void **state)
{
	const struct tool *tool = *state;

	set_up(state);
	((struct fixture *)*state)->data = tool;
	return 0;
}

/* --- renamed, copied, cut */

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

	read_one_and_end(f);
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

	read_one_and_end(f);
	append(f, "two\n");
	set_age(f->path, 200);
	assert_int_equal(rename(f->path, name(f, ".2")), 0);
	append(f, "three\n");
	set_age(f->path, 100);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	/* of other logs, in the same folder */
	for (const char *const *other = (const char *const[]){ "x", "ging.1", ".", NULL }; *other; other++) {
		add_to(name(f, *other), "another's\n", 10, O_CREAT);
		set_age(name(f, *other), 150);
	}
	append(f, "four\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|four|");
}

/* --- compressed */

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
	add_to(archive(f, ".1"), "binary", 6, O_CREAT);
	append(f, "two\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|");
	assert_int_equal(stats(f).gaps, 1);
}

/* logrotate without delaycompress, once: the rest of the file that we were in is in the archive. */
static void rest_is_read_from_the_archive(void **state)
{
	struct fixture *f = *state;

	read_one_and_end(f);
	append(f, "two\nthree\n");
	set_age(f->path, 100);
	compress_file(f, f->path, archive(f, ".1"), true);
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
	compress_file(f, f->path, archive(f, ".3"), true);
	append(f, "one\n");
	set_age(f->path, 800);
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\nthree\n");
	set_age(f->path, 300);
	compress_file(f, f->path, archive(f, ".2"), true);
	append(f, "four\nfive\n");
	set_age(f->path, 200);
	compress_file(f, f->path, archive(f, ".1"), true);
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

/* A year of logs may lie there: which of them is wanted is known without reading them to their ends. */
static void archives_are_not_read_whole_to_find_one(void **state)
{
	static const char *const ends[] = { ".4", ".3", ".2", ".1" }, *const texts[] = { "three\n", "four\n", "five\n", "last\n" };
	struct fixture *f = *state;

	append(f, "one\n");
	set_age(f->path, 900);
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	end(f);
	append(f, "two\n");
	for (int i = 0; i < 4; i++) {
		set_age(f->path, 800 - 100 * i);
		compress_file(f, f->path, archive(f, ends[i]), true);
		append(f, texts[i]);
	}
	times_measured = 0;
	begin(f, false);
	assert_string_equal(lines(f), "two|three|four|five|last|");
	assert_int_equal(times_measured, 0);
	end(f);
	/* the end of the one before is where the replay begins */
	f->replay_bytes = 8;
	begin(f, false);
	assert_int_equal(times_measured, 1);
	end(f);
}

/* delaycompress, two rotations; a copytruncate that compresses its copy; both copies there, because a kill left them. */
static void archive_beside_plain_files(void **state)
{
	struct fixture *f = *state;

	read_one_and_end(f);
	append(f, "two\n");
	set_age(f->path, 300);
	compress_file(f, f->path, archive(f, ".2"), true);
	append(f, "three\n");
	set_age(f->path, 200);
	copy(f->path, name(f, ".moved"));
	compress_file(f, name(f, ".moved"), archive(f, ".1"), false);
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
	compress_file(f, name(f, ".moved"), archive(f, ".1"), false);
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
	compress_file(f, name(f, ".moved"), archive(f, ".1"), true);
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
	compress_file(f, f->path, archive(f, ".1"), true);
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

/* What does not compress, in lines that are too long to be any. */
static void append_noise(const struct fixture *f, size_t size)
{
	char *noise = malloc(size);
	uint64_t state = 1;

	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005 + 1442695040888963407;
		noise[i] = (char)(' ' + (state >> 57) % 94);
	}
	noise[size - 1] = '\n';
	add_to(f->path, noise, size, O_APPEND);
	free(noise);
}

/* Cut off: what can be had is read, the rest is a gap, and what comes after is read whole. */
static void damaged_archive_is_a_gap(void **state)
{
	struct fixture *f = *state;
	struct stat info;

	read_one_and_end(f);
	append(f, "two\n");
	/* more than one block of any of them */
	append_noise(f, 450000);
	append(f, "lost\n");
	set_age(f->path, 200);
	compress_file(f, f->path, archive(f, ".1"), true);
	assert_int_equal(stat(archive(f, ".1"), &info), 0);
	assert_int_equal(truncate(archive(f, ".1"), info.st_size * 3 / 4), 0);
	set_age(archive(f, ".1"), 200);
	append(f, "three\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|three|");
	assert_int_equal(stats(f).gaps, 1);
	append(f, "four\n");
	assert_string_equal(lines(f), "four|");
}

/* One compressed file behind another is one, with or without zeros between them; what is none behind them is a gap. */
static void members_of_an_archive_are_read_in_their_order(void **state)
{
	static const char zeros[8];

	for (unsigned is_padded = 0; is_padded < 2; is_padded++)
		for (unsigned has_garbage = 0; has_garbage < 2; has_garbage++) {
			struct fixture *f = *state;
			buffer_clear(&f->got);
			f->place[0] = '\0';
			append(f, "one\n");
			begin(f, true);
			assert_string_equal(lines(f), "one|");
			end(f);
			append(f, "two\nthr");
			run_tool(f->data, f->path, archive(f, ".1"));
			add_to(archive(f, ".1"), zeros, is_padded ? sizeof(zeros) : 0, O_APPEND);
			assert_int_equal(truncate(f->path, 0), 0);
			append(f, "ee\n");
			run_tool(f->data, f->path, archive(f, ".1"));
			add_to(archive(f, ".1"), "garbage behind it", has_garbage ? 17 : 0, O_APPEND);
			set_age(archive(f, ".1"), 200);
			unlink(f->path);
			append(f, "four\n");
			begin(f, false);
			assert_string_equal(lines(f), "two|three|four|");
			assert_int_equal(stats(f).gaps, has_garbage);
			end(f);
			unlink(f->path);
			unlink(archive(f, ".1"));
		}
}

/* From any place on, forth and back, in pieces of any size: the same bytes. */
static void places_in_an_archive_are_what_they_were(void **state)
{
	struct fixture *f = *state;
	enum { SIZE = 300000 };
	char *whole = malloc(SIZE), *piece = malloc(SIZE);
	struct archive *read_archive;
	int fd;

	append(f, "");
	append_noise(f, SIZE);
	fd = open(f->path, O_RDONLY);
	assert_int_equal(read(fd, whole, SIZE), SIZE);
	close(fd);
	compress_file(f, f->path, archive(f, ".1"), true);
	fd = open(archive(f, ".1"), O_RDONLY);
	assert_int_equal(archive_open(fd, archive(f, ".1"), &read_archive), 0);
	static const struct {
		uint64_t offset;
		size_t size, got;
	} rows[] = { { 0, 1, 1 }, { 1, 70000, 70000 }, { 70001, 5, 5 }, { 200000, 200000, 100000 }, { 3, 131072, 131072 }, { SIZE, 10, 0 }, { SIZE + 9, 10, 0 }, { 0, SIZE, SIZE } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(archive_read(read_archive, piece, rows[i].size, rows[i].offset), rows[i].got);
		assert_memory_equal(piece, whole + (rows[i].got ? rows[i].offset : 0), rows[i].got);
	}
	assert_int_equal(archive_get_size(fd, archive(f, ".1")), SIZE);
	archive_close(read_archive);
	close(fd);
	free(whole);
	free(piece);
}

/* One test for each way of compressing that this build reads. */
#define EACH(function, tool) { #function " (" tool ")", function, set_up_with, tear_down, (void *)(uintptr_t)find_tool(tool) }
#ifdef HAVE_BZIP2
#define OF_BZIP2(function) EACH(function, "bzip2"),
#else
#define OF_BZIP2(function)
#endif
#ifdef HAVE_LZMA
#define OF_XZ(function) EACH(function, "xz"),
#else
#define OF_XZ(function)
#endif
#ifdef HAVE_ZSTD
#define OF_ZSTD(function) EACH(function, "zstd"),
#else
#define OF_ZSTD(function)
#endif
#define ARCHIVE_TEST(function) OF_BZIP2(function) OF_XZ(function) OF_ZSTD(function) EACH(function, "gzip")

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(renamed_file_is_read_to_its_end),
		TEST(renamed_and_deleted_file_is_read_to_its_end),
		TEST(deleted_file_comes_again),
		TEST(truncated_file_begins_again),
		TEST(truncated_and_grown_file_begins_again),
		TEST(copy_of_a_truncated_file_is_read_on),
		TEST(rotated_while_away),
		TEST(rotated_twice_while_away),
		ARCHIVE_TEST(rotated_and_compressed_while_away),
		ARCHIVE_TEST(rest_is_read_from_the_archive),
		ARCHIVE_TEST(archives_are_read_in_their_order),
		ARCHIVE_TEST(archives_are_not_read_whole_to_find_one),
		ARCHIVE_TEST(archive_beside_plain_files),
		ARCHIVE_TEST(copy_that_was_truncated_and_compressed_is_read_on),
		ARCHIVE_TEST(replay_begins_in_an_archive),
		ARCHIVE_TEST(damaged_archive_is_a_gap),
		ARCHIVE_TEST(members_of_an_archive_are_read_in_their_order),
		ARCHIVE_TEST(places_in_an_archive_are_what_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
