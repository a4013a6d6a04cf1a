/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines, and what waits for the part's turn.  One thread a worker; the lines are hostile. */
#include "cli/scan_part.h"

#include <assert.h>

enum { RECORDS_FIRST = 256 * 1024, RECORDS_MAX = 256 * 1024 * 1024 };

/* What the log said, in its order: words on recipients, and what the queue needs. */
enum record_kind { RECORD_FAILURE, RECORD_SETTLED, RECORD_DELIVERY, RECORD_EXPIRED, RECORD_OVER };

/*
 * Behind it, by kind: a struct tally_word and the recipient's address; nothing; a struct kept_delivery and its texts (a deferral, or
 * whatever came before the rules were loaded), the same of the one that expired; nothing.
 */
struct record {
	uint8_t kind;
	bool is_success;    /* of what is settled */
	bool is_counted;    /* of a delivery: the tally has it */
	uint32_t len;       /* of address or texts */
	uint64_t id;        /* hash of the queue id */
	uint64_t recipient; /* hash */
};

/* What the tally and the queue read of a delivery. */
enum { DELIVERY_TEXTS = 3 };

struct kept_delivery {
	int64_t time_s;
	struct status status;
	uint8_t action;
	bool is_final, is_expired, is_doubtful;
	uint32_t lengths[DELIVERY_TEXTS]; /* recipient, relay, text */
};

static_assert(sizeof(struct kept_delivery) % sizeof(uint64_t) == 0, "what is behind it stands as straight as it does");

/* --- records */

