/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama suppress import: files of addresses, checked here line by line, sent in batches.  One thread; hostile input. */
#include "cli/suppress_import.h"

#include <assert.h>
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

/*
 * A request is at most CONTROL_REQUEST_MAX, even where every byte of a text is escaped, and a transaction short: the mail waits behind it, a
 * quarter of a second.  Rows are sorted by the hundred thousand before: neighbours share the database's pages.
 */
enum { BATCH_ROWS = 6000, BATCH_BYTES = 400 * 1024, CHUNK_ROWS = 100000, CHUNK_BYTES = 32 * 1024 * 1024, REASONS_MAX = 4 };

/* As the request has them. */
enum member { MEMBER_ADDRESS, MEMBER_STREAM, MEMBER_UNTIL, MEMBER_SINCE, MEMBER_CLASS, MEMBER_RULE, MEMBER_PROVIDER, MEMBER_NOTE,
	      MEMBER_ORIGIN, MEMBER_DECISION, MEMBER_COUNT };

static const char *const member_names[] = {
	[MEMBER_ADDRESS] = "address", [MEMBER_STREAM] = "stream", [MEMBER_UNTIL] = "until", [MEMBER_SINCE] = "since",
	[MEMBER_CLASS] = "class", [MEMBER_RULE] = "rule", [MEMBER_PROVIDER] = "provider", [MEMBER_NOTE] = "note",
	[MEMBER_ORIGIN] = "origin", [MEMBER_DECISION] = "decision",
};
static_assert(sizeof(member_names) / sizeof(member_names[0]) == MEMBER_COUNT, "a name for each member");

struct pending {
	uint64_t line;
	struct span members[MEMBER_COUNT];
};

struct importer {
	const struct options *options;
	const struct config *config;
	struct control_line *line; /* opened for the first batch: who types on standard input takes his time */
	struct progress progress;
	bool is_json, is_dry_run;
	const char *path;
	struct arena *arena;  /* of the texts in the chunk */
	struct pending *chunk;
	size_t count;
	json_t *rows; /* of the next batch */
	json_t *sent; /* the request whose answer has not been taken: the daemon works while the next is made */
	size_t bytes;
	uint64_t taken; /* bytes of this file */
	uint64_t stored; /* of those: up to where the chunk begins */
	size_t handled; /* rows of the chunk that the store has answered for */
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

/* What is only read is not done yet: that takes longer. */
static void show_progress(struct importer *importer)
{
	uint64_t done = importer->stored;

	if (importer->handled)
		done += (importer->taken - importer->stored) * importer->handled / importer->count;
	progress_set(&importer->progress, importer->progress.done + done, importer->read);
}

/* Of what was sent last.  False: there is no sense in going on; it has been said. */
static bool take_answer(struct importer *importer)
{
	json_t *end = NULL;

	if (!importer->sent)
		return true;
	importer->status = control_take(importer->line, importer->sent, take_refused, importer, &end);
	importer->added += get_count(end, "added");
	importer->unchanged += get_count(end, "unchanged");
	importer->handled += json_array_size(json_object_get(importer->sent, "rows"));
	show_progress(importer);
	json_decref(end);
	json_decref(importer->sent);
	importer->sent = NULL;
	return importer->status == EXIT_ALL_READ;
}

static bool send_request(struct importer *importer)
{
	json_t *request = json_object();

	json_put_text(request, "do", "suppress-import");
	json_object_set(request, "rows", importer->rows);
	importer->status = importer->line ? EXIT_ALL_READ : control_open(importer->config, CONTROL_STORE, &importer->line);
	if (importer->status == EXIT_ALL_READ)
		importer->status = control_send(importer->line, request);
	if (importer->status == EXIT_ALL_READ)
		importer->sent = json_incref(request);
	json_decref(request);
	return importer->status == EXIT_ALL_READ;
}

static bool send_batch(struct importer *importer)
{
	bool goes_on = true;

	if (importer->is_dry_run)
		importer->added += json_array_size(importer->rows);
	else if (json_array_size(importer->rows))
		goes_on = take_answer(importer) && send_request(importer);
	clear_batch(importer);
	return goes_on;
}

static bool add_to_batch(struct importer *importer, const struct pending *pending)
{
	json_t *json = json_object();

	json_put_number(json, "line", (int64_t)pending->line);
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		json_put(json, member_names[i], pending->members[i]);
		importer->bytes += pending->members[i].len ? pending->members[i].len + 16 : 0;
	}
	json_array_append_new(importer->rows, json);
	return (json_array_size(importer->rows) < BATCH_ROWS && importer->bytes < BATCH_BYTES) || send_batch(importer);
}

