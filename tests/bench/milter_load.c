/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load on a milter: the MTA's side of the protocol (version 6), many sessions at once, each one step by step as an MTA
 * goes: what needs an answer is waited for, what needs none is sent along with the next.
 *
 * usage: milter_load SOCKET SESSIONS MESSAGES PER_SESSION replies|silent FILE [COUNT]
 *
 * FILE: the message; its first line is "MAIL FROM:<...>", its second "RCPT TO:<...>".  COUNT: %d in it becomes a number
 * below COUNT, another for each message.  replies: the MTA offers no SMFIP_NR_*.  Prints one line: messages, seconds,
 * messages a second, how many were accepted early, edits, median and 99th percentile of a message's microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	ACTIONS = 0x1FF,
	STEPS_ALL = 0x1FFFFF,
	NO_REPLIES = 0xFF080,
	STAGES = 7,
	FIELDS_MAX = 200,
	BODY_MAX = 65535,
	BUFFER_SIZE = 1 << 18,
	REPLY_MAX = 1 << 16
};

/* A step of the session: what it is called, the bits by which the milter declines it or its reply, its macros. */
enum step { CONNECT, HELO, MAIL, RCPT, DATA, HEADER, HEADERS_END, BODY, END, STEPS };
static const struct {
	char command;
	uint32_t declined, silent;
	int stage; /* of the macros in the negotiation; -1: none */
} steps[STEPS] = {
	[CONNECT] = { 'C', 0x1, 0x1000, 0 }, [HELO] = { 'H', 0x2, 0x2000, 1 },	    [MAIL] = { 'M', 0x4, 0x4000, 2 },
	[RCPT] = { 'R', 0x8, 0x8000, 3 },    [DATA] = { 'T', 0x200, 0x10000, 4 },   [HEADER] = { 'L', 0x20, 0x80, -1 },
	[HEADERS_END] = { 'N', 0x40, 0x40000, 6 }, [BODY] = { 'B', 0x10, 0x80000, -1 }, [END] = { 'E', 0, 0, 5 },
};

/* What Postfix sends to a milter that asks for nothing in particular. */
static const char *const default_macros[STAGES] = {
	"j {daemon_name} {daemon_addr} v _", "", "i {mail_addr} {mail_host} {mail_mailer}", "i {rcpt_addr} {rcpt_host} {rcpt_mailer}", "i", "i", "i",
};
static const struct { const char *name, *value; } macro_values[] = {
	{ "j", "mx.example.jp" }, { "{daemon_name}", "mx.example.jp" }, { "{daemon_addr}", "192.0.2.1" }, { "v", "Postfix 3.7.11" },
	{ "_", "client.example.jp [192.0.2.7]" }, { "i", "4jX3rL40xpz1cMcR" }, { "{mail_addr}", "sender@example.jp" }, { "{mail_host}", "" },
	{ "{mail_mailer}", "smtp" }, { "{rcpt_addr}", "user@example.com" }, { "{rcpt_host}", "example.com" }, { "{rcpt_mailer}", "smtp" },
};

struct field { char name[256]; char value[4096]; };

static struct {
	char sender[512], recipient[512];
	struct field *fields;
	size_t field_count;
	char *body;
	size_t body_len;
	const char *address;
	unsigned long per_session, messages, numbers;
	bool is_silent;
} job;

static struct {
	unsigned long begun, done, early, edits;
	double *times;
} score;

struct link {
	int fd;
	uint32_t agreed;
	char macros[STAGES][256];
	enum step step; /* whose answer is waited for; STEPS: the negotiation's */
	size_t field, body_at;
	unsigned long sent_messages, number;
	double began;
	char out[BUFFER_SIZE];
	size_t out_len;
	char in[REPLY_MAX];
	size_t in_len;
};

