/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama config: would the daemon start with this, and what is in force.  One thread; the file is the operator's. */
#include "conf/conf.h"

#include <errno.h>
#include <string.h>

#include "cli/config.h"
#include "cli/verbs.h"

enum { SHOW_MAX = 1024 * 1024 };

int config_load(const struct options *options, struct config **ret_config)
{
	const char *etc = command_get_etc(options);
	struct complaint complaint = { 0 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/kodama.conf", etc);
	const char *file = options->values[OPTION_CONFIG] ? options->values[OPTION_CONFIG] : path;
	int error = conf_load(file, etc, ret_config, &complaint);
	if (!error)
		return EXIT_ALL_READ;
	if (!complaint.text[0])
		complaint_set(&complaint, file, 0, "%s", strerror(-error));
	if (error == -EACCES)
		complaint_set(&complaint, file, 0, "%s: be root, or in the group of that file", strerror(EACCES));
	return command_fail_complaint(&complaint);
}

static int check_config(const struct command *command, const struct options *options)
{
	struct complaint complaint = { 0 };
	struct snapshot *snapshot;
	struct config *config;
	int status = config_load(options, &config);

	(void)command;
	if (status != EXIT_ALL_READ)
		return status;
	int error = conf_load_snapshot(config, &snapshot, &complaint);
	if (error) {
		if (!complaint.text[0])
			complaint_set(&complaint, config->etc, 0, "%s", strerror(-error));
		status = command_fail_complaint(&complaint);
	} else {
		printf("%s: good, with %zu rules\n", config->path, ruleset_get_count(snapshot->ruleset));
		snapshot_unref(snapshot);
	}
	conf_free(config);
	return status;
}

static int show_config(const struct command *command, const struct options *options)
{
	struct config *config;
	struct buffer text;
	int status = config_load(options, &config);

	(void)command;
	if (status != EXIT_ALL_READ)
		return status;
	buffer_init(&text, SHOW_MAX);
	conf_show(config, &text);
	fputs(buffer_get_text(&text), stdout);
	buffer_done(&text);
	conf_free(config);
	return EXIT_ALL_READ;
}

static const struct verb verbs[] = {
	{ "check", 0, 0, "no argument", check_config, 0 },
	{ "show", 0, 0, "no argument", show_config, 0 },
};

static int run_config(const struct command *command, const struct options *options)
{
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_config = {
	.name = "config",
	.synopsis = "check | show",
	.summary = "check the configuration, or show what is in force",
	.help = "check  reads kodama.conf, the rules, the forms and all that belongs to them, as the daemon would, and\n"
		"       names the first thing that is wrong by file and line\n"
		"show   every option with the value in force, in the form of the file; no passwords\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG),
	.run = run_config,
};
