/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama suppress and why: who is suppressed, since when and why, and changing it by hand.  One thread. */
#include <jansson.h>
#include <string.h>

#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "conf/conf.h"

enum { ADDRESSES_MAX = 100000 };

/* {"do": what, "address": ..., "stream": ...} with what the options say. */
static json_t *make_request(const char *what, const char *address, const struct options *options)
{
	json_t *request = json_object();

	json_put_text(request, "do", what);
	json_put_text(request, "address", address);
	json_put_text(request, "stream", options->values[OPTION_STREAM]);
	json_put_text(request, "until", options->values[OPTION_UNTIL]);
	json_put_text(request, "note", options->values[OPTION_NOTE]);
	return request;
}

/* What is done with an answer: its rows, and for a change what it did. */
struct view {
	const char *request;
	control_emit *text;
	void (*confirm)(const char *address, const json_t *end); /* NULL: the rows say all */
};

static int ask(const struct config *config, const struct view *view, const char *address, const struct options *options)
{
	bool is_json = options_is(options, OPTION_FORMAT, "json");
	json_t *request = make_request(view->request, address, options);
	json_t *end = NULL;
	int status = control_ask(config, request, CONTROL_STORE, is_json ? rows_write_json : view->text, NULL, &end);

	if (status == EXIT_ALL_READ && view->confirm && is_json)
		(void)rows_write_json(NULL, end);
	else if (status == EXIT_ALL_READ && view->confirm)
		view->confirm(address, end);
	json_decref(end);
	json_decref(request);
	return status;
}

/* The same for each address; the first exit status that is not good. */
static int ask_each(const struct view *view, const struct options *options)
{
	struct config *config;
	int status = config_load(options, &config);

	if (status != EXIT_ALL_READ)
		return status;
	for (size_t i = 0; i < options->arg_count; i++) {
		int one = ask(config, view, options->args[i], options);
		status = status ? status : one;
	}
	conf_free(config);
	return status;
}

static int list(const struct command *command, const struct options *options)
{
	static const struct view view = { "suppress-list", rows_print_suppression, NULL };
	struct config *config;
	int status = config_load(options, &config);

	(void)command;
	if (status == EXIT_ALL_READ) {
		status = ask(config, &view, NULL, options);
		conf_free(config);
	}
	return status;
}

static int check(const struct command *command, const struct options *options)
{
	static const struct view view = { "suppress-check", rows_print_check, NULL };

	(void)command;
	return ask_each(&view, options);
}

static void confirm_add(const char *address, const json_t *end)
{
	(void)end;
	terminal_print_text(stdout, STYLE_PLAIN, address);
	puts(" is suppressed");
}

static int add(const struct command *command, const struct options *options)
{
	static const struct view view = { "suppress-add", NULL, confirm_add };

	(void)command;
	return ask_each(&view, options);
}

static void confirm_remove(const char *address, const json_t *end)
{
	terminal_print_text(stdout, STYLE_PLAIN, address);
	puts(json_integer_value(json_object_get(end, "removed")) ? " is off the list" : " was not on the list");
}

static int take_out(const struct command *command, const struct options *options)
{
	static const struct view view = { "suppress-remove", NULL, confirm_remove };

	(void)command;
	return ask_each(&view, options);
}

static const struct verb verbs[] = {
	{ "list", 0, 0, "no argument", list },
	{ "check", 1, ADDRESSES_MAX, "an ADDRESS or more", check },
	{ "add", 1, ADDRESSES_MAX, "an ADDRESS or more", add },
	{ "remove", 1, ADDRESSES_MAX, "an ADDRESS or more", take_out },
};

static int run_suppress(const struct command *command, const struct options *options)
{
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_suppress = {
	.name = "suppress",
	.synopsis = "list | check ADDRESS... | add ADDRESS... | remove ADDRESS...",
	.summary = "show and change who gets no more mail",
	.help = "list    all that is suppressed\n"
		"check   whether mail to an address would be refused, and why\n"
		"add     suppress an address by hand; evidence does not override it; @example.com is a whole domain\n"
		"remove  take it off the list, whoever put it there\n\n"
		"Through the daemon when one runs, else in its store. The daemon acts on a change within a second.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_STREAM) |
		   OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_NOTE),
	.run = run_suppress,
};

static int run_why(const struct command *command, const struct options *options)
{
	static const struct view view = { "why", rows_print_history, NULL };

	if (options->arg_count != 1)
		return command_refuse(command, "one ADDRESS is wanted");
	return ask_each(&view, options);
}

const struct command command_why = {
	.name = "why",
	.synopsis = "[--stream=S] ADDRESS",
	.summary = "tell the history of an address: what failed, what was decided, how to undo it",
	.help = "Each failure that was recorded, oldest first, with the remote's words, its class, where it came from and\n"
		"what proved it, what was decided and why; what was changed by hand; and what would happen to a mail now.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_STREAM),
	.run = run_why,
};
