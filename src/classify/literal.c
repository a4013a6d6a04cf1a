/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The literals that a pattern needs: recursive descent over PCRE2's syntax (pcre2pattern(3)).
 * Each part yields the finite set of strings that it matches (exact), or else the best set of which it needs one.
 * Pure; any thread.
 */
#include "classify/literal.h"

#include <errno.h>

#include "base/utf8.h"
#include "classify/fold.h"

enum { DEPTH_MAX = 24, STRING_MAX = 64, SAMPLE_SIZE = 512, REPEAT_MANY = 8, REPEAT_INFINITE = INT32_MAX };

/* A set of strings, in the arena, never changed; is_valid false: any string at all. */
struct set {
	const struct span *items;
	size_t count;
	bool is_valid;
	size_t reach; /* of a need: at most that many bytes of its part stand before it */
};

struct part {
	struct set exact; /* it matches these and nothing else */
	struct set needs[NEEDS]; /* each match holds one of each of these, the best first */
	bool is_zero_width;
	char mark;          /* zero-width, and kept in the strings; 0: not kept */
	bool is_nonword;    /* \W */
	bool is_group;
	bool is_variable; /* holds a repeat of no fixed length, or alternatives */
	bool is_doubled;  /* two of its alternatives are the same */
	bool is_asserting; /* holds a zero-width test other than \\b, or takes alternatives in another order: the exact strings are not all */
	size_t longest;    /* at most that many bytes are matched; LITERAL_FAR: nobody knows */
	char example;      /* a byte that a single character of many kinds matches; 0: the exact string */
	struct span pieces[PIECES_MAX]; /* of a group: an example of each alternative */
	size_t piece_count;
};

struct reader {
	struct span pattern;
	size_t at;
	struct arena *arena;
	unsigned depth;
	bool is_at_boundary; /* what was read last is a boundary of a word: what comes now begins there */
	int error;      /* -ENOMEM */
	bool is_lost;   /* syntax that is not read here: no literal at all */
	struct literals *literals; /* suspects go there */
	char sample[SAMPLE_SIZE];  /* an example of what has been read so far */
	size_t sample_len;
};

struct repeat {
	int32_t min, max;
	bool is_possessive, is_lazy;
};

static void read_alternatives(struct reader *reader, bool is_at_boundary, struct part *ret_part);

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

static const struct span empty_string = { "", 0 };
static const struct set set_empty_string = { &empty_string, 1, true, 0 };
static const char mark_bytes[] = { FOLD_BOUNDARY, FOLD_END };
static const struct span boundary = { &mark_bytes[0], 1 }, end_mark = { &mark_bytes[1], 1 };
static const struct set set_boundary = { &boundary, 1, true, 0 }, set_end = { &end_mark, 1, true, 0 };

static bool is_mark(char c)
{
	return c == FOLD_BOUNDARY || c == FOLD_END;
}

/* One string that is a mark and nothing else. */
static bool set_is_mark(const struct set *set)
{
	return set->is_valid && set->count == 1 && set->items[0].len == 1 && is_mark(set->items[0].ptr[0]);
}

static struct span *make_items(struct reader *reader, size_t count)
{
	struct span *items = arena_alloc(reader->arena, count * sizeof(*items));

	if (!items)
		reader->error = -ENOMEM;
	return items;
}

static struct span join(struct reader *reader, struct span a, struct span b)
{
	char *whole;

	if (b.len == 0)
		return a;
	if (a.len == 0)
		return b;
	whole = arena_alloc(reader->arena, a.len + b.len);
	if (!whole) {
		reader->error = -ENOMEM;
		return empty_string;
	}
	memcpy(whole, a.ptr, a.len);
	memcpy(whole + a.len, b.ptr, b.len);
	return span_make(whole, a.len + b.len);
}

static bool set_has(const struct set *set, struct span text)
{
	for (size_t i = 0; i < set->count; i++) {
		if (span_is_equal(set->items[i], text))
			return true;
	}
	return false;
}

