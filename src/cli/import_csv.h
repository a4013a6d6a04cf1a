/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of CSV, RFC 4180, read as spreadsheets write them and as people edit them.  Hostile. */
#ifndef KODAMA_CLI_IMPORT_CSV_H
#define KODAMA_CLI_IMPORT_CSV_H

#include "cli/import.h"

enum { CSV_FIELDS_MAX = 64 };

struct csv_record {
	struct span fields[CSV_FIELDS_MAX]; /* without their quotes; borrowed from the window or the arena */
	size_t count;
};

/* As import_take: IMPORT_ROW with the record, cut off *window.  Fields past the maximum are dropped. */
enum import_result csv_take(struct span *window, char delimiter, bool is_last, struct arena *arena, struct csv_record *record,
			    const char **ret_why);

/* The delimiter of a file that begins with this line: the most frequent of , ; TAB | outside quotes; ',' without any. */
char csv_find_delimiter(struct span line);

#endif
