/* SPDX-License-Identifier: BSD-2-Clause */
/* The report of logs: what scan.h has counted, sorted and cut.  One thread. */
#ifndef KODAMA_CLI_REPORT_LOG_H
#define KODAMA_CLI_REPORT_LOG_H

#include "base/arena.h"
#include "cli/report.h"
#include "cli/scan.h"

/* top: so many rows of each list, but of the days; 0: all.  What the scan and the arena hold is borrowed.  -ENOMEM. */
int report_from_scan(const struct scan *scan, size_t top, struct arena *arena, struct report *ret_report) __attribute__((warn_unused_result));

#endif
