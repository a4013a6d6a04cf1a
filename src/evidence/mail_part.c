/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the MIME reader keeps: the fields of headers, and the parts with their texts decoded, in the mail's arena and
 * within struct mail_caps.  Pure; one thread at a time; every byte is hostile.
 */
#include "evidence/mail_part.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "evidence/header.h"
#include "evidence/html.h"

/* --- fields */

const struct field *fields_find(const struct fields *fields, const char *name)
{
	struct span wanted = span_of(name);

	if (!fields_may_have(fields, wanted))
		return NULL;
	for (size_t i = 0; i < fields->count; i++)
		if (fields->items[i].name.len == wanted.len && span_is_equal_nocase(fields->items[i].name, wanted))
			return &fields->items[i];
	return NULL;
}

struct span fields_get(const struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);

	return field ? field->value : SPAN_NONE;
}

/* A copy in the arena; "" and a mark where the arena is full, so that a span that is known stays known. */
struct span mail_keep(struct mail_reader *reader, struct span text)
{
	struct span copy = arena_copy(reader->mail.arena, text);

	if (span_is_known(copy) || !span_is_known(text))
		return copy;
	reader->mail.cut |= CUT_MEMORY;
	return SPAN_LIT("");
}

static struct span keep_lower(struct mail_reader *reader, struct span text)
{
	struct span copy = mail_keep(reader, text);

	for (size_t i = 0; i < copy.len; i++)
		((char *)(uintptr_t)copy.ptr)[i] = ascii_lower(copy.ptr[i]);
	return copy;
}

/* A value is one line, whatever encoded words hide. */
static struct span decode_and_keep(struct mail_reader *reader, struct span text)
{
	struct span copy;

	if (!header_needs_decoding(text))
		return mail_keep(reader, text);
	buffer_clear(&reader->scratch);
	header_decode(reader->charsets, text, &reader->scratch);
	copy = mail_keep(reader, utf8_trim_partial(buffer_get(&reader->scratch)));
	for (size_t i = 0; i < copy.len; i++)
		if (copy.ptr[i] == '\n' || copy.ptr[i] == '\r')
			((char *)(uintptr_t)copy.ptr)[i] = ' ';
	return copy;
}

static bool fields_make_room(struct mail_reader *reader)
{
	if (reader->field_count >= reader->caps.fields) {
		reader->mail.cut |= CUT_FIELDS;
		return false;
	}
	if (reader->field_count < reader->field_room)
		return true;
	size_t room = reader->field_room ? reader->field_room * 2 : 64;
	struct field *fields = realloc(reader->fields, room * sizeof(*fields));
	if (!fields) {
		reader->mail.cut |= CUT_MEMORY;
		return false;
	}
	reader->fields = fields;
	reader->field_room = room;
	return true;
}

/* A value that is more than ASCII on one line. */
static void decode_field(struct mail_reader *reader, struct field *field)
{
	char *text = (char *)(uintptr_t)field->raw.ptr;

	field->raw = field->value = span_trim(span_make(text, header_unfold(text, field->raw.len)));
	if (!header_needs_decoding(field->raw))
		return;
	field->value = decode_and_keep(reader, field->raw);
	field->raw = utf8_make_valid(field->raw, reader->mail.arena);
}

/* Name and value stand side by side in one piece of the arena. */
void mail_add_field(struct mail_reader *reader, struct span name, struct span value)
{
	struct field *field;
	char *bytes;

	value = span_trim(value);
	if (value.len > reader->caps.field_size) {
		value.len = reader->caps.field_size;
		reader->mail.cut |= CUT_FIELD_SIZE;
	}
	if (!fields_make_room(reader))
		return;
	if (name.len + value.len > reader->header_left ||
	    !(bytes = arena_take(reader->mail.arena, name.len + value.len + 1))) {
		reader->mail.cut |= CUT_MEMORY;
		return;
	}
	reader->header_left -= name.len + value.len;
	memcpy(bytes, name.ptr, name.len);
	if (value.len)
		memcpy(bytes + name.len, value.ptr, value.len);
	field = &reader->fields[reader->field_count++];
	field->name = span_make(bytes, name.len);
	field->raw = field->value = span_make(bytes + name.len, value.len);
	if (!header_is_plain(field->raw))
		decode_field(reader, field);
}

