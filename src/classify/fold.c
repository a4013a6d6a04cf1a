/* SPDX-License-Identifier: BSD-2-Clause */
/* Folding.  Pure; any thread; hostile text, linear time. */
#include "classify/fold.h"

#include <string.h>
#include <unicase.h>

#include "base/utf8.h"

enum { HIDDEN_LOCAL_MAX = 128 };

/* What one character looks like in ASCII where it is only a typographer's variant; 0: it is not. */
static char fold_typography(uint32_t c)
{
	switch (c) {
	case 0x00A0: case 0x1680: case 0x202F: case 0x205F: case 0x3000: case 0x2028: case 0x2029: case 0x0085:
		return ' ';
	case 0x00B4: case 0x2018: case 0x2019: case 0x201A: case 0x201B: case 0x2032: case 0x02BC:
		return '\'';
	case 0x00AB: case 0x00BB: case 0x201C: case 0x201D: case 0x201E: case 0x201F: case 0x2033:
		return '"';
	case 0x2212:
		return '-';
	default:
		if (c >= 0x2000 && c <= 0x200A)
			return ' ';
		return c >= 0x2010 && c <= 0x2015 ? '-' : 0;
	}
}

/*
 * To upper and then to lower, so that all members of a set that differ in case only meet in one: final sigma,
 * the Kelvin sign, the long s.  The Turkish i's are not the same letter as i for PCRE2 either.
 */
static uint32_t fold_case(uint32_t c)
{
	bool is_uncased = (c >= 0x3000 && c < 0xA640) || (c >= 0xAC00 && c < 0xFB00);

	if (is_uncased || c == 0x0130 || c == 0x0131)
		return c;
	return uc_tolower(uc_toupper(c));
}

size_t fold_char(uint32_t c, char out[static FOLD_CHAR_SIZE])
{
	char plain;

	if (c < 0x80) {
		out[0] = c <= ' ' || c == 0x7F ? ' ' : ascii_lower((char)c);
		return 1;
	}
	plain = fold_typography(c);
	if (plain) {
		out[0] = plain;
		return 1;
	}
	return utf8_put(fold_case(c), out);
}

#define EACH_BYTE(c) (0x0101010101010101u * (uint64_t)(c))

/* The high bit of each byte that is at least `low`; the bytes are below 0x80, and so is 0x80 - low. */
static inline uint64_t mark_from(uint64_t bytes, unsigned low)
{
	return (bytes + EACH_BYTE(0x80 - low)) & EACH_BYTE(0x80);
}

/* Eight characters that fold one by one: ASCII, no control bytes, no two blanks in a row. */
static inline bool is_plain_eight(uint64_t bytes)
{
	uint64_t above_blank;

	if (bytes & EACH_BYTE(0x80))
		return false;
	above_blank = mark_from(bytes, ' ' + 1);
	if (mark_from(bytes, ' ') != EACH_BYTE(0x80) || mark_from(bytes, 0x7F))
		return false;
	return ((above_blank >> 8 | above_blank) & EACH_BYTE(0x80) >> 8) == EACH_BYTE(0x80) >> 8;
}

static inline uint64_t lower_eight(uint64_t bytes)
{
	uint64_t is_upper = mark_from(bytes, 'A') & ~mark_from(bytes, 'Z' + 1);

	return bytes | is_upper >> 2; /* 0x80 >> 2 is the bit that tells "A" from "a" */
}

/* A run of plain characters, as long as there is room: how many bytes.  Most texts are one. */
static size_t fold_plain(struct span text, char *out, size_t room, bool is_after_blank)
{
	size_t len = text.len < room ? text.len : room, at = 0;

	for (; at + sizeof(uint64_t) <= len && !(is_after_blank && text.ptr[at] == ' '); at += sizeof(uint64_t)) {
		uint64_t eight;
		memcpy(&eight, text.ptr + at, sizeof(eight));
		if (!is_plain_eight(eight))
			break;
		eight = lower_eight(eight);
		memcpy(out + at, &eight, sizeof(eight));
		is_after_blank = text.ptr[at + sizeof(eight) - 1] == ' ';
	}
	for (; at < len && text.ptr[at] > ' ' && text.ptr[at] < 0x7F; at++)
		out[at] = ascii_lower(text.ptr[at]);
	return at;
}

