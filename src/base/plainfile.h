/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An operator's file of libconfuse syntax, opened with its comments blanked out: libconfuse 3.3 counts three lines for a
 * line with a comment, and then names the wrong line in every complaint.  Any thread.
 */
#ifndef KODAMA_BASE_PLAINFILE_H
#define KODAMA_BASE_PLAINFILE_H

#include <stdio.h>

#include "base/complaint.h"

/*
 * The same lines without "#", "//" and slash-star comments outside of quotes.  -errno, -EFBIG past 16 MiB, -ENOMEM; -EINVAL
 * when a brace or a quote is not closed, which libconfuse takes for the end; all with *complaint (may be NULL).
 */
int plainfile_open(const char *path, FILE **ret_file, struct complaint *complaint) __attribute__((warn_unused_result));

#endif
