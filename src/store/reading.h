/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was read from a log, and the place behind it: committed as one, or not at all.  Nothing of it goes to the queue on
 * disk: the log itself is the queue.
 */
#ifndef KODAMA_STORE_READING_H
#define KODAMA_STORE_READING_H

#include "store/writer.h"

struct reading_event {
	struct event event;       /* what it points to lives as long as the reading */
	struct ruling ruling;
	struct decision decision; /* reading_commit's */
};

struct reading_count {
	struct span provider, class_name; /* "delivered", "delayed", "relayed" */
	int64_t hour, count;
	struct span recipient; /* whose they all are, folded; unknown: of several */
};

struct reading {
	struct reading_event *events;
	size_t event_count;
	const struct reading_count *counts; /* of successes and deferrals; failures count themselves */
	size_t count_count;
	const char *name, *place;
	const char *mark_name, *mark;       /* how far was counted, whatever the log is called; NULL: none */
};

/* 0: committed, decisions filled.  Else nothing was kept: try again with the same.  Any thread but the loop's. */
int reading_commit(struct writer *writer, struct reading *reading) __attribute__((warn_unused_result));

/* The place that was committed last: 1; 0 there is none; -errno. */
int reading_get_place(struct writer *writer, const char *name, char *ret_place, size_t size) __attribute__((warn_unused_result));

#endif
