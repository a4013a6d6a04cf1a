/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MIME reader as a machine that is fed lines.  Runs of lines that mean nothing to the structure are handed on
 * in one piece to where the current part wants them (its sink); only header ends and boundaries stop a run.
 * Pure; one thread at a time; every byte is hostile; time is linear, memory bounded by struct mail_caps.
 */
#include "evidence/mail.h"

#include <stdlib.h>

#include "evidence/arf.h"
#include "evidence/autoreply.h"
#include "evidence/header.h"
#include "evidence/mail_part.h"
#include "evidence/notification.h"

const struct mail_caps mail_default_caps = {
	.depth = 16,
	.parts = 256,
	.fields = 1000,
	.field_size = 64 * 1024,
	.line_size = 64 * 1024,
	.header_size = 1024 * 1024,
	.text_size = 512 * 1024,
};

/* --- lines */

/* What a spam filter or a gateway made an attachment of without giving it another Message-ID is still the same mail. */
static bool is_wrapped_report(const struct mail_reader *reader, const struct fields *fields)
{
	const struct field *outer = fields_find(&reader->mail.fields, "Message-ID"), *inner = fields_find(fields, "Message-ID");
	const struct field *type = fields_find(fields, "Content-Type");

	return reader->level_count > 0 && span_is_equal(reader->mail.type, SPAN_LIT("multipart/mixed")) && outer && inner && type &&
	       inner->raw.len > 2 && span_is_equal(outer->raw, inner->raw) &&
	       span_has_prefix_nocase(type->raw, SPAN_LIT("multipart/report"));
}

/* The report stands in the place of what was wrapped around it. */
static void unwrap_report(struct mail_reader *reader, const struct fields *fields)
{
	reader->mail.part_count = 0;
	reader->level_count = 0;
	reader->owner = OWNER_MAIL;
	reader->content = (struct content){ .type = fields_find(fields, "Content-Type")->raw };
	mail_begin_body(reader);
}

/* An empty line, a boundary or the end of the mail ends the header that is being read. */
static void end_header(struct mail_reader *reader)
{
	struct span block = buffer_get(&reader->header);

	mail_read_header_block(reader, block);
	if (reader->owner == OWNER_PART) {
		mail_begin_body(reader);
		return;
	}
	if (reader->owner == OWNER_MAIL) {
		mail_end_headers(reader);
		return;
	}
	reader->state = STATE_BODY;
	reader->is_kept = false;
	if (reader->part) {
		struct fields *fields = &reader->part->fields;
		*fields = mail_take_fields(reader);
		if (is_wrapped_report(reader, fields)) {
			unwrap_report(reader, fields);
			return;
		}
	}
	mail_begin_header(reader);
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
			boundary = reader->levels[i].boundary = mail_keep(reader, line);
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
	mail_begin_header(reader);
}