static int compare_pending(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;
	int order = span_compare(x->members[MEMBER_ADDRESS], y->members[MEMBER_ADDRESS]);

	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static bool send_chunk(struct importer *importer)
{
	bool goes_on = true;

	qsort(importer->chunk, importer->count, sizeof(*importer->chunk), compare_pending);
	for (size_t i = 0; i < importer->count && goes_on; i++)
		goes_on = add_to_batch(importer, &importer->chunk[i]);
	/* no answer is left while more is read: whoever types takes his time */
	if (goes_on)
		goes_on = send_batch(importer) && take_answer(importer);
	importer->count = importer->handled = 0;
	importer->stored = importer->taken;
	show_progress(importer);
	arena_reset(importer->arena);
	return goes_on;
}

static struct span choose(struct span given, const char *option)
{
	return given.len ? given : span_of(option);
}

static bool add_row(struct importer *importer, const struct import_row *row)
{
	const char *const *values = importer->options->values;
	struct span note = values[OPTION_NOTE] ? span_of(values[OPTION_NOTE]) : row->note;
	const struct pending pending = { row->line, {
		[MEMBER_ADDRESS] = row->address, [MEMBER_STREAM] = choose(row->stream, values[OPTION_STREAM]),
		[MEMBER_UNTIL] = choose(row->until, values[OPTION_UNTIL]), [MEMBER_SINCE] = row->since,
		[MEMBER_CLASS] = choose(row->class_name, values[OPTION_CLASS]), [MEMBER_RULE] = row->rule,
		[MEMBER_PROVIDER] = row->provider, [MEMBER_NOTE] = note, [MEMBER_ORIGIN] = row->origin, [MEMBER_DECISION] = row->decision,
	} };
	struct pending *kept = &importer->chunk[importer->count++];

	kept->line = row->line;
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		kept->members[i] = arena_copy(importer->arena, pending.members[i]);
	return (importer->count < CHUNK_ROWS && arena_get_used(importer->arena) < CHUNK_BYTES) || send_chunk(importer);
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
		return add_row(importer, row);
	return true;
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
		importer->taken = window->taken + window->len - rest.len;
		show_progress(importer);
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
		(void)send_chunk(importer);
	if (error < 0)
		importer->status = command_fail("%s: %s", importer->path, strerror(-error));
	importer->progress.done += window.taken;
	importer->taken = importer->stored = 0;
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
	importer->arena = arena_new(0);
	importer->chunk = calloc(CHUNK_ROWS, sizeof(*importer->chunk));
	for (size_t i = 0; i < options->arg_count && importer->arena && importer->chunk; i++) {
		importer->status = EXIT_ALL_READ;
		import_path(importer, options->args[i], form);
		status = status ? status : importer->status;
	}
	tell_end(importer);
	if (!importer->arena || !importer->chunk)
		status = command_fail("%s", strerror(ENOMEM));
	arena_free(importer->arena);
	free(importer->chunk);
	json_decref(importer->rows);
	json_decref(importer->sent);
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
	importer.config = config;
	status = import_all(&importer, options);
	control_close(importer.line);
	conf_free(config);
	return status;
}
