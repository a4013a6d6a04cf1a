/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread accepts, one serves each client, blocking and with timeouts: the simplest thing that cannot hold up the
 * fronts.  The clients are root's and the group's, but what they send is still bounded.
 */
#include "ops/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "ops/admin.h"
#include "ops/attention.h"
#include "ops/keyadmin.h"
#include "ops/doctor.h"
#include "store/thread.h"

enum { SEND_CHUNK = 32 * 1024, STOP_PATIENCE_MS = 2000 };

struct control {
	struct control_options options;
	pthread_t thread;
	int stop_fd;
	pthread_mutex_t lock;
	pthread_cond_t emptied;
	int clients[CONTROL_CLIENTS_MAX]; /* descriptors, -1 where there is none */
	unsigned client_count;
};

struct client {
	struct control *control;
	int fd;
	unsigned slot;
	char by[32];
	struct buffer input, output;
};

/* --- rows out */

static int client_flush(struct client *client)
{
	struct span rest = buffer_get(&client->output);

	while (rest.len > 0) {
		ssize_t sent = send(client->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		rest = span_skip(rest, (size_t)sent);
	}
	buffer_clear(&client->output);
	return 0;
}

/* Takes the row over. */
static int client_emit(void *data, json_t *row)
{
	struct client *client = data;
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;

	json_decref(row);
	if (!text)
		return -ENOMEM;
	buffer_add(&client->output, span_of(text));
	buffer_add_char(&client->output, '\n');
	free(text);
	if (client->output.is_cut)
		return -ENOMEM;
	return client->output.len >= SEND_CHUNK ? client_flush(client) : 0;
}

static int client_refuse(struct client *client, const char *why)
{
	return client_emit(client, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

/* --- requests */

static int answer_status(struct client *client)
{
	const struct control_options *options = &client->control->options;
	struct snapshot *snapshot = current_get(options->current);
	json_t *row = json_object(), *stats = stats_describe(&options->sources);
	int error;

	json_object_set_new(row, "row", json_string("status"));
	json_object_set_new(row, "enforce", json_boolean(snapshot->limits.enforce));
	json_object_set_new(row, "rules", json_integer((json_int_t)ruleset_get_count(snapshot->ruleset)));
	json_object_set_new(row, "jit", json_boolean(ruleset_is_jit(snapshot->ruleset)));
	json_object_update(row, stats);
	json_decref(stats);
	json_object_set_new(row, "attention", attention_describe(row));
	snapshot_unref(snapshot);
	error = client_emit(client, row);
	return error < 0 ? error : client_emit(client, json_pack("{s:b}", "ok", 1));
}

static int answer_reload(struct client *client)
{
	const struct control_options *options = &client->control->options;
	struct buffer said;
	int error;

	buffer_init(&said, 4096);
	if (options->reload(options->data, &said) < 0)
		error = client_refuse(client, buffer_get_text(&said));
	else
		error = client_emit(client, json_pack("{s:b, s:s}", "ok", 1, "note", buffer_get_text(&said)));
	buffer_done(&said);
	return error;
}

static int answer_admin(struct client *client, const json_t *request)
{
	const struct control_options *options = &client->control->options;
	struct store_options store_options = *options->store;
	struct snapshot *snapshot = current_get(options->current);
	struct admin admin = {
		.writer = options->sources.writer,
		.enforce = snapshot->limits.enforce,
		.extension_delimiters = snapshot->extension_delimiters,
	};
	char why[700], value[LOG_VALUE_SIZE];
	int error;

	store_options.is_read_only = true;
	error = store_open(&store_options, &admin.store);
	if (error < 0) {
		/* not the URI, which may hold a password; the reason never does */
		snprintf(why, sizeof(why), "the database cannot be opened: %s", store_get_error(NULL)[0] ? store_get_error(NULL) : strerror(-error));
		log_event(LOG_LEVEL_ERROR, "store-failed", "front=control error=%s", log_value(span_of(why), value));
		error = client_refuse(client, why);
	} else {
		/* a refusal has been told; the connection serves on unless it is broken, which the next send finds out */
		if (admin_handle(&admin, request, client->by, client_emit, client) < 0)
			log_event(LOG_LEVEL_DEBUG, "control-refused", "by=\"%s\"", client->by);
		store_close(admin.store);
	}
	snapshot_unref(snapshot);
	return error;
}

static int answer_doctor(struct client *client, const char *name, const json_t *request)
{
	const char *why = NULL;
	json_t *row = doctor_answer(&client->control->options.sources, name, request, &why);
	int error = row ? client_emit(client, row) : 0;

	if (why)
		return client_refuse(client, why);
	return error < 0 ? error : client_emit(client, json_pack("{s:b}", "ok", 1));
}

static int answer_keys(struct client *client, const json_t *request)
{
	const struct control_options *options = &client->control->options;
	int error = keyadmin_handle(options->key_options, request, time(NULL), client_emit, client);

	if (error == KEYADMIN_CHANGED) {
		log_event(LOG_LEVEL_INFO, "keys-changed-by", "by=\"%s\" request=%s", client->by, json_string_value(json_object_get(request, "do")));
		(void)keysource_refresh(options->keysource);
		error = client_emit(client, json_pack("{s:b}", "ok", 1));
	}
	return error;
}

static int answer_line(struct client *client, struct span line)
{
	json_t *request = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "do"));
	int error;

	if (!name)
		error = client_refuse(client, "the request is no JSON object with \"do\"");
	else if (strcmp(name, "status") == 0)
		error = answer_status(client);
	else if (strcmp(name, "reload") == 0)
		error = answer_reload(client);
	else if (doctor_knows(name))
		error = answer_doctor(client, name, request);
	else if (keyadmin_knows(name))
		error = answer_keys(client, request);
	else if (admin_knows(name))
		error = answer_admin(client, request);
	else
		error = client_refuse(client, "there is no such request");
	json_decref(request);
	return error < 0 ? error : client_flush(client);
}

/* --- clients */

/* One line into client->input; false at the end, after an error, and when it is too long. */
static bool client_read_line(struct client *client, struct span *ret_line)
{
	for (;;) {
		struct span input = buffer_get(&client->input);
		size_t end = span_find_char(input, '\n', 0);
		char chunk[32 * 1024];
		ssize_t got;
		if (end != SIZE_MAX) {
			*ret_line = span_slice(input, 0, end);
			return true;
		}
		if (client->input.is_cut)
			return false;
		got = recv(client->fd, chunk, sizeof(chunk), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buffer_add(&client->input, span_make(chunk, (size_t)got));
	}
}

static void client_free(struct client *client)
{
	struct control *control = client->control;

	pthread_mutex_lock(&control->lock);
	control->clients[client->slot] = -1;
	close(client->fd);
	control->client_count--;
	pthread_cond_signal(&control->emptied);
	pthread_mutex_unlock(&control->lock);
	buffer_done(&client->input);
	buffer_done(&client->output);
	free(client);
}

static void *serve(void *data)
{
	struct client *client = data;
	struct span line;

	while (client_read_line(client, &line)) {
		size_t length = line.len + 1;
		if (answer_line(client, line) < 0)
			break;
		buffer_drop(&client->input, length);
	}
	client_free(client);
	return NULL;
}

static void read_peer(struct client *client)
{
	struct timeval timeout = { CONTROL_TIMEOUT_S, 0 };
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);

	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		snprintf(client->by, sizeof(client->by), "uid %u", (unsigned)peer.uid);
	else
		snprintf(client->by, sizeof(client->by), "uid unknown");
}

/* Finds it a place and a thread; false: there is none. */
static bool client_start(struct control *control, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	pthread_attr_t detached;
	pthread_t thread;
	unsigned slot = 0;
	bool is_started;

	if (!client)
		return false;
	*client = (struct client){ .control = control, .fd = fd };
	buffer_init(&client->input, CONTROL_REQUEST_MAX);
	buffer_init(&client->output, 16 << 20);
	read_peer(client);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_mutex_lock(&control->lock);
	while (slot < CONTROL_CLIENTS_MAX && control->clients[slot] >= 0)
		slot++;
	client->slot = slot;
	is_started = slot < CONTROL_CLIENTS_MAX && pthread_create(&thread, &detached, serve, client) == 0;
	if (is_started) {
		control->clients[slot] = fd;
		control->client_count++;
	}
	pthread_mutex_unlock(&control->lock);
	pthread_attr_destroy(&detached);
	if (!is_started)
		free(client);
	return is_started;
}

static void accept_client(struct control *control)
{
	static const char busy[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	int fd = accept4(control->options.fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || client_start(control, fd))
		return;
	(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void *run(void *data)
{
	struct control *control = data;
	struct pollfd polled[] = { { .fd = control->options.fd, .events = POLLIN }, { .fd = control->stop_fd, .events = POLLIN } };

	while (poll(polled, 2, -1) >= 0 || errno == EINTR) {
		if (polled[1].revents)
			break;
		if (polled[0].revents)
			accept_client(control);
	}
	return NULL;
}

int control_start(const struct control_options *options, struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	int error;

	if (!control)
		return -ENOMEM;
	control->options = *options;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i] = -1;
	pthread_mutex_init(&control->lock, NULL);
	monotonic_cond_init(&control->emptied);
	control->stop_fd = eventfd(0, EFD_CLOEXEC);
	error = control->stop_fd < 0 ? errno : pthread_create(&control->thread, NULL, run, control);
	if (error != 0) {
		if (control->stop_fd >= 0)
			close(control->stop_fd);
		free(control);
		return -error;
	}
	*ret_control = control;
	return 0;
}

static void shut_clients(struct control *control, int how)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i] >= 0)
			shutdown(control->clients[i], how);
}

/* First the reading side only: an answer that is being given is given, but not to somebody who has stopped reading. */
static void end_clients(struct control *control)
{
	struct timespec until = monotonic_at(monotonic_get_ms() + STOP_PATIENCE_MS);
	int result = 0;

	pthread_mutex_lock(&control->lock);
	shut_clients(control, SHUT_RD);
	while (control->client_count > 0 && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&control->emptied, &control->lock, &until);
	shut_clients(control, SHUT_RDWR);
	while (control->client_count > 0)
		pthread_cond_wait(&control->emptied, &control->lock);
	pthread_mutex_unlock(&control->lock);
}

void control_stop(struct control *control)
{
	uint64_t one = 1;

	if (!control)
		return;
	if (write(control->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(control->thread, NULL);
	end_clients(control);
	close(control->stop_fd);
	close(control->options.fd);
	pthread_cond_destroy(&control->emptied);
	pthread_mutex_destroy(&control->lock);
	free(control);
}
