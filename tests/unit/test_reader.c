/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages and lines out of files: mbox, quoting, sizes around the buffer's, and that no chunking changes what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/reader.h"

#define FROM_LINE "From sender@example.com Sat Nov 21 20:36:02 2026\n"

/* Small enough that ordinary messages stream. */
enum { SMALL = 512 };

struct found {
	unsigned count;
	char subjects[16][64];
	char texts[16][256];
};

/* A pipe would do, but for its size. */
static int make_file(const char *bytes, size_t len)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fflush(file);
	int fd = dup(fileno(file));
	fclose(file);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void copy(char *out, size_t size, struct span text)
{
	snprintf(out, size, "%.*s", SPAN_ARG(span_slice(text, 0, size - 1)));
}

static struct found read_mails(const char *bytes, size_t len, size_t buffer_size)
{
	struct mail_reader *mail_reader = mail_reader_new(NULL);
	struct reader reader;
	struct found found = { 0 };
	const struct mail *mail;
	int fd = make_file(bytes, len);
	int got;

	assert_int_equal(reader_init(&reader, buffer_size), 0);
	reader_open(&reader, fd);
	while ((got = reader_take_mail(&reader, mail_reader, &mail)) > 0) {
		assert_true(found.count < 16);
		copy(found.subjects[found.count], 64, fields_get(&mail->fields, "subject"));
		if (mail->part_count)
			copy(found.texts[found.count], 256, span_trim(part_get_text(&mail->parts[0])));
		found.count++;
	}
	assert_int_equal(got, 0);
	assert_true(reader.taken == len);
	reader_done(&reader);
	mail_reader_free(mail_reader);
	close(fd);
	return found;
}

static void assert_mails(const char *text, const char *const *subjects, const char *const *texts)
{
	/* one byte more than a whole message, and sizes at which it streams */
	static const size_t sizes[] = { READER_MAIL_SIZE, SMALL, SMALL + 1, SMALL + 7 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct found found = read_mails(text, strlen(text), sizes[i]);
		unsigned wanted = 0;
		for (; subjects[wanted]; wanted++) {
			assert_string_equal(found.subjects[wanted], subjects[wanted]);
			if (texts)
				assert_string_equal(found.texts[wanted], texts[wanted]);
		}
		assert_int_equal(found.count, wanted);
	}
}

static void test_one_message_is_a_file(void **state)
{
	(void)state;
	assert_mails("Subject: one\n\ntext\n\nFrom here on at 20:36:02 in 2026 it is text\n",
		     (const char *const[]){ "one", NULL },
		     (const char *const[]){ "text\n\nFrom here on at 20:36:02 in 2026 it is text", NULL });
}

static void test_mbox_is_split_at_from_lines(void **state)
{
	(void)state;
	assert_mails(FROM_LINE "Subject: one\n\nfirst\n\n" FROM_LINE "Subject: two\n\nsecond\n\n" FROM_LINE "Subject: three\n\n",
		     (const char *const[]){ "one", "two", "three", NULL }, NULL);
}

static void test_mbox_with_crlf(void **state)
{
	(void)state;
	assert_mails("From a@example.com Sat Nov 21 20:36:02 2026\r\nSubject: one\r\n\r\nfirst\r\n\r\n"
		     "From b@example.com Sat Nov 21 20:36:02 2026\r\nSubject: two\r\n\r\nsecond\r\n",
		     (const char *const[]){ "one", "two", NULL }, NULL);
}

static void test_sentences_do_not_split(void **state)
{
	(void)state;
	assert_mails(FROM_LINE "Subject: one\n\nfirst\n\nFrom today on we refuse mail.\n" FROM_LINE "end\n\n" FROM_LINE
			       "Subject: two\n\n",
		     (const char *const[]){ "one", "two", NULL }, NULL);
}

static void test_quoted_from_lines_lose_one_quote(void **state)
{
	(void)state;
	assert_mails(FROM_LINE "Subject: one\n\n>From the start\n>>From quoted\n>Fromage\n> From no\nx\n\n" FROM_LINE
			       "Subject: two\n\n>From\n>From \n",
		     (const char *const[]){ "one", "two", NULL },
		     (const char *const[]){ "From the start\n>From quoted\n>Fromage\n> From no\nx", ">From\nFrom", NULL });
}

static void test_a_message_that_is_no_mbox_keeps_its_quotes(void **state)
{
	(void)state;
	assert_mails("Subject: one\n\n>From the start\n", (const char *const[]){ "one", NULL },
		     (const char *const[]){ ">From the start", NULL });
}

