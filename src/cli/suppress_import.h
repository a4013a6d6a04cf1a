/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `suppress import` and `suppress export`, and `export postfix`.  One thread. */
#ifndef KODAMA_CLI_SUPPRESS_IMPORT_H
#define KODAMA_CLI_SUPPRESS_IMPORT_H

#include "cli/command.h"

/* The exit status; each argument is a file, "-" standard input. */
int suppress_import(const struct command *command, const struct options *options);

/* All that is on the list, as CSV or JSON lines, in the form that import takes back. */
int suppress_export(const struct command *command, const struct options *options);

#endif
