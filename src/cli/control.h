/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the running daemon: one JSON object a line over its control socket; rows come back, one a line, and last an
 * object with "ok".  One thread.
 */
#ifndef KODAMA_CLI_CONTROL_H
#define KODAMA_CLI_CONTROL_H

#include <jansson.h>

#include "cli/command.h"

struct config;

/* What is done with a row: borrowed for the call; negative stops. */
typedef int control_emit(void *data, json_t *row);

enum control_need {
	CONTROL_STORE, /* without a daemon the store itself is opened, as the owner of the database's file */
	CONTROL_DAEMON /* only the daemon can answer */
};

/* A line to the daemon, or the store itself: for several requests one after the other. */
struct control_line;

/* The exit status; what went wrong has been said. */
int control_open(const struct config *config, enum control_need need, struct control_line **ret_line) __attribute__((warn_unused_result));
void control_close(struct control_line *line);

/*
 * Asks, and gives each row to `emit`.  *ret_end (may be NULL): the closing object, the caller's.
 * The exit status; what went wrong has been said.
 */
int control_tell(struct control_line *line, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
	__attribute__((warn_unused_result));

/*
 * The two halves of that, where there is something to do while a daemon answers: what was sent is to be taken before the next is sent.  A store that is
 * opened here does it when it is taken.
 */
int control_send(struct control_line *line, const json_t *request) __attribute__((warn_unused_result));
int control_take(struct control_line *line, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
	__attribute__((warn_unused_result));

/* All of it, for a single request. */
int control_ask(const struct config *config, const json_t *request, enum control_need need, control_emit *emit, void *data, json_t **ret_end)
	__attribute__((warn_unused_result));

#endif
