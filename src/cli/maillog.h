/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail logs line by line, one file after the other: stamps without a year get theirs from when the file was last written (a
 * pipe's: from now), local ones become UTC.  One thread.
 */
#ifndef KODAMA_CLI_MAILLOG_H
#define KODAMA_CLI_MAILLOG_H

#include "base/siphash.h"
#include "base/zone.h"
#include "evidence/logline.h"

/* Zeroed at first. */
struct maillog {
	struct logclock clock;
	struct zone zone;
	uint64_t lines;      /* of all files; empty ones do not count */
	uint64_t unreadable; /* of them, passed over */
	uint64_t messages;   /* for who counts them (logqueue_read) */
};

/* A key that nobody knows. */
struct siphash_key maillog_make_key(void);

/* The time, on the wall clock, that the stamps of this file are read by. */
int64_t maillog_get_reference(int fd);

/* Are the first lines of a file a log's, and any of them one of Postfix or Sendmail about a message? */
bool maillog_looks_like(struct span head);

/* Lines from now on are of that file. */
void maillog_open(struct maillog *log, int64_t reference_s);

static inline bool maillog_use(struct maillog *log, struct logline *line)
{
	if (line->kind > LOGLINE_OTHER && line->is_local_time)
		line->time_s = zone_to_utc(&log->zone, line->time_s);
	return line->kind > LOGLINE_OTHER;
}

/* One line, without its end, its time in UTC; false: it is none of Postfix or Sendmail about a message. */
static inline bool maillog_parse(struct maillog *log, struct span text, struct logline *ret_line)
{
	log->lines += text.len > 0;
	ret_line->kind = LOGLINE_OTHER;
	if (text.len)
		logline_parse(text, &log->clock, ret_line);
	return maillog_use(log, ret_line);
}

/* The same of a line that is begun (logline.h). */
static inline bool maillog_begin(struct maillog *log, struct span text, struct logline *ret_line)
{
	log->lines += text.len > 0;
	ret_line->kind = LOGLINE_OTHER;
	if (text.len)
		logline_begin(text, &log->clock, ret_line);
	return maillog_use(log, ret_line);
}

/* Nothing more is read of the line: was it garbage? */
static inline void maillog_end(struct maillog *log, const struct logline *line)
{
	log->unreadable += line->kind == LOGLINE_GARBAGE;
}

#endif
