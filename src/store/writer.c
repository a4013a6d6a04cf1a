/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Group commit with a deadline.  A batch is its bytes (wire.h): made by the caller, read by the writer's thread, and,
 * when the store does not answer, appended to the queue as they are.  A batch that the writer holds when its caller's
 * patience ends may be both committed and queued: its keys (or its nonce) make the second one a duplicate.
 */
#include "store/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "store/queue.h"
#include "store/thread.h"
#include "store/unproved.h"
#include "store/wire.h"

enum {
	DEADLINE_MS = 2000, JOB_DEADLINE_MS = 30000, RETRY_MS = 1000, PRUNE_MS = 10 * 60 * 1000,
	GROUP_MAX = 512, DRAIN_GROUP = 256, QUEUE_BYTES = 64 * 1024 * 1024
};

enum batch_state { BATCH_WAITING, BATCH_TAKEN, BATCH_DONE };

struct batch {
	struct batch *next;
	struct buffer bytes;          /* one wire event after the other */
	size_t count;
	struct decision *decisions;   /* of those, in that order */
	int (*job)(struct store *store, void *data);
	void *data;
	enum batch_state state;
	bool is_abandoned;            /* the caller has gone, and keeps it by itself */
	int result;
	unsigned holders;             /* caller and writer */
	pthread_cond_t done;
};

struct writer {
	struct store_options options;
	char *uri, *queue_dir;
	struct queue *queue;
	struct index *index;
	unsigned deadline_ms;
	uint64_t nonce_high;
	uint64_t nonce_low;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct batch *first, **last;  /* waiting */
	bool is_stopping;
	struct writer_stats stats;
	struct unproved *unproved;
	/* the writer's thread alone */
	struct store *store;          /* NULL: away */
	int64_t retry_ms, prune_ms;
	bool is_prune_put_off;
	int64_t change;
	struct surge *surge;
};

static void batch_release(struct batch *batch)
{
	if (--batch->holders > 0)
		return;
	buffer_done(&batch->bytes);
	free(batch->decisions);
	pthread_cond_destroy(&batch->done);
	free(batch);
}

static struct batch *batch_new(size_t count)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->decisions = calloc(count ? count : 1, sizeof(*batch->decisions));
	if (!batch->decisions) {
		free(batch);
		return NULL;
	}
	batch->holders = 1;
	buffer_init(&batch->bytes, count * WIRE_SIZE_MAX);
	monotonic_cond_init(&batch->done);
	return batch;
}

static void note_error(struct writer *writer, const char *what, int error)
{
	const char *why = store_get_error(writer->store);

	pthread_mutex_lock(&writer->mutex);
	snprintf(writer->stats.last_error, sizeof(writer->stats.last_error), "%s: %s", what, *why ? why : strerror(-error));
	pthread_mutex_unlock(&writer->mutex);
}

/* The refusal of one record, not of the store: to try again or elsewhere would change nothing. */
static bool is_record_at_fault(int error)
{
	return error == -EINVAL || error == -E2BIG;
}

/* A handle that failed in another way than by a lock may be of no more use. */
static void give_up_store(struct writer *writer, const char *what, int error)
{
	note_error(writer, what, error);
	/* a job's own refusal is none of the store's */
	if (error == -EBUSY || is_record_at_fault(error) || !*store_get_error(writer->store))
		return;
	store_close(writer->store);
	writer->store = NULL;
	writer->retry_ms = monotonic_get_ms() + RETRY_MS;
}

static int ensure_store(struct writer *writer)
{
	if (writer->store)
		return 0;
	if (monotonic_get_ms() < writer->retry_ms)
		return -EIO;
	int result = store_open(&writer->options, &writer->store);
	if (result < 0) {
		note_error(writer, "open", result);
		writer->retry_ms = monotonic_get_ms() + RETRY_MS;
	}
	return result;
}

struct tally_of_group {
	uint64_t events, duplicates, held;
};

static int apply_bytes(struct writer *writer, struct span bytes, struct decision *decisions, struct tally_of_group *tally)
{
	struct wire_event event;

	for (size_t i = 0; bytes.len; i++) {
		struct decision decision;
		int result = wire_take(&bytes, &event);
		if (result == 0)
			result = store_apply(writer->store, &event.ruling, &event.event, writer->surge, &decision);
		if (result < 0)
			return result;
		tally->events++;
		tally->duplicates += decision.is_duplicate;
		tally->held += decision.kind == DECISION_HELD;
		if (decisions)
			decisions[i] = decision;
	}
	return 0;
}

