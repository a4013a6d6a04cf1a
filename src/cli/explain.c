/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama explain: the whole story of one classification.  One thread. */
#include "classify/explain.h"

#include <errno.h>

#include "base/buffer.h"
#include "cli/classifier.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/outcome_text.h"
#include "cli/response.h"
#include "cli/terminal.h"

enum { ARENA_MAX = 16 * 1024 * 1024, ROW_MAX = 16 * 1024, CANDIDATE_ID_COLUMNS = 32 };

/* What was asked, as the line of a response would have it. */
static int make_query(const struct command *command, const struct options *options, struct query *ret_query)
{
	const char *given[] = { options->values[OPTION_REPLY], options->values[OPTION_STATUS] };
	struct outcome outcome = {
		.recipient = span_of(options->values[OPTION_RCPT]),
		.remote_mta = span_of(options->values[OPTION_REMOTE]),
		.kind = KIND_RESPONSE,
		.text = span_of(options->args[0]),
	};
	uint64_t reply;

	if (given[0] && (span_parse_unsigned(span_of(given[0]), 599, &reply) < 0 || reply < 200))
		return command_refuse(command, "--reply=%s is no SMTP reply code", given[0]);
	if (given[0])
		outcome.reply = (uint16_t)reply;
	if (given[1] && status_parse(span_of(given[1]), &outcome.status) < 0)
		return command_refuse(command, "--status=%s is no enhanced status code", given[1]);
	outcome.command = smtp_command_find(span_of(options->values[OPTION_COMMAND]));
	if (options->values[OPTION_COMMAND] && outcome.command == COMMAND_UNKNOWN)
		return command_refuse(command, "--command=%s is no SMTP command", options->values[OPTION_COMMAND]);
	*ret_query = query_of(&outcome);
	ret_query->provider = span_of(options->values[OPTION_PROVIDER]);
	return EXIT_ALL_READ;
}

static json_t *make_candidate_json(const struct candidate *candidate)
{
	json_t *object = json_object();

	json_put_text(object, "rule", candidate->rule);
	json_put_text(object, "class", class_get_name(candidate->class_id));
	json_put_text(object, "scope", scope_get_name(candidate->scope));
	json_put_text(object, "suppress", effect_get_name(candidate->effect));
	json_put_text(object, "basis", basis_get_name(candidate->basis));
	json_put_bool(object, "provider_bound", candidate->is_provider_bound);
	if (candidate->to > candidate->from) {
		json_put_number(object, "from", (int64_t)candidate->from);
		json_put_number(object, "to", (int64_t)candidate->to);
	}
	json_put_text(object, "lost", candidate->lost);
	return object;
}

static json_t *make_json(const struct explanation *story, enum language language)
{
	const struct verdict *verdict = &story->verdict;
	json_t *object = json_object();
	json_t *candidates = json_array();
	char reply[REPLY_CODE_SIZE], status[STATUS_TEXT_SIZE];

	json_put_text(object, "reply", reply_code_format(story->reply.code, reply));
	json_put_text(object, "status", status_format(story->reply.status, status));
	json_put(object, "text", story->reply.text);
	json_put_text(object, "command", smtp_command_get_name(story->reply.command));
	json_put(object, "remote_mta", story->reply.remote_mta);
	json_put(object, "folded", story->folded);
	json_put_text(object, "class", class_get_name(verdict->class_id));
	json_put_text(object, "scope", scope_get_name(verdict->scope));
	json_put_text(object, "bounce", bounce_get_name(verdict->bounce));
	json_put_text(object, "suppress", effect_get_name(verdict->effect));
	json_put_text(object, "basis", basis_get_name(verdict->basis));
	json_put_text(object, "rule", verdict->rule);
	json_put_text(object, "provider", verdict->provider);
	json_put_text(object, "provider_source", story->provider_source);
	json_put_text(object, "status_as", verdict->status_as);
	json_put_text(object, "safety", story->safety);
	json_put_text(object, "advice", verdict->advice[language]);
	json_put_text(object, "confidence", confidence_get_name(verdict->confidence));
	for (size_t i = 0; i < story->candidate_count; i++)
		json_array_append_new(candidates, make_candidate_json(&story->candidates[i]));
	json_object_set_new_nocheck(object, "candidates", candidates);
	return object;
}

