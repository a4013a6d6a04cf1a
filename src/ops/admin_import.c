/* SPDX-License-Identifier: BSD-2-Clause */
/* Many entries in one request and one transaction: what is wrong with one of them is told, and the others are taken. */
#include "ops/admin_call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/timestamp.h"

enum { ENTRIES_MAX = 8000, WORD_MAX = 255 };

struct importing {
	struct call *call;
	struct address *addresses;
	struct suppression *rows; /* their texts stand in the request, their addresses above */
	size_t count;
	int changed;
};

static int take_since(struct call *call, int64_t *ret_time_s)
{
	struct span text = SPAN_NONE;

	*ret_time_s = call->now_s;
	if (call_take_text(call, "since", 64, &text) < 0)
		return -EINVAL;
	if (text.len && timestamp_parse(text, ret_time_s) < 0)
		return admin_refuse(call, "since: no time (2027-01-31)");
	if (*ret_time_s > call->now_s || *ret_time_s < 0)
		*ret_time_s = call->now_s;
	return 0;
}

/* What was exported comes back as it was: by evidence or by hand, enforced or held. */
static int take_origin(struct call *call, struct suppression *row)
{
	struct span origin = SPAN_LIT("manual"), decision = SPAN_LIT("suppressed");

	if (call_take_text(call, "origin", WORD_MAX, &origin) < 0 || call_take_text(call, "decision", WORD_MAX, &decision) < 0)
		return -EINVAL;
	if (span_is_equal(origin, SPAN_LIT("evidence")))
		row->origin = ORIGIN_EVIDENCE;
	else if (span_is_equal(origin, SPAN_LIT("manual")))
		row->origin = ORIGIN_MANUAL;
	else
		return admin_refuse(call, "origin: neither \"evidence\" nor \"manual\"");
	if (!decision_find(decision, &row->kind) || (row->kind != DECISION_SUPPRESSED && row->kind != DECISION_HELD))
		return admin_refuse(call, "decision: neither \"suppressed\" nor \"held\"");
	return 0;
}

static int take_entry(struct call *call, struct address *address, struct suppression *row)
{
	*row = (struct suppression){ .rule = SPAN_NONE, .provider = SPAN_NONE, .note = SPAN_NONE };
	call->class_id = CLASS_UNCLASSIFIED;
	if (call_take_address(call) < 0 || call_take_stream(call) < 0 || call_take_until(call) < 0 || call_take_class(call) < 0 ||
	    call_take_text(call, "note", ADMIN_NOTE_MAX, &row->note) < 0 || call_take_text(call, "rule", WORD_MAX, &row->rule) < 0 ||
	    call_take_text(call, "provider", WORD_MAX, &row->provider) < 0 || take_origin(call, row) < 0 ||
	    take_since(call, &row->since_s) < 0)
		return -EINVAL;
	/* a whole domain is an operator's word, never evidence's */
	if (row->origin == ORIGIN_EVIDENCE && call->address.at == 0)
		return admin_refuse(call, "origin: a domain is suppressed by hand alone");
	*address = call->address;
	row->address = address_get(address);
	row->stream = call->stream;
	row->until_s = call->until_s;
	row->class_id = call->class_id;
	return 0;
}

static void tell_refused(struct call *call, const json_t *item)
{
	json_t *row = row_new("refused");

	row_put(row, "line", json_integer(json_integer_value(json_object_get(item, "line"))));
	row_put(row, "error", json_string(call->error));
	call->error[0] = '\0';
	call_send(call, row);
}

static size_t take_entries(struct importing *importing, const json_t *items)
{
	struct call *call = importing->call;
	const json_t *request = call->request, *item;
	size_t i, refused = 0;

	json_array_foreach((json_t *)items, i, item) {
		call->request = item;
		if (take_entry(call, &importing->addresses[importing->count], &importing->rows[importing->count]) == 0) {
			importing->count++;
		} else {
			refused++;
			tell_refused(call, item);
		}
	}
	call->request = request;
	return refused;
}

static int import_entries(struct store *store, void *data)
{
	struct importing *importing = data;
	struct call *call = importing->call;
	int result = store_import(store, importing->rows, importing->count, call->by, call->now_s);

	importing->changed = result < 0 ? 0 : result;
	return result < 0 ? result : 0;
}

static int run_import(struct importing *importing)
{
	struct call *call = importing->call;

	if (call->admin->writer)
		return writer_run(call->admin->writer, import_entries, importing);
	int result = store_begin(call->admin->store);
	if (result == 0)
		result = import_entries(call->admin->store, importing);
	if (result == 0)
		return store_commit(call->admin->store);
	store_rollback(call->admin->store);
	return result;
}

int admin_import(struct call *call)
{
	const json_t *items = json_object_get(call->request, "rows");
	struct importing importing = { .call = call };
	size_t count = json_array_size(items);

	if (!json_is_array(items) || count > ENTRIES_MAX)
		return admin_refuse(call, "rows: not an array of at most %d", ENTRIES_MAX);
	importing.addresses = calloc(count ? count : 1, sizeof(*importing.addresses));
	importing.rows = calloc(count ? count : 1, sizeof(*importing.rows));
	bool has_room = importing.addresses && importing.rows;
	size_t refused = has_room ? take_entries(&importing, items) : 0;
	int result = !has_room ? -ENOMEM : importing.count ? run_import(&importing) : 0;
	if (result >= 0) {
		row_put(call->answer, "added", json_integer(importing.changed));
		row_put(call->answer, "unchanged", json_integer((json_int_t)importing.count - importing.changed));
		row_put(call->answer, "refused", json_integer((json_int_t)refused));
	}
	free(importing.addresses);
	free(importing.rows);
	return result;
}
