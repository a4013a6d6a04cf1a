/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections stand in one of two lists, each in the order of its deadline: quiet ones (between requests) and busy ones
 * (half a request read, or an answer that the peer has not taken).  Of a stream some wait for room, and some for us, without
 * a deadline: what is done for them ends by itself.  One tick a second looks at the heads.  One read
 * an event into a buffer that all share: a quiet connection holds no memory but itself.
 */
#include "loop/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { CHUNK_SIZE = 16 * 1024, ACCEPTS_AT_ONCE = 64, LOG_PAUSE_S = 60 };

struct connection {
	struct connection *previous, *next;
	struct list *list;
	struct server *server;
	struct watch *reading, *writing;
	int fd;
	uid_t user;      /* (uid_t)-1: unknown */
	bool is_closing; /* after the output */
	void *request;   /* of a stream */
	int64_t since_s;
	struct buffer input, output; /* what waits for more bytes; what waits for the peer */
};

struct list {
	struct connection *first, *last;
};

/* What is worth a line in the log. */
enum trouble { TROUBLE_FULL, TROUBLE_USER, TROUBLE_ACCEPT, TROUBLE_NONSENSE, TROUBLE_SLOW, TROUBLES };

struct server {
	struct loop *loop;
	struct server_options options;
	struct watch *accepting;
	struct list quiet, busy, waiting, away;
	struct server_stats stats; /* each member atomic */
	int64_t now_s, logged_s[TROUBLES];
	int fd;
	bool is_accepting;
	struct buffer answers; /* of one read */
	char chunk[CHUNK_SIZE];
};

