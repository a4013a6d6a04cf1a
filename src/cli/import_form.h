/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the import: fields by the names of columns, and what they mean.  One thread; hostile. */
#ifndef KODAMA_CLI_IMPORT_FORM_H
#define KODAMA_CLI_IMPORT_FORM_H

#include "cli/import.h"

enum import_column {
	COLUMN_NONE,
	COLUMN_ADDRESS, COLUMN_STREAM, COLUMN_CLASS, COLUMN_RULE, COLUMN_PROVIDER, COLUMN_NOTE, COLUMN_ORIGIN, COLUMN_DECISION,
	COLUMN_SINCE, COLUMN_UNTIL,
	COLUMN_REASON,   /* a word: BOUNCE, userunknown */
	COLUMN_SAID,     /* the remote's words */
	COLUMN_STATUS,   /* a reply code or an enhanced status */
	COLUMN_HARD,     /* Sisimai: is it a hard bounce? */
	COLUMN_FEEDBACK, /* Sisimai: the type of a complaint */
	COLUMN_COUNT
};

/* The column of that name ("Email address", "email_address"); *form is told by names that only one system has. */
enum import_column import_find_column(struct span name, enum import_form *form);

/* The first value of a column wins. */
struct import_record {
	struct span values[COLUMN_COUNT];
	enum import_form form;
};

/* What the record says: a row, passed, or refused. */
enum import_result import_judge(const struct import_record *record, struct arena *arena, struct import_row *row);

#endif
