/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kodama ingest: a bounce from an alias to the daemon, with the exit codes of sysexits.h that mailers know.  Nothing
 * is said on standard output but the annotated message, and that only when the daemon has kept what it says.
 * One thread; runs as nobody or as a mailer's user; the message is hostile.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/annotate.h"
#include "cli/command.h"
#include "conf/conf.h"
#include "intake/ingest.h"
#include "intake/netstring.h"
#include "loop/socket.h"

/* FIELDS_MAX: what an answer may add to a message */
enum { TIMEOUT_S = 60, TIMEOUT_MAX_S = 3600, CHUNK_SIZE = 64 * 1024, FIELDS_MAX = INGEST_ANSWER_MAX + 1024 };

/* "kodama ingest: ..." on standard error, which the mailer writes into its log or its report: the exit status. */
static int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(int status, const char *format, ...)
{
	va_list args;

	fputs("kodama ingest: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* --- where the daemon is */

static bool is_out_of_reach(int error)
{
	return error == -EACCES || error == -EPERM || error == -ENOENT;
}

/* kodama.conf is not for everybody: who may not read it finds the daemon where it is by default.  *ret_config may be NULL. */
static int find_socket(const struct options *options, struct config **ret_config, const char **ret_address)
{
	const char *etc = command_get_etc(options);
	struct complaint complaint = { 0 };
	char path[4096];
	int error;

	*ret_config = NULL;
	*ret_address = options->values[OPTION_SOCKET];
	if (*ret_address && socket_check_address(span_of(*ret_address)) < 0)
		return fail(EX_TEMPFAIL, "--socket=%s: must be unix:/path or inet:port@host", *ret_address);
	if (*ret_address)
		return EX_OK;
	snprintf(path, sizeof(path), "%s/kodama.conf", etc);
	error = conf_load(options->values[OPTION_CONFIG] ? options->values[OPTION_CONFIG] : path, etc, ret_config, &complaint);
	if (error < 0 && !is_out_of_reach(error))
		return fail(EX_TEMPFAIL, "%s: %s", complaint.path, complaint.text[0] ? complaint.text : strerror(-error));
	*ret_address = error < 0 ? conf_get_default("ingest", "listen") : (*ret_config)->ingest.socket.address;
	return (*ret_address)[0] ? EX_OK : fail(EX_TEMPFAIL, "%s: ingest listen is empty: nothing is taken in", (*ret_config)->path);
}

/* --- the message, to the daemon and back */

static int read_message(struct buffer *message)
{
	char chunk[CHUNK_SIZE];
	ssize_t got;

	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(EX_TEMPFAIL, "standard input: %s", strerror(errno));
		if (message->len + (size_t)got > INGEST_MESSAGE_MAX)
			return fail(EX_DATAERR, "the message is larger than 64 MiB");
		buffer_add(message, span_make(chunk, (size_t)got));
		if (message->is_cut)
			return fail(EX_TEMPFAIL, "there is no memory for the message");
	}
	return message->len > 0 ? EX_OK : fail(EX_DATAERR, "there is no message on standard input");
}

static int send_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		bytes = span_skip(bytes, (size_t)sent);
	}
	return 0;
}

static int send_message(int fd, struct span message)
{
	char length[32];
	int error;

	snprintf(length, sizeof(length), "%zu:", message.len);
	error = send_all(fd, span_of(length));
	if (error == 0)
		error = send_all(fd, message);
	return error < 0 ? error : send_all(fd, SPAN_LIT(","));
}

/* Until the netstring is whole: *ret_answer lies in `input`. */
static int read_answer(int fd, struct buffer *input, struct span *ret_answer)
{
	char chunk[CHUNK_SIZE];

	for (;;) {
		ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ECONNRESET;
		buffer_add(input, span_make(chunk, (size_t)got));
		ssize_t length = netstring_take(buffer_get(input), INGEST_ANSWER_MAX, ret_answer);
		if (length != 0)
			return length < 0 ? -EPROTO : 0;
		if (input->is_cut)
			return -EPROTO;
	}
}

