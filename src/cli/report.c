/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama report: what became of the mail, from logs alone.  The logs are hostile. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cli/classifier.h"
#include "cli/command.h"
#include "cli/report_log.h"
#include "cli/report_store.h"
#include "cli/terminal.h"

enum { TOP_DEFAULT = 10, THREADS_DEFAULT_MAX = 4 };

struct request {
	int64_t since_s;
	size_t top;
	unsigned threads;
	bool is_json;
	enum language language;
};

/* A time, or so long ago. */
static int parse_since(const char *text, int64_t *ret_since_s)
{
	int64_t ago_s;

	if (timestamp_parse(span_of(text), ret_since_s) == 0)
		return 0;
	if (duration_parse(span_of(text), &ago_s) < 0 || ago_s == INT64_MAX)
		return -EINVAL;
	*ret_since_s = (int64_t)time(NULL) - ago_s;
	return 0;
}

static unsigned get_default_threads(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 1 ? 1 : processors > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX : (unsigned)processors;
}

static int parse_number(const struct options *options, enum option_id id, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *text = options->values[id];

	if (!text)
		return 0;
	return span_parse_unsigned(span_of(text), max, number) < 0 || *number < min ? -EINVAL : 0;
}

static int parse_request(const struct command *command, const struct options *options, struct request *ret_request)
{
	struct request request = { .since_s = INT64_MIN, .is_json = options_is(options, OPTION_FORMAT, "json"),
				   .language = command_get_language(options) };
	uint64_t top = TOP_DEFAULT, threads = get_default_threads();

	if (options->values[OPTION_SINCE] && parse_since(options->values[OPTION_SINCE], &request.since_s) < 0)
		return command_refuse(command, "--since is a date, a time or a duration (7d), not '%s'", options->values[OPTION_SINCE]);
	if (parse_number(options, OPTION_TOP, 0, UINT32_MAX, &top) < 0)
		return command_refuse(command, "--top is a number, not '%s'", options->values[OPTION_TOP]);
	if (parse_number(options, OPTION_THREADS, 1, SCAN_THREADS_MAX, &threads) < 0)
		return command_refuse(command, "--threads is a number from 1 to %d, not '%s'", SCAN_THREADS_MAX,
				      options->values[OPTION_THREADS]);
	request.top = (size_t)top;
	request.threads = (unsigned)threads;
	*ret_request = request;
	return EXIT_ALL_READ;
}

/* --- logs */

static int refuse_path(struct progress *progress, const char *path, const char *why)
{
	progress_clear(progress);
	fputs("kodama: ", stderr);
	terminal_print_text(stderr, STYLE_PLAIN, path);
	fprintf(stderr, ": %s\n", why);
	return EXIT_SOME_FAILED;
}

/* What loading needs, and what is wrong with the rules. */
struct rules {
	const char *etc;
	struct complaint complaint;
};

static int load_rules(void *data, struct ruleset **ret_ruleset)
{
	struct rules *rules = data;

	return classifier_load_rules(rules->etc, true, ret_ruleset, &rules->complaint);
}

static int take_path(struct scan *scan, const char *path)
{
	bool is_pipe = strcmp(path, "-") == 0, is_log;
	int fd = is_pipe ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int error;

	if (fd < 0)
		return refuse_path(scan->progress, path, strerror(errno));
	error = scan_take(scan, fd, &is_log);
	if (!is_pipe)
		close(fd);
	if (scan->load_error)
		return EXIT_SOME_FAILED;
	if (error < 0)
		return refuse_path(scan->progress, path, strerror(-error));
	return is_log ? EXIT_ALL_READ : refuse_path(scan->progress, path, "no line of it is a mail log's");
}

static uint64_t measure(char *const *paths, size_t count)
{
	struct stat info;
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		if (stat(paths[i], &info) < 0 || !S_ISREG(info.st_mode))
			return 0; /* nobody knows how long a pipe is */
		total += (uint64_t)info.st_size;
	}
	return total;
}

static int write_report(const struct report *report, const struct request *request)
{
	if (!request->is_json)
		report_print(stdout, report, request->language);
	else if (report_write_json(stdout, report, request->language) < 0)
		return command_fail("out of memory");
	return EXIT_ALL_READ;
}

static int write_scan(const struct scan *scan, const struct request *request)
{
	struct arena *arena = arena_new(0);
	struct report report;
	int error = arena ? report_from_scan(scan, request->top, arena, &report) : -ENOMEM;
	int status = error ? command_fail("out of memory") : write_report(&report, request);

	arena_free(arena);
	return status;
}

