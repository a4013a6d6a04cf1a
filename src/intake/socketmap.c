/* SPDX-License-Identifier: BSD-2-Clause */
/* The look-up tables: parse, ask, answer.  The loop's thread; hostile input. */
#include "intake/socketmap.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "flow/correct.h"
#include "flow/counter.h"
#include "intake/netstring.h"

struct socketmap {
	struct intake intake;
	struct snapshot *snapshot; /* held between requests, exchanged after a reload */
	struct scratch *scratch;
	struct buffer reply;
	bool has_complained; /* of an unknown map: one line is enough */
};

struct socketmap *socketmap_new(const struct intake *intake)
{
	struct socketmap *socketmap = calloc(1, sizeof(*socketmap));

	if (!socketmap)
		return NULL;
	socketmap->intake = *intake;
	socketmap->scratch = scratch_new();
	buffer_init(&socketmap->reply, SOCKETMAP_REQUEST_MAX + 64);
	if (socketmap->scratch)
		return socketmap;
	free(socketmap);
	return NULL;
}

void socketmap_free(struct socketmap *socketmap)
{
	if (!socketmap)
		return;
	snapshot_unref(socketmap->snapshot);
	scratch_free(socketmap->scratch);
	buffer_done(&socketmap->reply);
	free(socketmap);
}

/* --- the maps: each leaves the reply empty, or writes "OK value" */

/* A status and one blank; the rest are the words, which are repeated as they are. */
static void answer_status(struct socketmap *socketmap, struct span key)
{
	char from[STATUS_TEXT_SIZE], to[STATUS_TEXT_SIZE];
	struct correction correction;
	struct status given;
	size_t length = status_take(key, &given);

	if (length == 0 || !flow_correct(socketmap->snapshot, socketmap->scratch, given, span_skip(key, length), &correction))
		return;
	status_format(given, from);
	status_format(correction.status, to);
	counter_add(COUNTER_MAP_CORRECTED, 1);
	log_event(LOG_LEVEL_INFO, "status-corrected", "from=%s to=%s class=%s rule=%s", from, to, class_get_name(correction.verdict.class_id),
		  correction.verdict.rule);
	buffer_printf(&socketmap->reply, "OK %s", to);
	buffer_add(&socketmap->reply, span_skip(key, length));
}

/* A map knows neither sender nor login: what exempts those does not reach here. */
static bool is_suppressed(struct socketmap *socketmap, const char *front, struct span key, const char *action, struct answer *ret_answer)
{
	struct question question = { .front = SIGHTING_SOCKETMAP, .recipient = key, .is_sender_unknown = true, .stream = SPAN_LIT("*"), .now_s = time(NULL) };

	flow_ask(socketmap->snapshot, socketmap->intake.index, &question, ret_answer);
	if (ret_answer->is_dry_run)
		intake_log_answer(front, SPAN_NONE, ret_answer, "dry-run");
	if (!ret_answer->is_suppressed)
		return false;
	counter_add(COUNTER_MAP_REFUSED, 1);
	intake_log_answer(front, SPAN_NONE, ret_answer, action);
	return true;
}

/* -> "550 5.1.1 <user@example.com>: suppressed ...", or nothing */
static bool refuse(struct socketmap *socketmap, const char *front, struct span key, struct answer *ret_answer, const char **ret_code)
{
	bool is_tempfail = socketmap->snapshot->socketmap_reaction == REACTION_TEMPFAIL;

	*ret_code = is_tempfail ? "450 4.1.1" : "550 5.1.1";
	return is_suppressed(socketmap, front, key, is_tempfail ? "tempfailed" : "refused", ret_answer);
}

static void answer_recipient(struct socketmap *socketmap, struct span key)
{
	struct answer answer;
	const char *code;

	if (refuse(socketmap, "map-recipient", key, &answer, &code))
		buffer_printf(&socketmap->reply, "OK %s %s", code, answer.text);
}

/* Sendmail takes a value apart, and the mark, being in parentheses, for a comment, unless it stands in quotes. */
static void answer_sendmail(struct socketmap *socketmap, struct span key)
{
	struct answer answer;
	const char *code;

	if (!refuse(socketmap, "map-sendmail", key, &answer, &code))
		return;
	for (char *c = answer.text; *c; c++)
		if (*c == '"' || *c == '\\')
			*c = '?';
	buffer_printf(&socketmap->reply, "OK \"%s %s\"", code, answer.text);
}

/* Always final: what retry(8) defers would stay in the queue for days. */
static void answer_transport(struct socketmap *socketmap, struct span key)
{
	struct answer answer;

	if (is_suppressed(socketmap, "map-transport", key, "refused", &answer))
		buffer_printf(&socketmap->reply, "OK error:5.1.1 %s", answer.text);
}

static const struct {
	struct span name;
	void (*answer)(struct socketmap *socketmap, struct span key);
} maps[] = {
	{ { "status", 6 }, answer_status },
	{ { "recipient", 9 }, answer_recipient },
	{ { "sendmail", 8 }, answer_sendmail },
	{ { "transport", 9 }, answer_transport },
};

static void complain(struct socketmap *socketmap, struct span name)
{
	char value[LOG_VALUE_SIZE];

	if (!socketmap->has_complained)
		log_event(LOG_LEVEL_WARNING, "map-unknown", "map=%s maps=\"status recipient sendmail transport\"", log_value(name, value));
	socketmap->has_complained = true;
}

static void answer_request(struct socketmap *socketmap, struct span request, struct buffer *output)
{
	struct span key = request, name = span_take(&key, ' ');
	size_t i;

	counter_add(COUNTER_MAP_REQUESTS, 1);
	buffer_clear(&socketmap->reply);
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (span_is_equal(name, maps[i].name)) {
			maps[i].answer(socketmap, key);
			break;
		}
	if (i == sizeof(maps) / sizeof(maps[0]))
		complain(socketmap, name);
	/* half an answer is none */
	if (socketmap->reply.len == 0 || socketmap->reply.is_cut)
		netstring_add(output, SPAN_LIT(SOCKETMAP_FAIL_OPEN));
	else
		netstring_add(output, buffer_get(&socketmap->reply));
}

ssize_t socketmap_take(void *data, struct span input, struct buffer *output)
{
	struct socketmap *socketmap = data;
	size_t taken = 0;

	current_refresh(socketmap->intake.current, &socketmap->snapshot);
	for (;;) {
		struct span request;
		ssize_t length = netstring_take(span_skip(input, taken), SOCKETMAP_REQUEST_MAX, &request);
		if (length < 0) {
			counter_add(COUNTER_MAP_MALFORMED, 1);
			return length;
		}
		if (length == 0)
			return (ssize_t)taken;
		answer_request(socketmap, request, output);
		taken += (size_t)length;
	}
}
