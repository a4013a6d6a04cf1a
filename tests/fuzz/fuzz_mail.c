/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a message: read whole and in pieces they are the same mail, what comes out is valid text, and the
 * caps hold, the usual ones and very small ones.  The first byte says how long the pieces are.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "evidence/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mail_caps small_caps = {
	.depth = 2, .parts = 3, .fields = 4, .field_size = 40, .line_size = 32, .header_size = 200, .text_size = 64,
};

static void check_text(struct span text)
{
	if (!utf8_is_valid(text) || (text.len && (memchr(text.ptr, '\0', text.len) || memchr(text.ptr, '\r', text.len))))
		abort();
}

static void check_line(struct span text)
{
	check_text(text);
	if (text.len && memchr(text.ptr, '\n', text.len))
		abort();
}

static void render_fields(const struct fields *fields, const struct mail_caps *caps, struct buffer *out)
{
	if (fields->count > caps->fields)
		abort();
	for (size_t i = 0; i < fields->count; i++) {
		struct span value = fields_get_value(fields, i);
		check_line(value);
		buffer_printf(out, "%.*s|", SPAN_ARG(fields->items[i].name));
		buffer_add(out, fields->items[i].raw);
		buffer_add(out, value);
	}
}

static void render(const struct mail *mail, const struct mail_caps *caps, struct buffer *out)
{
	if (mail->part_count > caps->parts)
		abort();
	buffer_printf(out, "%u %.*s %.*s %.*s|", mail->cut, SPAN_ARG(mail->type), SPAN_ARG(mail->report_type), SPAN_ARG(mail->sender));
	render_fields(&mail->fields, caps, out);
	for (size_t i = 0; i < mail->part_count; i++) {
		struct part *part = &mail->parts[i];
		check_text(part_get_text(part));
		check_line(part->description);
		if (part->depth > caps->depth || part_get_text(part).len > caps->text_size)
			abort();
		buffer_printf(out, "%d %u %.*s %.*s|", part->kind, part->depth, SPAN_ARG(part->type), SPAN_ARG(part->description));
		buffer_add(out, part_get_text(part));
		render_fields(&part->fields, caps, out);
	}
}

static void compare(const struct mail_caps *caps, struct span message, size_t piece)
{
	struct mail_reader *reader = mail_reader_new(caps);
	struct buffer whole, pieces;

	if (!reader)
		abort();
	buffer_init(&whole, 64 << 20);
	buffer_init(&pieces, 64 << 20);
	render(mail_read(reader, message, SPAN_NONE), caps, &whole);
	mail_begin(reader, SPAN_NONE);
	for (size_t i = 0; i < message.len; i += piece)
		mail_add_bytes(reader, span_slice(message, i, i + piece));
	render(mail_end(reader), caps, &pieces);
	if (!span_is_equal(buffer_get(&whole), buffer_get(&pieces)))
		abort();
	buffer_done(&whole);
	buffer_done(&pieces);
	mail_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	compare(&mail_default_caps, span_make((const char *)data + 1, size - 1), data[0] % 64 + 1);
	compare(&small_caps, span_make((const char *)data + 1, size - 1), data[0] % 64 + 1);
	return 0;
}