/* Lengths, as far as anybody wants to know. */
static size_t add_lengths(size_t a, size_t b)
{
	return a + b < LITERAL_FAR ? a + b : LITERAL_FAR;
}

static size_t multiply_length(size_t length, int32_t times)
{
	return length < LITERAL_FAR && times < LITERAL_FAR && length * (size_t)times < LITERAL_FAR ? length * (size_t)times : LITERAL_FAR;
}

static size_t get_larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* All of a and b; not valid when that is too many. */
static struct set set_unite(struct reader *reader, const struct set *a, const struct set *b)
{
	struct set all = { .is_valid = a->is_valid && b->is_valid, .reach = get_larger(a->reach, b->reach) };
	struct span *items;

	if (!all.is_valid || !(items = make_items(reader, a->count + b->count)))
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
	size_t count = a->count * b->count, used = 0;
	size_t limit = set_is_mark(a) || set_is_mark(b) ? LITERALS_MAX : EXACT_MAX;
	struct span *items;

	if (!b->is_valid || count > limit || set_get_longest(a) + set_get_longest(b) > STRING_MAX)
		return false;
	items = make_items(reader, count);
	if (!items)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++)
			items[used++] = join(reader, a->items[i], b->items[j]);
	}
	*a = (struct set){ items, count, true, a->reach };
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

/* `other` stands somewhere else than what the needs came from: both hold. */
static void needs_add(struct set needs[NEEDS], struct set other)
{
	for (unsigned i = 0; i < NEEDS; i++) {
		if (set_get_worth(&other) > set_get_worth(&needs[i])) {
			struct set displaced = needs[i];
			needs[i] = other;
			other = displaced;
		}
	}
}

static void sample_add(struct reader *reader, struct span text)
{
	for (size_t i = 0; i < text.len && reader->sample_len < sizeof(reader->sample); i++)
		reader->sample[reader->sample_len++] = text.ptr[i];
}

static struct span sample_copy(struct reader *reader, size_t from, size_t to)
{
	struct span copy = arena_copy(reader->arena, span_make(reader->sample + from, to - from));

	if (!span_is_known(copy))
		reader->error = -ENOMEM;
	return copy;
}

/* One more string that the part may match; past EXACT_MAX it may match anything. */
static void part_add_string(struct reader *reader, struct part *part, struct span text)
{
	struct span *items = make_items(reader, part->exact.count + 1);

	if (!span_is_known(text))
		reader->error = -ENOMEM;
	if (reader->error || part->exact.count == EXACT_MAX || set_has(&part->exact, text))
		return;
	for (size_t i = 0; i < part->exact.count; i++)
		items[i] = part->exact.items[i];
	items[part->exact.count] = text;
	part->exact = (struct set){ items, part->exact.count + 1, true, 0 };
}

/* The part matches this character (in a class: this one too). */
static void part_set_char(struct reader *reader, struct part *part, uint32_t code_point)
{
	char folded[FOLD_CHAR_SIZE];

	part_add_string(reader, part, arena_copy(reader->arena, span_make(folded, fold_char(code_point, folded))));
	if (code_point != (unsigned char)folded[0] && (unsigned char)folded[0] < 0x80 && !ascii_is_alpha(folded[0]))
		part->is_asserting = true; /* folding has taken this one away: the pattern itself never matches */
}

/* The value of a hexadecimal digit; 16 for what is none. */
static uint32_t get_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return (uint32_t)(c - '0');
	return c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) : 16;
}

/* \x27, after the x; what stands in braces is some character. */
static void read_hex(struct reader *reader, struct part *part)
{
	uint32_t value = 0;

	if (peek(reader) == '{') {
		while (!is_end(reader) && peek(reader) != '}')
			reader->at++;
		reader->at++;
		part->example = 'a';
		return;
	}
	for (int i = 0; i < 2 && get_digit(peek(reader)) < 16; i++, reader->at++)
		value = value * 16 + get_digit(peek(reader));
	part_set_char(reader, part, value);
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
		part->is_zero_width = true;
		part->is_asserting = c != 'b';
		part->mark = c == 'b' || c == 'A' ? FOLD_BOUNDARY : 0;
		break;
	case 'd':
		part->example = '1';
		break;
	case 'D': case 'w': case 'S': case 'H':
		part->example = 'a';
		break;
	case 'W':
		part->example = '-';
		part->is_nonword = true;
		break;
	case 'x':
		read_hex(reader, part);
		break;
	default: /* back-references, \Q, \K, \p, \R and what else there is */
		reader->is_lost = true;
	}
}

