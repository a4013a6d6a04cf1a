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
#include "classify/set.h"

enum { DEPTH_MAX = 24, SAMPLE_SIZE = 512, REPEAT_MANY = 8, REPEAT_INFINITE = INT32_MAX };

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
	struct span *pieces; /* of a group, where examples are wanted: one of each alternative; PIECES_MAX at most */
	size_t piece_count;
};

/* Where examples are made. */
struct sampler {
	struct examples *examples;
	char sample[SAMPLE_SIZE]; /* of what has been read so far */
	size_t len;
};

struct reader {
	struct span pattern;
	size_t at;
	struct set_maker sets;
	unsigned depth;
	bool is_at_boundary; /* what was read last is a boundary of a word: what comes now begins there */
	bool is_lost;   /* syntax that is not read here: no literal at all */
	bool has_suspects;
	bool is_odd;    /* syntax of which PCRE2 may think otherwise */
	struct sampler *sampler; /* NULL: nobody wants examples */
};

struct repeat {
	int32_t min, max;
	bool is_possessive, is_lazy;
};

static void read_alternatives(struct reader *reader, bool is_at_boundary, struct part *ret_part);

static bool is_end(const struct reader *reader)
{
	return reader->is_lost || reader->sets.error || reader->at >= reader->pattern.len;
}

static char peek(const struct reader *reader)
{
	return reader->at < reader->pattern.len ? reader->pattern.ptr[reader->at] : '\0';
}

static bool take_char(struct reader *reader, char c)
{
	bool is_there = peek(reader) == c;

	reader->at += is_there;
	return is_there;
}

static bool take_text(struct reader *reader, const char *text)
{
	struct span rest = span_skip(reader->pattern, reader->at);

	if (!span_has_prefix(rest, span_of(text)))
		return false;
	reader->at += strlen(text);
	return true;
}

