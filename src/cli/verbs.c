/* SPDX-License-Identifier: BSD-2-Clause */
/* Second words.  One thread. */
#include "cli/verbs.h"

#include <string.h>

/* The first option that was given and would be ignored; NULL: none. */
static const struct option_row *find_not_taken(const struct verb *verb, const struct options *options)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++)
		if (options->values[id] && (verb->not_taken & OPTION_BIT(id)))
			return &option_rows[id];
	return NULL;
}

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
		const struct option_row *row = find_not_taken(&verbs[i], options);
		if (row)
			return command_refuse(command, "%s takes no --%s", verbs[i].name, row->name);
		return verbs[i].run(command, &rest);
	}
	return command_refuse(command, "there is no '%s %s'", command->name, options->args[0]);
}