/* A line that begins with "--": true when it was a boundary. */
static bool take_boundary(struct mail_reader *reader, struct span line)
{
	bool is_last = false;
	int level = find_level(reader, line, &is_last);

	if (level < 0) {
		struct span word = span_trim_right(span_skip(line, 2));
		if (reader->is_preamble && word.len >= 8 && may_be_boundary(word))
			reader->guess = mail_keep(reader, word);
		return false;
	}
	if (reader->state == STATE_HEADER)
		end_header(reader);
	mail_end_part(reader, true);
	reader->is_preamble = false;
	reader->level_count = (unsigned)level + (is_last ? 0 : 1);
	reader->is_kept = false;
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
	if (reader->is_kept && run.len)
		mail_add_text(reader, run);
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
		reader->mail.sender = mail_keep(reader, span_is_equal(sender, SPAN_LIT("<>")) ? SPAN_LIT("") : sender);
		return;
	}
	if (line.ptr[0] != ' ' && line.ptr[0] != '\t') {
		mail_read_header_block(reader, buffer_get(&reader->header));
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
	reader->part = mail_add_part(reader, SPAN_LIT("text/plain"));
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

/* Where the first line after the start begins that may be a boundary, or `end`. */
static const char *find_dashes(const char *at, const char *end)
{
	while ((at = memchr(at, '-', (size_t)(end - at)))) {
		if (at[-1] == '\n' && (at + 1 == end || at[1] == '-'))
			return at;
		while (at < end && *at == '-')
			at++;
		if (at == end)
			break;
	}
	return end;
}

/*
 * How many bytes at the start of `chunk` are whole lines of a body, none of which can be a boundary.  No more at a time than
 * a line may have, so that none of them is too long.
 */
static size_t get_plain_lines(const struct mail_reader *reader, struct span chunk)
{
	struct span window = span_slice(chunk, 0, reader->caps.line_size);
	const char *end = window.ptr + window.len, *stop, *last;

	if (reader->state != STATE_BODY || reader->line.len || reader->guess.len || window.len < 2 ||
	    (window.ptr[0] == '-' && window.ptr[1] == '-'))
		return 0;
	stop = find_dashes(window.ptr + 1, end);
	last = memrchr(window.ptr, '\n', (size_t)(stop - window.ptr));
	return last ? (size_t)(last + 1 - window.ptr) : 0;
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

		if (!lf || is_special_line(chunk.ptr + at, chunk.len - at))
			break;
		size_t end = (size_t)(lf - chunk.ptr) + 1;
		if (end - at > reader->caps.line_size || end - field > reader->caps.field_size || end == chunk.len)
			break;
		at = end;
		if (chunk.ptr[at] == ' ' || chunk.ptr[at] == '\t')
			continue;
		mail_take_field(reader, span_slice(chunk, field, at));
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
	size_t lf = span_find_char(chunk, '\n', 0), cr = span_find_char(span_slice(chunk, 0, lf), '\r', 0);

	if (chunk.len == 0)
		return;
	if (reader->is_after_cr)
		reader->line_ends = lf == 0 ? ENDS_LF : ENDS_CR;
	else if (cr != SIZE_MAX && cr + 1 == chunk.len)
		reader->is_after_cr = true;
	else if (cr != SIZE_MAX && cr + 1 != lf)
		reader->line_ends = ENDS_CR;
	else if (lf != SIZE_MAX)
		reader->line_ends = ENDS_LF;
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
	buffer_init(&reader->bytes, reader->caps.text_size);
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
	buffer_done(&reader->bytes);
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
	reader->message = reader->lent = SPAN_NONE;
	reader->mail = (struct mail){ .arena = arena, .parts = reader->parts };
	reader->mail.sender = mail_keep(reader, sender);
	reader->state = STATE_HEADER;
	reader->owner = OWNER_MAIL;
	reader->is_kept = false;
	reader->is_raw = reader->is_ended = reader->is_after_cr = false;
	reader->line_ends = ENDS_UNKNOWN;
	reader->is_sender_wanted = !span_is_known(sender);
	reader->level_count = reader->part_seen = 0;
	reader->part = NULL;
	reader->is_preamble = false;
	reader->guess = SPAN_NONE;
	reader->field_count = 0;
	reader->field_names = 0;
	reader->content = (struct content){ 0 };
	mail_begin_header(reader);
	reader->header_left = reader->caps.header_size;
	reader->text_left = reader->report_left = reader->caps.text_size;
	buffer_clear(&reader->line);
	buffer_clear(&reader->header);
	buffer_clear(&reader->text);
}

void mail_add_header(struct mail_reader *reader, struct span name, struct span value)
{
	if (reader->state == STATE_HEADER && reader->owner == OWNER_MAIL)
		mail_add_field(reader, name, value);
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
	reader->mail.fields = mail_take_fields(reader);
	take_return_path(reader);
	mail_begin_body(reader);
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
	if (reader->is_preamble && (reader->text.len || reader->lent.len))
		keep_preamble(reader);
	mail_end_part(reader, false);
	reader->is_ended = true;
	return &reader->mail;
}

const struct mail *mail_read(struct mail_reader *reader, struct span message, struct span sender)
{
	mail_begin(reader, sender);
	reader->message = message;
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
