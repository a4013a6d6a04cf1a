/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of a growing file, on real files: what rotation, truncation and compression do to it. */
#include "follow_help.h"

#include <zlib.h>

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
		TEST(rotated_and_compressed_while_away),
		TEST(rest_is_read_from_the_archive),
		TEST(archives_are_read_in_their_order),
		TEST(archive_beside_plain_files),
		TEST(copy_that_was_truncated_and_compressed_is_read_on),
		TEST(replay_begins_in_an_archive),
		TEST(damaged_archive_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
