/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 and quoted-printable, lenient and in one pass.  Pure; one decoder a thread; the bytes are hostile. */
#include "evidence/transfer.h"

enum { FOREIGN = 0x80, PADDING = 0x81 };

enum transfer transfer_find(struct span name)
{
	name = span_trim(name);
	if (span_is_equal_nocase(name, SPAN_LIT("base64")))
		return TRANSFER_BASE64;
	if (span_is_equal_nocase(name, SPAN_LIT("quoted-printable")))
		return TRANSFER_QUOTED_PRINTABLE;
	return TRANSFER_IDENTITY;
}

static uint8_t digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	switch (c) {
	case '+':
		return 62;
	case '/':
		return 63;
	case '=':
		return PADDING;
	default:
		return FOREIGN;
	}
}

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

void base64_decode(struct base64 *state, struct span text, struct buffer *out)
{
	char bytes[192];
	size_t filled = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t value = digit_value(text.ptr[i]);

		if (value == PADDING) {
			buffer_add(out, span_make(bytes, filled));
			filled = 0;
			base64_flush(state, out);
			continue;
		}
		if (value == FOREIGN)
			continue;
		state->bits = state->bits << 6 | value;
		if (++state->count < 4)
			continue;
		bytes[filled++] = (char)(state->bits >> 16);
		bytes[filled++] = (char)(state->bits >> 8);
		bytes[filled++] = (char)state->bits;
		state->bits = 0;
		state->count = 0;
		if (filled == sizeof(bytes)) {
			buffer_add(out, span_make(bytes, filled));
			filled = 0;
		}
	}
	buffer_add(out, span_make(bytes, filled));
}

int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
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

void quoted_printable_decode_line(struct span line, struct buffer *out)
{
	char bytes[128]; /* more than most lines have */
	size_t filled = 0;
	bool is_soft = false;

	line = span_trim_right(line); /* RFC 2045 section 6.7 (3): a transport added it */
	if (line.len && line.ptr[line.len - 1] == '=') {
		is_soft = true;
		line.len--;
	}
	for (size_t i = 0; i < line.len;) {
		int value = line.ptr[i] == '=' ? escape_value(span_skip(line, i)) : -1;

		bytes[filled++] = value < 0 ? line.ptr[i] : (char)value;
		i += value < 0 ? 1 : 3;
		if (filled == sizeof(bytes)) {
			buffer_add(out, span_make(bytes, filled));
			filled = 0;
		}
	}
	if (!is_soft)
		bytes[filled++] = '\n';
	buffer_add(out, span_make(bytes, filled));
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
