/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An operator's file of libconfuse syntax, whole, or opened with its comments blanked out for libconfuse itself: 3.3 counts
 * three lines for a line with a comment, and then names the wrong line in every complaint.  Any thread.
 */
#ifndef KODAMA_BASE_PLAINFILE_H
#define KODAMA_BASE_PLAINFILE_H

#include <stdio.h>

#include "base/arena.h"
#include "base/complaint.h"

/*
 * The same lines without "#", "//" and slash-star comments outside of quotes.  -errno, -EFBIG past 16 MiB, -ENOMEM; -EINVAL
 * when a brace or a quote is not closed, which libconfuse takes for the end; all with *complaint (may be NULL).
 */
int plainfile_open(const char *path, FILE **ret_file, struct complaint *complaint) __attribute__((warn_unused_result));

/*
 * All of it as it is, a C string in the arena.  -errno, -EFBIG past 16 MiB, -EINVAL when a NUL byte is in it, with *complaint;
 * -ENOMEM.
 */
int plainfile_read(const char *path, struct arena *arena, char **ret_text, struct complaint *complaint)
	__attribute__((warn_unused_result));

#endif
