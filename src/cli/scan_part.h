/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What scan.c and scan_part.c share: a part of a log, and the thread that reads it.  Deliveries are counted as they are read; what must
 * be done in the order of the log is recorded, and done when the part's turn comes.
 */
#ifndef KODAMA_CLI_SCAN_PART_H
#define KODAMA_CLI_SCAN_PART_H

#include "cli/newlines.h"
#include "cli/scan.h"

/* Two threads that write to neighbouring lines of the processors' cache wait for each other: what each writes stands apart. */
enum { SCAN_APART = 128 };

enum scan_part_state { PART_FREE, PART_READING, PART_READ };

/* A part of a file, until its turn has come. */
struct scan_part {
	_Alignas(SCAN_APART) struct maillog log;
	int64_t number, from, to;
	enum scan_part_state state; /* under the lock */
	int error;
	char *records;
	size_t record_len, record_size;
};

struct scan_worker {
	_Alignas(SCAN_APART) struct scan *scan;
	struct tally *tally;
	struct scan_part *part; /* that is read; NULL: nothing need wait */
	struct maillog *log;    /* where lines are counted: the part's, or the scan's own */
	char *buffer;
	struct newlines newlines; /* of the buffer */
	struct logline line;      /* that is taken */
	bool has_no_memory;
	bool has_rules;         /* else deliveries wait for them */
	bool is_success;        /* the tally said so of the delivery that it has just taken: it is told with what is settled */
	pthread_t thread;
};

/* What the tally of a worker tells is heard by it. */
struct tally_listener scan_listen(struct scan_worker *worker);

/* One line, without its end. */
void scan_take_line(struct scan_worker *worker, struct span text);

/* The part's turn has come: all before it is done. */
void scan_merge_part(struct scan_worker *worker, struct scan_part *part);

#endif
