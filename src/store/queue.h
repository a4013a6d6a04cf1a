/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue on disk: records appended and synced, read in order, dropped when all are taken.  One file, 0600, in a
 * 0700 directory, held by one process.  A torn or damaged piece is passed over, never taken for a record.
 * Appending: any thread.  Reading: one thread.
 */
#ifndef KODAMA_STORE_QUEUE_H
#define KODAMA_STORE_QUEUE_H

#include "base/buffer.h"

struct queue;

/* max: bytes of the file.  -EBUSY: another process holds it.  -errno. */
int queue_open(const char *folder, uint64_t max, struct queue **ret_queue) __attribute__((warn_unused_result));
void queue_close(struct queue *queue);

/* Durable when it returns 0.  -ENOSPC: full, by its own bound or the disk's; nothing was kept. */
int queue_append(struct queue *queue, struct span record) __attribute__((warn_unused_result));

/* The record at *offset (from 0) into `record`, *offset moved behind it: 1; 0 at the end; -errno. */
int queue_read(struct queue *queue, uint64_t *offset, struct buffer *record) __attribute__((warn_unused_result));

/* All before `offset` is safe elsewhere.  Space is given back when nothing is left behind it. */
int queue_drop(struct queue *queue, uint64_t offset) __attribute__((warn_unused_result));

/*
 * Into a file beside it, of the same form, and durable when it returns 0: what the queue cannot be rid of in any other way.  Renamed
 * to the queue's own name while nobody holds it, it is read again.
 */
#define QUEUE_ASIDE "outcomes.aside"
int queue_set_aside(struct queue *queue, struct span record) __attribute__((warn_unused_result));

uint64_t queue_get_offset(struct queue *queue); /* where reading goes on after queue_drop */
uint64_t queue_get_size(struct queue *queue);   /* bytes that wait */
uint64_t queue_get_damage(struct queue *queue); /* bytes that were no records */

enum { QUEUE_RECORD_MAX = 64 * 1024 };

#endif
