/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy service's speed, beside two responders of our own in one interleaved run: one that does the same parse and the
 * same look-up with nothing around it, and one that does neither.  With 1, 10 and 100 connections, one request in flight on
 * each, on unix and on TCP sockets.  Where they are installed: a Python server and postfwd on the same load.
 * Requests a second and the server's own CPU time a request are medians over the rounds; the CPU time tells
 * the same when other work shares the machine.  Usage: policy [addresses [rounds [milliseconds]]]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "intake/policy.h"
#include "loop/server.h"

enum { ANSWER_SIZE = 640, REQUESTS = 8192, REQUEST_SIZE = 1024, HITS_OF_1000 = 10, CONNECTIONS_MAX = 100, ROUNDS_MAX = 99, SAMPLES_MAX = 1 << 20 };

static struct index *suppressed;
static struct { char text[REQUEST_SIZE]; size_t len; } requests[REQUESTS];

static void die(const char *what)
{
	printf("policy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double get_seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* one CPU only: then both share it */
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return;
}

/* --- the list and the load */

static void name_address(char *text, size_t size, unsigned long i)
{
	snprintf(text, size, "some.user%08lu@example%lu.com", i, i % 977);
}

static void fill_index(unsigned long entries)
{
	char text[80];

	suppressed = index_new();
	for (unsigned long i = 0; suppressed && i < entries; i++) {
		name_address(text, sizeof(text), i);
		struct suppression row = { .address = span_of(text), .stream = SPAN_LIT(""), .kind = DECISION_SUPPRESSED, .until_s = TIME_FOREVER,
					   .since_s = 1700000000, .class_id = CLASS_USER_UNKNOWN };
		if (index_set(suppressed, &row) < 0)
			die("index");
	}
}

/* Postfix 3.7's attributes, in its order. */
static const char form[] =
	"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.7\nclient_name=client.example.org\n"
	"client_port=40404\nreverse_client_name=client.example.org\nserver_address=192.0.2.1\nserver_port=25\nhelo_name=client.example.org\n"
	"sender=sender@example.jp\nrecipient=%s\nrecipient_count=0\nqueue_id=\ninstance=1234.5678.0\nsize=0\netrn_domain=\nstress=\n"
	"sasl_method=plain\nsasl_username=sender@example.jp\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
	"ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\n"
	"policy_context=\n\n";

static void make_requests(unsigned long entries)
{
	unsigned long seed = 88172645463325252UL;
	char text[80];

	for (unsigned i = 0; i < REQUESTS; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		name_address(text, sizeof(text), seed % entries + (seed >> 40) % 1000 / HITS_OF_1000 * entries);
		requests[i].len = (size_t)snprintf(requests[i].text, REQUEST_SIZE, form, text);
	}
}

/* --- the servers */

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0)
		die(path);
	return fd;
}

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		die("tcp");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* What kodamad runs: its loop, its server, its policy service. */
static void serve_kodama(const int fds[2])
{
	static struct server_options options = { .name = "policy", .connections = 1000, .idle_s = 1200, .request_s = 30,
						 .input_max = POLICY_REQUEST_MAX, .output_max = POLICY_ANSWER_MAX, .take = policy_take };
	struct snapshot *snapshot = snapshot_new();
	struct loop *loop = loop_new();
	struct server *server;
	struct intake intake = { .index = suppressed };

	if (!snapshot || !loop)
		die("loop");
	snapshot->limits.enforce = true;
	snapshot->host = "mx.example.jp";
	snapshot->extension_delimiters = "+";
	intake.current = current_new(snapshot);
	options.data = policy_new(&intake);
	for (int i = 0; i < 2; i++)
		if (!options.data || server_start(loop, fds[i], &options, &server) < 0)
			die("server");
	loop_run(loop);
}

typedef bool answers(struct span input, char answer[static ANSWER_SIZE]);

