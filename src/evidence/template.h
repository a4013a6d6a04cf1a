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
	CAPTURE_LOCAL,     /* {local}: a local part alone, of an address that a field of the header lists */
	CAPTURE_USER,      /* {user}: the same, of one of the reporter's own users */
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
bool template_has(const struct template *template, enum capture capture);

/* What most lines fail by, before a template is tried; each template begins with it. */
struct template_head {
	uint64_t needs;      /* the digest of its literals */
	size_t size;         /* bytes that a matching line has at least */
	unsigned char first; /* that it begins with, lower case; 0: any */
	unsigned char last;  /* and ends with */
	bool has_address;    /* an "@" is in it */
};

static inline const struct template_head *template_get_head(const struct template *template)
{
	return (const struct template_head *)template;
}

/* One line that many templates are tried on: what they ask of it is looked up once. */
struct template_line {
	struct span whole;         /* as it stands */
	struct span text;          /* trimmed, and cut at what templates look at */
	uint64_t digest;           /* of all its pairs of bytes; 0: nobody has asked */
	unsigned char first, last; /* lower case; 0 of an empty line */
	bool has_address, is_searched; /* an "@"; valid once searched for */
};

struct template_line template_line_make(struct span whole);
uint64_t template_digest(struct span line);
bool template_line_has_address(struct template_line *line);

static inline uint64_t template_line_get_digest(struct template_line *line)
{
	if (!line->digest)
		line->digest = template_digest(line->text);
	return line->digest;
}

/* May the line match?  Only then is template_try worth its steps. */
static inline bool template_may_match(const struct template *template, struct template_line *line)
{
	const struct template_head *head = template_get_head(template);

	if ((head->first && head->first != line->first) || (head->last && head->last != line->last) || head->size > line->text.len)
		return false;
	if (head->has_address && !template_line_has_address(line))
		return false;
	/* a literal in front is compared sooner than a line is digested */
	return head->first || !head->needs || !(head->needs & ~template_line_get_digest(line));
}

/* template_match where the line may match. */
bool template_try(const struct template *template, const struct template_line *line, struct captures *captures, size_t *budget);

/*
 * Does the line match?  Each try costs steps of *budget, which stands for a whole mail; when it is used up nothing
 * matches any more.  *captures is written only on a match.
 */
static inline bool template_match(const struct template *template, struct template_line *line, struct captures *captures,
				  size_t *budget)
{
	return template_may_match(template, line) && template_try(template, line, captures, budget);
}

#endif
