/* SPDX-License-Identifier: BSD-2-Clause */
/* The second word of a subcommand: `kodama suppress add`.  A table of them in each file that has some.  One thread. */
#ifndef KODAMA_CLI_VERBS_H
#define KODAMA_CLI_VERBS_H

#include "cli/command.h"

struct verb {
	const char *name;
	size_t arg_min, arg_max; /* how many words may follow it */
	const char *wants;       /* what they are, for the hint: "one FILE" */
	int (*run)(const struct command *command, const struct options *options); /* args without the verb */
	uint64_t not_taken; /* OPTION_BIT of the command's options that would have no effect here: refused, not ignored */
};

/* Runs the verb that the first argument names. */
int verbs_run(const struct verb *verbs, size_t count, const struct command *command, const struct options *options);

#endif
