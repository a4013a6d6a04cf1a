/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of the MTA that the command runs: no shell, their standard output taken.  One thread. */
#ifndef KODAMA_CLI_PROGRAM_H
#define KODAMA_CLI_PROGRAM_H

#include "base/buffer.h"

/*
 * Runs argv[0] (found in PATH, then in /usr/sbin) and waits for it.  input: its standard input, SPAN_NONE for none; out (may
 * be NULL) gets what it prints, up to its maximum.  Its exit status, 128 + n when a signal ended it; -ENOENT where there is
 * no such program, or another errno.
 */
int program_run(const char *const *argv, struct span input, struct buffer *out) __attribute__((warn_unused_result));

#endif
