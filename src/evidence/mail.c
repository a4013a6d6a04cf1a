/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MIME reader as a machine that is fed lines.  Runs of lines that mean nothing to the structure are handed on
 * in one piece to where the current part wants them (its sink); only header ends and boundaries stop a run.
 * Pure; one thread at a time; every byte is hostile; time is linear, memory bounded by struct mail_caps.
 */
#include "evidence/mail.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "evidence/arf.h"
#include "evidence/autoreply.h"
#include "evidence/charset.h"
#include "evidence/header.h"
#include "evidence/html.h"
#include "evidence/notification.h"
#include "evidence/transfer.h"

const struct mail_caps mail_default_caps = {
	.depth = 16,
	.parts = 256,
	.fields = 1000,
	.field_size = 64 * 1024,
	.line_size = 64 * 1024,
	.header_size = 1024 * 1024,
	.text_size = 512 * 1024,
};

enum {
	DEPTH_MAX = 64,                 /* whatever the caps say */
	EMBEDDED_HEADER_MAX = 64 * 1024, /* of an original that is base64 or quoted-printable */
	ARENA_LIMIT = 16 * 1024 * 1024,  /* leaves room for what the readers of the mail put beside it */
	BOUNDARY_MAX = 256,             /* RFC 2046 allows 70 */
};

enum state { STATE_HEADER, STATE_BODY };

/* Where the bytes of the current part go. */
enum sink { SINK_NONE, SINK_TEXT, SINK_BASE64, SINK_QUOTED_PRINTABLE };

/* Whose header is being read. */
enum owner { OWNER_MAIL, OWNER_PART, OWNER_ORIGINAL };

/* An open multipart. */
struct level {
	struct span boundary; /* SPAN_NONE: none was given, the first line that looks like one names it */
	bool is_digest;
};

/* What a header says of its body. */
struct content {
	struct span type, transfer, description; /* raw values */
};

struct mail_reader {
	struct mail_caps caps;
	struct mail mail;
	struct charsets *charsets;

	enum state state;
	enum owner owner;
	enum sink sink;
	bool is_raw;           /* fed by mail_add_bytes: the top header comes as bytes, too */
	bool is_ended;
	struct content content;
	struct level levels[DEPTH_MAX];
	unsigned level_count;
	bool is_preamble;      /* of the mail: kept as text, in case that no boundary ever comes */
	struct span guess;     /* a line of it that may be the boundary, whatever the header said */
	unsigned part_seen;    /* parts and multiparts, kept or not */
	struct part *part;     /* the open one; NULL: none, or past the cap */
	struct span charset;   /* of the open part */
	struct base64 base64;
	size_t text_left, report_left; /* of the caps */
	size_t header_left;
	size_t field_len;      /* of the field that the lines of a header are in */
	bool is_header_begun;  /* a line of it was seen */

	struct field *fields;  /* of the header that is being read */
	size_t field_count, field_room;
	struct part *parts;

	struct buffer line;    /* an unfinished line */
	struct buffer header;  /* a header as bytes */
	struct buffer text;    /* the open part, transfer encoding undone */
	struct buffer utf8;    /* the same in UTF-8; and scratch */
	struct buffer scratch;

	enum { ENDS_UNKNOWN, ENDS_LF, ENDS_CR } line_ends; /* of mail_add_bytes */
	bool is_after_cr;
	bool is_sender_wanted; /* an mbox line or Return-Path may name it */
};

/* --- fields */

const struct field *fields_find(const struct fields *fields, const char *name)
{
	struct span wanted = span_of(name);

	for (size_t i = 0; i < fields->count; i++)
		if (span_is_equal_nocase(fields->items[i].name, wanted))
			return &fields->items[i];
	return NULL;
}

struct span fields_get(const struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);

	return field ? field->value : SPAN_NONE;
}

/* A copy in the arena; "" and a mark where the arena is full, so that a span that is known stays known. */
static struct span keep(struct mail_reader *reader, struct span text)
{
	struct span copy = arena_copy(reader->mail.arena, text);