static void fail(const char *what)
{
	fprintf(stderr, "milter_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- out */

static void add(struct link *link, const void *bytes, size_t len)
{
	if (len > BUFFER_SIZE - link->out_len) {
		errno = EMSGSIZE;
		fail("a message");
	}
	memcpy(link->out + link->out_len, bytes, len);
	link->out_len += len;
}

static void add_packet(struct link *link, char command, const char *data, size_t len)
{
	uint32_t size = htonl((uint32_t)len + 1);

	add(link, &size, 4);
	add(link, &command, 1);
	add(link, data, len);
}

/* "%d" becomes the message's number */
static size_t write_numbered(const struct link *link, const char *text, size_t len, char *out, size_t size)
{
	const char *mark = memmem(text, len, "%d", 2);

	if (!mark || job.numbers == 0) {
		len = len < size ? len : size;
		memcpy(out, text, len);
		return len;
	}
	size_t before = (size_t)(mark - text);
	int put = snprintf(out, size, "%.*s%lu%.*s", (int)before, text, link->number, (int)(len - before - 2), mark + 2);
	return put < 0 ? 0 : (size_t)put < size ? (size_t)put : size - 1;
}

static const char *find_macro(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(macro_values) / sizeof(macro_values[0]); i++)
		if (strlen(macro_values[i].name) == len && memcmp(macro_values[i].name, name, len) == 0)
			return macro_values[i].value;
	return NULL;
}

static void add_macros(struct link *link, enum step step)
{
	char data[2048] = { steps[step].command };
	size_t len = 1;

	if (steps[step].stage < 0)
		return;
	for (const char *word = link->macros[steps[step].stage]; *word;) {
		size_t name_len = strcspn(word, " ");
		const char *value = find_macro(word, name_len);
		if (value) {
			memcpy(data + len, word, name_len);
			data[len + name_len] = '\0';
			len += name_len + 1;
			memcpy(data + len, value, strlen(value) + 1);
			len += strlen(value) + 1;
		}
		word += name_len + (word[name_len] == ' ');
	}
	if (len > 1)
		add_packet(link, 'D', data, len);
}

static void add_step(struct link *link, enum step step)
{
	static const char connect_data[] = "client.example.jp\0004\xa1\x12" "192.0.2.7";
	char data[BODY_MAX + 1];
	size_t len;

	add_macros(link, step);
	switch (step) {
	case CONNECT:
		add_packet(link, 'C', connect_data, sizeof(connect_data));
		break;
	case HELO:
		add_packet(link, 'H', "client.example.jp", sizeof("client.example.jp"));
		break;
	case MAIL:
		add_packet(link, 'M', job.sender, strlen(job.sender) + 1);
		break;
	case RCPT:
		len = write_numbered(link, job.recipient, strlen(job.recipient), data, sizeof(data) - 1);
		data[len++] = '\0';
		add_packet(link, 'R', data, len);
		break;
	case HEADER: {
		const struct field *field = &job.fields[link->field++];
		len = strlen(field->name) + 1;
		memcpy(data, field->name, len);
		len += write_numbered(link, field->value, strlen(field->value), data + len, sizeof(data) - len - 1);
		data[len++] = '\0';
		add_packet(link, 'L', data, len);
		break;
	}
	case BODY:
		len = job.body_len - link->body_at < BODY_MAX ? job.body_len - link->body_at : BODY_MAX;
		add_packet(link, 'B', data, write_numbered(link, job.body + link->body_at, len, data, sizeof(data)));
		link->body_at += len;
		break;
	default:
		add_packet(link, steps[step].command, "", 0);
	}
}

static void flush_link(struct link *link)
{
	for (size_t sent = 0; sent < link->out_len;) {
		ssize_t put = send(link->fd, link->out + sent, link->out_len - sent, MSG_NOSIGNAL);
		if (put < 0)
			fail("send");
		sent += (size_t)put;
	}
	link->out_len = 0;
}

/* --- the order of things */

static bool is_left(const struct link *link, enum step step)
{
	if (step == HEADER)
		return link->field < job.field_count;
	if (step == BODY)
		return link->body_at < job.body_len;
	return true;
}

/* Sends from `step` on, up to and including what needs an answer. */
static void go_on(struct link *link, enum step step)
{
	for (;; step++) {
		while (!(link->agreed & steps[step].declined) && is_left(link, step)) {
			add_step(link, step);
			if (!(link->agreed & steps[step].silent)) {
				link->step = step;
				flush_link(link);
				return;
			}
			if (step != HEADER && step != BODY)
				break;
		}
	}
}

static void open_link(struct link *link)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint32_t offer[3] = { htonl(6), htonl(ACTIONS), htonl(job.is_silent ? STEPS_ALL : STEPS_ALL & ~(uint32_t)NO_REPLIES) };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", job.address);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(job.address);
	link->sent_messages = 0;
	link->in_len = 0;
	link->step = STEPS;
	add_packet(link, 'O', (const char *)offer, sizeof(offer));
	flush_link(link);
}

