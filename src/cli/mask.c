/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts without what changes in them.  Pure; any thread. */
#include "cli/mask.h"

enum { ID_LENGTH = 8, ID_DIGITS = 4, NUMBER_LENGTH = 10 };

/* What a byte counts for in its word: each kind in 16 bits of its own.  0: it is of none. */
enum { DIGIT_AT = 16, LETTER_AT = 32, DOT_AT = 48 };

#define WORD ((uint64_t)1)
#define DIGIT (WORD | (uint64_t)1 << DIGIT_AT)
#define LETTER (WORD | (uint64_t)1 << LETTER_AT)
#define DOT (WORD | (uint64_t)1 << DOT_AT)

static const uint64_t kinds[256] = {
	['0' ... '9'] = DIGIT, ['a' ... 'z'] = LETTER, ['A' ... 'Z'] = LETTER,
	['.'] = DOT, ['@'] = WORD, ['-'] = WORD, ['_'] = WORD, ['+'] = WORD,
};

/* Counts go no further: what is longer is an id or an address like any other that long. */
enum { COUNTED_MAX = UINT16_MAX };

struct word {
	size_t len;
	unsigned digits, letters, dots;
	bool has_at;
};

/* The word at `at`, which is copied as it is read. */
static struct word read_word(const char *at, const char *end, char *to)
{
	struct word word = { 0 };
	const char *from = at;
	uint64_t counts = 0, kind;

	if (end - at > COUNTED_MAX)
		end = at + COUNTED_MAX;
	for (; at < end && (kind = kinds[(unsigned char)*at]) != 0; at++) {
		counts += kind;
		word.has_at |= *at == '@';
		*to++ = *at;
	}
	word.len = (size_t)(at - from);
	word.digits = (uint16_t)(counts >> DIGIT_AT);
	word.letters = (uint16_t)(counts >> LETTER_AT);
	word.dots = (uint16_t)(counts >> DOT_AT);
	/* the end of a sentence is none of a word */
	while (word.len > 1 && from[word.len - 1] == '.') {
		word.len--;
		word.dots--;
	}
	return word;
}

/* '@', '#' or '%' for what is left out; 0 for a word that stays. */
static char get_stand_in(const struct word *word, bool has_hosts)
{
	if (word->has_at)
		return word->len > 2 ? '@' : 0;
	if (!word->letters && (word->dots == 3 || (word->digits == word->len && word->len >= NUMBER_LENGTH)))
		return '#';
	if (word->letters && word->digits >= ID_DIGITS && word->len >= ID_LENGTH)
		return '#';
	return has_hosts && word->letters && word->dots > 0 && word->len > 3 ? '%' : 0;
}

static size_t mask(struct span text, char *out, bool has_hosts)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	char *to = out;

	while (at < end) {
		struct word word;
		char stand_in;
		if (!kinds[(unsigned char)*at]) {
			*to++ = *at++;
			continue;
		}
		word = read_word(at, end, to);
		stand_in = get_stand_in(&word, has_hosts);
		if (stand_in)
			*to++ = stand_in;
		else
			to += word.len;
		at += word.len;
	}
	return (size_t)(to - out);
}

size_t mask_text(struct span text, char *out)
{
	return mask(text, out, false);
}

size_t mask_text_and_hosts(struct span text, char *out)
{
	return mask(text, out, true);
}