	if (span_is_known(copy) || !span_is_known(text))
		return copy;
	reader->mail.cut |= CUT_MEMORY;
	return SPAN_LIT("");
}

static struct span keep_lower(struct mail_reader *reader, struct span text)
{
	struct span copy = keep(reader, text);

	for (size_t i = 0; i < copy.len; i++)
		((char *)(uintptr_t)copy.ptr)[i] = ascii_lower(copy.ptr[i]);
	return copy;
}

/* A value is one line, whatever encoded words hide. */
static struct span decode_and_keep(struct mail_reader *reader, struct span text)
{
	struct span copy;

	if (!header_needs_decoding(text))
		return keep(reader, text);
	buffer_clear(&reader->scratch);
	header_decode(reader->charsets, text, &reader->scratch);
	copy = keep(reader, utf8_trim_partial(buffer_get(&reader->scratch)));
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
static void add_field(struct mail_reader *reader, struct span name, struct span value)
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
static struct fields take_fields(struct mail_reader *reader)
{
	size_t size = reader->field_count * sizeof(*reader->fields);
	struct fields fields = { arena_alloc(reader->mail.arena, size), reader->field_count };

	if (fields.items && size)
		memcpy(fields.items, reader->fields, size);
	else
		fields.count = 0;
	if (fields.count != reader->field_count)
		reader->mail.cut |= CUT_MEMORY;
	reader->field_count = 0;
	return fields;
}

/* The fields of a body part that matter; the first of a name counts.  `value` may be gone before it is needed. */
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
		*slot = keep(reader, value);
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
		level->boundary = keep(reader, boundary);
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

static struct part *add_part(struct mail_reader *reader, struct span type)
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

static void begin_header(struct mail_reader *reader)
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

	reader->part = add_part(reader, type);
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
	reader->charset = keep(reader, find_parameter(reader, "charset"));
}

/* After the header of the mail or of a part: what follows? */
static void begin_body(struct mail_reader *reader)
{
	bool is_digest = reader->level_count && reader->levels[reader->level_count - 1].is_digest;
	struct span type = type_of(reader, reader->content.type, is_digest);

	if (reader->owner == OWNER_MAIL) {
		reader->mail.type = type;
		reader->mail.report_type = keep_lower(reader, find_parameter(reader, "report-type"));
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
	begin_header(reader);
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
	struct span copy = span_is_known(text) ? keep(reader, text) : SPAN_LIT("");

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
	reader->part->text = span_is_known(text) ? keep(reader, text) : SPAN_LIT("");
}

static void take_field(struct mail_reader *reader, struct span name, struct span value)
{
	if (reader->owner == OWNER_PART)
		note_content(reader, name, value);
	else
		add_field(reader, name, value);
}

/* The fields of a header that stands as bytes in `block`, up to its empty line. */
static void read_header_block(struct mail_reader *reader, struct span block)
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
		take_field(reader, name, value);
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
static void end_part(struct mail_reader *reader, bool is_at_boundary)
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
		read_header_block(reader, buffer_get(&reader->text));
		part->fields = take_fields(reader);
	}
	reader->part = NULL;
	reader->sink = SINK_NONE;
}

/* --- lines */

/* An empty line, a boundary or the end of the mail ends the header that is being read. */
static void end_header(struct mail_reader *reader)
{
	struct span block = buffer_get(&reader->header);

	read_header_block(reader, block);
	if (reader->owner == OWNER_PART) {
		begin_body(reader);
		return;
	}
	if (reader->owner == OWNER_MAIL) {
		mail_end_headers(reader);
		return;
	}
	if (reader->part)
		reader->part->fields = take_fields(reader);
	reader->state = STATE_BODY;
	reader->sink = SINK_NONE;
	begin_header(reader);
}

/* What follows "--" reads like a boundary that a program made up: one word, not a ruler. */
static bool may_be_boundary(struct span line)
{
	size_t letters = 0;

	for (size_t i = 0; i < line.len; i++) {
		if (ascii_is_space(line.ptr[i]))
			return false;
		letters += ascii_is_alnum(line.ptr[i]);
	}
	return letters >= 4 && line.len <= BOUNDARY_MAX;
}

