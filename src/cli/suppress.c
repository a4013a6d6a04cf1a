/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama suppress and why: who is suppressed, since when and why, and changing it by hand.  One thread. */
#include <jansson.h>
#include <string.h>

#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/rows.h"
#include "cli/suppress_import.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "conf/conf.h"

enum { ADDRESSES_MAX = 100000 };

/* {"do": what, "address": ..., "stream": ...} with what the options say. */
static json_t *make_request(const char *what, const char *address, const struct options *options)
{
	static const struct { const char *key; enum option_id id; } members[] = {
		{ "stream", OPTION_STREAM }, { "until", OPTION_UNTIL }, { "note", OPTION_NOTE }, { "class", OPTION_CLASS },
		{ "since", OPTION_SINCE }, { "rule", OPTION_RULE }, { "provider", OPTION_PROVIDER }, { "domain", OPTION_DOMAIN },
	};
	json_t *request = json_object();

	json_put_text(request, "do", what);
	json_put_text(request, "address", address);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_put_text(request, members[i].key, options->values[members[i].id]);
	if (options->values[OPTION_DRY_RUN])
		json_put_bool(request, "dry_run", true);
	return request;
}

/* What is done with an answer: its rows, and for a change what it did. */
struct view {
	const char *request;
	control_emit *text;
	void (*confirm)(const char *address, const json_t *end); /* NULL: the rows say all */
	const char *nothing;                                     /* told where no row came, NULL: never */
};

struct shown {
	control_emit *show;
	size_t count;
};

static int show_row(void *data, json_t *row)
{
	struct shown *shown = data;

	shown->count++;
	return shown->show ? shown->show(NULL, row) : 0;
}

static int ask(const struct config *config, const struct view *view, const char *address, const struct options *options)
{
	bool is_json = options_is(options, OPTION_FORMAT, "json") || options_is(options, OPTION_LIST_FORMAT, "json");
	json_t *request = make_request(view->request, address, options);
	struct shown shown = { is_json ? rows_write_json : view->text, 0 };
	json_t *end = NULL;
	int status = control_ask(config, request, CONTROL_STORE, show_row, &shown, &end);

	/* JSON of nothing is empty, and where people read nothing looks like something that went wrong */
	if (status == EXIT_ALL_READ && view->nothing && !shown.count && !is_json)
		fprintf(stderr, "kodama: %s\n", view->nothing);

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

/* One request that names no address. */
static int ask_once(const struct view *view, const struct options *options)
{
	struct config *config;
	int status = config_load(options, &config);

	if (status == EXIT_ALL_READ) {
		status = ask(config, view, NULL, options);
		conf_free(config);
	}
	return status;
}

static int list(const struct command *command, const struct options *options)
{
	static const struct view view = { .request = "suppress-list", .text = rows_print_suppression,
					   .nothing = "no address is suppressed" };

	if (options_is(options, OPTION_LIST_FORMAT, "csv"))
		return suppress_export(command, options);
	return ask_once(&view, options);
}

static int check(const struct command *command, const struct options *options)
{
	static const struct view view = { .request = "suppress-check", .text = rows_print_check };

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
	static const struct view view = { .request = "suppress-add", .confirm = confirm_add };

	(void)command;
	return ask_each(&view, options);
}

static void confirm_removed_all(const char *address, const json_t *end)
{
	(void)address;
	printf("%" JSON_INTEGER_FORMAT " off the list\n", json_integer_value(json_object_get(end, "removed")));
}

static void confirm_release(const char *address, const json_t *end)
{
	(void)end;
	terminal_print_text(stdout, STYLE_PLAIN, address);
	puts(" is enforced");
}

static void confirm_released_all(const char *address, const json_t *end)
{
	(void)address;
	printf("%" JSON_INTEGER_FORMAT " enforced\n", json_integer_value(json_object_get(end, "released")));
}

static const enum option_id conditions[] = { OPTION_SINCE, OPTION_UNTIL, OPTION_RULE, OPTION_CLASS, OPTION_PROVIDER, OPTION_DOMAIN, OPTION_STREAM };

static bool has_condition(const struct options *options)
{
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		if (options->values[conditions[i]])
			return true;
	}
	return false;
}

/* Each address that is named, or all that the conditions name. */
static int change(const struct command *command, const struct options *options, const struct view *one, const struct view *all)
{
	if (options->arg_count && options->values[OPTION_DRY_RUN])
		return command_refuse(command, "--dry-run is for conditions, not for an ADDRESS");
	if (options->arg_count)
		return ask_each(one, options);
	if (!has_condition(options))
		return command_refuse(command, "an ADDRESS or a condition is wanted: --since, --until, --rule, --class, --provider, --domain, --stream");
	return ask_once(all, options);
}

static int take_out(const struct command *command, const struct options *options)
{
	static const struct view one = { .request = "suppress-remove", .confirm = rows_print_removed };
	static const struct view all = { .request = "suppress-remove", .text = rows_print_suppression, .confirm = confirm_removed_all };
	static const struct view tried = { .request = "suppress-remove", .text = rows_print_suppression,
					   .nothing = "no entry that evidence put there matches: nothing would be removed" };

	return change(command, options, &one, options->values[OPTION_DRY_RUN] ? &tried : &all);
}

