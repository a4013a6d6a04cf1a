/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the MIME reader keeps: the fields of headers, and the parts as they came, in the mail's arena and within
 * struct mail_caps.  Pure; one thread at a time; every byte is hostile.
 */
#include "evidence/mail_part.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "evidence/header.h"

/* --- fields */

static bool has_name(const struct field *field, struct span name)
{
	return field->name.len == name.len && span_is_equal_nocase(field->name, name);
}

const struct field *fields_find(const struct fields *fields, const char *name)
{
	struct span wanted = span_of(name);

	if (!fields_may_have(fields, wanted))
		return NULL;
	for (size_t i = 0; i < fields->count; i++)
		if (has_name(&fields->items[i], wanted))
			return &fields->items[i];
	return NULL;
}

struct span fields_get(const struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);

	return field ? fields_get_value(fields, (size_t)(field - fields->items)) : SPAN_NONE;
}

struct span mail_copy(struct mail_reader *reader, struct span text)
{
	struct span kept = arena_copy(reader->mail.arena, text);

	if (span_is_known(kept) || !span_is_known(text))
		return kept;
	reader->mail.cut |= CUT_MEMORY;
	return SPAN_LIT("");
}

/* Is it a piece of a message that stays in memory? */
static inline bool is_lent(const struct mail_reader *reader, struct span text)
{
	uintptr_t from = (uintptr_t)reader->message.ptr, at = (uintptr_t)text.ptr;

	return at >= from && at - from < reader->message.len && text.len <= reader->message.len - (at - from);
}

struct span mail_keep(struct mail_reader *reader, struct span text)
{
	return is_lent(reader, text) ? text : mail_copy(reader, text);
}

/* A copy on one line. */
static struct span copy_unfolded(struct mail_reader *reader, struct span text)
{
	struct span line = mail_copy(reader, text);

	return span_trim(span_make(line.ptr, line.len ? header_unfold((char *)(uintptr_t)line.ptr, line.len) : 0));
}

/* A value is one line, whatever encoded words hide. */
static struct span decode_and_keep(struct mail_reader *reader, struct span text)
{
	struct span kept;

	if (!header_needs_decoding(text))
		return text;
	buffer_clear(&reader->scratch);
	header_decode(reader->charsets, text, &reader->scratch);
	kept = mail_copy(reader, utf8_trim_partial(buffer_get(&reader->scratch)));
	for (size_t i = 0; i < kept.len; i++)
		if (kept.ptr[i] == '\n' || kept.ptr[i] == '\r')
			((char *)(uintptr_t)kept.ptr)[i] = ' ';
	return kept;
}

static struct span read_value(struct mail_reader *reader, struct span raw)
{
	return header_is_plain(raw) ? raw : decode_and_keep(reader, copy_unfolded(reader, raw));
}

struct span fields_get_value(const struct fields *fields, size_t index)
{
	struct field *field = &fields->items[index];

	if (!span_is_known(field->decoded))
		field->decoded = read_value(fields->reader, field->raw);
	return field->decoded;
}

/* Room for one more, or a mark why there is none. */
static bool fields_grow(struct mail_reader *reader)
{
	size_t room = reader->field_room ? reader->field_room * 2 : 64;
	struct field *fields;

	if (reader->field_count >= reader->caps.fields) {
		reader->mail.cut |= CUT_FIELDS;
		return false;
	}
	if (room > reader->caps.fields)
		room = reader->caps.fields;
	fields = realloc(reader->fields, room * sizeof(*fields));
	if (!fields) {
		reader->mail.cut |= CUT_MEMORY;
		return false;
	}
	reader->fields = fields;
	reader->field_room = room;
	return true;
}

/* The fields that say what a body is; the first of a name counts.  They are kept, whatever becomes of the header. */
static void note_content(struct mail_reader *reader, struct span name, struct span value)
{
	static const struct {
		struct span name;
		size_t offset;
	} wanted[] = {
		{ SPAN_LIT("content-type"), offsetof(struct content, type) },
		{ SPAN_LIT("content-transfer-encoding"), offsetof(struct content, transfer) },
		{ SPAN_LIT("content-description"), offsetof(struct content, description) },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct span *slot = (struct span *)((char *)&reader->content + wanted[i].offset);
		if (!span_is_equal_nocase(name, wanted[i].name) || span_is_known(*slot))
			continue;
		if (value.len > reader->header_left) {
			reader->mail.cut |= CUT_MEMORY;
			return;
		}
		reader->header_left -= value.len;
		value = span_trim(value);
		*slot = header_is_plain(value) ? mail_keep(reader, value) : copy_unfolded(reader, value);
	}
}

