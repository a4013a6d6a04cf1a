/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one writer: a thread with its own store handle that takes batches from any thread, records them in one
 * transaction for all that wait (group commit), and answers after the commit.  Behind it a bounded queue on disk for
 * when the store does not answer in time; it is drained in order when the store is back.
 */
#ifndef KODAMA_STORE_WRITER_H
#define KODAMA_STORE_WRITER_H

#include "store/index.h"

struct writer;

struct writer_options {
	struct store_options store;
	const char *queue_dir;    /* 0700; the queue on disk */
	uint64_t queue_max;       /* bytes; 0: 64 MiB */
	unsigned deadline_ms;     /* longest wait of writer_record for the commit; 0: 2000 */
};

/*
 * index may be NULL; else each committed change is put into it at once.  Refuses to start when the store cannot be
 * opened and the reason is not one that passes (-EBUSY does; then store_get_error(NULL) says why), or the queue cannot.
 */
int writer_start(const struct writer_options *options, struct index *index, struct writer **ret_writer) __attribute__((warn_unused_result));

/* What is queued is committed or is on disk when this returns.  NULL is fine. */
void writer_stop(struct writer *writer);

/*
 * Records `count` events and waits.  0: committed, decisions filled.  -EINPROGRESS: safe in the queue on disk, and the
 * decisions say only what needs no history (kind counted, count 0: not known yet).  -EIO and others: nothing was kept.
 * Events that change nothing (unproved, not final) are answered at once and never wait.  Copies all that it needs.
 * Any thread but the loop's.
 */
int writer_record(struct writer *writer, const struct limits *limits, const struct event *events, size_t count, struct decision *ret_decisions)
	__attribute__((warn_unused_result));

/*
 * Runs `job` in the writer's thread inside a transaction (for the control socket): its result, after the commit; a
 * negative one rolls back.  -ETIMEDOUT: it never began.  Keep it short: the mail waits behind it.
 */
int writer_run(struct writer *writer, int (*job)(struct store *store, void *data), void *data) __attribute__((warn_unused_result));

/* The guard that the events go by: inside a job only. */
struct surge *writer_get_surge(struct writer *writer);

/*
 * An event that changes nothing because nothing proves it: counted, and shown by `kodama why` as long as it is among the last
 * of its kind (unproved.h).  It never reaches the writer's thread.  writer_visit_unproved as unproved_visit.
 */
void writer_note_unproved(struct writer *writer, const struct event *event, const struct ruling *ruling);
void writer_forget_unproved(struct writer *writer, struct span address);
void writer_visit_unproved(struct writer *writer, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data);

struct writer_stats {
	uint64_t committed;   /* events */
	uint64_t duplicates;
	uint64_t held;        /* by the surge guard */
	uint64_t unproved;    /* answered at once, not kept */
	uint64_t queued;      /* put into the queue on disk */
	uint64_t drained;     /* taken out of it into the store */
	uint64_t failed;      /* refused by the store, or nowhere to keep */
	uint64_t transactions;
	uint64_t queue_bytes;
	uint64_t queue_damage; /* bytes of it that were no records */
	char last_error[256]; /* "" when the last transaction succeeded */
};
void writer_get_stats(struct writer *writer, struct writer_stats *ret_stats);

#endif
