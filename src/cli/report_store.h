/* SPDX-License-Identifier: BSD-2-Clause */
/* The report of what the store counted: asked of the daemon, else of the store itself.  One thread. */
#ifndef KODAMA_CLI_REPORT_STORE_H
#define KODAMA_CLI_REPORT_STORE_H

#include "base/arena.h"
#include "cli/command.h"
#include "cli/report.h"

/* since: as the option's, NULL for a week; top: rows of each list, but of days; 0: all.  The exit status; what went wrong has been said. */
int report_from_store(const struct options *options, const char *since, size_t top, struct arena *arena, struct report *ret_report)
	__attribute__((warn_unused_result));

#endif