/* The same parse, the same look-up, and an answer; no loop, no limits, no log, no counters. */
static bool answer_looked_up(struct span input, char answer[static ANSWER_SIZE])
{
	struct policy_request request;
	struct address recipient;
	struct index_hit hit;

	if (policy_parse(input, &request) <= 0)
		return false;
	if (address_fold(request.recipient, &recipient, NULL) == 0 && index_find(suppressed, &recipient, SPAN_LIT(""), "+", time(NULL), &hit))
		snprintf(answer, ANSWER_SIZE, "action=550 5.1.1 <%s>: suppressed\n\n", recipient.text);
	else
		memcpy(answer, "action=DUNNO\n\n", sizeof("action=DUNNO\n\n"));
	return true;
}

static bool answer_nothing(struct span input, char answer[static ANSWER_SIZE])
{
	if (input.len < 2 || memcmp(input.ptr + input.len - 2, "\n\n", 2) != 0)
		return false;
	memcpy(answer, "action=DUNNO\n\n", sizeof("action=DUNNO\n\n"));
	return true;
}

static void serve_epoll(const int fds[2], answers *call)
{
	static char input[4096];
	struct epoll_event events[64];
	int epoll = epoll_create1(0);

	for (int i = 0; i < 2; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
	}
	for (;;) {
		int count = epoll_wait(epoll, events, 64, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd == fds[0] || fd == fds[1]) {
				struct epoll_event event = { .events = EPOLLIN, .data.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK) };
				epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
				continue;
			}
			char answer[ANSWER_SIZE];
			ssize_t got = read(fd, input, sizeof(input));
			/* our own client sends whole requests, one at a time */
			if (got <= 0 || !call(span_make(input, (size_t)got), answer))
				close(fd);
			else if (write(fd, answer, strlen(answer)) < 0)
				close(fd);
		}
	}
}

static void serve_lookup(const int fds[2])
{
	serve_epoll(fds, answer_looked_up);
}

static void serve_bare(const int fds[2])
{
	serve_epoll(fds, answer_nothing);
}

struct contender {
	const char *name;
	void (*serve)(const int fds[2]);
	pid_t pid;
	clockid_t clock;
	char path[64]; /* "": TCP only */
	uint16_t port;
};

static struct contender ours[] = { { .name = "kodamad", .serve = serve_kodama },
				   { .name = "same parse and look-up", .serve = serve_lookup },
				   { .name = "neither", .serve = serve_bare } };
enum { OURS = sizeof(ours) / sizeof(ours[0]) };

static void start_contender(struct contender *contender, const char *folder)
{
	int fds[2];

	snprintf(contender->path, sizeof(contender->path), "%s/%d", folder, (int)(contender - ours));
	fds[0] = listen_unix(contender->path);
	fds[1] = listen_tcp(&contender->port);
	contender->pid = fork();
	if (contender->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(0);
		contender->serve(fds);
		_exit(0);
	}
	close(fds[0]);
	close(fds[1]);
	if (contender->pid < 0 || clock_getcpuclockid(contender->pid, &contender->clock) != 0)
		die("fork");
}

/* --- the client */

static int connect_to(const struct contender *contender, bool is_tcp)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(contender->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0);

	snprintf(local.sun_path, sizeof(local.sun_path), "%s", contender->path);
	if (fd < 0 || connect(fd, is_tcp ? (struct sockaddr *)&inet : (struct sockaddr *)&local, is_tcp ? sizeof(inet) : sizeof(local)) < 0) {
		close(fd);
		return -1;
	}
	if (is_tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

struct figures {
	double rate, cpu_us, p50_us, p99_us;
};

static float samples[SAMPLES_MAX];

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void ask(int fd, unsigned number)
{
	if (write(fd, requests[number % REQUESTS].text, requests[number % REQUESTS].len) < 0)
		die("write");
}

/* Asks over so many connections for a while; rate 0 when nobody answers. */
static struct figures measure(const struct contender *contender, bool is_tcp, int connections, double seconds)
{
	struct epoll_event events[CONNECTIONS_MAX];
	double sent[CONNECTIONS_MAX], start, cpu, now, end;
	int fds[CONNECTIONS_MAX], epoll = epoll_create1(0);
	size_t answered = 0, sampled = 0;
	unsigned number = (unsigned)rand();
	char answer[4096];

	for (int i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
		fds[i] = connect_to(contender, is_tcp);
		if (fds[i] < 0)
			return (struct figures){ 0 };
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
	}
	cpu = get_seconds(contender->clock);
	start = now = get_seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < connections; i++) {
		sent[i] = now;
		ask(fds[i], number++);
	}
	for (end = start + seconds; now < end;) {
		int count = epoll_wait(epoll, events, connections, 2000);
		if (count <= 0)
			break;
		for (int i = 0; i < count; i++) {
			uint32_t at = events[i].data.u32;
			ssize_t got = read(fds[at], answer, sizeof(answer));
			if (got < 2 || memcmp(answer + got - 2, "\n\n", 2) != 0 || memcmp(answer, "action=", 7) != 0)
				die("an answer that is none");
			now = get_seconds(CLOCK_MONOTONIC);
			if (sampled < SAMPLES_MAX)
				samples[sampled++] = (float)(now - sent[at]);
			answered++;
			sent[at] = now;
			ask(fds[at], number++);
		}
	}
	now = get_seconds(CLOCK_MONOTONIC);
	cpu = get_seconds(contender->clock) - cpu;
	for (int i = 0; i < connections; i++)
		close(fds[i]);
	close(epoll);
	if (answered == 0)
		return (struct figures){ 0 };
	qsort(samples, sampled, sizeof(samples[0]), compare_floats);
	return (struct figures){ (double)answered / (now - start), cpu * 1e6 / (double)answered, samples[sampled / 2] * 1e6F,
				 samples[sampled * 99 / 100] * 1e6F };
}