/* "--boundary" or "--boundary--" with white space after it: the index of the level, or -1. */
static int find_level(struct mail_reader *reader, struct span line, bool *ret_is_last)
{
	line = span_trim_right(span_skip(line, 2));
	for (unsigned i = reader->level_count; i-- > 0;) {
		struct span boundary = reader->levels[i].boundary;

		if (!span_is_known(boundary) && reader->state == STATE_BODY && may_be_boundary(line))
			boundary = reader->levels[i].boundary = keep(reader, line);
		if (boundary.len == 0 || !span_has_prefix(line, boundary))
			continue;
		*ret_is_last = line.len == boundary.len + 2 && line.ptr[boundary.len] == '-' && line.ptr[boundary.len + 1] == '-';
		if (*ret_is_last || line.len == boundary.len)
			return (int)i;
	}
	return -1;
}

static void begin_part(struct mail_reader *reader)
{
	reader->state = STATE_HEADER;
	reader->owner = OWNER_PART;
	reader->content = (struct content){ 0 };
	begin_header(reader);
}

/* A line that begins with "--": true when it was a boundary. */
static bool take_boundary(struct mail_reader *reader, struct span line)
{
	bool is_last = false;
	int level = find_level(reader, line, &is_last);

	if (level < 0) {
		struct span word = span_trim_right(span_skip(line, 2));
		if (reader->is_preamble && word.len >= 8 && may_be_boundary(word))
			reader->guess = keep(reader, word);
		return false;
	}
	if (reader->state == STATE_HEADER)
		end_header(reader);
	end_part(reader, true);
	reader->is_preamble = false;
	reader->level_count = (unsigned)level + (is_last ? 0 : 1);
	reader->sink = SINK_NONE;
	reader->state = STATE_BODY;
	if (!is_last)
		begin_part(reader);
	return true;
}

/* The line after one that may be a boundary: does a part begin, so that the header's parameter is wrong? */
static void check_guess(struct mail_reader *reader, struct span line)
{
	struct span guess = reader->guess;

	reader->guess = SPAN_NONE;
	if (span_trim(line).len && !span_has_prefix_nocase(line, SPAN_LIT("content-")))
		return;
	reader->levels[0].boundary = guess;
	reader->is_preamble = false;
	begin_part(reader);
}

/* Whole lines without meaning to the structure. */
static void take_run(struct mail_reader *reader, struct span run)
{
	struct span rest = run;

	if (run.len == 0)
		return;
	switch (reader->sink) {
	case SINK_NONE:
		break;
	case SINK_TEXT:
		buffer_add(&reader->text, run);
		break;
	case SINK_BASE64:
		base64_decode(&reader->base64, run, &reader->text);
		break;
	case SINK_QUOTED_PRINTABLE:
		while (rest.len) {
			size_t end = span_find_char(rest, '\n', 0);
			quoted_printable_decode_line(span_slice(rest, 0, end), &reader->text);
			rest = end == SIZE_MAX ? SPAN_NONE : span_skip(rest, end + 1);
		}
		break;
	}
}

/* A line of a header, with its end if it had one. */
static void take_header_line(struct mail_reader *reader, struct span line)
{
	struct span content = span_trim_right(line);

	if (content.len == 0 && (line.ptr[0] == '\n' || line.ptr[0] == '\r')) {
		/* some generators put an empty line before the original's header */
		if (reader->is_header_begun || reader->owner == OWNER_PART)
			end_header(reader);
		return;
	}
	if (!reader->is_header_begun && reader->owner == OWNER_MAIL && reader->is_sender_wanted &&
	    span_has_prefix(line, SPAN_LIT("From ")) && !span_is_known(reader->mail.sender)) {
		struct span rest = span_skip(content, 5), sender = span_take(&rest, ' ');
		reader->mail.sender = keep(reader, span_is_equal(sender, SPAN_LIT("<>")) ? SPAN_LIT("") : sender);
		return;
	}
	if (line.ptr[0] != ' ' && line.ptr[0] != '\t') {
		read_header_block(reader, buffer_get(&reader->header));
		buffer_clear(&reader->header);
		reader->field_len = 0;
	}
	reader->field_len += line.len;
	if (reader->field_len > reader->caps.field_size + 128) {
		reader->mail.cut |= CUT_FIELD_SIZE;
		return;
	}
	reader->is_header_begun = true;
	buffer_add(&reader->header, line);
	if (reader->header.is_cut)
		reader->mail.cut |= CUT_MEMORY;
}

