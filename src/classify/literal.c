/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The literals that a pattern needs: recursive descent over PCRE2's syntax (pcre2pattern(3)).
 * Each part yields the finite set of strings that it matches (exact), or else the best set of which it needs one.
 * Pure; any thread.
 */
#include "classify/literal.h"

#include <errno.h>

#include "classify/fold.h"

enum { DEPTH_MAX = 24, STRING_MAX = 64, REPEAT_INFINITE = INT32_MAX };

/* A set of strings; is_valid false: any string at all. */
struct set {
	struct span items[LITERALS_MAX];
	size_t count;
	bool is_valid;
};

struct part {
	struct set exact; /* it matches these and nothing else */
	struct set need;  /* each match holds one of these */
	bool is_zero_width;
	bool is_group;
	bool is_variable; /* holds a repeat of no fixed length, or alternatives */
	bool is_asserting; /* holds a zero-width test, so that the exact strings are not the whole truth */
};

struct reader {
	struct span pattern;
	size_t at;
	struct arena *arena;
	unsigned depth;
	int error;      /* -ENOMEM */
	bool is_lost;   /* syntax that is not read here: no literal at all */
	const char *hazard;
};

struct repeat {
	int32_t min, max;
	bool is_possessive;
};

static void read_alternatives(struct reader *reader, struct part *ret_part);

static bool is_end(const struct reader *reader)
{
	return reader->is_lost || reader->error || reader->at >= reader->pattern.len;
}

static char peek(const struct reader *reader)
{
	return reader->at < reader->pattern.len ? reader->pattern.ptr[reader->at] : '\0';
}

static bool take_text(struct reader *reader, const char *text)
{
	struct span rest = span_skip(reader->pattern, reader->at);

	if (!span_has_prefix(rest, span_of(text)))
		return false;
	reader->at += strlen(text);
	return true;
}

static struct set set_empty_string(void)
{
	struct set set = { .count = 1, .is_valid = true };

	set.items[0] = SPAN_LIT("");
	return set;
}

static struct span join(struct reader *reader, struct span a, struct span b)
{
	struct span whole;

	if (b.len == 0)
		return a;
	if (a.len == 0)
		return b;
	whole = arena_printf(reader->arena, "%.*s%.*s", SPAN_ARG(a), SPAN_ARG(b));
	if (!span_is_known(whole)) {
		reader->error = -ENOMEM;
		return SPAN_LIT("");
	}
	return whole;
}

static bool set_has(const struct set *set, struct span text)
{
	for (size_t i = 0; i < set->count; i++) {
		if (span_is_equal(set->items[i], text))
			return true;
	}
	return false;
}

/* a becomes all of a and b; not valid when that is too many. */
static void set_unite(struct set *a, const struct set *b)
{
	if (!a->is_valid || !b->is_valid) {
		a->is_valid = false;
		return;
	}
	for (size_t i = 0; i < b->count; i++) {
		if (set_has(a, b->items[i]))
			continue;
		if (a->count == LITERALS_MAX) {
			a->is_valid = false;
			return;
		}
		a->items[a->count++] = b->items[i];
	}
}

static size_t set_get_shortest(const struct set *set)
{
	size_t shortest = SIZE_MAX;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].len < shortest)
			shortest = set->items[i].len;
	}
	return set->count ? shortest : 0;
}

static size_t set_get_longest(const struct set *set)
{
	size_t longest = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].len > longest)
			longest = set->items[i].len;
	}
	return longest;
}

/* Each of a followed by each of b; false, and nothing done, when that is too many or too long. */
static bool set_append(struct reader *reader, struct set *a, const struct set *b)
{
	struct set product = { .is_valid = true };

	if (!b->is_valid || a->count * b->count > LITERALS_MAX || set_get_longest(a) + set_get_longest(b) > STRING_MAX)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++)
			product.items[product.count++] = join(reader, a->items[i], b->items[j]);
	}
	*a = product;
	return true;
}