/* Few fields get so far. */
static inline bool may_be_content(struct span name)
{
	return name.len >= 12 && (name.ptr[0] | 0x20) == 'c';
}

/* Both are kept. */
static inline void keep_field(struct mail_reader *reader, struct span name, struct span value)
{
	reader->header_left -= name.len + value.len;
	reader->field_names |= fields_get_bit(name);
	reader->fields[reader->field_count++] = (struct field){ .name = name, .raw = value };
}

static inline struct span cut_value(struct mail_reader *reader, struct span value)
{
	value = span_trim(value);
	if (value.len <= reader->caps.field_size)
		return value;
	reader->mail.cut |= CUT_FIELD_SIZE;
	return span_slice(value, 0, reader->caps.field_size);
}

/* May a field of that length be kept? */
static inline bool make_room(struct mail_reader *reader, size_t len)
{
	if (reader->field_count == reader->field_room && !fields_grow(reader))
		return false;
	if (len <= reader->header_left)
		return true;
	reader->mail.cut |= CUT_MEMORY;
	return false;
}

void mail_add_field(struct mail_reader *reader, struct span name, struct span value)
{
	if (may_be_content(name))
		note_content(reader, name, value);
	value = cut_value(reader, value);
	if (make_room(reader, name.len + value.len))
		keep_field(reader, mail_keep(reader, name), span_is_known(value) ? mail_keep(reader, value) : SPAN_LIT(""));
}

void mail_take_field(struct mail_reader *reader, struct span field)
{
	struct span name, value, whole;

	if (!header_split(field, &name, &value))
		return;
	if (may_be_content(name) && reader->owner != OWNER_ORIGINAL)
		note_content(reader, name, value);
	if (reader->owner == OWNER_PART)
		return;
	value = cut_value(reader, value);
	if (!make_room(reader, name.len + value.len))
		return;
	/* one piece for both */
	whole = mail_keep(reader, span_make(name.ptr, (size_t)(value.ptr + value.len - name.ptr)));
	if (whole.len)
		keep_field(reader, span_slice(whole, 0, name.len), span_skip(whole, (size_t)(value.ptr - name.ptr)));
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
	fields.names = reader->field_names;
	fields.reader = reader;
	reader->field_count = 0;
	reader->field_names = 0;
	return fields;
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
	{ SPAN_LIT("multipart/report"), PART_OTHER },
	{ SPAN_LIT("multipart/mixed"), PART_OTHER },
	{ SPAN_LIT("multipart/alternative"), PART_OTHER },
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

static struct span keep_lower(struct mail_reader *reader, struct span text)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_is_equal_nocase(text, kinds[i].type))
			return kinds[i].type;
	struct span kept = mail_copy(reader, text);
	for (size_t i = 0; i < kept.len; i++)
		((char *)(uintptr_t)kept.ptr)[i] = ascii_lower(kept.ptr[i]);
	return kept;
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

static struct span get_report_type(struct mail_reader *reader)
{
	struct span type = find_parameter(reader, "report-type");

	return text_is_ascii(type) ? keep_lower(reader, type) : SPAN_LIT("");
}

static void begin_text(struct mail_reader *reader, size_t max)
{
	buffer_clear(&reader->text);
	reader->text.max = max;
	reader->lent = SPAN_NONE;
	reader->is_kept = true;
}

/* As long as it is one piece of a message that stays in memory it is not copied. */
void mail_add_text(struct mail_reader *reader, struct span text)
{
	struct span *lent = &reader->lent;
	bool goes_on = lent->len ? lent->ptr + lent->len == text.ptr : reader->text.len == 0;

	if (goes_on && is_lent(reader, text) && lent->len + text.len <= reader->text.max) {
		*lent = span_make(lent->len ? lent->ptr : text.ptr, lent->len + text.len);
		return;
	}
	buffer_add(&reader->text, *lent);
	*lent = SPAN_NONE;
	buffer_add(&reader->text, text);
}