static void count_up(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static int64_t read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* An attack fills the log with one line a minute, not with one a connection. */
static bool may_log(struct server *server, enum trouble trouble)
{
	int64_t *logged_s = &server->logged_s[trouble];

	if (*logged_s && server->now_s - *logged_s < LOG_PAUSE_S)
		return false;
	*logged_s = server->now_s;
	return true;
}

/* --- lists */

static void list_remove(struct connection *connection)
{
	struct list *list = connection->list;

	*(connection->previous ? &connection->previous->next : &list->first) = connection->next;
	*(connection->next ? &connection->next->previous : &list->last) = connection->previous;
}

static void list_append(struct list *list, struct connection *connection)
{
	connection->list = list;
	connection->next = NULL;
	connection->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = connection;
	list->last = connection;
}

static void connection_move(struct connection *connection, struct list *list)
{
	list_remove(connection);
	connection->since_s = connection->server->now_s;
	list_append(list, connection);
}

/* A busy connection keeps the time at which it became busy: trickling bytes does not extend it. */
static void connection_place(struct connection *connection)
{
	struct server *server = connection->server;
	bool is_busy = connection->input.len > 0 || connection->output.len > 0;

	if (is_busy && connection->list == &server->busy)
		return;
	connection_move(connection, is_busy ? &server->busy : &server->quiet);
}

/* --- one connection */

static void connection_close(struct connection *connection)
{
	struct server *server = connection->server;

	list_remove(connection);
	if (connection->request)
		server->options.stream->end(connection->request);
	watch_free(connection->reading);
	watch_free(connection->writing);
	close(connection->fd);
	buffer_done(&connection->input);
	buffer_done(&connection->output);
	free(connection);
	__atomic_sub_fetch(&server->stats.open, 1, __ATOMIC_RELAXED);
}

/* What the socket does not take at once waits, and nothing more is read until it is gone. */
static int connection_send(struct connection *connection, struct span answers)
{
	ssize_t sent = 0;

	if (answers.len > 0)
		sent = send(connection->fd, answers.ptr, answers.len, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	answers = span_skip(answers, sent > 0 ? (size_t)sent : 0);
	if (answers.len == 0)
		return 0;
	buffer_add(&connection->output, answers);
	watch_set(connection->reading, false);
	watch_set(connection->writing, true);
	return connection->output.is_cut ? -ENOMEM : 0;
}

static void on_writable(void *data)
{
	struct connection *connection = data;
	ssize_t sent = send(connection->fd, connection->output.bytes, connection->output.len, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0) {
		connection_close(connection);
		return;
	}
	buffer_drop(&connection->output, (size_t)sent);
	if (connection->output.len > 0)
		return;
	if (connection->is_closing) {
		connection_close(connection);
		return;
	}
	buffer_done(&connection->output);
	watch_set(connection->writing, false);
	watch_set(connection->reading, true);
	connection_place(connection);
}

/* Keeps what of `input` was not taken; false when that is too much. */
static bool connection_keep(struct connection *connection, struct span input, size_t taken)
{
	if (connection->input.len > 0)
		buffer_drop(&connection->input, taken);
	else if (taken < input.len)
		buffer_add(&connection->input, span_skip(input, taken));
	if (connection->input.len == 0 && connection->input.bytes)
		buffer_done(&connection->input);
	return !connection->input.is_cut && connection->input.len < connection->server->options.input_max;
}

/* false: the peer is to be left */
static bool connection_take(struct connection *connection, struct span chunk)
{
	struct server *server = connection->server;
	struct span input = chunk;
	ssize_t taken;

	if (connection->input.len > 0) {
		buffer_add(&connection->input, chunk);
		input = buffer_get(&connection->input);
	}
	buffer_clear(&server->answers);
	taken = server->options.take(server->options.data, input, &server->answers);
	if (taken < 0 || !connection_keep(connection, input, (size_t)taken)) {
		count_up(&server->stats.refused);
		if (may_log(server, TROUBLE_NONSENSE))
			log_event(LOG_LEVEL_WARNING, "peer-refused", "front=%s reason=%s", server->options.name, taken < 0 ? "nonsense" : "too-large");
		connection->is_closing = true;
	}
	if (connection_send(connection, buffer_get(&server->answers)) < 0)
		return false;
	return !connection->is_closing || connection->output.len > 0;
}

/* --- a stream */

/* Is there a request to feed?  Not the peer's fault when not: what it has sent stays where it is. */
static bool connection_begin(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->request)
		return true;
	connection->request = server->options.stream->begin(server->options.data, connection);
	if (connection->list == (connection->request ? &server->busy : &server->waiting))
		return connection->request;
	watch_set(connection->reading, connection->request);
	connection_move(connection, connection->request ? &server->busy : &server->waiting);
	return connection->request;
}

static void connection_feed(struct connection *connection, struct span chunk)
{
	struct server *server = connection->server;

	if (server->options.stream->feed(connection->request, chunk) == 0)
		return;
	watch_set(connection->reading, false);
	if (!connection->is_closing)
		connection_move(connection, &server->away);
}

void server_answer(struct connection *connection, struct span answer)
{
	buffer_add(&connection->output, answer);
	connection->is_closing = true;
	watch_set(connection->writing, true);
	connection_move(connection, &connection->server->busy);
}

void server_retry(struct server *server)
{
	/* one for whom there is no room does not keep those behind him from it */
	for (struct connection *connection = server->waiting.first, *next; connection; connection = next) {
		next = connection->next;
		connection_begin(connection);
	}
}

uid_t connection_get_user(const struct connection *connection)
{
	return connection->user;
}

/* --- reading */

/* false: the peer is to be left */
static bool connection_read(struct connection *connection, struct span chunk)
{
	if (!connection->server->options.stream)
		return connection_take(connection, chunk);
	connection_feed(connection, chunk);
	return true;
}

static void on_readable(void *data)
{
	struct connection *connection = data;
	struct server *server = connection->server;
	ssize_t got;

	if (server->options.stream && !connection_begin(connection))
		return;
	got = recv(connection->fd, server->chunk, sizeof(server->chunk), 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || !connection_read(connection, span_make(server->chunk, (size_t)got))) {
		connection_close(connection);
		return;
	}
	if (!server->options.stream)
		connection_place(connection);
}

static uid_t find_user(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : (uid_t)-1;
}

static unsigned count_of_user(const struct list *list, uid_t user)
{
	unsigned count = 0;

	for (const struct connection *connection = list->first; connection; connection = connection->next)
		count += connection->user == user;
	return count;
}

/* Has this user as many connections as one may have?  Nobody shuts others out by having all. */
static bool is_user_full(struct server *server, uid_t user)
{
	unsigned count;

	if (!server->options.per_user || user == 0 || user == (uid_t)-1)
		return false;
	count = count_of_user(&server->quiet, user) + count_of_user(&server->waiting, user) + count_of_user(&server->busy, user) +
		count_of_user(&server->away, user);
	if (count < server->options.per_user)
		return false;
	if (may_log(server, TROUBLE_USER))
		log_event(LOG_LEVEL_WARNING, "user-connections-full", "front=%s uid=%u connections=%u", server->options.name, (unsigned)user, count);
	count_up(&server->stats.evicted);
	return true;
}

static void connection_open(struct server *server, int fd, uid_t user)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		close(fd);
		return;
	}
	connection->server = server;
	connection->fd = fd;
	connection->user = user;
	connection->since_s = server->now_s;
	/* a whole read may come on top of what is kept */
	buffer_init(&connection->input, server->options.input_max + CHUNK_SIZE);
	buffer_init(&connection->output, server->options.output_max);
	connection->reading = loop_watch_read(server->loop, fd, on_readable, connection);
	connection->writing = loop_watch_write(server->loop, fd, on_writable, connection);
	list_append(&server->quiet, connection);
	__atomic_add_fetch(&server->stats.open, 1, __ATOMIC_RELAXED);
	if (!connection->reading || !connection->writing)
		connection_close(connection);
}

