/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration that the options name.  One thread. */
#ifndef KODAMA_CLI_CONFIG_H
#define KODAMA_CLI_CONFIG_H

#include "cli/command.h"

struct config;

/* EXIT_ALL_READ and *ret_config (conf_free), else it has said what is wrong. */
int config_load(const struct options *options, struct config **ret_config) __attribute__((warn_unused_result));

#endif
