/* SPDX-License-Identifier: BSD-2-Clause */
/* The alternatives of a pattern (pcre2pattern(3)).  Pure. */
#include "classify/alternative.h"

static char byte_at(struct span pattern, size_t at)
{
	return at < pattern.len ? pattern.ptr[at] : '\0';
}

/* Behind the class that begins at `at`. */
static size_t skip_class(struct span pattern, size_t at)
{
	at++;
	if (byte_at(pattern, at) == '^')
		at++;
	if (byte_at(pattern, at) == ']')
		at++;
	while (at < pattern.len && pattern.ptr[at] != ']') {
		if (pattern.ptr[at] == '\\') {
			at += 2;
		} else if (pattern.ptr[at] == '[' && byte_at(pattern, at + 1) == ':') {
			size_t close = span_find(pattern, SPAN_LIT(":]"), at + 2);
			at = close == SIZE_MAX ? pattern.len : close + 2;
		} else {
			at++;
		}
	}
	return at + 1;
}

/* "(*VERB)", "(?i)" and "(?#" at the top, "\Q" and "\E" anywhere: what stands behind depends on it. */
static bool is_beyond_us(struct span pattern, size_t at, unsigned depth)
{
	char next = byte_at(pattern, at + 1), third = byte_at(pattern, at + 2);

	if (pattern.ptr[at] == '\\')
		return next == 'Q' || next == 'E';
	if (next == '*' || (next == '?' && (third == '#' || third == '|')))
		return true;
	return depth == 0 && next == '?' && !strchr(":=!<>P", third);
}

/* Where the first alternative ends, or the pattern. */
static size_t find_end(struct span pattern)
{
	unsigned depth = 0;

	for (size_t at = 0; at < pattern.len;) {
		switch (pattern.ptr[at]) {
		case '\\':
			at += 2;
			continue;
		case '[':
			at = skip_class(pattern, at);
			continue;
		case '(':
			depth++;
			break;
		case ')':
			depth -= depth > 0;
			break;
		case '|':
			if (depth == 0)
				return at;
		}
		at++;
	}
	return pattern.len;
}

/* Is there something in the pattern for which it cannot be cut? */
static bool is_whole(struct span pattern)
{
	unsigned depth = 0;

	for (size_t at = 0; at < pattern.len;) {
		switch (pattern.ptr[at]) {
		case '\\':
			if (is_beyond_us(pattern, at, depth))
				return true;
			at += 2;
			continue;
		case '[':
			at = skip_class(pattern, at);
			continue;
		case '(':
			if (is_beyond_us(pattern, at, depth))
				return true;
			depth++;
			break;
		case ')':
			depth -= depth > 0;
		}
		at++;
	}
	return false;
}

struct alternatives alternatives_of(struct span pattern)
{
	return (struct alternatives){ pattern, is_whole(pattern) };
}

struct span alternatives_take(struct alternatives *alternatives)
{
	struct span whole = alternatives->rest;
	size_t end = alternatives->is_whole ? whole.len : find_end(whole);

	alternatives->rest = end < whole.len ? span_skip(whole, end + 1) : SPAN_NONE;
	return span_slice(whole, 0, end);
}

bool alternative_is_single(struct span pattern)
{
	return !is_whole(pattern) && find_end(pattern) == pattern.len;
}