/* One member of a class; false when the class is more than single characters. */
static bool read_class_member(struct reader *reader, struct part *part)
{
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
	reader->at += utf8_decode(span_skip(reader->pattern, reader->at), &c);
	part_set_char(reader, part, c);
	return part->exact.count < EXACT_MAX;
}

/* [...], after the bracket. */
static void read_class(struct reader *reader, struct part *part)
{
	bool is_negated = take_text(reader, "^"), is_plain = !is_negated, is_first = true;

	for (; !is_end(reader) && (peek(reader) != ']' || is_first); is_first = false) {
		is_plain &= read_class_member(reader, part);
		if (peek(reader) == '-' && reader->at + 1 < reader->pattern.len && reader->pattern.ptr[reader->at + 1] != ']')
			is_plain = false; /* a range */
	}
	reader->at++;
	part->exact.is_valid = is_plain && part->exact.count > 0;
	part->example = is_negated || part->exact.count == 0 ? 'a' : '\0';
}

/* "[\\w...]" as a whole alternative: where it must not match, a word ends or begins. */
static bool is_class_of_words(struct span text)
{
	size_t close = span_has_prefix(text, SPAN_LIT("[\\w")) ? span_find_char(text, ']', 0) : SIZE_MAX;

	return close < text.len - 1 && text.ptr[close - 1] != '\\' && strchr("|)", text.ptr[close + 1]);
}

struct group_head {
	bool is_look, is_boundary;
	bool is_special; /* what it matches is not simply its strings */
};

/* What stands after "(?" up to the group's content; false when the whole group is read already (flags, a comment). */
static bool read_group_head(struct reader *reader, struct group_head *head)
{
	if (take_text(reader, ":"))
		return true;
	head->is_special = true;
	if (take_text(reader, ">"))
		return true;
	if (take_text(reader, "!") || take_text(reader, "<!")) {
		head->is_look = true;
		head->is_boundary = is_class_of_words(span_skip(reader->pattern, reader->at));
		return true;
	}
	if (take_text(reader, "=") || take_text(reader, "<=")) {
		head->is_look = true;
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
	struct group_head head = { .is_look = false };

	if (peek(reader) == '*' || reader->depth >= DEPTH_MAX) {
		reader->is_lost = true;
		return;
	}
	if (take_text(reader, "?") && !read_group_head(reader, &head)) {
		part->is_zero_width = part->is_asserting = true;
		return;
	}
	reader->depth++;
	read_alternatives(reader, reader->is_at_boundary && !head.is_look, part);
	reader->depth--;
	reader->at++; /* the closing bracket */
	part->is_group = true;
	part->is_asserting |= head.is_special;
	if (head.is_look) {
		*part = (struct part){ .is_zero_width = true, .is_asserting = true, .mark = head.is_boundary ? FOLD_BOUNDARY : 0 };
	}
}

static bool is_plain(char c)
{
	return ascii_is_alnum(c) || c == ' ' || c == '-' || c == ',' || c == ':';
}

/* Plain characters in a row, up to one that a repeat follows: one string, which saves joining it bit by bit. */
static bool read_plain_run(struct reader *reader, struct part *part)
{
	struct span rest = span_slice(reader->pattern, reader->at, reader->at + STRING_MAX / 2);
	char folded[STRING_MAX];
	size_t len = 0;

	for (; len < rest.len && is_plain(rest.ptr[len]); len++)
		folded[len] = ascii_lower(rest.ptr[len]);
	if (len > 0 && reader->at + len < reader->pattern.len && strchr("*+?{", reader->pattern.ptr[reader->at + len]))
		len--; /* the repeat is of the last one alone */
	if (len < 2)
		return false;
	part_add_string(reader, part, arena_copy(reader->arena, span_make(folded, len)));
	sample_add(reader, span_make(folded, len));
	part->longest = len;
	reader->at += len;
	return true;
}

static void read_atom(struct reader *reader, struct part *part)
{
	uint32_t c;

	*part = (struct part){ .exact = { .is_valid = false } };
	if (read_plain_run(reader, part))
		return;
	reader->at += utf8_decode(span_skip(reader->pattern, reader->at), &c);
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
		part->mark = c == '^' ? FOLD_BOUNDARY : FOLD_END;
		break;
	case '.':
		part->example = 'a';
		break;
	default:
		part_set_char(reader, part, c);
	}
	if (c != '(' && !part->is_zero_width)
		part->longest = part->exact.is_valid ? set_get_longest(&part->exact) : FOLD_CHAR_SIZE;
	if (c != '(' && !part->is_zero_width && !reader->is_lost && !reader->error)
		sample_add(reader, part->example ? span_make(&part->example, 1) : part->exact.items[0]);
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
	*repeat = (struct repeat){ .min = (int32_t)min, .max = (int32_t)max };
	reader->at = close + 1;
	return true;
}

