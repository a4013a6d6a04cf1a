/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with an operator's file: where, and what to do.  A value type; any thread. */
#ifndef KODAMA_BASE_COMPLAINT_H
#define KODAMA_BASE_COMPLAINT_H

struct complaint {
	char path[512]; /* "" when it is not about a file */
	unsigned line;  /* from 1; 0 unknown */
	char text[512];
};

/* Fills it; what is too long is cut.  NULL complaint: nothing happens. */
void complaint_set(struct complaint *complaint, const char *path, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
