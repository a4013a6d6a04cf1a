/* SPDX-License-Identifier: BSD-2-Clause */
/* A statement for one row of parameters as one for many of them, in PostgreSQL's SQL: by arrays, or by COPY.  Pure. */
#include "store/arrays.h"

static void add_unnest(struct buffer *text, const char *const *types, size_t count)
{
	buffer_add(text, SPAN_LIT("unnest("));
	for (size_t i = 0; i < count; i++)
		buffer_printf(text, "%s$%zu::%s[]", i ? ", " : "", i + 1, types[i]);
	buffer_add_char(text, ')');
}

static bool make_insert(struct span statement, const char *const *types, size_t count, struct buffer *text)
{
	static const char word[] = " VALUES";
	const char *at = memmem(statement.ptr, statement.len, word, sizeof(word) - 1);
	struct buffer row;

	if (!at)
		return false;
	size_t head = (size_t)(at - statement.ptr);
	struct span rest = span_skip(statement, head + sizeof(word) - 1);
	buffer_init(&row, 1024);
	for (size_t i = 0; i < count; i++)
		buffer_printf(&row, "%s$%zu", i ? ", " : "(", i + 1);
	buffer_add_char(&row, ')');
	bool is_such = !row.is_cut && span_has_prefix(rest, buffer_get(&row));
	rest = span_skip(rest, row.len);
	buffer_done(&row);
	if (!is_such || span_find_char(rest, '$', 0) < rest.len)
		return false;
	buffer_add(text, span_slice(statement, 0, head));
	buffer_add(text, SPAN_LIT(" SELECT * FROM "));
	add_unnest(text, types, count);
	buffer_add(text, rest);
	return true;
}

/*
 * Each row of parameters is a look of its own: what has an OFFSET is not joined, and what was planned when the table was empty would read all of
 * it for good otherwise.
 */
static bool make_select(struct span statement, const char *const *types, size_t count, struct buffer *text)
{
	buffer_add(text, SPAN_LIT("SELECT v.nth, q.* FROM "));
	add_unnest(text, types, count);
	buffer_add(text, SPAN_LIT(" WITH ORDINALITY AS v("));
	for (size_t i = 0; i < count; i++)
		buffer_printf(text, "p%zu, ", i + 1);
	buffer_add(text, SPAN_LIT("nth) CROSS JOIN LATERAL ("));
	while (statement.len) {
		size_t at = span_find_char(statement, '$', 0);
		buffer_add(text, span_slice(statement, 0, at));
		statement = span_skip(statement, at);
		if (statement.len)
			buffer_add(text, SPAN_LIT("v.p"));
		statement = span_skip(statement, 1);
	}
	buffer_add(text, SPAN_LIT(" OFFSET 0) AS q"));
	return true;
}

static bool make_delete(struct span statement, const char *const *types, size_t count, struct buffer *text)
{
	static const char end[] = " = $1";

	if (count != 1 || !span_has_suffix_nocase(statement, span_of(end)))
		return false;
	buffer_add(text, span_slice(statement, 0, statement.len - strlen(end)));
	buffer_printf(text, " = ANY($1::%s[])", types[0]);
	return true;
}

bool arrays_make_statement(struct span statement, const char *const *types, size_t count, struct buffer *ret_text)
{
	bool is_made = false;

	buffer_clear(ret_text);
	if (count && span_has_prefix(statement, SPAN_LIT("INSERT ")))
		is_made = make_insert(statement, types, count, ret_text);
	else if (count && span_has_prefix(statement, SPAN_LIT("SELECT ")))
		is_made = make_select(statement, types, count, ret_text);
	else if (count && span_has_prefix(statement, SPAN_LIT("DELETE ")))
		is_made = make_delete(statement, types, count, ret_text);
	return is_made && !ret_text->is_cut;
}

bool arrays_make_copy(struct span statement, struct buffer *text)
{
	static const char head[] = "INSERT INTO ", word[] = " VALUES";
	const char *at = memmem(statement.ptr, statement.len, word, strlen(word));

	if (!at || !span_has_prefix(statement, span_of(head)))
		return false;
	buffer_add(text, SPAN_LIT("COPY "));
	buffer_add(text, span_slice(statement, strlen(head), (size_t)(at - statement.ptr)));
	buffer_add(text, SPAN_LIT(" FROM STDIN"));
	return !text->is_cut;
}

enum { NUMBER_SIZE = 21 };

/* The longest that it may become, with a comma. */
static size_t measure(const struct sql_value *value)
{
	return value->kind == SQL_TEXT ? 2 * value->text.len + 3 : NUMBER_SIZE + 1;
}

static char *put_text(char *to, struct span text)
{
	*to++ = '"';
	/* the server has no NUL: as elsewhere, the text ends there */
	for (size_t i = 0; i < text.len && text.ptr[i]; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			*to++ = '\\';
		*to++ = text.ptr[i];
	}
	*to++ = '"';
	return to;
}

/* By hand: printf would be a tenth of a big import's time. */
static char *put_number(char *to, int64_t number)
{
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[NUMBER_SIZE], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		*--at = '-';
	size_t len = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, len);
	return to + len;
}

static char *put_value(char *to, const struct sql_value *value)
{
	if (value->kind == SQL_TEXT)
		return put_text(to, value->text);
	if (value->kind == SQL_NUMBER)
		return put_number(to, value->number);
	memcpy(to, "NULL", 4);
	return to + 4;
}

const char *arrays_format(struct arena *arena, const struct sql_value *values, size_t step, size_t times)
{
	size_t size = 3;

	for (size_t i = 0; i < times; i++)
		size += measure(&values[i * step]);
	char *text = arena_alloc(arena, size), *to = text;
	if (!text)
		return NULL;
	*to++ = '{';
	for (size_t i = 0; i < times; i++) {
		if (i)
			*to++ = ',';
		to = put_value(to, &values[i * step]);
	}
	*to++ = '}';
	*to = '\0';
	return text;
}

static char *put_copied(char *to, const struct sql_value *value)
{
	static const char escapes[256] = { ['\\'] = '\\', ['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r' };

	if (value->kind == SQL_NUMBER)
		return put_number(to, value->number);
	if (value->kind == SQL_NULL) {
		*to++ = '\\';
		*to++ = 'N';
		return to;
	}
	for (size_t i = 0; i < value->text.len && value->text.ptr[i]; i++) {
		char c = value->text.ptr[i], escape = escapes[(unsigned char)c];
		if (escape)
			*to++ = '\\';
		*to++ = escape ? escape : c;
	}
	return to;
}

struct span arrays_format_copy(struct arena *arena, const struct sql_value *values, size_t count, size_t times)
{
	size_t size = 1;

	for (size_t i = 0; i < count * times; i++)
		size += measure(&values[i]);
	char *text = arena_alloc(arena, size), *to = text;
	for (size_t i = 0; text && i < count * times; i++) {
		to = put_copied(to, &values[i]);
		*to++ = i % count == count - 1 ? '\n' : '\t';
	}
	return text ? span_make(text, (size_t)(to - text)) : SPAN_NONE;
}
