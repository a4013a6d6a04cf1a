/* SPDX-License-Identifier: BSD-2-Clause */
/* The output contract of `kodama classify --format=json`.  One thread. */
#include "cli/outcome_json.h"

#include <stdio.h>

void json_put_status(json_t *object, const char *key, struct status status)
{
	char text[STATUS_TEXT_SIZE];

	json_put_text(object, key, status_format(status, text));
}

void json_put_reply(json_t *object, const char *key, unsigned reply)
{
	char text[12];

	if (!reply)
		return;
	snprintf(text, sizeof(text), "%03u", reply);
	json_put_text(object, key, text);
}

static void put_outcome(json_t *object, const struct outcome *outcome)
{
	json_put(object, "recipient", outcome->recipient);
	json_put(object, "original_recipient", outcome->original_recipient);
	json_put_known(object, "sender", outcome->sender);
	json_put_text(object, "action", action_get_name(outcome->action));
	json_put_reply(object, "reply", outcome->reply);
	json_put_status(object, "status", outcome->status);
	json_put(object, "text", outcome->text);
	json_put_text(object, "command", smtp_command_get_name(outcome->command));
	json_put(object, "remote_mta", outcome->remote_mta);
	json_put(object, "reporting_mta", outcome->reporting_mta);
	json_put(object, "queue_id", outcome->queue_id);
	json_put(object, "envelope_id", outcome->envelope_id);
	json_put(object, "message_id", outcome->message_id);
	json_put_time(object, "time", outcome->time_s);
	json_put_text(object, "source", source_get_name(outcome->source));
	json_put_text(object, "kind", kind_get_name(outcome->kind));
}

json_t *outcome_make_json(const struct place *place, const struct outcome *outcome, const struct verdict *verdict,
			  enum language language)
{
	json_t *object = json_object();

	json_put_text(object, "file", place->file);
	json_put_number(object, "index", (int64_t)place->index);
	if (place->line)
		json_put_number(object, "line", (int64_t)place->line);
	put_outcome(object, outcome);
	json_put_text(object, "class", class_get_name(verdict->class_id));
	json_put_text(object, "scope", scope_get_name(verdict->scope));
	json_put_text(object, "bounce", bounce_get_name(verdict->bounce));
	json_put_text(object, "suppress", effect_get_name(verdict->effect));
	json_put_text(object, "basis", basis_get_name(verdict->basis));
	json_put_text(object, "rule", verdict->rule);
	json_put_text(object, "provider", verdict->provider);
	json_put_text(object, "advice", verdict->advice[language]);
	json_put_text(object, "proof", proof_get_name(outcome->proof));
	json_put_text(object, "confidence", confidence_get_name(verdict->confidence));
	return object;
}
