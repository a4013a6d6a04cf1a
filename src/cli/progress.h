/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A progress bar on standard error, if that is a terminal, standard output is not, and the work is long.
 * One thread.
 */
#ifndef KODAMA_CLI_PROGRESS_H
#define KODAMA_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool is_shown;
	bool is_drawn;      /* something stands in the line */
	uint64_t total;     /* bytes; 0 unknown */
	uint64_t done;      /* bytes of files that are finished */
	uint64_t count;     /* things read */
	int64_t begin_ms, drawn_ms;
};

void progress_begin(struct progress *progress);

/* So many bytes and things now; draws at most ten times a second. */
void progress_set(struct progress *progress, uint64_t bytes, uint64_t count);

/* Takes the bar away, before something else is written to standard error and at the end. */
void progress_clear(struct progress *progress);

#endif
