/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: raw events of libevent, which only this file knows. */
#include "loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { LOOP_EVENTS_MAX = 16 };

/* One event and who wants it. */
struct watch {
	struct event *event;
	loop_call *call;
	void *data;
};

/*
 * A timer of the kernel's that becomes readable, and not libevent's: as long as that has none it waits without a limit, and
 * neither looks at the clock nor sets one up for each time that it waits.  A loop that is busy waits a hundred thousand times a second.
 */
struct tick {
	int fd;
	loop_call *call;
	void *data;
};

struct loop {
	struct event_base *base;
	struct watch *own[LOOP_EVENTS_MAX]; /* signals, ticks, the wake-up: freed with the loop */
	unsigned own_count;
	struct tick ticks[LOOP_EVENTS_MAX];
	unsigned tick_count;
	int wake_fd;
	struct { loop_call *call; void *data; } wake;
};

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->wake_fd = -1;
	loop->base = event_base_new();
	if (!loop->base) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (unsigned i = 0; i < loop->own_count; i++)
		watch_free(loop->own[i]);
	for (unsigned i = 0; i < loop->tick_count; i++)
		close(loop->ticks[i].fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	event_base_free(loop->base);
	free(loop);
}

void loop_run(struct loop *loop)
{
	event_base_dispatch(loop->base);
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

static void run_watch(evutil_socket_t fd, short what, void *data)
{
	const struct watch *watch = data;

	(void)fd;
	(void)what;
	watch->call(watch->data);
}

static struct watch *watch_new(struct loop *loop, int fd, short what, loop_call *call, void *data)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->call = call;
	watch->data = data;
	watch->event = event_new(loop->base, fd, what, run_watch, watch);
	if (!watch->event) {
		free(watch);
		return NULL;
	}
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	event_free(watch->event);
	free(watch);
}

static int loop_own(struct loop *loop, struct watch *watch)
{
	if (!watch)
		return -ENOMEM;
	if (loop->own_count == LOOP_EVENTS_MAX || event_add(watch->event, NULL) < 0) {
		watch_free(watch);
		return -ENOMEM;
	}
	loop->own[loop->own_count++] = watch;
	return 0;
}

int loop_add_signal(struct loop *loop, int signal_number, loop_call *call, void *data)
{
	return loop_own(loop, watch_new(loop, signal_number, EV_SIGNAL | EV_PERSIST, call, data));
}

static void run_tick(void *data)
{
	const struct tick *tick = data;
	uint64_t count;

	if (read(tick->fd, &count, sizeof(count)) == sizeof(count))
		tick->call(tick->data);
}

int loop_add_tick(struct loop *loop, unsigned period_ms, loop_call *call, void *data)
{
	struct timespec period = { period_ms / 1000, (long)(period_ms % 1000) * 1000000 };
	struct itimerspec spec = { period, period };
	struct tick *tick = &loop->ticks[loop->tick_count];
	int fd, error;

	if (loop->tick_count == LOOP_EVENTS_MAX)
		return -ENOMEM;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*tick = (struct tick){ fd, call, data };
	error = timerfd_settime(fd, 0, &spec, NULL) < 0 ? -errno : loop_own(loop, watch_new(loop, fd, EV_READ | EV_PERSIST, run_tick, tick));
	if (error < 0)
		close(fd);
	else
		loop->tick_count++;
	return error;
}

static void run_wake(void *data)
{
	struct loop *loop = data;
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) == sizeof(count))
		loop->wake.call(loop->wake.data);
}

int loop_add_wake(struct loop *loop, loop_call *call, void *data)
{
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->wake_fd < 0)
		return -errno;
	loop->wake.call = call;
	loop->wake.data = data;
	return loop_own(loop, watch_new(loop, loop->wake_fd, EV_READ | EV_PERSIST, run_wake, loop));
}

void loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	/* full means that a wake-up is on its way */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

struct watch *loop_watch_read(struct loop *loop, int fd, loop_call *call, void *data)
{
	struct watch *watch = watch_new(loop, fd, EV_READ | EV_PERSIST, call, data);

	if (watch && event_add(watch->event, NULL) < 0) {
		watch_free(watch);
		return NULL;
	}
	return watch;
}

struct watch *loop_watch_write(struct loop *loop, int fd, loop_call *call, void *data)
{
	return watch_new(loop, fd, EV_WRITE | EV_PERSIST, call, data);
}

void watch_set(struct watch *watch, bool is_on)
{
	if (is_on)
		event_add(watch->event, NULL);
	else
		event_del(watch->event);
}
