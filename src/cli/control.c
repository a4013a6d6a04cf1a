/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client of the control socket, and the same questions to the store itself when no daemon runs.
 * One thread; the daemon is trusted, its rows hold remote text.
 */
#include "cli/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/direct.h"
#include "cli/reader.h"
#include "conf/conf.h"
#include "loop/socket.h"

enum { TIMEOUT_MS = 30 * 1000 };

struct control_line {
	const char *where;     /* for complaints */
	int fd;                /* -1: direct */
	struct reader reader;
	struct direct *direct;
};

static int send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	int error = text ? 0 : -ENOMEM;

	if (text)
		text[len++] = '\n';
	for (size_t sent = 0; !error && sent < len;) {
		ssize_t put = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		if (put < 0)
			error = -errno;
		else
			sent += (size_t)put;
	}
	free(text);
	return error;
}

/* Rows until the closing object: 1 and *ret_end, 0 when the daemon went away before it, -errno. */
static int read_answer(struct reader *reader, control_emit *emit, void *data, json_t **ret_end)
{
	struct span line;
	int got;

	while ((got = reader_take_line(reader, &line)) > 0) {
		json_t *object = json_loadb(line.ptr, line.len, 0, NULL);
		if (!json_is_object(object)) {
			json_decref(object);
			return -EPROTO;
		}
		if (json_object_get(object, "ok")) {
			*ret_end = object;
			return 1;
		}
		int error = emit ? emit(data, object) : 0;
		json_decref(object);
		if (error < 0)
			return error;
	}
	return got;
}

/* The daemon's or the store's "no", with the address that it is about. */
static int fail(const json_t *request, const json_t *end)
{
	const char *error = json_string_value(json_object_get(end, "error"));
	const char *address = json_string_value(json_object_get(request, "address"));

	if (!error)
		error = "refused without a reason";
	if (address && !strstr(error, address))
		return command_fail("%s: %s", address, error);
	return command_fail("%s", error);
}

static int finish(const json_t *request, json_t *end, json_t **ret_end)
{
	int status = json_is_true(json_object_get(end, "ok")) ? EXIT_ALL_READ : fail(request, end);

	if (ret_end && status == EXIT_ALL_READ)
		*ret_end = json_incref(end);
	json_decref(end);
	return status;
}

/* Of a database on a server the URI may hold a password. */
static const char *store_name(const struct config *config)
{
	return strncmp(config->store.uri, "sqlite:", 7) == 0 ? config->store.uri + 7 : "the store";
}

static bool is_daemon_absent(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED;
}

static int fail_with(const char *where, int error, const struct complaint *complaint)
{
	if (complaint->text[0])
		return command_fail_complaint(complaint);
	if (error == -EAGAIN || error == -ETIMEDOUT)
		return command_fail("%s: kodamad runs, and has not answered for %d s: it hangs (kill -CONT, its log), or the disk does", where, TIMEOUT_MS / 1000);
	return command_fail("%s: %s%s", where, strerror(-error), error == -EACCES ? ": be root, or in the daemon's group" : "");
}

static int open_line(struct control_line *line, const struct config *config, enum control_need need, struct complaint *complaint)
{
	int error = socket_connect(config->control.socket.address, TIMEOUT_MS, &line->fd);

	line->where = config->control.socket.address;
	if (!error) {
		error = reader_init(&line->reader, READER_LINE_SIZE);
		reader_open(&line->reader, line->fd);
		return error;
	}
	line->fd = -1;
	if (is_daemon_absent(error) && need == CONTROL_DAEMON)
		complaint_set(complaint, "", 0, "no daemon answers at %s: is kodamad running?", line->where);
	if (!is_daemon_absent(error) || need == CONTROL_DAEMON)
		return error;
	line->where = store_name(config);
	return direct_open(config, &line->direct);
}

int control_open(const struct config *config, enum control_need need, struct control_line **ret_line)
{
	struct complaint complaint = { .line = 0 };
	struct control_line *line = calloc(1, sizeof(*line));
	int error = line ? open_line(line, config, need, &complaint) : -ENOMEM;

	if (error) {
		int status = fail_with(line ? line->where : "", error, &complaint);
		control_close(line);
		return status;
	}
	*ret_line = line;
	return EXIT_ALL_READ;
}

void control_close(struct control_line *line)
{
	if (!line)
		return;
	if (line->fd >= 0) {
		close(line->fd);
		reader_done(&line->reader);
	}
	direct_close(line->direct);
	free(line);
}

int control_send(struct control_line *line, const json_t *request)
{
	int error = line->direct ? 0 : send_request(line->fd, request);

	return error ? fail_with(line->where, error, &(struct complaint){ .line = 0 }) : EXIT_ALL_READ;
}

static int take_answer(struct control_line *line, control_emit *emit, void *data, json_t **ret_end)
{
	int got = read_answer(&line->reader, emit, data, ret_end);

	return got > 0 ? 0 : got < 0 ? got : -ECONNRESET;
}

int control_take(struct control_line *line, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
{
	struct complaint complaint = { .line = 0 };
	json_t *end = NULL;
	int error = line->direct ? direct_tell(line->direct, request, emit, data, &end, &complaint) : take_answer(line, emit, data, &end);

	if (error)
		return fail_with(line->where, error, &complaint);
	return finish(request, end, ret_end);
}

int control_tell(struct control_line *line, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
{
	int status = control_send(line, request);

	return status == EXIT_ALL_READ ? control_take(line, request, emit, data, ret_end) : status;
}

int control_ask(const struct config *config, const json_t *request, enum control_need need, control_emit *emit, void *data, json_t **ret_end)
{
	struct control_line *line;
	int status = control_open(config, need, &line);

	if (status != EXIT_ALL_READ)
		return status;
	status = control_tell(line, request, emit, data, ret_end);
	control_close(line);
	return status;
}
