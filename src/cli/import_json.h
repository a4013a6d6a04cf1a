/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects out of JSON of any outer form, found by counting brackets.  No memory of its own; hostile. */
#ifndef KODAMA_CLI_IMPORT_JSON_H
#define KODAMA_CLI_IMPORT_JSON_H

#include "cli/import_form.h"

enum json_place {
	PLACE_TOP,   /* between objects: one a line, or in an array */
	PLACE_INNER, /* in the array of an object that is only there for it: {"items": [ ... ], "paging": ...} */
	PLACE_AFTER, /* in that object, behind the array */
};

struct json_split {
	enum json_place place;
	unsigned depth;    /* PLACE_AFTER */
	bool is_in_string, is_escaped;
	bool is_skipping;  /* the rest of a line that was refused */
};

/* As import_take: IMPORT_ROW with *ret_object, cut off *window. */
enum import_result json_split_take(struct json_split *split, struct span *window, bool is_last, struct span *ret_object,
				   const char **ret_why);

/* Its members into the record, by the table of columns. */
int json_read_record(struct span object, struct arena *arena, struct import_record *record, char why[static 160])
	__attribute__((warn_unused_result));

#endif
