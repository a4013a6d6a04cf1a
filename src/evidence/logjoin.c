/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines joined by queue id: a table of open messages, the deferred recipients of each in a ring, all in the order in
 * which they were last touched.  Pure; one thread; the text is hostile, which is why the hash is keyed.
 */
#include "evidence/logjoin.h"

#include <errno.h>

#include "evidence/logmessage.h"

/* --- emitting */

static enum action get_action(enum log_status status)
{
	switch (status) {
	case LOG_STATUS_SENT:
	case LOG_STATUS_DELIVERABLE:
		return ACTION_DELIVERED;
	case LOG_STATUS_DEFERRED:
		return ACTION_DELAYED;
	default:
		return ACTION_FAILED;
	}
}

struct log_delivery log_delivery_of_line(const struct logline *line)
{
	bool is_expired = line->kind == LOGLINE_EXPIRED;

	return (struct log_delivery){
		.action = is_expired ? ACTION_FAILED : get_action(line->log_status),
		.is_final = is_expired || line->log_status != LOG_STATUS_DEFERRED,
		.is_expired = is_expired,
		.is_probe = line->log_status == LOG_STATUS_DELIVERABLE || line->log_status == LOG_STATUS_UNDELIVERABLE,
		.is_doubtful = line->is_doubtful,
		.is_long_id = line->is_long_id,
		.mta = line->mta,
		.time_s = line->time_s,
		.host = line->host,
		.instance = line->instance,
		.program = line->program,
		.queue_id = line->queue_id,
		.sender = SPAN_NONE,
		.message_id = SPAN_NONE,
		.login = SPAN_NONE,
		.recipient = SPAN_NONE,
		.orig_to = line->orig_to,
		.relay = line->relay,
		.status = line->status,
		.text = line->text,
	};
}

static struct log_delivery make_delivery(const struct logline *line, const struct message *message)
{
	struct log_delivery delivery = log_delivery_of_line(line);

	if (message) {
		delivery.sender = message_get(message, MESSAGE_SENDER);
		delivery.message_id = message_get(message, MESSAGE_ID);
		delivery.login = message_get(message, MESSAGE_LOGIN);
	}
	return delivery;
}

static void emit_one(struct logjoin *join, const struct log_delivery *delivery, logjoin_emit *emit, void *data)
{
	join->counts.deliveries++;
	join->counts.doubtful += delivery->is_doubtful;
	if (emit)
		emit(data, delivery);
}

/* --- what each kind of line does */

static int take_client(struct logjoin *join, struct logline *line, struct message *message)
{
	message = messages_begin(join, line, message);
	return message ? message_set(message, MESSAGE_LOGIN, line->login) : -ENOMEM;
}

/* A message that the queue manager has seen is not new any more: its id is used again. */
static int take_message_id(struct logjoin *join, struct logline *line, struct message *message)
{
	if (!message || message->has_sender)
		message = messages_begin(join, line, message);
	return message ? message_set(message, MESSAGE_ID, line->message_id) : -ENOMEM;
}

/* Postfix says it again at each retry, Sendmail once. */
static int take_from(struct logjoin *join, struct logline *line, struct message *message)
{
	int error, error_id;

	if (!message || line->mta == LOG_MTA_SENDMAIL)
		message = messages_begin(join, line, message);
	if (!message)
		return -ENOMEM;
	message->has_sender = true;
	message->recipient_count = line->recipient_count;
	error = message_set(message, MESSAGE_SENDER, line->sender);
	error_id = span_is_known(line->message_id) ? message_set(message, MESSAGE_ID, line->message_id) : 0;
	return error ? error : error_id;
}

static int take_recipient(struct logjoin *join, struct message **message, const struct logline *line, struct log_delivery *delivery,
			  logjoin_emit *emit, void *data)
{
	int error = 0;

	emit_one(join, delivery, emit, data);
	if (delivery->is_probe)
		return 0;
	if (!delivery->is_final && !*message)
		*message = messages_begin(join, line, NULL);
	if (!delivery->is_final)
		error = *message ? messages_defer(join, *message, delivery) : -ENOMEM;
	else if (*message)
		messages_settle(join, *message, delivery->recipient);
	return error;
}

