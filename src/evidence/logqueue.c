/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deferred recipients of a log, each in two chains: of those with the hash of its queue id, and of those with both hashes.
 * Pure; one thread; texts are hostile, hashes are keyed.
 */
#include "evidence/logqueue.h"

#include <errno.h>
#include <stdlib.h>

#include "evidence/logage.h"
#include "evidence/logfield.h"

enum {
	DEFERRED_MAX_DEFAULT = 1000000,
	LIFETIME_DEFAULT_S = 10 * 86400,
	CHAINS_FIRST = 1024,
	TEXT_MAX = 2048,
	TEXTS_KEPT_MAX = 1024, /* of one that is free */
	NONE = UINT32_MAX
};

enum chain { CHAIN_ID, CHAIN_BOTH, CHAIN_AGE, CHAINS };

struct link {
	uint32_t next, previous;
};

/* A recipient whose mail is still in the queue, and the last reason. */
struct held {
	uint64_t id, recipient;
	int64_t deferred_s;         /* at last, by logage.h */
	struct link links[CHAINS];  /* in the chains of the hashes, and, the newest first, in that of all */
	char *texts;                /* recipient, relay and text, one after the other */
	uint32_t size;              /* of `texts` */
	uint16_t recipient_len, relay_len, text_len;
	struct status status;
	bool is_doubtful;
};

struct logqueue {
	struct logqueue_counts counts;
	size_t deferred_max;
	int64_t lifetime_s;
	struct logage age;
	struct held *held;
	size_t held_size, held_count; /* count: so many were ever in use */
	uint32_t free_held;           /* chained by age */
	uint32_t *heads[CHAINS];      /* CHAIN_AGE has one */
	uint32_t oldest;
	size_t head_count;            /* of each of the others: a power of two */
};

/* --- lines */

static enum logqueue_word read_from(struct logline *line, uint64_t *messages)
{
	switch (logline_finish(line)) {
	case LOGLINE_EXPIRED:
		return LOGQUEUE_EXPIRED;
	case LOGLINE_FROM:
		*messages += line->mta == LOG_MTA_SENDMAIL;
		return LOGQUEUE_NOTHING;
	default:
		return LOGQUEUE_NOTHING;
	}
}

enum logqueue_word logqueue_read(struct logline *line, uint64_t *messages)
{
	switch (line->kind) {
	case LOGLINE_DELIVERY:
		return logline_finish(line) == LOGLINE_DELIVERY ? LOGQUEUE_DELIVERY : LOGQUEUE_NOTHING;
	case LOGLINE_FROM:
		return read_from(line, messages);
	case LOGLINE_NOTICE: /* Sendmail's may tell of expiry */
		return line->mta == LOG_MTA_SENDMAIL && logline_finish(line) == LOGLINE_EXPIRED ? LOGQUEUE_EXPIRED : LOGQUEUE_NOTHING;
	case LOGLINE_MESSAGE_ID: /* cleanup says one of each message, whoever took it in */
		if (!logline_confirm(line))
			return LOGQUEUE_NOTHING;
		++*messages;
		return line->is_long_id ? LOGQUEUE_NOTHING : LOGQUEUE_OVER; /* a long id was never used before, nor will be again */
	case LOGLINE_REMOVED:
		return logline_confirm(line) && !line->is_long_id ? LOGQUEUE_OVER : LOGQUEUE_NOTHING;
	default:
		return LOGQUEUE_NOTHING;
	}
}

/* --- chains */

static size_t get_place(const struct logqueue *queue, enum chain chain, uint64_t id, uint64_t recipient)
{
	if (chain == CHAIN_AGE)
		return 0;
	return (chain == CHAIN_ID ? id : quickhash_fold(id, recipient | 1)) & (queue->head_count - 1);
}

static void link_held(struct logqueue *queue, uint32_t number, enum chain chain)
{
	struct held *held = &queue->held[number];
	uint32_t *head = &queue->heads[chain][get_place(queue, chain, held->id, held->recipient)];

	held->links[chain] = (struct link){ *head, NONE };
	if (*head != NONE)
		queue->held[*head].links[chain].previous = number;
	else if (chain == CHAIN_AGE)
		queue->oldest = number;
	*head = number;
}

