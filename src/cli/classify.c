/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama classify: messages or responses in, outcomes and verdicts out.  One thread; the input is hostile. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/classifier.h"
#include "cli/command.h"
#include "cli/maillog.h"
#include "cli/outcome_text.h"
#include "cli/progress.h"
#include "cli/reader.h"
#include "cli/response.h"
#include "cli/terminal.h"
#include "cli/walk.h"
#include "evidence/logjoin.h"

struct totals {
	uint64_t read, bounces, outcomes, unreadable;
};

struct run {
	struct classifier classifier;
	struct reader reader;
	struct mail_reader *mail_reader; /* NULL for responses */
	struct maillog log;
	struct logjoin *join;
	struct arena *arena;
	struct json_line line;
	bool is_json;
	enum language language;
	struct totals totals;
	struct progress progress;
	uint64_t bytes_before; /* of the files before this one */
	const char *path;
	uint64_t index;        /* of the last outcome in the file */
	void (*take_file)(struct run *run);
	uint64_t log_unreadable; /* lines of logs that were passed over: no error */
};

/* At most so much of one line's replies is kept at a time. */
enum { LINE_ARENA_MAX = 8 * READER_LINE_SIZE };

static void refuse(struct run *run, const char *path, uint64_t line, const char *why)
{
	run->totals.unreadable++;
	progress_clear(&run->progress);
	fputs("kodama: ", stderr);
	terminal_print_text(stderr, STYLE_PLAIN, path);
	if (line)
		fprintf(stderr, ":%" PRIu64, line);
	fprintf(stderr, ": %s\n", why);
}

static bool is_bounce(const struct outcome *outcome)
{
	return outcome->kind != KIND_AUTOREPLY && (outcome->action == ACTION_FAILED || outcome->action == ACTION_DELAYED);
}

static void write_json(struct run *run, const struct place *place, const struct outcome *outcome, const struct verdict *verdict)
{
	struct span line = outcome_format_json(&run->line, place, outcome, verdict, run->language);

	if (span_is_known(line))
		fwrite(line.ptr, 1, line.len, stdout);
	else
		refuse(run, run->path, place->line, "out of memory");
}

static void write_outcome(struct run *run, const struct outcome *outcome, const struct verdict *verdict)
{
	struct place place = { .file = run->path, .index = ++run->index };

	if (!run->mail_reader)
		place.line = run->reader.line;
	run->totals.outcomes++;
	if (!run->is_json)
		outcome_print(stdout, &place, outcome, verdict, run->language);
	else
		write_json(run, &place, outcome, verdict);
}

static void take_mail(struct run *run, const struct mail *mail)
{
	struct outcomes outcomes = { 0 };
	struct verdict verdict;
	bool has_bounce = false;

	run->totals.read++;
	if (evidence_read(mail, run->classifier.formats, &outcomes) < 0)
		refuse(run, run->path, 0, "a message needs too much memory: read in part");
	for (size_t i = 0; i < outcomes.count; i++) {
		struct outcome *outcome = &outcomes.items[i];
		struct query query;

		outcome->source = SOURCE_FILE;
		query = query_of(outcome);
		classify(run->classifier.ruleset, run->classifier.scratch, &query, &verdict);
		write_outcome(run, outcome, &verdict);
		has_bounce |= is_bounce(outcome);
	}
	run->totals.bounces += has_bounce;
}

static void show_progress(struct run *run)
{
	progress_set(&run->progress, run->bytes_before + run->reader.taken, run->totals.read);
}

static void take_mails(struct run *run)
{
	bool is_log = maillog_looks_like(reader_peek(&run->reader));
	const struct mail *mail;
	int got;

	while ((got = reader_take_mail(&run->reader, run->mail_reader, &mail)) > 0) {
		take_mail(run, mail);
		show_progress(run);
	}
	if (got < 0)
		refuse(run, run->path, 0, strerror(-got));
	else if (is_log && run->index == 0)
		refuse(run, run->path, 0, "looks like a mail log; use --input=maillog");
}

