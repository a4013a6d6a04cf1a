/* SPDX-License-Identifier: BSD-2-Clause */
/* From deliveries to what the store takes: read log.h first. */
#include "flow/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decide/relay.h"
#include "flow/counter.h"
#include "flow/watch.h"

enum { EVENTS_FULL = 1000, COUNTS_FULL = 1000, BYTES_FULL = 4 << 20, HOST_LABEL_MAX = 64 };

struct log_batch {
	struct snapshot *snapshot; /* NULL: empty */
	struct arena *arena;
	struct mark mark;
	struct failure **failures; /* in the arena, each */
	size_t failure_count, failure_size;
	struct reading_event *events;
	struct failure **of_event; /* the failure that an event is; NULL: a success */
	size_t event_count, event_size;
	struct reading_count *counts;
	size_t count_count, count_size;
};

struct log_batch *log_batch_new(void)
{
	struct log_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->arena = arena_new(0);
	if (!batch->arena) {
		free(batch);
		return NULL;
	}
	return batch;
}

void log_batch_free(struct log_batch *batch)
{
	if (!batch)
		return;
	log_batch_clear(batch);
	arena_free(batch->arena);
	free(batch->failures);
	free(batch->events);
	free(batch->of_event);
	free(batch->counts);
	free(batch);
}

void log_batch_clear(struct log_batch *batch)
{
	arena_reset(batch->arena);
	batch->failure_count = batch->event_count = batch->count_count = 0;
	snapshot_unref(batch->snapshot);
	batch->snapshot = NULL;
}

struct mark *log_batch_get_mark(struct log_batch *batch)
{
	return &batch->mark;
}

bool log_batch_is_full(const struct log_batch *batch)
{
	return batch->failure_count >= EVENTS_FULL || batch->event_count >= EVENTS_FULL || batch->count_count >= COUNTS_FULL ||
	       arena_get_used(batch->arena) >= BYTES_FULL;
}

bool log_batch_is_urgent(const struct log_batch *batch)
{
	return batch->failure_count > 0;
}

const struct failure *log_batch_get_failure(const struct log_batch *batch, size_t number)
{
	return number < batch->failure_count ? batch->failures[number] : NULL;
}

/* Room for one more of `size` bytes in *list. */
static int grow(void *list, size_t count, size_t room, size_t size)
{
	void **items = list, *more;

	if (count < room)
		return 0;
	more = reallocarray(*items, room ? room * 2 : 64, size);
	if (!more)
		return -ENOMEM;
	*items = more;
	return 0;
}

/* In all lists: what is added later cannot fail any more. */
static int make_room(struct log_batch *batch)
{
	if (grow(&batch->failures, batch->failure_count, batch->failure_size, sizeof(*batch->failures)) < 0)
		return -ENOMEM;
	if (batch->failure_count == batch->failure_size)
		batch->failure_size = batch->failure_size ? batch->failure_size * 2 : 64;
	if (grow(&batch->events, batch->event_count, batch->event_size, sizeof(*batch->events)) < 0 ||
	    grow(&batch->of_event, batch->event_count, batch->event_size, sizeof(*batch->of_event)) < 0)
		return -ENOMEM;
	if (batch->event_count == batch->event_size)
		batch->event_size = batch->event_size ? batch->event_size * 2 : 64;
	if (grow(&batch->counts, batch->count_count, batch->count_size, sizeof(*batch->counts)) < 0)
		return -ENOMEM;
	if (batch->count_count == batch->count_size)
		batch->count_size = batch->count_size ? batch->count_size * 2 : 64;
	return 0;
}

/* --- whose word is it? */

static bool is_one_of(struct span word, const char *const *words)
{
	for (; *words; words++)
		if (span_is_equal(word, span_of(*words)))
			return true;
	return false;
}

/* Our own delivery agents speak of mailboxes of our own, or repeat what an operator's map says. */
static bool is_own_word(const struct log_delivery *delivery)
{
	static const char *const agents[] = { "local", "virtual", "pipe", "error", "discard", "spawn", NULL };
	struct log_relay relay = log_relay_parse(delivery->relay);
	struct network address;

	if (delivery->mta == LOG_MTA_POSTFIX && is_one_of(delivery->program, agents))
		return true;
	if (span_is_known(relay.address))
		return network_parse(relay.address, &address) < 0;
	/* over a socket of this machine: "mx.example.jp[private/dovecot-lmtp]" */
	if (delivery->mta == LOG_MTA_POSTFIX && span_find_char(delivery->relay, '[', 0) != SIZE_MAX)
		return true;
	/* Sendmail's local, prog and error mailers: no relay, or one without a domain */
	return delivery->mta == LOG_MTA_SENDMAIL && span_find_char(relay.host, '.', 0) == SIZE_MAX;
}

