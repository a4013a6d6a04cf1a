/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama rules: proving, listing and trying the rule set.  One thread; the file of `test` is the operator's. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "classify/check.h"
#include "cli/classifier.h"
#include "cli/json.h"
#include "cli/reader.h"
#include "cli/response.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "evidence/formats.h"

static int load(const struct options *options, struct classifier *ret_classifier)
{
	struct complaint complaint;

	if (classifier_load(command_get_etc(options), ret_classifier, &complaint) < 0)
		return command_fail_complaint(&complaint);
	return EXIT_ALL_READ;
}

struct check {
	unsigned counts[FINDING_ERROR + 1];
};

static const struct {
	const char *name;
	enum style style;
} levels[] = {
	[FINDING_NOTE] = { "note", STYLE_DIM },
	[FINDING_WARNING] = { "warning", STYLE_YELLOW },
	[FINDING_ERROR] = { "error", STYLE_RED },
};

static void print_finding(void *data, const struct finding *finding)
{
	struct check *check = data;

	check->counts[finding->level]++;
	if (finding->path && finding->path[0])
		printf("%s:%u: ", finding->path, finding->line);
	terminal_print_text(stdout, levels[finding->level].style, levels[finding->level].name);
	printf(": %s: ", finding->rule ? finding->rule : "");
	terminal_print_text(stdout, STYLE_PLAIN, finding->text);
	putchar('\n');
}

/* The forms of bounces prove themselves by their samples, as the rules do; one complaint is enough. */
static int check_forms(const struct formats *formats)
{
	struct complaint complaint = { 0 };

	if (!formats)
		return 0;
	int error = formats_check(formats, &complaint);
	if (error)
		printf("%s: error: %s\n", complaint.path, complaint.text);
	printf("%zu forms of bounces: %s\n", formats_get_count(formats), error ? "not proved" : "proved");
	return error;
}

static int check_rules(const struct command *command, const struct options *options)
{
	struct classifier classifier;
	struct check check = { 0 };
	int status = load(options, &classifier);

	(void)command;
	if (status != EXIT_ALL_READ)
		return status;
	int errors = ruleset_check(classifier.ruleset, print_finding, &check);
	printf("%zu rules: %u errors, %u warnings, %u notes\n", ruleset_get_count(classifier.ruleset),
	       check.counts[FINDING_ERROR], check.counts[FINDING_WARNING], check.counts[FINDING_NOTE]);
	errors += check_forms(classifier.formats) < 0;
	classifier_done(&classifier);
	return errors ? EXIT_SOME_FAILED : EXIT_ALL_READ;
}

static void list_json(void *data, const struct rule_info *info)
{
	json_t *object = json_object();

	(void)data;
	json_put_text(object, "rule", info->id);
	json_put_text(object, "class", class_get_name(info->class_id));
	json_put_text(object, "suppress", effect_get_name(info->effect));
	json_put_text(object, "basis", basis_get_name(info->basis));
	json_put_text(object, "provider", info->provider);
	json_put_text(object, "pattern", info->pattern);
	json_put_text(object, "file", info->path);
	if (info->line)
		json_put_number(object, "line", info->line);
	(void)json_write(stdout, object);
}

static void list_text(void *data, const struct rule_info *info)
{
	(void)data;
	terminal_print_text(stdout, STYLE_BOLD, info->id);
	printf("%*s %-22s %-6s %-7s ", info->id && strlen(info->id) < 36 ? (int)(36 - strlen(info->id)) : 0, "",
	       class_get_name(info->class_id), effect_get_name(info->effect), basis_get_name(info->basis));
	terminal_print_text(stdout, STYLE_DIM, info->pattern);
	putchar('\n');
}

static int list_rules(const struct command *command, const struct options *options)
{
	struct classifier classifier;
	int status = load(options, &classifier);

	(void)command;
	if (status != EXIT_ALL_READ)
		return status;
	ruleset_list(classifier.ruleset, options_is(options, OPTION_FORMAT, "json") ? list_json : list_text, NULL);
	classifier_done(&classifier);
	return EXIT_ALL_READ;
}

