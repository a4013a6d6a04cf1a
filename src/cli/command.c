/* SPDX-License-Identifier: BSD-2-Clause */
/* What all subcommands say alike.  One thread. */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "conf/conf.h"

int command_refuse(const struct command *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "kodama %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry: kodama %s --help\n", command->name);
	return command->wrong_usage ? command->wrong_usage : EXIT_WRONG_USAGE;
}

int command_fail(const char *format, ...)
{
	va_list args;

	fputs("kodama: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_SOME_FAILED;
}

int command_fail_complaint(const struct complaint *complaint)
{
	if (complaint->path[0] && complaint->line)
		return command_fail("%s:%u: %s", complaint->path, complaint->line, complaint->text);
	if (complaint->path[0])
		return command_fail("%s: %s", complaint->path, complaint->text);
	return command_fail("%s", complaint->text);
}

const char *command_get_etc(const struct options *options)
{
	return conf_get_etc(options->values[OPTION_ETC]);
}

enum language command_get_language(const struct options *options)
{
	enum language language = LANGUAGE_EN;

	if (options->values[OPTION_LANG])
		(void)language_find(span_of(options->values[OPTION_LANG]), &language);
	return language;
}

int command_finish(int exit_status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_status;
	int failed = command_fail("standard output: %s", strerror(errno));
	return exit_status == EXIT_ALL_READ ? failed : exit_status;
}