size_t fold_text(struct span text, char *out, size_t size, bool *ret_is_cut)
{
	size_t at = 0, used = 0;
	bool is_after_blank = true;

	*ret_is_cut = false;
	while (at < text.len) {
		char folded[FOLD_CHAR_SIZE];
		size_t plain = fold_plain(span_skip(text, at), out + used, size - used, is_after_blank), len = 1, folded_len = 1;

		if (plain > 0) {
			at += plain;
			used += plain;
			is_after_blank = out[used - 1] == ' ';
			continue;
		}
		if ((unsigned char)text.ptr[at] < 0x80)
			folded[0] = text.ptr[at] > ' ' && text.ptr[at] < 0x7F ? ascii_lower(text.ptr[at]) : ' ';
		else {
			uint32_t character;
			len = utf8_decode(span_skip(text, at), &character);
			folded_len = fold_char(character, folded);
		}
		at += len;
		if (folded[0] == ' ' && is_after_blank)
			continue;
		if (folded_len > size - used) {
			*ret_is_cut = true;
			break;
		}
		is_after_blank = folded[0] == ' ';
		for (size_t i = 0; i < folded_len; i++)
			out[used++] = folded[i];
	}
	return used > 0 && out[used - 1] == ' ' ? used - 1 : used;
}

/* Eight bytes of ASCII, letters lower: 0xFF for each that belongs to a word. */
static inline uint64_t find_words_eight(uint64_t bytes)
{
	uint64_t is_word = (mark_from(bytes, '0') & ~mark_from(bytes, '9' + 1)) | (mark_from(bytes, '_') & ~mark_from(bytes, '_' + 1)) |
			   (mark_from(bytes, 'a') & ~mark_from(bytes, 'z' + 1));

	return (is_word >> 7) * 0xFF;
}

/* The same for each that is this one. */
static inline uint64_t find_eight(uint64_t bytes, char c)
{
	uint64_t is_other = mark_from(bytes ^ EACH_BYTE(c), 1);

	return ((~is_other & EACH_BYTE(0x80)) >> 7) * 0xFF;
}

static inline bool is_ascii_word(char c)
{
	return ascii_is_alnum(c) || c == '_';
}

/* Eight bytes of ASCII, which become as many; false, and nothing done, if they are others. */
static inline bool take_words_eight(const char *from, char *out)
{
	uint64_t eight, kept;

	memcpy(&eight, from, sizeof(eight));
	if (eight & EACH_BYTE(0x80))
		return false;
	kept = find_words_eight(eight) | find_eight(eight, FOLD_END);
	eight = (eight & kept) | (EACH_BYTE(' ') & ~kept);
	memcpy(out, &eight, sizeof(eight));
	return true;
}

size_t fold_words(struct span folded, char *out)
{
	size_t used = 0;

	for (size_t at = 0; at < folded.len;) {
		size_t left = folded.len - at, again = left < sizeof(uint64_t) ? sizeof(uint64_t) - left : 0;
		char c, before = used > 0 ? out[used - 1] : ' ';
		bool is_high, is_word, was_high = (unsigned char)before >= 0x80;
		/* at the end some that are there already are taken once more: they come out the same */
		if (!was_high && again <= at && take_words_eight(folded.ptr + at - again, out + used - again)) {
			at += sizeof(uint64_t) - again;
			used += sizeof(uint64_t) - again;
			continue;
		}
		c = folded.ptr[at++];
		is_high = (unsigned char)c >= 0x80;
		is_word = is_ascii_word(c);
		if ((is_high && is_ascii_word(before)) || (is_word && was_high))
			out[used++] = ' ';
		out[used++] = is_high || is_word || c == FOLD_END ? c : ' ';
	}
	return used;
}

/* Of a local part, without what programs put right before one (":" and "/"). */
static bool is_local_byte(char c)
{
	return ascii_is_alnum(c) || (c && strchr(".+-_=~&", c));
}

static bool is_domain_byte(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-';
}

static void hide(char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (ascii_is_alnum(text[i]))
			text[i] = 'x';
}

/* Where the local part begins that ends at `sign`; quoted or not, not before `least`. */
static size_t find_local(const char *text, size_t sign, size_t least)
{
	size_t from = sign;

	if (from > least && text[from - 1] == '"') {
		for (from--; from > least && sign - from < HIDDEN_LOCAL_MAX && text[from - 1] != '"';)
			from--;
		return from > least && text[from - 1] == '"' ? from : sign;
	}
	while (from > least && sign - from < HIDDEN_LOCAL_MAX && is_local_byte(text[from - 1]))
		from--;
	return from;
}

void fold_hide_addresses(char *text, size_t len)
{
	size_t least = 0;

	for (size_t at = 0; at < len; at++) {
		const char *sign = memchr(text + at, '@', len - at);
		size_t from, to;

		if (!sign)
			return;
		at = (size_t)(sign - text);
		from = find_local(text, at, least);
		for (to = at + 1; to < len && is_domain_byte(text[to]);)
			to++;
		if (from < at && to > at + 1) {
			hide(text, from, at);
			hide(text, at + 1, to);
		}
		least = at + 1;
	}
}