static void take_line(struct run *run, struct span line)
{
	struct response response;
	struct verdict verdict;
	const char *why = "out of memory";

	run->totals.read++;
	arena_reset(run->arena);
	if (response_parse(line, run->arena, &response, &why) < 0) {
		refuse(run, run->path, run->reader.line, why);
		return;
	}
	response_classify(&response, run->classifier.ruleset, run->classifier.scratch, &verdict);
	write_outcome(run, &response.outcome, &verdict);
	run->totals.bounces += is_bounce(&response.outcome);
}

/* Empty lines are passed over. */
static void take_lines(struct run *run)
{
	struct span line;
	int got;

	while ((got = reader_take_line(&run->reader, &line)) > 0) {
		if (line.len)
			take_line(run, line);
		show_progress(run);
	}
	if (got < 0)
		refuse(run, run->path, 0, strerror(-got));
}

/* One recipient of a log's line.  Probes are no mail. */
static void take_delivery(void *data, const struct log_delivery *delivery)
{
	struct run *run = data;
	struct outcome outcome;
	struct verdict verdict;
	struct query query;

	if (delivery->is_probe)
		return;
	arena_reset(run->arena);
	if (log_delivery_get_outcome(delivery, run->arena, &outcome) < 0) {
		refuse(run, run->path, run->reader.line, "out of memory");
		return;
	}
	query = query_of(&outcome);
	classify(run->classifier.ruleset, run->classifier.scratch, &query, &verdict);
	write_outcome(run, &outcome, &verdict);
	run->totals.bounces += is_bounce(&outcome);
}

/* Lines that are no log's are counted; a file that has no other is none. */
static void take_log(struct run *run)
{
	uint64_t lines = run->log.lines, unreadable = run->log.unreadable;
	struct logline line;
	struct span text;
	int got;

	maillog_open(&run->log, maillog_get_reference(run->reader.fd));
	while ((got = reader_take_line(&run->reader, &text)) > 0) {
		int error = maillog_parse(&run->log, text, &line) ? logjoin_take(run->join, &line, take_delivery, run) : 0;
		maillog_end(&run->log, &line);
		if (error < 0)
			refuse(run, run->path, run->reader.line, strerror(-error));
		run->totals.read = run->log.lines;
		show_progress(run);
	}
	if (got < 0)
		refuse(run, run->path, 0, strerror(-got));
	lines = run->log.lines - lines;
	unreadable = run->log.unreadable - unreadable;
	if (lines && lines == unreadable)
		refuse(run, run->path, 0, "no line of it is a mail log's");
	run->log_unreadable += unreadable;
}

static void take_file(void *data, int folder, const char *name, const char *path)
{
	struct run *run = data;
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	run->path = path;
	run->index = 0;
	if (fd < 0) {
		refuse(run, path, 0, strerror(errno));
		return;
	}
	reader_open(&run->reader, fd);
	run->take_file(run);
	run->bytes_before += run->reader.taken;
	if (fd != STDIN_FILENO)
		close(fd);
}

static void refuse_path(void *data, const char *path, const char *why)
{
	refuse(data, path, 0, why);
}

static void add_size(void *data, int folder, const char *name, const char *path)
{
	struct stat info;
	uint64_t *total = data;

	(void)path;
	if (fstatat(folder, name, &info, 0) == 0 && S_ISREG(info.st_mode))
		*total += (uint64_t)info.st_size;
}

/* How much there is to read; only asked for when somebody looks at the bar. */
static uint64_t measure(char *const *paths, size_t count)
{
	uint64_t total = 0;
	const struct walk_visitor visitor = { .visit = add_size, .data = &total };

	for (size_t i = 0; i < count; i++)
		walk_path(paths[i], &visitor);
	return total;
}

