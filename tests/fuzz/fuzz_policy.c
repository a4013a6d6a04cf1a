/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of policy requests: whatever comes, in whatever pieces, it takes whole requests and nothing else, and
 * what it takes does not depend on the pieces.
 */
#include <assert.h>
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);

	while (rest.len > 0) {
		struct policy_request request = { .request = SPAN_NONE }, again;
		ssize_t length = policy_parse(rest, &request);
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