/* One line, its LF in it if it had one. */
static void take_line(struct mail_reader *reader, struct span line)
{
	if (reader->guess.len)
		check_guess(reader, line);
	if (line.len > 2 && line.ptr[0] == '-' && line.ptr[1] == '-' && take_boundary(reader, line))
		return;
	if (reader->state == STATE_HEADER)
		take_header_line(reader, line);
	else
		take_run(reader, line);
}

/* A multipart without a single boundary is text. */
static void keep_preamble(struct mail_reader *reader)
{
	reader->level_count = 0;
	reader->content = (struct content){ 0 };
	reader->part = add_part(reader, SPAN_LIT("text/plain"));
}

/* A line that is too long, or whose end is in a later chunk, is put together in reader->line. */
static void add_to_line(struct mail_reader *reader, struct span piece)
{
	size_t room = reader->caps.line_size - 1 - reader->line.len;

	if (piece.len > room)
		reader->mail.cut |= CUT_LINE;
	buffer_add(&reader->line, span_slice(piece, 0, room));
}

static void finish_line(struct mail_reader *reader, bool has_end)
{
	if (has_end)
		buffer_add_char(&reader->line, '\n');
	if (reader->line.len)
		take_line(reader, buffer_get(&reader->line));
	buffer_clear(&reader->line);
}

/* How many bytes at the start of `chunk` are whole lines of a body, none of which can be a boundary. */
static size_t get_plain_lines(const struct mail_reader *reader, struct span chunk)
{
	const char *at = chunk.ptr, *end = chunk.ptr + chunk.len;

	if (reader->state != STATE_BODY || reader->line.len || reader->guess.len)
		return 0;
	while (at < end && (*at != '-' || end - at < 2 || at[1] != '-')) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf || (size_t)(lf - at) >= reader->caps.line_size)
			break;
		at = lf + 1;
	}
	return (size_t)(at - chunk.ptr);
}

/* "--...", an empty line, mbox's "From ": where a header's line may be more than a line. */
static bool is_special_line(const char *line, size_t len)
{
	return line[0] == '\n' || line[0] == '\r' || (line[0] == '-' && len > 1 && line[1] == '-') ||
	       (line[0] == 'F' && len > 4 && memcmp(line, "From ", 5) == 0);
}

/*
 * Takes the fields at the start of `chunk` that are whole in it, lines and all, without a copy on the way.
 * Returns how far it came; what it leaves goes line by line.
 */
static size_t take_whole_fields(struct mail_reader *reader, struct span chunk)
{
	size_t field = 0, at = 0;

	while (at < chunk.len) {
		const char *lf = memchr(chunk.ptr + at, '\n', chunk.len - at);
		struct span name, value;

		if (!lf || is_special_line(chunk.ptr + at, chunk.len - at))
			break;
		size_t end = (size_t)(lf - chunk.ptr) + 1;
		if (end - at > reader->caps.line_size || end - field > reader->caps.field_size || end == chunk.len)
			break;
		at = end;
		if (chunk.ptr[at] == ' ' || chunk.ptr[at] == '\t')
			continue;
		if (header_split(span_slice(chunk, field, at), &name, &value))
			take_field(reader, name, value);
		reader->is_header_begun = true;
		field = at;
	}
	return field;
}

