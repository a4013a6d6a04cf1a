/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of the command's subcommands: one table, in which a name means the same everywhere; each subcommand
 * names those that it takes.  One thread.
 */
#ifndef KODAMA_CLI_OPTIONS_H
#define KODAMA_CLI_OPTIONS_H

#include <stdio.h>

#include "base/span.h"

enum option_id {
	OPTION_HELP,
	OPTION_ETC,
	OPTION_CONFIG,
	OPTION_FORMAT,
	OPTION_LANG,
	OPTION_INPUT,
	OPTION_PROVIDER,
	OPTION_REPLY,
	OPTION_STATUS,
	OPTION_COMMAND,
	OPTION_RCPT,
	OPTION_REMOTE,
	OPTION_STREAM,
	OPTION_UNTIL,
	OPTION_NOTE,
	OPTION_APPLY,
	OPTION_REMOVE,
	OPTION_POSTFIX,
	OPTION_STATUS_MAP,
	OPTION_RECIPIENT_MAP,
	OPTION_TRANSPORT_MAP,
	OPTION_FROM,
	OPTION_TO,
	OPTION_SMTP,
	OPTION_ANNOTATE,
	OPTION_SENDMAIL,
	OPTION_SOCKET,
	OPTION_LIST_FORMAT, /* "--format" where CSV is one of them */
	OPTION_IMPORT_FROM, /* "--from" of a file */
	OPTION_SINCE,
	OPTION_RULE,
	OPTION_CLASS,
	OPTION_DOMAIN,
	OPTION_DRY_RUN,
	OPTION_TOP,
	OPTION_THREADS,
	OPTION_TIMEOUT,
	OPTION_COUNT
};

#define OPTION_BIT(id) (UINT64_C(1) << (id))

struct option_row {
	const char *name;  /* "format" */
	const char *value; /* what stands for the value in the help; "text|json" are all there are; NULL: a flag */
	const char *help;
};

extern const struct option_row option_rows[OPTION_COUNT];

struct options {
	const char *values[OPTION_COUNT]; /* NULL: not given; "" for a flag that is */
	char **args;                      /* what is no option, in its order */
	size_t arg_count;
};

enum { OPTIONS_WHY_SIZE = 256 };

/*
 * "--name=value", "--name value", "--flag"; "-h" is --help, "-" is an argument, after "--" all are.  `args` is reordered
 * and borrowed.  -EINVAL with the reason in `why`.
 */
int options_parse(struct options *options, uint64_t taken, char **args, size_t count, char why[static OPTIONS_WHY_SIZE])
	__attribute__((warn_unused_result));

/* The help of those in `taken`, a line or more each. */
void options_print(FILE *out, uint64_t taken);

/* Is it the default or the given one?  For options with a fixed set of values. */
bool options_is(const struct options *options, enum option_id id, const char *value);

#endif