/* How well a set filters: long strings and few of them. */
static size_t set_get_worth(const struct set *set)
{
	size_t shortest = set->is_valid ? set_get_shortest(set) : 0;

	return shortest < LITERAL_SIZE_MIN ? 0 : shortest * 8 - set->count / 2;
}

static void set_keep_better(struct set *best, const struct set *other)
{
	if (set_get_worth(other) > set_get_worth(best))
		*best = *other;
}

static void part_set_char(struct reader *reader, struct part *part, uint32_t code_point)
{
	char folded[FOLD_CHAR_SIZE];
	struct span text = arena_copy(reader->arena, span_make(folded, fold_char(code_point, folded)));

	if (!span_is_known(text)) {
		reader->error = -ENOMEM;
		return;
	}
	if (!set_has(&part->exact, text) && part->exact.count < LITERALS_MAX)
		part->exact.items[part->exact.count++] = text;
	part->exact.is_valid = true;
	if (code_point != (unsigned char)folded[0] && (unsigned char)folded[0] < 0x80 && !ascii_is_alpha(folded[0]))
		part->is_asserting = true; /* folding has taken this one away: the pattern itself never matches */
}

/* The character after a backslash, outside a class. */
static void read_escape(struct reader *reader, struct part *part)
{
	char c = peek(reader);

	reader->at++;
	if (!ascii_is_alnum(c)) { /* also the first byte of a character that is not ASCII: it stands for itself */
		part_set_char(reader, part, (unsigned char)c);
		reader->is_lost = (unsigned char)c >= 0x80;
		return;
	}
	switch (c) {
	case 's': case 'h':
		part_set_char(reader, part, ' '); /* the only white space that folded text has */
		break;
	case 'b': case 'B': case 'A': case 'z': case 'Z':
		part->is_zero_width = part->is_asserting = true;
		break;
	case 'd': case 'D': case 'w': case 'W': case 'S': case 'H':
		break;
	case 'x':
		if (peek(reader) == '{') {
			while (!is_end(reader) && peek(reader) != '}')
				reader->at++;
			reader->at++;
			break;
		}
		for (int i = 0; i < 2 && strchr("0123456789abcdefABCDEF", peek(reader)) && peek(reader); i++)
			reader->at++;
		break;
	default: /* back-references, \Q, \K, \p, \R and what else there is */
		reader->is_lost = true;
	}
}

/* One member of a class; false when the class is more than single characters. */
static bool read_class_member(struct reader *reader, struct part *part)
{
	size_t len;
	uint32_t c;

	if (peek(reader) == '[' && strchr(":.=", reader->at + 1 < reader->pattern.len ? reader->pattern.ptr[reader->at + 1] : 'x')) {
		size_t close = span_find(reader->pattern, SPAN_LIT(":]"), reader->at + 2);
		reader->at = close == SIZE_MAX ? reader->pattern.len : close + 2;
		return false;
	}
	if (peek(reader) == '\\') {
		char escaped;
		reader->at++;
		escaped = peek(reader);
		reader->at++;
		if (escaped == 'Q' || escaped == 'E')
			reader->is_lost = true;
		if (escaped == 's' || !ascii_is_alnum(escaped)) {
			reader->is_lost |= (unsigned char)escaped >= 0x80;
			part_set_char(reader, part, escaped == 's' ? ' ' : (unsigned char)escaped);
			return true;
		}
		return false;
	}
	c = code_point_take(span_skip(reader->pattern, reader->at), &len);
	reader->at += len;
	part_set_char(reader, part, c);
	return part->exact.count < LITERALS_MAX;
}

/* [...], after the bracket. */
static void read_class(struct reader *reader, struct part *part)
{
	bool is_plain = true, is_first = true;

	if (peek(reader) == '^') {
		reader->at++;
		is_plain = false;
	}
	for (; !is_end(reader) && (peek(reader) != ']' || is_first); is_first = false) {
		is_plain &= read_class_member(reader, part);
		if (peek(reader) == '-' && reader->at + 1 < reader->pattern.len && reader->pattern.ptr[reader->at + 1] != ']')
			is_plain = false; /* a range */
	}
	reader->at++;
	part->exact.is_valid = is_plain && part->exact.count > 0;
}

