/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole logs of which nobody asks who sent which message, but what became of each recipient (logjoin.h tells both).  Every delivery
 * speaks for itself; only expiry, which names no recipients, asks for what came before: those that were deferred, and then neither
 * delivered nor bounced, each with its last reason.  So these alone are remembered, by hashes of queue id and recipient, and
 * what changes them is so little that several threads can read a log in parts: each part's words are said to the queue in the
 * order of the log.
 *
 * Memory is bounded: past a limit or a lifetime the recipient that was deferred the longest ago is forgotten, and counted.
 * Pure: the time is that of the lines.  One thread for a queue; the text is hostile, which is why the hashes are keyed.
 */
#ifndef KODAMA_EVIDENCE_LOGQUEUE_H
#define KODAMA_EVIDENCE_LOGQUEUE_H

#include "base/quick.h"
#include "evidence/logjoin.h"

/* --- lines */

enum logqueue_word {
	LOGQUEUE_NOTHING,
	LOGQUEUE_DELIVERY, /* log_delivery_of_line() of each recipient (logline_take_recipient) */
	LOGQUEUE_EXPIRED,  /* log_delivery_of_line() of each that the queue holds under this id */
	LOGQUEUE_OVER      /* a short id is free, or begins anew: nothing is deferred under it */
};

/* Of a line that is begun, which is finished where more is asked for.  *messages grows with each that begins. */
enum logqueue_word logqueue_read(struct logline *line, uint64_t *messages);

/* Long ids are unique on their host, under whatever name a service of it logs. */
static inline uint64_t logqueue_hash_id(const struct siphash_key *key, const struct logline *line)
{
	uint64_t instance = line->is_long_id ? 0 : quickhash_fold(line->origin.instance, key->words[1]);

	return (quickhash(key, line->queue_id) ^ line->origin.host ^ instance) + line->mta;
}

/* --- the queue */

struct logqueue;

struct logqueue_counts {
	uint64_t forgotten; /* for their age, or because there were too many */
	size_t deferred;    /* now */
};

/* deferred_max and lifetime_s: 0 for those of struct logjoin_options.  NULL when out of memory. */
struct logqueue *logqueue_new(size_t deferred_max, int64_t lifetime_s);
void logqueue_free(struct logqueue *queue);

/* The reason is the recipient's last one.  `id` and `recipient` are keyed hashes.  -ENOMEM. */
int logqueue_defer(struct logqueue *queue, uint64_t id, uint64_t recipient, const struct log_delivery *delivery) __attribute__((warn_unused_result));

/* It was delivered, or bounced. */
void logqueue_settle(struct logqueue *queue, uint64_t id, uint64_t recipient);

/* All that is deferred under the id. */
void logqueue_forget(struct logqueue *queue, uint64_t id);

/*
 * Calls emit for each that is deferred under the id, and forgets it; `expired` becomes each one's delivery: recipient, relay, status and
 * text are filled.
 */
void logqueue_expire(struct logqueue *queue, uint64_t id, const struct log_delivery *expired, logjoin_emit *emit, void *data);

struct logqueue_counts logqueue_get_counts(const struct logqueue *queue);

#endif
