/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a part says: its transfer encoding undone, in UTF-8, with LF line ends, when somebody asks.
 * Pure; one thread at a time; every byte is hostile.
 */
#include "base/utf8.h"
#include "evidence/html.h"
#include "evidence/mail_part.h"

/* RFC 2046 section 5.1.1: the line end before a boundary belongs to it. */
static struct span drop_line_end(struct span text)
{
	if (text.len && text.ptr[text.len - 1] == '\n')
		text.len--;
	if (text.len && text.ptr[text.len - 1] == '\r')
		text.len--;
	return text;
}

static void decode_lines(struct span text, struct buffer *out)
{
	while (text.len) {
		size_t end = span_find_char(text, '\n', 0);

		quoted_printable_decode_line(span_slice(text, 0, end), out);
		text = end == SIZE_MAX ? SPAN_NONE : span_skip(text, end + 1);
	}
}

struct span mail_undo_transfer(struct mail_reader *reader, const struct body *body)
{
	struct base64 base64 = { 0 };
	struct span bytes = body->bytes;

	buffer_clear(&reader->bytes);
	switch (body->transfer) {
	case TRANSFER_IDENTITY:
		break;
	case TRANSFER_BASE64:
		base64_decode(&base64, bytes, &reader->bytes);
		base64_decode(&base64, SPAN_LIT("="), &reader->bytes);
		return buffer_get(&reader->bytes);
	case TRANSFER_QUOTED_PRINTABLE:
		decode_lines(bytes, &reader->bytes);
		bytes = buffer_get(&reader->bytes);
		break;
	}
	return body->has_boundary ? drop_line_end(bytes) : bytes;
}

/* CRLF and CR to LF in place. */
static size_t normalize_lines(char *text, size_t len)
{
	const char *cr = memchr(text, '\r', len);
	size_t from = cr ? (size_t)(cr - text) : len, to = from;

	while (from < len) {
		while (from < len && text[from] == '\r')
			from++;
		if (from == len || text[from] != '\n')
			text[to++] = '\n';
		cr = from < len ? memchr(text + from, '\r', len - from) : NULL;
		size_t end = cr ? (size_t)(cr - text) : len;
		memmove(text + to, text + from, end - from);
		to += end - from;
		from = end;
	}
	return to;
}

/* In the arena or the message, with LF line ends. */
static struct span keep_lines(struct mail_reader *reader, const struct body *body, struct span text)
{
	if (text.len == 0)
		return SPAN_LIT("");
	if (span_find_char(text, '\r', 0) == SIZE_MAX)
		return body->transfer == TRANSFER_IDENTITY ? text : mail_keep(reader, text);
	struct span lines = mail_copy(reader, text);
	return span_make(lines.ptr, lines.len ? normalize_lines((char *)(uintptr_t)lines.ptr, lines.len) : 0);
}

/* In UTF-8 with LF line ends, HTML as text. */
static struct span convert(struct mail_reader *reader, const struct body *body, struct span text, bool is_html)
{
	struct buffer *out = &reader->utf8;

	buffer_clear(out);
	charset_convert(reader->charsets, body->charset, text, out);
	if (out->len)
		out->len = normalize_lines(out->bytes, utf8_trim_partial(buffer_get(out)).len);
	if (is_html) {
		buffer_clear(&reader->scratch);
		html_to_text(buffer_get(out), &reader->scratch);
		out = &reader->scratch;
	}
	if (out->is_cut || reader->utf8.is_cut)
		reader->mail.cut |= CUT_TEXT;
	text = utf8_trim_partial(buffer_get(out));
	return text.len ? mail_copy(reader, text) : SPAN_LIT("");
}

struct span part_get_text(struct part *part)
{
	bool is_html = span_is_equal(part->type, SPAN_LIT("text/html"));
	struct span text;

	if (span_is_known(part->decoded))
		return part->decoded;
	text = mail_undo_transfer(part->reader, &part->body);
	if (!is_html && charset_is_plain(part->body.charset, text))
		part->decoded = keep_lines(part->reader, &part->body, text);
	else
		part->decoded = convert(part->reader, &part->body, text, is_html);
	return part->decoded;
}