static int report_logs(const struct request *request, struct rules *rules, char *const *paths, size_t count)
{
	struct progress progress;
	struct scan scan;
	int status = EXIT_ALL_READ;

	progress_begin(&progress);
	progress.is_shown |= isatty(STDERR_FILENO) != 0; /* nothing is written to standard output before the end */
	if (progress.is_shown)
		progress.total = measure(paths, count);
	if (scan_init(&scan, load_rules, rules, request->since_s, request->threads, &progress) < 0)
		return command_fail("out of memory");
	for (size_t i = 0; i < count && !scan.load_error; i++) {
		int one = take_path(&scan, paths[i]);
		status = status ? status : one;
	}
	progress_clear(&progress);
	int written = scan_finish(&scan) < 0 ? command_fail_complaint(&rules->complaint) : write_scan(&scan, request);
	if (scan.load_error)
		status = written;
	else if (ruleset_find_broken(scan.ruleset, &rules->complaint))
		status = command_fail_complaint(&rules->complaint);
	scan_done(&scan);
	return status ? status : written;
}

/* --- the store */

static bool is_empty(const struct report *report)
{
	return !report->day_count && !report->address_count;
}

static void print_nothing(const struct report *report)
{
	char first[TIMESTAMP_SIZE];

	printf("Nothing was counted since %s.\n", timestamp_format(report->first_s, first));
	fputs("kodamad counts what its fronts see: is it running (kodama status), and does it follow the MTA's log (maillog in kodama.conf)?\n"
	      "A longer --since goes further back; a log alone is read by: kodama report --input=maillog PATH\n", stdout);
}

static int report_store(const struct options *options, const struct request *request)
{
	struct arena *arena = arena_new(0);
	struct report report;
	int status = arena ? report_from_store(options, options->values[OPTION_SINCE], request->top, arena, &report) : command_fail("out of memory");

	if (status == EXIT_ALL_READ && !request->is_json && is_empty(&report))
		print_nothing(&report);
	else if (status == EXIT_ALL_READ)
		status = write_report(&report, request);
	arena_free(arena);
	return status;
}

static int run_report(const struct command *command, const struct options *options)
{
	static char *const standard_input[] = { "-" };
	struct rules rules = { .etc = command_get_etc(options) };
	struct request request = { 0 };
	int status = parse_request(command, options, &request);

	if (status != EXIT_ALL_READ)
		return status;
	if (!options->values[OPTION_INPUT] && options->arg_count == 0)
		return report_store(options, &request);
	if (!options->values[OPTION_INPUT] || !options_is(options, OPTION_INPUT, "maillog"))
		return command_refuse(command, "name logs: --input=maillog PATH...");
	if (options->arg_count == 0 && isatty(STDIN_FILENO))
		return command_refuse(command, "name a log, or - for standard input");
	return report_logs(&request, &rules, options->arg_count ? options->args : standard_input, options->arg_count ? options->arg_count : 1);
}

const struct command command_report = {
	.name = "report",
	.synopsis = "[--since=TIME] [--top=N] [--format=text|json] [--lang=en|ja]\n"
		    "       kodama report --input=maillog [--since=TIME] [--top=N] [--format=text|json] [--lang=en|ja] [PATH...|-]",
	.summary = "what became of your mail, from the store, or from a mail log alone",
	.help = "Without --input: what the daemon counted since --since (7d), by class, provider and day, and what was\n"
		"suppressed last. Asks the running daemon, else its store.\n\n"
		"With --input=maillog: each PATH is a log of Postfix or Sendmail, in the order in which they were written; - is standard input,\n"
		"for compressed ones: zcat mail.log.2.gz | kodama report --input=maillog - mail.log.1 mail.log\n\n"
		"Deliveries, failures by class, provider and day, what was said most and what to do about it, domains\n"
		"that defer, and addresses to suppress. Needs no daemon, no store and no configuration.\n"
		"Lines that are none of the MTA's are passed over. Exit 0: all was read; 1: some file could not be\n"
		"read or is no log; 2: wrong usage.\n",
	.options = OPTION_BIT(OPTION_INPUT) | OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_TOP) | OPTION_BIT(OPTION_FORMAT) |
		   OPTION_BIT(OPTION_LANG) | OPTION_BIT(OPTION_THREADS) | OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG),
	.run = run_report,
};
