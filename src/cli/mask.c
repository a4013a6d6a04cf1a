/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts without what changes in them.  Pure; any thread. */
#include "cli/mask.h"

enum { ID_LENGTH = 8, ID_DIGITS = 4, NUMBER_LENGTH = 10 };

/* What a word is made of, and what its bytes count for. */
enum { WORD = 1, DIGIT = 2, LETTER = 4, DOT = 8, AT = 16 };

static const unsigned char kinds[256] = {
	['0' ... '9'] = WORD | DIGIT, ['a' ... 'z'] = WORD | LETTER, ['A' ... 'Z'] = WORD | LETTER,
	['.'] = WORD | DOT, ['@'] = WORD | AT, ['-'] = WORD, ['_'] = WORD, ['+'] = WORD,
};

struct word {
	size_t len;
	unsigned digits, dots;
	unsigned all; /* of its bytes' kinds */
};

static struct word read_word(const char *at, const char *end)
{
	struct word word = { 0 };
	const char *from = at;

	for (; at < end && kinds[(unsigned char)*at]; at++) {
		unsigned kind = kinds[(unsigned char)*at];
		word.all |= kind;
		word.digits += kind / DIGIT % 2;
		word.dots += kind / DOT % 2;
	}
	word.len = (size_t)(at - from);
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
	if (word->all & AT)
		return word->len > 2 ? '@' : 0;
	if (!(word->all & LETTER) && (word->dots == 3 || (word->digits == word->len && word->len >= NUMBER_LENGTH)))
		return '#';
	if ((word->all & LETTER) && word->digits >= ID_DIGITS && word->len >= ID_LENGTH)
		return '#';
	return has_hosts && (word->all & LETTER) && word->dots > 0 && word->len > 3 ? '%' : 0;
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
		word = read_word(at, end);
		stand_in = get_stand_in(&word, has_hosts);
		if (stand_in) {
			*to++ = stand_in;
		} else {
			memcpy(to, at, word.len);
			to += word.len;
		}
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
