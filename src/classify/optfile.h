/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading one file of libconfuse syntax, with every complaint of the parser turned into path, line and reason.
 * libconfuse's scanner has global state: one thread at a time (loading is the main thread's).
 */
#ifndef KODAMA_CLASSIFY_OPTFILE_H
#define KODAMA_CLASSIFY_OPTFILE_H

#include <confuse.h>

#include "base/complaint.h"
#include "base/span.h"

/* *ret_cfg is the caller's (cfg_free).  -EINVAL, -errno with *complaint. */
int optfile_read(const char *path, cfg_opt_t *options, cfg_t **ret_cfg, struct complaint *complaint)
	__attribute__((warn_unused_result));

/* Line of the first place of `text` at or after `line`; `line` when it is not found. */
unsigned optfile_find_line(const char *path, unsigned line, const char *text);

/*
 * Calls `each` with the path of every file of `dir` whose name ends in `suffix`, in the order of their names, until
 * one fails.  A folder that is not there has no files.  -errno with *complaint.
 */
int optfile_for_each(const char *dir, const char *suffix, int (*each)(void *data, const char *path), void *data,
		     struct complaint *complaint) __attribute__((warn_unused_result));

#endif
