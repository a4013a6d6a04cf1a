/* SPDX-License-Identifier: BSD-2-Clause */
/* Listing, rotating and revoking keys. */
#include "ops/keyadmin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"

struct asking {
	const struct keysource_options *options;
	const json_t *request;
	int64_t now_s;
	int (*emit)(void *data, json_t *row);
	void *data;
};

#define NO_SUCH_KEY "there is no such key: kodama key list"

static int refuse(const struct asking *asking, int error, const struct complaint *complaint)
{
	char text[sizeof(complaint->path) + sizeof(complaint->text) + 8];

	if (error == -ENOENT && strcmp(complaint->text, NO_SUCH_KEY) != 0)
		snprintf(text, sizeof(text), "%s%sthere are no keys: kodamad makes them when it starts", complaint->path, complaint->path[0] ? ": " : "");
	else if (complaint->path[0])
		snprintf(text, sizeof(text), "%s: %s", complaint->path, complaint->text);
	else
		snprintf(text, sizeof(text), "%s", complaint->text[0] ? complaint->text : strerror(-error));
	return asking->emit(asking->data, json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

static void put_time(json_t *row, const char *key, int64_t time_s)
{
	char text[TIMESTAMP_SIZE];

	json_object_set_new(row, key, json_string(timestamp_format(time_s, text)));
}

static json_t *describe(const struct asking *asking, const struct key_record *record)
{
	bool is_in_use = record->retired_s == 0;
	int64_t until_s = is_in_use ? TIME_FOREVER : time_add(record->retired_s, asking->options->accept_s);
	json_t *row = json_pack("{s:s, s:s}", "row", "key", "id", record->id);

	put_time(row, "created", record->created_s);
	if (!is_in_use) {
		put_time(row, "retired", record->retired_s);
		if (until_s == TIME_FOREVER)
			json_object_set_new(row, "accepted_until", json_string("forever"));
		else
			put_time(row, "accepted_until", until_s);
	}
	json_object_set_new(row, "state", json_string(is_in_use ? "signs" : asking->now_s <= until_s ? "accepted" : "over"));
	return row;
}

static int list(const struct asking *asking)
{
	struct complaint complaint = { .line = 0 };
	struct key_records records = { .count = 0 };
	int error = keysource_read(asking->options, &records, &complaint);

	if (error < 0)
		return refuse(asking, error, &complaint);
	for (size_t i = 0; i < records.count && error == 0; i++)
		if (strcmp(records.items[i].id, KEY_STREAM) != 0)
			error = asking->emit(asking->data, describe(asking, &records.items[i]));
	secret_wipe(&records, sizeof(records));
	return error < 0 ? error : asking->emit(asking->data, json_pack("{s:b}", "ok", 1));
}

static int rotate(const struct asking *asking)
{
	struct complaint complaint = { .line = 0 };
	char id[KEY_ID_SIZE];
	int error = keysource_rotate(asking->options, asking->now_s, id, &complaint);

	if (error == -E2BIG)
		complaint_set(&complaint, "", 0, "there are %d keys, and each is accepted still: kodama key list, then revoke old ones, or wait", KEYS_MAX);
	if (error < 0)
		return refuse(asking, error, &complaint);
	error = asking->emit(asking->data, json_pack("{s:s, s:s}", "row", "rotated", "id", id));
	return error < 0 ? error : KEYADMIN_CHANGED;
}

static int revoke(const struct asking *asking)
{
	struct complaint complaint = { .line = 0 };
	const char *id = json_string_value(json_object_get(asking->request, "id"));
	int error = keysource_revoke(asking->options, span_of(id ? id : ""), &complaint);

	if (error == -ENOENT)
		complaint_set(&complaint, "", 0, NO_SUCH_KEY);
	if (error == -EBUSY)
		complaint_set(&complaint, "", 0, "this key signs: rotate first");
	return error < 0 ? refuse(asking, error, &complaint) : KEYADMIN_CHANGED;
}

static const struct {
	const char *name;
	int (*answer)(const struct asking *asking);
} requests[] = { { "key-list", list }, { "key-rotate", rotate }, { "key-revoke", revoke } };

enum { REQUEST_COUNT = sizeof(requests) / sizeof(requests[0]) };

bool keyadmin_knows(const char *name)
{
	for (size_t i = 0; i < REQUEST_COUNT; i++)
		if (strcmp(requests[i].name, name) == 0)
			return true;
	return false;
}

int keyadmin_handle(const struct keysource_options *options, const json_t *request, int64_t now_s, int (*emit)(void *data, json_t *row), void *data)
{
	struct asking asking = { options, request, now_s, emit, data };
	const char *name = json_string_value(json_object_get(request, "do"));

	for (size_t i = 0; name && i < REQUEST_COUNT; i++)
		if (strcmp(requests[i].name, name) == 0)
			return requests[i].answer(&asking);
	return -EINVAL;
}