/* --- the figures */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double find_median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare_doubles);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static struct figures find_medians(const struct figures *rounds, int count)
{
	struct figures medians;
	double values[ROUNDS_MAX];

	for (size_t at = 0; at < sizeof(medians); at += sizeof(double)) {
		for (int i = 0; i < count; i++)
			values[i] = *(const double *)((const char *)&rounds[i] + at);
		*(double *)((char *)&medians + at) = find_median(values, count);
	}
	return medians;
}

static void print_figures(const char *name, const struct figures *figures)
{
	printf("    %-24s %9.0f/s   %6.2f us CPU   p50 %6.1f us   p99 %6.1f us\n", name, figures->rate, figures->cpu_us, figures->p50_us, figures->p99_us);
}

static void bench_cell(bool is_tcp, int connections, int rounds, double seconds)
{
	static struct figures all[OURS][ROUNDS_MAX];
	struct figures medians[OURS];

	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < OURS; i++)
			all[i][round] = measure(&ours[i], is_tcp, connections, seconds);
	printf("%s, %d connection%s\n", is_tcp ? "tcp" : "unix", connections, connections == 1 ? "" : "s");
	for (int i = 0; i < OURS; i++) {
		medians[i] = find_medians(all[i], rounds);
		print_figures(ours[i].name, &medians[i]);
	}
	printf("    ratio of the rates: %.2f of the same parse and look-up, %.2f of neither", medians[0].rate / medians[1].rate,
	       medians[0].rate / medians[2].rate);
	printf("; CPU time: %.2f and %.2f; p99: %.2f and %.2f\n", medians[1].cpu_us / medians[0].cpu_us, medians[2].cpu_us / medians[0].cpu_us,
	       medians[0].p99_us / medians[1].p99_us, medians[0].p99_us / medians[2].p99_us);
	fflush(stdout);
}

/* --- others, where installed */

static const char python_server[] =
	"import asyncio, sys\n"
	"class Policy(asyncio.Protocol):\n"
	"    def connection_made(self, transport):\n"
	"        self.transport, self.rest = transport, b''\n"
	"    def data_received(self, data):\n"
	"        self.rest += data\n"
	"        while b'\\n\\n' in self.rest:\n"
	"            request, _, self.rest = self.rest.partition(b'\\n\\n')\n"
	"            values = dict(line.split(b'=', 1) for line in request.split(b'\\n'))\n"
	"            gone = values[b'recipient'] in suppressed\n"
	"            self.transport.write(b'action=550 5.1.1 suppressed\\n\\n' if gone else b'action=DUNNO\\n\\n')\n"
	"suppressed = {b'some.user%08d@example%d.com' % (i, i % 977) for i in range(int(sys.argv[2]))}\n"
	"async def main():\n"
	"    server = await asyncio.get_running_loop().create_server(Policy, '127.0.0.1', int(sys.argv[1]))\n"
	"    await server.serve_forever()\n"
	"asyncio.run(main())\n";

