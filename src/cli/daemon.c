/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama status and reload: the running daemon.  One thread. */
#include <stdio.h>

#include <jansson.h>

#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/rows.h"
#include "conf/conf.h"

/* Asks, and gives what came back, rows and end, to `emit`. */
static int ask(const struct options *options, const char *what, control_emit *emit)
{
	struct config *config;
	json_t *end = NULL;
	int status = config_load(options, &config);

	if (status != EXIT_ALL_READ)
		return status;
	json_t *request = json_object();
	json_put_text(request, "do", what);
	status = control_ask(config, request, CONTROL_DAEMON, emit, NULL, &end);
	if (status == EXIT_ALL_READ && emit) {
		json_object_del(end, "ok");
		if (json_object_size(end))
			(void)emit(NULL, end);
	}
	json_decref(end);
	json_decref(request);
	conf_free(config);
	return status;
}

static int run_status(const struct command *command, const struct options *options)
{
	if (options->arg_count)
		return command_refuse(command, "no argument is wanted");
	return ask(options, "status", options_is(options, OPTION_FORMAT, "json") ? rows_write_json : rows_print_status);
}

const struct command command_status = {
	.name = "status",
	.synopsis = "[--format=text|json]",
	.summary = "show what the running daemon does",
	.help = "Counters since its start, lengths of queues, and the last errors.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_FORMAT),
	.run = run_status,
};

/* A remark on what a reload cannot change. */
static int print_note(void *data, json_t *end)
{
	const char *note = json_string_value(json_object_get(end, "note"));

	(void)data;
	if (note && note[0])
		fprintf(stderr, "kodama: %s\n", note);
	return 0;
}

static int run_reload(const struct command *command, const struct options *options)
{
	if (options->arg_count)
		return command_refuse(command, "no argument is wanted");
	int status = ask(options, "reload", print_note);
	if (status == EXIT_ALL_READ)
		puts("reloaded");
	return status;
}

const struct command command_reload = {
	.name = "reload",
	.synopsis = "",
	.summary = "make the running daemon read its configuration and rules again",
	.help = "A configuration or a rule that is wrong is refused with its file and line, and the old ones stay in force.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG),
	.run = run_reload,
};
