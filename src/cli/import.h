/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of suppressed addresses in other people's forms, read a record at a time out of a window of bytes: plain lists,
 * CSV (RFC 4180; comma, semicolon, TAB), JSON (one object a line, an array of them, an object around an array).  Columns
 * are known by their names, so that one table reads Amazon SES, SendGrid, Mailgun, Sisimai and our own.
 * No I/O; one thread; every byte is hostile; memory is bounded by the window.
 */
#ifndef KODAMA_CLI_IMPORT_H
#define KODAMA_CLI_IMPORT_H

#include "base/arena.h"
#include "classify/taxonomy.h"

enum import_form {
	IMPORT_AUTO,    /* told apart by what stands in it */
	IMPORT_LIST,    /* one address a line */
	IMPORT_CSV,     /* columns of no system that we know */
	IMPORT_KODAMA,  /* what `kodama suppress export` writes */
	IMPORT_SES,
	IMPORT_SENDGRID,
	IMPORT_MAILGUN,
	IMPORT_SISIMAI, /* a history, not a list: only its hard bounces and complaints are taken */
	IMPORT_FORM_COUNT
};

const char *import_form_get_name(enum import_form form);
bool import_form_find(struct span name, enum import_form *ret_form);

enum import_result {
	IMPORT_MORE,    /* nothing was taken: more bytes are needed */
	IMPORT_NOTHING, /* within the files of the import: an empty line, a comment, the names of columns */
	IMPORT_ROW,
	IMPORT_PASSED,  /* a record that suppresses nobody (temporary, the sender's fault); `why` */
	IMPORT_REFUSED, /* no record, or no address; `why` */
};

/* Valid until the next call.  Unknown where the record does not say it. */
struct import_row {
	uint64_t line;        /* where it begins, from 1 */
	struct span address;  /* folded */
	struct span stream, rule, provider, note;
	struct span class_name, origin, decision; /* our own words, not yet checked */
	struct span since, until;                 /* RFC 3339, or "forever" */
	char why[160];
};

/* The longest record; a window is larger. */
enum { IMPORT_RECORD_MAX = 64 * 1024, IMPORT_WINDOW_SIZE = 4 * IMPORT_RECORD_MAX };

struct import;

struct import *import_new(enum import_form form); /* NULL when out of memory */
void import_free(struct import *import);

/* Takes a record from the front of *window; is_last: no more bytes will come. */
enum import_result import_take(struct import *import, struct span *window, bool is_last, struct import_row *ret_row);

#endif
