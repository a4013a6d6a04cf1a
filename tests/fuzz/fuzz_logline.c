/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a log: its lines are parsed, joined with little room, and their outcomes made; and read by who asks for deliveries alone,
 * with as little room.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "evidence/logqueue.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct siphash_key key = { { 1, 2 } };

static void check_within(struct span inner, struct span outer)
{
	if (inner.len && (inner.ptr < outer.ptr || inner.ptr + inner.len > outer.ptr + outer.len) && outer.len)
		abort();
}

static void check(void *data, const struct log_delivery *delivery)
{
	struct outcome outcome;
	struct arena *arena = data;

	arena_reset(arena);
	if (log_delivery_get_outcome(delivery, arena, &outcome) < 0)
		return;
	if (!utf8_is_valid(outcome.recipient) || !utf8_is_valid(outcome.text) || !utf8_is_valid(outcome.sender) ||
	    !utf8_is_valid(outcome.message_id) || outcome.action == ACTION_UNKNOWN || outcome.kind != KIND_LOG)
		abort();
}

static void check_line(const struct logline *line, struct span text)
{
	struct span rest = line->to, one;
	size_t total = 0;

	check_within(line->queue_id, text);
	check_within(line->to, text);
	check_within(line->orig_to, text);
	check_within(line->relay, text);
	check_within(line->sender, text);
	check_within(line->message_id, text);
	while (logline_take_recipient(line, &rest, &one)) {
		check_within(one, line->to);
		total++;
	}
	if (total > text.len + 1)
		abort();
}

static void take_all(struct span text, struct logjoin *join, struct arena *arena)
{
	struct logclock clock;

	logclock_init(&clock, 1795293362);
	while (span_is_known(text)) {
		struct span one = span_take(&text, '\n');
		struct logline line;
		logline_parse(one, &clock, &line);
		check_line(&line, one);
		if (logjoin_take(join, &line, check, arena) < 0)
			abort();
	}
}

static void take_deliveries(struct logqueue *queue, const struct logline *line, uint64_t id, struct arena *arena)
{
	struct log_delivery delivery = log_delivery_of_line(line);
	struct span rest = line->to;

	while (logline_take_recipient(line, &rest, &delivery.recipient)) {
		uint64_t recipient = quickhash(&key, delivery.recipient);
		check(arena, &delivery);
		if (delivery.is_final)
			logqueue_settle(queue, id, recipient);
		else if (logqueue_defer(queue, id, recipient, &delivery) < 0)
			abort();
	}
}

/* Read whole, it is the same. */
static void check_word(enum logqueue_word word, const struct logline *line, struct span text)
{
	struct logline whole;
	struct logclock clock;
	enum logline_kind kind;

	logclock_init(&clock, 1795293362);
	kind = logline_parse(text, &clock, &whole);
	if ((word == LOGQUEUE_DELIVERY) != (kind == LOGLINE_DELIVERY) || (word == LOGQUEUE_EXPIRED) != (kind == LOGLINE_EXPIRED))
		abort();
	if (word != LOGQUEUE_NOTHING && !span_is_equal(line->queue_id, whole.queue_id))
		abort();
}

static void take_deliveries_alone(struct span text, struct arena *arena)
{
	struct logqueue *queue = logqueue_new(4, 3600);
	struct logclock clock;
	uint64_t messages = 0;

	if (!queue)
		abort();
	logclock_init(&clock, 1795293362);
	while (span_is_known(text)) {
		struct span one = span_take(&text, '\n');
		struct logline line;
		logline_begin(one, &clock, &line);
		enum logqueue_word word = logqueue_read(&line, &messages);
		uint64_t id = word == LOGQUEUE_NOTHING ? 0 : logqueue_hash_id(&key, &line);
		struct log_delivery expired = log_delivery_of_line(&line);
		check_word(word, &line, one);
		if (word == LOGQUEUE_DELIVERY)
			take_deliveries(queue, &line, id, arena);
		else if (word == LOGQUEUE_EXPIRED)
			logqueue_expire(queue, id, &expired, check, arena);
		else if (word == LOGQUEUE_OVER)
			logqueue_forget(queue, id);
		if (logqueue_get_counts(queue).deferred > 4)
			abort();
	}
	logqueue_free(queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct logjoin_options options = { .key = key, .open_max = 4, .deferred_max = 4, .lifetime_s = 3600 };
	struct span text = span_make(size ? (const char *)bytes : "", size);
	struct logjoin *join = logjoin_new(&options);
	struct arena *arena = arena_new(1 << 20);
	struct logline line;

	if (!join || !arena)
		abort();
	logline_parse_message(SPAN_LIT("postfix/smtp"), text, &line);
	check_line(&line, text);
	logline_parse_message(SPAN_LIT("sm-mta"), text, &line);
	check_line(&line, text);
	take_all(text, join, arena);
	if (logjoin_get_counts(join)->open > 4 || logjoin_get_counts(join)->deferred > 4)
		abort();
	take_deliveries_alone(text, arena);
	logjoin_free(join);
	arena_free(arena);
	return 0;
}
