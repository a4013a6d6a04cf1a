/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing the list by hand: one address, or all that conditions name.  The writer writes where there is one. */
#include "ops/admin_call.h"
#include "ops/admin_match.h"

#include <errno.h>

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

int admin_add(struct call *call)
{
	if (call_take_until(call) < 0 || call_take_class(call) < 0 || call_take_text(call, "note", ADMIN_NOTE_MAX, &call->note) < 0)
		return -EINVAL;
	int result = call_run_job(call, add);
	if (result >= 0) {
		row_put_text(call->answer, "address", address_get(&call->address));
		row_put_time(call->answer, "until", call->until_s);
	}
	return result;
}

static int remove_row(struct store *store, void *data)
{
	struct call *call = data;

	return store_remove(store, address_get(&call->address), call->stream, call->by, call->note, call->now_s);
}

/* Somebody who takes an address off the list wants mail to it to flow: what still stands in its way is told. */
static int do_remove_one(struct call *call)
{
	struct match match;
	int result = call_run_job(call, remove_row);

	if (result < 0)
		return result;
	int found = call_find_match(call, &match);
	if (found < 0)
		return found;
	if (result == 0 && match.is_found)
		return admin_refuse(call, "%s is not on the list itself, but %s is, which covers it", call->address.text, match.address);
	if (result == 0)
		return admin_refuse(call, "%s is not suppressed", call->address.text);
	row_put_text(call->answer, "address", address_get(&call->address));
	row_put(call->answer, "removed", json_integer(result));
	if (match.is_found)
		row_put_match(call->answer, &match);
	return result;
}

static int take_filter(struct call *call)
{
	struct suppression_filter *filter = &call->filter;
	struct { const char *key; struct span *text; } words[] = {
		{ "rule", &filter->rule }, { "class", &filter->class_name }, { "provider", &filter->provider },
		{ "domain", &filter->domain }, { "stream", &filter->stream },
	};
	bool is_any = json_is_true(json_object_get(call->request, "all"));

	if (call_take_past(call, "since", &filter->since_s) < 0 || call_take_past(call, "until", &filter->until_s) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (call_take_text(call, words[i].key, ADMIN_STREAM_MAX, words[i].text) < 0)
			return -EINVAL;
		is_any |= words[i].text->len > 0;
	}
	/* a slip must not empty the list */
	if (!is_any && !filter->since_s && !filter->until_s && call->bulk == BULK_REMOVE)
		return admin_refuse(call, "address: missing, and no condition either");
	if (filter->class_name.len && !class_find(filter->class_name, &call->class_id))
		return admin_refuse(call, "class: there is none of that name");
	return 0;
}

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
						     call->now_s, call_send_suppression, call);

	if (result < 0 || call->emit_result < 0)
		return result;
	if (!call->is_dry_run)
		result = call_run_job(call, change_all);
	if (result == 0 && is_alone)
		return admin_refuse(call, "%s is not held", call->address.text);
	if (result >= 0)
		row_put(call->answer, call->bulk == BULK_REMOVE ? "removed" : "released", json_integer(result));
	return result;
}

static int do_change(struct call *call, enum bulk bulk)
{
	call->bulk = bulk;
	call->is_dry_run = json_is_true(json_object_get(call->request, "dry_run"));
	if (call_take_text(call, "note", ADMIN_NOTE_MAX, &call->note) < 0)
		return -EINVAL;
	if (!json_object_get(call->request, "address"))
		return take_filter(call) < 0 ? -EINVAL : do_bulk(call);
	if (call_take_address(call) < 0 || call_take_stream(call) < 0)
		return -EINVAL;
	if (bulk == BULK_REMOVE)
		return do_remove_one(call);
	call->filter.address = address_get(&call->address);
	call->filter.stream = call->stream;
	return do_bulk(call);
}

int admin_remove(struct call *call)
{
	return do_change(call, BULK_REMOVE);
}

int admin_release(struct call *call)
{
	return do_change(call, BULK_RELEASE);
}

static int forget(struct store *store, void *data)
{
	struct call *call = data;

	return store_forget(store, address_get(&call->address), call->by, call->now_s);
}

int admin_forget(struct call *call)
{
	int result = call_run_job(call, forget);

	if (result >= 0 && call->admin->writer)
		writer_forget_unproved(call->admin->writer, address_get(&call->address));
	if (result >= 0)
		row_put(call->answer, "rows", json_integer(result));
	return result;
}
