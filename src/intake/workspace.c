/* SPDX-License-Identifier: BSD-2-Clause */
/* Workspaces: a few are kept for the next messages, more are made when many come at once.  Any thread. */
#include "intake/workspace.h"

#include <pthread.h>
#include <stdlib.h>

enum { ARENA_MAX = 8 << 20, FREE_MAX = 16, SCRATCHES_MAX = 4 };

struct workspace_pool {
	pthread_mutex_t lock;
	struct workspace *free_ones;
	unsigned free_count;
	struct scratch *scratches[SCRATCHES_MAX]; /* free ones */
	unsigned scratch_count;
};

static void workspace_free(struct workspace *workspace)
{
	if (!workspace)
		return;
	mail_reader_free(workspace->reader);
	scratch_free(workspace->scratch);
	arena_free(workspace->arena);
	free(workspace);
}

static struct workspace *workspace_new(void)
{
	struct workspace *workspace = calloc(1, sizeof(*workspace));

	if (!workspace)
		return NULL;
	workspace->reader = mail_reader_new(NULL);
	workspace->arena = arena_new(ARENA_MAX);
	if (!workspace->reader || !workspace->arena) {
		workspace_free(workspace);
		return NULL;
	}
	return workspace;
}

struct workspace *workspace_take(struct workspace_pool *pool)
{
	struct workspace *workspace;

	pthread_mutex_lock(&pool->lock);
	workspace = pool->free_ones;
	if (workspace) {
		pool->free_ones = workspace->next;
		pool->free_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	return workspace ? workspace : workspace_new();
}

bool workspace_take_scratch(struct workspace_pool *pool, struct workspace *workspace)
{
	if (workspace->scratch)
		return true;
	pthread_mutex_lock(&pool->lock);
	if (pool->scratch_count > 0)
		workspace->scratch = pool->scratches[--pool->scratch_count];
	pthread_mutex_unlock(&pool->lock);
	if (!workspace->scratch)
		workspace->scratch = scratch_new();
	return workspace->scratch != NULL;
}

void workspace_give_scratch(struct workspace_pool *pool, struct workspace *workspace)
{
	struct scratch *scratch = workspace->scratch;

	if (!scratch)
		return;
	workspace->scratch = NULL;
	pthread_mutex_lock(&pool->lock);
	if (pool->scratch_count < SCRATCHES_MAX) {
		pool->scratches[pool->scratch_count++] = scratch;
		scratch = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	scratch_free(scratch);
}

void workspace_give(struct workspace_pool *pool, struct workspace *workspace)
{
	bool is_kept;

	if (!workspace)
		return;
	arena_reset(workspace->arena);
	workspace_give_scratch(pool, workspace);
	pthread_mutex_lock(&pool->lock);
	is_kept = pool->free_count < FREE_MAX;
	if (is_kept) {
		workspace->next = pool->free_ones;
		pool->free_ones = workspace;
		pool->free_count++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!is_kept)
		workspace_free(workspace);
}

struct workspace_pool *workspace_pool_new(void)
{
	struct workspace_pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

void workspace_pool_free(struct workspace_pool *pool)
{
	if (!pool)
		return;
	while (pool->free_ones) {
		struct workspace *next = pool->free_ones->next;
		workspace_free(pool->free_ones);
		pool->free_ones = next;
	}
	while (pool->scratch_count > 0)
		scratch_free(pool->scratches[--pool->scratch_count]);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
