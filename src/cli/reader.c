/* SPDX-License-Identifier: BSD-2-Clause */
/* One buffer, from which messages and lines are taken.  One thread; hostile input. */
#include "cli/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int reader_init(struct reader *reader, size_t size)
{
	*reader = (struct reader){ .fd = -1, .size = size, .bytes = malloc(size) };
	return reader->bytes ? 0 : -ENOMEM;
}

void reader_done(struct reader *reader)
{
	free(reader->bytes);
	reader->bytes = NULL;
}

void reader_open(struct reader *reader, int fd)
{
	reader->fd = fd;
	reader->start = reader->end = 0;
	reader->is_over = reader->is_begun = reader->is_mbox = false;
	reader->taken = reader->line = 0;
}

static struct span get_rest(const struct reader *reader)
{
	return span_make(reader->bytes + reader->start, reader->end - reader->start);
}

static void take(struct reader *reader, size_t len)
{
	reader->start += len;
	reader->taken += len;
}

static bool is_full(const struct reader *reader)
{
	return reader->start == 0 && reader->end == reader->size;
}

/* A read() at a time: of a large buffer only what long lines need is ever touched. */
enum { READ_SIZE = 256 * 1024 };

/* One read() more behind what is there: 0, or -errno. */
static int fill(struct reader *reader)
{
	size_t room;
	ssize_t got;

	if (reader->is_over || is_full(reader))
		return 0;
	memmove(reader->bytes, reader->bytes + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = 0;
	room = reader->size - reader->end;
	do
		got = read(reader->fd, reader->bytes + reader->end, room < READ_SIZE ? room : READ_SIZE);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	reader->is_over = got == 0;
	reader->end += (size_t)got;
	return 0;
}

/* Until the buffer is full or the file ends. */
static int fill_up(struct reader *reader)
{
	int error = 0;

	while (!error && !reader->is_over && !is_full(reader))
		error = fill(reader);
	return error;
}

/* An error comes again when something is taken. */
struct span reader_peek(struct reader *reader)
{
	return fill(reader) < 0 ? SPAN_NONE : get_rest(reader);
}

static bool has_digits(struct span text, size_t at, size_t count)
{
	for (size_t i = at; i < at + count; i++)
		if (i >= text.len || !ascii_is_digit(text.ptr[i]))
			return false;
	return true;
}

/* "From user@example.com Sat Nov 21 20:36:02 2026": a sentence has no time of day and year. */
static bool is_from_line(struct span line)
{
	bool has_time = false, has_year = false;

	if (!span_has_prefix(line, SPAN_LIT("From ")))
		return false;
	for (size_t i = 5; i + 1 < line.len; i++) {
		if (line.ptr[i] == ':')
			has_time |= has_digits(line, i - 2, 2) && has_digits(line, i + 1, 2);
		if (line.ptr[i] == ' ')
			has_year |= has_digits(line, i + 1, 4) && !has_digits(line, i + 5, 1);
	}
	return has_time && has_year;
}

/* at: the start of a line that is not the first. */
static bool is_after_empty_line(struct span text, size_t at)
{
	at--;
	if (at >= 1 && text.ptr[at - 1] == '\r')
		at--;
	return at >= 1 && text.ptr[at - 1] == '\n';
}

/* The next line behind `at` that begins with `first`; SIZE_MAX.  Much faster than memmem(), lines being short. */
static size_t find_line(struct span text, size_t at, char first)
{
	while (at < text.len) {
		const char *end = memchr(text.ptr + at, '\n', text.len - at);
		if (!end)
			break;
		at = (size_t)(end - text.ptr) + 1;
		if (at < text.len && text.ptr[at] == first)
			return at;
	}
	return SIZE_MAX;
}

/*
 * Where the message at the start of `text` ends in an mbox: before a From_ line that follows an empty line; SIZE_MAX if
 * it does not.  A From_ line that is not whole yet does not count: it comes again with more text.
 */
static size_t find_from_line(struct span text)
{
	for (size_t at = find_line(text, 0, 'F'); at != SIZE_MAX; at = find_line(text, at, 'F')) {
		size_t end = span_find_char(text, '\n', at);
		if (end != SIZE_MAX && is_after_empty_line(text, at) && is_from_line(span_slice(text, at, end)))
			return at;
	}
	return SIZE_MAX;
}

/* Takes one ">" off each ">From ", ">>From " in place; `text` begins at a line's start. Its new length. */
static size_t unquote(char *text, size_t len)
{
	size_t out = 0, from = 0;

	for (size_t at = 0; at != SIZE_MAX;) {
		size_t quotes = at;
		while (quotes < len && text[quotes] == '>')
			quotes++;
		if (quotes > at && len - quotes >= 5 && memcmp(text + quotes, "From ", 5) == 0) {
			memmove(text + out, text + from, at - from);
			out += at - from;
			from = at + 1;
		}
		at = find_line(span_make(text, len), at, '>');
	}
	memmove(text + out, text + from, len - from);
	return out + len - from;
}

/* The message in the first `len` bytes of the rest: whole, in memory. */
static const struct mail *take_whole(struct reader *reader, size_t len, struct mail_reader *mail_reader)
{
	char *text = reader->bytes + reader->start;
	size_t unquoted = reader->is_mbox ? unquote(text, len) : len;
	const struct mail *mail = mail_read(mail_reader, span_make(text, unquoted), SPAN_NONE);

	take(reader, len);
	return mail;
}

/* How much of the rest belongs to the message: to its end, before the next From_ line, or up to a line's start. */
static size_t measure_chunk(const struct reader *reader, bool *ret_is_end)
{
	struct span rest = get_rest(reader);
	size_t end = reader->is_mbox ? find_from_line(rest) : SIZE_MAX;

	*ret_is_end = end != SIZE_MAX || reader->is_over;
	if (*ret_is_end || !reader->is_mbox)
		return end != SIZE_MAX ? end : rest.len;
	/* two line ends stay, so that an empty line and the From_ line behind it are seen together */
	size_t keep = rest.len;
	for (int lines = 0; lines < 3 && keep > 0; lines++) {
		const char *at = memrchr(rest.ptr, '\n', keep);
		keep = at ? (size_t)(at - rest.ptr) : 0;
	}
	return keep ? keep + 1 : rest.len;
}

/* A message that is longer than the buffer. */
static int stream_mail(struct reader *reader, struct mail_reader *mail_reader, const struct mail **ret_mail)
{
	bool is_end = false;
	int error = 0;

	mail_begin(mail_reader, SPAN_NONE);
	while (!error && !is_end) {
		size_t len = measure_chunk(reader, &is_end);
		char *text = reader->bytes + reader->start;
		mail_add_bytes(mail_reader, span_make(text, reader->is_mbox ? unquote(text, len) : len));
		take(reader, len);
		error = is_end ? 0 : fill_up(reader);
	}
	*ret_mail = mail_end(mail_reader);
	return error ? error : 1;
}

int reader_take_mail(struct reader *reader, struct mail_reader *mail_reader, const struct mail **ret_mail)
{
	for (;;) {
		struct span rest = get_rest(reader);
		if (!reader->is_begun && rest.len >= 5) {
			reader->is_begun = true;
			reader->is_mbox = span_has_prefix(rest, SPAN_LIT("From "));
		}
		size_t end = reader->is_mbox ? find_from_line(rest) : SIZE_MAX;
		if (end == SIZE_MAX && reader->is_over) {
			end = rest.len;
			if (end == 0)
				return 0;
		}
		if (end != SIZE_MAX) {
			*ret_mail = take_whole(reader, end, mail_reader);
			return 1;
		}
		if (is_full(reader))
			return stream_mail(reader, mail_reader, ret_mail);
		int error = fill_up(reader);
		if (error)
			return error;
	}
}

static int skip_line(struct reader *reader)
{
	int error = 0;

	while (!error && get_rest(reader).len) {
		struct span rest = get_rest(reader);
		size_t end = span_find_char(rest, '\n', 0);
		take(reader, end == SIZE_MAX ? rest.len : end + 1);
		if (end != SIZE_MAX)
			break;
		error = fill(reader);
	}
	return error;
}

/* What was cut off a line that passes the buffer, is read when the next is asked for: the line is borrowed until then. */
int reader_take_line(struct reader *reader, struct span *ret_line)
{
	int error = 0;

	if (reader->is_begun) {
		reader->is_begun = false;
		error = fill(reader);
		error = error ? error : skip_line(reader);
	}
	while (!error) {
		struct span rest = get_rest(reader);
		size_t end = span_find_char(rest, '\n', 0);
		bool is_cut = end == SIZE_MAX && is_full(reader);
		if (end != SIZE_MAX || is_cut || (reader->is_over && rest.len)) {
			struct span line = span_slice(rest, 0, end);
			take(reader, end == SIZE_MAX ? rest.len : end + 1);
			reader->is_begun = is_cut;
			reader->line++;
			*ret_line = line.len && line.ptr[line.len - 1] == '\r' ? span_slice(line, 0, line.len - 1) : line;
			return 1;
		}
		if (reader->is_over)
			return 0;
		fflush(stdout); /* whoever feeds us line by line reads what we say before the next one */
		error = fill(reader);
	}
	return error;
}
