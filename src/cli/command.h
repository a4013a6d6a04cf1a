/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a subcommand of kodama is, and what all of them say alike.  One thread.
 */
#ifndef KODAMA_CLI_COMMAND_H
#define KODAMA_CLI_COMMAND_H

#include "base/complaint.h"
#include "classify/verdict.h"
#include "cli/options.h"

/* The exit status, DESIGN section 9. */
enum { EXIT_ALL_READ = 0, EXIT_SOME_FAILED = 1, EXIT_WRONG_USAGE = 2 };

struct command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;  /* one line of `kodama help` */
	const char *help;     /* the paragraphs of --help */
	uint64_t options;     /* OPTION_BIT of those that it takes */
	int wrong_usage;      /* the exit status, where it is not EXIT_WRONG_USAGE */
	int (*run)(const struct command *command, const struct options *options); /* the exit status */
};

extern const struct command command_classify, command_explain, command_rules, command_config, command_why, command_suppress,
	command_report, command_status, command_reload, command_ingest, command_key, command_setup, command_doctor,
	command_forget, command_export;

/* "kodama classify: ...", and where help is: EXIT_WRONG_USAGE, or what the command has in its place. */
int command_refuse(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "kodama: ..." on standard error: EXIT_SOME_FAILED. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int command_fail_complaint(const struct complaint *complaint);

/* The folder of rules and configuration in force; the language asked for. */
const char *command_get_etc(const struct options *options);
enum language command_get_language(const struct options *options);

/* Closes standard output: a full disk is not success. */
int command_finish(int exit_status);

#endif
