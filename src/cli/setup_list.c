/* SPDX-License-Identifier: BSD-2-Clause */
/* Postfix's lists.  One thread. */
#include "cli/setup_list.h"

static bool is_separator(char c)
{
	return c == ',' || ascii_is_space(c);
}

/* Where the item at the start of `s` ends. */
static size_t find_item_end(struct span s)
{
	size_t at = 0, depth = 0;

	for (; at < s.len; at++) {
		if (s.ptr[at] == '{')
			depth++;
		else if (s.ptr[at] == '}' && depth)
			depth--;
		else if (!depth && is_separator(s.ptr[at]))
			break;
	}
	return at;
}

struct span list_take(struct span *rest)
{
	while (rest->len && is_separator(rest->ptr[0]))
		*rest = span_skip(*rest, 1);
	if (!rest->len)
		return SPAN_NONE;
	size_t end = find_item_end(*rest);
	struct span item = span_slice(*rest, 0, end);
	*rest = span_skip(*rest, end);
	return item;
}

struct span list_get_endpoint(struct span item)
{
	if (!item.len || item.ptr[0] != '{')
		return item;
	struct span inside = span_slice(item, 1, item.len - (item.ptr[item.len - 1] == '}'));
	return list_take(&inside);
}

bool list_has(struct span list, struct span wanted)
{
	struct span item;

	while (span_is_known(item = list_take(&list)))
		if (span_is_equal(list_get_endpoint(item), wanted))
			return true;
	return false;
}

struct span list_join(struct arena *arena, struct span a, struct span b)
{
	return arena_printf(arena, "%.*s%s%.*s", SPAN_ARG(a), a.len && b.len ? ", " : "", SPAN_ARG(b));
}

static bool is_one_of(struct span endpoint, const char *const *endpoints, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (endpoints[i] && span_is_equal(endpoint, span_of(endpoints[i])))
			return true;
	return false;
}

/* Without commas and white space at the end. */
static struct span trim_separators(struct span s)
{
	while (s.len && is_separator(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct span list_without(struct arena *arena, struct span list, const char *const *endpoints, size_t count, bool with_keyword,
			 size_t *ret_count)
{
	struct span kept = SPAN_LIT(""), rest = list, item;
	size_t from = 0, keyword = 0; /* offsets: what is kept begins, the item before begins */

	*ret_count = 0;
	while (span_is_known(item = list_take(&rest))) {
		size_t start = (size_t)(item.ptr - list.ptr);
		if (is_one_of(list_get_endpoint(item), endpoints, count)) {
			size_t to = with_keyword ? keyword : start;
			kept = arena_printf(arena, "%.*s%.*s", SPAN_ARG(kept), SPAN_ARG(span_slice(list, from, to)));
			while (rest.len && is_separator(rest.ptr[0]))
				rest = span_skip(rest, 1);
			from = list.len - rest.len;
			start = from;
			++*ret_count;
		}
		keyword = start;
	}
	kept = arena_printf(arena, "%.*s%.*s", SPAN_ARG(kept), SPAN_ARG(span_slice(list, from, list.len)));
	return trim_separators(kept);
}
