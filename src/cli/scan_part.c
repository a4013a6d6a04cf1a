/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines, and what waits for the part's turn.  One thread a worker; the lines are hostile. */
#include "cli/scan_part.h"

enum { RECORDS_FIRST = 256 * 1024, RECORDS_MAX = 256 * 1024 * 1024 };

/* What the log said, in its order: words on recipients, and what the queue needs. */
enum record_kind { RECORD_FAILURE, RECORD_SETTLED, RECORD_DELIVERY, RECORD_EXPIRED, RECORD_OVER };

/*
 * Behind it, by kind: a struct tally_word and the recipient's address; the recipient's hash; a struct log_delivery and its texts (a
 * deferral, or whatever came before the rules were loaded), the same of the one that expired; nothing.
 */
struct record {
	uint8_t kind;
	bool is_success;    /* of what is settled */
	bool is_counted;    /* of a delivery: the tally has it */
	uint32_t len;       /* of address or texts */
	uint64_t id;        /* hash of the queue id */
	uint64_t recipient; /* hash */
};

/* --- records */

static size_t pad(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* Room for so many bytes more; NULL: there is none. */
static char *grow_records(struct scan_part *part, size_t need)
{
	size_t size = part->record_size ? part->record_size : RECORDS_FIRST;
	char *grown;

	if (part->record_len + need <= part->record_size)
		return part->records + part->record_len;
	while (size < part->record_len + need)
		size *= 2;
	grown = size <= RECORDS_MAX ? realloc(part->records, size) : NULL;
	if (!grown)
		return NULL;
	part->records = grown;
	part->record_size = size;
	return grown + part->record_len;
}

/* Where what is behind it goes: `head`, which is copied, and record->len bytes; NULL: there is no memory. */
static char *add_record(struct scan_worker *worker, const struct record *record, const void *head, size_t head_len)
{
	size_t need = sizeof(*record) + head_len + pad(record->len);
	char *to = grow_records(worker->part, need);

	if (!to) {
		worker->has_no_memory = true;
		return NULL;
	}
	memcpy(to, record, sizeof(*record));
	if (head_len)
		memcpy(to + sizeof(*record), head, head_len);
	worker->part->record_len += need;
	return to + sizeof(*record) + head_len;
}

static void add_failure(struct scan_worker *worker, const struct tally_word *word)
{
	const struct record record = { .kind = RECORD_FAILURE, .len = (uint32_t)word->recipient.len };
	char *to = add_record(worker, &record, word, sizeof(*word));

	if (to && word->recipient.len)
		memcpy(to, word->recipient.ptr, word->recipient.len);
}

/* What the tally and the queue read of a delivery, in the order of the record's texts. */
enum { DELIVERY_TEXTS = 3 };

static void get_texts(struct log_delivery *delivery, struct span *texts[static DELIVERY_TEXTS])
{
	texts[0] = &delivery->recipient;
	texts[1] = &delivery->relay;
	texts[2] = &delivery->text;
}

static void add_delivery(struct scan_worker *worker, struct record record, const struct log_delivery *delivery)
{
	struct log_delivery copy = *delivery;
	struct span *texts[DELIVERY_TEXTS];
	char *to;

	get_texts(&copy, texts);
	record.len = (uint32_t)(texts[0]->len + texts[1]->len + texts[2]->len);
	to = add_record(worker, &record, &copy, sizeof(copy));
	for (size_t i = 0; to && i < DELIVERY_TEXTS; i++) {
		if (texts[i]->len)
			memcpy(to, texts[i]->ptr, texts[i]->len);
		to += texts[i]->len;
	}
}

/* *at: behind the record, then behind what belongs to it. */
static struct log_delivery take_delivery(const struct record *record, const char **at)
{
	struct log_delivery delivery;
	struct span *texts[DELIVERY_TEXTS];
	const char *text = *at + sizeof(delivery);

	memcpy(&delivery, *at, sizeof(delivery));
	get_texts(&delivery, texts);
	for (size_t i = 0; i < DELIVERY_TEXTS; i++) {
		texts[i]->ptr = text;
		text += texts[i]->len;
	}
	/* they were of a line that is gone */
	delivery.host = delivery.instance = delivery.program = delivery.queue_id = delivery.orig_to = SPAN_NONE;
	*at += sizeof(delivery) + pad(record->len);
	return delivery;
}

/* --- words: to suspects and queue at once, or, from a part, when its turn comes */

void scan_tell(void *data, const struct tally_word *word)
{
	struct scan_worker *worker = data;

	if (!worker->part)
		suspects_take(&worker->scan->suspects, word);
	else if (word->is_success)
		worker->is_success = true; /* which is told with what is settled */
	else
		add_failure(worker, word);
}

static void settle(struct scan_worker *worker, uint64_t id, uint64_t recipient)
{
	const struct record record = { .kind = RECORD_SETTLED, .is_success = worker->is_success, .id = id, .recipient = recipient };

	if (worker->part)
		add_record(worker, &record, NULL, 0);
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
		add_record(worker, &record, NULL, 0);
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

void scan_take_line(struct scan_worker *worker, struct span text)
{
	const struct siphash_key *key = &worker->scan->key;
	struct logline line;
	struct log_delivery expired;

	if (maillog_begin(worker->log, text, &line)) {
		switch (logqueue_read(&line, &worker->log->messages)) {
		case LOGQUEUE_DELIVERY:
			take_deliveries(worker, &line, logqueue_hash_id(key, &line));
			break;
		case LOGQUEUE_EXPIRED:
			expired = log_delivery_of_line(&line);
			expire(worker, logqueue_hash_id(key, &line), &expired);
			break;
		case LOGQUEUE_OVER:
			forget(worker, logqueue_hash_id(key, &line));
			break;
		case LOGQUEUE_NOTHING:
			break;
		}
	}
	maillog_end(worker->log, &line);
}

/* --- a part's turn */

/* What is behind the record: where the next one stands. */
static const char *replay(struct scan_worker *worker, const struct record *record, const char *at)
{
	struct tally_word word = { .is_success = true, .hash = record->recipient };
	struct log_delivery delivery;

	switch ((enum record_kind)record->kind) {
	case RECORD_FAILURE:
		memcpy(&word, at, sizeof(word));
		word.recipient = span_make(at + sizeof(word), record->len);
		suspects_take(&worker->scan->suspects, &word);
		return at + sizeof(word) + pad(record->len);
	case RECORD_SETTLED:
		if (record->is_success)
			suspects_take(&worker->scan->suspects, &word);
		settle(worker, record->id, record->recipient);
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
