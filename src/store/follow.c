/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that keeps an index current with what other processes and nodes change. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/index.h"
#include "store/thread.h"

enum { POLL_MS = 250 };

struct index_follower {
	struct index *index;
	struct store_options options;
	char *uri;
	struct store *store; /* NULL while the store is away */
	bool is_doubtful; /* what the index knows may be another server's */
	unsigned poll_ms;
	pthread_t thread;
	int stop_fd;
	int watch_fd; /* of the store; -1: polling alone */
};

static void update(struct index_follower *follower)
{
	if (!follower->store) {
		if (store_open(&follower->options, &follower->store) < 0)
			return;
		follower->watch_fd = store_watch(follower->store);
	}
	int result = store_check(follower->store);
	if (result == 0)
		result = follower->is_doubtful ? index_fill(follower->index, follower->store, time(NULL)) :
						 index_update(follower->index, follower->store, time(NULL));
	follower->is_doubtful = result < 0;
	if (result >= 0)
		return;
	/*
	 * The handle may be of no more use: a connection that broke, a file that was exchanged.  What answers next may be another
	 * server, whose changes have the same numbers and other addresses: all is read anew.
	 */
	store_close(follower->store);
	follower->store = NULL;
	follower->watch_fd = -1;
}

/* Until its time, or until the store says that there is something new. */
static bool wait_for_stop(struct index_follower *follower)
{
	struct pollfd polled[] = { { .fd = follower->stop_fd, .events = POLLIN }, { .fd = follower->watch_fd, .events = POLLIN } };
	int ready = poll(polled, 2, (int)follower->poll_ms);

	if (ready > 0 && polled[1].revents) {
		store_take_wakeup(follower->store);
		/* an end that the server closed is readable for ever: no more than the polling asks */
		if (polled[1].revents & (POLLHUP | POLLERR))
			follower->watch_fd = -1;
	}
	return ready > 0 && polled[0].revents;
}

static void *follow(void *data)
{
	struct index_follower *follower = data;

	while (!wait_for_stop(follower))
		update(follower);
	return NULL;
}

static void follower_free(struct index_follower *follower)
{
	store_close(follower->store);
	if (follower->stop_fd >= 0)
		close(follower->stop_fd);
	free(follower->uri);
	free(follower);
}

static int start(struct index_follower *follower)
{
	follower->stop_fd = eventfd(0, EFD_CLOEXEC);
	return follower->stop_fd < 0 ? -errno : thread_start(&follower->thread, follow, follower);
}

int index_follow(struct index *index, const struct store_options *options, unsigned poll_ms, struct index_follower **ret_follower)
{
	struct index_follower *follower = calloc(1, sizeof(*follower));

	if (!follower)
		return -ENOMEM;
	follower->index = index;
	follower->stop_fd = follower->watch_fd = -1;
	follower->options = *options;
	follower->options.uri = follower->uri = strdup(options->uri);
	follower->poll_ms = poll_ms ? poll_ms : POLL_MS;
	int result = follower->uri ? store_open(&follower->options, &follower->store) : -ENOMEM;
	/* before it is filled: what changes from now on is told */
	if (result == 0)
		follower->watch_fd = store_watch(follower->store);
	if (result == 0)
		result = index_fill(index, follower->store, time(NULL));
	/* the table serves as it is, if what it was read from gets lost */
	follower->options.must_exist = true;
	if (result == 0)
		result = start(follower);
	if (result < 0) {
		follower_free(follower);
		return result;
	}
	*ret_follower = follower;
	return 0;
}

void index_follower_stop(struct index_follower *follower)
{
	uint64_t one = 1;

	if (!follower)
		return;
	if (write(follower->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(follower->thread, NULL);
	follower_free(follower);
}
