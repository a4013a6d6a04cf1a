/* SPDX-License-Identifier: BSD-2-Clause */
/* Which outer form a list has, and its records one after the other.  One thread; every byte is hostile. */
#include "cli/import.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "cli/import_csv.h"
#include "cli/import_json.h"

enum { ARENA_MAX = 16 * IMPORT_RECORD_MAX, LINE_ADDRESS_MAX = 1024 };

enum shape { SHAPE_UNKNOWN, SHAPE_JSON, SHAPE_LINES, SHAPE_UTF16, SHAPE_ENDED };

struct import {
	enum import_form asked, form;
	enum shape shape;
	struct arena *arena;
	struct json_split split;
	uint64_t line;
	bool is_skipping;                /* in a line that was refused for its length */
	bool has_header, is_line_read;   /* SHAPE_LINES */
	char delimiter;                  /* 0: no line needed one so far */
	enum import_column columns[CSV_FIELDS_MAX];
};

struct import *import_new(enum import_form form)
{
	struct import *import = calloc(1, sizeof(*import));

	if (!import)
		return NULL;
	import->asked = import->form = form;
	import->line = 1;
	import->arena = arena_new(ARENA_MAX);
	if (!import->arena) {
		free(import);
		return NULL;
	}
	return import;
}

void import_free(struct import *import)
{
	if (!import)
		return;
	arena_free(import->arena);
	free(import);
}

static enum import_result refuse(struct import_row *row, const char *why)
{
	snprintf(row->why, sizeof(row->why), "%s", why);
	return IMPORT_REFUSED;
}

/* By its first bytes; *window is moved behind a byte order mark. */
static enum import_result find_shape(struct import *import, struct span *window, bool is_last)
{
	struct span text = *window;

	if (!is_last && text.len < 3)
		return IMPORT_MORE;
	if (span_has_prefix(text, SPAN_LIT("\xff\xfe")) || span_has_prefix(text, SPAN_LIT("\xfe\xff"))) {
		import->shape = SHAPE_UTF16;
		return IMPORT_NOTHING;
	}
	if (span_has_prefix(text, SPAN_LIT("\xef\xbb\xbf")))
		text = span_skip(text, 3);
	struct span begin = span_trim_left(text);
	if (!begin.len && !is_last && window->len < IMPORT_RECORD_MAX)
		return IMPORT_MORE;
	bool is_json = begin.len && (begin.ptr[0] == '{' || begin.ptr[0] == '[') && import->asked != IMPORT_LIST;
	import->shape = is_json ? SHAPE_JSON : SHAPE_LINES;
	*window = text;
	return IMPORT_NOTHING;
}

static enum import_result take_json(struct import *import, struct span *window, bool is_last, struct import_row *row)
{
	struct import_record record = { .form = import->asked };
	struct span object;
	const char *why = "";
	enum import_result result = json_split_take(&import->split, window, is_last, &object, &why);

	if (result == IMPORT_REFUSED)
		return refuse(row, why);
	if (result != IMPORT_ROW)
		return result;
	if (json_read_record(object, import->arena, &record, row->why) < 0)
		return IMPORT_REFUSED;
	return import_judge(&record, import->arena, row);
}

/* Do these fields name columns, the address's among them? */
static bool read_header(struct import *import, const struct csv_record *fields)
{
	enum import_form form = import->asked;
	bool has_address = false;

	for (size_t i = 0; i < fields->count; i++) {
		import->columns[i] = import_find_column(fields->fields[i], &form);
		has_address |= import->columns[i] == COLUMN_ADDRESS;
	}
	if (has_address)
		import->form = form;
	return has_address;
}

/* Without names: the first field that looks like an address, and behind it maybe a reason ("a@example.com,BOUNCE"). */
static void read_unnamed(const struct csv_record *fields, struct import_record *record)
{
	for (size_t i = 0; i < fields->count; i++) {
		if (record->values[COLUMN_ADDRESS].len) {
			record->values[COLUMN_REASON] = fields->fields[i];
			return;
		}
		if (span_find_char(fields->fields[i], '@', 0) != SIZE_MAX)
			record->values[COLUMN_ADDRESS] = fields->fields[i];
	}
	if (!record->values[COLUMN_ADDRESS].len && fields->count)
		record->values[COLUMN_ADDRESS] = fields->fields[0];
}

