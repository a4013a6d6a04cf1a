/* SPDX-License-Identifier: BSD-2-Clause */
/* A quote that never ends must not eat the file: a field in quotes has few lines, else its first line is refused alone. */
#include "cli/import_csv.h"

enum { QUOTED_LINES_MAX = 50, QUOTED_BYTES_MAX = 16 * 1024 };

struct field_scan {
	struct span text;
	size_t at;
	char delimiter;
};

static bool is_end(const struct field_scan *scan, size_t at)
{
	char c = at < scan->text.len ? scan->text.ptr[at] : '\n';

	return c == scan->delimiter || c == '\n' || (c == '\r' && (at + 1 >= scan->text.len || scan->text.ptr[at + 1] == '\n'));
}

/* Behind the closing quote; SIZE_MAX: there is none within reach. */
static size_t find_close(const struct field_scan *scan)
{
	unsigned lines = 0;

	for (size_t at = scan->at + 1; at < scan->text.len && at - scan->at < QUOTED_BYTES_MAX; at++) {
		char c = scan->text.ptr[at];
		if (c == '\n' && ++lines > QUOTED_LINES_MAX)
			return SIZE_MAX;
		if (c != '"')
			continue;
		if (at + 1 < scan->text.len && scan->text.ptr[at + 1] == '"')
			at++;
		else
			return at + 1;
	}
	return SIZE_MAX;
}

static struct span unescape(struct span text, struct arena *arena)
{
	char *bytes;
	size_t len = 0;

	if (span_find(text, SPAN_LIT("\"\""), 0) == SIZE_MAX || !(bytes = arena_alloc(arena, text.len)))
		return text;
	for (size_t i = 0; i < text.len; i++) {
		bytes[len++] = text.ptr[i];
		if (text.ptr[i] == '"')
			i++;
	}
	return span_make(bytes, len);
}

/* To the next delimiter that is not in quotes: "a b"@example.com is an address, not a field in quotes. */
static struct span take_plain(struct field_scan *scan)
{
	size_t start = scan->at;
	bool is_in_quotes = false;

	for (; scan->at < scan->text.len && scan->text.ptr[scan->at] != '\n'; scan->at++) {
		if (scan->text.ptr[scan->at] == '"')
			is_in_quotes = !is_in_quotes;
		if (!is_in_quotes && is_end(scan, scan->at))
			break;
	}
	return span_slice(scan->text, start, scan->at);
}

/* False: a quote that does not end. */
static bool take_field(struct field_scan *scan, struct arena *arena, struct span *ret_field)
{
	if (scan->at < scan->text.len && scan->text.ptr[scan->at] == '"') {
		size_t close = find_close(scan);
		if (close == SIZE_MAX)
			return false;
		if (is_end(scan, close)) {
			*ret_field = unescape(span_slice(scan->text, scan->at + 1, close - 1), arena);
			scan->at = close;
			return true;
		}
	}
	*ret_field = take_plain(scan);
	return true;
}

static void skip_line(struct span *window)
{
	size_t end = span_find_char(*window, '\n', 0);

	*window = span_skip(*window, end == SIZE_MAX ? window->len : end + 1);
}

/* What ended at the window's end may go on behind it. */
static bool is_whole(const struct field_scan *scan, bool is_last)
{
	return is_last || scan->at < scan->text.len;
}

enum import_result csv_take(struct span *window, char delimiter, bool is_last, struct arena *arena, struct csv_record *record,
			    const char **ret_why)
{
	struct field_scan scan = { span_slice(*window, 0, IMPORT_RECORD_MAX), 0, delimiter };
	bool is_all = is_last && scan.text.len == window->len, is_closed = true, is_more = true;
	struct span field;

	record->count = 0;
	while (is_more && (is_closed = take_field(&scan, arena, &field)) && is_whole(&scan, is_all)) {
		if (record->count < CSV_FIELDS_MAX)
			record->fields[record->count++] = field;
		is_more = scan.at < scan.text.len && scan.text.ptr[scan.at] == delimiter;
		if (is_more)
			scan.at++;
	}
	if (!is_more) {
		size_t end = span_find_char(scan.text, '\n', scan.at);
		*window = span_skip(*window, end == SIZE_MAX ? scan.text.len : end + 1);
		return IMPORT_ROW;
	}
	if (!is_all && window->len < IMPORT_RECORD_MAX)
		return IMPORT_MORE;
	skip_line(window);
	*ret_why = is_closed ? "the line is longer than 64 KiB" : "a quote does not end";
	return IMPORT_REFUSED;
}

char csv_find_delimiter(struct span line)
{
	static const char choices[] = ",;\t|";
	size_t counts[sizeof(choices)] = { 0 };
	bool is_in_quotes = false;
	size_t best = 0;

	for (size_t i = 0; i < line.len; i++) {
		const char *choice = line.ptr[i] && !is_in_quotes ? strchr(choices, line.ptr[i]) : NULL;
		is_in_quotes ^= line.ptr[i] == '"';
		if (choice)
			counts[choice - choices]++;
	}
	for (size_t i = 1; i < sizeof(choices) - 1; i++)
		best = counts[i] > counts[best] ? i : best;
	return choices[best];
}