static struct repeat read_repeat(struct reader *reader)
{
	struct repeat repeat = { .min = 1, .max = 1 };

	if (take_text(reader, "*"))
		repeat = (struct repeat){ .min = 0, .max = REPEAT_INFINITE };
	else if (take_text(reader, "+"))
		repeat = (struct repeat){ .min = 1, .max = REPEAT_INFINITE };
	else if (take_text(reader, "?"))
		repeat = (struct repeat){ .min = 0, .max = 1 };
	else if (peek(reader) != '{' || !read_braces(reader, &repeat))
		return repeat;
	if (take_text(reader, "+"))
		repeat.is_possessive = true;
	else
		repeat.is_lazy = take_text(reader, "?");
	return repeat;
}

/* What has been read of a sequence: `run` is what stands next to each other at its end. */
struct sequence {
	struct set run; /* its reach: what may stand before it */
	struct set needs[NEEDS];
	bool is_whole; /* run is all of it */
	size_t longest;
};

static void sequence_break(struct sequence *sequence)
{
	needs_add(sequence->needs, sequence->run);
	sequence->run = set_empty_string;
	sequence->is_whole = false;
}

/* A need of a part that begins where the sequence ends. */
static void sequence_need(struct sequence *sequence, struct set need)
{
	need.reach = add_lengths(sequence->longest, need.reach);
	needs_add(sequence->needs, need);
}

static void sequence_append(struct reader *reader, struct sequence *sequence, const struct part *part, struct repeat repeat)
{
	if (repeat.min == 0 && repeat.max == 1 && part->exact.is_valid) {
		struct set optional = set_unite(reader, &part->exact, &set_empty_string);
		if (set_append(reader, &sequence->run, &optional))
			return;
	}
	if (repeat.min == 0) {
		sequence_break(sequence);
		return;
	}
	if (!set_append(reader, &sequence->run, &part->exact)) {
		sequence_break(sequence);
		if (part->exact.is_valid)
			sequence->run = part->exact; /* a new one begins here */
		sequence->run.reach = sequence->longest;
		for (unsigned i = 0; i < NEEDS && !part->exact.is_valid; i++)
			sequence_need(sequence, part->needs[i]);
	}
	if (repeat.max != 1)
		sequence_break(sequence);
}

static void sequence_add(struct reader *reader, struct sequence *sequence, const struct part *part, struct repeat repeat)
{
	sequence_append(reader, sequence, part, repeat);
	sequence->longest = add_lengths(sequence->longest, multiply_length(part->longest, repeat.max));
	if (sequence->run.items == set_empty_string.items)
		sequence->run.reach = sequence->longest; /* the next run begins here */
}

