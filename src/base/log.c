/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: one line an event, written with one system call.  Any thread. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192, VALUE_BYTES_MAX = 256 };

static struct {
	char name[32];
	enum log_target target;
	int journal;
	enum log_level level; /* atomic */
} state = { "kodama", LOG_TARGET_STDERR, -1, LOG_LEVEL_INFO };

static const struct { const char *name; int priority; } levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
};

/* The journal's native socket (systemd's JOURNAL_NATIVE_PROTOCOL); -1 when there is none. */
static int open_journal(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void log_open(const char *name, enum log_target target, enum log_level level)
{
	snprintf(state.name, sizeof(state.name), "%s", name);
	log_set_level(level);
	if (state.journal >= 0)
		close(state.journal);
	state.journal = target == LOG_TARGET_JOURNAL ? open_journal() : -1;
	state.target = target == LOG_TARGET_JOURNAL && state.journal < 0 ? LOG_TARGET_STDERR : target;
	/* also for what libraries say (libmilter) */
	openlog(state.name, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&state.level, level, __ATOMIC_RELAXED);
}

static void write_stderr(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES + 128], stamp[32];
	struct timespec now;
	struct tm parts;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
	int len = snprintf(line, sizeof(line), "%s.%03ldZ %s[%d] %s: %s\n", stamp, now.tv_nsec / 1000000, state.name, (int)getpid(), levels[level].name, text);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	/* a log that cannot be written must not stop the mail */
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

static void write_journal(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES + 128];
	int len = snprintf(line, sizeof(line), "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n", levels[level].priority, state.name, text);

	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (send(state.journal, line, (size_t)len, MSG_NOSIGNAL) < 0)
		write_stderr(level, text);
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
	if (state.target == LOG_TARGET_SYSLOG)
		syslog(levels[level].priority, "%s", text);
	else if (state.target == LOG_TARGET_JOURNAL)
		write_journal(level, text);
	else
		write_stderr(level, text);
}

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