/* The fields so far as a list of their own. */
struct fields mail_take_fields(struct mail_reader *reader)
{
	size_t size = reader->field_count * sizeof(*reader->fields);
	struct fields fields = { .items = arena_take(reader->mail.arena, size + 1), .count = reader->field_count };

	if (fields.items && size)
		memcpy(fields.items, reader->fields, size);
	else
		fields.count = 0;
	if (fields.count != reader->field_count)
		reader->mail.cut |= CUT_MEMORY;
	for (size_t i = 0; i < fields.count; i++)
		fields.names |= fields_get_bit(fields.items[i].name);
	reader->field_count = 0;
	return fields;
}

/* The fields of a body part that matter; the first of a name counts.  `value` may be gone before it is needed. */
void mail_note_content(struct mail_reader *reader, struct span name, struct span value)
{
	static const struct {
		struct span name;
		size_t offset;
	} wanted[] = {
		{ SPAN_LIT("content-type"), offsetof(struct content, type) },
		{ SPAN_LIT("content-transfer-encoding"), offsetof(struct content, transfer) },
		{ SPAN_LIT("content-description"), offsetof(struct content, description) },
	};

	if (name.len < 12 || ascii_lower(name.ptr[0]) != 'c')
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct span *slot = (struct span *)((char *)&reader->content + wanted[i].offset);
		if (!span_is_equal_nocase(name, wanted[i].name) || span_is_known(*slot))
			continue;
		if (value.len > reader->header_left) {
			reader->mail.cut |= CUT_MEMORY;
			return;
		}
		reader->header_left -= value.len;
		*slot = mail_keep(reader, value);
	}
}

/* --- parts */

static const struct {
	struct span type;
	enum part_kind kind;
} kinds[] = {
	{ SPAN_LIT("text/plain"), PART_TEXT },
	{ SPAN_LIT("text/html"), PART_TEXT },
	{ SPAN_LIT("message/delivery-status"), PART_STATUS },
	{ SPAN_LIT("message/global-delivery-status"), PART_STATUS },
	{ SPAN_LIT("message/feedback-report"), PART_FEEDBACK },
	{ SPAN_LIT("message/rfc822"), PART_ORIGINAL },
	{ SPAN_LIT("message/global"), PART_ORIGINAL },
	{ SPAN_LIT("message/global-headers"), PART_ORIGINAL },
	{ SPAN_LIT("text/rfc822-headers"), PART_ORIGINAL },
	/* seen in the wild */
	{ SPAN_LIT("text/rfc822-header"), PART_ORIGINAL },
	{ SPAN_LIT("text/rfc822"), PART_ORIGINAL },
	{ SPAN_LIT("message/rfc822-headers"), PART_ORIGINAL },
	{ SPAN_LIT("text/delivery-status"), PART_STATUS },
};

static enum part_kind kind_of(struct span type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_is_equal(type, kinds[i].type))
			return kinds[i].kind;
	return PART_OTHER;
}

/* The lower-case type; what is no "type/subtype" is text/plain (RFC 2045 section 5.2). */
static struct span type_of(struct mail_reader *reader, struct span value, bool is_digest)
{
	struct span token = header_get_token(value);

	if (!span_is_known(value))
		return is_digest ? SPAN_LIT("message/rfc822") : SPAN_LIT("text/plain");
	for (size_t i = 0; i < token.len; i++)
		if (ascii_is_space(token.ptr[i])) /* "text/plain charset=x", without the semicolon */
			token.len = i;
	size_t slash = span_find_char(token, '/', 1);
	if (token.len > 127 || slash == SIZE_MAX || slash + 1 == token.len || !text_is_ascii(token) ||
	    memchr(token.ptr, '\0', token.len))
		return SPAN_LIT("text/plain");
	return keep_lower(reader, token);
}

