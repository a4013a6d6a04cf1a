/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the mail facility of the system's journal (libsystemd).  The journal writes down who wrote each line, so that what a local user's
 * logger(1) says is told apart: is_allowed.  One thread at a time; the lines are hostile.
 */
#ifndef KODAMA_INTAKE_JOURNAL_H
#define KODAMA_INTAKE_JOURNAL_H

#include <sys/types.h>

#include "base/span.h"

enum { JOURNAL_PLACE_SIZE = 256, JOURNAL_MESSAGE_MAX = 32 * 1024, JOURNAL_REPLAY_MAX = 50000 };

struct journal;

struct journal_options {
	const uid_t *uids;      /* whose lines are believed; borrowed */
	size_t uid_count;
	bool is_from_beginning; /* where no place is remembered; else from the end */
};

/*
 * place: a cursor, SPAN_NONE: nothing is remembered.  With a place the lines before it are read once more, at most
 * JOURNAL_REPLAY_MAX, marked is_replay.  -ENOSYS: built without libsystemd, or it is not there; else as sd_journal_open.
 */
int journal_open(const struct journal_options *options, struct span place, struct journal **ret_journal) __attribute__((warn_unused_result));
void journal_close(struct journal *journal);

/* Readable when there may be more; journal_take_notices first.  It also has to be asked again after journal_get_timeout_ms, if that is not -1. */
int journal_get_fd(const struct journal *journal);
int journal_get_timeout_ms(const struct journal *journal);
void journal_take_notices(struct journal *journal);

struct journal_line {
	struct span identifier, message, host; /* borrowed until the next call; the message in one line */
	int64_t time_s;
	bool is_allowed; /* a user whose word counts wrote it */
	bool is_replay;
};

/* 1 a line; 0 there is none for now; -errno: the journal cannot be read any more, open it anew. */
int journal_read_line(struct journal *journal, struct journal_line *ret_line) __attribute__((warn_unused_result));

/* Behind the last line that was read. Returns the text; "" before the first. */
const char *journal_get_place(const struct journal *journal);

struct journal_stats {
	uint64_t long_lines; /* passed over */
	bool is_gap;         /* the place is not in the journal any more */
};
void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats);

#endif