static void feed(struct mail_reader *reader, struct span chunk)
{
	while (chunk.len) {
		size_t plain = get_plain_lines(reader, chunk);

		take_run(reader, span_slice(chunk, 0, plain));
		if (reader->state == STATE_HEADER && reader->line.len == 0 && reader->header.len == 0)
			plain = take_whole_fields(reader, chunk);
		chunk = span_skip(chunk, plain);
		if (chunk.len == 0)
			break;
		const char *lf = memchr(chunk.ptr, '\n', chunk.len);
		size_t end = lf ? (size_t)(lf - chunk.ptr) + 1 : chunk.len;
		if (lf && reader->line.len == 0 && end <= reader->caps.line_size) {
			take_line(reader, span_slice(chunk, 0, end));
		} else {
			add_to_line(reader, span_slice(chunk, 0, lf ? end - 1 : end));
			if (lf)
				finish_line(reader, true);
		}
		chunk = span_skip(chunk, end);
	}
}

/* A file of an old system, with CR alone at the line ends (and then CRLF and LF count as well). */
static void feed_cr(struct mail_reader *reader, struct span chunk)
{
	while (chunk.len) {
		size_t end = 0;

		if (reader->is_after_cr && chunk.ptr[0] == '\n')
			chunk = span_skip(chunk, 1);
		reader->is_after_cr = false;
		while (end < chunk.len && chunk.ptr[end] != '\r')
			end++;
		feed(reader, span_slice(chunk, 0, end));
		if (end < chunk.len) {
			feed(reader, SPAN_LIT("\n"));
			reader->is_after_cr = true;
			end++;
		}
		chunk = span_skip(chunk, end);
	}
}

/* The first line end tells; a CR that ends a chunk is held until the next byte is known. */
static void find_line_ends(struct mail_reader *reader, struct span chunk)
{
	for (size_t i = 0; i < chunk.len; i++) {
		if (reader->is_after_cr || chunk.ptr[i] == '\n') {
			reader->line_ends = chunk.ptr[i] == '\n' ? ENDS_LF : ENDS_CR;
			return;
		}
		reader->is_after_cr = chunk.ptr[i] == '\r';
	}
}

void mail_add_bytes(struct mail_reader *reader, struct span chunk)
{
	reader->is_raw = true;
	if (reader->line_ends == ENDS_UNKNOWN) {
		bool is_cr_held = reader->is_after_cr;

		find_line_ends(reader, chunk);
		bool is_cr_last = reader->line_ends == ENDS_UNKNOWN && reader->is_after_cr;
		if (reader->line_ends != ENDS_UNKNOWN)
			reader->is_after_cr = false;
		if (is_cr_held)
			reader->line_ends == ENDS_CR ? feed_cr(reader, SPAN_LIT("\r")) : feed(reader, SPAN_LIT("\r"));
		if (is_cr_last)
			chunk.len--;
	}
	if (reader->line_ends == ENDS_CR)
		feed_cr(reader, chunk);
	else
		feed(reader, chunk);
}

/* --- the public side */

struct mail_reader *mail_reader_new(const struct mail_caps *caps)
{
	struct mail_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->caps = caps ? *caps : mail_default_caps;
	if (reader->caps.depth > DEPTH_MAX)
		reader->caps.depth = DEPTH_MAX;
	buffer_init(&reader->line, reader->caps.line_size);
	buffer_init(&reader->header, reader->caps.header_size);
	buffer_init(&reader->text, reader->caps.text_size);
	buffer_init(&reader->utf8, reader->caps.text_size);
	buffer_init(&reader->scratch, reader->caps.text_size);
	reader->charsets = charsets_new();
	reader->mail.arena = arena_new(ARENA_LIMIT);
	reader->parts = calloc(reader->caps.parts, sizeof(*reader->parts));
	if (!reader->charsets || !reader->mail.arena || !reader->parts) {
		mail_reader_free(reader);
		return NULL;
	}
	mail_begin(reader, SPAN_NONE);
	return reader;
}

