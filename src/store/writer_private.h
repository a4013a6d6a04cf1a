/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the writer share: the callers' (writer.c) and its thread's (commit.c). */
#ifndef KODAMA_STORE_WRITER_PRIVATE_H
#define KODAMA_STORE_WRITER_PRIVATE_H

#include <pthread.h>

#include "base/buffer.h"
#include "store/queue.h"
#include "store/unproved.h"
#include "store/writer.h"

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
	struct surge *surge;
};

/* With the mutex held: the last holder frees it. */
void batch_release(struct batch *batch);

/* Events of a batch into the queue on disk, one by one: -EINPROGRESS when they are safe there.  Any thread. */
int batch_spill(struct writer *writer, struct batch *batch) __attribute__((warn_unused_result));

/* The thread, from start to stop. */
void *writer_commit_all(void *writer);

#endif