static struct span find_parameter(struct mail_reader *reader, const char *name)
{
	return header_find_parameter(reader->charsets, reader->content.type, name, reader->mail.arena);
}

static void open_level(struct mail_reader *reader, struct span type)
{
	struct level *level;
	struct span boundary;

	if (reader->level_count >= reader->caps.depth) {
		reader->mail.cut |= CUT_DEPTH;
		return;
	}
	if (reader->part_seen > reader->caps.parts)
		return;
	boundary = span_trim_right(find_parameter(reader, "boundary"));
	level = &reader->levels[reader->level_count++];
	*level = (struct level){ .is_digest = span_is_equal(type, SPAN_LIT("multipart/digest")) };
	if (boundary.len && boundary.len <= BOUNDARY_MAX)
		level->boundary = mail_keep(reader, boundary);
	if (reader->owner == OWNER_MAIL) {
		reader->is_preamble = true;
		reader->sink = SINK_TEXT;
		reader->text.max = reader->caps.text_size;
		buffer_clear(&reader->text);
	}
}

/* In place: the text is a copy of ours. */
static struct span unfold(struct span text)
{
	return span_make(text.ptr, text.len ? header_unfold((char *)(uintptr_t)text.ptr, text.len) : 0);
}

struct part *mail_add_part(struct mail_reader *reader, struct span type)
{
	struct part *part;

	if (reader->mail.part_count >= reader->caps.parts) {
		reader->mail.cut |= CUT_PARTS;
		return NULL;
	}
	part = &reader->parts[reader->mail.part_count++];
	*part = (struct part){ .kind = kind_of(type), .depth = (uint8_t)reader->level_count, .type = type };
	if (span_is_known(reader->content.description))
		part->description = unfold(decode_and_keep(reader, span_trim(reader->content.description)));
	return part;
}

void mail_begin_header(struct mail_reader *reader)
{
	buffer_clear(&reader->header);
	reader->field_len = 0;
	reader->is_header_begun = false;
}

static enum sink sink_of(enum transfer transfer)
{
	return transfer == TRANSFER_BASE64 ? SINK_BASE64 : transfer == TRANSFER_QUOTED_PRINTABLE ? SINK_QUOTED_PRINTABLE : SINK_TEXT;
}

/* How many decoded bytes the open part may still have. */
static size_t *budget_of(struct mail_reader *reader)
{
	return reader->part->kind == PART_TEXT ? &reader->text_left : &reader->report_left;
}

static void open_part(struct mail_reader *reader, struct span type)
{
	enum transfer transfer = transfer_find(reader->content.transfer);

	reader->part = mail_add_part(reader, type);
	if (!reader->part || reader->part->kind == PART_OTHER)
		return;
	reader->base64 = (struct base64){ 0 };
	buffer_clear(&reader->text);
	if (reader->part->kind == PART_ORIGINAL && transfer == TRANSFER_IDENTITY) {
		reader->state = STATE_HEADER;
		reader->owner = OWNER_ORIGINAL;
		return;
	}
	reader->sink = sink_of(transfer);
	if (reader->part->kind == PART_ORIGINAL) {
		reader->text.max = EMBEDDED_HEADER_MAX;
		return;
	}
	reader->text.max = *budget_of(reader);
	reader->charset = mail_keep(reader, find_parameter(reader, "charset"));
}