static size_t pad(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* Room for so many bytes more: false, there is none. */
static bool grow_records(struct scan_worker *worker, size_t need)
{
	struct scan_part *part = worker->part;
	size_t size = part->record_size ? part->record_size : RECORDS_FIRST;
	char *grown;

	while (size < part->record_len + need)
		size *= 2;
	grown = size <= RECORDS_MAX ? realloc(part->records, size) : NULL;
	if (!grown) {
		worker->has_no_memory = true;
		return false;
	}
	part->records = grown;
	part->record_size = size;
	return true;
}

/* Where the `len` bytes go that are behind it; NULL: there is no memory. */
static inline char *add_record(struct scan_worker *worker, const struct record *record, size_t len)
{
	struct scan_part *part = worker->part;
	size_t need = sizeof(*record) + len;
	char *to;

	if (part->record_len + need > part->record_size && !grow_records(worker, need))
		return NULL;
	to = part->records + part->record_len;
	part->record_len += need;
	memcpy(to, record, sizeof(*record));
	return to + sizeof(*record);
}

static char *put(char *to, const void *bytes, size_t len)
{
	if (len)
		memcpy(to, bytes, len);
	return to + len;
}

static void add_failure(struct scan_worker *worker, const struct tally_word *word)
{
	const struct record record = { .kind = RECORD_FAILURE, .len = (uint32_t)word->recipient.len };
	char *to = add_record(worker, &record, sizeof(*word) + pad(record.len));

	if (to)
		(void)put(put(to, word, sizeof(*word)), word->recipient.ptr, word->recipient.len);
}

static void add_delivery(struct scan_worker *worker, struct record record, const struct log_delivery *delivery)
{
	/* nobody reads what was said where the mail was taken */
	struct span text = delivery->action == ACTION_DELIVERED ? SPAN_LIT("") : delivery->text;
	const struct kept_delivery kept = {
		.time_s = delivery->time_s,
		.status = delivery->status,
		.action = (uint8_t)delivery->action,
		.is_final = delivery->is_final,
		.is_expired = delivery->is_expired,
		.is_doubtful = delivery->is_doubtful,
		.lengths = { (uint32_t)delivery->recipient.len, (uint32_t)delivery->relay.len, (uint32_t)text.len },
	};
	char *to;

	record.len = kept.lengths[0] + kept.lengths[1] + kept.lengths[2];
	to = add_record(worker, &record, sizeof(kept) + pad(record.len));
	if (!to)
		return;
	to = put(put(to, &kept, sizeof(kept)), delivery->recipient.ptr, delivery->recipient.len);
	(void)put(put(to, delivery->relay.ptr, delivery->relay.len), text.ptr, text.len);
}

/* *at: behind the record, then behind what belongs to it. */
static struct log_delivery take_delivery(const struct record *record, const char **at)
{
	const char *recipient = *at + sizeof(struct kept_delivery), *relay, *text;
	struct kept_delivery kept;

	memcpy(&kept, *at, sizeof(kept));
	relay = recipient + kept.lengths[0];
	text = relay + kept.lengths[1];
	*at += sizeof(kept) + pad(record->len);
	return (struct log_delivery){
		.time_s = kept.time_s,
		.status = kept.status,
		.action = (enum action)kept.action,
		.is_final = kept.is_final,
		.is_expired = kept.is_expired,
		.is_doubtful = kept.is_doubtful,
		.recipient = span_make(recipient, kept.lengths[0]),
		.relay = span_make(relay, kept.lengths[1]),
		.text = span_make(text, kept.lengths[2]),
	};
}

/* --- words: to suspects and queue at once, or, from a part, when its turn comes */

static void take_success(void *data, uint64_t hash)
{
	struct scan_worker *worker = data;

	worker->is_success = true;
	if (!worker->part)
		suspects_take_success(&worker->scan->suspects, hash);
}

static void take_failure(void *data, const struct tally_word *word)
{
	struct scan_worker *worker = data;

	if (worker->part)
		add_failure(worker, word);
	else
		suspects_take_failure(&worker->scan->suspects, word);
}

struct tally_listener scan_listen(struct scan_worker *worker)
{
	return (struct tally_listener){ take_success, take_failure, worker };
}

static void settle(struct scan_worker *worker, uint64_t id, uint64_t recipient)
{
	const struct record record = { .kind = RECORD_SETTLED, .is_success = worker->is_success, .id = id, .recipient = recipient };

	if (worker->part)
		(void)add_record(worker, &record, 0);
	else
		logqueue_settle(worker->scan->queue, id, recipient);
}

static void defer(struct scan_worker *worker, uint64_t id, uint64_t recipient, const struct log_delivery *delivery)
{
	if (worker->part)
		add_delivery(worker, (struct record){ .kind = RECORD_DELIVERY, .is_counted = true, .id = id, .recipient = recipient }, delivery);
	else if (logqueue_defer(worker->scan->queue, id, recipient, delivery) < 0)
		worker->has_no_memory = true;
}

static void count(void *data, const struct log_delivery *delivery)
{
	struct scan_worker *worker = data;

	tally_add(worker->tally, delivery);
}

static void expire(struct scan_worker *worker, uint64_t id, const struct log_delivery *expired)
{
	if (worker->part)
		add_delivery(worker, (struct record){ .kind = RECORD_EXPIRED, .id = id }, expired);
	else
		logqueue_expire(worker->scan->queue, id, expired, count, worker);
}

static void forget(struct scan_worker *worker, uint64_t id)
{
	const struct record record = { .kind = RECORD_OVER, .id = id };

	if (worker->part)
		(void)add_record(worker, &record, 0);
	else
		logqueue_forget(worker->scan->queue, id);
}

static void take_recipient(struct scan_worker *worker, uint64_t id, const struct log_delivery *delivery)
{
	uint64_t recipient;

	if (delivery->is_probe)
		return;
	if (!worker->has_rules) {
		add_delivery(worker, (struct record){ .kind = RECORD_DELIVERY, .id = id }, delivery);
		return;
	}
	worker->is_success = false;
	recipient = tally_add(worker->tally, delivery);
	if (delivery->is_final)
		settle(worker, id, recipient);
	else
		defer(worker, id, recipient, delivery);
}

/* --- lines */

static void take_deliveries(struct scan_worker *worker, const struct logline *line, uint64_t id)
{
	struct log_delivery delivery = log_delivery_of_line(line);
	struct span rest = line->to;

	while (logline_take_recipient(line, &rest, &delivery.recipient))
		take_recipient(worker, id, &delivery);
}

/* Most lines do not come so far: what they cost is the call that tells. */
static __attribute__((noinline)) void take_begun(struct scan_worker *worker, struct logline *line)
{
	const struct siphash_key *key = &worker->scan->key;
	struct log_delivery expired;

	switch (logqueue_read(line, &worker->log->messages)) {
	case LOGQUEUE_DELIVERY:
		take_deliveries(worker, line, logqueue_hash_id(key, line));
		break;
	case LOGQUEUE_EXPIRED:
		expired = log_delivery_of_line(line);
		expire(worker, logqueue_hash_id(key, line), &expired);
		break;
	case LOGQUEUE_OVER:
		forget(worker, logqueue_hash_id(key, line));
		break;
	case LOGQUEUE_NOTHING:
		break;
	}
}

void scan_take_line(struct scan_worker *worker, struct span text)
{
	if (maillog_begin(worker->log, text, &worker->line))
		take_begun(worker, &worker->line);
	maillog_end(worker->log, &worker->line);
}

/* --- a part's turn */

/* What is behind the record: where the next one stands. */
static const char *replay(struct scan_worker *worker, const struct record *record, const char *at)
{
	struct log_delivery delivery;
	struct tally_word word;

	switch ((enum record_kind)record->kind) {
	case RECORD_FAILURE:
		memcpy(&word, at, sizeof(word));
		word.recipient = span_make(at + sizeof(word), record->len);
		suspects_take_failure(&worker->scan->suspects, &word);
		return at + sizeof(word) + pad(record->len);
	case RECORD_SETTLED:
		if (record->is_success)
			suspects_take_success(&worker->scan->suspects, record->recipient);
		logqueue_settle(worker->scan->queue, record->id, record->recipient);
		return at;
	case RECORD_DELIVERY:
		delivery = take_delivery(record, &at);
		if (record->is_counted)
			defer(worker, record->id, record->recipient, &delivery);
		else
			take_recipient(worker, record->id, &delivery);
		return at;
	case RECORD_EXPIRED:
		delivery = take_delivery(record, &at);
		expire(worker, record->id, &delivery);
		return at;
	case RECORD_OVER:
		forget(worker, record->id);
		return at;
	}
	return at;
}

void scan_merge_part(struct scan_worker *worker, struct scan_part *part)
{
	struct scan *scan = worker->scan;
	const char *at = part->records, *end = at + part->record_len;

	worker->tally->part = part->number;
	while (at < end) {
		struct record record;
		memcpy(&record, at, sizeof(record));
		at = replay(worker, &record, at + sizeof(record));
	}
	part->record_len = 0;
	scan->log.lines += part->log.lines;
	scan->log.unreadable += part->log.unreadable;
	scan->log.messages += part->log.messages;
	part->log.lines = part->log.unreadable = part->log.messages = 0;
	scan->error = scan->error ? scan->error : part->error;
}