static bool set_has_marks(const struct set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		if (span_find_char(set->items[i], FOLD_BOUNDARY, 0) != SIZE_MAX || span_find_char(set->items[i], FOLD_END, 0) != SIZE_MAX)
			return true;
	}
	return false;
}

/*
 * Can a text be cut into these strings in one way at most?  So it is when none of them begins another, and also when
 * none ends another; an empty one fits everywhere.
 */
static bool set_is_unambiguous(const struct set *set)
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

/*
 * A repeat without end around something that can match one text in several ways may be exponential, or harmless:
 * whoever runs the pattern can try it.
 */
static void look_for_suspect(struct reader *reader, const struct part *part, struct repeat repeat, size_t sample_from)
{
	struct literals *literals = reader->literals;
	struct suspect *suspect = &literals->suspects[literals->suspect_count];

	if (repeat.max < REPEAT_MANY || !part->is_group || !part->is_variable || repeat.is_possessive ||
	    (set_is_unambiguous(&part->exact) && !part->is_doubled) || literals->suspect_count == SUSPECTS_MAX)
		return;
	suspect->prefix = sample_copy(reader, 0, sample_from);
	for (size_t i = 0; i < part->piece_count; i++)
		suspect->pieces[i] = part->pieces[i];
	suspect->count = part->piece_count;
	literals->suspect_count++;
}

/* '\W*' where the text then ends: its last word is what stands before. */
static bool is_before_end(const struct reader *reader, const struct part *part, struct repeat repeat)
{
	return part->is_nonword && repeat.min == 0 && peek(reader) == '$';
}

static void sequence_mark(struct reader *reader, struct sequence *sequence, char mark)
{
	if (mark)
		(void)set_append(reader, &sequence->run, mark == FOLD_END ? &set_end : &set_boundary);
}

static void read_sequence(struct reader *reader, bool is_at_boundary, struct part *ret_part)
{
	struct sequence sequence = { .run = is_at_boundary ? set_boundary : set_empty_string, .is_whole = true };

	*ret_part = (struct part){ .is_zero_width = false };
	reader->is_at_boundary = is_at_boundary;
	while (!is_end(reader) && peek(reader) != '|' && peek(reader) != ')') {
		struct part part;
		struct repeat repeat;
		size_t sample_from = reader->sample_len;

		read_atom(reader, &part);
		if (reader->is_lost || reader->error)
			return;
		repeat = read_repeat(reader);
		look_for_suspect(reader, &part, repeat, sample_from);
		ret_part->is_variable |= part.is_variable || repeat.min != repeat.max;
		ret_part->is_asserting |= part.is_asserting || repeat.is_possessive || repeat.is_lazy;
		reader->is_at_boundary = part.mark == FOLD_BOUNDARY && repeat.min == 1;
		if (part.is_zero_width && repeat.min == 1)
			sequence_mark(reader, &sequence, part.mark);
		else if (is_before_end(reader, &part, repeat))
			sequence.longest = LITERAL_FAR;
		else if (!part.is_zero_width)
			sequence_add(reader, &sequence, &part, repeat);
	}
	ret_part->exact = sequence.run;
	ret_part->longest = sequence.longest;
	if (!sequence.is_whole) {
		sequence_break(&sequence);
		ret_part->exact.is_valid = false;
	}
	memcpy(ret_part->needs, sequence.needs, sizeof(ret_part->needs));
}

static void add_piece(struct reader *reader, struct part *part, size_t sample_from)
{
	if (part->piece_count < PIECES_MAX && reader->sample_len > sample_from)
		part->pieces[part->piece_count++] = sample_copy(reader, sample_from, reader->sample_len);
}

