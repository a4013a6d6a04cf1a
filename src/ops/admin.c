/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The suppression list as people see and change it: a table of requests.  Reading goes through the admin's own handle,
 * writing through the daemon's writer when there is one.  Requests come from a socket: every member is checked.
 */
#include "ops/admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/timestamp.h"
#include "base/utf8.h"

enum { ERROR_SIZE = 512, STREAM_MAX = 255, NOTE_MAX = 1000 };

struct call {
	struct admin *admin;
	const json_t *request;
	struct span by;
	int64_t now_s;
	int (*emit)(void *data, json_t *row);
	void *data;
	int emit_result;
	struct address address;
	struct span stream, note;
	int64_t until_s;
	enum class class_id;
	struct suppression_filter filter;
	enum bulk bulk;
	bool is_dry_run;
	json_t *answer;         /* what is said beside "ok" */
	char error[ERROR_SIZE];
};

static int refuse(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->error, sizeof(call->error), format, args);
	va_end(args);
	return -EINVAL;
}

/* A row in the making: what is unknown is left out. */
static void put(json_t *row, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(row, key, value);
}

static void put_text(json_t *row, const char *key, struct span text)
{
	if (text.ptr)
		put(row, key, json_stringn(text.ptr, text.len));
}

static void put_word(json_t *row, const char *key, struct span text)
{
	put_text(row, key, text.len ? text : SPAN_NONE);
}

static void put_time(json_t *row, const char *key, int64_t time_s)
{
	char text[TIMESTAMP_SIZE];

	if (time_s == TIME_FOREVER)
		put(row, key, json_string("forever"));
	else if (time_s > 0)
		put(row, key, json_string(timestamp_format(time_s, text)));
}

static json_t *new_row(const char *kind)
{
	json_t *row = json_object();

	put(row, "row", json_string(kind));
	return row;
}

static bool send(struct call *call, json_t *row)
{
	if (!row)
		call->emit_result = -ENOMEM;
	else if (call->emit_result == 0)
		call->emit_result = call->emit(call->data, row);
	else
		json_decref(row);
	return call->emit_result >= 0;
}

static const char *get_origin_name(enum origin origin)
{
	return origin == ORIGIN_MANUAL ? "manual" : "evidence";
}

static const char *get_class_name_or_none(enum class class_id)
{
	return class_id == CLASS_UNCLASSIFIED ? NULL : class_get_name(class_id);
}

/* --- what a request may hold */

/* A text member; *ret_text stays as it is when there is none. */
static int take_text(struct call *call, const char *key, size_t max, struct span *ret_text)
{
	const json_t *value = json_object_get(call->request, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return refuse(call, "%s: not a text", key);
	struct span text = span_make(json_string_value(value), json_string_length(value));
	if (text.len > max)
		return refuse(call, "%s: longer than %zu bytes", key, max);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return refuse(call, "%s: it holds a control character", key);
	}
	*ret_text = text;
	return 0;
}

static int take_address(struct call *call)
{
	const json_t *value = json_object_get(call->request, "address");
	const char *why = "";

	if (!json_is_string(value))
		return refuse(call, "address: missing");
	struct span text = span_make(json_string_value(value), json_string_length(value));
	if (address_fold(text, &call->address, &why) < 0)
		return refuse(call, "no address: %s", why);
	return 0;
}

static int take_stream(struct call *call)
{
	call->stream = SPAN_LIT("");
	return take_text(call, "stream", STREAM_MAX, &call->stream);
}

static int take_until(struct call *call)
{
	struct span text = SPAN_NONE;
	int64_t duration_s;
	int result = take_text(call, "until", 64, &text);

	call->until_s = TIME_FOREVER;
	if (result < 0 || !text.len)
		return result;
	if (timestamp_parse(text, &call->until_s) < 0) {
		if (duration_parse(text, &duration_s) < 0 || duration_s <= 0)
			return refuse(call, "until: neither \"forever\", nor a time (2027-01-31), nor a duration (30d)");
		call->until_s = time_add(call->now_s, duration_s);
	}
	return call->until_s > call->now_s ? 0 : refuse(call, "until: it is past");
}

static int take_class(struct call *call)
{
	struct span text = SPAN_NONE;
	int result = take_text(call, "class", 64, &text);

	if (result == 0 && text.len && !class_find(text, &call->class_id))
		return refuse(call, "class: there is none of that name");
	return result;
}

/* --- changing */

static int run_job(struct call *call, int (*job)(struct store *store, void *data))
{
	if (call->admin->writer)
		return writer_run(call->admin->writer, job, call);
	return job(call->admin->store, call);
}