/* What stands after "(?" up to the group's content; false when the whole group is read already (flags, a comment). */
static bool read_group_head(struct reader *reader, bool *ret_is_look)
{
	if (take_text(reader, ":") || take_text(reader, ">"))
		return true;
	if (take_text(reader, "=") || take_text(reader, "!") || take_text(reader, "<=") || take_text(reader, "<!")) {
		*ret_is_look = true;
		return true;
	}
	if (take_text(reader, "#")) {
		size_t close = span_find_char(reader->pattern, ')', reader->at);
		reader->at = close == SIZE_MAX ? reader->pattern.len : close + 1;
		return false;
	}
	if (take_text(reader, "P<") || take_text(reader, "<")) {
		size_t close = span_find_char(reader->pattern, '>', reader->at);
		reader->at = close == SIZE_MAX ? reader->pattern.len : close + 1;
		return true;
	}
	while (peek(reader) && strchr("imsnUJ-^", peek(reader)))
		reader->at++;
	if (take_text(reader, ":"))
		return true;
	if (!take_text(reader, ")"))
		reader->is_lost = true; /* recursion, a condition, (?x), (?|...) */
	return false;
}

/* (...), after the bracket. */
static void read_group(struct reader *reader, struct part *part)
{
	bool is_look = false;

	if (peek(reader) == '*' || reader->depth >= DEPTH_MAX) {
		reader->is_lost = true;
		return;
	}
	if (take_text(reader, "?") && !read_group_head(reader, &is_look)) {
		part->is_zero_width = part->is_asserting = true;
		return;
	}
	reader->depth++;
	read_alternatives(reader, part);
	reader->depth--;
	reader->at++; /* the closing bracket */
	part->is_group = true;
	if (is_look) {
		*part = (struct part){ .is_zero_width = true, .is_asserting = true };
	}
}

static void read_atom(struct reader *reader, struct part *part)
{
	size_t len;
	uint32_t c = code_point_take(span_skip(reader->pattern, reader->at), &len);

	*part = (struct part){ .exact = { .is_valid = false } };
	reader->at += len;
	switch (c) {
	case '\\':
		read_escape(reader, part);
		break;
	case '[':
		read_class(reader, part);
		break;
	case '(':
		read_group(reader, part);
		break;
	case '^': case '$':
		part->is_zero_width = part->is_asserting = true;
		break;
	case '.':
		break;
	default:
		part_set_char(reader, part, c);
	}
}

/* {n}, {n,}, {n,m} at the place where the reader stands; false: a brace that stands for itself. */
static bool read_braces(struct reader *reader, struct repeat *repeat)
{
	size_t close = span_find_char(reader->pattern, '}', reader->at);
	struct span inside, low;
	uint64_t min, max;

	if (close == SIZE_MAX)
		return false;
	inside = span_slice(reader->pattern, reader->at + 1, close);
	low = span_take(&inside, ',');
	if (span_parse_unsigned(low, 65535, &min) < 0)
		return false;
	max = min;
	if (span_is_known(inside) && span_is_empty(inside))
		max = REPEAT_INFINITE;
	else if (span_is_known(inside) && span_parse_unsigned(inside, 65535, &max) < 0)
		return false;
	*repeat = (struct repeat){ (int32_t)min, (int32_t)max, false };
	reader->at = close + 1;
	return true;
}

static struct repeat read_repeat(struct reader *reader)
{
	struct repeat repeat = { 1, 1, false };

	if (take_text(reader, "*"))
		repeat = (struct repeat){ 0, REPEAT_INFINITE, false };
	else if (take_text(reader, "+"))
		repeat = (struct repeat){ 1, REPEAT_INFINITE, false };
	else if (take_text(reader, "?"))
		repeat = (struct repeat){ 0, 1, false };
	else if (peek(reader) != '{' || !read_braces(reader, &repeat))
		return repeat;
	if (take_text(reader, "+"))
		repeat.is_possessive = true;
	else
		(void)take_text(reader, "?");
	return repeat;
}

