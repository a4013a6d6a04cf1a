/* SPDX-License-Identifier: BSD-2-Clause */
/* The progress bar.  One thread. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_MS = 500, STEP_MS = 100, WIDTH = 30 };

static int64_t get_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress)
{
	*progress = (struct progress){ .is_shown = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) };
	progress->begin_ms = get_ms();
}

static void draw(const struct progress *progress, uint64_t bytes)
{
	int64_t elapsed_ms = progress->drawn_ms - progress->begin_ms;
	uint64_t rate = progress->count * 1000 / (uint64_t)(elapsed_ms ? elapsed_ms : 1);

	fputs("\r\033[K", stderr);
	if (progress->total) {
		uint64_t part = bytes > progress->total ? progress->total : bytes;
		int filled = (int)(part * WIDTH / progress->total);
		fprintf(stderr, "[%.*s%*s] %3d%%  ", filled, "##############################", WIDTH - filled, "",
			(int)(part * 100 / progress->total));
	}
	fprintf(stderr, "%" PRIu64 " read, %" PRIu64 "/s", progress->count, rate);
	fflush(stderr);
}

void progress_set(struct progress *progress, uint64_t bytes, uint64_t count)
{
	progress->count = count;
	if (!progress->is_shown)
		return;
	int64_t now_ms = get_ms();
	if (now_ms - progress->begin_ms < QUIET_MS || now_ms - progress->drawn_ms < STEP_MS)
		return;
	progress->drawn_ms = now_ms;
	progress->is_drawn = true;
	draw(progress, bytes);
}

void progress_clear(struct progress *progress)
{
	if (progress->is_drawn)
		fputs("\r\033[K", stderr);
	progress->is_drawn = false;
}