static int apply_batch(struct writer *writer, struct batch *batch, struct tally_of_group *tally)
{
	if (batch->job)
		return batch->result = batch->job(writer->store, batch->data);
	return batch->result = apply_bytes(writer, buffer_get(&batch->bytes), batch->decisions, tally);
}

static int commit(struct writer *writer, const struct tally_of_group *tally)
{
	int result = store_commit(writer->store);

	if (result < 0)
		return result;
	pthread_mutex_lock(&writer->mutex);
	writer->stats.committed += tally->events;
	writer->stats.duplicates += tally->duplicates;
	writer->stats.held += tally->held;
	writer->stats.transactions++;
	writer->stats.last_error[0] = '\0';
	pthread_mutex_unlock(&writer->mutex);
	return 0;
}

/* From `first` up to `end`, in one transaction.  All or nothing. */
static int commit_batches(struct writer *writer, struct batch *first, struct batch *end)
{
	struct tally_of_group tally = { 0, 0, 0 };
	int result = ensure_store(writer);

	if (result < 0)
		return result;
	result = store_begin(writer->store);
	for (struct batch *batch = first; batch != end && result >= 0; batch = batch->next) {
		result = apply_batch(writer, batch, &tally);
		result = result < 0 ? result : 0;
	}
	if (result == 0)
		result = commit(writer, &tally);
	if (result < 0) {
		/* the reason first: a rollback may wipe it out */
		give_up_store(writer, "commit", result);
		if (writer->store)
			store_rollback(writer->store);
	}
	return result;
}

/* Events of a batch one by one: a record of the queue is one event. */
static int spill(struct writer *writer, struct batch *batch)
{
	struct span rest = buffer_get(&batch->bytes);
	struct wire_event event;
	int result = 0;

	while (rest.len && result == 0) {
		struct span before = rest;
		result = wire_take(&rest, &event);
		if (result == 0)
			result = queue_append(writer->queue, span_slice(before, 0, before.len - rest.len));
	}
	pthread_mutex_lock(&writer->mutex);
	if (result == 0)
		writer->stats.queued += batch->count;
	else
		writer->stats.failed += batch->count;
	pthread_mutex_unlock(&writer->mutex);
	return result == 0 ? -EINPROGRESS : result;
}

/* The store did not take it. */
static void keep_batch(struct writer *writer, struct batch *batch, int error)
{
	pthread_mutex_lock(&writer->mutex);
	bool is_mine = !batch->is_abandoned;
	pthread_mutex_unlock(&writer->mutex);
	if (batch->job || is_record_at_fault(error))
		batch->result = error;
	else if (is_mine)
		batch->result = spill(writer, batch);
}

static void finish(struct writer *writer, struct batch *first)
{
	pthread_mutex_lock(&writer->mutex);
	for (struct batch *batch = first, *next; batch; batch = next) {
		next = batch->next;
		batch->state = BATCH_DONE;
		pthread_cond_signal(&batch->done);
		batch_release(batch);
	}
	pthread_mutex_unlock(&writer->mutex);
}

/* Jobs run alone: their failure is theirs. */
static void commit_alone(struct writer *writer, struct batch *batch)
{
	int result = commit_batches(writer, batch, batch->next);

	if (result < 0)
		keep_batch(writer, batch, result);
}

static void commit_group(struct writer *writer, struct batch *first, struct batch *end)
{
	if (first == end)
		return;
	int result = commit_batches(writer, first, end);
	for (struct batch *batch = first; batch != end && result < 0; batch = batch->next) {
		/* one bad record must not take the others with it */
		if (is_record_at_fault(result) && first->next != end)
			commit_alone(writer, batch);
		else
			keep_batch(writer, batch, result);
	}
}

static void commit_list(struct writer *writer, struct batch *first)
{
	struct batch *start = first;

	for (struct batch *batch = first; batch; batch = batch->next) {
		if (!batch->job)
			continue;
		commit_group(writer, start, batch);
		commit_alone(writer, batch);
		start = batch->next;
	}
	commit_group(writer, start, NULL);
}