static void print_candidate(const struct explanation *story, const struct candidate *candidate)
{
	struct span matched = span_slice(story->folded, candidate->from, candidate->to);
	bool has_won = candidate->lost[0] == '\0';

	printf("  %s ", has_won ? "*" : " ");
	terminal_print_text(stdout, has_won ? STYLE_BOLD : STYLE_PLAIN, candidate->rule);
	printf("%*s %-6s  %s, %s%s", (int)(CANDIDATE_ID_COLUMNS > strlen(candidate->rule) ? CANDIDATE_ID_COLUMNS - strlen(candidate->rule) : 0),
	       "", basis_get_name(candidate->basis), class_get_name(candidate->class_id), effect_get_name(candidate->effect),
	       candidate->is_provider_bound ? ", of the provider" : "");
	if (matched.len) {
		fputs("\n      \"", stdout);
		terminal_print(stdout, STYLE_DIM, matched);
		fputc('"', stdout);
	}
	if (!has_won) {
		fputs("\n      lost: ", stdout);
		terminal_print_text(stdout, STYLE_PLAIN, candidate->lost);
	}
	fputc('\n', stdout);
}

static void print_reply(const struct explanation *story)
{
	char status[STATUS_TEXT_SIZE], reply[REPLY_CODE_SIZE];

	puts("Reply");
	terminal_print_row(stdout, "code", span_of(reply_code_format(story->reply.code, reply)));
	terminal_print_row(stdout, "status", span_of(status_format(story->reply.status, status)));
	terminal_print_row(stdout, "text", story->reply.text);
	terminal_print_row(stdout, "command", span_of(smtp_command_get_name(story->reply.command)));
	terminal_print_row(stdout, "host", story->reply.remote_mta);
	terminal_print_row(stdout, "matched", story->folded);
}

static void print_story(const struct explanation *story, enum language language)
{
	const struct verdict *verdict = &story->verdict;

	print_reply(story);
	puts("\nRules that matched, strongest first");
	for (size_t i = 0; i < story->candidate_count; i++)
		print_candidate(story, &story->candidates[i]);
	if (!story->candidate_count)
		puts("    none");
	fputs("\nVerdict  ", stdout);
	verdict_print(stdout, verdict);
	fputc('\n', stdout);
	terminal_print_row(stdout, "about", span_of(scope_get_name(verdict->scope)));
	terminal_print_row(stdout, "basis", span_of(basis_get_name(verdict->basis)));
	terminal_print_row(stdout, "rule", span_of(verdict->rule));
	terminal_print_row(stdout, "provider", span_of(verdict->provider));
	terminal_print_row(stdout, "known by", span_of(story->provider_source));
	terminal_print_row(stdout, "safety", span_of(story->safety));
	terminal_print_row(stdout, "advice", span_of(verdict->advice[language]));
}

static int tell(const struct options *options, const struct classifier *classifier, const struct query *query, struct arena *arena)
{
	enum language language = command_get_language(options);
	struct explanation story;

	if (explain(classifier->ruleset, classifier->scratch, query, arena, &story) < 0)
		return command_fail("out of memory");
	if (options_is(options, OPTION_FORMAT, "json"))
		return json_write(stdout, make_json(&story, language)) < 0 ? command_fail("out of memory") : EXIT_ALL_READ;
	print_story(&story, language);
	return EXIT_ALL_READ;
}

static int run_explain(const struct command *command, const struct options *options)
{
	struct classifier classifier;
	struct complaint complaint;
	struct query query;

	if (options->arg_count != 1)
		return command_refuse(command, "one TEXT is wanted, in quotes");
	int status = make_query(command, options, &query);
	if (status != EXIT_ALL_READ)
		return status;
	if (classifier_load(command_get_etc(options), &classifier, &complaint) < 0)
		return command_fail_complaint(&complaint);
	struct arena *arena = arena_new(ARENA_MAX);
	status = arena ? tell(options, &classifier, &query, arena) : command_fail("out of memory");
	arena_free(arena);
	classifier_done(&classifier);
	return status;
}

const struct command command_explain = {
	.name = "explain",
	.synopsis = "[OPTION...] TEXT",
	.summary = "show which rules match a text, which one wins and why",
	.help = "TEXT is what the remote server said, with or without the frame that an MTA puts around it. The options tell\n"
		"what is known beside it, and go before what the text says.\n",
	.options = OPTION_BIT(OPTION_PROVIDER) | OPTION_BIT(OPTION_REPLY) | OPTION_BIT(OPTION_STATUS) | OPTION_BIT(OPTION_COMMAND) |
		   OPTION_BIT(OPTION_RCPT) | OPTION_BIT(OPTION_REMOTE) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_LANG) |
		   OPTION_BIT(OPTION_ETC),
	.run = run_explain,
};