/* "user-unknown", "user-unknown/now", or a rule's id. */
static bool is_expected(struct span wanted, const struct verdict *verdict)
{
	struct span rest = wanted;
	struct span class_name = span_take(&rest, '/');

	if (span_is_equal(wanted, span_of(verdict->rule)))
		return true;
	return span_is_equal(class_name, span_of(class_get_name(verdict->class_id))) &&
	       (!span_is_known(rest) || span_is_equal(rest, span_of(effect_get_name(verdict->effect))));
}

struct trial {
	struct classifier classifier;
	struct reader reader;
	struct arena *arena;
	const char *path;
	uint64_t right, wrong;
};

static void refuse_line(struct trial *trial, const char *why)
{
	trial->wrong++;
	fprintf(stderr, "kodama: %s:%" PRIu64 ": %s\n", trial->path, trial->reader.line, why);
}

static void try_line(struct trial *trial, struct span line)
{
	struct span wanted = span_take(&line, '\t');
	struct response response;
	struct verdict verdict;
	const char *why = "out of memory";

	arena_reset(trial->arena);
	if (!span_is_known(line)) {
		refuse_line(trial, "what is wanted, a TAB, and a response are wanted");
	} else if (response_parse(line, trial->arena, &response, &why) < 0) {
		refuse_line(trial, why);
	} else {
		response_classify(&response, trial->classifier.ruleset, trial->classifier.scratch, &verdict);
		if (is_expected(wanted, &verdict)) {
			trial->right++;
			return;
		}
		trial->wrong++;
		printf("%s:%" PRIu64 ": wanted %.*s, is %s/%s by %s\n", trial->path, trial->reader.line, SPAN_ARG(wanted),
		       class_get_name(verdict.class_id), effect_get_name(verdict.effect), verdict.rule[0] ? verdict.rule : "no rule");
	}
}

static int try_lines(struct trial *trial, int fd)
{
	struct span line;
	int got;

	reader_open(&trial->reader, fd);
	while ((got = reader_take_line(&trial->reader, &line)) > 0)
		if (line.len && line.ptr[0] != '#')
			try_line(trial, line);
	if (got < 0)
		return command_fail("%s: %s", trial->path, strerror(-got));
	printf("%" PRIu64 " right, %" PRIu64 " wrong\n", trial->right, trial->wrong);
	return trial->wrong ? EXIT_SOME_FAILED : EXIT_ALL_READ;
}

static int test_rules(const struct command *command, const struct options *options)
{
	struct trial trial = { .path = options->args[0] };
	int fd = strcmp(trial.path, "-") == 0 ? STDIN_FILENO : open(trial.path, O_RDONLY | O_CLOEXEC);
	int status;

	(void)command;
	if (fd < 0)
		return command_fail("%s: %s", trial.path, strerror(errno));
	status = load(options, &trial.classifier);
	if (status == EXIT_ALL_READ) {
		trial.arena = arena_new(8 * READER_LINE_SIZE);
		bool is_ready = trial.arena && reader_init(&trial.reader, READER_LINE_SIZE) == 0;
		status = is_ready ? try_lines(&trial, fd) : command_fail("out of memory");
		reader_done(&trial.reader);
		arena_free(trial.arena);
		classifier_done(&trial.classifier);
	}
	if (fd != STDIN_FILENO)
		close(fd);
	return status;
}

static const struct verb verbs[] = {
	{ "check", 0, 0, "no argument", check_rules, OPTION_BIT(OPTION_FORMAT) },
	{ "list", 0, 0, "no argument", list_rules, 0 },
	{ "test", 1, 1, "one FILE", test_rules, OPTION_BIT(OPTION_FORMAT) },
};

static int run_rules(const struct command *command, const struct options *options)
{
	return verbs_run(verbs, sizeof(verbs) / sizeof(verbs[0]), command, options);
}

const struct command command_rules = {
	.name = "rules",
	.synopsis = "check | list | test FILE",
	.summary = "prove, list or try the rules",
	.help = "check      runs the samples of every rule through the whole set, and names rules that tie, are shadowed\n"
		"           or cannot be found fast; exit 1 when a sample ends at another rule than its own\n"
		"list       the rules in force\n"
		"test FILE  one response a line, as for classify --input=response, with what must come out before it and\n"
		"           a TAB between: a class (user-unknown), a class and its effect (user-unknown/now) or a rule's id;\n"
		"           exit 1 when something else comes out\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_FORMAT),
	.run = run_rules,
};
