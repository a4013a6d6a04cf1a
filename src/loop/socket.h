/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a front listens: "unix:/path" or "inet:port@host".  Opens listening sockets; for unix ones makes the folder,
 * removes what a dead process left (a socket, in a folder that is ours, that nobody answers), gives mode 0660 and the group.
 * Called by the main thread before privileges are dropped.
 */
#ifndef KODAMA_LOOP_SOCKET_H
#define KODAMA_LOOP_SOCKET_H

#include <sys/types.h>

#include "base/complaint.h"
#include "base/span.h"

struct socket_options {
	const char *address; /* "unix:/path", "inet:port@host" (host an IP address or localhost) */
	const char *group;   /* of a unix socket; "" leaves it */
	bool is_public;      /* a unix socket with mode 0666, not 0660; its folder, where it is made, with 0755 */
};

/* Is the address of the right form?  -EINVAL. */
int socket_check_address(struct span address) __attribute__((warn_unused_result));

/* The path of a unix socket; NULL for inet. */
const char *socket_get_path(const char *address);

/*
 * What stands before and after bind(), for listeners that a library opens (libmilter): the folder made and the
 * stale socket removed; then owner and group given.  owner: whose folder and socket are to be, (uid_t)-1 leaves it.
 */
int socket_prepare_path(const char *path, uid_t owner, const char *group, struct complaint *complaint) __attribute__((warn_unused_result));
int socket_finish_path(const char *path, uid_t owner, const char *group, struct complaint *complaint) __attribute__((warn_unused_result));

/* A listening socket, non-blocking and close-on-exec. */
int socket_listen(const struct socket_options *options, uid_t owner, int *ret_fd, struct complaint *complaint)
	__attribute__((warn_unused_result));

/* A blocking connection to it, with timeouts for reading and writing; for clients of the control socket. */
int socket_connect(const char *address, unsigned timeout_ms, int *ret_fd) __attribute__((warn_unused_result));

#endif
