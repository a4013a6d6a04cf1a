/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of options: everything that is known about each, in one row.  Inside conf only. */
#ifndef KODAMA_CONF_OPTIONS_H
#define KODAMA_CONF_OPTIONS_H

#include "conf/conf.h"

enum option_kind {
	OPTION_BOOL,      /* bool; no and yes, or the row's own two words */
	OPTION_NUMBER,    /* int64_t */
	OPTION_COUNT,     /* unsigned */
	OPTION_SIZE,      /* int64_t, bytes: 64M */
	OPTION_DURATION,  /* int64_t, seconds: 30d, forever; milliseconds where the unit is "ms" */
	OPTION_ACCOUNT,   /* const char *, the name of a user or a group; at least `min` bytes */
	OPTION_URI,       /* const char *, begins with one of the row's words; may hold a password */
	OPTION_REFUSAL,   /* const char *, ASCII with %r, %d and %c */
	OPTION_DELIMITERS, /* const char *, ASCII punctuation */
	OPTION_PATH,      /* const char *, absolute, or one of the row's words; empty where that is the default */
	OPTION_HOST,      /* const char *, a name of a host or empty */
	OPTION_SOCKET,    /* const char * */
	OPTION_UNIX,      /* the same, a unix one */
	OPTION_CHOICE,    /* an int-sized enum */
	OPTION_SET,       /* uint64_t of bits, a list in the file */
	OPTION_SET_SMALL, /* the same, unsigned */
	OPTION_DOMAINS,   /* NULL-terminated const char *const *, folded */
	OPTION_ADDRESSES, /* the same */
	OPTION_TEXTS,     /* the same, as they are */
	OPTION_RELAYS,    /* the same, networks or names of hosts */
	OPTION_NETWORKS   /* struct networks */
};

struct option {
	const char *section; /* "" at the top; "suppress" for the titled sections */
	const char *name;
	enum option_kind kind;
	bool is_reloadable;
	size_t offset;       /* into struct config; into struct limit for "suppress" */
	const char *initial; /* the default, as it stands in the file */
	int64_t min, max;    /* of numbers, sizes and durations, as they stand in the file */
	const char *unit;    /* "" for none */
	const char *(*get_name)(unsigned value); /* of choices and sets: NULL ends them, "" cannot be chosen; the words of a path or URI */
	const char *help;    /* English sentences; the manual's text */
};

extern const struct option options[];
extern const size_t option_count;

static inline bool option_is_list(const struct option *option)
{
	return option->kind == OPTION_SET || option->kind == OPTION_SET_SMALL || option->kind == OPTION_DOMAINS ||
	       option->kind == OPTION_ADDRESSES || option->kind == OPTION_TEXTS || option->kind == OPTION_RELAYS || option->kind == OPTION_NETWORKS;
}

static inline bool option_is_limit(const struct option *option)
{
	return strcmp(option->section, "suppress") == 0;
}

/* NULL when there is none.  section: "" for the top. */
const struct option *option_find(const char *section, const char *name);

/* The first value that one text gives. */
union option_value {
	bool flag;
	int64_t number;
	int choice;
	uint64_t bit;
	const char *text;
	struct network network;
};

/* Reads one value (one element of a list); text values are copied into the arena.  -EINVAL with why (of why_size), -ENOMEM. */
int option_parse(const struct option *option, const char *text, struct arena *arena, union option_value *ret_value, char *why,
		 size_t why_size) __attribute__((warn_unused_result));

/* What the value may be, "One of en, ja.", "From 1s to 1d."; nothing when the kind says it all. */
void option_write_allowed(const struct option *option, struct buffer *out);

/* The value in `base` (struct config or struct limit) as it would stand in the file. */
void option_write(const struct option *option, const void *base, struct buffer *out);

#endif
