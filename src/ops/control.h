/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: how the command kodama reaches the daemon.  One JSON object a line in; rows and one answer out
 * (ops/admin.h has the requests about addresses; status and reload are here).  In threads of its own, so that nothing
 * that it asks of the store holds up a front.  Who may open the socket is the file mode's matter; who it was is in the audit.
 */
#ifndef KODAMA_OPS_CONTROL_H
#define KODAMA_OPS_CONTROL_H

#include "base/buffer.h"
#include "flow/flow.h"
#include "ops/stats.h"
#include "store/keysource.h"

struct control;

struct control_options {
	int fd;                          /* listening; the control's from now on, on success */
	const struct store_options *store;
	struct stats_sources sources;
	struct current *current;
	const struct keysource_options *key_options;
	struct keysource *keysource;     /* told when a request has changed the keys */
	/* Loads everything anew: 0, or negative with the reason; a remark on success too.  Any thread. */
	int (*reload)(void *data, struct buffer *said);
	void *data;
};

/* The longest request, and how many clients are served at once. */
enum { CONTROL_REQUEST_MAX = 1024 * 1024, CONTROL_CLIENTS_MAX = 16, CONTROL_TIMEOUT_S = 60 };

int control_start(const struct control_options *options, struct control **ret_control) __attribute__((warn_unused_result));
/* Requests that run are finished, no new ones taken. */
void control_stop(struct control *control);

#endif
