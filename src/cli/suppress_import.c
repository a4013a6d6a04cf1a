/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama suppress import: files of addresses, checked here line by line, sent in batches.  One thread; hostile input. */
#include "cli/suppress_import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/control.h"
#include "cli/import.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "conf/conf.h"

/* A request is at most 64 KiB, and a transaction short: the mail waits behind it. */
enum { BATCH_ROWS = 400, BATCH_BYTES = 40 * 1024, REASONS_MAX = 4 };

struct importer {
	const struct options *options;
	struct control_line *line;
	struct progress progress;
	bool is_json, is_dry_run;
	const char *path;
	json_t *rows; /* of the next batch */
	size_t bytes;
	uint64_t read, added, unchanged, refused, passed;
	struct { char text[160]; uint64_t count; } reasons[REASONS_MAX]; /* why records were passed over */
	int status;
};

static void tell_refused(struct importer *importer, uint64_t line, const char *why)
{
	importer->refused++;
	progress_clear(&importer->progress);
	if (importer->is_json) {
		json_t *row = json_object();
		json_put_text(row, "row", "refused");
		json_put_text(row, "file", importer->path);
		json_put_number(row, "line", (int64_t)line);
		json_put_text(row, "error", why);
		(void)json_write(stdout, row);
		return;
	}
	fputs("kodama: ", stderr);
	terminal_print_text(stderr, STYLE_PLAIN, importer->path);
	fprintf(stderr, ":%" PRIu64 ": ", line);
	terminal_print_text(stderr, STYLE_PLAIN, why);
	fputc('\n', stderr);
}

static int take_refused(void *data, json_t *row)
{
	const char *why = json_string_value(json_object_get(row, "error"));

	tell_refused(data, (uint64_t)json_integer_value(json_object_get(row, "line")), why ? why : "refused");
	return 0;
}

static uint64_t get_count(const json_t *end, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(end, key));
}

static void clear_batch(struct importer *importer)
{
	json_decref(importer->rows);
	importer->rows = json_array();
	importer->bytes = 0;
}

/* False: there is no sense in going on; it has been said. */
static bool send_batch(struct importer *importer)
{
	json_t *request = json_object(), *end = NULL;
	bool is_sent = true;

	if (json_array_size(importer->rows) && !importer->is_dry_run) {
		json_put_text(request, "do", "suppress-import");
		json_object_set(request, "rows", importer->rows);
		importer->status = control_tell(importer->line, request, take_refused, importer, &end);
		is_sent = importer->status == EXIT_ALL_READ;
		importer->added += get_count(end, "added");
		importer->unchanged += get_count(end, "unchanged");
	} else {
		importer->added += json_array_size(importer->rows);
	}
	json_decref(end);
	json_decref(request);
	clear_batch(importer);
	return is_sent;
}

static struct span choose(struct span given, const char *option)
{
	return given.len ? given : span_of(option);
}

static void add_row(struct importer *importer, const struct import_row *row)
{
	const char *const *values = importer->options->values;
	const struct { const char *key; struct span text; } members[] = {
		{ "address", row->address }, { "stream", choose(row->stream, values[OPTION_STREAM]) },
		{ "until", choose(row->until, values[OPTION_UNTIL]) }, { "since", row->since },
		{ "class", choose(row->class_name, values[OPTION_CLASS]) }, { "rule", row->rule }, { "provider", row->provider },
		{ "note", values[OPTION_NOTE] ? span_of(values[OPTION_NOTE]) : row->note }, { "origin", row->origin },
		{ "decision", row->decision },
	};
	json_t *json = json_object();

	json_put_number(json, "line", (int64_t)row->line);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_put(json, members[i].key, members[i].text);
		/* a byte may become six, as \u escapes do */
		importer->bytes += members[i].text.len + 16;
	}
	json_array_append_new(importer->rows, json);
}

static void note_passed(struct importer *importer, const char *why)
{
	importer->passed++;
	for (size_t i = 0; i < REASONS_MAX; i++) {
		if (!importer->reasons[i].count)
			snprintf(importer->reasons[i].text, sizeof(importer->reasons[i].text), "%s", why);
		if (strcmp(importer->reasons[i].text, why) == 0) {
			importer->reasons[i].count++;
			return;
		}
	}
}

static bool take_record(struct importer *importer, enum import_result result, const struct import_row *row)
{
	importer->read++;
	if (result == IMPORT_REFUSED)
		tell_refused(importer, row->line, row->why);
	else if (result == IMPORT_PASSED)
		note_passed(importer, row->why);
	else
		add_row(importer, row);
	if (json_array_size(importer->rows) < BATCH_ROWS && importer->bytes < BATCH_BYTES)
		return true;
	return send_batch(importer);
}

struct window {
	char *bytes;
	size_t len;
	uint64_t taken;
	bool is_last;
};