static int take_delivery(struct logjoin *join, const struct logline *line, struct message *message, logjoin_emit *emit, void *data)
{
	struct log_delivery delivery = make_delivery(line, message);
	struct span rest = line->to;
	int error = 0;

	while (logline_take_recipient(line, &rest, &delivery.recipient)) {
		int one = take_recipient(join, &message, line, &delivery, emit, data);
		error = error ? error : one;
	}
	if (message && line->mta == LOG_MTA_SENDMAIL)
		messages_close_if_done(join, message);
	return error;
}

static void take_expired(struct logjoin *join, const struct logline *line, struct message *message, logjoin_emit *emit, void *data)
{
	struct log_delivery delivery = make_delivery(line, message);
	struct deferred *one;

	if (!message || !message->deferred.last) {
		join->counts.expired_unknown++;
		return;
	}
	if (span_is_known(line->sender) && !span_is_known(delivery.sender))
		delivery.sender = line->sender;
	/* the ring's first is behind the one that it is held by */
	while ((one = messages_take_deferred(join, message))) {
		delivery.recipient = deferred_get(one, DEFERRED_RECIPIENT);
		delivery.orig_to = deferred_get(one, DEFERRED_ORIG_TO);
		delivery.relay = deferred_get(one, DEFERRED_RELAY);
		delivery.text = deferred_get(one, DEFERRED_TEXT);
		delivery.status = one->status;
		delivery.is_doubtful = line->is_doubtful || one->is_doubtful;
		emit_one(join, &delivery, emit, data);
		deferred_free(one);
	}
	if (line->mta == LOG_MTA_SENDMAIL)
		messages_close_if_done(join, message);
}

int logjoin_take(struct logjoin *join, struct logline *line, logjoin_emit *emit, void *data)
{
	struct message *message;

	if (logline_finish(line) <= LOGLINE_OTHER || line->kind == LOGLINE_NOTICE)
		return 0;
	if (logage_take(&join->age, line->time_s))
		messages_age(join);
	message = messages_find(join, line);
	if (message)
		messages_touch(join, message);
	switch (line->kind) {
	case LOGLINE_CLIENT:
		return take_client(join, line, message);
	case LOGLINE_MESSAGE_ID:
		return take_message_id(join, line, message);
	case LOGLINE_FROM:
		return take_from(join, line, message);
	case LOGLINE_DELIVERY:
		return take_delivery(join, line, message, emit, data);
	case LOGLINE_EXPIRED:
		take_expired(join, line, message, emit, data);
		return 0;
	default:
		if (message)
			messages_remove(join, message);
		return 0;
	}
}

/* --- outcomes */

int log_delivery_get_outcome(const struct log_delivery *delivery, struct arena *arena, struct outcome *ret_outcome)
{
	struct log_relay relay = log_relay_parse(delivery->relay);
	struct outcome outcome = {
		.recipient = delivery->recipient,
		.original_recipient = delivery->orig_to,
		.sender = delivery->sender,
		.action = delivery->action,
		.reporting_mta = delivery->host,
		.queue_id = delivery->queue_id,
		.message_id = delivery->message_id,
		.time_s = delivery->time_s,
		.source = SOURCE_LOG,
		.kind = KIND_LOG,
		.is_expired = delivery->is_expired,
	};
	struct span *const texts[] = { &outcome.recipient, &outcome.original_recipient, &outcome.sender, &outcome.text,
				       &outcome.remote_mta, &outcome.reporting_mta, &outcome.message_id };
	struct reply reply;
	int error = reply_find(delivery->text, arena, &reply);

	if (error < 0)
		return error;
	outcome.reply = reply.code;
	outcome.status = status_is_known(reply.status) ? reply.status : delivery->status;
	outcome.text = reply.text;
	outcome.command = reply.command;
	/* "none", "local" and the name of a pipe are no hosts */
	outcome.remote_mta = span_is_known(reply.remote_mta) ? reply.remote_mta :
			     span_is_known(relay.address)    ? relay.host :
							       SPAN_NONE;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct span valid = utf8_make_valid(*texts[i], arena);
		if (span_is_known(*texts[i]) && !span_is_known(valid))
			return -ENOMEM;
		*texts[i] = valid;
	}
	*ret_outcome = outcome;
	return 0;
}