static int talk(const char *address, unsigned timeout_s, struct span message, struct buffer *input, struct span *ret_answer)
{
	int fd, error = socket_connect(address, timeout_s * 1000, &fd);

	if (error < 0)
		return error;
	error = send_message(fd, message);
	if (error == 0)
		error = read_answer(fd, input, ret_answer);
	close(fd);
	return error == -EAGAIN ? -ETIMEDOUT : error;
}

/* --- what came of it */

static int write_annotated(struct span message, struct span fields, const char *host)
{
	struct buffer out;
	bool is_written;

	buffer_init(&out, message.len + FIELDS_MAX);
	annotate(message, fields, host, &out);
	is_written = !out.is_cut && fwrite(out.bytes, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	buffer_done(&out);
	return is_written ? EX_OK : fail(EX_TEMPFAIL, "standard output: %s", strerror(errno));
}

static int take_answer(const struct options *options, struct span answer, struct span message, const char *host)
{
	struct span fields = answer, line = span_take(&fields, '\n'), why = line, word = span_take(&why, ' ');

	if (span_is_equal(word, SPAN_LIT(INGEST_OK)))
		return options->values[OPTION_ANNOTATE] ? write_annotated(message, fields, host) : EX_OK;
	return fail(span_is_equal(word, SPAN_LIT(INGEST_REFUSED)) ? EX_DATAERR : EX_TEMPFAIL, "kodamad: %.*s", SPAN_ARG(why));
}

static int hand_over(const struct options *options, const char *address, unsigned timeout_s, struct span message)
{
	struct span answer = SPAN_LIT("");
	char host[256] = "";
	struct buffer input;
	int error, status;

	/* the answer to "who has had it before?" has to be the same for all processes of this host */
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		snprintf(host, sizeof(host), "localhost");
	if (annotate_is_loop(message, host))
		return fail(EX_DATAERR, "the message has been here before, or has made more than %d hops: mail runs in a circle", ANNOTATE_HOPS_MAX);
	buffer_init(&input, INGEST_ANSWER_MAX + 16);
	error = talk(address, timeout_s, message, &input, &answer);
	if (error < 0)
		status = fail(EX_TEMPFAIL, "%s: %s", address, strerror(-error));
	else
		status = take_answer(options, answer, message, host);
	buffer_done(&input);
	return status;
}

static int run_ingest(const struct command *command, const struct options *options)
{
	struct config *config;
	struct buffer message;
	const char *address, *timeout = options->values[OPTION_TIMEOUT];
	uint64_t timeout_s = TIMEOUT_S;
	int status;

	if (options->arg_count)
		return command_refuse(command, "no argument is wanted: the message comes on standard input");
	if (timeout && (span_parse_unsigned(span_of(timeout), TIMEOUT_MAX_S, &timeout_s) < 0 || timeout_s == 0))
		return command_refuse(command, "--timeout is a number of seconds, from 1 to 3600");
	signal(SIGPIPE, SIG_IGN);
	buffer_init(&message, INGEST_MESSAGE_MAX);
	status = find_socket(options, &config, &address);
	if (status == EX_OK)
		status = read_message(&message);
	if (status == EX_OK)
		status = hand_over(options, address, (unsigned)timeout_s, buffer_get(&message));
	buffer_done(&message);
	conf_free(config);
	return status;
}

const struct command command_ingest = {
	.name = "ingest",
	.synopsis = "[--annotate] [--socket=ADDRESS] [--timeout=SECONDS]",
	.summary = "take in a bounce from standard input, for aliases",
	.help = "Brings the message on standard input, at most 64 MiB, to the daemon: for an alias or a .forward of Sendmail, whose own\n"
		"bounces no milter sees.  It proves nothing by coming in this way.  The exit status is of sysexits.h: 0, taken in and\n"
		"kept; 75 (EX_TEMPFAIL), the mailer has to keep the message and to come again; 65 (EX_DATAERR), no message, one that is\n"
		"too large, or one that runs in a circle; 64 (EX_USAGE).\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_ANNOTATE) | OPTION_BIT(OPTION_SOCKET) | OPTION_BIT(OPTION_TIMEOUT),
	.wrong_usage = EX_USAGE,
	.run = run_ingest,
};
