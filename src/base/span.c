/* SPDX-License-Identifier: BSD-2-Clause */
/* Spans: comparing, finding and cutting borrowed bytes.  Pure; any thread. */
#include "base/span.h"

#include <errno.h>

static bool is_piece_nocase(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

/* Nearly always they are alike in case, too, or differ at once. */
bool span_is_run_nocase(const char *a, const char *b, size_t len)
{
	for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t), a += sizeof(uint64_t), b += sizeof(uint64_t)) {
		uint64_t first, second;
		memcpy(&first, a, sizeof(first));
		memcpy(&second, b, sizeof(second));
		if (first != second && !is_piece_nocase(a, b, sizeof(first)))
			return false;
	}
	return is_piece_nocase(a, b, len);
}

bool span_has_prefix(struct span s, struct span prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool span_has_prefix_nocase(struct span s, struct span prefix)
{
	return s.len >= prefix.len && span_is_run_nocase(s.ptr, prefix.ptr, prefix.len);
}

bool span_has_suffix_nocase(struct span s, struct span suffix)
{
	return s.len >= suffix.len &&
	       span_is_run_nocase(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len);
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

/* How often texts have a letter or a blank; other bytes are rarer. */
static const unsigned char commonness[256] = {
	['z'] = 1,  ['q'] = 2,	['j'] = 3,  ['x'] = 4,	['k'] = 5,  ['v'] = 6,	['b'] = 7,  ['y'] = 8,	['w'] = 9,
	['p'] = 10, ['g'] = 11, ['f'] = 12, ['m'] = 13, ['u'] = 14, ['c'] = 15, ['d'] = 16, ['l'] = 17, ['h'] = 18,
	['r'] = 19, ['s'] = 20, ['n'] = 21, ['i'] = 22, ['o'] = 23, ['a'] = 24, ['t'] = 25, ['e'] = 26, [' '] = 27,
};

size_t span_get_anchor(struct span needle)
{
	size_t best = 0;
	unsigned best_rank = UINT8_MAX;

	for (size_t i = 0; i < needle.len && best_rank; i++) {
		unsigned rank = commonness[(unsigned char)ascii_lower(needle.ptr[i])];
		if (rank < best_rank) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

static const char *find_byte(const char *from, const char *end, char c)
{
	const char *hit = from < end ? memchr(from, c, (size_t)(end - from)) : NULL;

	return hit ? hit : end;
}

/* From one place of the needle's rarest byte, in either case, to the next. */
size_t span_find_anchored(struct span s, struct span needle, size_t anchor, size_t from)
{
	if (from > s.len || needle.len > s.len - from)
		return SIZE_MAX;
	if (needle.len == 0)
		return from;
	char low = ascii_lower(needle.ptr[anchor]), high = low >= 'a' && low <= 'z' ? (char)(low - 32) : low;
	const char *end = s.ptr + s.len - needle.len + anchor + 1, *at = s.ptr + from + anchor;
	const char *next_low = find_byte(at, end, low), *next_high = high == low ? end : find_byte(at, end, high);

	while ((at = next_low < next_high ? next_low : next_high) < end) {
		if (span_is_run_nocase(at - anchor, needle.ptr, needle.len))
			return (size_t)(at - anchor - s.ptr);
		if (at == next_low)
			next_low = find_byte(at + 1, end, low);
		else
			next_high = find_byte(at + 1, end, high);
	}
	return SIZE_MAX;
}

size_t span_find_nocase(struct span s, struct span needle, size_t from)
{
	return span_find_anchored(s, needle, span_get_anchor(needle), from);
}

struct span span_take(struct span *rest, char separator)
{
	size_t at = span_find_char(*rest, separator, 0);
	struct span piece = span_slice(*rest, 0, at);

	*rest = at == SIZE_MAX ? SPAN_NONE : span_skip(*rest, at + 1);
	return piece;
}

/* In pieces, so that a text without one of the two line ends is not searched to its end for each line. */
static size_t find_line_end(struct span s)
{
	enum { PIECE = 256 };

	for (size_t at = 0; at < s.len; at += PIECE) {
		size_t len = s.len - at < PIECE ? s.len - at : PIECE;
		const char *lf = memchr(s.ptr + at, '\n', len);
		const char *cr = memchr(s.ptr + at, '\r', lf ? (size_t)(lf - s.ptr) - at : len);
		if (cr || lf)
			return (size_t)((cr ? cr : lf) - s.ptr);
	}
	return s.len;
}

struct span span_take_line(struct span *rest)
{
	struct span line = *rest;
	size_t end = find_line_end(line);

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