static bool is_success(const struct snapshot *snapshot, const struct log_delivery *delivery)
{
	struct log_relay relay = log_relay_parse(delivery->relay);

	return delivery->action == ACTION_DELIVERED && relays_deliver(&snapshot->relays, relay.host, relay.address);
}

/* --- one delivery */

static int64_t get_time(const struct log_facts *facts, const struct log_delivery *delivery)
{
	return delivery->time_s > 0 && delivery->time_s < facts->now_s ? delivery->time_s : facts->now_s;
}

static struct span get_label(struct span host)
{
	return span_slice(host, 0, span_find_char(host, '.', 0));
}

/*
 * Under the name that a report of the same MTA has.  An instance of Postfix beside the first is part of it, because short queue ids
 * are one instance's own.
 */
static struct span make_host(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery)
{
	const char *own = batch->snapshot->host;
	struct span host = span_is_known(delivery->host) ? delivery->host : facts->host;

	if (own && own[0] && span_is_equal_nocase(get_label(host), get_label(facts->host)))
		host = span_of(own);
	host = get_label(host);
	if (delivery->mta != LOG_MTA_POSTFIX || delivery->instance.len == 0 || span_is_equal(delivery->instance, SPAN_LIT("postfix")))
		return arena_copy(batch->arena, host);
	return arena_printf(batch->arena, "%.*s/%.*s", SPAN_ARG(span_slice(host, 0, HOST_LABEL_MAX)),
			    SPAN_ARG(span_slice(delivery->instance, 0, HOST_LABEL_MAX)));
}

/* What lives as long as the batch. */
static void keep_outcome(struct log_batch *batch, struct outcome *outcome)
{
	struct span *fields[] = { &outcome->recipient, &outcome->original_recipient, &outcome->sender,     &outcome->text,
				  &outcome->remote_mta, &outcome->reporting_mta,      &outcome->queue_id,   &outcome->envelope_id,
				  &outcome->message_id };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = arena_copy(batch->arena, *fields[i]);
}

static struct span make_stream(struct log_batch *batch, const struct log_delivery *delivery)
{
	struct submission submission = { .sender = delivery->sender, .login = delivery->login, .is_smtp = true };
	char stream[TOKEN_STREAM_SIZE];

	flow_make_stream(batch->snapshot, &submission, stream);
	return arena_copy(batch->arena, span_of(stream));
}

/* The event that the failure (or success) is: the next in the list, if its ruling wants it there. */
static struct reading_event *make_event(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery,
					struct failure *failure)
{
	struct reading_event *item = &batch->events[batch->event_count];

	keep_outcome(batch, &failure->outcome);
	item->event = (struct event){
		.outcome = &failure->outcome,
		.verdict = &failure->verdict,
		.stream = make_stream(batch, delivery),
		.login = arena_copy(batch->arena, delivery->login),
		.host = make_host(batch, facts, delivery),
		/* its own time, so that what is read late, or again, is seen as what it was */
		.received_s = get_time(facts, delivery),
		.is_reported_by_us = true,
		.token_recipient = SPAN_NONE,
		.token_id = SPAN_NONE,
	};
	item->ruling = ruling_make(&batch->snapshot->limits, &item->event);
	return item;
}

static void add_success(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery, struct failure *success)
{
	if (make_event(batch, facts, delivery, success)->ruling.is_success)
		batch->of_event[batch->event_count++] = NULL;
}

static void add_failure(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery, struct failure *failure)
{
	const struct ruling *ruling = &make_event(batch, facts, delivery, failure)->ruling;

	batch->failures[batch->failure_count++] = failure;
	watch_note(SIGHTING_LOG, failure->outcome.recipient);
	counter_add(COUNTER_OUTCOMES, 1);
	counter_add_class(failure->verdict.class_id);
	if (ruling->is_kept) {
		batch->of_event[batch->event_count++] = failure;
		return;
	}
	failure->is_decided = true;
	failure->decision = (struct decision){ .kind = ruling->kind, .reason = ruling->reason, .why = reason_get_text(ruling->reason) };
	counter_add_decision(failure->decision.kind);
}

/* --- numbers */

/* Failures of no provider, and what is no failure, are told apart by domain. */
static struct span find_provider(struct log_batch *batch, const struct failure *failure, const struct address *address)
{
	if (failure->verdict.provider[0])
		return span_of(failure->verdict.provider);
	return address->len ? arena_copy(batch->arena, address_get_domain(address)) : SPAN_LIT("?");
}

static void count(struct log_batch *batch, struct span provider, struct span class_name, int64_t hour, struct span recipient)
{
	struct reading_count *row = batch->counts, *end = row + batch->count_count;

	for (; row < end; row++)
		if (row->hour == hour && span_is_equal(row->class_name, class_name) && span_is_equal(row->provider, provider)) {
			row->count++;
			if (!span_is_equal(row->recipient, recipient))
				row->recipient = SPAN_NONE;
			return;
		}
	*row = (struct reading_count){ provider, class_name, hour, 1, arena_copy(batch->arena, recipient) };
	batch->count_count++;
}