/*
 * Refused when it was tried alone: of another version of Kodama, mostly.  To keep it would stop the queue for good, and to drop it would
 * lose what was acknowledged, so that it waits for somebody beside the queue.
 */
static int set_aside(struct writer *writer, struct span record)
{
	int result = queue_set_aside(writer->queue, record);

	log_event(LOG_LEVEL_ERROR, "queue-aside", "folder=\"%s\" file=" QUEUE_ASIDE " bytes=%zu error=\"%s\" why=\"a record of the queue that this version cannot read\" "
		  "hint=\"stop kodamad, install the version that wrote it, rename the file to outcomes.queue, and start that\"",
		  writer->queue_dir, record.len, result < 0 ? strerror(-result) : "");
	return result;
}

/* Up to `most` records of the queue in one transaction.  1 more may wait, 0 it is empty. */
static int drain_some(struct writer *writer, unsigned most)
{
	uint64_t offset = queue_get_offset(writer->queue);
	struct tally_of_group tally = { 0, 0, 0 };
	struct buffer record;
	unsigned taken = 0, refused = 0;
	int more = 1, result = ensure_store(writer);

	if (result < 0)
		return result;
	buffer_init(&record, QUEUE_RECORD_MAX);
	result = store_begin(writer->store);
	while (result == 0 && taken < most && (more = queue_read(writer->queue, &offset, &record)) > 0) {
		result = apply_bytes(writer, buffer_get(&record), NULL, &tally);
		if (is_record_at_fault(result) && most == 1) {
			result = set_aside(writer, buffer_get(&record));
			refused += result == 0;
			break;
		}
		taken++;
	}
	buffer_done(&record);
	if (result == 0 && more < 0)
		result = more;
	if (result == 0)
		result = refused ? (store_rollback(writer->store), 0) : commit(writer, &tally);
	if (result == 0)
		result = queue_drop(writer->queue, offset);
	if (result < 0) {
		give_up_store(writer, "drain", result);
		if (writer->store)
			store_rollback(writer->store);
		return result;
	}
	pthread_mutex_lock(&writer->mutex);
	writer->stats.drained += tally.events;
	writer->stats.failed += refused;
	pthread_mutex_unlock(&writer->mutex);
	return queue_get_size(writer->queue) > 0;
}

/* 0: nothing waits on disk any more. */
static int drain(struct writer *writer)
{
	unsigned most = DRAIN_GROUP;
	int result = queue_get_size(writer->queue) > 0;

	while (result > 0) {
		result = drain_some(writer, most);
		if (is_record_at_fault(result) && most > 1) {
			most = 1;
			result = 1;
		}
	}
	return result;
}

static void refresh_index(struct writer *writer)
{
	if (!writer->index || !writer->store || !store_take_changed(writer->store))
		return;
	/* on failure the follower will have it within its next look */
	if (index_update(writer->index, writer->store, time(NULL), &writer->change) < 0)
		note_error(writer, "index", -EIO);
}

static void prune(struct writer *writer)
{
	if (monotonic_get_ms() < writer->prune_ms || ensure_store(writer) < 0)
		return;
	writer->prune_ms = monotonic_get_ms() + PRUNE_MS;
	int result = store_prune(writer->store, time(NULL));
	if (result < 0)
		give_up_store(writer, "prune", result);
	if (result > 0 && !writer->is_prune_put_off)
		log_event(LOG_LEVEL_WARNING, "prune-put-off", "why=\"the clock has gone ahead by more than a day\" for=86400s");
	writer->is_prune_put_off = result > 0;
}

static struct batch *take_waiting(struct writer *writer)
{
	struct batch *first = writer->first, *batch = first;

	for (unsigned i = 0; batch; batch = batch->next) {
		batch->state = BATCH_TAKEN;
		batch->holders++;
		if (++i == GROUP_MAX || !batch->next) {
			writer->first = batch->next;
			if (!writer->first)
				writer->last = &writer->first;
			batch->next = NULL;
			break;
		}
	}
	return first;
}

/* Batches, or NULL when it is time to look after the queue; *ret_end: stopping, and nothing waits. */
static struct batch *wait_for_work(struct writer *writer, bool *ret_end)
{
	struct timespec until = monotonic_at(monotonic_get_ms() + RETRY_MS);
	int result = 0;

