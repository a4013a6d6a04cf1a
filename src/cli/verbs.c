/* SPDX-License-Identifier: BSD-2-Clause */
/* Second words.  One thread. */
#include "cli/verbs.h"

#include <string.h>

int verbs_run(const struct verb *verbs, size_t count, const struct command *command, const struct options *options)
{
	struct options rest = *options;

	if (options->arg_count == 0)
		return command_refuse(command, "what? %s", command->synopsis);
	rest.args++;
	rest.arg_count--;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(verbs[i].name, options->args[0]) != 0)
			continue;
		if (rest.arg_count < verbs[i].arg_min || rest.arg_count > verbs[i].arg_max)
			return command_refuse(command, "%s wants %s", verbs[i].name, verbs[i].wants);
		return verbs[i].run(command, &rest);
	}
	return command_refuse(command, "there is no '%s %s'", command->name, options->args[0]);
}
