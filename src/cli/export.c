/* SPDX-License-Identifier: BSD-2-Clause */
/* The list as CSV, and as an access map for hosts that run no daemon.  One thread; notes hold anybody's text. */
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/address.h"
#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/rows.h"
#include "cli/suppress_import.h"
#include "cli/verbs.h"
#include "conf/conf.h"
#include "reply/action.h"

static struct span get(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN_NONE;
}

static int ask_list(const struct options *options, control_emit *emit, void *data)
{
	json_t *request = json_object();
	struct config *config;
	int status = config_load(options, &config);

	json_put_text(request, "do", "suppress-list");
	if (status == EXIT_ALL_READ) {
		status = control_ask(config, request, CONTROL_STORE, emit, data, NULL);
		conf_free(config);
	}
	json_decref(request);
	return status;
}

/* --- CSV */

static const char *const csv_columns[] = { "address", "stream", "origin", "decision", "class", "rule", "provider", "since", "until", "note" };

enum { CSV_COLUMNS = sizeof(csv_columns) / sizeof(csv_columns[0]) };

/* RFC 4180; white space at the ends is quoted too, since many readers trim it. */
static void put_field(struct span field)
{
	bool is_quoted = field.len && (ascii_is_space(field.ptr[0]) || ascii_is_space(field.ptr[field.len - 1]));

	for (size_t i = 0; i < field.len && !is_quoted; i++)
		is_quoted = field.ptr[i] && strchr(",\"\r\n;\t", field.ptr[i]);
	if (!is_quoted) {
		fwrite(field.ptr ? field.ptr : "", 1, field.len, stdout);
		return;
	}
	putchar('"');
	for (size_t i = 0; i < field.len; i++) {
		if (field.ptr[i] == '"')
			putchar('"');
		putchar(field.ptr[i]);
	}
	putchar('"');
}

static int write_csv(void *data, json_t *row)
{
	(void)data;
	for (size_t i = 0; i < CSV_COLUMNS; i++) {
		if (i)
			putchar(',');
		put_field(get(row, csv_columns[i]));
	}
	fputs("\r\n", stdout);
	return ferror(stdout) ? -1 : 0;
}

int suppress_export(const struct command *command, const struct options *options)
{
	(void)command;
	if (options_is(options, OPTION_LIST_FORMAT, "json"))
		return ask_list(options, rows_write_json, NULL);
	for (size_t i = 0; i < CSV_COLUMNS; i++)
		printf("%s%s", i ? "," : "", csv_columns[i]);
	fputs("\r\n", stdout);
	return ask_list(options, write_csv, NULL);
}

/* --- an access map */

struct map {
	const char *stream; /* NULL: what holds for all */
	struct buffer last; /* the key written last: an entry by hand comes before the one by evidence */
	uint64_t written, passed;
};

enum { KEY_MAX = 1024 };

/* postmap(1): a key ends at white space that is not quoted, and "#" begins a comment. */
static bool is_map_key(struct span key)
{
	bool is_quoted = false;

	for (size_t i = 0; i < key.len; i++) {
		if (key.ptr[i] == '\\' && is_quoted)
			i++;
		else if (key.ptr[i] == '"')
			is_quoted = !is_quoted;
		else if (ascii_is_space(key.ptr[i]) && (!is_quoted || key.ptr[i] != ' '))
			return false;
	}
	return key.len && key.ptr[0] != '#';
}

static void write_line(const json_t *row, struct span key)
{
	struct span class_name = get(row, "class"), since = span_slice(get(row, "since"), 0, 10);

	printf("%.*s\t550 5.1.1 suppressed", SPAN_ARG(key));
	if (since.len)
		printf(" since %.*s", SPAN_ARG(since));
	if (class_name.len)
		printf(": %.*s", SPAN_ARG(class_name));
	fputs(" " REFUSAL_MARK "\n", stdout);
}

/* Postfix asks for a domain in the form in which the client named it. */
static void write_entry(const json_t *row, struct span key)
{
	size_t at = key.len;
	char domain[ADDRESS_SIZE], twin[2 * ADDRESS_SIZE];

	write_line(row, key);
	while (at > 0 && key.ptr[at - 1] != '@')
		at--;
	if (at > ADDRESS_SIZE || !domain_to_unicode(span_skip(key, at), domain))
		return;
	int len = snprintf(twin, sizeof(twin), "%.*s%s", (int)at, key.ptr, domain);
	write_line(row, span_make(twin, (size_t)len));
}

static int write_access(void *data, json_t *row)
{
	struct map *map = data;
	struct span key = get(row, "address"), stream = get(row, "stream");

	if (!span_is_equal(get(row, "decision"), SPAN_LIT("suppressed")))
		return 0;
	if (stream.len && (!map->stream || !span_is_equal(stream, span_of(map->stream)))) {
		map->passed++;
		return 0;
	}
	/* access(5): a whole domain is named without its "@" */
	if (key.len && key.ptr[0] == '@')
		key = span_skip(key, 1);
	if (!is_map_key(key)) {
		map->passed++;
		return 0;
	}
	if (span_is_equal(key, buffer_get(&map->last)))
		return 0;
	buffer_clear(&map->last);
	buffer_add(&map->last, key);
	write_entry(row, key);
	map->written++;
	return ferror(stdout) ? -1 : 0;
}

static int export_postfix(const struct command *command, const struct options *options)
{
	struct map map = { .stream = options->values[OPTION_STREAM] };

	(void)command;
	buffer_init(&map.last, KEY_MAX);
	int status = ask_list(options, write_access, &map);
	buffer_done(&map.last);
	if (status == EXIT_ALL_READ && map.passed)
		fprintf(stderr, "kodama: %" PRIu64 " entries are of a stream, or cannot stand in a map: left out\n", map.passed);
	return status;
}

static const struct verb verbs[] = { { "postfix", 0, 0, "no argument", export_postfix, 0 } };

static int run_export(const struct command *command, const struct options *options)
{
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_export = {
	.name = "export",
	.synopsis = "postfix [--stream=S]",
	.summary = "write the list as an access map for hosts that run no daemon",
	.help = "postfix  a map for check_recipient_access (access(5)): each suppressed address, with the refusal. What is held,\n"
		"         and what only holds for other streams, is left out. Write it beside the old one, then make it the map:\n\n"
		"           kodama export postfix > suppressed.new &&\n"
		"             mv suppressed.new suppressed && postmap suppressed\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_STREAM),
	.run = run_export,
};
