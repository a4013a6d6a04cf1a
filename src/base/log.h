/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one line an event, an event name and key=value pairs, to syslog, the journal or standard error.
 * Only the shell logs (intake, store, ops, loop, conf, the mains), once, where the error is handled; never a pure folder.
 * It never waits for whoever reads it: a line that is not taken at once is dropped, counted, and told of later.  What libraries
 * say by syslog(3) goes the same way, as the event `library`.
 * Any thread.
 */
#ifndef KODAMA_BASE_LOG_H
#define KODAMA_BASE_LOG_H

#include "base/span.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG, LOG_TARGET_JOURNAL };

/* Before the first thread.  name: "kodamad". */
void log_open(const char *name, enum log_target target, enum log_level level);
void log_set_level(enum log_level level);

/* log_event(LOG_LEVEL_ERROR, "store-failed", "path=%s error=%s", path, reason) */
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Lines that nobody took. */
uint64_t log_get_dropped(void);

/* The latest warning or error of each event, the newest first: how many of `max` there are. */
enum { LOG_PROBLEMS_MAX = 8, LOG_PROBLEM_SIZE = 512 };
struct log_problem {
	int64_t time_s;
	uint64_t times; /* that it was told since the start */
	enum log_level level;
	char text[LOG_PROBLEM_SIZE]; /* cut; the event's name and its pairs */
};
size_t log_get_problems(struct log_problem *problems, size_t max);
const char *log_level_get_name(enum log_level level); /* "warning" */

/*
 * An address made fit for a log value: as log_value, or, after log_hash_addresses(true), "sha256:" and the first 16 digits of
 * its SHA-256, so that lines about one recipient are found without naming him.  Returns `out`.
 */
void log_hash_addresses(bool is_hashed);

/* Remote text made fit for a log value: quoted if needed, control bytes and quotes as \xNN, cut at 256 bytes.
 * Returns `out`. */
enum { LOG_VALUE_SIZE = 1100 };
const char *log_value(struct span text, char out[static LOG_VALUE_SIZE]);
const char *log_address(struct span address, char out[static LOG_VALUE_SIZE]);

#endif