static int release(const struct command *command, const struct options *options)
{
	static const struct view one = { .request = "suppress-release", .confirm = confirm_release };
	static const struct view all = { .request = "suppress-release", .text = rows_print_suppression, .confirm = confirm_released_all };
	static const struct view tried = { .request = "suppress-release", .text = rows_print_suppression,
					   .nothing = "no entry that is held matches: nothing would be released" };

	return change(command, options, &one, options->values[OPTION_DRY_RUN] ? &tried : &all);
}

#define OF_BULK (OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_RULE) | OPTION_BIT(OPTION_PROVIDER) | OPTION_BIT(OPTION_DOMAIN))
#define OF_CHANGE (OF_BULK | OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_NOTE) | OPTION_BIT(OPTION_CLASS) | OPTION_BIT(OPTION_DRY_RUN) | OF_IMPORT)
#define OF_IMPORT OPTION_BIT(OPTION_IMPORT_FROM)

static const struct verb verbs[] = {
	{ "list", 0, 0, "no argument", list, OF_CHANGE | OPTION_BIT(OPTION_STREAM) },
	{ "check", 1, ADDRESSES_MAX, "an ADDRESS or more", check, OF_CHANGE },
	{ "add", 1, ADDRESSES_MAX, "an ADDRESS or more", add, OF_BULK | OF_IMPORT | OPTION_BIT(OPTION_DRY_RUN) },
	{ "remove", 0, ADDRESSES_MAX, "ADDRESSes or conditions", take_out, OF_IMPORT },
	{ "release", 0, ADDRESSES_MAX, "ADDRESSes or conditions", release, OF_IMPORT },
	{ "import", 1, ADDRESSES_MAX, "a FILE or more, or -", suppress_import, OF_BULK },
	{ "export", 0, 0, "no argument", suppress_export, OF_CHANGE | OPTION_BIT(OPTION_STREAM) },
};

static int run_suppress(const struct command *command, const struct options *options)
{
	bool is_list = options->arg_count && (strcmp(options->args[0], "list") == 0 || strcmp(options->args[0], "export") == 0);

	if (options_is(options, OPTION_LIST_FORMAT, "csv") && !is_list)
		return command_refuse(command, "--format=csv is for list and export");
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_suppress = {
	.name = "suppress",
	.synopsis = "list | check ADDRESS... | add ADDRESS... | remove ADDRESS...|CONDITION... | release ADDRESS...|CONDITION... | "
		    "import FILE...|- | export",
	.summary = "show and change who gets no more mail",
	.help = "list     all that is suppressed\n"
		"check    whether mail to an address would be refused, and why\n"
		"add      suppress an address by hand; evidence does not override it; @example.com is a whole domain\n"
		"remove   take it off the list, whoever put it there; or all that evidence put there and conditions name\n"
		"release  enforce what the surge guard holds: one address, or all that conditions name\n"
		"import   add the addresses of files: plain lists, CSV, JSON lines; export files of Amazon SES, SendGrid and\n"
		"         Mailgun, and Sisimai's JSON (told apart by themselves, or --from). A bad line is named, the rest is taken\n"
		"export   all that is suppressed, as CSV or JSON lines (--format=json), fit for import\n\n"
		"Conditions: --since, --until (when it was suppressed: a time, or so long ago), --rule, --class, --provider, --domain,\n"
		"--stream; all of them must hold. Try with --dry-run first.\n"
		"Through the daemon when one runs, else in its store. The daemon acts on a change within a second.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_LIST_FORMAT) | OPTION_BIT(OPTION_STREAM) |
		   OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_NOTE) | OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_RULE) |
		   OPTION_BIT(OPTION_CLASS) | OPTION_BIT(OPTION_PROVIDER) | OPTION_BIT(OPTION_DOMAIN) | OPTION_BIT(OPTION_DRY_RUN) |
		   OPTION_BIT(OPTION_IMPORT_FROM),
	.run = run_suppress,
};

static void confirm_forget(const char *address, const json_t *end)
{
	bool was_known = json_integer_value(json_object_get(end, "rows")) > 0;

	terminal_print_text(stdout, STYLE_PLAIN, address);
	puts(was_known ? " is forgotten" : " was not known");
}

static int run_forget(const struct command *command, const struct options *options)
{
	static const struct view view = { .request = "forget", .confirm = confirm_forget };

	if (options->arg_count == 0)
		return command_refuse(command, "an ADDRESS or more is wanted");
	return ask_each(&view, options);
}

const struct command command_forget = {
	.name = "forget",
	.synopsis = "ADDRESS...",
	.summary = "delete all that is known of an address, its suppression with it",
	.help = "The history, the state, what was changed by hand: nothing is left but a line of the audit that something was\n"
		"forgotten, without its name. Mail to the address flows again until it fails again.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_FORMAT),
	.run = run_forget,
};

static int run_why(const struct command *command, const struct options *options)
{
	static const struct view view = { .request = "why", .text = rows_print_history };

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