/* false: there is none left */
static bool begin_message(struct link *link, enum step step)
{
	if (score.begun >= job.messages)
		return false;
	link->number = job.numbers > 0 ? score.begun % job.numbers : 0;
	score.begun++;
	link->sent_messages++;
	link->field = link->body_at = 0;
	link->began = now_s();
	go_on(link, step);
	return true;
}

static void close_link(struct link *link)
{
	add_packet(link, 'Q', "", 0);
	flush_link(link);
	close(link->fd);
	link->fd = -1;
}

/* The message is over: the next one, on this connection or on a new one; false: nothing is left to do. */
static bool end_message(struct link *link, bool is_early)
{
	score.times[score.done++] = now_s() - link->began;
	if (is_early) {
		score.early++;
		/* smtpd and cleanup end so what they have heard enough of */
		add_packet(link, 'A', "", 0);
	}
	if (link->sent_messages < job.per_session && begin_message(link, MAIL))
		return true;
	close_link(link);
	return false;
}

static void take_negotiation(struct link *link, const char *data, size_t len)
{
	uint32_t word;

	memcpy(&word, data + 8, 4);
	link->agreed = ntohl(word);
	for (int i = 0; i < STAGES; i++)
		snprintf(link->macros[i], sizeof(link->macros[i]), "%s", default_macros[i]);
	for (size_t at = 12; at + 4 < len; at += strlen(data + at) + 1) {
		memcpy(&word, data + at, 4);
		at += 4;
		if (ntohl(word) < STAGES)
			snprintf(link->macros[ntohl(word)], sizeof(link->macros[0]), "%s", data + at);
	}
}

/* One answer; false: the connection is closed. */
static bool take_answer(struct link *link, char code, const char *data, size_t len)
{
	if (code == 'O' && link->step == STEPS) {
		take_negotiation(link, data, len);
		return begin_message(link, CONNECT) || (close_link(link), false);
	}
	if (strchr("ihm+-", code) && link->step == END) {
		score.edits++;
		return true;
	}
	if (code == 'p')
		return true;
	if (link->step == END || code == 'a')
		return end_message(link, link->step != END);
	if (code == 's' && link->step == BODY)
		link->body_at = job.body_len;
	else if (code != 'c') {
		fprintf(stderr, "milter_load: answer %c to step %c\n", code, steps[link->step].command);
		exit(1);
	}
	enum step step = link->step;
	go_on(link, (step == HEADER || step == BODY) && is_left(link, step) ? step : step + 1);
	return true;
}

/* false: the connection is closed */
static bool take_input(struct link *link)
{
	ssize_t got = recv(link->fd, link->in + link->in_len, sizeof(link->in) - link->in_len, 0);

	if (got <= 0)
		fail("the milter went away");
	link->in_len += (size_t)got;
	for (;;) {
		uint32_t size;
		if (link->in_len < 5)
			return true;
		memcpy(&size, link->in, 4);
		size = ntohl(size);
		if (link->in_len < 4 + (size_t)size)
			return true;
		char packet[REPLY_MAX];
		memcpy(packet, link->in + 4, size);
		link->in_len -= 4 + (size_t)size;
		memmove(link->in, link->in + 4 + size, link->in_len);
		if (!take_answer(link, packet[0], packet + 1, size - 1))
			return false;
	}
}

/* --- the message */

static void take_line_of(char *line, const char *prefix, char *out, size_t size)
{
	if (strncmp(line, prefix, strlen(prefix)) != 0) {
		fprintf(stderr, "milter_load: '%s' is wanted\n", prefix);
		exit(1);
	}
	snprintf(out, size, "%s", line + strlen(prefix));
}

