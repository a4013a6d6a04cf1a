/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounces that a program hands over: those of Sendmail's own making, which its milter never sees.  Anybody on this
 * host may connect (mode 0666): what comes in proves nothing by coming in here, and no user but root can have all the places.
 *
 *   request   one netstring, the message, at most INGEST_MESSAGE_MAX bytes; one a connection
 *   answer    one netstring: "ok" LF and the header fields to add, folded, with LF; or
 *             "tempfail" SP why LF: nothing was kept, come again; or "refused" SP why LF: coming again is no use
 *
 * "ok" is said after the commit, or when the outcomes are safe in the queue on disk.  The bytes are read and parsed on
 * the loop, in pieces; what may wait (classification and commit) is done in threads that last as long as there is work.
 */
#ifndef KODAMA_INTAKE_INGEST_H
#define KODAMA_INTAKE_INGEST_H

#include "intake/ingest_frame.h"
#include "intake/intake.h"
#include "loop/server.h"

/* When anything fails inside, the MTA keeps the bounce and brings it again. */
#define INGEST_FAIL_OPEN "tempfail"

#define INGEST_OK "ok"
#define INGEST_REFUSED "refused"

enum { INGEST_ANSWER_MAX = 1 << 20 };

struct ingest;

struct ingest_options {
	unsigned connections, idle_s, request_s; /* as struct server_options */
};

/* fd: a listening, non-blocking socket; the front's from now on, on success.  The loop's thread. */
int ingest_start(const struct intake *intake, struct loop *loop, int fd, const struct ingest_options *options, struct ingest **ret_ingest)
	__attribute__((warn_unused_result));

/* After the loop has stopped: waits for what is being committed.  NULL is fine. */
void ingest_stop(struct ingest *ingest);

/* For its numbers. */
const struct server *ingest_get_server(const struct ingest *ingest);

#endif