/* Has it been counted before?  Then the log is being read again. */
static bool is_new(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery)
{
	char what[512];
	int len = snprintf(what, sizeof(what), "%d %.*s %.*s", (int)delivery->action, SPAN_ARG(span_slice(delivery->queue_id, 0, 64)),
			   SPAN_ARG(span_slice(delivery->recipient, 0, 400)));

	return mark_take(&batch->mark, span_is_known(delivery->host) ? delivery->host : facts->host, get_time(facts, delivery),
			 span_make(what, (size_t)len));
}

static void add_number(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery, const struct failure *failure,
		       struct span name)
{
	struct address address;

	if (!is_new(batch, facts, delivery))
		return;
	if (address_fold(failure->outcome.recipient, &address, NULL) < 0)
		address = (struct address){ .len = 0 };
	count(batch, find_provider(batch, failure, &address), name, get_time(facts, delivery) / 3600, address_get(&address));
}

/* --- all of it */

static void sort_delivery(struct log_batch *batch, const struct log_facts *facts, const struct log_delivery *delivery, struct failure *failure)
{
	/* what is said to nobody is said by nobody: bounces of ours go to whoever was named, and are refused for being bounces */
	bool is_null_sender = span_is_known(delivery->sender) && flow_is_null_sender(delivery->sender);

	if (delivery->action == ACTION_FAILED) {
		counter_add(COUNTER_MAILLOG_FAILED, 1);
		if (!is_null_sender && !is_own_word(delivery))
			add_failure(batch, facts, delivery, failure);
	} else if (delivery->action == ACTION_DELAYED) {
		counter_add(COUNTER_MAILLOG_DEFERRED, 1);
		add_number(batch, facts, delivery, failure, SPAN_LIT("delayed"));
	} else if (is_success(batch->snapshot, delivery)) {
		counter_add(COUNTER_MAILLOG_DELIVERED, 1);
		add_number(batch, facts, delivery, failure, SPAN_LIT("delivered"));
		if (!is_null_sender)
			add_success(batch, facts, delivery, failure);
	} else {
		counter_add(COUNTER_MAILLOG_RELAYED, 1);
		add_number(batch, facts, delivery, failure, SPAN_LIT("relayed"));
	}
}

static bool is_kept(const struct failure *failure)
{
	const struct outcome *outcome = &failure->outcome;

	/* arena_copy gives nothing for a text that was there only where there is no memory */
	return span_is_known(outcome->recipient);
}

int log_batch_add(struct log_batch *batch, struct snapshot *snapshot, struct scratch *scratch, const struct log_facts *facts,
		  const struct log_delivery *delivery)
{
	struct failure *failure;
	struct query query;
	bool is_proved = facts->is_trusted && !delivery->is_doubtful;
	int error;

	if (delivery->is_probe)
		return 0;
	failure = arena_alloc(batch->arena, sizeof(*failure));
	if (!failure || make_room(batch) < 0)
		return -ENOMEM;
	if (!batch->snapshot)
		batch->snapshot = snapshot_ref(snapshot);
	error = log_delivery_get_outcome(delivery, batch->arena, &failure->outcome);
	if (error < 0)
		return error;
	failure->outcome.proof = is_proved ? PROOF_LOG : PROOF_NONE;
	failure->outcome.proof_reason = is_proved ? PROOF_REASON_LOG_LINE : PROOF_REASON_UNTRUSTED_LOG;
	query = query_of(&failure->outcome);
	classify(batch->snapshot->ruleset, scratch, &query, &failure->verdict);
	watch_note_evidence(SOURCE_LOG, facts->now_s);
	sort_delivery(batch, facts, delivery, failure);
	return is_kept(failure) ? 0 : -ENOMEM;
}

int log_batch_commit(struct log_batch *batch, struct writer *writer, const char *name, const char *place, const char *mark_name)
{
	struct reading reading = { batch->events, batch->event_count, batch->counts, batch->count_count, name, place, mark_name, NULL };
	struct buffer mark;
	int error;

	buffer_init(&mark, MARK_TEXT_MAX);
	mark_write(&batch->mark, &mark);
	reading.mark = buffer_get_text(&mark);
	error = reading_commit(writer, &reading);
	buffer_done(&mark);

	for (size_t i = 0; i < batch->event_count && error == 0; i++) {
		struct failure *failure = batch->of_event[i];
		if (!failure)
			continue;
		failure->decision = batch->events[i].decision;
		failure->is_decided = true;
		counter_add_decision(failure->decision.kind);
	}
	return error;
}