	pthread_mutex_lock(&writer->mutex);
	while (!writer->first && !writer->is_stopping && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&writer->wake, &writer->mutex, &until);
	struct batch *first = take_waiting(writer);
	*ret_end = !first && writer->is_stopping;
	pthread_mutex_unlock(&writer->mutex);
	return first;
}

static void keep_list(struct writer *writer, struct batch *first, int error)
{
	for (struct batch *batch = first; batch; batch = batch->next)
		keep_batch(writer, batch, error);
}

static void *write_batches(void *data)
{
	struct writer *writer = data;
	bool is_end = false;

	if (drain(writer) == 0)
		refresh_index(writer);
	while (!is_end) {
		struct batch *first = wait_for_work(writer, &is_end);
		/* what waits on disk came first, and goes first */
		int result = drain(writer);
		if (result < 0)
			keep_list(writer, first, result);
		else
			commit_list(writer, first);
		refresh_index(writer);
		finish(writer, first);
		if (!first)
			prune(writer);
	}
	return NULL;
}

static void writer_free(struct writer *writer)
{
	surge_free(writer->surge);
	unproved_free(writer->unproved);
	store_close(writer->store);
	queue_close(writer->queue);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->mutex);
	free(writer->uri);
	free(writer->queue_dir);
	free(writer);
}

static int open_parts(struct writer *writer, const struct writer_options *options)
{
	writer->options = options->store;
	writer->options.uri = writer->uri = strdup(options->store.uri);
	writer->queue_dir = strdup(options->queue_dir);
	writer->surge = surge_new();
	writer->unproved = unproved_new();
	if (!writer->uri || !writer->queue_dir || !writer->surge || !writer->unproved)
		return -ENOMEM;
	int result = store_open(&writer->options, &writer->store);
	if (result < 0 && result != -EBUSY)
		return result;
	if (writer->store && (result = store_get_change(writer->store, &writer->change)) < 0)
		return result;
	if (getrandom(&writer->nonce_high, sizeof(writer->nonce_high), 0) != (ssize_t)sizeof(writer->nonce_high))
		return -EIO;
	return queue_open(options->queue_dir, options->queue_max ? options->queue_max : QUEUE_BYTES, &writer->queue);
}

int writer_start(const struct writer_options *options, struct index *index, struct writer **ret_writer)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return -ENOMEM;
	writer->index = index;
	writer->deadline_ms = options->deadline_ms ? options->deadline_ms : DEADLINE_MS;
	writer->last = &writer->first;
	pthread_mutex_init(&writer->mutex, NULL);
	monotonic_cond_init(&writer->wake);
	int result = open_parts(writer, options);
	if (result == 0)
		result = thread_start(&writer->thread, write_batches, writer);
	if (result < 0) {
		writer_free(writer);
		return result;
	}
	*ret_writer = writer;
	return 0;
}

void writer_stop(struct writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->mutex);
	writer->is_stopping = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->mutex);
	pthread_join(writer->thread, NULL);
	writer_free(writer);
}

static void unlink_batch(struct writer *writer, struct batch *batch)
{
	struct batch **link = &writer->first;

	while (*link != batch)
		link = &(*link)->next;
	*link = batch->next;
	if (!*link)
		writer->last = link;
}

/* Waits till it is done or its time is over; then 1 and the caller has to keep it by itself. */
static int submit(struct writer *writer, struct batch *batch, unsigned deadline_ms)
{
	struct timespec until = monotonic_at(monotonic_get_ms() + deadline_ms);
	int result = 0;

	pthread_mutex_lock(&writer->mutex);
	*writer->last = batch;
	writer->last = &batch->next;
	pthread_cond_signal(&writer->wake);
	while (batch->state != BATCH_DONE && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&batch->done, &writer->mutex, &until);
	/* a job's data is its caller's: once begun it is waited for */
	while (batch->job && batch->state == BATCH_TAKEN)
		pthread_cond_wait(&batch->done, &writer->mutex);
	bool is_done = batch->state == BATCH_DONE;
	if (batch->state == BATCH_WAITING)
		unlink_batch(writer, batch);
	batch->is_abandoned = !is_done;
	pthread_mutex_unlock(&writer->mutex);
	return is_done ? 0 : 1;
}