static int add(struct store *store, void *data)
{
	struct call *call = data;
	const struct suppression row = {
		.address = address_get(&call->address), .stream = call->stream, .origin = ORIGIN_MANUAL,
		.kind = DECISION_SUPPRESSED, .class_id = call->class_id, .note = call->note,
		.since_s = call->now_s, .until_s = call->until_s,
	};

	return store_add(store, &row, call->by, call->now_s);
}

static int do_add(struct call *call)
{
	if (take_until(call) < 0 || take_class(call) < 0 || take_text(call, "note", NOTE_MAX, &call->note) < 0)
		return -EINVAL;
	int result = run_job(call, add);
	if (result >= 0) {
		put_text(call->answer, "address", address_get(&call->address));
		put_time(call->answer, "until", call->until_s);
	}
	return result;
}

static int remove_row(struct store *store, void *data)
{
	struct call *call = data;

	return store_remove(store, address_get(&call->address), call->stream, call->by, call->note, call->now_s);
}

static int do_remove_one(struct call *call)
{
	int result = run_job(call, remove_row);
	if (result == 0)
		return refuse(call, "%s is not suppressed", call->address.text);
	if (result > 0) {
		put_text(call->answer, "address", address_get(&call->address));
		put(call->answer, "removed", json_integer(result));
	}
	return result;
}

/* A time, or a duration before now. */
static int take_past(struct call *call, const char *key, int64_t *ret_time_s)
{
	struct span text = SPAN_NONE;
	int64_t duration_s;
	int result = take_text(call, key, 64, &text);

	if (result < 0 || !text.len)
		return result;
	if (timestamp_parse(text, ret_time_s) == 0)
		return 0;
	if (duration_parse(text, &duration_s) < 0 || duration_s == TIME_FOREVER)
		return refuse(call, "%s: neither a time (2027-01-31) nor a duration (2h)", key);
	*ret_time_s = call->now_s > duration_s ? call->now_s - duration_s : 0;
	return 0;
}

static int take_filter(struct call *call)
{
	struct suppression_filter *filter = &call->filter;
	struct { const char *key; struct span *text; } words[] = {
		{ "rule", &filter->rule }, { "class", &filter->class_name }, { "provider", &filter->provider },
		{ "domain", &filter->domain }, { "stream", &filter->stream },
	};
	bool is_any = json_is_true(json_object_get(call->request, "all"));

	if (take_past(call, "since", &filter->since_s) < 0 || take_past(call, "until", &filter->until_s) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (take_text(call, words[i].key, STREAM_MAX, words[i].text) < 0)
			return -EINVAL;
		is_any |= words[i].text->len > 0;
	}
	/* a slip must not empty the list */
	if (!is_any && !filter->since_s && !filter->until_s && call->bulk == BULK_REMOVE)
		return refuse(call, "address: missing, and no condition either");
	if (filter->class_name.len && !class_find(filter->class_name, &call->class_id))
		return refuse(call, "class: there is none of that name");
	return 0;
}

static bool send_suppression(void *data, const struct suppression *row);

static int change_all(struct store *store, void *data)
{
	struct call *call = data;

	return store_change_all(store, call->bulk, &call->filter, call->is_dry_run, call->by, call->note, call->now_s, NULL, NULL);
}

/* The rows are told from this thread's own handle first: a slow reader must not hold the writer. */
static int do_bulk(struct call *call)
{
	bool is_alone = call->filter.address.len > 0;
	int result = is_alone ? 0 : store_change_all(call->admin->store, call->bulk, &call->filter, true, call->by, call->note,
						     call->now_s, send_suppression, call);

	if (result < 0 || call->emit_result < 0)
		return result;
	if (!call->is_dry_run)
		result = run_job(call, change_all);
	if (result == 0 && is_alone)
		return refuse(call, "%s is not held", call->address.text);
	if (result >= 0)
		put(call->answer, call->bulk == BULK_REMOVE ? "removed" : "released", json_integer(result));
	return result;
}

static int do_change(struct call *call, enum bulk bulk)
{
	call->bulk = bulk;
	call->is_dry_run = json_is_true(json_object_get(call->request, "dry_run"));
	if (take_text(call, "note", NOTE_MAX, &call->note) < 0)
		return -EINVAL;
	if (!json_object_get(call->request, "address"))
		return take_filter(call) < 0 ? -EINVAL : do_bulk(call);
	if (take_address(call) < 0 || take_stream(call) < 0)
		return -EINVAL;
	if (bulk == BULK_REMOVE)
		return do_remove_one(call);
	call->filter.address = address_get(&call->address);
	call->filter.stream = call->stream;
	return do_bulk(call);
}

static int do_remove(struct call *call)
{
	return do_change(call, BULK_REMOVE);
}