static void read_named(const struct import *import, const struct csv_record *fields, struct import_record *record)
{
	for (size_t i = 0; i < fields->count; i++) {
		struct span *value = &record->values[import->columns[i]];
		if (import->columns[i] != COLUMN_NONE && !value->len)
			*value = fields->fields[i];
	}
}

static struct span peek_line(struct span window)
{
	return span_trim(span_slice(window, 0, span_find_char(window, '\n', 0)));
}

/* A whole line that is an address, commas in its quotes and all. */
static bool is_address_line(const struct import *import, struct span line)
{
	struct address address;

	return !import->has_header && line.len <= LINE_ADDRESS_MAX && address_fold(line, &address, NULL) == 0;
}

static enum import_result take_fields(struct import *import, struct span *window, bool is_last, struct import_row *row)
{
	struct csv_record fields;
	const char *why = "";
	enum import_result result = csv_take(window, import->delimiter, is_last, import->arena, &fields, &why);

	if (result != IMPORT_ROW)
		return result == IMPORT_REFUSED ? refuse(row, why) : result;
	bool is_first = !import->is_line_read;
	import->is_line_read = true;
	if (is_first && read_header(import, &fields)) {
		import->has_header = true;
		return IMPORT_NOTHING;
	}
	struct import_record record = { .form = import->form };
	if (import->has_header)
		read_named(import, &fields, &record);
	else
		read_unnamed(&fields, &record);
	return import_judge(&record, import->arena, row);
}

static enum import_result take_line(struct import *import, struct span *window, bool is_last, struct import_row *row)
{
	size_t end = span_find_char(*window, '\n', 0);
	struct span line = peek_line(*window);
	struct import_record record = { .form = import->form };

	if (end == SIZE_MAX && !is_last && window->len < IMPORT_RECORD_MAX)
		return IMPORT_MORE;
	if (end == SIZE_MAX && !is_last) {
		import->is_skipping = true;
		*window = span_skip(*window, window->len);
		return refuse(row, "the line is longer than 64 KiB");
	}
	if (!line.len || (line.ptr[0] == '#' && !import->has_header)) {
		*window = span_skip(*window, end == SIZE_MAX ? window->len : end + 1);
		return IMPORT_NOTHING;
	}
	if (import->asked == IMPORT_LIST || is_address_line(import, line)) {
		import->is_line_read = true;
		record.values[COLUMN_ADDRESS] = line;
		enum import_result result = import_judge(&record, import->arena, row);
		*window = span_skip(*window, end == SIZE_MAX ? window->len : end + 1);
		return result;
	}
	if (!import->delimiter)
		import->delimiter = csv_find_delimiter(line);
	return take_fields(import, window, is_last, row);
}

/* The rest of a line whose beginning was refused. */
static enum import_result skip_rest(struct import *import, struct span *window)
{
	size_t end = span_find_char(*window, '\n', 0);

	import->is_skipping = end == SIZE_MAX;
	*window = span_skip(*window, end == SIZE_MAX ? window->len : end + 1);
	return IMPORT_NOTHING;
}

static enum import_result take(struct import *import, struct span *window, bool is_last, struct import_row *row)
{
	switch (import->shape) {
	case SHAPE_UNKNOWN:
		return find_shape(import, window, is_last);
	case SHAPE_JSON:
		return take_json(import, window, is_last, row);
	case SHAPE_LINES:
		return import->is_skipping ? skip_rest(import, window) : take_line(import, window, is_last, row);
	case SHAPE_UTF16:
		import->shape = SHAPE_ENDED;
		return refuse(row, "the file is UTF-16: save it as UTF-8");
	default:
		*window = span_skip(*window, window->len);
		return IMPORT_NOTHING;
	}
}

static uint64_t count_lines(struct span text)
{
	uint64_t lines = 0;

	for (size_t at = 0; (at = span_find_char(text, '\n', at)) != SIZE_MAX; at++)
		lines++;
	return lines;
}

enum import_result import_take(struct import *import, struct span *window, bool is_last, struct import_row *row)
{
	enum import_result result;

	do {
		struct span before = *window;
		if (!window->len)
			return IMPORT_MORE;
		arena_reset(import->arena);
		*row = (struct import_row){ .line = import->line };
		result = take(import, window, is_last, row);
		import->line += count_lines(span_slice(before, 0, before.len - window->len));
	} while (result == IMPORT_NOTHING);
	return result;
}
