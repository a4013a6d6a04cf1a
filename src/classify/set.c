/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of strings, quadratic all of them: a set has few. */
#include "classify/set.h"

#include <assert.h>
#include <errno.h>

#include "classify/fold.h"

static const struct span empty_string = { "", 0 };
static const char mark_bytes[] = { FOLD_BOUNDARY, FOLD_END };
static const struct span boundary = { &mark_bytes[0], 1 }, end_mark = { &mark_bytes[1], 1 };

const struct set set_of_empty = { &empty_string, 1, 0, 0, 0, true };
const struct set set_of_boundary = { &boundary, 1, 1, 1, 0, true }, set_of_end = { &end_mark, 1, 1, 1, 0, true };

static bool is_mark(char c)
{
	return c == FOLD_BOUNDARY || c == FOLD_END;
}

static bool is_word(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* One string that is a mark and nothing else. */
static bool set_is_mark(const struct set *set)
{
	return set->is_valid && set->count == 1 && set->items[0].len == 1 && is_mark(set->items[0].ptr[0]);
}

/* Room for that many strings, and for `bytes` of them behind. */
static struct span *make_items(struct set_maker *maker, size_t count, size_t bytes)
{
	struct span *items = arena_take(maker->arena, count * sizeof(*items) + bytes);

	if (!items)
		maker->error = -ENOMEM;
	return items;
}

static size_t get_smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool set_has(const struct set *set, struct span text)
{
	for (size_t i = 0; i < set->count; i++) {
		if (span_is_equal(set->items[i], text))
			return true;
	}
	return false;
}

void set_add_string(struct set_maker *maker, struct set *set, struct span text)
{
	size_t count = set->count;
	struct span *items;

	if (count == EXACT_MAX || set_has(set, text) || !(items = make_items(maker, count + 1, text.len)))
		return;
	for (size_t i = 0; i < count; i++)
		items[i] = set->items[i];
	items[count] = span_make(memcpy(items + count + 1, text.ptr, text.len), text.len);
	*set = (struct set){ items, count + 1, count ? get_smaller(set->shortest, text.len) : text.len,
			     length_get_larger(set->longest, text.len), 0, true };
}

struct set set_unite(struct set_maker *maker, const struct set *a, const struct set *b)
{
	struct set all = { NULL, 0, get_smaller(a->shortest, b->shortest), length_get_larger(a->longest, b->longest),
			   length_get_larger(a->reach, b->reach), a->is_valid && b->is_valid };
	struct span *items;

	if (!all.is_valid || !(items = make_items(maker, a->count + b->count, 0)))
		return (struct set){ .is_valid = false };
	all.items = items;
	for (size_t i = 0; i < a->count; i++)
		items[all.count++] = a->items[i];
	for (size_t i = 0; i < b->count; i++) {
		if (!set_has(a, b->items[i]))
			items[all.count++] = b->items[i];
	}
	all.is_valid = all.count <= LITERALS_MAX;
	return all;
}

/* Each string of a followed by each of b, in the bytes behind the items. */
static void join(const struct set *a, const struct set *b, struct span *items)
{
	char *bytes = (char *)(items + a->count * b->count);

	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++) {
			struct span first = a->items[i], second = b->items[j];
			*items++ = span_make(bytes, first.len + second.len);
			memcpy(bytes, first.ptr, first.len);
			memcpy(bytes + first.len, second.ptr, second.len);
			bytes += first.len + second.len;
		}
	}
}

bool set_append(struct set_maker *maker, struct set *a, const struct set *b)
{
	size_t count = a->count * b->count, longest = a->longest + b->longest;
	size_t limit = set_is_mark(a) || set_is_mark(b) ? LITERALS_MAX : EXACT_MAX;
	struct span *items;

	if (!b->is_valid || count > limit || longest > SET_STRING_MAX)
		return false;
	if (a->count == 1 && a->longest == 0) {
		*a = (struct set){ b->items, count, b->shortest, longest, a->reach, true };
		return true;
	}
	items = make_items(maker, count, count * longest);
	if (!items)
		return false;
	join(a, b, items);
	*a = (struct set){ items, count, a->shortest + b->shortest, longest, a->reach, true };
	return true;
}

void set_keep_better(struct set *best, const struct set *other)
{
	if (set_get_worth(other) > set_get_worth(best))
		*best = *other;
}

static bool set_has_marks(const struct set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		if (span_find_char(set->items[i], FOLD_BOUNDARY, 0) != SIZE_MAX || span_find_char(set->items[i], FOLD_END, 0) != SIZE_MAX)
			return true;
	}
	return false;
}

bool set_is_unambiguous(const struct set *set)
{
	bool is_prefix_free = true, is_suffix_free = true;

	for (size_t i = 0; i < set->count; i++) {
		for (size_t j = 0; j < set->count; j++) {
			is_prefix_free &= i == j || !span_has_prefix(set->items[i], set->items[j]);
			is_suffix_free &= i == j || !span_has_suffix_nocase(set->items[i], set->items[j]);
		}
	}
	return set->is_valid && set->shortest > 0 && (is_prefix_free || is_suffix_free) && !set_has_marks(set);
}

