/* SPDX-License-Identifier: BSD-2-Clause */
/* What to look at, from the numbers of a status.  A row here is one remark. */
#include "ops/attention.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A front that nobody has come to is no remark before this; nor is a handful of bounces that nothing proves. */
enum { QUIET_S = 600, UNPROVED_MIN = 3, REMARK_SIZE = 1024 };

static int64_t get_number(const json_t *status, const char *group, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(status, group), name));
}

static const char *get_text(const json_t *status, const char *group, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(status, group), name));

	return text ? text : "";
}

static bool is_idle(const json_t *status, const char *front, const char *counter)
{
	return json_object_get(status, front) && json_integer_value(json_object_get(status, "uptime-seconds")) >= QUIET_S &&
	       get_number(status, front, counter) == 0;
}

/* Failures were read, and not one of them was believed. */
static int64_t count_unproved(const json_t *status)
{
	const json_t *decisions = json_object_get(json_object_get(status, "outcomes"), "decisions");
	int64_t unproved = json_integer_value(json_object_get(decisions, "unproved"));
	bool is_any_believed = json_object_get(decisions, "suppressed") || json_object_get(decisions, "counted") || json_object_get(decisions, "held") ||
			       json_object_get(decisions, "dry-run");

	return unproved >= UNPROVED_MIN && !is_any_believed ? unproved : 0;
}

/* --- remarks that hold more than a number */

static bool remark_enforce(const json_t *status, char *text)
{
	snprintf(text, REMARK_SIZE, "enforce = no: nothing is refused (%" PRId64 " refusals kept back since the start)", get_number(status, "daemon", "dry-run"));
	return json_is_false(json_object_get(status, "enforce"));
}

static bool remark_milter(const json_t *status, char *text)
{
	snprintf(text, REMARK_SIZE, "no MTA has come to the milter since the start: kodama setup postfix (or sendmail), kodama doctor");
	return is_idle(status, "milter", "sessions");
}

static bool remark_policy(const json_t *status, char *text)
{
	snprintf(text, REMARK_SIZE, "no MTA has asked the policy service since the start: kodama setup postfix; or policy { listen = \"\" }, if none is to");
	return is_idle(status, "policy", "requests");
}

static bool remark_unproved(const json_t *status, char *text)
{
	snprintf(text, REMARK_SIZE, "nothing proves any of the %" PRId64 " failures that were read, and so they suppress nobody: kodama doctor", count_unproved(status));
	return count_unproved(status) > 0;
}

static bool remark_store(const json_t *status, char *text)
{
	const char *error = get_text(status, "store", "last-error");

	snprintf(text, REMARK_SIZE, "the database does not take what is learned: %.600s", error);
	return error[0] != '\0';
}

static bool remark_log_error(const json_t *status, char *text)
{
	const char *error = get_text(status, "maillog", "last-error");

	snprintf(text, REMARK_SIZE, "the MTA's log is not read: %.600s", error);
	return error[0] != '\0';
}

/* For a moment that is rotation. */
static bool remark_log_gone(const json_t *status, char *text)
{
	snprintf(text, REMARK_SIZE, "the MTA's log has been removed or renamed, and none has its name: %.300s", get_text(status, "maillog", "source"));
	return json_is_true(json_object_get(json_object_get(status, "maillog"), "file-is-gone"));
}

static bool remark_log_trust(const json_t *status, char *text)
{
	const char *why = get_text(status, "maillog", "proves-nothing-because");

	snprintf(text, REMARK_SIZE, "the MTA's log proves nothing: %.600s", why);
	/* what the operator has said himself he need not be told */
	return why[0] && strcmp(why, "maillog trust is no") != 0;
}

static bool (*const remarks[])(const json_t *status, char *text) = {
	remark_enforce, remark_milter, remark_policy, remark_unproved, remark_store, remark_log_error, remark_log_gone, remark_log_trust,
};

/* --- counters that should be 0: the number stands in front of the words */

static const struct {
	const char *group, *name, *words;
} counters[] = {
	{ "store", "queue-bytes", "bytes wait in the queue on disk until the database takes them; nothing is lost so far" },
	{ "store", "queue-damage-bytes", "bytes of the queue on disk were no records (a crash, a disk that fails): what they held is lost" },
	{ "outcomes", "lost", "outcomes could be kept nowhere: make room where queue dir is, and mend the database" },
	{ "store", "held", "suppressions were held by the surge guard, since somebody refused many at once: kodama suppress list, then release or remove" },
	{ "milter", "failed-open", "mails passed unseen because something failed inside: the problems above" },
	{ "milter", "tempfailed", "bounces were sent back with 451, for nothing could keep what they say" },
	{ "ingest", "tempfailed", "messages of kodama ingest were sent back, for nothing could keep what they say" },
	{ "maillog", "gaps", "times the rest of a log that was rotated could not be found or read: keep one old log uncompressed (delaycompress in logrotate)" },
	{ "maillog", "refused", "journal lines were of users that are not believed: maillog uids, or somebody forges" },
	{ "log", "lines-dropped", "lines of kodamad's own log were dropped: who reads it is too slow" },
	{ "daemon", "reloads-failed", "reloads failed since the start, and kept the old configuration: kodama config check" },
};

json_t *attention_describe(const json_t *status)
{
	json_t *array = json_array();
	char text[REMARK_SIZE];

	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
		if (remarks[i](status, text))
			json_array_append_new(array, json_string(text));
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		int64_t number = get_number(status, counters[i].group, counters[i].name);
		snprintf(text, sizeof(text), "%" PRId64 " %s", number, counters[i].words);
		if (number > 0)
			json_array_append_new(array, json_string(text));
	}
	return array;
}