/* --- all of them */

static void make_room(struct server *server)
{
	if (server->stats.open < server->options.connections)
		return;
	if (may_log(server, TROUBLE_FULL))
		log_event(LOG_LEVEL_WARNING, "connections-full", "front=%s connections=%u", server->options.name, server->stats.open);
	count_up(&server->stats.evicted);
	struct list *lists[] = { &server->quiet, &server->waiting, &server->busy, &server->away };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i]->first) {
			connection_close(lists[i]->first);
			return;
		}
}

static void on_acceptable(void *data)
{
	struct server *server = data;

	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			uid_t user = find_user(fd);
			count_up(&server->stats.accepted);
			if (is_user_full(server, user)) {
				close(fd);
				continue;
			}
			make_room(server);
			connection_open(server, fd, user);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			if (may_log(server, TROUBLE_ACCEPT))
				log_event(LOG_LEVEL_ERROR, "accept-failed", "front=%s error=\"%s\"", server->options.name, strerror(errno));
			/* until the next tick: the waiting connection would wake us without end */
			watch_set(server->accepting, false);
			server->is_accepting = false;
		}
		return;
	}
}

/* Has any been closed? */
static bool close_overdue(struct server *server, struct list *list, unsigned timeout_s)
{
	bool is_any = false;

	for (; list->first && server->now_s - list->first->since_s >= timeout_s; is_any = true) {
		count_up(&server->stats.timed_out);
		connection_close(list->first);
	}
	return is_any;
}

static void on_tick(void *data)
{
	struct server *server = data;

	server->now_s = read_clock();
	close_overdue(server, &server->quiet, server->options.idle_s);
	if (close_overdue(server, &server->busy, server->options.request_s) && may_log(server, TROUBLE_SLOW))
		log_event(LOG_LEVEL_WARNING, "peer-slow", "front=%s request_timeout_s=%u", server->options.name, server->options.request_s);
	if (server->options.stream)
		close_overdue(server, &server->waiting, server->options.stream->wait_s);
	if (!server->is_accepting) {
		watch_set(server->accepting, true);
		server->is_accepting = true;
	}
}

int server_start(struct loop *loop, int fd, const struct server_options *options, struct server **ret_server)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->options = *options;
	server->fd = fd;
	server->now_s = read_clock();
	server->is_accepting = true;
	buffer_init(&server->answers, options->output_max);
	server->accepting = loop_watch_read(loop, fd, on_acceptable, server);
	if (!server->accepting || loop_add_tick(loop, 1000, on_tick, server) < 0) {
		watch_free(server->accepting);
		free(server);
		return -ENOMEM;
	}
	*ret_server = server;
	return 0;
}

static void close_all(struct list *list)
{
	while (list->first)
		connection_close(list->first);
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	close_all(&server->quiet);
	close_all(&server->waiting);
	close_all(&server->busy);
	close_all(&server->away);
	watch_free(server->accepting);
	close(server->fd);
	buffer_done(&server->answers);
	free(server);
}

void server_get_stats(const struct server *server, struct server_stats *ret_stats)
{
	ret_stats->accepted = __atomic_load_n(&server->stats.accepted, __ATOMIC_RELAXED);
	ret_stats->evicted = __atomic_load_n(&server->stats.evicted, __ATOMIC_RELAXED);
	ret_stats->timed_out = __atomic_load_n(&server->stats.timed_out, __ATOMIC_RELAXED);
	ret_stats->refused = __atomic_load_n(&server->stats.refused, __ATOMIC_RELAXED);
	ret_stats->open = __atomic_load_n(&server->stats.open, __ATOMIC_RELAXED);
}