/* Has it marks only at its ends, and that of a boundary alone, where a word begins or ends? */
static bool is_settled(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool is_first = i == 0, is_last = i + 1 == text.len;
		if (is_mark(c) && (c == FOLD_END || is_first == is_last || !is_word(text.ptr[is_first ? 1 : i - 1])))
			return false;
	}
	return true;
}

/* Of the marks only those at the ends stay, and only where a word begins or ends. */
static struct span settle(struct set_maker *maker, struct span text)
{
	bool is_end = text.len > 0 && text.ptr[text.len - 1] == FOLD_END, is_open = false;
	size_t len = 0;
	char *bytes;

	if (is_settled(text))
		return text;
	bytes = arena_take(maker->arena, text.len + 3);
	if (!bytes) {
		maker->error = -ENOMEM;
		return empty_string;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (is_mark(text.ptr[i])) {
			is_open |= len == 0;
			continue;
		}
		if (len == 0 && is_open && is_word(text.ptr[i]))
			bytes[len++] = FOLD_BOUNDARY;
		bytes[len++] = text.ptr[i];
	}
	while (is_end && len > 0 && (unsigned char)bytes[len - 1] < 0x80 && !is_word(bytes[len - 1]))
		len--;
	if (len > 0 && is_mark(text.ptr[text.len - 1]) && is_word(bytes[len - 1])) {
		bytes[len++] = FOLD_BOUNDARY;
		if (is_end)
			bytes[len++] = FOLD_END;
	}
	return span_make(bytes, len);
}

static struct set set_settle(struct set_maker *maker, const struct set *set)
{
	struct span *items = make_items(maker, set->count, 0);
	struct set settled = { .items = items, .shortest = SET_STRING_MAX, .reach = set->reach, .is_valid = items != NULL };

	for (size_t i = 0; items && i < set->count; i++) {
		struct span item = settle(maker, set->items[i]);
		if (set_has(&settled, item))
			continue;
		items[settled.count++] = item;
		settled.shortest = get_smaller(settled.shortest, item.len);
		settled.longest = length_get_larger(settled.longest, item.len);
	}
	return settled;
}

/* One bit for each byte that stands in the string, some of them together: a string without one of another's holds it nowhere. */
static uint64_t get_bytes(struct span text)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < text.len; i++)
		bytes |= (uint64_t)1 << (unsigned char)text.ptr[i] % 64;
	return bytes;
}

/* As span_find; both are short. */
static size_t find_inside(struct span text, struct span part)
{
	for (size_t at = 0; at + part.len <= text.len; at++) {
		if (text.ptr[at] == part.ptr[0] && memcmp(text.ptr + at, part.ptr, part.len) == 0)
			return at;
	}
	return SIZE_MAX;
}

/* The strings of the set without those that hold another one; the most bytes that stand before that. */
static size_t take_minimal(const struct set *set, struct span *items, size_t *ret_count)
{
	uint64_t bytes[LITERALS_MAX];
	size_t inside = 0, count = 0;

	assert(set->count <= LITERALS_MAX);
	for (size_t i = 0; i < set->count; i++)
		bytes[i] = get_bytes(set->items[i]);
	for (size_t i = 0; i < set->count; i++) {
		bool is_implied = false;
		for (size_t j = 0; j < set->count; j++) {
			size_t at;
			if (set->items[j].len >= set->items[i].len || (bytes[j] & ~bytes[i])) /* all of them differ */
				continue;
			at = find_inside(set->items[i], set->items[j]);
			is_implied |= at != SIZE_MAX;
			inside = at == SIZE_MAX ? inside : length_get_larger(inside, at);
		}
		if (!is_implied)
			items[count++] = set->items[i];
	}
	*ret_count = count;
	return inside;
}

struct need set_minimize(struct set_maker *maker, const struct set *unsettled)
{
	struct set set = unsettled->is_valid ? set_settle(maker, unsettled) : *unsettled;
	struct need need = { set.items, set_get_worth(&set) ? set.count : 0, set.reach };
	struct span *items;

	if (need.count > 1 && set.shortest < set.longest && (items = make_items(maker, need.count, 0))) {
		need.reach = length_add(set.reach, take_minimal(&set, items, &need.count));
		need.items = items;
	}
	return need;
}

/* Do the marks inside the string hold, and none at its ends that the bytes there cannot tell? */
static bool is_consistent(struct span text, bool *ret_is_possible)
{
	char before = 0;
	bool is_marked = false;

	*ret_is_possible = true;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (is_mark(c)) {
			is_marked = true;
			continue;
		}
		if (is_marked && before == 0 && !is_word(c))
			return false;
		*ret_is_possible &= !is_marked || before == 0 || is_word(before) != is_word(c);
		is_marked = false;
		before = c;
	}
	return !is_marked || is_word(before);
}

size_t set_settle_exact(struct set_maker *maker, const struct set *set, struct span items[static EXACT_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		bool is_possible;
		if (!is_consistent(set->items[i], &is_possible))
			return 0;
		if (is_possible)
			items[count++] = settle(maker, set->items[i]);
	}
	return count;
}
