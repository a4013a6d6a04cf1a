/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama setup: what it does for each MTA.  One thread. */
#ifndef KODAMA_CLI_SETUP_H
#define KODAMA_CLI_SETUP_H

#include "cli/command.h"

int setup_sendmail(const struct command *command, const struct options *options);
int setup_postfix(const struct command *command, const struct options *options);

#endif
