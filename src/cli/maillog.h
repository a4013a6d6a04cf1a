/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail logs line by line, one file after the other: stamps without a year get theirs from when the file was last written (a
 * pipe's: from now), local ones become UTC, and the join goes on from one file to the next.  One thread.
 */
#ifndef KODAMA_CLI_MAILLOG_H
#define KODAMA_CLI_MAILLOG_H

#include "base/zone.h"
#include "evidence/logjoin.h"

struct maillog {
	struct logjoin *join;
	struct logclock clock;
	struct zone zone;
	uint64_t lines;      /* of all files; empty ones do not count */
	uint64_t unreadable; /* of them, passed over */
};

/* -ENOMEM. */
int maillog_init(struct maillog *log, const struct logjoin_options *options) __attribute__((warn_unused_result));
void maillog_done(struct maillog *log);

/* A key that nobody knows. */
struct siphash_key maillog_make_key(void);

/* The time, on the wall clock, that the stamps of this file are read by. */
int64_t maillog_get_reference(int fd);

/* Are the first lines of a file a log's, and any of them one of Postfix or Sendmail about a message? */
bool maillog_looks_like(struct span head);

/* Lines from now on are of that file. */
void maillog_open(struct maillog *log, int64_t reference_s);

/*
 * One line, without its end: what it is.  *ret_error (logjoin_take's) is 0 for lines that do not go to the join.
 */
static inline enum logline_kind maillog_take(struct maillog *log, struct span text, logjoin_emit *emit, void *data, int *ret_error)
{
	struct logline line;
	enum logline_kind kind;

	*ret_error = 0;
	if (text.len == 0)
		return LOGLINE_OTHER;
	log->lines++;
	kind = logline_begin(text, &log->clock, &line);
	if (kind > LOGLINE_OTHER) {
		if (line.is_local_time)
			line.time_s = zone_to_utc(&log->zone, line.time_s);
		*ret_error = logjoin_take(log->join, &line, emit, data);
		kind = line.kind;
	}
	log->unreadable += kind == LOGLINE_GARBAGE;
	return kind;
}

#endif
