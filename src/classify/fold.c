/* SPDX-License-Identifier: BSD-2-Clause */
/* Folding.  Pure; any thread; hostile text, linear time. */
#include "classify/fold.h"

#include <unicase.h>

enum { CODE_POINT_BAD = 0xFFFD };

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

static size_t utf8_put(uint32_t c, char out[static FOLD_CHAR_SIZE])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3F));
		out[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3F));
	out[2] = (char)(0x80 | (c >> 6 & 0x3F));
	out[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

uint32_t code_point_take(struct span text, size_t *ret_len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text.ptr[0];
	size_t len = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
	uint32_t c = len == 1 ? first : first & (0x7Fu >> len);

	*ret_len = 1;
	if (len == 0 || len > text.len)
		return CODE_POINT_BAD;
	for (size_t i = 1; i < len; i++) {
		unsigned char next = (unsigned char)text.ptr[i];
		if ((next & 0xC0) != 0x80)
			return CODE_POINT_BAD;
		c = c << 6 | (next & 0x3F);
	}
	if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
		return CODE_POINT_BAD;
	*ret_len = len;
	return c;
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

size_t fold_text(struct span text, char *out, size_t size, bool *ret_is_cut)
{
	size_t at = 0, used = 0;
	bool is_after_blank = true;

	*ret_is_cut = false;
	while (at < text.len) {
		unsigned char byte = (unsigned char)text.ptr[at];
		char folded[FOLD_CHAR_SIZE];
		size_t len = 1, folded_len = 1;

		if (byte > ' ' && byte < 0x7F)
			folded[0] = ascii_lower((char)byte);
		else if (byte < 0x80)
			folded[0] = ' ';
		else
			folded_len = fold_char(code_point_take(span_skip(text, at), &len), folded);
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
