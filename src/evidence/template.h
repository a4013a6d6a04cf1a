/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates of one line, the words of etc/formats.d: literal text, caseless (ASCII); a blank stands for any run of
 * white space; "*" for any run of bytes; "{name}" for a piece that is captured.  The whole line must match; white
 * space at its ends does not count.  "{{" is a brace, "\*" an asterisk.
 * Pure; any thread; a pattern is frozen once parsed.
 */
#ifndef KODAMA_EVIDENCE_TEMPLATE_H
#define KODAMA_EVIDENCE_TEMPLATE_H

#include "base/arena.h"

/* What a pattern can capture. */
enum capture {
	CAPTURE_RECIPIENT, /* {recipient}: an address, in brackets or not */
	CAPTURE_LOCAL,     /* {local}: a local part alone */
	CAPTURE_ORIGINAL,  /* {original}: the address that the recipient was expanded from */
	CAPTURE_SENDER,    /* {sender}: an address */
	CAPTURE_TEXT,      /* {text}: the remote's words, at least one byte */
	CAPTURE_HOST,      /* {host}: the remote's name or address */
	CAPTURE_MTA,       /* {mta}: who reports */
	CAPTURE_CODE,      /* {code}: a reply code */
	CAPTURE_STATUS,    /* {status}: an enhanced status */
	CAPTURE_COMMAND,   /* {command}: an SMTP command */
	CAPTURE_ID,        /* {id}: the original's Message-ID, in angle brackets or not */
	CAPTURE_COUNT
};

struct captures {
	struct span spans[CAPTURE_COUNT]; /* SPAN_NONE where the pattern has none */
};

struct template;

/* NULL with *ret_why (static) when the text is no template, or (*ret_why NULL) when out of memory. */
struct template *template_parse(struct span text, const char **ret_why);
void template_free(struct template *template);

/* The byte of its literals that texts have least often, lower case; 0 when it has none. */
char template_get_rare(const struct template *template);
/* The byte that a matching line begins with, lower case; 0 when it may be any. */
unsigned char template_get_first(const struct template *template);
bool template_has(const struct template *template, enum capture capture);

/*
 * What rules out most templates before they are tried: only where template_get_needs() & ~template_digest(line) is 0
 * can the line match.  One digest of a line serves all templates.
 */
uint64_t template_digest(struct span line);
uint64_t template_get_needs(const struct template *template);

/*
 * Does the line match?  Each try costs steps of *budget, which stands for a whole mail; when it is used up nothing
 * matches any more.  *captures is written only on a match.
 */
bool template_match(const struct template *template, struct span line, struct captures *captures, size_t *budget);

#endif
