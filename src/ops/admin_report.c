/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of the mail of some time, as far as the store counted it. */
#include "ops/admin_call.h"

#include <errno.h>

enum { DAY_S = 24 * 3600, DEFAULT_S = 7 * DAY_S, RECENT_MAX = 1000 };

static bool send_count(struct call *call, const struct count_row *row, const char *kind)
{
	json_t *json = row_new(kind);

	row_put_word(json, "provider", row->provider);
	if (!row->provider.len)
		row_put_time(json, "time", row->day * DAY_S);
	row_put_word(json, "class", row->class_name);
	row_put(json, "count", json_integer(row->count));
	return call_send(call, json);
}

static bool send_day(void *data, const struct count_row *row)
{
	return send_count(data, row, "day");
}

static bool send_provider(void *data, const struct count_row *row)
{
	return send_count(data, row, "provider");
}

int admin_report(struct call *call)
{
	struct store *store = call->admin->store;
	int64_t since_s = call->now_s > DEFAULT_S ? call->now_s - DEFAULT_S : 0;
	int64_t top = json_integer_value(json_object_get(call->request, "top"));

	if (call_take_past(call, "since", &since_s) < 0)
		return -EINVAL;
	int result = store_sum_counts(store, COUNT_BY_DAY, since_s, call->now_s, send_day, call);
	if (result == 0)
		result = store_sum_counts(store, COUNT_BY_PROVIDER, since_s, call->now_s, send_provider, call);
	if (result == 0)
		result = store_list_recent(store, since_s, top > 0 && top < RECENT_MAX ? top : RECENT_MAX, call_send_suppression, call);
	row_put_time(call->answer, "since", since_s);
	row_put_time(call->answer, "until", call->now_s);
	return result;
}