static void release(struct writer *writer, struct batch *batch)
{
	pthread_mutex_lock(&writer->mutex);
	batch_release(batch);
	pthread_mutex_unlock(&writer->mutex);
}

static struct decision decide_by_ruling(const struct ruling *ruling)
{
	return (struct decision){ .kind = ruling->kind, .reason = ruling->reason, .after = ruling->after,
				  .why = reason_get_text(ruling->reason) };
}

static void put_event(struct writer *writer, struct batch *batch, const struct event *event, const struct ruling *ruling)
{
	struct event named = *event;
	char nonce[40];

	pthread_mutex_lock(&writer->mutex);
	uint64_t number = ++writer->nonce_low;
	pthread_mutex_unlock(&writer->mutex);
	snprintf(nonce, sizeof(nonce), "%016llx-%llx", (unsigned long long)writer->nonce_high, (unsigned long long)number);
	named.nonce = span_of(nonce);
	wire_put(&batch->bytes, &named, ruling);
	batch->count++;
}

/* Puts what the history has to see into the batch; the rest is decided here.  Their places, in *ret_places. */
static void sort_events(struct writer *writer, struct batch *batch, const struct limits *limits, const struct event *events,
			size_t count, struct decision *decisions, size_t *places)
{
	for (size_t i = 0; i < count; i++) {
		struct ruling ruling = ruling_make(limits, &events[i]);
		decisions[i] = decide_by_ruling(&ruling);
		if (ruling_is_unproved(limits, &events[i]))
			writer_note_unproved(writer, &events[i], &ruling);
		if (!ruling.is_kept && !ruling.is_success)
			continue;
		places[batch->count] = i;
		put_event(writer, batch, &events[i], &ruling);
	}
}

void writer_note_unproved(struct writer *writer, const struct event *event, const struct ruling *ruling)
{
	unproved_note(writer->unproved, event, ruling);
	pthread_mutex_lock(&writer->mutex);
	writer->stats.unproved++;
	pthread_mutex_unlock(&writer->mutex);
}

void writer_forget_unproved(struct writer *writer, struct span address)
{
	unproved_forget(writer->unproved, address);
}

void writer_visit_unproved(struct writer *writer, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data)
{
	unproved_visit(writer->unproved, address, visit, data);
}

static int record_batch(struct writer *writer, struct batch *batch, struct decision *decisions, const size_t *places)
{
	if (batch->bytes.is_cut)
		return -ENOMEM;
	if (submit(writer, batch, writer->deadline_ms) > 0)
		return spill(writer, batch);
	for (size_t i = 0; i < batch->count && batch->result == 0; i++)
		decisions[places[i]] = batch->decisions[i];
	return batch->result;
}

int writer_record(struct writer *writer, const struct limits *limits, const struct event *events, size_t count,
		  struct decision *ret_decisions)
{
	struct batch *batch = batch_new(count);
	size_t *places = calloc(count ? count : 1, sizeof(*places));
	int result = batch && places ? 0 : -ENOMEM;

	if (result == 0) {
		sort_events(writer, batch, limits, events, count, ret_decisions, places);
		if (batch->count)
			result = record_batch(writer, batch, ret_decisions, places);
	}
	if (batch)
		release(writer, batch);
	free(places);
	return result;
}

int writer_run(struct writer *writer, int (*job)(struct store *store, void *data), void *data)
{
	struct batch *batch = batch_new(0);

	if (!batch)
		return -ENOMEM;
	batch->job = job;
	batch->data = data;
	int result = submit(writer, batch, JOB_DEADLINE_MS) > 0 ? -ETIMEDOUT : batch->result;
	release(writer, batch);
	return result;
}

struct surge *writer_get_surge(struct writer *writer)
{
	return writer->surge;
}

void writer_get_stats(struct writer *writer, struct writer_stats *ret_stats)
{
	pthread_mutex_lock(&writer->mutex);
	*ret_stats = writer->stats;
	pthread_mutex_unlock(&writer->mutex);
	ret_stats->queue_bytes = queue_get_size(writer->queue);
	ret_stats->queue_damage = queue_get_damage(writer->queue);
}
