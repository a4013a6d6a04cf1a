/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a field's value: encoded words, parameters, addresses, typed values, HTML; what comes out is valid. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "evidence/header.h"
#include "evidence/html.h"
#include "evidence/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 22 };

static void check_inside(struct span part, struct span whole)
{
	if (part.len && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len))
		abort();
}

static void check_valid(struct span text)
{
	if (!utf8_is_valid(text) || (text.len && memchr(text.ptr, '\0', text.len)))
		abort();
}

static void check_words(struct charsets *charsets, struct span text)
{
	struct buffer out, html;

	buffer_init(&out, OUT_MAX);
	buffer_init(&html, OUT_MAX);
	header_decode(charsets, text, &out);
	check_valid(buffer_get(&out));
	html_to_text(buffer_get(&out), &html);
	check_valid(buffer_get(&html));
	buffer_done(&out);
	buffer_done(&html);
}

static void check_addresses(struct span text)
{
	struct span rest = text;

	while (span_is_known(rest))
		check_inside(header_take_address(&rest), text);
	check_inside(value_get_address(text), text);
	check_inside(header_get_token(text), text);
}

static void check_values(struct charsets *charsets, struct span text)
{
	static const char *const names[] = { "boundary", "charset", "p", "" };
	struct arena *arena = arena_new(1 << 24);
	struct span rest = text, name, value;

	if (!arena)
		abort();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)header_find_parameter(charsets, text, names[i], arena);
	(void)value_decode_xtext(text, arena);
	if (utf8_is_valid(text) && !utf8_is_valid(value_decode_unicode(text, arena)))
		abort();
	while (span_is_known(rest) && value_take_field(&rest, arena, &name, &value) == 0)
		if (value.len && memchr(value.ptr, '\n', value.len))
			abort();
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct charsets *charsets = charsets_new();
	struct span text = span_make((const char *)data, size);

	if (!charsets)
		abort();
	check_words(charsets, text);
	check_addresses(text);
	check_values(charsets, text);
	charsets_free(charsets);
	return 0;
}
