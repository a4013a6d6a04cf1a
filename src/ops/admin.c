/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of requests, and how each of them ends. */
#include "ops/admin_call.h"

#include <errno.h>
#include <time.h>

static const struct {
	const char *name;
	bool has_address, is_reading;
	int (*run)(struct call *call);
} requests[] = {
	{ "suppress-add", true, false, admin_add },
	{ "suppress-remove", false, false, admin_remove },
	{ "suppress-release", false, false, admin_release },
	{ "suppress-import", false, false, admin_import },
	{ "suppress-list", false, true, admin_list },
	{ "suppress-check", true, true, admin_check },
	{ "why", true, true, admin_why },
	{ "forget", true, false, admin_forget },
	{ "report", false, true, admin_report },
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

bool admin_is_reading(const char *name)
{
	for (size_t i = 0; name && i < REQUESTS; i++) {
		if (strcmp(requests[i].name, name) == 0)
			return requests[i].is_reading;
	}
	return false;
}

static int run_request(struct call *call, size_t i)
{
	if (requests[i].has_address && (call_take_address(call) < 0 || call_take_stream(call) < 0))
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
	return admin_refuse(call, name ? "there is no such request" : "do: missing");
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
	admin_refuse(call, "the store failed: %s", *why ? why : strerror(-error));
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
	row_put(answer, "ok", json_boolean(result >= 0));
	if (result < 0)
		row_put(answer, "error", json_string(call->error));
	else
		json_object_update(answer, call->answer);
	json_decref(call->answer);
	call_send(call, answer);
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
