/* SPDX-License-Identifier: BSD-2-Clause */
/* The questions of the control socket to the store itself, while no daemon runs.  One thread. */
#ifndef KODAMA_CLI_DIRECT_H
#define KODAMA_CLI_DIRECT_H

#include "cli/control.h"

/* As control_ask's; takes the uid and gid of the owner of the database's file for good.  -errno. */
int direct_ask(const struct config *config, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
	__attribute__((warn_unused_result));

#endif
