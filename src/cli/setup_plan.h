/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Postfix's configuration needs so that Kodama sees the mail, and what in it would defeat that.  Works on what postconf
 * printed, and changes nothing itself.  One thread; the text is the operator's.
 */
#ifndef KODAMA_CLI_SETUP_PLAN_H
#define KODAMA_CLI_SETUP_PLAN_H

#include "base/arena.h"

/* What postconf printed: "name = value" lines, those of master.cf as "smtp/inet/name".  Borrowed. */
struct settings {
	struct span text;
};

/* SPAN_NONE when it is not there. */
struct span settings_get(const struct settings *settings, const char *name);

/* Takes the next line off *rest: false at the end. */
bool settings_take(struct span *rest, struct span *ret_name, struct span *ret_value);

/* The same of a file in the form of main.cf (comments, continuation lines); the value's lines are joined in the arena. */
struct span settings_find_in_file(struct span file, const char *name, struct arena *arena);

/* Where our fronts listen ("unix:/path", "inet:port@host"), NULL for those that are off or not wanted. */
struct setup_wish {
	const char *milter, *policy;
	const char *status_map, *recipient_map, *transport_map;
	const char *log; /* the file that kodamad reads; NULL: none */
};

struct setup_edit {
	const char *name;       /* of the parameter */
	struct span old, value; /* value may be empty */
	const char *why;
};

enum { SETUP_EDITS_MAX = 16, SETUP_WARNINGS_MAX = 64 };

struct setup_plan {
	struct setup_edit edits[SETUP_EDITS_MAX];
	size_t edit_count;
	struct span warnings[SETUP_WARNINGS_MAX]; /* each a sentence or two: what, and what to do */
	size_t warning_count;
	struct arena *arena; /* borrowed; owns the texts */
};

/* What has to be added, beside what is there, and what would defeat it. */
void setup_plan_add(struct setup_plan *plan, const struct settings *settings, const struct setup_wish *wish);

/* What takes it out again.  before: main.cf as it was before we came; SPAN_NONE when that is not known. */
void setup_plan_remove(struct setup_plan *plan, const struct settings *settings, struct span before, const struct setup_wish *wish);

/* The names of the parameters that a plan looks at. */
extern const char *const setup_parameters[];
extern const size_t setup_parameter_count;

#endif
