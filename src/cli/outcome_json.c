/* SPDX-License-Identifier: BSD-2-Clause */
/* The output contract of `kodama classify --format=json`.  One thread. */
#include "cli/outcome_json.h"

#include <stdio.h>

#include "base/timestamp.h"

const char *reply_code_format(unsigned reply, char text[static REPLY_CODE_SIZE])
{
	text[0] = '\0';
	if (reply)
		snprintf(text, REPLY_CODE_SIZE, "%03u", reply % 1000);
	return text;
}

static void put_reply(struct json_line *line, const struct outcome *outcome)
{
	char reply[REPLY_CODE_SIZE], status[STATUS_TEXT_SIZE];

	json_line_put_text(line, "reply", reply_code_format(outcome->reply, reply));
	json_line_put_text(line, "status", status_format(outcome->status, status));
	json_line_put(line, "text", outcome->text);
	json_line_put_text(line, "command", smtp_command_get_name(outcome->command));
}

static void put_outcome(struct json_line *line, const struct outcome *outcome)
{
	char time[TIMESTAMP_SIZE];

	json_line_put(line, "recipient", outcome->recipient);
	json_line_put(line, "original_recipient", outcome->original_recipient);
	json_line_put_known(line, "sender", outcome->sender);
	json_line_put_text(line, "action", action_get_name(outcome->action));
	put_reply(line, outcome);
	json_line_put(line, "remote_mta", outcome->remote_mta);
	json_line_put(line, "reporting_mta", outcome->reporting_mta);
	json_line_put(line, "queue_id", outcome->queue_id);
	json_line_put(line, "envelope_id", outcome->envelope_id);
	json_line_put(line, "message_id", outcome->message_id);
	if (outcome->time_s)
		json_line_put_text(line, "time", timestamp_format(outcome->time_s, time));
	json_line_put_text(line, "source", source_get_name(outcome->source));
	json_line_put_text(line, "kind", kind_get_name(outcome->kind));
}

struct span outcome_format_json(struct json_line *line, const struct place *place, const struct outcome *outcome,
				const struct verdict *verdict, enum language language)
{
	json_line_begin(line);
	json_line_put_text(line, "file", place->file);
	json_line_put_number(line, "index", place->index);
	if (place->line)
		json_line_put_number(line, "line", place->line);
	put_outcome(line, outcome);
	json_line_put_text(line, "class", class_get_name(verdict->class_id));
	json_line_put_text(line, "scope", scope_get_name(verdict->scope));
	json_line_put_text(line, "bounce", bounce_get_name(verdict->bounce));
	json_line_put_text(line, "suppress", effect_get_name(verdict->effect));
	json_line_put_text(line, "basis", basis_get_name(verdict->basis));
	json_line_put_text(line, "rule", verdict->rule);
	json_line_put_text(line, "provider", verdict->provider);
	json_line_put_text(line, "advice", verdict->advice[language]);
	json_line_put_text(line, "proof", proof_get_name(outcome->proof));
	json_line_put_text(line, "confidence", confidence_get_name(verdict->confidence));
	return json_line_end(line);
}
