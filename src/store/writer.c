/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The callers' half: group commit with a deadline.  A batch is its bytes (wire.h): made by the caller, read by the writer's thread, and,
 * when the store does not answer, appended to the queue as they are.  A batch that the writer holds when its caller's
 * patience ends may be both committed and queued: its keys (or its nonce) make the second one a duplicate.
 */
#include "store/writer_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "store/thread.h"
#include "store/wire.h"

enum { DEADLINE_MS = 2000, JOB_DEADLINE_MS = 30000, QUEUE_BYTES = 64 * 1024 * 1024 };

void batch_release(struct batch *batch)
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
	writer->options.must_exist = result == 0;
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
		result = thread_start(&writer->thread, writer_commit_all, writer);
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
		return batch_spill(writer, batch);
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
