/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama setup: the lines that an MTA needs.  One thread. */
#include "cli/setup.h"

#include "cli/verbs.h"

static const struct verb verbs[] = {
	{ "postfix", 0, 0, "no argument", setup_postfix, OPTION_BIT(OPTION_SENDMAIL) },
	{ "sendmail", 0, 0, "no argument", setup_sendmail, OPTION_BIT(OPTION_POSTFIX) | OPTION_BIT(OPTION_STATUS_MAP) | OPTION_BIT(OPTION_TRANSPORT_MAP) },
};

static int run_setup(const struct command *command, const struct options *options)
{
	if (options->values[OPTION_APPLY] && options->values[OPTION_REMOVE])
		return command_refuse(command, "--apply or --remove, not both");
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_setup = {
	.name = "setup",
	.synopsis = "postfix [--apply|--remove] | sendmail",
	.summary = "print, apply or take out the lines that the MTA needs",
	.help = "postfix   reads Postfix's configuration by postconf(1) and prints what to add beside what is there, and what\n"
		"          would defeat it; --apply adds it, with a copy of main.cf before; --remove takes it out again\n"
		"sendmail  prints what sendmail.mc, kodama.conf and the aliases need for Sendmail, and what would defeat it\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_APPLY) | OPTION_BIT(OPTION_REMOVE) |
		   OPTION_BIT(OPTION_POSTFIX) | OPTION_BIT(OPTION_SENDMAIL) | OPTION_BIT(OPTION_STATUS_MAP) | OPTION_BIT(OPTION_RECIPIENT_MAP) | OPTION_BIT(OPTION_TRANSPORT_MAP),
	.run = run_setup,
};