static int do_release(struct call *call)
{
	return do_change(call, BULK_RELEASE);
}

static int forget(struct store *store, void *data)
{
	struct call *call = data;

	return store_forget(store, address_get(&call->address), call->by, call->now_s);
}

static int do_forget(struct call *call)
{
	int result = run_job(call, forget);

	if (result >= 0)
		put(call->answer, "rows", json_integer(result));
	return result;
}

/* --- seeing */

static bool send_suppression(void *data, const struct suppression *row)
{
	struct call *call = data;
	json_t *json = new_row("suppression");

	put_text(json, "address", row->address);
	put_word(json, "stream", row->stream);
	put(json, "origin", json_string(get_origin_name(row->origin)));
	put(json, "decision", json_string(decision_get_name(row->kind)));
	put_word(json, "class", span_of(get_class_name_or_none(row->class_id)));
	put_word(json, "rule", row->rule);
	put_word(json, "provider", row->provider);
	put_time(json, "since", row->since_s);
	put_time(json, "until", row->until_s);
	put_word(json, "note", row->note);
	return send(call, json);
}

static int do_list(struct call *call)
{
	return store_list(call->admin->store, call->now_s, send_suppression, call);
}

/* What stands in the way of a mail: the first row that holds, in the order in which the index looks. */
struct match {
	struct call *call;
	bool is_found;
	char address[ADDRESS_SIZE];
	enum origin origin;
	enum class class_id;
	int64_t since_s, until_s;
};

static bool keep_match(void *data, const struct suppression *row)
{
	struct match *match = data;

	if (row->kind != DECISION_SUPPRESSED || row->until_s <= match->call->now_s)
		return true;
	match->is_found = true;
	match->origin = row->origin;
	match->class_id = row->class_id;
	match->since_s = row->since_s;
	match->until_s = row->until_s;
	snprintf(match->address, sizeof(match->address), "%.*s", SPAN_ARG(row->address));
	return false;
}

static int look(struct match *match, struct span address)
{
	struct call *call = match->call;
	int result = 0;

	if (call->stream.len && !match->is_found)
		result = store_find(call->admin->store, address, call->stream, keep_match, match);
	if (result >= 0 && !match->is_found)
		result = store_find(call->admin->store, address, SPAN_LIT(""), keep_match, match);
	return result < 0 ? result : 0;
}

static int find_match(struct match *match)
{
	struct call *call = match->call;
	struct address plain;
	int result = look(match, address_get(&call->address));

	if (result == 0 && !match->is_found && address_strip_extension(&call->address, call->admin->extension_delimiters, &plain))
		result = look(match, address_get(&plain));
	if (result == 0 && !match->is_found && call->address.at > 0)
		result = look(match, span_skip(address_get(&call->address), call->address.at));
	return result;
}

static const char *describe(const struct call *call, const struct match *match)
{
	if (!match->is_found)
		return "A mail to this address would be accepted.";
	if (!call->admin->enforce)
		return "A mail to this address would be accepted: nothing is refused while enforce = no.";
	if (match->origin == ORIGIN_MANUAL)
		return "A mail to this address would be refused: it was put on the list by hand. Undo: kodama suppress remove.";
	return "A mail to this address would be refused: it failed before. Undo: kodama suppress remove.";
}

static int send_match(struct call *call, const char *kind)
{
	struct match match = { .call = call };
	int result = find_match(&match);

	if (result < 0)
		return result;
	json_t *row = new_row(kind);
	put_text(row, "address", address_get(&call->address));
	put_word(row, "stream", call->stream);
	put(row, "suppressed", json_boolean(match.is_found));
	put(row, "enforced", json_boolean(match.is_found && call->admin->enforce));
	if (match.is_found) {
		put(row, "match", json_string(match.address));
		put(row, "origin", json_string(get_origin_name(match.origin)));
		put_word(row, "class", span_of(get_class_name_or_none(match.class_id)));
		put_time(row, "since", match.since_s);
		put_time(row, "until", match.until_s);
	}
	put(row, "text", json_string(describe(call, &match)));
	send(call, row);
	return 0;
}

static int do_check(struct call *call)
{
	return send_match(call, "check");
}

static json_t *make_audit(const struct history_row *row)
{
	json_t *json = new_row("audit");

	put_time(json, "time", row->time_s);
	put_word(json, "by", row->by);
	put_word(json, "change", row->audit);
	put_word(json, "stream", row->stream);
	put_time(json, "until", row->until_s);
	put_word(json, "note", row->note);
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
	json_t *json = new_row("outcome");

	put_time(json, "time", row->time_s);
	put_time(json, "received", row->received_s);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		put_word(json, words[i].key, words[i].text);
	put_time(json, "until", row->until_s);
	put_word(json, "why", row->why);
	return json;
}

