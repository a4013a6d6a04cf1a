/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy service: parse, ask, answer.  The loop's thread; hostile input. */
#include "intake/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "flow/counter.h"

struct policy {
	struct intake intake;
	struct snapshot *snapshot; /* held between requests, exchanged after a reload */
};

struct policy *policy_new(const struct intake *intake)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (policy)
		policy->intake = *intake;
	return policy;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	snapshot_unref(policy->snapshot);
	free(policy);
}

static const struct {
	struct span name;
	size_t offset;
} attributes[] = {
	{ { "request", 7 }, offsetof(struct policy_request, request) },
	{ { "protocol_state", 14 }, offsetof(struct policy_request, protocol_state) },
	{ { "sender", 6 }, offsetof(struct policy_request, sender) },
	{ { "recipient", 9 }, offsetof(struct policy_request, recipient) },
	{ { "queue_id", 8 }, offsetof(struct policy_request, queue_id) },
	{ { "sasl_username", 13 }, offsetof(struct policy_request, sasl_username) },
};

/* Unknown names are passed over: later Postfix versions send more. */
static void take_attribute(struct policy_request *request, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (name.len == attributes[i].name.len && memcmp(name.ptr, attributes[i].name.ptr, name.len) == 0) {
			*(struct span *)((char *)request + attributes[i].offset) = value;
			return;
		}
}

ssize_t policy_parse(struct span input, struct policy_request *ret_request)
{
	struct policy_request request = { .request = SPAN_NONE };
	size_t at = 0;

	for (;;) {
		const char *line = input.ptr + at;
		const char *end = at < input.len ? memchr(line, '\n', input.len - at) : NULL;
		const char *equals;
		if (!end)
			return 0;
		at += (size_t)(end - line) + 1;
		if (end == line) {
			*ret_request = request;
			return (ssize_t)at;
		}
		equals = memchr(line, '=', (size_t)(end - line));
		if (!equals)
			return -EINVAL;
		take_attribute(&request, span_make(line, (size_t)(equals - line)), span_make(equals + 1, (size_t)(end - equals - 1)));
	}
}

/* The text goes into a line of its own: no byte of it may end that line. */
static void add_refusal(const char *code, const char *text, struct buffer *output)
{
	buffer_printf(output, "action=%s ", code);
	for (; *text; text++)
		buffer_add_char(output, (unsigned char)*text < ' ' ? ' ' : *text);
	buffer_add(output, SPAN_LIT("\n\n"));
}

static void answer_request(struct policy *policy, const struct policy_request *request, struct buffer *output)
{
	struct question question = { .front = SIGHTING_POLICY, .recipient = request->recipient, .sender = request->sender, .login = request->sasl_username,
				     .stream = SPAN_LIT(""), .now_s = time(NULL) };
	struct answer answer = { .is_suppressed = false };

	counter_add(COUNTER_POLICY_REQUESTS, 1);
	/* at later stages a refusal would hit the whole message */
	if (span_is_equal(request->request, SPAN_LIT("smtpd_access_policy")) && span_is_equal(request->protocol_state, SPAN_LIT("RCPT")))
		flow_ask(policy->snapshot, policy->intake.index, &question, &answer);
	if (answer.is_dry_run)
		intake_log_answer("policy", request->queue_id, &answer, "dry-run");
	if (!answer.is_suppressed) {
		buffer_add(output, SPAN_LIT("action=" POLICY_FAIL_OPEN "\n\n"));
		return;
	}
	bool is_tempfail = policy->snapshot->policy_reaction == REACTION_TEMPFAIL;
	counter_add(COUNTER_POLICY_REFUSED, 1);
	intake_log_answer("policy", request->queue_id, &answer, is_tempfail ? "tempfailed" : "refused");
	add_refusal(is_tempfail ? "450 4.1.1" : "550 5.1.1", answer.text, output);
}

ssize_t policy_take(void *data, struct span input, struct buffer *output)
{
	struct policy *policy = data;
	size_t taken = 0;

	current_refresh(policy->intake.current, &policy->snapshot);
	for (;;) {
		struct policy_request request;
		ssize_t length = policy_parse(span_skip(input, taken), &request);
		if (length < 0) {
			counter_add(COUNTER_POLICY_MALFORMED, 1);
			return length;
		}
		if (length == 0)
			return (ssize_t)taken;
		answer_request(policy, &request, output);
		taken += (size_t)length;
	}
}
