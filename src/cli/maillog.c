/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail logs line by line.  One thread; the lines are hostile. */
#include "cli/maillog.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

struct siphash_key maillog_make_key(void)
{
	struct siphash_key key = { { 0, 0 } };

	/* without entropy the slots could be guessed, and all that is lost is time */
	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key))
		key.words[0] = (uint64_t)time(NULL);
	return key;
}

int64_t maillog_get_reference(int fd)
{
	struct stat info;

	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
		return zone_from_utc(info.st_mtime);
	return zone_from_utc(time(NULL));
}

bool maillog_looks_like(struct span head)
{
	struct logclock clock;
	struct logline line;
	enum logline_kind kind;

	logclock_init(&clock, 0);
	do
		kind = logline_parse(span_take(&head, '\n'), &clock, &line);
	while (kind == LOGLINE_OTHER && head.len);
	return kind > LOGLINE_OTHER;
}

void maillog_open(struct maillog *log, int64_t reference_s)
{
	logclock_init(&log->clock, reference_s);
}
