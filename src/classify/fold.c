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

/* A run of plain characters, as long as there is room: how many bytes.  Most texts are one. */
static size_t fold_plain(struct span text, char *out, size_t room)
{
	size_t len = text.len < room ? text.len : room, i;

	for (i = 0; i < len && text.ptr[i] > ' ' && text.ptr[i] < 0x7F; i++)
		out[i] = ascii_lower(text.ptr[i]);
	return i;
}

size_t fold_text(struct span text, char *out, size_t size, bool *ret_is_cut)
{
	size_t at = 0, used = 0;
	bool is_after_blank = true;

	*ret_is_cut = false;
	while (at < text.len) {
		char folded[FOLD_CHAR_SIZE];
		size_t plain = fold_plain(span_skip(text, at), out + used, size - used), len = 1, folded_len = 1;

		if (plain > 0) {
			at += plain;
			used += plain;
			is_after_blank = false;
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