/* As length_add. */
static size_t multiply_length(size_t length, int32_t times)
{
	return length < LITERAL_FAR && times < LITERAL_FAR && length * (size_t)times < LITERAL_FAR ? length * (size_t)times : LITERAL_FAR;
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

/* ---- examples ---- */

static void sample_add(struct reader *reader, struct span text)
{
	struct sampler *sampler = reader->sampler;

	for (size_t i = 0; sampler && i < text.len && sampler->len < sizeof(sampler->sample); i++)
		sampler->sample[sampler->len++] = text.ptr[i];
}

/* How long the sample is: what is read next stands behind. */
static size_t sample_get_len(const struct reader *reader)
{
	return reader->sampler ? reader->sampler->len : 0;
}

static struct span sample_copy(struct reader *reader, size_t from, size_t to)
{
	struct span copy = arena_copy(reader->sets.arena, span_make(reader->sampler->sample + from, to - from));

	if (!span_is_known(copy))
		reader->sets.error = -ENOMEM;
	return copy;
}

/* What has been read of a group since then is one of its alternatives. */
static void add_piece(struct reader *reader, struct part *part, size_t sample_from)
{
	struct sampler *sampler = reader->sampler;

	if (!sampler || part->piece_count == PIECES_MAX || sampler->len <= sample_from)
		return;
	if (!part->pieces)
		part->pieces = arena_alloc(reader->sets.arena, PIECES_MAX * sizeof(*part->pieces));
	if (part->pieces)
		part->pieces[part->piece_count++] = sample_copy(reader, sample_from, sampler->len);
	else
		reader->sets.error = -ENOMEM;
}

/* ---- atoms ---- */

/* The part matches this character (in a class: this one too). */
static void part_set_char(struct reader *reader, struct part *part, uint32_t code_point)
{
	char folded[FOLD_CHAR_SIZE];

	set_add_string(&reader->sets, &part->exact, span_make(folded, fold_char(code_point, folded)));
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
	reader->is_odd = true;
	for (int i = 0; i < 2 && get_digit(peek(reader)) < 16; i++, reader->at++)
		value = value * 16 + get_digit(peek(reader));
	part_set_char(reader, part, value);
}

/* The character after a backslash, outside a class. */
static void read_escape(struct reader *reader, struct part *part)
{
	char c = peek(reader);

	reader->is_lost |= is_end(reader);
	reader->at++;
	if (!ascii_is_alnum(c)) { /* also the first byte of a character that is not ASCII: it stands for itself */
		part_set_char(reader, part, (unsigned char)c);
		reader->is_lost |= (unsigned char)c >= 0x80;
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
	bool is_negated = take_char(reader, '^'), is_plain = !is_negated, is_first = true;

	reader->is_odd = true;
	for (; !is_end(reader) && (peek(reader) != ']' || is_first); is_first = false) {
		is_plain &= read_class_member(reader, part);
		if (peek(reader) == '-' && reader->at + 1 < reader->pattern.len && reader->pattern.ptr[reader->at + 1] != ']')
			is_plain = false; /* a range */
	}
	reader->is_lost |= peek(reader) != ']';
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
	if (take_char(reader, ':'))
		return true;
	head->is_special = true;
	if (take_char(reader, '>'))
		return true;
	if (take_char(reader, '!') || take_text(reader, "<!")) {
		head->is_look = true;
		head->is_boundary = is_class_of_words(span_skip(reader->pattern, reader->at));
		return true;
	}
	if (take_char(reader, '=') || take_text(reader, "<=")) {
		head->is_look = true;
		return true;
	}
	if (take_char(reader, '#')) {
		size_t close = span_find_char(reader->pattern, ')', reader->at);
		reader->at = close == SIZE_MAX ? reader->pattern.len : close + 1;
		return false;
	}
	if (take_text(reader, "P<") || take_char(reader, '<')) {
		size_t close = span_find_char(reader->pattern, '>', reader->at);
		reader->at = close == SIZE_MAX ? reader->pattern.len : close + 1;
		return true;
	}
	while (peek(reader) && strchr("imsnUJ-^", peek(reader)))
		reader->at++;
	if (take_char(reader, ':'))
		return true;
	if (!take_char(reader, ')'))
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
	if (take_char(reader, '?') && !read_group_head(reader, &head)) {
		part->is_zero_width = part->is_asserting = true;
		return;
	}
	reader->depth++;
	read_alternatives(reader, reader->is_at_boundary && !head.is_look, part);
	reader->depth--;
	reader->is_lost |= peek(reader) != ')';
	reader->at++;
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
	struct span rest = span_slice(reader->pattern, reader->at, reader->at + SET_STRING_MAX / 2);
	char folded[SET_STRING_MAX];
	size_t len = 0;

	for (; len < rest.len && is_plain(rest.ptr[len]); len++)
		folded[len] = ascii_lower(rest.ptr[len]);
	if (len > 1 && reader->at + len < reader->pattern.len && strchr("*+?{", reader->pattern.ptr[reader->at + len]))
		len--; /* the repeat is of the last one alone */
	if (len == 0)
		return false;
	set_add_string(&reader->sets, &part->exact, span_make(folded, len));
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
	reader->is_odd |= c >= 0x80 || c == '{';
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
	case '*': case '+': case '?': case '\0': /* a repeat of nothing */
		reader->is_lost = true;
		break;
	default:
		part_set_char(reader, part, c);
	}
	if (c != '(' && !part->is_zero_width)
		part->longest = part->exact.is_valid ? part->exact.longest : FOLD_CHAR_SIZE;
	if (c != '(' && !part->is_zero_width && !reader->is_lost && !reader->sets.error)
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

	if (take_char(reader, '*'))
		repeat = (struct repeat){ .min = 0, .max = REPEAT_INFINITE };
	else if (take_char(reader, '+'))
		repeat = (struct repeat){ .min = 1, .max = REPEAT_INFINITE };
	else if (take_char(reader, '?'))
		repeat = (struct repeat){ .min = 0, .max = 1 };
	else if (peek(reader) != '{' || !read_braces(reader, &repeat))
		return repeat;
	if (take_char(reader, '+'))
		repeat.is_possessive = true;
	else
		repeat.is_lazy = take_char(reader, '?');
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
	sequence->run = set_of_empty;
	sequence->is_whole = false;
}

/* A need of a part that begins where the sequence ends. */
static void sequence_need(struct sequence *sequence, struct set need)
{
	need.reach = length_add(sequence->longest, need.reach);
	needs_add(sequence->needs, need);
}

static void sequence_append(struct reader *reader, struct sequence *sequence, const struct part *part, struct repeat repeat)
{
	if (repeat.min == 0 && repeat.max == 1 && part->exact.is_valid) {
		struct set optional = set_unite(&reader->sets, &part->exact, &set_of_empty);
		if (set_append(&reader->sets, &sequence->run, &optional))
			return;
	}
	if (repeat.min == 0) {
		sequence_break(sequence);
		return;
	}
	if (!set_append(&reader->sets, &sequence->run, &part->exact)) {
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
	sequence->longest = length_add(sequence->longest, multiply_length(part->longest, repeat.max));
	if (sequence->run.items == set_of_empty.items)
		sequence->run.reach = sequence->longest; /* the next run begins here */
}

/*
 * A repeat without end around something that can match one text in several ways may be exponential, or harmless:
 * whoever runs the pattern can try it.
 */
static void look_for_suspect(struct reader *reader, const struct part *part, struct repeat repeat, size_t sample_from)
{
	struct examples *examples = reader->sampler ? reader->sampler->examples : NULL;

	if (repeat.max < REPEAT_MANY || !part->is_group || !part->is_variable || repeat.is_possessive ||
	    (set_is_unambiguous(&part->exact) && !part->is_doubled))
		return;
	reader->has_suspects = true;
	if (examples && examples->suspect_count < SUSPECTS_MAX)
		examples->suspects[examples->suspect_count++] =
			(struct suspect){ sample_copy(reader, 0, sample_from), part->pieces, part->piece_count };
}

/* '\W*' where the text then ends: its last word is what stands before. */
static bool is_before_end(const struct reader *reader, const struct part *part, struct repeat repeat)
{
	return part->is_nonword && repeat.min == 0 && peek(reader) == '$';
}

static void sequence_mark(struct reader *reader, struct sequence *sequence, char mark)
{
	if (mark)
		(void)set_append(&reader->sets, &sequence->run, mark == FOLD_END ? &set_of_end : &set_of_boundary);
}

static void read_sequence(struct reader *reader, bool is_at_boundary, struct part *ret_part)
{
	struct sequence sequence = { .run = is_at_boundary ? set_of_boundary : set_of_empty, .is_whole = true };

	*ret_part = (struct part){ .is_zero_width = false };
	reader->is_at_boundary = is_at_boundary;
	while (!is_end(reader) && peek(reader) != '|' && peek(reader) != ')') {
		struct part part;
		struct repeat repeat;
		size_t sample_from = sample_get_len(reader), atom_end;

		read_atom(reader, &part);
		if (reader->is_lost || reader->sets.error)
			return;
		atom_end = reader->at;
		repeat = read_repeat(reader);
		reader->is_odd |= part.is_zero_width && reader->at > atom_end;
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

static void read_alternatives(struct reader *reader, bool is_at_boundary, struct part *ret_part)
{
	size_t sample_from = sample_get_len(reader);

	read_sequence(reader, is_at_boundary, ret_part);
	add_piece(reader, ret_part, sample_from);
	while (!is_end(reader) && peek(reader) == '|') {
		struct part other;
		struct set need = ret_part->needs[0], other_need;

		reader->at++;
		if (reader->sampler)
			reader->sampler->len = sample_from;
		read_sequence(reader, is_at_boundary, &other);
		add_piece(reader, ret_part, sample_from);
		set_keep_better(&need, &ret_part->exact);
		other_need = other.needs[0];
		set_keep_better(&other_need, &other.exact);
		ret_part->needs[0] = set_unite(&reader->sets, &need, &other_need);
		for (unsigned i = 1; i < NEEDS; i++)
			ret_part->needs[i] = (struct set){ .is_valid = false };
		for (size_t i = 0; i < other.exact.count; i++)
			ret_part->is_doubled |= set_has(&ret_part->exact, other.exact.items[i]);
		ret_part->exact = set_unite(&reader->sets, &ret_part->exact, &other.exact);
		ret_part->is_variable = true;
		ret_part->is_asserting |= other.is_asserting;
		ret_part->longest = length_get_larger(ret_part->longest, other.longest);
	}
}

int literals_find(struct span pattern, struct arena *arena, struct literals *ret_literals)
{
	struct reader reader = { .pattern = pattern, .sets = { .arena = arena } };
	struct part part;

	*ret_literals = (struct literals){ .longest = LITERAL_FAR };
	read_alternatives(&reader, false, &part);
	ret_literals->has_suspects = reader.has_suspects;
	if (reader.sets.error || reader.is_lost || !is_end(&reader))
		return reader.sets.error;
	if (set_get_worth(&part.needs[0]) == 0)
		part.needs[0] = part.exact; /* all of the pattern: it begins where this begins */
	for (unsigned i = 0; i < NEEDS; i++)
		ret_literals->needs[i] = set_minimize(&reader.sets, &part.needs[i]);
	/* only where they are few and all that it matches */
	if (part.exact.is_valid && !part.is_asserting && part.exact.count <= EXACT_MAX && part.exact.shortest > 0)
		ret_literals->exact_count = set_settle_exact(&reader.sets, &part.exact, ret_literals->exact);
	ret_literals->is_plain = !reader.is_odd;
	ret_literals->longest = part.longest;
	return reader.sets.error;
}

int literals_find_examples(struct span pattern, struct arena *arena, struct examples *ret_examples)
{
	struct sampler sampler = { .examples = ret_examples };
	struct reader reader = { .pattern = pattern, .sets = { .arena = arena }, .sampler = &sampler };
	struct part part;

	*ret_examples = (struct examples){ .suspect_count = 0 };
	read_alternatives(&reader, false, &part);
	ret_examples->sample = sample_copy(&reader, 0, sampler.len);
	return reader.sets.error;
}