static void take_paths(struct run *run, char *const *paths, size_t count)
{
	const struct walk_visitor visitor = { .visit = take_file, .refuse = refuse_path, .data = run };

	progress_begin(&run->progress);
	if (run->progress.is_shown)
		run->progress.total = measure(paths, count);
	for (size_t i = 0; i < count; i++)
		walk_path(paths[i], &visitor);
	progress_clear(&run->progress);
}

static int run_begin(struct run *run, const struct options *options)
{
	struct complaint complaint;
	bool is_log = options_is(options, OPTION_INPUT, "maillog");
	bool is_mail = !is_log && !options_is(options, OPTION_INPUT, "response");
	const struct logjoin_options join = { .key = maillog_make_key() };

	json_line_init(&run->line);
	run->is_json = options_is(options, OPTION_FORMAT, "json");
	run->language = command_get_language(options);
	run->take_file = is_mail ? take_mails : is_log ? take_log : take_lines;
	if (is_log && !(run->join = logjoin_new(&join)))
		return command_fail("out of memory");
	if (classifier_load(command_get_etc(options), &run->classifier, &complaint) < 0)
		return command_fail_complaint(&complaint);
	run->arena = arena_new(LINE_ARENA_MAX);
	run->mail_reader = is_mail ? mail_reader_new(NULL) : NULL;
	if (!run->arena || (is_mail && !run->mail_reader) ||
	    reader_init(&run->reader, is_mail ? READER_MAIL_SIZE : READER_LINE_SIZE) < 0)
		return command_fail("out of memory");
	return EXIT_ALL_READ;
}

static void run_end(struct run *run)
{
	json_line_done(&run->line);
	logjoin_free(run->join);
	reader_done(&run->reader);
	mail_reader_free(run->mail_reader);
	arena_free(run->arena);
	classifier_done(&run->classifier);
}

static int run_classify(const struct command *command, const struct options *options)
{
	static char *const standard_input[] = { "-" };
	struct run run = { 0 };

	if (options->arg_count == 0 && isatty(STDIN_FILENO))
		return command_refuse(command, "name a PATH, or - for standard input");
	int status = run_begin(&run, options);
	if (status == EXIT_ALL_READ) {
		take_paths(&run, options->arg_count ? options->args : standard_input,
			   options->arg_count ? options->arg_count : 1);
		fflush(stdout);
		fprintf(stderr,
			"kodama: %" PRIu64 " read, %" PRIu64 " bounces, %" PRIu64 " outcomes, %" PRIu64 " unreadable\n",
			run.totals.read, run.totals.bounces, run.totals.outcomes,
			run.totals.unreadable + run.log_unreadable);
		status = run.totals.unreadable ? EXIT_SOME_FAILED : EXIT_ALL_READ;
	}
	run_end(&run);
	return status;
}

const struct command command_classify = {
	.name = "classify",
	.synopsis = "[--input=mail|response|maillog] [--format=text|json] [--lang=en|ja] [PATH...|-]",
	.summary = "say why each recipient failed, from messages, responses or a mail log",
	.help = "Each PATH is a message, an mbox, a Maildir or a folder, which is walked; - is standard input.\n"
		"With --input=response each line is one response: its bare text, or four to six fields\n"
		"with TABs between them, any of which may be empty:\n\n"
		"  provider  reply  status  text  [recipient  [remote host]]\n\n"
		"With --input=maillog they are logs of Postfix or Sendmail, in order: one outcome for each recipient of\n"
		"each attempt. Lines that are none of theirs are counted and passed over.\n"
		"Mail that is no bounce, feedback report or automatic reply prints nothing. A summary goes to\n"
		"standard error. Exit 0: all was read; 1: some input could not be read; 2: wrong usage.\n",
	.options = OPTION_BIT(OPTION_INPUT) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_LANG) | OPTION_BIT(OPTION_ETC),
	.run = run_classify,
};
