/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A span is a borrowed run of bytes: the form in which all remote text travels.
 * It is not terminated by NUL, may hold NUL, and is never freed by its holder.
 * An unknown text has ptr == NULL; an empty text that is known has len == 0 and ptr != NULL.
 * ASCII only: "nocase" folds A to Z and nothing else.  Pure; any thread.
 */
#ifndef KODAMA_BASE_SPAN_H
#define KODAMA_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *ptr;
	size_t len;
};

/* for printf: printf("%.*s", SPAN_ARG(s)) */
#define SPAN_ARG(s) ((int)((s).len > INT32_MAX ? INT32_MAX : (s).len)), ((s).ptr ? (s).ptr : "")
#define SPAN_LIT(text) ((struct span){ "" text, sizeof(text) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })

static inline struct span span_make(const char *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

/* The span of a C string; SPAN_NONE for NULL. */
static inline struct span span_of(const char *text)
{
	return text ? span_make(text, strlen(text)) : SPAN_NONE;
}

static inline bool span_is_known(struct span s)
{
	return s.ptr != NULL;
}

static inline bool span_is_empty(struct span s)
{
	return s.len == 0;
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static inline bool ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}

/* space, TAB, CR, LF, VT, FF */
static inline bool ascii_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* [from, to) of s; both are clamped to its length */
static inline struct span span_slice(struct span s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	return s.ptr ? span_make(s.ptr + from, to - from) : s;
}

static inline struct span span_skip(struct span s, size_t n)
{
	return span_slice(s, n, s.len);
}

/* `len` bytes at both places, nocase. */
bool span_is_run_nocase(const char *a, const char *b, size_t len);

static inline bool span_is_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_is_equal_nocase(struct span a, struct span b)
{
	return a.len == b.len && span_is_run_nocase(a.ptr, b.ptr, a.len);
}

bool span_has_prefix(struct span s, struct span prefix);
bool span_has_prefix_nocase(struct span s, struct span prefix);
bool span_has_suffix_nocase(struct span s, struct span suffix);

/* <0, 0, >0 like memcmp, the shorter one first when one is the other's prefix */
int span_compare(struct span a, struct span b);

/* Offset of the first occurrence at or after `from`, or SIZE_MAX. An empty needle is found at `from`. */
size_t span_find(struct span s, struct span needle, size_t from);
size_t span_find_nocase(struct span s, struct span needle, size_t from);
size_t span_find_char(struct span s, char c, size_t from);

/* For a needle that is looked for often: its byte that texts have least often, found once, to search by. */
size_t span_get_anchor(struct span needle);
size_t span_find_anchored(struct span s, struct span needle, size_t anchor, size_t from);

/* Without the white space at both ends, at the left, at the right. */
static inline struct span span_trim_left(struct span s)
{
	for (; s.len && ascii_is_space(s.ptr[0]); s.len--)
		s.ptr++;
	return s;
}

static inline struct span span_trim_right(struct span s)
{
	while (s.len && ascii_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static inline struct span span_trim(struct span s)
{
	return span_trim_left(span_trim_right(s));
}

/*
 * Cuts the text before the first `separator` off *rest and returns it; the whole rest if there is none.
 * After the last piece *rest is SPAN_NONE.  Loop: while (span_is_known(rest)) piece = span_take(&rest, ',');
 */
struct span span_take(struct span *rest, char separator);

/* The same with lines: ends at LF, CRLF or a CR alone; the line end is in neither. */
struct span span_take_line(struct span *rest);

/* Decimal digits only, the whole span, at most `max`; -EINVAL or -ERANGE, *ret_value untouched then. */
int span_parse_unsigned(struct span s, uint64_t max, uint64_t *ret_value) __attribute__((warn_unused_result));

#endif