static int fill_window(struct window *window, int fd)
{
	ssize_t got = read(fd, window->bytes + window->len, IMPORT_WINDOW_SIZE - window->len);

	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	window->len += (size_t)got;
	window->is_last = got == 0;
	return 0;
}

static bool take_window(struct importer *importer, struct import *import, struct window *window)
{
	struct span rest = span_make(window->bytes, window->len);
	struct import_row row;
	enum import_result result;
	bool goes_on = true;

	while (goes_on && (result = import_take(import, &rest, window->is_last, &row)) != IMPORT_MORE) {
		goes_on = take_record(importer, result, &row);
		progress_set(&importer->progress, importer->progress.done + window->taken + window->len - rest.len, importer->read);
	}
	window->taken += window->len - rest.len;
	memmove(window->bytes, rest.ptr, rest.len);
	window->len = rest.len;
	return goes_on;
}

static void import_open(struct importer *importer, struct import *import, int fd)
{
	struct window window = { .bytes = malloc(IMPORT_WINDOW_SIZE) };
	int error = window.bytes ? 0 : -ENOMEM;
	bool goes_on = true;

	while (error == 0 && goes_on && !window.is_last) {
		error = fill_window(&window, fd);
		if (error == 0)
			goes_on = take_window(importer, import, &window);
	}
	/* the numbers of lines are this file's: what is left goes before the next one */
	if (error == 0 && goes_on)
		(void)send_batch(importer);
	if (error < 0)
		importer->status = command_fail("%s: %s", importer->path, strerror(-error));
	importer->progress.done += window.taken;
	free(window.bytes);
}

static void import_path(struct importer *importer, const char *path, enum import_form form)
{
	bool is_input = strcmp(path, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct import *import = fd >= 0 ? import_new(form) : NULL;

	importer->path = is_input ? "standard input" : path;
	if (fd < 0)
		importer->status = command_fail("%s: %s", path, strerror(errno));
	else if (!import)
		importer->status = command_fail("%s: %s", path, strerror(ENOMEM));
	else
		import_open(importer, import, fd);
	import_free(import);
	if (fd >= 0 && !is_input)
		close(fd);
}

static uint64_t measure(const struct options *options)
{
	uint64_t total = 0;
	struct stat info;

	for (size_t i = 0; i < options->arg_count; i++) {
		if (stat(options->args[i], &info) < 0 || !S_ISREG(info.st_mode))
			return 0;
		total += (uint64_t)info.st_size;
	}
	return total;
}

static void tell_end(struct importer *importer)
{
	progress_clear(&importer->progress);
	if (importer->is_json) {
		json_t *end = json_object();
		json_put_text(end, "row", "import");
		json_put_number(end, "read", (int64_t)importer->read);
		json_put_number(end, "added", (int64_t)importer->added);
		json_put_number(end, "unchanged", (int64_t)importer->unchanged);
		json_put_number(end, "passed", (int64_t)importer->passed);
		json_put_number(end, "refused", (int64_t)importer->refused);
		(void)json_write(stdout, end);
		return;
	}
	fprintf(stderr, "kodama: %" PRIu64 " read, %" PRIu64 " %s, %" PRIu64 " there already, %" PRIu64 " passed over, %" PRIu64 " refused\n",
		importer->read, importer->added, importer->is_dry_run ? "would be added" : "added", importer->unchanged, importer->passed,
		importer->refused);
	for (size_t i = 0; i < REASONS_MAX && importer->reasons[i].count; i++)
		fprintf(stderr, "kodama: %" PRIu64 " passed over: %s\n", importer->reasons[i].count, importer->reasons[i].text);
}

static int import_all(struct importer *importer, const struct options *options)
{
	enum import_form form = IMPORT_AUTO;
	int status = EXIT_ALL_READ;

	if (options->values[OPTION_IMPORT_FROM])
		(void)import_form_find(span_of(options->values[OPTION_IMPORT_FROM]), &form);
	progress_begin(&importer->progress);
	importer->progress.total = measure(options);
	clear_batch(importer);
	for (size_t i = 0; i < options->arg_count; i++) {
		importer->status = EXIT_ALL_READ;
		import_path(importer, options->args[i], form);
		status = status ? status : importer->status;
	}
	tell_end(importer);
	json_decref(importer->rows);
	return status ? status : importer->refused ? EXIT_SOME_FAILED : EXIT_ALL_READ;
}

int suppress_import(const struct command *command, const struct options *options)
{
	struct importer importer = {
		.options = options, .is_json = options_is(options, OPTION_LIST_FORMAT, "json"),
		.is_dry_run = options->values[OPTION_DRY_RUN] != NULL,
	};
	struct config *config;
	int status = config_load(options, &config);

	(void)command;
	if (status != EXIT_ALL_READ)
		return status;
	if (!importer.is_dry_run)
		status = control_open(config, CONTROL_STORE, &importer.line);
	if (status == EXIT_ALL_READ)
		status = import_all(&importer, options);
	control_close(importer.line);
	conf_free(config);
	return status;
}
