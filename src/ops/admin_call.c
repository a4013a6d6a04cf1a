/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of requests, checked, and rows of answers.  Requests come from a socket. */
#include "ops/admin_call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/timestamp.h"

int admin_refuse(struct call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->error, sizeof(call->error), format, args);
	va_end(args);
	return -EINVAL;
}

/* A row in the making: what is unknown is left out. */
void row_put(json_t *row, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(row, key, value);
}

void row_put_text(json_t *row, const char *key, struct span text)
{
	if (text.ptr)
		row_put(row, key, json_stringn(text.ptr, text.len));
}

void row_put_word(json_t *row, const char *key, struct span text)
{
	row_put_text(row, key, text.len ? text : SPAN_NONE);
}

void row_put_time(json_t *row, const char *key, int64_t time_s)
{
	char text[TIMESTAMP_SIZE];

	if (time_s == TIME_FOREVER)
		row_put(row, key, json_string("forever"));
	else if (time_s > 0)
		row_put(row, key, json_string(timestamp_format(time_s, text)));
}

json_t *row_new(const char *kind)
{
	json_t *row = json_object();

	row_put(row, "row", json_string(kind));
	return row;
}

bool call_send(struct call *call, json_t *row)
{
	if (!row)
		call->emit_result = -ENOMEM;
	else if (call->emit_result == 0)
		call->emit_result = call->emit(call->data, row);
	else
		json_decref(row);
	return call->emit_result >= 0;
}

/* A text member; *ret_text stays as it is when there is none. */
int call_take_text(struct call *call, const char *key, size_t max, struct span *ret_text)
{
	const json_t *value = json_object_get(call->request, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return admin_refuse(call, "%s: not a text", key);
	struct span text = span_make(json_string_value(value), json_string_length(value));
	if (text.len > max)
		return admin_refuse(call, "%s: longer than %zu bytes", key, max);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return admin_refuse(call, "%s: it holds a control character", key);
	}
	*ret_text = text;
	return 0;
}

int call_take_address(struct call *call)
{
	const json_t *value = json_object_get(call->request, "address");
	const char *why = "";

	if (!json_is_string(value))
		return admin_refuse(call, "address: missing");
	struct span text = span_make(json_string_value(value), json_string_length(value));
	if (address_fold(text, &call->address, &why) < 0)
		return admin_refuse(call, "no address: %s", why);
	return 0;
}

int call_take_stream(struct call *call)
{
	call->stream = SPAN_LIT("");
	return call_take_text(call, "stream", ADMIN_STREAM_MAX, &call->stream);
}

int call_take_until(struct call *call)
{
	struct span text = SPAN_NONE;
	int64_t duration_s;
	int result = call_take_text(call, "until", 64, &text);

	call->until_s = TIME_FOREVER;
	if (result < 0 || !text.len)
		return result;
	if (timestamp_parse(text, &call->until_s) < 0) {
		if (duration_parse(text, &duration_s) < 0 || duration_s <= 0)
			return admin_refuse(call, "until: neither \"forever\", nor a time (2027-01-31), nor a duration (30d)");
		call->until_s = time_add(call->now_s, duration_s);
	}
	return call->until_s > call->now_s ? 0 : admin_refuse(call, "until: it is past");
}

int call_take_class(struct call *call)
{
	struct span text = SPAN_NONE;
	int result = call_take_text(call, "class", 64, &text);

	if (result == 0 && text.len && !class_find(text, &call->class_id))
		return admin_refuse(call, "class: there is none of that name");
	return result;
}

/* A time, or a duration before now. */
int call_take_past(struct call *call, const char *key, int64_t *ret_time_s)
{
	struct span text = SPAN_NONE;
	int64_t duration_s;
	int result = call_take_text(call, key, 64, &text);

	if (result < 0 || !text.len)
		return result;
	if (timestamp_parse(text, ret_time_s) == 0)
		return 0;
	if (duration_parse(text, &duration_s) < 0 || duration_s == TIME_FOREVER)
		return admin_refuse(call, "%s: neither a time (2027-01-31) nor a duration (2h)", key);
	*ret_time_s = call->now_s > duration_s ? call->now_s - duration_s : 0;
	return 0;
}

int call_run_job(struct call *call, int (*job)(struct store *store, void *data))
{
	if (call->admin->writer)
		return writer_run(call->admin->writer, job, call);
	return job(call->admin->store, call);
}
