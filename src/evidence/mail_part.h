/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the MIME reader: its state, and what mail_part.c (fields and parts, what is kept) gives to mail.c (lines and
 * structure, what is fed).  Nobody else includes this.
 */
#ifndef KODAMA_EVIDENCE_MAIL_PART_H
#define KODAMA_EVIDENCE_MAIL_PART_H

#include "base/buffer.h"
#include "evidence/charset.h"
#include "evidence/mail.h"
#include "evidence/transfer.h"

enum {
	DEPTH_MAX = 64,                  /* whatever the caps say */
	EMBEDDED_HEADER_MAX = 64 * 1024, /* of an original that is base64 or quoted-printable */
	ARENA_LIMIT = 16 * 1024 * 1024,  /* leaves room for what the readers of the mail put beside it */
	BOUNDARY_MAX = 256,              /* RFC 2046 allows 70 */
};

enum state { STATE_HEADER, STATE_BODY };

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
	bool is_kept;          /* the body that is being read */
	bool is_raw;           /* fed by mail_add_bytes: the top header comes as bytes, too */
	bool is_ended;
	struct span message;   /* all of it, in memory as long as the mail; SPAN_NONE: it comes in chunks */
	struct content content;
	struct level levels[DEPTH_MAX];
	unsigned level_count;
	bool is_preamble;      /* of the mail: kept as text, in case that no boundary ever comes */
	struct span guess;     /* a line of it that may be the boundary, whatever the header said */
	unsigned part_seen;    /* parts and multiparts, kept or not */
	struct part *part;     /* the open one; NULL: none, or past the cap */
	size_t text_left, report_left; /* of the caps */
	size_t header_left;
	size_t field_len;      /* of the field that the lines of a header are in */
	bool is_header_begun;  /* a line of it was seen */

	struct field *fields;  /* of the header that is being read */
	size_t field_count, field_room;
	uint64_t field_names;  /* as struct fields */
	struct part *parts;

	struct buffer line;    /* an unfinished line */
	struct buffer header;  /* a header as bytes */
	struct buffer text;    /* the open part, as it comes */
	struct span lent;      /* or it is this piece of the message */
	struct buffer bytes;   /* of a body, transfer encoding undone */
	struct buffer utf8;    /* the same in UTF-8 */
	struct buffer scratch;

	enum { ENDS_UNKNOWN, ENDS_LF, ENDS_CR } line_ends; /* of mail_add_bytes */
	bool is_after_cr;
	bool is_sender_wanted; /* an mbox line or Return-Path may name it */
};

/* For as long as the mail: where the message stays in memory, `text` itself, else a copy; "" and CUT_MEMORY past the arena's limit. */
struct span mail_keep(struct mail_reader *reader, struct span text);

/* A copy in the arena; "" and CUT_MEMORY past its limit, so that a span that is known stays known. */
struct span mail_copy(struct mail_reader *reader, struct span text);

/* The body's bytes, borrowed until the next call. */
struct span mail_undo_transfer(struct mail_reader *reader, const struct body *body);

/* Bytes of the open part. */
void mail_add_text(struct mail_reader *reader, struct span text);

/* One field of the header that is being read, lines and all: kept, or only noted where it is a body part's. */
void mail_take_field(struct mail_reader *reader, struct span field);

/* The same of the mail's own header, in two. */
void mail_add_field(struct mail_reader *reader, struct span name, struct span value);

/* The fields of a header that stands as bytes in `block`, up to its empty line. */
void mail_read_header_block(struct mail_reader *reader, struct span block);

/* The fields so far as a list of their own. */
struct fields mail_take_fields(struct mail_reader *reader);

void mail_begin_header(struct mail_reader *reader);

/* After the header of the mail or of a part: opens what it announces. */
void mail_begin_body(struct mail_reader *reader);

/* NULL past the cap. */
struct part *mail_add_part(struct mail_reader *reader, struct span type);

/* The open part is over; the line end before a boundary is not the part's. */
void mail_end_part(struct mail_reader *reader, bool is_at_boundary);

#endif
