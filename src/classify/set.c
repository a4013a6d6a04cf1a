/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of strings, quadratic all of them: a set has few. */
#include "classify/set.h"

#include <assert.h>
#include <errno.h>

#include "classify/fold.h"

static const struct span empty_string = { "", 0 };
static const char mark_bytes[] = { FOLD_BOUNDARY, FOLD_END };
static const struct span boundary = { &mark_bytes[0], 1 }, end_mark = { &mark_bytes[1], 1 };

const struct set set_of_empty = { &empty_string, 1, true, 0 };
const struct set set_of_boundary = { &boundary, 1, true, 0 }, set_of_end = { &end_mark, 1, true, 0 };

static bool is_mark(char c)
{
	return c == FOLD_BOUNDARY || c == FOLD_END;
}

/* One string that is a mark and nothing else. */
static bool set_is_mark(const struct set *set)
{
	return set->is_valid && set->count == 1 && set->items[0].len == 1 && is_mark(set->items[0].ptr[0]);
}

static struct span *make_items(struct set_maker *maker, size_t count)
{
	struct span *items = arena_alloc(maker->arena, count * sizeof(*items));

	if (!items)
		maker->error = -ENOMEM;
	return items;
}

static struct span join(struct set_maker *maker, struct span a, struct span b)
{
	char *whole;

	if (b.len == 0)
		return a;
	if (a.len == 0)
		return b;
	whole = arena_alloc(maker->arena, a.len + b.len);
	if (!whole) {
		maker->error = -ENOMEM;
		return empty_string;
	}
	memcpy(whole, a.ptr, a.len);
	memcpy(whole + a.len, b.ptr, b.len);
	return span_make(whole, a.len + b.len);
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
	struct span *items = make_items(maker, set->count + 1);

	if (!span_is_known(text))
		maker->error = -ENOMEM;
	if (maker->error || set->count == EXACT_MAX || set_has(set, text))
		return;
	for (size_t i = 0; i < set->count; i++)
		items[i] = set->items[i];
	items[set->count] = text;
	*set = (struct set){ items, set->count + 1, true, 0 };
}

struct set set_unite(struct set_maker *maker, const struct set *a, const struct set *b)
{
	struct set all = { .is_valid = a->is_valid && b->is_valid, .reach = length_get_larger(a->reach, b->reach) };
	struct span *items;

	if (!all.is_valid || !(items = make_items(maker, a->count + b->count)))
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

size_t set_get_shortest(const struct set *set)
{
	size_t shortest = SIZE_MAX;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].len < shortest)
			shortest = set->items[i].len;
	}
	return set->count ? shortest : 0;
}

size_t set_get_longest(const struct set *set)
{
	size_t longest = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].len > longest)
			longest = set->items[i].len;
	}
	return longest;
}

bool set_append(struct set_maker *maker, struct set *a, const struct set *b)
{
	size_t count = a->count * b->count, used = 0;
	size_t limit = set_is_mark(a) || set_is_mark(b) ? LITERALS_MAX : EXACT_MAX;
	struct span *items;

	if (!b->is_valid || count > limit || set_get_longest(a) + set_get_longest(b) > SET_STRING_MAX)
		return false;
	items = make_items(maker, count);
	if (!items)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++)
			items[used++] = join(maker, a->items[i], b->items[j]);
	}
	*a = (struct set){ items, count, true, a->reach };
	return true;
}

size_t set_get_worth(const struct set *set)
{
	size_t shortest = set->is_valid ? set_get_shortest(set) : 0;

	return shortest < LITERAL_SIZE_MIN ? 0 : shortest * 8 - set->count / 2;
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
	return set->is_valid && set_get_shortest(set) > 0 && (is_prefix_free || is_suffix_free) && !set_has_marks(set);
}

static bool is_word(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* Of the marks only those at the ends stay, and only where a word begins or ends. */
static struct span settle(struct set_maker *maker, struct span text)
{
	char *bytes = arena_take(maker->arena, text.len + 3);
	bool is_end = text.len > 0 && text.ptr[text.len - 1] == FOLD_END, is_open = false;
	size_t len = 0;

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
	struct span *items = make_items(maker, set->count + 1);
	struct set settled = { items, 0, set->is_valid, set->reach };

	for (size_t i = 0; items && i < set->count; i++) {
		struct span item = settle(maker, set->items[i]);
		if (!set_has(&settled, item))
			items[settled.count++] = item;
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

struct need set_minimize(struct set_maker *maker, const struct set *unsettled)
{
	struct set settled = unsettled->is_valid ? set_settle(maker, unsettled) : (struct set){ .reach = unsettled->reach };
	const struct set *set = &settled;
	uint64_t bytes[LITERALS_MAX];
	struct span *items = make_items(maker, set->count + 1);
	struct need need = { items, 0, 0 };
	size_t inside = 0;

	assert(set->count <= LITERALS_MAX);
	for (size_t i = 0; i < set->count; i++)
		bytes[i] = get_bytes(set->items[i]);
	for (size_t i = 0; items && set_get_worth(set) > 0 && i < set->count; i++) {
		bool is_implied = false;
		for (size_t j = 0; j < set->count; j++) {
			size_t at;
			if (set->items[j].len >= set->items[i].len || (bytes[j] & ~bytes[i])) /* all of them differ */
				continue;
			at = span_find(set->items[i], set->items[j], 0);
			is_implied |= at != SIZE_MAX;
			inside = at == SIZE_MAX ? inside : length_get_larger(inside, at);
		}
		if (!is_implied)
			items[need.count++] = set->items[i];
	}
	need.reach = length_add(set->reach, inside);
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
