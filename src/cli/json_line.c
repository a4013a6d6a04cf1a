/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON (RFC 8259), a line at a time.  One thread; hostile text. */
#include "cli/json_line.h"

#include <inttypes.h>

#include "base/utf8.h"

/* Twenty texts of the most that evidence keeps, escaped. */
enum { LINE_MAX_BYTES = 64 * 1024 * 1024, TEXT_MAX_BYTES = 8 * 1024 * 1024 };

void json_line_init(struct json_line *line)
{
	buffer_init(&line->buffer, LINE_MAX_BYTES);
	buffer_init(&line->valid, TEXT_MAX_BYTES);
}

void json_line_done(struct json_line *line)
{
	buffer_done(&line->buffer);
	buffer_done(&line->valid);
}

void json_line_begin(struct json_line *line)
{
	buffer_clear(&line->buffer);
	buffer_add_char(&line->buffer, '{');
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static void add_escape(struct buffer *buffer, char c)
{
	static const char letters[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
	const char *at = c ? strchr(letters, c) : NULL;

	if (at) {
		buffer_add_char(buffer, '\\');
		buffer_add_char(buffer, names[at - letters]);
	} else {
		buffer_printf(buffer, "\\u%04x", (unsigned)(unsigned char)c);
	}
}

static void add_string(struct buffer *buffer, struct span text)
{
	size_t run = 0;

	buffer_add_char(buffer, '"');
	for (size_t at = 0; at < text.len; at++) {
		if (is_plain(text.ptr[at]))
			continue;
		buffer_add(buffer, span_slice(text, run, at));
		add_escape(buffer, text.ptr[at]);
		run = at + 1;
	}
	buffer_add(buffer, span_skip(text, run));
	buffer_add_char(buffer, '"');
}

static void add_key(struct json_line *line, const char *key)
{
	if (line->buffer.len > 1)
		buffer_add_char(&line->buffer, ',');
	add_string(&line->buffer, span_of(key));
	buffer_add_char(&line->buffer, ':');
}

void json_line_put_known(struct json_line *line, const char *key, struct span text)
{
	if (!span_is_known(text))
		return;
	if (!utf8_is_valid(text)) {
		buffer_clear(&line->valid);
		utf8_add_valid(&line->valid, text);
		text = utf8_trim_partial(buffer_get(&line->valid));
	}
	add_key(line, key);
	add_string(&line->buffer, text);
}

void json_line_put(struct json_line *line, const char *key, struct span text)
{
	if (text.len)
		json_line_put_known(line, key, text);
}

void json_line_put_text(struct json_line *line, const char *key, const char *text)
{
	json_line_put(line, key, span_of(text));
}

void json_line_put_number(struct json_line *line, const char *key, uint64_t number)
{
	add_key(line, key);
	buffer_printf(&line->buffer, "%" PRIu64, number);
}

struct span json_line_end(struct json_line *line)
{
	buffer_add(&line->buffer, SPAN_LIT("}\n"));
	return line->buffer.is_cut ? SPAN_NONE : buffer_get(&line->buffer);
}
