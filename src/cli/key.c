/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama key: the keys that sign outbound mail.  What a key is, nobody is told.  One thread. */
#include <jansson.h>
#include <stdio.h>

#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "conf/conf.h"

static int ask(const struct options *options, const char *what, const char *id, control_emit *emit)
{
	struct config *config;
	int status = config_load(options, &config);

	if (status != EXIT_ALL_READ)
		return status;
	json_t *request = json_object();
	json_put_text(request, "do", what);
	json_put_text(request, "id", id);
	status = control_ask(config, request, CONTROL_STORE, options_is(options, OPTION_FORMAT, "json") ? rows_write_json : emit, NULL, NULL);
	json_decref(request);
	conf_free(config);
	return status;
}

static const char *get_text(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static int print_key(void *data, json_t *row)
{
	const char *until = get_text(row, "accepted_until");

	(void)data;
	printf("%s  since %s  %s", get_text(row, "id"), get_text(row, "created"), get_text(row, "state"));
	if (until[0])
		printf("  retired %s  accepted until %s", get_text(row, "retired"), until);
	putchar('\n');
	return 0;
}

static int print_rotated(void *data, json_t *row)
{
	(void)data;
	printf("%s signs from now on\n", get_text(row, "id"));
	return 0;
}

static int run_list(const struct command *command, const struct options *options)
{
	(void)command;
	return ask(options, "key-list", NULL, print_key);
}

static int run_rotate(const struct command *command, const struct options *options)
{
	(void)command;
	return ask(options, "key-rotate", NULL, print_rotated);
}

static int run_revoke(const struct command *command, const struct options *options)
{
	(void)command;
	int status = ask(options, "key-revoke", options->args[0], NULL);
	if (status == EXIT_ALL_READ)
		printf("%s is accepted no longer\n", options->args[0]);
	return status;
}

static const struct verb verbs[] = {
	{ "list", 0, 0, "nothing more", run_list, 0 },
	{ "rotate", 0, 0, "nothing more", run_rotate, 0 },
	{ "revoke", 1, 1, "one ID", run_revoke, 0 },
};

static int run(const struct command *command, const struct options *options)
{
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_key = {
	.name = "key",
	.synopsis = "list | rotate | revoke ID",
	.summary = "show, renew or revoke the keys that sign outbound mail",
	.help = "rotate makes a new key; the one before is accepted for what it signed as long as `keys accept` says, and is deleted by a later rotate.\n"
		"revoke ends that at once, for a key that somebody else has got hold of; bounces of what it signed are not proved any more.\n"
		"With the daemon running it is told; other hosts of a fleet follow within seconds.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_FORMAT),
	.run = run,
};
