/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer's thread: takes what waits, records it in one transaction, answers; what the store does not take goes to the
 * queue on disk, and is drained before anything new.  Jobs run alone: their failure is theirs.
 */
#include "store/writer_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "store/thread.h"
#include "store/wire.h"

enum { RETRY_MS = 1000, PRUNE_MS = 10 * 60 * 1000, GROUP_MAX = 512, DRAIN_GROUP = 256 };

/* Told once, until a transaction succeeds again. */
static void note_error(struct writer *writer, const char *what, int error)
{
	const char *why = store_get_error(writer->store);
	char text[sizeof(writer->stats.last_error)];
	bool is_new;

	snprintf(text, sizeof(text), "%s: %s", what, *why ? why : strerror(-error));
	/* PostgreSQL's words are full of them, and one ends a value of the log */
	for (char *at = text; (at = strchr(at, '"'));)
		*at = '\'';
	pthread_mutex_lock(&writer->mutex);
	is_new = !writer->stats.last_error[0];
	memcpy(writer->stats.last_error, text, sizeof(text));
	pthread_mutex_unlock(&writer->mutex);
	if (is_new)
		log_event(LOG_LEVEL_ERROR, "store-away", "error=\"%s\" effect=\"what is learned waits in the queue on disk\"", text);
}

/* The refusal of one record, not of the store: to try again or elsewhere would change nothing. */
static bool is_record_at_fault(int error)
{
	return error == -EINVAL || error == -E2BIG;
}

/* A handle that failed in another way than by a lock may be of no more use. */
static void give_up_store(struct writer *writer, const char *what, int error)
{
	if (is_record_at_fault(error))
		return;
	note_error(writer, what, error);
	/* without a word of the store's it is memory's fault, or the queue's */
	if (error == -EBUSY || !*store_get_error(writer->store))
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
	/* if it gets lost later, what is learned waits on disk for it */
	writer->options.must_exist = writer->options.must_exist || result == 0;
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
	bool was_away;

	if (result < 0)
		return result;
	pthread_mutex_lock(&writer->mutex);
	writer->stats.committed += tally->events;
	writer->stats.duplicates += tally->duplicates;
	writer->stats.held += tally->held;
	writer->stats.transactions++;
	was_away = writer->stats.last_error[0] != '\0';
	writer->stats.last_error[0] = '\0';
	pthread_mutex_unlock(&writer->mutex);
	if (was_away)
		log_event(LOG_LEVEL_INFO, "store-back", "queue_bytes=%" PRIu64, queue_get_size(writer->queue));
	return 0;
}

/* A job's own "no" is nobody's trouble. */
static bool is_job_at_fault(const struct writer *writer, const struct batch *batch, int error)
{
	return batch->job && error != -EBUSY && !*store_get_error(writer->store);
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
		if (!is_job_at_fault(writer, first, result))
			give_up_store(writer, "commit", result);
		if (writer->store)
			store_rollback(writer->store);
	}
	return result;
}

/* Events of a batch one by one: a record of the queue is one event. */
int batch_spill(struct writer *writer, struct batch *batch)
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
		batch->result = batch_spill(writer, batch);
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

/* Is it still there?  Asked when nothing is written, too: who has moved it away reads of it now, and not at the next bounce. */
static void check_store(struct writer *writer)
{
	int result = writer->store ? store_check(writer->store) : 0;

	if (result < 0)
		give_up_store(writer, "check", result);
}

/* Is it back?  Asked when there is nothing else to find it out by; whoever looks at the status wants to know. */
static void probe(struct writer *writer)
{
	struct tally_of_group none = { 0, 0, 0 };
	int result;

	if (!writer->stats.last_error[0] || ensure_store(writer) < 0)
		return;
	result = store_begin(writer->store);
	/* a disk that is full takes a transaction in which nothing is written */
	if (result == 0)
		result = store_touch(writer->store, time(NULL));
	if (result == 0)
		result = commit(writer, &none);
	if (result == 0)
		return;
	give_up_store(writer, "commit", result);
	if (writer->store)
		store_rollback(writer->store);
}

static void refresh_index(struct writer *writer)
{
	if (!writer->index || !writer->store || !store_take_changed(writer->store))
		return;
	/* on failure the follower will have it within its next look */
	if (index_update(writer->index, writer->store, time(NULL)) < 0)
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

void *writer_commit_all(void *data)
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
		/* what waits on disk has asked already */
		if (!first)
			check_store(writer);
		if (!first && result == 0)
			probe(writer);
		if (!first)
			prune(writer);
	}
	return NULL;
}
