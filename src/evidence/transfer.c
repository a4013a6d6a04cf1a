/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 and quoted-printable, lenient and in one pass.  Pure; one decoder a thread; the bytes are hostile. */
#include "evidence/transfer.h"

enum { DIGIT = 0x40, PADDING = 0x80 }; /* what else stands in base64 is passed over */

enum transfer transfer_find(struct span name)
{
	name = span_trim(name);
	if (span_is_equal_nocase(name, SPAN_LIT("base64")))
		return TRANSFER_BASE64;
	if (span_is_equal_nocase(name, SPAN_LIT("quoted-printable")))
		return TRANSFER_QUOTED_PRINTABLE;
	return TRANSFER_IDENTITY;
}

static const uint8_t base64_values[256] = {
	['A'] = DIGIT | 0, ['B'] = DIGIT | 1, ['C'] = DIGIT | 2, ['D'] = DIGIT | 3, ['E'] = DIGIT | 4, ['F'] = DIGIT | 5, ['G'] = DIGIT | 6, ['H'] = DIGIT | 7,
	['I'] = DIGIT | 8, ['J'] = DIGIT | 9, ['K'] = DIGIT | 10, ['L'] = DIGIT | 11, ['M'] = DIGIT | 12, ['N'] = DIGIT | 13, ['O'] = DIGIT | 14, ['P'] = DIGIT | 15,
	['Q'] = DIGIT | 16, ['R'] = DIGIT | 17, ['S'] = DIGIT | 18, ['T'] = DIGIT | 19, ['U'] = DIGIT | 20, ['V'] = DIGIT | 21, ['W'] = DIGIT | 22, ['X'] = DIGIT | 23,
	['Y'] = DIGIT | 24, ['Z'] = DIGIT | 25, ['a'] = DIGIT | 26, ['b'] = DIGIT | 27, ['c'] = DIGIT | 28, ['d'] = DIGIT | 29, ['e'] = DIGIT | 30, ['f'] = DIGIT | 31,
	['g'] = DIGIT | 32, ['h'] = DIGIT | 33, ['i'] = DIGIT | 34, ['j'] = DIGIT | 35, ['k'] = DIGIT | 36, ['l'] = DIGIT | 37, ['m'] = DIGIT | 38, ['n'] = DIGIT | 39,
	['o'] = DIGIT | 40, ['p'] = DIGIT | 41, ['q'] = DIGIT | 42, ['r'] = DIGIT | 43, ['s'] = DIGIT | 44, ['t'] = DIGIT | 45, ['u'] = DIGIT | 46, ['v'] = DIGIT | 47,
	['w'] = DIGIT | 48, ['x'] = DIGIT | 49, ['y'] = DIGIT | 50, ['z'] = DIGIT | 51, ['0'] = DIGIT | 52, ['1'] = DIGIT | 53, ['2'] = DIGIT | 54, ['3'] = DIGIT | 55,
	['4'] = DIGIT | 56, ['5'] = DIGIT | 57, ['6'] = DIGIT | 58, ['7'] = DIGIT | 59, ['8'] = DIGIT | 60, ['9'] = DIGIT | 61, ['+'] = DIGIT | 62, ['/'] = DIGIT | 63,
	['='] = PADDING,
};

/* The whole bytes of an unfinished group of two or three digits. */
static void base64_flush(struct base64 *state, struct buffer *out)
{
	if (state->count >= 2)
		buffer_add_char(out, (char)(state->bits >> (state->count == 2 ? 4 : 10)));
	if (state->count == 3)
		buffer_add_char(out, (char)(state->bits >> 2));
	state->bits = 0;
	state->count = 0;
}

/* Whole groups of four digits, as long as there is nothing else and they fit; returns how many bytes they make. */
static size_t take_groups(struct span *text, char *to, size_t room)
{
	const unsigned char *from = (const unsigned char *)text->ptr;
	size_t filled = 0, at = 0;

	for (; text->len - at >= 4 && room - filled >= 3; at += 4) {
		uint32_t a = base64_values[from[at]], b = base64_values[from[at + 1]];
		uint32_t c = base64_values[from[at + 2]], d = base64_values[from[at + 3]];
		if (!(a & b & c & d & DIGIT))
			break;
		uint32_t bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
		to[filled++] = (char)(bits >> 16);
		to[filled++] = (char)(bits >> 8);
		to[filled++] = (char)bits;
	}
	*text = span_skip(*text, at);
	return filled;
}

/* A digit of a group that is not all in one piece, or what stands between digits. */
static void take_digit(struct base64 *state, uint8_t value, struct buffer *out)
{
	if (value == PADDING)
		base64_flush(state, out);
	if (!(value & DIGIT))
		return;
	state->bits = state->bits << 6 | (value & 63);
	if (++state->count < 4)
		return;
	buffer_add_char(out, (char)(state->bits >> 16));
	buffer_add_char(out, (char)(state->bits >> 8));
	buffer_add_char(out, (char)state->bits);
	state->bits = 0;
	state->count = 0;
}

void base64_decode(struct base64 *state, struct span text, struct buffer *out)
{
	char bytes[192];

	while (text.len) {
		size_t filled = state->count == 0 ? take_groups(&text, bytes, sizeof(bytes)) : 0;

		if (filled) {
			buffer_add(out, span_make(bytes, filled));
			continue;
		}
		take_digit(state, base64_values[(unsigned char)text.ptr[0]], out);
		text = span_skip(text, 1);
	}
}

int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "=XX" at the start of `text`: the byte, or -1. */
static int escape_value(struct span text)
{
	int high, low;

	if (text.len < 3 || (high = hex_value(text.ptr[1])) < 0 || (low = hex_value(text.ptr[2])) < 0)
		return -1;
	return high << 4 | low;
}

/* Decodes into `to`, which has room for `text`.  Returns how many bytes there are. */
static size_t decode_escapes(struct span text, char *to)
{
	size_t filled = 0;

	while (text.len) {
		const char *mark = memchr(text.ptr, '=', text.len);
		size_t plain = mark ? (size_t)(mark - text.ptr) : text.len;

		memcpy(to + filled, text.ptr, plain);
		filled += plain;
		for (text = span_skip(text, plain); text.len && text.ptr[0] == '=';) {
			int value = escape_value(text);
			to[filled++] = value < 0 ? '=' : (char)value;
			text = span_skip(text, value < 0 ? 1 : 3);
		}
	}
	return filled;
}

/* How much of a line to decode at a time: at most `max` bytes, no escape cut. */
static size_t find_piece(struct span line, size_t max)
{
	if (line.len <= max)
		return line.len;
	return line.ptr[max - 1] == '=' ? max - 1 : line.ptr[max - 2] == '=' ? max - 2 : max;
}

void quoted_printable_decode_line(struct span line, struct buffer *out)
{
	char bytes[512]; /* more than a line should have */
	bool is_soft;

	line = span_trim_right(line); /* RFC 2045 section 6.7 (3): a transport added it */
	is_soft = line.len && line.ptr[line.len - 1] == '=';
	line.len -= is_soft;
	do {
		size_t piece = find_piece(line, sizeof(bytes) - 1), filled = decode_escapes(span_slice(line, 0, piece), bytes);

		line = span_skip(line, piece);
		if (line.len == 0 && !is_soft)
			bytes[filled++] = '\n';
		buffer_add(out, span_make(bytes, filled));
	} while (line.len);
}

void q_decode(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		int value = c == '=' ? escape_value(span_skip(text, i)) : -1;

		if (value >= 0)
			i += 2;
		buffer_add_char(out, value >= 0 ? (char)value : c == '_' ? ' ' : c);
	}
}