static void unlink_held(struct logqueue *queue, uint32_t number, enum chain chain)
{
	const struct held *held = &queue->held[number];
	struct link link = held->links[chain];

	if (link.next != NONE)
		queue->held[link.next].links[chain].previous = link.previous;
	else if (chain == CHAIN_AGE)
		queue->oldest = link.previous;
	if (link.previous != NONE)
		queue->held[link.previous].links[chain].next = link.next;
	else
		queue->heads[chain][get_place(queue, chain, held->id, held->recipient)] = link.next;
}

static uint32_t *make_heads(size_t count)
{
	uint32_t *heads = malloc(count * sizeof(*heads));

	for (size_t i = 0; heads && i < count; i++)
		heads[i] = NONE;
	return heads;
}

/* As many chains as recipients.  Without memory they grow long, and it takes its time. */
static void grow_heads(struct logqueue *queue)
{
	size_t count = queue->head_count * 2;
	uint32_t *of_id = make_heads(count), *of_both = make_heads(count);

	if (!of_id || !of_both) {
		free(of_id);
		free(of_both);
		return;
	}
	free(queue->heads[CHAIN_ID]);
	free(queue->heads[CHAIN_BOTH]);
	queue->heads[CHAIN_ID] = of_id;
	queue->heads[CHAIN_BOTH] = of_both;
	queue->head_count = count;
	/* from the oldest on, so that the chains have their order */
	for (uint32_t number = queue->oldest; number != NONE; number = queue->held[number].links[CHAIN_AGE].previous) {
		link_held(queue, number, CHAIN_ID);
		link_held(queue, number, CHAIN_BOTH);
	}
}

/* --- those that are held */

static uint32_t find(const struct logqueue *queue, uint64_t id, uint64_t recipient)
{
	uint32_t number = queue->heads[CHAIN_BOTH][get_place(queue, CHAIN_BOTH, id, recipient)];

	while (number != NONE && (queue->held[number].id != id || queue->held[number].recipient != recipient))
		number = queue->held[number].links[CHAIN_BOTH].next;
	return number;
}

/* The next with this id, from `number` on. */
static uint32_t find_id_from(const struct logqueue *queue, uint32_t number, uint64_t id)
{
	while (number != NONE && queue->held[number].id != id)
		number = queue->held[number].links[CHAIN_ID].next;
	return number;
}

static uint32_t find_id(const struct logqueue *queue, uint64_t id)
{
	return find_id_from(queue, queue->heads[CHAIN_ID][get_place(queue, CHAIN_ID, id, 0)], id);
}

static void release(struct logqueue *queue, uint32_t number)
{
	struct held *held = &queue->held[number];

	for (unsigned chain = 0; chain < CHAINS; chain++)
		unlink_held(queue, number, (enum chain)chain);
	if (held->size > TEXTS_KEPT_MAX) {
		free(held->texts);
		held->texts = NULL;
		held->size = 0;
	}
	held->links[CHAIN_AGE].next = queue->free_held;
	queue->free_held = number;
	queue->counts.deferred--;
}

static void forget_oldest(struct logqueue *queue)
{
	release(queue, queue->oldest);
	queue->counts.forgotten++;
}

static void take_time(struct logqueue *queue, int64_t time_s)
{
	if (!logage_take(&queue->age, time_s))
		return;
	while (queue->oldest != NONE && queue->held[queue->oldest].deferred_s < queue->age.now_s - queue->lifetime_s)
		forget_oldest(queue);
}

/* One that is in no chain, its texts' memory as it was; NONE: out of memory. */
static uint32_t get_free(struct logqueue *queue)
{
	uint32_t number = queue->free_held;

	if (number != NONE) {
		queue->free_held = queue->held[number].links[CHAIN_AGE].next;
		return number;
	}
	if (queue->held_count == queue->held_size) {
		size_t size = queue->held_size ? queue->held_size * 2 : 256;
		struct held *grown = realloc(queue->held, size * sizeof(*grown));
		if (!grown)
			return NONE;
		queue->held = grown;
		queue->held_size = size;
	}
	queue->held[queue->held_count] = (struct held){ 0 };
	return (uint32_t)queue->held_count++;
}

static uint32_t hold(struct logqueue *queue, uint64_t id, uint64_t recipient)
{
	uint32_t number;

	while (queue->counts.deferred >= queue->deferred_max)
		forget_oldest(queue);
	if (queue->counts.deferred >= queue->head_count)
		grow_heads(queue);
	number = get_free(queue);
	if (number == NONE)
		return NONE;
	queue->held[number].id = id;
	queue->held[number].recipient = recipient;
	for (unsigned chain = 0; chain < CHAINS; chain++)
		link_held(queue, number, (enum chain)chain);
	queue->counts.deferred++;
	return number;
}

