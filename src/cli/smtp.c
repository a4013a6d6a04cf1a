/* SPDX-License-Identifier: BSD-2-Clause */
/* The least of an SMTP client: one command after the other, each answered.  One thread. */
#include "cli/smtp.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/socket.h"

enum { TIMEOUT_MS = 30000, COMMAND_SIZE = 1024 };

struct smtp {
	int fd;
	char *reply;
	char input[4096];
	size_t have;
};

static int send_all(int fd, struct span text)
{
	while (text.len) {
		ssize_t sent = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0)
			text = span_skip(text, (size_t)sent);
	}
	return 0;
}

/* One line of at most the buffer's size, without its end. */
static int read_line(struct smtp *smtp, char line[static SMTP_REPLY_SIZE])
{
	for (;;) {
		struct span input = span_make(smtp->input, smtp->have);
		size_t end = span_find_char(input, '\n', 0);
		if (end != SIZE_MAX) {
			snprintf(line, SMTP_REPLY_SIZE, "%.*s", SPAN_ARG(span_trim_right(span_slice(input, 0, end))));
			smtp->have -= end + 1;
			memmove(smtp->input, smtp->input + end + 1, smtp->have);
			return 0;
		}
		if (smtp->have == sizeof(smtp->input))
			return -EPROTO;
		ssize_t got = recv(smtp->fd, smtp->input + smtp->have, sizeof(smtp->input) - smtp->have, 0);
		if (got == 0)
			return -ECONNRESET;
		if (got < 0 && errno != EINTR)
			return -errno;
		smtp->have += got > 0 ? (size_t)got : 0;
	}
}

/* The reply to what was sent: its first digit must be `wanted`. */
static int expect(struct smtp *smtp, char wanted)
{
	int error;

	do
		error = read_line(smtp, smtp->reply);
	while (!error && strlen(smtp->reply) > 3 && smtp->reply[3] == '-');
	if (!error && smtp->reply[0] != wanted)
		error = -EPROTO;
	return error;
}

static int say(struct smtp *smtp, const char *verb, const char *argument, const char *end, char wanted)
{
	char command[COMMAND_SIZE];
	int length = snprintf(command, sizeof(command), "%s%s%s\r\n", verb, argument, end);

	if (length < 0 || (size_t)length >= sizeof(command))
		return -EINVAL;
	int error = send_all(smtp->fd, span_make(command, (size_t)length));
	return error ? error : expect(smtp, wanted);
}

static int talk(struct smtp *smtp, const char *sender, const char *recipient, struct span text)
{
	char host[256] = "localhost";
	int error = expect(smtp, '2');

	(void)gethostname(host, sizeof(host) - 1);
	if (!error)
		error = say(smtp, "EHLO ", host, "", '2');
	if (!error)
		error = say(smtp, "MAIL FROM:<", sender, ">", '2');
	if (!error)
		error = say(smtp, "RCPT TO:<", recipient, ">", '2');
	if (!error)
		error = say(smtp, "DATA", "", "", '3');
	if (!error)
		error = send_all(smtp->fd, text);
	return error ? error : say(smtp, ".", "", "", '2');
}

int smtp_send(const char *address, const char *sender, const char *recipient, struct span text, char reply[static SMTP_REPLY_SIZE])
{
	struct smtp smtp = { .reply = reply };
	int error = socket_connect(address, TIMEOUT_MS, &smtp.fd);

	reply[0] = '\0';
	if (error)
		return error;
	error = talk(&smtp, sender, recipient, text);
	(void)send_all(smtp.fd, SPAN_LIT("QUIT\r\n"));
	close(smtp.fd);
	return error;
}
