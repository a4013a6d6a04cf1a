/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One form of bounces, as etc/formats.d describes it, and the reader that follows it.  Private to the engine
 * (formats_load.c loads, formats.c chooses, form.c and reading.c read, samples.c proves).  Pure; a form is frozen once loaded.
 */
#ifndef KODAMA_EVIDENCE_FORM_H
#define KODAMA_EVIDENCE_FORM_H


#include "evidence/formats.h"
#include "evidence/glance.h"
#include "evidence/notice.h"
#include "evidence/template.h"

struct templates {
	struct template **items;
	size_t count;
};

/* One of them matches. */
static inline bool templates_match(const struct templates *templates, struct template_line *line, struct captures *captures,
				   size_t *budget)
{
	for (size_t i = 0; i < templates->count; i++)
		if (template_match(templates->items[i], line, captures, budget))
			return true;
	return false;
}

/* A condition on a header field: its name, and a template for its decoded value (NULL: any). */
struct header_condition {
	char *name;
	size_t name_len;
	struct template *value;
};

/* A mail that proves a form. */
struct sample {
	char *name;
	char *mail;
	char **recipients; /* what must come out, in this order; reply and status by the same index, "" for none */
	char **replies;
	char **statuses;
	size_t recipient_count, reply_count, status_count;
	enum action action;
};

struct form {
	char *name;
	char *path;
	struct header_condition *headers;
	size_t header_count;
	struct templates text;      /* known by: one of them is a line */
	struct templates also;      /* and one of these */
	struct templates unless;    /* and none of these */
	struct templates from;      /* the report begins after this line */
	struct templates recipient; /* a line that names a recipient */
	struct templates reply;     /* a line at which the reply begins; without any it is all that follows the recipient */
	struct templates skip;      /* lines that are nobody's words */
	struct templates until;     /* the report ends before this line */
	struct templates resume;    /* and goes on after this one */
	struct templates original;  /* the original begins after this line */
	struct templates delayed;   /* a line that says: not given up yet */
	char *recipients_in;        /* a header field that lists the recipients; NULL for none */
	bool is_signature;          /* the header vouches for the sender, whoever that is; then the text alone does, too */
	bool is_before;             /* the words stand before their recipient */
	bool is_paragraph;          /* an empty line ends the words */
	bool is_session;            /* the text holds an SMTP session as Sendmail shows it */
	bool is_generic;            /* a guess: addresses of the sender's side are left out */
	struct sample *samples;
	size_t sample_count;
};

enum {
	FORMS_MAX = 500,
	KNOWN_TEXT = 1, KNOWN_ALSO = 2, KNOWN_UNLESS = 4, KNOWN_HEADER = 8,
	LINE_BUCKETS = 256, /* by the first byte; 0: lines that may begin with anything */
	FIELD_BUCKETS = 64, /* by the bit of the field's name */
};

/* One line of the text, or value of a field, by which a form is known (or ruled out). */
struct mark {
	unsigned form;
	unsigned bit;
	uint64_t needs;                  /* the template's */
	struct span name;                /* of the field; SPAN_NONE: it is a line */
	const struct template *template; /* NULL: any value */
};

struct bucket {
	struct mark *items;
	size_t count;
};

/* A condition on the header that makes a candidate of any mail; see glance.h. */
struct glimpse {
	struct span name;
	char rare;      /* the template's, like the next */
	uint64_t needs;
};

struct formats {
	struct form *forms;
	size_t count;
	struct bucket lines[LINE_BUCKETS];
	struct bucket fields[FIELD_BUCKETS];
	struct glimpse *glimpses;
	size_t glimpse_count;
	struct glance_names glance_names;
};

/* Appends what the form reads to *outcomes: 0 also when that is nothing.  -ENOMEM. */
int form_read(const struct form *form, const struct notice *notice, const struct captures *captures, struct outcomes *outcomes)
	__attribute__((warn_unused_result));

#endif