/* After the header of the mail or of a part: what follows? */
void mail_begin_body(struct mail_reader *reader)
{
	bool is_digest = reader->level_count && reader->levels[reader->level_count - 1].is_digest;
	struct span type = type_of(reader, reader->content.type, is_digest);

	if (reader->owner == OWNER_MAIL) {
		reader->mail.type = type;
		reader->mail.report_type = span_is_equal(type, SPAN_LIT("multipart/report")) ? keep_lower(reader, find_parameter(reader, "report-type")) :
											       SPAN_NONE;
	}
	reader->state = STATE_BODY;
	reader->sink = SINK_NONE;
	reader->part = NULL;
	reader->charset = SPAN_NONE;
	reader->part_seen++;
	if (reader->part_seen > reader->caps.parts)
		reader->mail.cut |= CUT_PARTS;
	if (span_has_prefix(type, SPAN_LIT("multipart/")))
		open_level(reader, type);
	else
		open_part(reader, type);
	mail_begin_header(reader);
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

static bool is_html(const struct part *part)
{
	return span_is_equal(part->type, SPAN_LIT("text/html"));
}

/* A copy with LF line ends. */
static struct span keep_lines(struct mail_reader *reader, struct span text)
{
	struct span copy = span_is_known(text) ? mail_keep(reader, text) : SPAN_LIT("");

	return span_make(copy.ptr, copy.len ? normalize_lines((char *)(uintptr_t)copy.ptr, copy.len) : 0);
}

/* reader->text in UTF-8 with LF line ends, in reader->utf8. */
static void convert_text(struct mail_reader *reader)
{
	struct buffer *utf8 = &reader->utf8;
	struct span text = buffer_get(&reader->text);

	buffer_clear(utf8);
	charset_convert(reader->charsets, reader->charset, text, utf8);
	if (utf8->len)
		utf8->len = normalize_lines(utf8->bytes, utf8_trim_partial(buffer_get(utf8)).len);
	if (!is_html(reader->part))
		return;
	buffer_clear(&reader->scratch);
	html_to_text(buffer_get(utf8), &reader->scratch);
	struct buffer swap = *utf8;
	*utf8 = reader->scratch;
	reader->scratch = swap;
}

static void close_text(struct mail_reader *reader)
{
	size_t *budget = budget_of(reader);
	struct span text;

	if (reader->text.is_cut)
		reader->mail.cut |= CUT_TEXT;
	*budget -= reader->text.len < *budget ? reader->text.len : *budget;
	if (charset_is_plain(reader->charset, buffer_get(&reader->text)) && !is_html(reader->part)) {
		reader->part->text = keep_lines(reader, buffer_get(&reader->text));
		return;
	}
	convert_text(reader);
	if (reader->utf8.is_cut)
		reader->mail.cut |= CUT_TEXT;
	text = utf8_trim_partial(buffer_get(&reader->utf8));
	reader->part->text = span_is_known(text) ? mail_keep(reader, text) : SPAN_LIT("");
}

void mail_take_field(struct mail_reader *reader, struct span name, struct span value)
{
	if (reader->owner == OWNER_PART)
		mail_note_content(reader, name, value);
	else
		mail_add_field(reader, name, value);
}

/* The fields of a header that stands as bytes in `block`, up to its empty line. */
void mail_read_header_block(struct mail_reader *reader, struct span block)
{
	bool is_begun = false;

	while (block.len) {
		struct span field = header_take_field(&block), name, value;

		if (field.ptr[0] == '\n' || field.ptr[0] == '\r') {
			if (is_begun)
				break;
			continue;
		}
		is_begun = true;
		if (!header_split(field, &name, &value))
			continue;
		mail_take_field(reader, name, value);
	}
}

/* RFC 2046 section 5.1.1: the line end before a boundary belongs to it. */
static void drop_line_end(struct buffer *text)
{
	if (text->len && text->bytes[text->len - 1] == '\n')
		text->len--;
	if (text->len && text->bytes[text->len - 1] == '\r')
		text->len--;
}

/* The open part is over. */
void mail_end_part(struct mail_reader *reader, bool is_at_boundary)
{
	struct part *part = reader->part;

	reader->part = NULL;
	if (!part || part->kind == PART_OTHER)
		return;
	reader->part = part;
	if (reader->sink == SINK_BASE64)
		base64_decode(&reader->base64, SPAN_LIT("="), &reader->text);
	else if (is_at_boundary && !reader->text.is_cut)
		drop_line_end(&reader->text);
	if (part->kind != PART_ORIGINAL) {
		close_text(reader);
	} else if (reader->sink != SINK_NONE) {
		reader->owner = OWNER_ORIGINAL;
		mail_read_header_block(reader, buffer_get(&reader->text));
		part->fields = mail_take_fields(reader);
	}
	reader->part = NULL;
	reader->sink = SINK_NONE;
}
