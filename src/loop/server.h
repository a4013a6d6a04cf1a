/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server of short questions and short answers over many connections, on the loop: bounded in connections, in
 * bytes and in time, whatever a peer does.  It knows no protocol: `take` does.  The loop's thread.
 */
#ifndef KODAMA_LOOP_SERVER_H
#define KODAMA_LOOP_SERVER_H

#include <sys/types.h>

#include "base/buffer.h"
#include "loop/loop.h"

struct server;

struct server_options {
	const char *name;     /* for the log: "policy" */
	unsigned connections; /* past it the one that has been quiet longest is closed */
	unsigned idle_s;      /* between requests */
	unsigned request_s;   /* from the first byte of a request until its answer is taken */
	size_t input_max;     /* bytes of an unfinished request */
	size_t output_max;    /* bytes of the answers to one read */

	/*
	 * Takes the whole requests at the start of `input`, appends their answers to `output`, and returns how many bytes
	 * it took: what is left comes again, with more behind it.  Negative: the peer talks nonsense, close when
	 * `output` is written.
	 */
	ssize_t (*take)(void *data, struct span input, struct buffer *output);
	void *data;
};

struct server_stats {
	uint64_t accepted, evicted, timed_out, refused; /* refused: nonsense or too large */
	unsigned open;
};

/* fd: a listening, non-blocking socket; the server's from now on, on success. */
int server_start(struct loop *loop, int fd, const struct server_options *options, struct server **ret_server) __attribute__((warn_unused_result));
/* After the loop has stopped. */
void server_stop(struct server *server);
/* Any thread. */
void server_get_stats(const struct server *server, struct server_stats *ret_stats);

#endif
