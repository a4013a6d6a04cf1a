/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million objects are never one tree in memory: each is cut out by its brackets and parsed alone.  A record that is
 * broken costs itself: it ends at a line break in a string, and where a line begins with the next object.
 */
#include "cli/import_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

struct scan {
	struct span text;
	size_t at;
	unsigned depth;
	bool is_in_string;
};

enum scan_end { SCAN_MORE, SCAN_CLOSED, SCAN_BROKEN, SCAN_ARRAY };

static bool is_json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind "[" at the first level: does an object follow? */
static enum scan_end look_for_object(const struct scan *scan)
{
	for (size_t at = scan->at + 1; at < scan->text.len; at++) {
		if (scan->text.ptr[at] == '{')
			return SCAN_ARRAY;
		if (!is_json_space(scan->text.ptr[at]))
			return SCAN_CLOSED;
	}
	return SCAN_MORE;
}

/* Over a string; false at its broken or missing end. */
static bool scan_string(struct scan *scan)
{
	for (scan->at++; scan->at < scan->text.len; scan->at++) {
		char c = scan->text.ptr[scan->at];
		if (c == '"')
			return true;
		if (c == '\n')
			return false;
		if (c == '\\')
			scan->at++;
	}
	return false;
}

/* From a "{" to its "}", scan->at behind it. */
static enum scan_end scan_object(struct scan *scan, bool may_hold_array)
{
	for (; scan->at < scan->text.len; scan->at++) {
		char c = scan->text.ptr[scan->at];
		if (c == '"' && !scan_string(scan))
			return scan->at < scan->text.len ? SCAN_BROKEN : SCAN_MORE;
		if (c == '[' && scan->depth == 1 && may_hold_array) {
			enum scan_end end = look_for_object(scan);
			if (end != SCAN_CLOSED)
				return end;
		}
		if (c == '\n' && scan->at + 1 < scan->text.len && scan->text.ptr[scan->at + 1] == '{')
			return SCAN_BROKEN;
		if (c == '{' || c == '[')
			scan->depth++;
		if ((c == '}' || c == ']') && --scan->depth == 0) {
			scan->at++;
			return SCAN_CLOSED;
		}
	}
	return SCAN_MORE;
}

/* To the end of the line, which may come with later bytes. */
static void skip_line(struct json_split *split, struct span *window)
{
	size_t end = span_find_char(*window, '\n', 0);

	split->is_skipping = end == SIZE_MAX;
	*window = span_skip(*window, end == SIZE_MAX ? window->len : end + 1);
}

static enum import_result refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return IMPORT_REFUSED;
}

static enum import_result take_object(struct json_split *split, struct span *window, bool is_last, struct span *ret_object,
				      const char **ret_why)
{
	struct scan scan = { .text = span_slice(*window, 0, IMPORT_RECORD_MAX) };

	switch (scan_object(&scan, split->place == PLACE_TOP)) {
	case SCAN_CLOSED:
		*ret_object = span_slice(*window, 0, scan.at);
		*window = span_skip(*window, scan.at);
		return IMPORT_ROW;
	case SCAN_ARRAY:
		*window = span_skip(*window, scan.at + 1);
		split->place = PLACE_INNER;
		return IMPORT_NOTHING;
	case SCAN_BROKEN:
		*window = span_skip(*window, scan.at + 1);
		return refuse(ret_why, "the object does not end");
	default:
		break;
	}
	if (!is_last && window->len < IMPORT_RECORD_MAX)
		return IMPORT_MORE;
	skip_line(split, window);
	return refuse(ret_why, is_last ? "the object does not end" : "the object is longer than 64 KiB");
}

/* The rest of the outer object: its other members are nothing to us. */
static enum import_result skip_outer(struct json_split *split, struct span *window)
{
	size_t at = 0;

	for (; at < window->len && split->place == PLACE_AFTER; at++) {
		char c = window->ptr[at];
		bool was_escaped = split->is_escaped;
		split->is_escaped = split->is_in_string && c == '\\' && !was_escaped;
		if (c == '"' && !was_escaped)
			split->is_in_string = !split->is_in_string;
		else if (split->is_in_string)
			continue;
		else if (c == '{' || c == '[')
			split->depth++;
		else if ((c == '}' || c == ']') && --split->depth == 0)
			split->place = PLACE_TOP;
	}
	*window = span_skip(*window, at);
	return IMPORT_NOTHING;
}

enum import_result json_split_take(struct json_split *split, struct span *window, bool is_last, struct span *ret_object,
				   const char **ret_why)
{
	if (split->is_skipping) {
		skip_line(split, window);
		return IMPORT_NOTHING;
	}
	if (split->place == PLACE_AFTER)
		return skip_outer(split, window);
	char c = window->ptr[0];
	if (c == '{')
		return take_object(split, window, is_last, ret_object, ret_why);
	if (c == ']' && split->place == PLACE_INNER) {
		split->place = PLACE_AFTER;
		split->depth = 1;
		split->is_in_string = split->is_escaped = false;
	} else if (!is_json_space(c) && !strchr("[],", c)) {
		skip_line(split, window);
		return refuse(ret_why, "it is no JSON object");
	}
	*window = span_skip(*window, 1);
	return IMPORT_NOTHING;
}

/* Numbers and truth as text; SPAN_NONE for what is no single value. */
static struct span get_value(const json_t *value, struct arena *arena)
{
	if (json_is_string(value))
		return arena_copy(arena, span_make(json_string_value(value), json_string_length(value)));
	if (json_is_integer(value))
		return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? SPAN_LIT("true") : SPAN_LIT("false");
	return SPAN_NONE;
}

int json_read_record(struct span object, struct arena *arena, struct import_record *record, char why[static 160])
{
	json_error_t error;
	json_t *json = json_loadb(object.ptr, object.len, 0, &error), *value;
	const char *key;

	if (!json) {
		snprintf(why, 160, "it is no JSON: %.100s", error.text);
		return -EINVAL;
	}
	json_object_foreach(json, key, value) {
		enum import_column column = import_find_column(span_of(key), &record->form);
		if (column != COLUMN_NONE && !record->values[column].len)
			record->values[column] = get_value(value, arena);
	}
	json_decref(json);
	return 0;
}