static bool send_history(void *data, const struct history_row *row)
{
	return send(data, row->audit.len ? make_audit(row) : make_outcome(row));
}

static json_t *make_counts(const struct suppression *row)
{
	json_t *counts = json_array();

	for (size_t i = 0; i < row->tally_count; i++) {
		json_t *count = json_object();
		put(count, "section", json_string(row->tallies[i].section));
		put(count, "count", json_integer(row->tallies[i].count));
		put_time(count, "first", row->tallies[i].first_s);
		put_time(count, "last", row->tallies[i].last_s);
		json_array_append_new(counts, count);
	}
	return counts;
}

static bool send_state(void *data, const struct suppression *row)
{
	json_t *json = new_row("state");

	put_text(json, "address", row->address);
	put_word(json, "stream", row->stream);
	put(json, "origin", json_string(get_origin_name(row->origin)));
	put(json, "decision", json_string(decision_get_name(row->kind)));
	put_word(json, "class", span_of(get_class_name_or_none(row->class_id)));
	put_word(json, "rule", row->rule);
	put_word(json, "provider", row->provider);
	put_word(json, "section", row->section);
	put_time(json, "since", row->since_s);
	put_time(json, "until", row->until_s);
	put(json, "times", json_integer(row->times));
	put_time(json, "last_failure", row->last_failure_s);
	put_time(json, "last_success", row->last_success_s);
	if (row->tally_count)
		put(json, "counts", make_counts(row));
	put_word(json, "note", row->note);
	return send(data, json);
}

static int do_why(struct call *call)
{
	struct span address = address_get(&call->address);
	int result = store_history(call->admin->store, address, send_history, call);

	if (result >= 0 && call->stream.len)
		result = store_find(call->admin->store, address, call->stream, send_state, call);
	if (result >= 0)
		result = store_find(call->admin->store, address, SPAN_LIT(""), send_state, call);
	return result < 0 ? result : send_match(call, "mail");
}

static const struct {
	const char *name;
	bool has_address;
	int (*run)(struct call *call);
} requests[] = {
	{ "suppress-add", true, do_add },
	{ "suppress-remove", false, do_remove },
	{ "suppress-release", false, do_release },
	{ "suppress-list", false, do_list },
	{ "suppress-check", true, do_check },
	{ "why", true, do_why },
	{ "forget", true, do_forget },
};

enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

bool admin_knows(const char *name)
{
	for (size_t i = 0; name && i < REQUESTS; i++) {
		if (strcmp(requests[i].name, name) == 0)
			return true;
	}
	return false;
}

static int run_request(struct call *call, size_t i)
{
	if (requests[i].has_address && (take_address(call) < 0 || take_stream(call) < 0))
		return -EINVAL;
	return requests[i].run(call);
}

static int dispatch(struct call *call)
{
	const char *name = json_string_value(json_object_get(call->request, "do"));

	for (size_t i = 0; name && i < REQUESTS; i++) {
		if (strcmp(requests[i].name, name) == 0)
			return run_request(call, i);
	}
	return refuse(call, name ? "there is no such request" : "do: missing");
}

/* The writer has a handle of its own, and its own last words. */
static void tell_failure(struct call *call, int error)
{
	struct writer_stats stats = { .last_error = "" };
	const char *why = store_get_error(call->admin->store);

	if (!*why && call->admin->writer) {
		writer_get_stats(call->admin->writer, &stats);
		why = stats.last_error;
	}
	refuse(call, "the store failed: %s", *why ? why : strerror(-error));
}

static int end_call(struct call *call, int result)
{
	if (call->emit_result < 0) {
		json_decref(call->answer);
		return call->emit_result;
	}
	if (result < 0 && !call->error[0])
		tell_failure(call, result);
	json_t *answer = json_object();
	put(answer, "ok", json_boolean(result >= 0));
	if (result < 0)
		put(answer, "error", json_string(call->error));
	else
		json_object_update(answer, call->answer);
	json_decref(call->answer);
	send(call, answer);
	if (call->emit_result < 0)
		return call->emit_result;
	return result < 0 ? result : 0;
}

int admin_handle(struct admin *admin, const json_t *request, const char *by, int (*emit)(void *data, json_t *row), void *data)
{
	struct call call = {
		.admin = admin, .request = request, .by = span_of(by), .emit = emit, .data = data, .answer = json_object(),
		.now_s = admin->get_time ? admin->get_time() : time(NULL), .note = SPAN_NONE,
	};

	return end_call(&call, dispatch(&call));
}
