/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of a growing file, on real files: where it begins, what a line is, restarts, and what it is told of. */
#include "follow_help.h"

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

/* A number of an inode is given out again: the first bytes tell that it is another file. */
static void inode_of_another_file_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct place place;

	read_one_and_end(f);
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

	read_one_and_end(f);
	copy(f->path, name(f, ".moved"));
	assert_int_equal(rename(name(f, ".moved"), f->path), 0);
	append(f, "two\n");
	begin(f, false);
	assert_string_equal(lines(f), "two|");
}

static void nonsense_for_a_place_is_none(void **state)
{
	static const char *const texts[] = { "x", "1 2 3", "2 1 1 1 1 1", "1 1 99999999999999999999 1 1 1", "1 1 1 1 257 1", "1 1 1 1 1 1 1", "2 1 1 1 1 1 x",
					     "2 1 1 1 1 1 1 1", "3 1 1 1 1 1 1" };
	struct place place = { .offset = 77 };
	char text[PLACE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(place_parse(span_of(texts[i]), &place), -EINVAL);
	assert_int_equal(place.offset, 77);
	for (unsigned distrusted = 0; distrusted < 2; distrusted++) {
		place = (struct place){ UINT64_MAX, INT64_MAX, UINT64_MAX, 256, INT64_MAX, distrusted ? UINT64_MAX : 0 };
		/* of a log that proves, older versions read it, too */
		assert_int_equal(place_format(&place, text)[0], distrusted ? '2' : '1');
		place = (struct place){ .inode = 0 };
		assert_int_equal(place_parse(span_of(text), &place), 0);
		assert_true(place.inode == UINT64_MAX && place.offset == INT64_MAX && place.hash == UINT64_MAX && place.head_len == 256 &&
			    place.written_ns == INT64_MAX && place.distrusted == (distrusted ? UINT64_MAX : 0));
	}
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

	read_one_and_end(f);
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
		TEST(inode_of_another_file_is_not_ours),
		TEST(copy_in_its_place_is_read_on),
		TEST(nonsense_for_a_place_is_none),
		TEST(folder_comes_later),
		TEST(place_waits_for_a_file_that_cannot_be_opened),
		TEST(nothing_is_a_place_too),
		TEST(replay_ends_at_the_place),
		TEST(replay_begins_in_the_file_before),
		TEST(replay_ends_with_its_file),
		TEST(notices_come_for_all_that_happens),
		TEST(no_regular_file_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