static void read_alternatives(struct reader *reader, bool is_at_boundary, struct part *ret_part)
{
	size_t sample_from = reader->sample_len;

	read_sequence(reader, is_at_boundary, ret_part);
	add_piece(reader, ret_part, sample_from);
	while (!is_end(reader) && peek(reader) == '|') {
		struct part other;
		struct set need = ret_part->needs[0], other_need;

		reader->at++;
		reader->sample_len = sample_from;
		read_sequence(reader, is_at_boundary, &other);
		add_piece(reader, ret_part, sample_from);
		set_keep_better(&need, &ret_part->exact);
		other_need = other.needs[0];
		set_keep_better(&other_need, &other.exact);
		ret_part->needs[0] = set_unite(reader, &need, &other_need);
		for (unsigned i = 1; i < NEEDS; i++)
			ret_part->needs[i] = (struct set){ .is_valid = false };
		for (size_t i = 0; i < other.exact.count; i++)
			ret_part->is_doubled |= set_has(&ret_part->exact, other.exact.items[i]);
		ret_part->exact = set_unite(reader, &ret_part->exact, &other.exact);
		ret_part->is_variable = true;
		ret_part->is_asserting |= other.is_asserting;
		ret_part->longest = get_larger(ret_part->longest, other.longest);
	}
}

static bool is_word(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* Of the marks only those at the ends stay, and only where a word begins or ends. */
static struct span settle(struct reader *reader, struct span text)
{
	char *bytes = arena_take(reader->arena, text.len + 3);
	bool is_end = text.len > 0 && text.ptr[text.len - 1] == FOLD_END, is_open = false;
	size_t len = 0;

	if (!bytes) {
		reader->error = -ENOMEM;
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

static struct set set_settle(struct reader *reader, const struct set *set)
{
	struct span *items = make_items(reader, set->count + 1);
	struct set settled = { items, 0, set->is_valid, set->reach };

	for (size_t i = 0; items && i < set->count; i++) {
		struct span item = settle(reader, set->items[i]);
		if (!set_has(&settled, item))
			items[settled.count++] = item;
	}
	return settled;
}

/* Without those that hold another one: where they stand, that stands too, if not at their start. */
static struct need minimize(struct reader *reader, const struct set *unsettled)
{
	struct set settled = set_settle(reader, unsettled);
	const struct set *set = &settled;
	struct span *items = make_items(reader, set->count + 1);
	struct need need = { items, 0, 0 };
	size_t inside = 0;

	for (size_t i = 0; items && set_get_worth(set) > 0 && i < set->count; i++) {
		bool is_implied = false;
		for (size_t j = 0; j < set->count; j++) {
			size_t at = i == j ? SIZE_MAX : span_find(set->items[i], set->items[j], 0);
			is_implied |= at != SIZE_MAX;
			inside = at == SIZE_MAX ? inside : get_larger(inside, at);
		}
		if (!is_implied)
			items[need.count++] = set->items[i];
	}
	need.reach = add_lengths(set->reach, inside);
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

/* The exact strings of the whole pattern, if there are few and they are all that it matches. */
static void find_exact(struct reader *reader, const struct part *part, struct literals *literals)
{
	size_t count = 0;

	if (!part->exact.is_valid || part->is_asserting || part->exact.count > EXACT_MAX || set_get_shortest(&part->exact) == 0)
		return;
	for (size_t i = 0; i < part->exact.count; i++) {
		bool is_possible;
		if (!is_consistent(part->exact.items[i], &is_possible))
			return;
		if (is_possible)
			literals->exact[count++] = settle(reader, part->exact.items[i]);
	}
	literals->exact_count = count;
}

int literals_find(struct span pattern, struct arena *arena, struct literals *ret_literals)
{
	struct reader reader = { .pattern = pattern, .arena = arena, .literals = ret_literals };
	struct part part;

	*ret_literals = (struct literals){ .longest = LITERAL_FAR };
	read_alternatives(&reader, false, &part);
	ret_literals->sample = sample_copy(&reader, 0, reader.sample_len);
	if (reader.error || reader.is_lost)
		return reader.error;
	if (set_get_worth(&part.needs[0]) == 0)
		part.needs[0] = part.exact; /* all of the pattern: it begins where this begins */
	for (unsigned i = 0; i < NEEDS; i++)
		ret_literals->needs[i] = minimize(&reader, &part.needs[i]);
	find_exact(&reader, &part, ret_literals);
	ret_literals->longest = part.longest;
	return reader.error;
}
