/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole logs, read, joined and counted by one thread or several.  A file is cut into parts, smaller ones towards its end, which the
 * threads take in turn; what must be done in the order of the log (whose mail was refused how often in a row, who was deferred when
 * a message expired) is done when the part's turn comes, by one thread while the others read on: the result is the one of a single
 * thread.  Memory does not grow with the log, but by deferred recipients.
 * The rules are loaded by one thread while the others begin: deliveries wait for them.
 */
#ifndef KODAMA_CLI_SCAN_H
#define KODAMA_CLI_SCAN_H

#include <pthread.h>

#include "cli/maillog.h"
#include "cli/progress.h"
#include "cli/suspects.h"
#include "evidence/logqueue.h"

enum { SCAN_THREADS_MAX = 16 };

struct scan_worker;
struct scan_part;

/* Loads the rules: 0 and a reference that is the scan's, or -errno. */
typedef int scan_load(void *data, struct ruleset **ret_ruleset);

struct scan {
	struct siphash_key key;
	struct maillog log;        /* the counts of lines */
	struct logqueue *queue;
	struct suspects suspects;
	struct verdicts *verdicts;
	struct tally *tally;       /* whole after scan_finish() */
	struct progress *progress;
	uint64_t bytes;            /* read so far */
	struct scan_worker *workers;
	unsigned thread_count;
	scan_load *load;
	void *load_data;
	int load_error;
	struct ruleset *ruleset;   /* NULL: not loaded yet; under the lock, where threads are at work */
	/* the file that is read by several */
	pthread_mutex_t lock;
	pthread_cond_t is_free;
	int fd, error;
	int64_t reference_s, size;
	struct scan_part *parts;   /* in memory */
	unsigned part_count;
	int64_t next_part, turn;   /* numbers go on from file to file */
	int64_t taken;             /* so many bytes of it */
	bool is_merging;
};

/* -ENOMEM. */
int scan_init(struct scan *scan, scan_load *load, void *load_data, int64_t since_s, unsigned thread_count, struct progress *progress)
	__attribute__((warn_unused_result));
void scan_done(struct scan *scan);

/* A file or a pipe to its end; the descriptor stays the caller's.  *ret_is_log: a line of it was a log's, or it was empty.  -errno. */
int scan_take(struct scan *scan, int fd, bool *ret_is_log) __attribute__((warn_unused_result));

/* Adds up what the threads have counted.  -errno: the rules could not be loaded, and there is nothing. */
int scan_finish(struct scan *scan) __attribute__((warn_unused_result));

#endif
