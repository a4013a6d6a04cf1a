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
struct connection; /* with one peer */

struct server_options {
	const char *name;     /* for the log: "policy" */
	unsigned connections; /* past it the one that has been quiet longest is closed */
	unsigned per_user;    /* of a unix socket, but for root: past it his next one is closed at once, so that others keep theirs; 0: no bound */
	unsigned idle_s;      /* between requests */
	unsigned request_s;   /* from the first byte of a request until its answer is taken; of a stream: each of both by itself */
	size_t input_max;     /* bytes of an unfinished request */
	size_t output_max;    /* bytes of the answers to one read */

	/*
	 * Takes the whole requests at the start of `input`, appends their answers to `output`, and returns how many bytes
	 * it took: what is left comes again, with more behind it.  Negative: the peer talks nonsense, close when
	 * `output` is written.
	 */
	ssize_t (*take)(void *data, struct span input, struct buffer *output);
	void *data;

	/* In place of `take`, for requests that are too long to be kept, or whose answer takes its time; NULL without. */
	const struct server_stream *stream;
};

/* One request a connection, piece by piece. */
struct server_stream {
	unsigned wait_s; /* longest wait for room */
	/* The first bytes are there.  NULL: there is no room now; the peer waits, unread, for server_retry. */
	void *(*begin)(void *data, struct connection *connection);
	/* 0: more is wanted.  1: it is whole, or known to be none; nothing more is read, and server_answer says what it comes to. */
	int (*feed)(void *request, struct span input);
	/* The connection is closed, with or without an answer; nothing can be said to the peer any more. */
	void (*end)(void *request);
};

/* Sends the answer, and closes when the peer has taken it.  Once, after a feed of 1 or inside of it. */
void server_answer(struct connection *connection, struct span answer);

/* Who is at the other end of a unix socket; (uid_t)-1 where nobody can tell. */
uid_t connection_get_user(const struct connection *connection);

/* There is room again: those who wait are asked to begin, the one that waits longest first. */
void server_retry(struct server *server);

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
