/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 6533 section 3, utf-8-addr-xtext.  Pure; any thread; the text is hostile. */
#include "reply/xtext.h"

#include "base/address.h"
#include "base/utf8.h"

static bool is_plain(char c, const char *marks)
{
	/* letters and digits are no marks */
	return c > ' ' && c < 0x7f && (ascii_is_alnum(c) || !strchr(marks, c));
}

static void add_escaped(struct buffer *buffer, struct span text, const char *marks)
{
	size_t at = 0;

	while (at < text.len) {
		size_t end = at;
		uint32_t character;

		while (end < text.len && is_plain(text.ptr[end], marks))
			end++;
		buffer_add(buffer, span_slice(text, at, end));
		at = end;
		if (at == text.len)
			return;
		at += utf8_decode(span_skip(text, at), &character);
		buffer_printf(buffer, "\\x{%02X}", (unsigned)character);
	}
}

void xtext_add(struct buffer *buffer, struct span text)
{
	add_escaped(buffer, text, "\\+=;\"<>");
}

void xtext_add_readable(struct buffer *buffer, struct span text)
{
	add_escaped(buffer, text, "");
}

static size_t find_last_at(struct span text)
{
	size_t at = text.len;

	while (at > 0 && text.ptr[at - 1] != '@')
		at--;
	return at ? at - 1 : SIZE_MAX;
}

void xtext_add_address(struct buffer *buffer, struct span address)
{
	size_t at = find_last_at(address);
	char domain[ADDRESS_SIZE];

	if (at == SIZE_MAX || domain_fold(span_skip(address, at + 1), domain) < 0) {
		xtext_add(buffer, address);
		return;
	}
	xtext_add(buffer, span_slice(address, 0, at + 1));
	xtext_add(buffer, span_of(domain));
}
