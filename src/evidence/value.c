/* SPDX-License-Identifier: BSD-2-Clause */
/* The fields of a report and their typed values.  Pure; any thread; hostile input; time is linear. */
#include "evidence/value.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "evidence/header.h"
#include "evidence/transfer.h"

/* The length of "smtp;", "dns ;" at the start: an atom and a semicolon; 0 if there is no type. */
static size_t type_len(struct span value)
{
	size_t end = 0;

	while (end < value.len && (ascii_is_alnum(value.ptr[end]) || value.ptr[end] == '-' || value.ptr[end] == '_'))
		end++;
	size_t at = end;
	while (at < value.len && ascii_is_space(value.ptr[at]))
		at++;
	return end > 0 && at < value.len && value.ptr[at] == ';' ? at + 1 : 0;
}

struct span value_strip_type(struct span value)
{
	value = span_trim(value);
	return span_trim(span_skip(value, type_len(value)));
}

/* "@relay.example,@other.example:user@example.org" (RFC 5321 appendix C) to the address. */
static struct span strip_route(struct span address)
{
	struct span inner = address.len && address.ptr[0] == '<' ? span_skip(address, 1) : address;
	size_t colon = inner.len && inner.ptr[0] == '@' ? span_find_char(inner, ':', 0) : SIZE_MAX;

	if (colon == SIZE_MAX)
		return address;
	inner = span_skip(inner, colon + 1);
	return span_slice(inner, 0, span_find_char(inner, '>', 0));
}

bool value_is_address(struct span text)
{
	size_t at = span_find_char(text, '@', 0);

	return at != SIZE_MAX && at > 0 && at + 1 < text.len && text.ptr[0] != '|' && text.ptr[0] != '/';
}

struct span value_get_address(struct span typed)
{
	struct span rest = strip_route(value_strip_type(typed)), address;

	if (!span_is_known(rest) || rest.len == 0)
		return span_slice(rest, 0, 0);
	address = header_take_address(&rest);
	return value_is_address(address) ? address : span_slice(address, 0, 0);
}

/* RFC 6533 section 3: "\x{5B57}" is a character; but not where its backslash is one that a quoted string has quoted. */
struct span value_decode_unicode(struct span address, struct arena *arena)
{
	struct buffer out;
	struct span decoded;

	if (!span_is_known(address) || span_find(address, SPAN_LIT("\\x{"), 0) == SIZE_MAX)
		return address;
	buffer_init(&out, address.len);
	for (size_t i = 0; i < address.len; i++) {
		struct span rest = span_skip(address, i);
		size_t end = span_has_prefix(rest, SPAN_LIT("\\x{")) ? span_find_char(span_slice(rest, 0, 10), '}', 3) : SIZE_MAX;
		uint32_t character = 0;
		char bytes[4];

		for (size_t k = 3; end != SIZE_MAX && k < end; k++) {
			int digit = hex_value(rest.ptr[k]);
			if (digit < 0)
				end = SIZE_MAX;
			else
				character = character << 4 | (uint32_t)digit;
		}
		if (end == SIZE_MAX || end == 3 || character < 0x20) {
			buffer_add_char(&out, address.ptr[i]);
			if (span_has_prefix(rest, SPAN_LIT("\\\\")))
				buffer_add_char(&out, address.ptr[++i]);
			continue;
		}
		buffer_add(&out, span_make(bytes, utf8_put(character, bytes)));
		i += end;
	}
	decoded = arena_copy(arena, buffer_get(&out));
	buffer_done(&out);
	return decoded;
}

/*
 * RFC 3461 section 4: xtext.  Postfix decodes before it reports and Sendmail does not, and "user+42@..." is an
 * address like any other: only a text in which every "+" stands for "+" or "=", which xtext must encode, is xtext.
 */
struct span value_decode_xtext(struct span text, struct arena *arena)
{
	size_t plus = span_find_char(text, '+', 0), to = 0;
	char *decoded;

	if (plus == SIZE_MAX)
		return text;
	for (size_t at = plus; at != SIZE_MAX; at = span_find_char(text, '+', at + 1)) {
		struct span code = span_slice(text, at + 1, at + 3);
		if (!span_is_equal(code, SPAN_LIT("2B")) && !span_is_equal(code, SPAN_LIT("3D")))
			return text;
	}
	decoded = arena_alloc(arena, text.len);
	if (!decoded)
		return text;
	for (size_t i = 0; i < text.len; i++) {
		decoded[to] = text.ptr[i];
		if (text.ptr[i] == '+') {
			decoded[to] = text.ptr[i + 1] == '2' ? '+' : '=';
			i += 2;
		}
		to++;
	}
	return span_make(decoded, to);
}

int64_t value_parse_time(struct span text)
{
	int64_t time_s;

	return span_is_known(text) && timestamp_parse_mail(text, &time_s) == 0 ? time_s : 0;
}

/* Does this line begin a field?  What does not continues the one before, white space or not. */
static bool is_field_start(struct span line, struct span *ret_name, struct span *ret_value)
{
	return line.len && ascii_is_alpha(line.ptr[0]) && header_split(line, ret_name, ret_value);
}

/* Cuts the next field off *rest, unfolded into the arena; an empty name for an empty line. */
int value_take_field(struct span *rest, struct arena *arena, struct span *ret_name, struct span *ret_value)
{
	struct span line = span_take_line(rest), value;
	char *text;

	*ret_name = *ret_value = SPAN_LIT("");
	if (!is_field_start(line, ret_name, &value)) {
		*ret_name = SPAN_LIT("");
		return 0;
	}
	while (span_is_known(*rest)) {
		struct span before = *rest, name, ignored;

		line = span_take_line(rest);
		if (span_trim(line).len == 0 || is_field_start(line, &name, &ignored)) {
			*rest = before;
			break;
		}
		value.len = (size_t)(line.ptr + line.len - value.ptr);
	}
	text = arena_alloc(arena, value.len);
	if (!text)
		return -ENOMEM;
	memcpy(text, value.ptr, value.len);
	*ret_value = span_trim(span_make(text, header_unfold(text, value.len)));
	return 0;
}
