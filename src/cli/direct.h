/* SPDX-License-Identifier: BSD-2-Clause */
/* The questions of the control socket to the store itself, while no daemon runs.  One thread. */
#ifndef KODAMA_CLI_DIRECT_H
#define KODAMA_CLI_DIRECT_H

#include "base/complaint.h"
#include "cli/control.h"

struct direct;

/* Opens nothing yet; config is borrowed.  -ENOMEM. */
int direct_open(const struct config *config, struct direct **ret_direct) __attribute__((warn_unused_result));
void direct_close(struct direct *direct);

/*
 * As control_tell's; *ret_end is the caller's.  Root first becomes, for good, who owns the file that is asked about, else its
 * folder, else the account of the configuration, so that it leaves nothing that the daemon cannot open.  -errno, as a rule
 * with the reason.
 */
int direct_tell(struct direct *direct, const json_t *request, control_emit *emit, void *data, json_t **ret_end, struct complaint *complaint)
	__attribute__((warn_unused_result));

#endif
