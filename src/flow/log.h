/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an MTA's log says of deliveries, on its way into the store: outcomes, verdicts and rulings of many lines, that are
 * committed together with the place in the log.
 *
 * A failure that a remote host answered (or that the look-up of one did) is an event; what our own delivery agents refuse, and
 * what happens to mail with the null sender, is not.  A delivery is a success where the relay is one that delivers.
 * Deferrals, and deliveries to relays that only pass mail on, are numbers.  One thread at a time.
 */
#ifndef KODAMA_FLOW_LOG_H
#define KODAMA_FLOW_LOG_H

#include "evidence/logjoin.h"
#include "flow/flow.h"
#include "flow/mark.h"
#include "store/reading.h"

struct log_batch;

struct log_facts {
	bool is_trusted;  /* nobody but the MTA or the log daemon can have written it: it proves */
	struct span host; /* this machine's name, as it stands in log lines; where the MTA has another, snapshot->host says so */
	int64_t now_s;
};

struct log_batch *log_batch_new(void); /* NULL when out of memory */
void log_batch_free(struct log_batch *batch);

/*
 * Copies what it keeps, and holds the snapshot until the batch is cleared.  What one line says of many recipients fits, full or not.
 * -ENOMEM: it is not in the batch, which must not be committed then.
 */
int log_batch_add(struct log_batch *batch, struct snapshot *snapshot, struct scratch *scratch, const struct log_facts *facts,
		  const struct log_delivery *delivery) __attribute__((warn_unused_result));

/* Where counting stands; set once, from what was committed last (mark_read). */
struct mark *log_batch_get_mark(struct log_batch *batch);

bool log_batch_is_full(const struct log_batch *batch);
bool log_batch_is_urgent(const struct log_batch *batch); /* it holds what may change an address */

/* As reading_commit, with the mark under a name of its own; afterwards the failures have their decisions. */
int log_batch_commit(struct log_batch *batch, struct writer *writer, const char *name, const char *place, const char *mark_name)
	__attribute__((warn_unused_result));

/* Of the batch that was committed, for the log: from 0; NULL behind the last. */
const struct failure *log_batch_get_failure(const struct log_batch *batch, size_t number);

/* Empty again. */
void log_batch_clear(struct log_batch *batch);

/* What `kodama status` says of a log that is read; a value. */
struct follower_status {
	char source[256];  /* "/var/log/mail.log", "journal" */
	char error[256];   /* why nothing is read; "" when all is well */
	bool is_gone;      /* the file has been removed or renamed, and none has its name; it is read as long as somebody writes into it */
	char untrusted[600]; /* why it proves nothing; "" when it does */
	uint64_t lag;      /* bytes that wait; of a file */
	int64_t last_s;    /* time of the last line of a delivery; 0: none yet */
	size_t open, deferred; /* queue ids, and deferred recipients of them, that may still end */
};

#endif
