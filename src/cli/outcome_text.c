/* SPDX-License-Identifier: BSD-2-Clause */
/* Outcomes for people.  One thread; the texts are hostile. */
#include "cli/outcome_text.h"

#include "base/buffer.h"
#include "base/timestamp.h"
#include "cli/terminal.h"

enum { ROW_MAX = 16 * 1024 };

static enum style get_style(const struct verdict *verdict)
{
	if (verdict->bounce == BOUNCE_HARD)
		return STYLE_RED;
	return verdict->bounce == BOUNCE_SOFT ? STYLE_YELLOW : STYLE_GREEN;
}

void verdict_print(FILE *out, const struct verdict *verdict)
{
	terminal_print_text(out, get_style(verdict), class_get_name(verdict->class_id));
	if (verdict->bounce != BOUNCE_NONE)
		fprintf(out, ", %s bounce", bounce_get_name(verdict->bounce));
	fprintf(out, ", suppress: %s", effect_get_name(verdict->effect));
}

/* A message's outcomes stand under its file. */
static void print_place(FILE *out, const struct place *place)
{
	if (!place->line && place->index > 1)
		return;
	terminal_print_text(out, STYLE_DIM, place->file);
	if (place->line)
		fprintf(out, ":%llu", (unsigned long long)place->line);
	fputc('\n', out);
}

static void add_words(struct buffer *row, const char *before, struct span words)
{
	if (!words.len)
		return;
	buffer_add(row, span_of(row->len ? before : ""));
	buffer_add(row, words);
}

static void print_said(FILE *out, const struct outcome *outcome)
{
	struct buffer row;
	char reply[REPLY_CODE_SIZE], status[STATUS_TEXT_SIZE];

	buffer_init(&row, ROW_MAX);
	add_words(&row, "", span_of(reply_code_format(outcome->reply, reply)));
	add_words(&row, " ", span_of(status_format(outcome->status, status)));
	add_words(&row, " ", outcome->text);
	terminal_print_row(out, "said", buffer_get(&row));
	buffer_clear(&row);
	add_words(&row, "", outcome->remote_mta);
	add_words(&row, ", to ", span_of(smtp_command_get_name(outcome->command)));
	terminal_print_row(out, "by", buffer_get(&row));
	buffer_done(&row);
}

static void print_rule(FILE *out, const struct verdict *verdict)
{
	struct buffer row;

	buffer_init(&row, ROW_MAX);
	add_words(&row, "", span_of(verdict->rule));
	if (row.len)
		buffer_printf(&row, " (%s%s%s)", basis_get_name(verdict->basis), verdict->provider[0] ? ", " : "",
			      verdict->provider);
	terminal_print_row(out, "rule", buffer_get(&row));
	buffer_done(&row);
}

static void print_original(FILE *out, const struct outcome *outcome)
{
	struct buffer row;
	char time[TIMESTAMP_SIZE];

	buffer_init(&row, ROW_MAX);
	add_words(&row, "", outcome->message_id);
	add_words(&row, ", queue id ", outcome->queue_id);
	add_words(&row, ", from ", outcome->sender);
	terminal_print_row(out, "message", buffer_get(&row));
	buffer_done(&row);
	if (outcome->time_s)
		terminal_print_row(out, "time", span_of(timestamp_format(outcome->time_s, time)));
}

void outcome_print(FILE *out, const struct place *place, const struct outcome *outcome, const struct verdict *verdict,
		   enum language language)
{
	struct span recipient = outcome->recipient.len ? outcome->recipient : SPAN_LIT("(no recipient)");
	const char *action = action_get_name(outcome->action);

	print_place(out, place);
	fputs("  ", out);
	terminal_print(out, STYLE_BOLD, recipient);
	fprintf(out, "  %s%s", action, action[0] ? ": " : "");
	verdict_print(out, verdict);
	fputc('\n', out);
	print_said(out, outcome);
	print_rule(out, verdict);
	print_original(out, outcome);
	terminal_print_row(out, "advice", span_of(verdict->advice[language]));
}
