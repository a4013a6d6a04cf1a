/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy service: parse, ask, answer.  The loop's thread; hostile input. */
#include "intake/policy.h"

#include <errno.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
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

/* In the order of their lengths. */
static const struct {
	struct span name;
	size_t offset;
} attributes[] = {
	{ { "sender", 6 }, offsetof(struct policy_request, sender) },
	{ { "request", 7 }, offsetof(struct policy_request, request) },
	{ { "queue_id", 8 }, offsetof(struct policy_request, queue_id) },
	{ { "recipient", 9 }, offsetof(struct policy_request, recipient) },
	{ { "sasl_username", 13 }, offsetof(struct policy_request, sasl_username) },
	{ { "policy_context", 14 }, offsetof(struct policy_request, policy_context) },
	{ { "protocol_state", 14 }, offsetof(struct policy_request, protocol_state) },
};
enum { ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

/* By length: the number, from 1, of the first one; most lines need no second look. */
static const uint8_t first_of_length[] = { [6] = 1, [7] = 2, [8] = 3, [9] = 4, [13] = 5, [14] = 6 };

/* Unknown names are passed over: later Postfix versions send more. */
static void take_attribute(struct policy_request *request, struct span name, struct span value)
{
	size_t row = name.len < sizeof(first_of_length) ? first_of_length[name.len] : 0;

	for (; row > 0 && row <= ATTRIBUTES && attributes[row - 1].name.len == name.len; row++) {
		const char *known = attributes[row - 1].name.ptr;
		if (name.ptr[0] == known[0] && memcmp(name.ptr, known, name.len) == 0) {
			*(struct span *)((char *)request + attributes[row - 1].offset) = value;
			return;
		}
	}
}

/*
 * Where line ends and "=" are, 64 bytes at a time: a request has thirty lines, and two calls of memchr for each would be most
 * of what a question costs.
 */
enum { BLOCK = 64 };

#ifdef __SSE2__
static inline uint64_t find_in_quarter(const char *quarter, __m128i wanted)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)quarter), wanted));
}

/* Bit i: byte i of the block is c. */
static inline uint64_t find_in_block(const char block[static BLOCK], char c)
{
	const __m128i wanted = _mm_set1_epi8(c);

	return find_in_quarter(block, wanted) | find_in_quarter(block + 16, wanted) << 16 | find_in_quarter(block + 32, wanted) << 32 |
	       find_in_quarter(block + 48, wanted) << 48;
}
#else
static inline uint64_t find_in_block(const char block[static BLOCK], char c)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < BLOCK; at++)
		found |= (uint64_t)(block[at] == c) << at;
	return found;
}
#endif

struct marks {
	uint64_t ends, equals;
};

static struct marks mark_block(struct span input, size_t at)
{
	char last[BLOCK] = { 0 };
	const char *block = input.ptr + at;

	if (input.len - at < BLOCK)
		block = memcpy(last, block, input.len - at);
	return (struct marks){ find_in_block(block, '\n'), find_in_block(block, '=') };
}

ssize_t policy_parse(struct span input, struct policy_request *ret_request)
{
	struct policy_request request = { .request = SPAN_NONE };
	size_t line = 0, equals = SIZE_MAX; /* offsets: of the line's start, of its first "=" */

	for (size_t block = 0; block < input.len; block += BLOCK) {
		struct marks marks = mark_block(input, block);
		for (; marks.ends; marks.ends &= marks.ends - 1) {
			uint64_t of_line = marks.ends ^ (marks.ends - 1); /* what stands in the block up to the line's end */
			size_t end = block + (size_t)__builtin_ctzll(marks.ends);
			if (equals == SIZE_MAX && marks.equals & of_line)
				equals = block + (size_t)__builtin_ctzll(marks.equals);
			if (end == line) {
				*ret_request = request;
				return (ssize_t)end + 1;
			}
			if (equals == SIZE_MAX)
				return -EINVAL;
			take_attribute(&request, span_make(input.ptr + line, equals - line), span_make(input.ptr + equals + 1, end - equals - 1));
			marks.equals &= ~of_line;
			line = end + 1;
			equals = SIZE_MAX;
		}
		if (equals == SIZE_MAX && marks.equals)
			equals = block + (size_t)__builtin_ctzll(marks.equals);
	}
	return 0;
}

/* The text goes into a line of its own: no byte of it may end that line. */
static void add_refusal(const char *code, const char *text, struct buffer *output)
{
	buffer_printf(output, "action=%s ", code);
	for (; *text; text++)
		buffer_add_char(output, (unsigned char)*text < ' ' ? ' ' : *text);
	buffer_add(output, SPAN_LIT("\n\n"));
}

/* At later stages a refusal would hit the whole message. */
static bool is_about_a_recipient(const struct policy_request *request)
{
	return span_is_equal(request->request, SPAN_LIT("smtpd_access_policy")) && span_is_equal(request->protocol_state, SPAN_LIT("RCPT"));
}

static void ask(const struct policy *policy, const struct policy_request *request, struct answer *ret_answer)
{
	struct submission submission = { request->sender, request->sasl_username, request->policy_context, .is_smtp = true };
	char stream[TOKEN_STREAM_SIZE];
	struct question question = { .front = SIGHTING_POLICY, .recipient = request->recipient, .sender = request->sender,
				     .login = request->sasl_username, .now_s = time(NULL) };

	flow_make_stream(policy->snapshot, &submission, stream);
	question.stream = span_of(stream);
	flow_ask(policy->snapshot, policy->intake.index, &question, ret_answer);
	if (ret_answer->is_dry_run)
		intake_log_answer("policy", request->queue_id, ret_answer, "dry-run");
}

static void refuse(const struct policy *policy, const struct policy_request *request, const struct answer *answer, struct buffer *output)
{
	bool is_tempfail = policy->snapshot->policy_reaction == REACTION_TEMPFAIL;

	counter_add(COUNTER_POLICY_REFUSED, 1);
	intake_log_answer("policy", request->queue_id, answer, is_tempfail ? "tempfailed" : "refused");
	add_refusal(is_tempfail ? "450 4.1.1" : "550 5.1.1", answer->text, output);
}

static void answer_request(const struct policy *policy, const struct policy_request *request, struct buffer *output)
{
	struct answer answer; /* a kilobyte, of which flow_ask fills in what is needed */

	counter_add(COUNTER_POLICY_REQUESTS, 1);
	answer.is_suppressed = false;
	if (is_about_a_recipient(request))
		ask(policy, request, &answer);
	if (answer.is_suppressed)
		refuse(policy, request, &answer, output);
	else
		buffer_add(output, SPAN_LIT("action=" POLICY_FAIL_OPEN "\n\n"));
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