static int set_texts(struct held *held, struct span recipient, struct span relay, struct span text)
{
	size_t need = recipient.len + relay.len + text.len + 1; /* empty is not unknown */
	char *grown = need > held->size ? realloc(held->texts, need) : held->texts;

	if (!grown)
		return -ENOMEM;
	if (need > held->size)
		held->size = (uint32_t)need;
	held->texts = grown;
	held->recipient_len = (uint16_t)recipient.len;
	held->relay_len = (uint16_t)relay.len;
	held->text_len = (uint16_t)text.len;
	if (recipient.len)
		memcpy(grown, recipient.ptr, recipient.len);
	if (relay.len)
		memcpy(grown + recipient.len, relay.ptr, relay.len);
	if (text.len)
		memcpy(grown + recipient.len + relay.len, text.ptr, text.len);
	return 0;
}

int logqueue_defer(struct logqueue *queue, uint64_t id, uint64_t recipient, const struct log_delivery *delivery)
{
	uint32_t number;
	struct held *held;

	take_time(queue, delivery->time_s);
	number = find(queue, id, recipient);
	/* no address or host: nobody can be held to it */
	if (delivery->recipient.len > TEXT_MAX || delivery->relay.len > TEXT_MAX)
		return 0;
	if (number == NONE) {
		number = hold(queue, id, recipient);
	} else {
		unlink_held(queue, number, CHAIN_AGE);
		link_held(queue, number, CHAIN_AGE);
	}
	if (number == NONE)
		return -ENOMEM;
	held = &queue->held[number];
	held->deferred_s = queue->age.now_s;
	held->status = delivery->status;
	held->is_doubtful = delivery->is_doubtful;
	if (set_texts(held, delivery->recipient, delivery->relay, span_slice(delivery->text, 0, TEXT_MAX)) == 0)
		return 0;
	release(queue, number);
	return -ENOMEM;
}

void logqueue_settle(struct logqueue *queue, uint64_t id, uint64_t recipient)
{
	uint32_t number = find(queue, id, recipient);

	if (number != NONE)
		release(queue, number);
}

void logqueue_forget(struct logqueue *queue, uint64_t id)
{
	uint32_t number;

	while ((number = find_id(queue, id)) != NONE)
		release(queue, number);
}

void logqueue_expire(struct logqueue *queue, uint64_t id, const struct log_delivery *expired, logjoin_emit *emit, void *data)
{
	uint32_t number;

	take_time(queue, expired->time_s);
	while ((number = find_id(queue, id)) != NONE) {
		const struct held *held = &queue->held[number];
		struct log_delivery delivery = *expired;
		delivery.recipient = span_make(held->texts, held->recipient_len);
		delivery.relay = span_make(held->texts + held->recipient_len, held->relay_len);
		delivery.text = span_make(held->texts + held->recipient_len + held->relay_len, held->text_len);
		delivery.status = held->status;
		delivery.is_doubtful |= held->is_doubtful;
		emit(data, &delivery);
		release(queue, number);
	}
}

/* --- */

struct logqueue *logqueue_new(size_t deferred_max, int64_t lifetime_s)
{
	struct logqueue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->deferred_max = deferred_max ? deferred_max : DEFERRED_MAX_DEFAULT;
	queue->lifetime_s = lifetime_s ? lifetime_s : LIFETIME_DEFAULT_S;
	queue->oldest = queue->free_held = NONE;
	queue->head_count = CHAINS_FIRST;
	for (unsigned chain = 0; chain < CHAINS; chain++)
		queue->heads[chain] = make_heads(chain == CHAIN_AGE ? 1 : queue->head_count);
	for (unsigned chain = 0; chain < CHAINS; chain++)
		if (!queue->heads[chain]) {
			logqueue_free(queue);
			return NULL;
		}
	return queue;
}

void logqueue_free(struct logqueue *queue)
{
	if (!queue)
		return;
	for (size_t i = 0; i < queue->held_count; i++)
		free(queue->held[i].texts);
	for (unsigned chain = 0; chain < CHAINS; chain++)
		free(queue->heads[chain]);
	free(queue->held);
	free(queue);
}

struct logqueue_counts logqueue_get_counts(const struct logqueue *queue)
{
	return queue->counts;
}
