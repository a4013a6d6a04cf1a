/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts without what changes in them.  Pure; any thread. */
#include "cli/mask.h"

#include "base/quickmask.h"

enum { ID_LENGTH = 8, ID_DIGITS = 4, NUMBER_LENGTH = 10 };

/* What a byte counts for in its word: each kind in 12 bits of its own.  0: it is of none. */
enum { DIGIT_AT = 12, LETTER_AT = 24, DOT_AT = 36, MAIL_AT = 48, COUNT_MAX = (1 << 12) - 1 };

#define OTHER ((uint64_t)1)
#define DIGIT ((uint64_t)1 << DIGIT_AT)
#define LETTER ((uint64_t)1 << LETTER_AT)
#define DOT ((uint64_t)1 << DOT_AT)
#define MAIL ((uint64_t)1 << MAIL_AT)

static const uint64_t kinds[256] = {
	['0' ... '9'] = DIGIT, ['a' ... 'z'] = LETTER, ['A' ... 'Z'] = LETTER,
	['.'] = DOT, ['@'] = MAIL, ['-'] = OTHER, ['_'] = OTHER, ['+'] = OTHER,
};

struct word {
	struct span text;
	unsigned digits, letters, dots, ats;
};

/* The word at `at`, which is copied as it is read; what is longer than counts are is two. */
static struct word read_word(const char *at, const char *end, char *to)
{
	const char *from = at;
	uint64_t counts = 0, kind;
	struct word word;

	if (end - at > COUNT_MAX)
		end = at + COUNT_MAX;
	for (; at < end && (kind = kinds[(unsigned char)*at]) != 0; at++) {
		counts += kind;
		*to++ = *at;
	}
	word = (struct word){ span_make(from, (size_t)(at - from)), counts >> DIGIT_AT & COUNT_MAX, counts >> LETTER_AT & COUNT_MAX,
			      counts >> DOT_AT & COUNT_MAX, (unsigned)(counts >> MAIL_AT) };
	/* the end of a sentence is none of a word */
	while (word.text.len > 1 && from[word.text.len - 1] == '.') {
		word.text.len--;
		word.dots--;
	}
	return word;
}

/* '@', '#' or '%' for what is left out; 0 for a word that stays. */
static char get_stand_in(const struct word *word, const struct ruleset *ruleset, bool has_hosts)
{
	size_t len = word->text.len;

	if (word->ats)
		return len > 2 ? '@' : 0;
	if (!word->letters && word->digits && (word->dots == 3 || (word->digits == len && len >= NUMBER_LENGTH)))
		return '#';
	if (word->letters && word->digits >= ID_DIGITS && len >= ID_LENGTH)
		return ruleset_has_tag(ruleset, word->text) ? 0 : '#';
	return has_hosts && word->letters && word->dots > 0 && len > 3 ? '%' : 0;
}

size_t mask_text_and_hosts(struct span text, const struct ruleset *ruleset, char *out)
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
		stand_in = get_stand_in(&word, ruleset, true);
		if (stand_in)
			*to++ = stand_in;
		else
			to += word.text.len;
		at += word.text.len;
	}
	return (size_t)(to - out);
}

/* The first digit or "@": only words that have one are left out; the end, if there is none. */
static const char *find_telling(const char *at, const char *end)
{
	for (; end - at >= 32; at += 32) {
		uint32_t found = quickmask_32_digits(at) | quickmask_32(at, '@');
		if (found)
			return at + quickmask_first(found);
	}
	while (at < end && *at != '@' && !ascii_is_digit(*at))
		at++;
	return at;
}

size_t mask_text(struct span text, const struct ruleset *ruleset, char *out)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	char *to = out;

	while (at < end) {
		const char *word_at = find_telling(at, end);
		struct word word;
		char stand_in;
		while (word_at > at && word_at < end && kinds[(unsigned char)word_at[-1]])
			word_at--;
		memcpy(to, at, (size_t)(word_at - at));
		to += word_at - at;
		if (word_at == end)
			break;
		word = read_word(word_at, end, to);
		stand_in = get_stand_in(&word, ruleset, false);
		if (stand_in)
			*to++ = stand_in;
		else
			to += word.text.len;
		at = word_at + word.text.len;
	}
	return (size_t)(to - out);
}
