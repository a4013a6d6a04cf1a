/* SPDX-License-Identifier: BSD-2-Clause */
/* The line `decision`, the same from every front.  Any thread. */
#include "intake/intake.h"

#include "base/log.h"
#include "base/timestamp.h"

enum { DECISIONS_LOGGED_MAX = 50 };

struct line {
	const char *front;
	struct span queue_id, recipient;
	enum class class_id;
	const char *action, *rule, *proof;
	int64_t until_s; /* 0: none */
	const char *why, *proof_reason;
	bool is_error;  /* somebody should look at it soon */
};

static const char *or_dash(const char *text)
{
	return text && text[0] ? text : "-";
}

static void write_line(const struct line *line)
{
	char queue_id[LOG_VALUE_SIZE], recipient[LOG_VALUE_SIZE], until[TIMESTAMP_SIZE] = "-";

	if (line->until_s == TIME_FOREVER)
		memcpy(until, "forever", sizeof("forever"));
	else if (line->until_s > 0)
		timestamp_format(line->until_s, until);
	log_event(line->is_error ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "decision",
		  "front=%s queue_id=%s recipient=%s class=%s action=%s rule=%s proof=%s until=%s why=\"%s\" proof_reason=%s", line->front,
		  line->queue_id.len > 0 ? log_value(line->queue_id, queue_id) : "-", log_address(line->recipient, recipient), class_get_name(line->class_id),
		  line->action, or_dash(line->rule), or_dash(line->proof), until, line->why ? line->why : "", or_dash(line->proof_reason));
}

void intake_log_answer(const char *front, struct span queue_id, const struct answer *answer, const char *action)
{
	struct line line = {
		.front = front,
		.queue_id = queue_id,
		.recipient = address_get(&answer->recipient),
		.class_id = answer->hit.class_id,
		.action = action,
		.until_s = answer->hit.until_s,
		.why = answer->hit.is_manual ? "suppressed by hand" : "suppressed",
	};

	write_line(&line);
}

void intake_log_failure(const char *front, struct span queue_id, const struct failure *failure)
{
	const struct decision *decision = &failure->decision;
	bool is_decided = failure->is_decided;
	struct line line = {
		.front = front,
		.queue_id = queue_id,
		.recipient = failure->outcome.recipient,
		.class_id = failure->verdict.class_id,
		.action = is_decided ? decision_get_name(decision->kind) : "queued",
		.rule = failure->verdict.rule,
		.proof = proof_get_name(failure->outcome.proof),
		.proof_reason = proof_reason_get_name(failure->outcome.proof_reason),
		.until_s = is_decided ? decision->until_s : 0,
		.why = is_decided ? decision->why : "the store did not answer in time",
		/* a provider that refuses everybody, or a resolver that is broken */
		.is_error = is_decided && decision->kind == DECISION_HELD,
	};

	write_line(&line);
}

void intake_log_failures(const char *front, struct span queue_id, const struct failures *failures)
{
	for (size_t i = 0; i < failures->count && i < DECISIONS_LOGGED_MAX; i++)
		intake_log_failure(front, queue_id, &failures->items[i]);
	if (failures->count > DECISIONS_LOGGED_MAX)
		log_event(LOG_LEVEL_INFO, "decisions-cut", "front=%s more=%zu", front, failures->count - DECISIONS_LOGGED_MAX);
}
