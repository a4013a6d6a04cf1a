/* SPDX-License-Identifier: BSD-2-Clause */
/* Comments out, lines kept.  Any thread. */
#include "base/plainfile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"

enum { FILE_SIZE_MAX = 16 << 20 };

enum place { PLACE_TEXT, PLACE_DOUBLE, PLACE_SINGLE, PLACE_LINE_COMMENT, PLACE_COMMENT };

/* What begins at text[i] outside of quotes and comments.  A slash inside a bare word ("a//b") begins nothing. */
static enum place begin(struct span text, size_t i)
{
	char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
	bool is_word_start = i == 0 || ascii_is_space(text.ptr[i - 1]);

	if (c == '"')
		return PLACE_DOUBLE;
	if (c == '\'')
		return PLACE_SINGLE;
	if (c == '#' || (c == '/' && next == '/' && is_word_start))
		return PLACE_LINE_COMMENT;
	return c == '/' && next == '*' ? PLACE_COMMENT : PLACE_TEXT;
}

/* Where in the file we are. */
struct scan {
	enum place place;
	unsigned line, opened_line; /* opened: the quote, comment or outermost brace that we are in */
	unsigned depth;
};

static void scan_text(struct scan *scan, struct span text, size_t i)
{
	char c = text.ptr[i];

	scan->place = begin(text, i);
	if ((c == '{' && scan->depth++ == 0) || (scan->place != PLACE_TEXT && scan->depth == 0))
		scan->opened_line = scan->line;
	if (c == '}' && scan->depth > 0)
		scan->depth--;
}

/* Bytes that begin or end something, outside of comments: few. */
static const char special[] = "\"'\\#/{}\n";

/* NUL follows the bytes.  Returns the line of what is not closed, 0 when all is. */
static unsigned blank_comments(char *bytes, size_t len)
{
	struct scan scan = { PLACE_TEXT, 1, 0, 0 };
	struct span text = span_make(bytes, len);

	for (size_t i = 0; i < len; i++) {
		enum place before = scan.place;
		char c;
		if (before <= PLACE_SINGLE)
			i += strcspn(bytes + i, special);
		if (i >= len)
			break;
		c = bytes[i];
		if (before == PLACE_TEXT)
			scan_text(&scan, text, i);
		else if (before == PLACE_LINE_COMMENT && c == '\n')
			scan.place = PLACE_TEXT;
		else if (before == PLACE_COMMENT && c == '/' && bytes[i - 1] == '*')
			scan.place = PLACE_TEXT;
		else if ((before == PLACE_DOUBLE && c == '"') || (before == PLACE_SINGLE && c == '\''))
			scan.place = PLACE_TEXT;
		else if ((before == PLACE_DOUBLE || before == PLACE_SINGLE) && c == '\\' && i + 1 < len && bytes[i + 1] != '\n')
			i++;
		bool is_comment = before == PLACE_COMMENT || scan.place == PLACE_COMMENT || scan.place == PLACE_LINE_COMMENT;
		/* a star stays until the byte behind it has been seen */
		if (is_comment && i > 0 && bytes[i - 1] == '*' && before == PLACE_COMMENT)
			bytes[i - 1] = ' ';
		if (is_comment && c != '\n' && c != '*')
			bytes[i] = ' ';
		scan.line += c == '\n';
	}
	return scan.depth > 0 || (scan.place != PLACE_TEXT && scan.place != PLACE_LINE_COMMENT) ? scan.opened_line : 0;
}

static int read_all(FILE *file, struct buffer *content)
{
	char chunk[16384];
	size_t got;

	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0 && !content->is_cut)
		buffer_add(content, span_make(chunk, got));
	if (ferror(file))
		return -(errno ? errno : EIO);
	return content->is_cut ? -EFBIG : 0;
}

/* A stream of its own over a copy of the bytes. */
static int open_copy(struct span content, FILE **ret_file)
{
	FILE *file = fmemopen(NULL, content.len + 1, "w+");

	if (!file)
		return -ENOMEM;
	if (fwrite(content.ptr, 1, content.len, file) != content.len || fseek(file, 0, SEEK_SET) != 0) {
		fclose(file);
		return -ENOMEM;
	}
	*ret_file = file;
	return 0;
}

int plainfile_open(const char *path, FILE **ret_file, struct complaint *complaint)
{
	FILE *file = fopen(path, "re");
	struct buffer content;
	unsigned unclosed = 0;
	int error = file ? 0 : -errno;

	buffer_init(&content, FILE_SIZE_MAX);
	if (file) {
		error = read_all(file, &content);
		fclose(file);
	}
	if (error < 0)
		complaint_set(complaint, path, 0, "%s", strerror(-error));
	else if (content.len > 0 && (unclosed = blank_comments(content.bytes, content.len)) > 0)
		complaint_set(complaint, path, unclosed, "what begins here is not closed");
	if (content.len == 0 || content.bytes[content.len - 1] != '\n')
		buffer_add_char(&content, '\n');
	if (error == 0)
		error = unclosed ? -EINVAL : open_copy(buffer_get(&content), ret_file);
	buffer_done(&content);
	return error;
}
