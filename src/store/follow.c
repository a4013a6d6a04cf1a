/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that keeps an index current with what other processes and nodes change. */
#include <errno.h>
#include <stdlib.h>

#include "store/index.h"
#include "store/thread.h"

enum { POLL_MS = 250 };

struct index_follower {
	struct index *index;
	struct store_options options;
	char *uri;
	struct store *store; /* NULL while the store is away */
	int64_t change;
	unsigned poll_ms;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool is_stopping;
};

static void update(struct index_follower *follower)
{
	if (!follower->store && store_open(&follower->options, &follower->store) < 0)
		return;
	if (index_update(follower->index, follower->store, time(NULL), &follower->change) >= 0)
		return;
	/* the handle may be of no more use: a connection that broke, a file that was exchanged */
	store_close(follower->store);
	follower->store = NULL;
}

static bool wait_for_stop(struct index_follower *follower)
{
	struct timespec until = monotonic_at(monotonic_get_ms() + follower->poll_ms);

	pthread_mutex_lock(&follower->mutex);
	int result = 0;
	while (!follower->is_stopping && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&follower->wake, &follower->mutex, &until);
	bool is_stopping = follower->is_stopping;
	pthread_mutex_unlock(&follower->mutex);
	return is_stopping;
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
	free(follower->uri);
	free(follower);
}

static int start(struct index_follower *follower)
{
	monotonic_cond_init(&follower->wake);
	pthread_mutex_init(&follower->mutex, NULL);
	return thread_start(&follower->thread, follow, follower);
}

int index_follow(struct index *index, const struct store_options *options, unsigned poll_ms, struct index_follower **ret_follower)
{
	struct index_follower *follower = calloc(1, sizeof(*follower));

	if (!follower)
		return -ENOMEM;
	follower->index = index;
	follower->options = *options;
	follower->options.uri = follower->uri = strdup(options->uri);
	follower->poll_ms = poll_ms ? poll_ms : POLL_MS;
	int result = follower->uri ? store_open(&follower->options, &follower->store) : -ENOMEM;
	if (result == 0)
		result = index_fill(index, follower->store, time(NULL), &follower->change);
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
	if (!follower)
		return;
	pthread_mutex_lock(&follower->mutex);
	follower->is_stopping = true;
	pthread_cond_signal(&follower->wake);
	pthread_mutex_unlock(&follower->mutex);
	pthread_join(follower->thread, NULL);
	pthread_cond_destroy(&follower->wake);
	pthread_mutex_destroy(&follower->mutex);
	follower_free(follower);
}