void mail_reader_free(struct mail_reader *reader)
{
	if (!reader)
		return;
	charsets_free(reader->charsets);
	arena_free(reader->mail.arena);
	buffer_done(&reader->line);
	buffer_done(&reader->header);
	buffer_done(&reader->text);
	buffer_done(&reader->utf8);
	buffer_done(&reader->scratch);
	free(reader->fields);
	free(reader->parts);
	free(reader);
}

void mail_begin(struct mail_reader *reader, struct span sender)
{
	struct arena *arena = reader->mail.arena;

	arena_reset(arena);
	reader->mail = (struct mail){ .arena = arena, .parts = reader->parts };
	reader->mail.sender = keep(reader, sender);
	reader->state = STATE_HEADER;
	reader->owner = OWNER_MAIL;
	reader->sink = SINK_NONE;
	reader->is_raw = reader->is_ended = reader->is_after_cr = false;
	reader->line_ends = ENDS_UNKNOWN;
	reader->is_sender_wanted = !span_is_known(sender);
	reader->level_count = reader->part_seen = 0;
	reader->part = NULL;
	reader->is_preamble = false;
	reader->guess = SPAN_NONE;
	reader->charset = SPAN_NONE;
	reader->field_count = 0;
	begin_header(reader);
	reader->header_left = reader->caps.header_size;
	reader->text_left = reader->report_left = reader->caps.text_size;
	buffer_clear(&reader->line);
	buffer_clear(&reader->header);
	buffer_clear(&reader->text);
}

void mail_add_header(struct mail_reader *reader, struct span name, struct span value)
{
	if (reader->state == STATE_HEADER && reader->owner == OWNER_MAIL)
		add_field(reader, name, value);
}

/* RFC 5321 section 4.4: what final delivery wrote down. */
static void take_return_path(struct mail_reader *reader)
{
	struct span path = fields_get(&reader->mail.fields, "return-path");

	if (span_is_known(reader->mail.sender) || !reader->is_sender_wanted || !span_is_known(path))
		return;
	if (span_find_char(path, '<', 0) != SIZE_MAX || span_find_char(path, '@', 0) != SIZE_MAX)
		reader->mail.sender = header_take_address(&path);
}

void mail_end_headers(struct mail_reader *reader)
{
	if (reader->state != STATE_HEADER || reader->owner != OWNER_MAIL)
		return;
	reader->mail.fields = take_fields(reader);
	take_return_path(reader);
	reader->content = (struct content){ 0 };
	for (size_t i = 0; i < reader->mail.fields.count; i++)
		note_content(reader, reader->mail.fields.items[i].name, reader->mail.fields.items[i].raw);
	begin_body(reader);
}

const struct mail *mail_get(const struct mail_reader *reader)
{
	return &reader->mail;
}

void mail_add_body(struct mail_reader *reader, struct span chunk)
{
	feed(reader, chunk);
}

const struct mail *mail_end(struct mail_reader *reader)
{
	if (reader->is_ended)
		return &reader->mail;
	if (reader->line_ends == ENDS_UNKNOWN && reader->is_after_cr)
		feed(reader, SPAN_LIT("\r"));
	finish_line(reader, false);
	if (reader->state == STATE_HEADER)
		end_header(reader);
	if (reader->state == STATE_HEADER) /* the mail's own header ended in the middle of the original's */
		end_header(reader);
	if (reader->is_preamble && reader->text.len)
		keep_preamble(reader);
	end_part(reader, false);
	reader->is_ended = true;
	return &reader->mail;
}

const struct mail *mail_read(struct mail_reader *reader, struct span message, struct span sender)
{
	mail_begin(reader, sender);
	mail_add_bytes(reader, message);
	return mail_end(reader);
}

bool mail_is_candidate(const struct mail_reader *reader)
{
	const struct mail *mail = &reader->mail;

	return span_is_equal(mail->type, SPAN_LIT("multipart/report")) || mail_is_from_daemon(mail) ||
	       fields_find(&mail->fields, "x-failed-recipients") || arf_is_candidate(mail) || autoreply_is(mail) ||
	       notification_is_candidate(mail);
}