/* What has been read of a sequence: `run` is what stands next to each other at its end. */
struct sequence {
	struct set run;
	struct set need;
	bool is_whole; /* run is all of it */
};

static void sequence_break(struct sequence *sequence)
{
	set_keep_better(&sequence->need, &sequence->run);
	sequence->run = set_empty_string();
	sequence->is_whole = false;
}

static void sequence_add(struct reader *reader, struct sequence *sequence, const struct part *part, struct repeat repeat)
{
	if (repeat.min == 0 && repeat.max == 1 && part->exact.is_valid) {
		struct set optional = part->exact, nothing = set_empty_string();
		set_unite(&optional, &nothing);
		if (set_append(reader, &sequence->run, &optional))
			return;
	}
	if (repeat.min == 0) {
		sequence_break(sequence);
		return;
	}
	if (!set_append(reader, &sequence->run, &part->exact)) {
		sequence_break(sequence);
		set_keep_better(&sequence->need, &part->exact);
		set_keep_better(&sequence->need, &part->need);
	}
	if (repeat.max != 1)
		sequence_break(sequence);
}

/* A repeat without end around something that can match one text in several ways is exponential. */
static void look_for_hazard(struct reader *reader, const struct part *part, struct repeat repeat)
{
	if (repeat.max == REPEAT_INFINITE && part->is_group && part->is_variable && !repeat.is_possessive)
		reader->hazard = "an unbounded repeat around what itself repeats or has alternatives";
}

static void read_sequence(struct reader *reader, struct part *ret_part)
{
	struct sequence sequence = { set_empty_string(), { .is_valid = false }, true };

	*ret_part = (struct part){ .is_zero_width = false };
	while (!is_end(reader) && peek(reader) != '|' && peek(reader) != ')') {
		struct part part;
		struct repeat repeat;

		read_atom(reader, &part);
		if (reader->is_lost || reader->error)
			return;
		repeat = read_repeat(reader);
		look_for_hazard(reader, &part, repeat);
		ret_part->is_variable |= part.is_variable || repeat.min != repeat.max;
		ret_part->is_asserting |= part.is_asserting;
		if (!part.is_zero_width)
			sequence_add(reader, &sequence, &part, repeat);
	}
	ret_part->exact = sequence.run;
	if (!sequence.is_whole) {
		sequence_break(&sequence);
		ret_part->exact.is_valid = false;
	}
	ret_part->need = sequence.need;
}

static void read_alternatives(struct reader *reader, struct part *ret_part)
{
	read_sequence(reader, ret_part);
	while (!is_end(reader) && peek(reader) == '|') {
		struct part other;
		struct set need = ret_part->need, other_need;

		reader->at++;
		read_sequence(reader, &other);
		set_keep_better(&need, &ret_part->exact);
		other_need = other.need;
		set_keep_better(&other_need, &other.exact);
		set_unite(&need, &other_need);
		ret_part->need = need;
		set_unite(&ret_part->exact, &other.exact);
		ret_part->is_variable = true;
		ret_part->is_asserting |= other.is_asserting;
	}
}

int literals_find(struct span pattern, struct arena *arena, struct literals *ret_literals)
{
	struct reader reader = { .pattern = pattern, .arena = arena };
	struct part part;

	*ret_literals = (struct literals){ .count = 0 };
	read_alternatives(&reader, &part);
	if (reader.error)
		return reader.error;
	ret_literals->hazard = reader.hazard;
	if (reader.is_lost)
		return 0;
	set_keep_better(&part.need, &part.exact);
	if (set_get_worth(&part.need) == 0)
		return 0;
	ret_literals->count = part.need.count;
	memcpy(ret_literals->items, part.need.items, sizeof(part.need.items));
	ret_literals->is_exact = part.exact.is_valid && part.exact.count == 1 && !part.is_asserting;
	return 0;
}
