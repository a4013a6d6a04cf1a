/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8: checked by hand, eight ASCII bytes at a time.  Pure; any thread; the text is hostile. */
#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* How many bytes of `text` from `i` on are ASCII. */
static size_t ascii_run(struct span text, size_t i)
{
	size_t start = i;
	uint64_t word;

	while (text.len - i >= sizeof(word)) {
		memcpy(&word, text.ptr + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
		i += sizeof(word);
	}
	while (i < text.len && (unsigned char)text.ptr[i] < 0x80)
		i++;
	return i - start;
}

bool text_is_ascii(struct span text)
{
	return ascii_run(text, 0) == text.len;
}

enum { BLOCK = 64 }; /* a length that the compiler knows, so that it looks at many bytes at a time */

/* Bytes above 127 are negative. */
static bool is_odd(signed char c)
{
	return (c < ' ') & ((unsigned char)(c - '\t') > '\r' - '\t');
}

static bool has_odd(const signed char *block)
{
	signed char odd = 0;

	for (size_t i = 0; i < BLOCK; i++)
		odd = (signed char)(odd | is_odd(block[i]));
	return odd;
}

bool text_is_plain(struct span text)
{
	const signed char *at = (const signed char *)text.ptr, *end = at + text.len;

	if (text.len < BLOCK) {
		while (at < end && !is_odd(*at))
			at++;
		return at == end;
	}
	for (; end - at >= BLOCK; at += BLOCK)
		if (has_odd(at))
			return false;
	return !has_odd(end - BLOCK);
}

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* RFC 3629 section 4: the second byte's range depends on the first. */
static bool second_is_right(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_continuation(second);
	}
}

/* What the first byte promises; 0 where it cannot be one. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* How many bytes at the start belong to one character: *ret_is_whole, or only its valid beginning. */
static size_t take_character(struct span text, bool *ret_is_whole)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t wanted, got;

	*ret_is_whole = false;
	if (text.len == 0)
		return 0;
	wanted = length_of(p[0]);
	if (wanted == 0)
		return 1;
	for (got = 1; got < wanted && got < text.len; got++)
		if (got == 1 ? !second_is_right(p[0], p[1]) : !is_continuation(p[got]))
			break;
	*ret_is_whole = got == wanted;
	return got;
}

size_t utf8_take(struct span text)
{
	bool is_whole;
	size_t len = take_character(text, &is_whole);

	return is_whole ? len : 0;
}

size_t utf8_decode(struct span text, uint32_t *ret_character)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *p = (const unsigned char *)text.ptr;
	bool is_whole;
	size_t len = take_character(text, &is_whole);

	*ret_character = 0xfffd;
	if (!is_whole)
		return len ? len : 1;
	uint32_t character = p[0] & first_bits[len];
	for (size_t i = 1; i < len; i++)
		character = character << 6 | (p[i] & 0x3f);
	*ret_character = character;
	return len;
}

/* How many bytes at the start are valid characters, whole ones. */
static size_t valid_run(struct span text)
{
	size_t i = ascii_run(text, 0);

	while (i < text.len) {
		size_t len = utf8_take(span_skip(text, i));
		if (len == 0)
			break;
		i += len;
		i += ascii_run(text, i);
	}
	return i;
}

bool utf8_is_valid(struct span text)
{
	return valid_run(text) == text.len;
}

static void add_without_nul(struct buffer *buffer, struct span text)
{
	const char *nul;

	while (text.len && (nul = memchr(text.ptr, '\0', text.len))) {
		size_t len = (size_t)(nul - text.ptr);
		buffer_add(buffer, span_slice(text, 0, len));
		buffer_add(buffer, SPAN_LIT(REPLACEMENT));
		text = span_skip(text, len + 1);
	}
	buffer_add(buffer, text);
}

void utf8_add_valid(struct buffer *buffer, struct span text)
{
	while (text.len) {
		size_t run = valid_run(text);
		bool is_whole;

		add_without_nul(buffer, span_slice(text, 0, run));
		text = span_skip(text, run);
		if (text.len == 0)
			break;
		buffer_add(buffer, SPAN_LIT(REPLACEMENT));
		text = span_skip(text, take_character(text, &is_whole));
	}
}

size_t utf8_put(uint32_t character, char bytes[static 4])
{
	if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
		character = 0xfffd;
	if (character < 0x80) {
		bytes[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		bytes[0] = (char)(0xc0 | character >> 6);
		bytes[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		bytes[0] = (char)(0xe0 | character >> 12);
		bytes[1] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | character >> 18);
	bytes[1] = (char)(0x80 | (character >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (character >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

struct span utf8_make_valid(struct span text, struct arena *arena)
{
	struct buffer buffer;
	struct span copy = text;

	if (text.len == 0 || (utf8_is_valid(text) && !memchr(text.ptr, '\0', text.len)))
		return text;
	buffer_init(&buffer, text.len * 3);
	utf8_add_valid(&buffer, text);
	copy = buffer.is_cut ? SPAN_NONE : arena_copy(arena, buffer_get(&buffer));
	buffer_done(&buffer);
	return copy;
}

struct span utf8_cut(struct span text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max > 0 && is_continuation((unsigned char)text.ptr[max]))
		max--;
	return span_slice(text, 0, max);
}

struct span utf8_trim_partial(struct span text)
{
	size_t start = text.len;

	while (start > 0 && text.len - start < 3 && is_continuation((unsigned char)text.ptr[start - 1]))
		start--;
	if (start == 0 || (unsigned char)text.ptr[start - 1] < 0xc0)
		return text;
	start--;
	return length_of((unsigned char)text.ptr[start]) > text.len - start ? span_slice(text, 0, start) : text;
}