static void test_long_messages_stream_and_the_next_is_found(void **state)
{
	static const char head[] = FROM_LINE "Subject: long\n\n";
	static const char next[] = "\n" FROM_LINE "Subject: next\n\nshort\n";
	size_t size = sizeof(head) + sizeof(next);

	(void)state;
	/* every place of the From_ line relative to the buffer's end */
	for (size_t body = SMALL; body < SMALL + 200; body++) {
		size_t len = 0;
		char *text = malloc(size + body);
		assert_non_null(text);
		memcpy(text, head, sizeof(head) - 1);
		len = sizeof(head) - 1;
		for (size_t i = 0; i < body; i++)
			text[len++] = i % 40 == 39 || i == body - 1 ? '\n' : 'x';
		memcpy(text + len, next, sizeof(next) - 1);
		len += sizeof(next) - 1;
		struct found found = read_mails(text, len, SMALL);
		assert_int_equal(found.count, 2);
		assert_string_equal(found.subjects[0], "long");
		assert_string_equal(found.subjects[1], "next");
		assert_string_equal(found.texts[1], "short");
		free(text);
	}
}

static void test_a_huge_header_keeps_the_rest(void **state)
{
	size_t len = 0, size = 300000;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	len += (size_t)snprintf(text, size, "X-Long: ");
	memset(text + len, 'x', 200000);
	len += 200000;
	len += (size_t)snprintf(text + len, size - len, "\n\t: folded\nSubject: behind\n\nbody\n");
	struct found found = read_mails(text, len, 64 * 1024);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.subjects[0], "behind");
	assert_string_equal(found.texts[0], "body");
	free(text);
}

static void test_empty_file_has_no_message(void **state)
{
	(void)state;
	assert_int_equal(read_mails("", 0, SMALL).count, 0);
}

static void test_an_error_is_told(void **state)
{
	struct mail_reader *mail_reader = mail_reader_new(NULL);
	struct reader reader;
	const struct mail *mail;
	struct span line;

	(void)state;
	assert_int_equal(reader_init(&reader, SMALL), 0);
	reader_open(&reader, -1);
	assert_true(reader_take_mail(&reader, mail_reader, &mail) < 0);
	reader_open(&reader, -1);
	assert_true(reader_take_line(&reader, &line) < 0);
	reader_done(&reader);
	mail_reader_free(mail_reader);
}

static void assert_line(struct reader *reader, const char *wanted, uint64_t number)
{
	struct span line;

	assert_int_equal(reader_take_line(reader, &line), 1);
	assert_true(span_is_equal(line, span_of(wanted)));
	assert_true(reader->line == number);
}

static void test_lines(void **state)
{
	static const char text[] = "one\r\n\ntwo\rstill two\nlast";
	struct reader reader;
	struct span line;
	int fd = make_file(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(reader_init(&reader, 24), 0);
	reader_open(&reader, fd);
	assert_line(&reader, "one", 1);
	assert_line(&reader, "", 2);
	assert_line(&reader, "two\rstill two", 3);
	assert_line(&reader, "last", 4);
	assert_int_equal(reader_take_line(&reader, &line), 0);
	reader_done(&reader);
	close(fd);
}

static void test_a_line_that_passes_the_buffer_is_cut_and_the_next_is_whole(void **state)
{
	char text[200];
	struct reader reader;
	struct span line;
	int fd;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[150] = '\n';
	memcpy(text + 151, "next\n", 5);
	fd = make_file(text, 156);
	assert_int_equal(reader_init(&reader, 64), 0);
	reader_open(&reader, fd);
	assert_int_equal(reader_take_line(&reader, &line), 1);
	assert_int_equal(line.len, 64);
	assert_line(&reader, "next", 2);
	assert_int_equal(reader_take_line(&reader, &line), 0);
	reader_done(&reader);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message_is_a_file),
		cmocka_unit_test(test_mbox_is_split_at_from_lines),
		cmocka_unit_test(test_mbox_with_crlf),
		cmocka_unit_test(test_sentences_do_not_split),
		cmocka_unit_test(test_quoted_from_lines_lose_one_quote),
		cmocka_unit_test(test_a_message_that_is_no_mbox_keeps_its_quotes),
		cmocka_unit_test(test_long_messages_stream_and_the_next_is_found),
		cmocka_unit_test(test_a_huge_header_keeps_the_rest),
		cmocka_unit_test(test_empty_file_has_no_message),
		cmocka_unit_test(test_an_error_is_told),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_a_line_that_passes_the_buffer_is_cut_and_the_next_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
