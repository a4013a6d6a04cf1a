/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The milter front: libmilter's callbacks around intake/session.h.  libmilter is one to a process and runs in a thread
 * of its own; a session's callbacks hop between its workers, so that all state hangs on the context.
 */
#ifndef KODAMA_INTAKE_MILTER_H
#define KODAMA_INTAKE_MILTER_H

#include "base/complaint.h"
#include "intake/intake.h"

struct milter_options {
	const char *address; /* "unix:/path" or "inet:port@host" */
};

/* Opens the listening socket, with the umask of the caller; the path of a unix socket must be free.  Main thread. */
int milter_open(const struct milter_options *options, struct complaint *complaint) __attribute__((warn_unused_result));

/*
 * Starts serving.  `ended` is called, in libmilter's thread, when it fails without milter_stop.  The caller has the
 * signals blocked that its main thread wants for itself.
 */
int milter_start(const struct intake *intake, void (*ended)(void *data), void *data) __attribute__((warn_unused_result));

/*
 * Ends it.  Open sessions are dropped.  false: libmilter, or a callback, still runs after `patience_ms`, and what it works
 * with must not be freed.
 */
bool milter_stop(unsigned patience_ms);

#endif
