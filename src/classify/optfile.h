/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of options in sections: rules, providers, advice.  The syntax is libconfuse's, the reader our own: libconfuse copies
 * the table of options for every section and every value twice, which was a third of the time that loading a rule set took,
 * and does not know where a section begins.  Loading only; the files are the operator's, and may be wrong in every way.
 */
#ifndef KODAMA_CLASSIFY_OPTFILE_H
#define KODAMA_CLASSIFY_OPTFILE_H

#include "base/arena.h"
#include "base/complaint.h"

enum { OPTFILE_OPTIONS_MAX = 16 };

struct optfile_option {
	const char *name;
	bool is_list;
};

/* What an option is set to: without one, nothing; one that is no list has one item. */
struct optfile_values {
	const char **items;
	size_t count;
	bool is_named; /* it stands there, be it an empty list */
};

struct optfile_section {
	const char *title;
	unsigned line; /* where it begins */
	struct optfile_values values[OPTFILE_OPTIONS_MAX]; /* in the order of the form's options */
};

/* What a file holds: sections of one name, each with a title, and one option outside of them. */
struct optfile_form {
	const char *section;
	const struct optfile_option *options;
	size_t option_count;
	const char *outside; /* a text; NULL: there is none */
};

/* 0, or negative with *complaint or -ENOMEM, which ends the reading. */
typedef int optfile_take(void *data, const struct optfile_section *section);

/*
 * Hands every section to `take`, in the order of the file; all texts live in the arena, the section until `take` returns.
 * *ret_outside: the option outside, "" without it.  -EINVAL, -EFBIG past 16 MiB, -errno with *complaint; -ENOMEM.
 */
int optfile_read(const char *path, const struct optfile_form *form, struct arena *arena, optfile_take *take, void *data,
		 const char **ret_outside, struct complaint *complaint) __attribute__((warn_unused_result));

/* Of an option that is no list: NULL when it is not named. */
static inline const char *optfile_get_text(const struct optfile_values *values)
{
	return values->is_named ? values->items[0] : NULL;
}

/* Line of the first place of `text` at or after `line`; `line` when it is not found. */
unsigned optfile_find_line(const char *path, unsigned line, const char *text);

/*
 * Calls `each` with the path of every file of `dir` whose name ends in `suffix`, in the order of their names, until
 * one fails.  A folder that is not there has no files.  -errno with *complaint.
 */
int optfile_for_each(const char *dir, const char *suffix, int (*each)(void *data, const char *path), void *data,
		     struct complaint *complaint) __attribute__((warn_unused_result));

#endif
