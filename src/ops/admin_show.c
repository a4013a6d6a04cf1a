/* SPDX-License-Identifier: BSD-2-Clause */
/* The list, and what is known of an address, through the admin's own handle. */
#include "ops/admin_call.h"
#include "ops/admin_match.h"

#include <stdio.h>

#include "base/timestamp.h"

static const char *get_origin_name(enum origin origin)
{
	return origin == ORIGIN_MANUAL ? "manual" : "evidence";
}

static const char *get_class_name_or_none(enum class class_id)
{
	return class_id == CLASS_UNCLASSIFIED ? NULL : class_get_name(class_id);
}

/* What all rows about an entry begin with. */
static json_t *new_suppression(const char *name, const struct suppression *row)
{
	json_t *json = row_new(name);

	row_put_text(json, "address", row->address);
	row_put_word(json, "stream", row->stream);
	row_put(json, "origin", json_string(get_origin_name(row->origin)));
	row_put(json, "decision", json_string(decision_get_name(row->kind)));
	row_put_word(json, "class", span_of(get_class_name_or_none(row->class_id)));
	row_put_word(json, "rule", row->rule);
	row_put_word(json, "provider", row->provider);
	return json;
}

bool call_send_suppression(void *data, const struct suppression *row)
{
	struct call *call = data;
	json_t *json = new_suppression("suppression", row);

	row_put_time(json, "since", row->since_s);
	row_put_time(json, "until", row->until_s);
	row_put_word(json, "note", row->note);
	return call_send(call, json);
}

int admin_list(struct call *call)
{
	return store_list(call->admin->store, call->now_s, call_send_suppression, call);
}

enum { SENTENCE_SIZE = ADDRESS_SIZE + 128 };

static void describe(const struct call *call, const struct match *match, char text[static SENTENCE_SIZE])
{
	bool is_itself = span_is_equal(span_of(match->address), address_get(&call->address));

	if (!match->is_found)
		snprintf(text, SENTENCE_SIZE, "A mail to this address would be accepted.");
	else if (!call->admin->enforce)
		snprintf(text, SENTENCE_SIZE, "A mail to this address would be accepted: nothing is refused while enforce = no.");
	else
		snprintf(text, SENTENCE_SIZE, "A mail to this address would be refused: %s %s. Undo: kodama suppress remove.",
			 is_itself ? "it" : match->address, match->origin == ORIGIN_MANUAL ? "was put on the list by hand" : "failed before");
}

static int send_match(struct call *call, const char *kind)
{
	struct match match;
	char text[SENTENCE_SIZE];
	int result = call_find_match(call, &match);

	if (result < 0)
		return result;
	describe(call, &match, text);
	json_t *row = row_new(kind);
	row_put_text(row, "address", address_get(&call->address));
	row_put_word(row, "stream", call->stream);
	row_put(row, "suppressed", json_boolean(match.is_found));
	row_put(row, "enforced", json_boolean(match.is_found && call->admin->enforce));
	if (match.is_found) {
		row_put_match(row, &match);
		row_put(row, "origin", json_string(get_origin_name(match.origin)));
		row_put_word(row, "class", span_of(get_class_name_or_none(match.class_id)));
		row_put_time(row, "since", match.since_s);
		row_put_time(row, "until", match.until_s);
	}
	row_put(row, "text", json_string(text));
	call_send(call, row);
	return 0;
}

int admin_check(struct call *call)
{
	return send_match(call, "check");
}

static json_t *make_audit(const struct history_row *row)
{
	json_t *json = row_new("audit");

	row_put_time(json, "time", row->time_s);
	row_put_word(json, "by", row->by);
	row_put_word(json, "change", row->audit);
	row_put_word(json, "stream", row->stream);
	row_put_time(json, "until", row->until_s);
	row_put_word(json, "note", row->note);
	return json;
}

static json_t *make_outcome(const struct history_row *row)
{
	const struct { const char *key; struct span text; } words[] = {
		{ "stream", row->stream }, { "action", row->action }, { "class", row->class_name }, { "suppress", row->effect },
		{ "basis", row->basis }, { "rule", row->rule }, { "provider", row->provider }, { "reply", row->reply },
		{ "status", row->status }, { "text", row->text }, { "remote_mta", row->remote_mta }, { "source", row->source },
		{ "kind", row->kind }, { "proof", row->proof }, { "proof_reason", row->proof_reason }, { "queue_id", row->queue_id },
		{ "message_id", row->message_id }, { "decision", row->decision },
	};
	json_t *json = row_new("outcome");

	row_put_time(json, "time", row->time_s);
	row_put_time(json, "received", row->received_s);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		row_put_word(json, words[i].key, words[i].text);
	row_put_time(json, "until", row->until_s);
	row_put_word(json, "why", row->why);
	return json;
}

static bool send_history(void *data, const struct history_row *row)
{
	return call_send(data, row->audit.len ? make_audit(row) : make_outcome(row));
}

static json_t *make_counts(const struct suppression *row)
{
	json_t *counts = json_array();

	for (size_t i = 0; i < row->tally_count; i++) {
		json_t *count = json_object();
		row_put(count, "section", json_string(row->tallies[i].section));
		row_put(count, "count", json_integer(row->tallies[i].count));
		row_put_time(count, "first", row->tallies[i].first_s);
		row_put_time(count, "last", row->tallies[i].last_s);
		json_array_append_new(counts, count);
	}
	return counts;
}

static bool send_state(void *data, const struct suppression *row)
{
	json_t *json = new_suppression("state", row);

	row_put_word(json, "section", row->section);
	row_put_time(json, "since", row->since_s);
	row_put_time(json, "until", row->until_s);
	row_put(json, "times", json_integer(row->times));
	row_put_time(json, "last_failure", row->last_failure_s);
	row_put_time(json, "last_success", row->last_success_s);
	if (row->tally_count)
		row_put(json, "counts", make_counts(row));
	row_put_word(json, "note", row->note);
	return call_send(data, json);
}

int admin_why(struct call *call)
{
	struct span address = address_get(&call->address);
	int result = store_history(call->admin->store, address, send_history, call);

	/* what changed nothing, and is only in the daemon's memory */
	if (result >= 0 && call->admin->writer)
		writer_visit_unproved(call->admin->writer, address, send_history, call);
	if (result >= 0 && call->stream.len)
		result = store_find(call->admin->store, address, call->stream, send_state, call);
	if (result >= 0)
		result = store_find(call->admin->store, address, SPAN_LIT(""), send_state, call);
	return result < 0 ? result : send_match(call, "mail");
}
