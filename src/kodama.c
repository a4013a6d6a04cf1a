/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama, the command for people: finds the subcommand and hands over.  One thread. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/help.h"

static const struct command *const commands[] = {
	&command_classify, &command_report, &command_explain, &command_why,    &command_suppress,
	&command_forget,   &command_export,
	&command_rules,	   &command_config,  &command_status, &command_reload,
	&command_ingest,   &command_key,     &command_setup,  &command_doctor,
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int print_overview(FILE *out, int exit_status)
{
	help_print(out, "Usage: kodama COMMAND [OPTION...] [ARGUMENT...]\n\n"
			"Reads bounces, says why each recipient failed, and shows and changes who is suppressed.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char label[32];
		snprintf(label, sizeof(label), "  %s", commands[i]->name);
		help_print_item(out, span_of(label), 13, span_of(commands[i]->summary));
	}
	fputs("\nMore: kodama help COMMAND, kodama(1)\n", out);
	return exit_status;
}

static int print_help(const struct command *command)
{
	struct span ways = span_of(command->synopsis), way = span_take(&ways, '\n');
	char first[512];

	snprintf(first, sizeof(first), "kodama %s %.*s", command->name, SPAN_ARG(way));
	help_print_item(stdout, SPAN_LIT("Usage:"), 7, span_of(first));
	while (span_is_known(ways))
		help_print_item(stdout, SPAN_NONE, 7, span_trim(span_take(&ways, '\n')));
	putchar('\n');
	help_print(stdout, command->help);
	puts("\nOptions:");
	options_print(stdout, command->options | OPTION_BIT(OPTION_HELP));
	return EXIT_ALL_READ;
}

static int refuse_command(const char *name)
{
	if (name[0] == '-')
		fprintf(stderr, "kodama: %s: options stand behind the command: kodama COMMAND %s\nTry: kodama --help\n", name, name);
	else
		fprintf(stderr, "kodama: there is no command '%s'\nTry: kodama --help\n", name);
	return EXIT_WRONG_USAGE;
}

static int help(int count, char **args)
{
	const struct command *command = count ? find_command(args[0]) : NULL;

	if (count && !command)
		return refuse_command(args[0]);
	return command ? print_help(command) : print_overview(stdout, EXIT_ALL_READ);
}

static int run(const struct command *command, char **args, size_t count)
{
	struct options options;
	char why[OPTIONS_WHY_SIZE];

	if (options_parse(&options, command->options | OPTION_BIT(OPTION_HELP), args, count, why) < 0)
		return command_refuse(command, "%s", why);
	if (options.values[OPTION_HELP])
		return print_help(command);
	return command->run(command, &options);
}

int main(int count, char **args)
{
	setlocale(LC_CTYPE, "");
	/* what the daemon would log and goes well is nothing to tell here */
	log_set_level(LOG_LEVEL_WARNING);
	if (count < 2)
		return print_overview(stderr, EXIT_WRONG_USAGE);
	const char *name = args[1];
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return command_finish(help(count - 2, args + 2));
	if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
		puts("kodama " PACKAGE_VERSION);
		return command_finish(EXIT_ALL_READ);
	}
	const struct command *command = find_command(name);
	if (!command)
		return refuse_command(name);
	return command_finish(run(command, args + 2, (size_t)count - 2));
}
