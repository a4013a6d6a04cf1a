/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The streaming MIME reader: header by header and chunk by chunk as a milter hands them out, or a whole
 * message from memory.  It keeps what evidence needs, in bounded memory, and drops the rest:
 * the top header, the human-readable text, the machine-readable report, the headers of the original.
 * It is the only place that knows MIME (RFC 2045 to 2047, 2231, 3462, 6533).
 *
 *   mail_begin -> mail_add_header* -> mail_end_headers -> [mail_is_candidate? skip] -> mail_add_body* -> mail_end
 *
 * Pure; one thread at a time; every byte is hostile.  Over a cap (struct mail_caps) it goes on with what it
 * has, and says so in `cut`.  All text that comes out, but `raw`, is valid UTF-8 with LF line ends, no NUL.
 */
#ifndef KODAMA_EVIDENCE_MAIL_H
#define KODAMA_EVIDENCE_MAIL_H

#include "base/arena.h"
#include "evidence/transfer.h"

struct mail_reader;

/* Few fields of a mail are ever asked for: a value is read when it is. */
struct field {
	struct span name;    /* as written */
	struct span raw;     /* as it came, trimmed: folded, not decoded, any bytes */
	struct span decoded; /* SPAN_NONE until somebody asks: fields_get and fields_get_value know */
};

struct fields {
	struct field *items;
	size_t count;
	uint64_t names;             /* bits of the names that may be there; 0: nobody has looked */
	struct mail_reader *reader; /* of its mail: reads the values; NULL where all are read */
};

/* The number of a name's bit in it. */
static inline unsigned fields_get_place(struct span name)
{
	if (name.len == 0)
		return 0;
	unsigned first = (unsigned char)ascii_lower(name.ptr[0]), middle = (unsigned char)ascii_lower(name.ptr[name.len / 2]);
	return ((unsigned)name.len * 5 + first * 7 + middle) & 63;
}

static inline uint64_t fields_get_bit(struct span name)
{
	return UINT64_C(1) << fields_get_place(name);
}

static inline bool fields_may_have(const struct fields *fields, struct span name)
{
	return !fields->names || (fields->names & fields_get_bit(name));
}

/* The first field of that name, any case; NULL if there is none. */
const struct field *fields_find(const struct fields *fields, const char *name);

/* The value of the field at `index`: unfolded, RFC 2047 decoded, trimmed. */
struct span fields_get_value(const struct fields *fields, size_t index);

/* The value of the first field of that name; SPAN_NONE if there is none. */
struct span fields_get(const struct fields *fields, const char *name);

/* What a part is to us. */
enum part_kind {
	PART_TEXT,     /* text/plain, text/html (as text), or what calls itself nothing */
	PART_STATUS,   /* message/delivery-status, message/global-delivery-status */
	PART_FEEDBACK, /* message/feedback-report */
	PART_ORIGINAL, /* message/rfc822, message/global, text/rfc822-headers, message/global-headers: its header */
	PART_OTHER     /* seen, not kept */
};

/* What a part consists of as it came; for part_get_text. */
struct body {
	struct span bytes;   /* cut at the cap */
	struct span charset; /* the parameter */
	enum transfer transfer;
	bool has_boundary;   /* the last line end is its boundary's (RFC 2046 section 5.1.1) */
};

struct part {
	enum part_kind kind;
	uint8_t depth;            /* 0: the message itself */
	struct span type;         /* "text/plain", lower case */
	struct span description;  /* Content-Description, decoded */
	struct body body;         /* PART_TEXT, PART_STATUS, PART_FEEDBACK */
	struct span decoded;      /* its text; SPAN_NONE until somebody asks */
	struct fields fields;     /* PART_ORIGINAL: the returned message's header */
	struct mail_reader *reader;
};

/* What the part says, after mail_end: decoded, HTML as text; "" where nothing is kept of its kind. */
struct span part_get_text(struct part *part);

/* Which caps were met: what follows was dropped. */
enum mail_cut {
	CUT_DEPTH = 1,
	CUT_PARTS = 2,
	CUT_FIELDS = 4,
	CUT_FIELD_SIZE = 8,
	CUT_LINE = 16,
	CUT_TEXT = 32,
	CUT_MEMORY = 64
};

struct mail_caps {
	unsigned depth;      /* nested multiparts and messages; 16 */
	unsigned parts;      /* 256 */
	unsigned fields;     /* of one header; 1000 */
	size_t field_size;   /* bytes of one header field; 64 KiB */
	size_t line_size;    /* bytes of a body line that is looked at; 64 KiB */
	size_t header_size;  /* bytes of all header fields that are kept; 1 MiB */
	size_t text_size;    /* bytes of text that are kept, over all parts; as much again for reports; 512 KiB */
};

extern const struct mail_caps mail_default_caps;

struct mail {
	struct span sender;      /* of the envelope, brackets off; "" is the null sender; SPAN_NONE unknown */
	struct fields fields;    /* the top header */
	struct span type;        /* "multipart/report", lower case; "text/plain" where none is given */
	struct span report_type; /* the parameter of multipart/report, lower case: delivery-status, feedback-report */
	struct part *parts;      /* in the order of the message, only those that are kept or PART_OTHER */
	size_t part_count;
	unsigned cut;            /* bits of enum mail_cut */
	struct arena *arena;     /* of the reader; all spans live here, or in the message that mail_read was given */
};

/* caps NULL: mail_default_caps.  NULL when out of memory.  One reader serves many mails, one after the other. */
struct mail_reader *mail_reader_new(const struct mail_caps *caps);
void mail_reader_free(struct mail_reader *reader);

/* Forgets the mail before.  sender as struct mail; it is copied. */
void mail_begin(struct mail_reader *reader, struct span sender);

/* One field; value as a milter gives it: after "Name:", folded lines still with their line ends. */
void mail_add_header(struct mail_reader *reader, struct span name, struct span value);
void mail_end_headers(struct mail_reader *reader);

/*
 * After the headers: may this mail be evidence (null or MAILER-DAEMON-like sender, multipart/report, an automatic
 * reply's signs)?  If not, and if no form's own header signature names it (formats_is_candidate), nobody needs its body.
 */
bool mail_is_candidate(const struct mail_reader *reader);

/* The mail so far: after mail_end_headers its top header, for formats_is_candidate. */
const struct mail *mail_get(const struct mail_reader *reader);

void mail_add_body(struct mail_reader *reader, struct span chunk);

/* Instead of the three above: a message as it stands in a file, header and body, in chunks of any size. */
void mail_add_bytes(struct mail_reader *reader, struct span chunk);

/* The mail, borrowed until the next mail_begin. */
const struct mail *mail_end(struct mail_reader *reader);

/* begin, add_bytes and end for a whole message in memory, which the mail borrows until the next mail_begin: LF, CRLF or bare CR;
 * a leading mbox "From " line is passed over and its address is the sender when `sender` is SPAN_NONE (else Return-Path is). */
const struct mail *mail_read(struct mail_reader *reader, struct span message, struct span sender);

#endif
