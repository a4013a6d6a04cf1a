/* SPDX-License-Identifier: BSD-2-Clause */
/* Spans: comparing, finding and cutting borrowed bytes.  Pure; any thread. */
#include "base/span.h"

#include <errno.h>

bool span_is_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_run_nocase(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

bool span_is_equal_nocase(struct span a, struct span b)
{
	return a.len == b.len && is_run_nocase(a.ptr, b.ptr, a.len);
}

bool span_has_prefix(struct span s, struct span prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool span_has_prefix_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len && is_run_nocase(s.ptr, prefix.ptr, prefix.len);
}

bool span_has_suffix_nocase(struct span s, struct span suffix)
{
	return s.len >= suffix.len &&
	       is_run_nocase(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len);
}

int span_compare(struct span a, struct span b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order != 0 || a.len == b.len)
		return order;
	return a.len < b.len ? -1 : 1;
}

size_t span_find_char(struct span s, char c, size_t from)
{
	const char *hit = from < s.len ? memchr(s.ptr + from, c, s.len - from) : NULL;

	return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t span_find(struct span s, struct span needle, size_t from)
{
	const char *hit;

	if (from > s.len || needle.len > s.len - from)
		return SIZE_MAX;
	if (needle.len == 0)
		return from;
	hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
	return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t span_find_nocase(struct span s, struct span needle, size_t from)
{
	if (from > s.len || needle.len > s.len - from)
		return SIZE_MAX;
	for (size_t at = from; at + needle.len <= s.len; at++) {
		if (is_run_nocase(s.ptr + at, needle.ptr, needle.len))
			return at;
	}
	return SIZE_MAX;
}

struct span span_trim_left(struct span s)
{
	while (s.len && ascii_is_space(s.ptr[0]))
		s = span_skip(s, 1);
	return s;
}

struct span span_trim_right(struct span s)
{
	while (s.len && ascii_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct span span_trim(struct span s)
{
	return span_trim_left(span_trim_right(s));
}

struct span span_take(struct span *rest, char separator)
{
	size_t at = span_find_char(*rest, separator, 0);
	struct span piece = span_slice(*rest, 0, at);

	*rest = at == SIZE_MAX ? SPAN_NONE : span_skip(*rest, at + 1);
	return piece;
}

struct span span_take_line(struct span *rest)
{
	struct span line = *rest;
	size_t end = 0;

	while (end < line.len && line.ptr[end] != '\n' && line.ptr[end] != '\r')
		end++;
	if (end == line.len) {
		*rest = SPAN_NONE;
		return line;
	}
	size_t next = end + 1;
	if (line.ptr[end] == '\r' && next < line.len && line.ptr[next] == '\n')
		next++;
	*rest = next == line.len ? SPAN_NONE : span_skip(line, next);
	return span_slice(line, 0, end);
}

int span_parse_unsigned(struct span s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.ptr[i]))
			return -EINVAL;
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return 0;
}
