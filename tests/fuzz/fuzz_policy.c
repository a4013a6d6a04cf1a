/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of policy requests: whatever comes, in whatever pieces, it takes whole requests and nothing else, and
 * what it takes does not depend on the pieces.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "intake/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every value lies in the input, on one line of it. */
static void check_value(struct span value, struct span input)
{
	if (!value.ptr)
		return;
	assert(value.ptr >= input.ptr && value.ptr + value.len <= input.ptr + input.len);
	assert(!memchr(value.ptr, '\n', value.len));
}

static void check_request(const struct policy_request *request, struct span input)
{
	check_value(request->request, input);
	check_value(request->protocol_state, input);
	check_value(request->sender, input);
	check_value(request->recipient, input);
	check_value(request->queue_id, input);
	check_value(request->sasl_username, input);
	check_value(request->policy_context, input);
}

/* The same, line by line. */
static ssize_t parse_slowly(struct span input, struct policy_request *ret_request)
{
	const struct { struct span name; struct span *value; } wanted[] = {
		{ SPAN_LIT("request"), &ret_request->request },	{ SPAN_LIT("protocol_state"), &ret_request->protocol_state },
		{ SPAN_LIT("sender"), &ret_request->sender },	{ SPAN_LIT("recipient"), &ret_request->recipient },
		{ SPAN_LIT("queue_id"), &ret_request->queue_id }, { SPAN_LIT("sasl_username"), &ret_request->sasl_username },
		{ SPAN_LIT("policy_context"), &ret_request->policy_context },
	};
	size_t at = 0, end;

	*ret_request = (struct policy_request){ .request = SPAN_NONE };
	for (; (end = span_find_char(input, '\n', at)) != SIZE_MAX; at = end + 1) {
		struct span line = span_slice(input, at, end);
		size_t equals = span_find_char(line, '=', 0);
		if (line.len == 0)
			return (ssize_t)end + 1;
		if (equals == SIZE_MAX)
			return -EINVAL;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (span_is_equal(span_slice(line, 0, equals), wanted[i].name))
				*wanted[i].value = span_skip(line, equals + 1);
	}
	return 0;
}

static void check_slowly(struct span input, ssize_t length, const struct policy_request *request)
{
	struct policy_request slow;

	assert(parse_slowly(input, &slow) == length);
	if (length <= 0)
		return;
	assert(span_is_equal(slow.request, request->request) && span_is_equal(slow.protocol_state, request->protocol_state));
	assert(span_is_equal(slow.sender, request->sender) && span_is_equal(slow.recipient, request->recipient));
	assert(span_is_equal(slow.queue_id, request->queue_id) && span_is_equal(slow.sasl_username, request->sasl_username));
	assert(span_is_equal(slow.policy_context, request->policy_context));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);

	while (rest.len > 0) {
		struct policy_request request = { .request = SPAN_NONE }, again;
		ssize_t length = policy_parse(rest, &request);
		check_slowly(rest, length, &request);
		if (length <= 0)
			break;
		assert((size_t)length <= rest.len && rest.ptr[length - 1] == '\n');
		check_request(&request, rest);
		/* no shorter piece is taken for the whole */
		assert(policy_parse(span_slice(rest, 0, (size_t)length - 1), &again) == 0);
		rest = span_skip(rest, (size_t)length);
	}
	return 0;
}