static void take_field(char *line)
{
	struct field *field;
	char *colon = strchr(line, ':');

	if ((line[0] == ' ' || line[0] == '\t') && job.field_count > 0) {
		field = &job.fields[job.field_count - 1];
		size_t len = strlen(field->value);
		snprintf(field->value + len, sizeof(field->value) - len, "\n%s", line);
		return;
	}
	if (!colon || job.field_count == FIELDS_MAX)
		return;
	field = &job.fields[job.field_count++];
	snprintf(field->name, sizeof(field->name), "%.*s", (int)(colon - line), line);
	snprintf(field->value, sizeof(field->value), "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
}

static void read_message(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0, number = 0, room = 0;
	bool is_body = false;
	ssize_t len;

	if (!file)
		fail(path);
	job.fields = calloc(FIELDS_MAX, sizeof(*job.fields));
	while ((len = getline(&line, &size, file)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		number++;
		if (is_body) {
			if (job.body_len + (size_t)len + 2 > room)
				job.body = realloc(job.body, room = (room + (size_t)len + 2) * 2);
			memcpy(job.body + job.body_len, line, (size_t)len);
			memcpy(job.body + job.body_len + len, "\r\n", 2);
			job.body_len += (size_t)len + 2;
		} else if (number == 1)
			take_line_of(line, "MAIL FROM:", job.sender, sizeof(job.sender));
		else if (number == 2)
			take_line_of(line, "RCPT TO:", job.recipient, sizeof(job.recipient));
		else if (len == 0)
			is_body = true;
		else
			take_field(line);
	}
	free(line);
	fclose(file);
}

/* --- all together */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void run(unsigned sessions)
{
	struct link *links = calloc(sessions, sizeof(*links));
	struct epoll_event events[64];
	int poll_fd = epoll_create1(EPOLL_CLOEXEC);
	unsigned open_count = 0;

	if (!links || poll_fd < 0)
		fail("start");
	for (unsigned i = 0; i < sessions; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &links[i] };
		open_link(&links[i]);
		if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, links[i].fd, &event) < 0)
			fail("epoll_ctl");
		open_count++;
	}
	while (open_count > 0) {
		int count = epoll_wait(poll_fd, events, 64, 30000);
		if (count <= 0)
			fail("no answer");
		for (int i = 0; i < count; i++) {
			struct link *link = events[i].data.ptr;
			if (take_input(link))
				continue;
			if (score.begun < job.messages) {
				struct epoll_event event = { .events = EPOLLIN, .data.ptr = link };
				open_link(link);
				if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, link->fd, &event) < 0)
					fail("epoll_ctl");
			} else {
				open_count--;
			}
		}
	}
	free(links);
	close(poll_fd);
}

int main(int argc, char **argv)
{
	if (argc < 7) {
		fprintf(stderr, "usage: %s SOCKET SESSIONS MESSAGES PER_SESSION replies|silent FILE [COUNT]\n", argv[0]);
		return 2;
	}
	job.address = argv[1];
	job.messages = strtoul(argv[3], NULL, 10);
	job.per_session = strtoul(argv[4], NULL, 10);
	job.is_silent = strcmp(argv[5], "silent") == 0;
	job.numbers = argc > 7 ? strtoul(argv[7], NULL, 10) : 0;
	read_message(argv[6]);
	score.times = calloc(job.messages + 1, sizeof(*score.times));
	double began = now_s();
	run((unsigned)strtoul(argv[2], NULL, 10));
	double took = now_s() - began;
	qsort(score.times, score.done, sizeof(*score.times), compare);
	printf("messages=%lu seconds=%.3f rate=%.0f early=%lu edits=%lu p50_us=%.0f p99_us=%.0f\n", score.done, took, (double)score.done / took, score.early,
	       score.edits, score.times[score.done / 2] * 1e6, score.times[score.done * 99 / 100] * 1e6);
	free(score.times);
	free(job.fields);
	free(job.body);
	return 0;
}
