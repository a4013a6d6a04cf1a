/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: one line an event, written with one system call that does not wait.  Any thread. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

enum { LINE_MAX_BYTES = 8192, VALUE_BYTES_MAX = 256, FRAME_BYTES_MAX = 128 };

#define JOURNAL_PATH "/run/systemd/journal/socket" /* systemd's JOURNAL_NATIVE_PROTOCOL */
#define SYSLOG_PATH "/dev/log"

static struct {
	char name[32];
	enum log_target target;
	int socket; /* a datagram one, unconnected: whoever listens may be started anew */
	int stderr_fd;
	bool is_stderr_socket;
	enum log_level level; /* atomic */
	bool hashes;          /* atomic */
	uint64_t dropped;     /* atomic */
	uint64_t told;        /* of those; atomic */
} state = { "kodama", LOG_TARGET_STDERR, -1, STDERR_FILENO, false, LOG_LEVEL_INFO, false, 0, 0 };

static struct {
	pthread_mutex_t lock;
	size_t count;
	struct log_problem items[LOG_PROBLEMS_MAX];
} problems = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const struct { const char *name; int priority; } levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
};

const char *log_level_get_name(enum log_level level)
{
	return levels[level].name;
}

/* --- where it goes: each writer returns false, with errno, when its line was not taken */

static bool send_to(const char *path, const char *line, size_t len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return sendto(state.socket, line, len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, sizeof(address)) >= 0;
}

static size_t limit(int len, size_t size)
{
	return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}

static bool write_stderr(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES + FRAME_BYTES_MAX], stamp[32];
	struct timespec now;
	struct tm parts;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
	int len = snprintf(line, sizeof(line), "%s.%03ldZ %s[%d] %s: %s\n", stamp, now.tv_nsec / 1000000, state.name, (int)getpid(), levels[level].name, text);
	/* a pipe takes that much whole or not at all */
	size_t size = limit(len, PIPE_BUF);
	line[size - 1] = '\n';
	if (state.is_stderr_socket)
		return send(state.stderr_fd, line, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
	return write(state.stderr_fd, line, size) >= 0;
}

static bool write_journal(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES + FRAME_BYTES_MAX];
	int len = snprintf(line, sizeof(line), "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n", levels[level].priority, state.name, text);

	return send_to(JOURNAL_PATH, line, limit(len, sizeof(line)));
}

/* As syslog(3) writes it, which would wait for a log daemon that hangs, with a lock that all threads share. */
static bool write_syslog(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES + FRAME_BYTES_MAX], stamp[32];
	time_t now = time(NULL);
	struct tm parts;

	localtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%h %e %T", &parts);
	int len = snprintf(line, sizeof(line), "<%d>%s %s[%d]: %s", LOG_MAIL | levels[level].priority, stamp, state.name, (int)getpid(), text);
	return send_to(SYSLOG_PATH, line, limit(len, sizeof(line)));
}

static bool write_line(enum log_level level, const char *text)
{
	static bool (*const writers[])(enum log_level level, const char *text) = {
		[LOG_TARGET_STDERR] = write_stderr,
		[LOG_TARGET_SYSLOG] = write_syslog,
		[LOG_TARGET_JOURNAL] = write_journal,
	};

	if (writers[state.target](level, text))
		return true;
	/* nobody is there, rather than busy: better somewhere else than nowhere */
	return state.target != LOG_TARGET_STDERR && errno != EAGAIN && errno != ENOBUFS && write_stderr(level, text);
}

/* --- start */

/*
 * A pipe or a terminal whose other side has stopped reading would stop us.  Opened anew it can be told not to; to tell
 * the one that we were born with would tell all who share it.
 */
static void open_stderr(void)
{
	struct stat info;

	if (fstat(STDERR_FILENO, &info) < 0)
		return;
	state.is_stderr_socket = S_ISSOCK(info.st_mode);
	if (state.stderr_fd != STDERR_FILENO || !(S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)))
		return;
	int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		state.stderr_fd = fd;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

void log_open(const char *name, enum log_target target, enum log_level level)
{
	snprintf(state.name, sizeof(state.name), "%s", name);
	log_set_level(level);
	open_stderr();
	if (target != LOG_TARGET_STDERR && state.socket < 0)
		state.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (target == LOG_TARGET_JOURNAL && !is_there(JOURNAL_PATH))
		target = LOG_TARGET_STDERR;
	state.target = target;
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&state.level, level, __ATOMIC_RELAXED);
}

/* --- events */

/* The place of the last one of that event and level, else one more, else the oldest one's. */
static struct log_problem *find_problem_place(enum log_level level, const char *text)
{
	size_t name = strcspn(text, " "), last;
	struct log_problem found = { .times = 0 };

	for (last = 0; last < problems.count; last++)
		if (problems.items[last].level == level && strncmp(problems.items[last].text, text, name) == 0 && problems.items[last].text[name] == text[name])
			break;
	if (last < problems.count)
		found = problems.items[last];
	else if (problems.count < LOG_PROBLEMS_MAX)
		problems.count++;
	else
		last = LOG_PROBLEMS_MAX - 1;
	memmove(&problems.items[1], &problems.items[0], last * sizeof(problems.items[0]));
	problems.items[0] = found;
	return &problems.items[0];
}