static pid_t run_program(char *const argv[])
{
	pid_t pid;

	/* what is not written yet would be written twice */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(0);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

/* Until somebody listens; false when nobody ever will. */
static bool wait_for_server(const struct contender *contender)
{
	struct timespec pause = { 0, 20000000 };
	int status = 0;

	for (int tries = 0; tries < 1000; tries++) {
		int fd = connect_to(contender, true);
		if (fd >= 0) {
			close(fd);
			return true;
		}
		/* one that goes to the background ends well */
		if (waitpid(contender->pid, &status, WNOHANG) == contender->pid && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

static pid_t read_pid(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[32] = "";

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return (pid_t)strtol(line, NULL, 10);
}

/* pid_path: where a server that goes to the background says who it is; NULL. */
static void bench_other(const char *name, char *const argv[], uint16_t port, const char *pid_path, double seconds)
{
	struct contender other = { .name = name, .port = port, .pid = run_program(argv) };
	pid_t pid = other.pid;

	if (!wait_for_server(&other)) {
		printf("    %-24s not there\n", name);
		return;
	}
	if (pid_path)
		pid = read_pid(pid_path);
	if (pid <= 0)
		return;
	clock_getcpuclockid(pid, &other.clock);
	for (int connections = 1; connections <= CONNECTIONS_MAX; connections *= 10) {
		struct figures figures = measure(&other, true, connections, seconds);
		char title[64];
		snprintf(title, sizeof(title), "%s, %d", name, connections);
		print_figures(title, &figures);
	}
	kill(pid, SIGKILL);
	waitpid(other.pid, NULL, 0);
}

static uint16_t free_port(void)
{
	uint16_t port;

	close(listen_tcp(&port));
	return port;
}

static void bench_others(unsigned long entries, const char *folder, double seconds)
{
	char port[16], count[32], pid_path[128];
	uint16_t python = free_port(), perl = free_port();

	printf("others, on tcp\n");
	snprintf(port, sizeof(port), "%u", python);
	snprintf(count, sizeof(count), "%lu", entries);
	bench_other("Python asyncio", (char *[]){ "python3", "-c", (char *)python_server, port, count, NULL }, python, NULL, seconds);
	snprintf(port, sizeof(port), "%u", perl);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", folder);
	bench_other("postfwd, one rule",
		    (char *[]){ "postfwd1", "--daemon", "--interface", "127.0.0.1", "--port", port, "--user", "nobody", "--group", "nogroup", "--pidfile",
				pid_path, "--norulelog", "--rule", "id=one; recipient==gone@example.com; action=REJECT suppressed", NULL },
		    perl, pid_path, seconds);
	unlink(pid_path);
}

int main(int argc, char **argv)
{
	unsigned long entries = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 9;
	double seconds = (argc > 3 ? strtod(argv[3], NULL) : 200) / 1000;
	char folder[] = "/tmp/kodama-policy-XXXXXX";

	if (entries < 1000 || rounds < 1 || rounds > ROUNDS_MAX || !mkdtemp(folder))
		die("usage: policy [addresses [rounds [milliseconds]]]");
	/* a line a refusal is part of the work, reading it is not */
	if (!freopen("/dev/null", "w", stderr))
		die("/dev/null");
	signal(SIGPIPE, SIG_IGN);
	log_open("policy", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	fill_index(entries);
	make_requests(entries);
	for (int i = 0; i < OURS; i++)
		start_contender(&ours[i], folder);
	pin(1);
	printf("%lu suppressed addresses, one request in %d for one of them, %zu bytes each; medians of %d rounds of %.0f ms\n", entries,
	       1000 / HITS_OF_1000, requests[0].len, rounds, seconds * 1000);
	for (int is_tcp = 0; is_tcp < 2; is_tcp++)
		for (int connections = 1; connections <= CONNECTIONS_MAX; connections *= 10)
			bench_cell(is_tcp, connections, rounds, seconds);
	bench_others(entries, folder, seconds * 5);
	for (int i = 0; i < OURS; i++) {
		kill(ours[i].pid, SIGKILL);
		unlink(ours[i].path);
	}
	rmdir(folder);
	return 0;
}