/* The open part so far. */
static struct span get_bytes(const struct mail_reader *reader)
{
	return reader->lent.len ? reader->lent : buffer_get(&reader->text);
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
		level->boundary = boundary;
	if (reader->owner == OWNER_MAIL) {
		reader->is_preamble = true;
		begin_text(reader, reader->caps.text_size);
	}
}

struct part *mail_add_part(struct mail_reader *reader, struct span type)
{
	struct part *part;

	if (reader->mail.part_count >= reader->caps.parts) {
		reader->mail.cut |= CUT_PARTS;
		return NULL;
	}
	part = &reader->parts[reader->mail.part_count++];
	*part = (struct part){ .kind = kind_of(type), .depth = (uint8_t)reader->level_count, .type = type, .reader = reader };
	if (span_is_known(reader->content.description))
		part->description = decode_and_keep(reader, reader->content.description);
	return part;
}

void mail_begin_header(struct mail_reader *reader)
{
	buffer_clear(&reader->header);
	reader->field_len = 0;
	reader->is_header_begun = false;
}

/* How many bytes the open part may still have. */
static size_t *budget_of(struct mail_reader *reader, const struct part *part)
{
	return part->kind == PART_TEXT ? &reader->text_left : &reader->report_left;
}

static void open_part(struct mail_reader *reader, struct span type)
{
	struct part *part = reader->part = mail_add_part(reader, type);

	if (!part || part->kind == PART_OTHER)
		return;
	part->body.transfer = transfer_find(reader->content.transfer);
	if (part->kind == PART_ORIGINAL && part->body.transfer == TRANSFER_IDENTITY) {
		reader->state = STATE_HEADER;
		reader->owner = OWNER_ORIGINAL;
		return;
	}
	begin_text(reader, part->kind == PART_ORIGINAL ? EMBEDDED_HEADER_MAX : *budget_of(reader, part));
	if (part->kind != PART_ORIGINAL)
		part->body.charset = find_parameter(reader, "charset");
}

/* After the header of the mail or of a part: what follows? */
void mail_begin_body(struct mail_reader *reader)
{
	bool is_digest = reader->level_count && reader->levels[reader->level_count - 1].is_digest;
	struct span type = type_of(reader, reader->content.type, is_digest);

	if (reader->owner == OWNER_MAIL) {
		reader->mail.type = type;
		if (span_is_equal(type, SPAN_LIT("multipart/report")))
			reader->mail.report_type = get_report_type(reader);
	}
	reader->state = STATE_BODY;
	reader->is_kept = false;
	reader->part = NULL;
	reader->part_seen++;
	if (reader->part_seen > reader->caps.parts)
		reader->mail.cut |= CUT_PARTS;
	if (span_has_prefix(type, SPAN_LIT("multipart/")))
		open_level(reader, type);
	else
		open_part(reader, type);
	mail_begin_header(reader);
}

/* The fields of a header that stands as bytes in `block`, up to its empty line. */
void mail_read_header_block(struct mail_reader *reader, struct span block)
{
	bool is_begun = false;

	while (block.len) {
		struct span field = header_take_field(&block);

		if (field.ptr[0] == '\n' || field.ptr[0] == '\r') {
			if (is_begun)
				break;
			continue;
		}
		is_begun = true;
		mail_take_field(reader, field);
	}
}

/* The open part is over. */
void mail_end_part(struct mail_reader *reader, bool is_at_boundary)
{
	struct part *part = reader->part;
	struct body *body;

	reader->part = NULL;
	if (!part || !reader->is_kept)
		return;
	reader->is_kept = false;
	body = &part->body;
	body->bytes = get_bytes(reader);
	body->has_boundary = is_at_boundary && !reader->text.is_cut;
	if (part->kind == PART_ORIGINAL) {
		reader->owner = OWNER_ORIGINAL;
		mail_read_header_block(reader, mail_undo_transfer(reader, body));
		part->fields = mail_take_fields(reader);
		body->bytes = SPAN_NONE;
		return;
	}
	if (reader->text.is_cut)
		reader->mail.cut |= CUT_TEXT;
	*budget_of(reader, part) -= body->bytes.len;
	body->bytes = mail_keep(reader, body->bytes);
}