static void keep_problem(enum log_level level, const char *text)
{
	pthread_mutex_lock(&problems.lock);
	struct log_problem *problem = find_problem_place(level, text);
	problem->times++;
	problem->time_s = time(NULL);
	problem->level = level;
	snprintf(problem->text, sizeof(problem->text), "%.*s", LOG_PROBLEM_SIZE - 1, text);
	pthread_mutex_unlock(&problems.lock);
}

size_t log_get_problems(struct log_problem *ret_problems, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&problems.lock);
	for (; count < max && count < problems.count; count++)
		ret_problems[count] = problems.items[count];
	pthread_mutex_unlock(&problems.lock);
	return count;
}

uint64_t log_get_dropped(void)
{
	return __atomic_load_n(&state.dropped, __ATOMIC_RELAXED);
}

/* Once lines are taken again, how many were not. */
static void tell_dropped(void)
{
	uint64_t dropped = log_get_dropped(), told = __atomic_load_n(&state.told, __ATOMIC_RELAXED);
	char text[64];

	if (dropped == told || !__atomic_compare_exchange_n(&state.told, &told, dropped, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	snprintf(text, sizeof(text), "log-lines-dropped count=%llu", (unsigned long long)(dropped - told));
	if (!write_line(LOG_LEVEL_WARNING, text))
		__atomic_sub_fetch(&state.told, dropped - told, __ATOMIC_RELAXED);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;
	int len;

	if (level < __atomic_load_n(&state.level, __ATOMIC_RELAXED))
		return;
	len = snprintf(text, sizeof(text), "%s%s", event, format[0] ? " " : "");
	va_start(args, format);
	vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
	va_end(args);
	/* one event, one line, whatever a caller passed */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	if (level >= LOG_LEVEL_WARNING)
		keep_problem(level, text);
	if (write_line(level, text))
		tell_dropped();
	else
		__atomic_add_fetch(&state.dropped, 1, __ATOMIC_RELAXED);
}

/* --- what libraries say by syslog(3) */

/*
 * libmilter logs by syslog(3), which waits for a log daemon that hangs, under a lock of the whole process.  A program's own
 * function stands before the C library's, so that this goes where the rest goes, and waits as little.
 */
__attribute__((format(printf, 2, 0))) static void log_library(int priority, const char *format, va_list args)
{
	enum log_level level = LOG_PRI(priority) <= LOG_ERR	? LOG_LEVEL_ERROR
			       : LOG_PRI(priority) <= LOG_WARNING ? LOG_LEVEL_WARNING
			       : LOG_PRI(priority) <= LOG_INFO	? LOG_LEVEL_INFO
								: LOG_LEVEL_DEBUG;
	char text[LOG_PROBLEM_SIZE], value[LOG_VALUE_SIZE];

	vsnprintf(text, sizeof(text), format, args); /* knows %m, too */
	log_event(level, "library", "text=%s", log_value(span_of(text), value));
}

/* in brackets: it may be a macro */
void (syslog)(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_library(priority, format, args);
	va_end(args);
}

/* The same, of what was compiled with _FORTIFY_SOURCE, as Debian's libraries are. */
void __syslog_chk(int priority, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	log_library(priority, format, args);
	va_end(args);
}

/* --- values */

/* Neither space nor anything that could end or fake a value. */
static bool is_plain(char c)
{
	return (unsigned char)c > ' ' && (unsigned char)c < 0x7f && c != '"' && c != '\\' && c != '=';
}

const char *log_value(struct span text, char out[static LOG_VALUE_SIZE])
{
	bool is_cut = text.len > VALUE_BYTES_MAX, is_bare = text.len > 0 && !is_cut;
	size_t len = 0;

	text = span_slice(text, 0, VALUE_BYTES_MAX);
	for (size_t i = 0; i < text.len; i++)
		is_bare = is_bare && is_plain(text.ptr[i]);
	if (!is_bare)
		out[len++] = '"';
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (is_plain(c) || c == ' ' || c == '=')
			out[len++] = c;
		else
			len += (size_t)snprintf(out + len, 5, "\\x%02x", (unsigned char)c);
	}
	if (is_cut) {
		memcpy(out + len, "...", 3);
		len += 3;
	}
	if (!is_bare)
		out[len++] = '"';
	out[len] = '\0';
	return out;
}

void log_hash_addresses(bool is_hashed)
{
	__atomic_store_n(&state.hashes, is_hashed, __ATOMIC_RELAXED);
}

const char *log_address(struct span address, char out[static LOG_VALUE_SIZE])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	size_t len;

	if (!__atomic_load_n(&state.hashes, __ATOMIC_RELAXED))
		return log_value(address, out);
	SHA256((const unsigned char *)address.ptr, address.len, digest);
	len = (size_t)snprintf(out, LOG_VALUE_SIZE, "sha256:");
	for (size_t i = 0; i < 8; i++)
		len += (size_t)snprintf(out + len, LOG_VALUE_SIZE - len, "%02x", digest[i]);
	return out;
}
