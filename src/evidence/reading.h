/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A notice while a form reads it: who was named, whose words the next line is.  Private to the engine (form.c reads the
 * lines; reading.c finds whom no line named, and tells what was said).  Pure; one thread; hostile input.
 */
#ifndef KODAMA_EVIDENCE_READING_H
#define KODAMA_EVIDENCE_READING_H

#include "evidence/form.h"
#include "evidence/guess.h"

enum { NO_OUTCOME = -1, ASIDES_MAX = 64 };

/* The addresses of the headers, read once for all lines: both may be thousands. */
struct listed {
	struct span *items;
	size_t failed; /* the first ones: of the field that lists those who failed */
	size_t count;  /* behind them those whom the original was sent to */
};

struct reading {
	const struct form *form;
	struct notice *notice;
	struct outcomes *outcomes;
	struct people *people; /* of a generic form; NULL else */
	struct listed listed;
	size_t first;          /* of our own in *outcomes */
	long current;          /* whose words follow; NO_OUTCOME before the first recipient */
	struct span pending;   /* words that are nobody's yet */
	struct span before;    /* words before the first recipient */
	bool is_listening;     /* the words that follow count */
	bool is_new;           /* the current one was not named before */
	size_t indent;         /* of the line that named the current one */
	bool is_secret;        /* somebody was announced and not named */
	bool is_logged;        /* the current one is named beside the reply */
	/* what stands below a recipient where no reply was announced: better than what is said of the next one */
	struct span asides[ASIDES_MAX];
	bool is_delayed;
	struct span mta;
	struct span words;     /* of the last outcome that was finished, and the reply in them */
	struct reply reply;
};

static inline struct template_line reading_take_line(struct span *rest)
{
	return template_line_make(span_take_line(rest));
}

/* NULL before the first recipient. */
static inline struct outcome *reading_get_current(const struct reading *reading)
{
	return reading->current == NO_OUTCOME ? NULL : &reading->outcomes->items[reading->current];
}

/* Reads the headers' addresses, where a line may name one by its local part.  -ENOMEM. */
int reading_list(struct reading *reading) __attribute__((warn_unused_result));

/* The whole address of a local part, from the header field that lists who failed; SPAN_NONE. */
struct span reading_find_listed(struct reading *reading, struct span local);
/* Of one of the reporter's users, also where the original was sent to one; else the name alone, as it stands. */
struct span reading_find_user(struct reading *reading, struct span user);

/* The outcome of that recipient becomes the current one; there may be none past the limit.  -ENOMEM. */
int reading_select(struct reading *reading, struct span recipient) __attribute__((warn_unused_result));

/* Where no line named anybody: the header's list, what a header condition captured, the original's only addressee.  -ENOMEM. */
int reading_add_unnamed(struct reading *reading, const struct captures *known) __attribute__((warn_unused_result));

/* After the last line: gives everybody his words, and drops who is no recipient.  -ENOMEM. */
int reading_finish(struct reading *reading) __attribute__((warn_unused_result));

#endif
