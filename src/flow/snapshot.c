/* SPDX-License-Identifier: BSD-2-Clause */
/* Snapshots: frozen, counted, exchanged as one.  Any thread. */
#include <pthread.h>
#include <stdlib.h>

#include "flow/flow.h"

enum { SNAPSHOT_ARENA_MAX = 64 << 20 };

struct current {
	pthread_mutex_t lock;
	struct snapshot *snapshot;
	struct snapshot *seen; /* the same, read without the lock and only compared */
};

struct snapshot *snapshot_new(void)
{
	struct arena *arena = arena_new(SNAPSHOT_ARENA_MAX);
	struct snapshot *snapshot = arena ? arena_alloc(arena, sizeof(*snapshot)) : NULL;

	if (!snapshot) {
		arena_free(arena);
		return NULL;
	}
	snapshot->arena = arena;
	snapshot->references = 1;
	return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	__atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (!snapshot || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ruleset_free(snapshot->ruleset);
	formats_free(snapshot->formats);
	arena_free(snapshot->arena); /* the snapshot itself lives in it */
}

struct current *current_new(struct snapshot *snapshot)
{
	struct current *current = calloc(1, sizeof(*current));

	if (!current)
		return NULL;
	pthread_mutex_init(&current->lock, NULL);
	current->snapshot = current->seen = snapshot;
	return current;
}

void current_free(struct current *current)
{
	if (!current)
		return;
	snapshot_unref(current->snapshot);
	pthread_mutex_destroy(&current->lock);
	free(current);
}

struct snapshot *current_get(struct current *current)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&current->lock);
	snapshot = snapshot_ref(current->snapshot);
	pthread_mutex_unlock(&current->lock);
	return snapshot;
}

void current_set(struct current *current, struct snapshot *snapshot)
{
	struct snapshot *old;

	pthread_mutex_lock(&current->lock);
	old = current->snapshot;
	current->snapshot = snapshot;
	__atomic_store_n(&current->seen, snapshot, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&current->lock);
	snapshot_unref(old);
}

void current_refresh(struct current *current, struct snapshot **held)
{
	/* *held cannot be freed and its address given out anew while we hold it, so comparing is enough */
	if (*held == __atomic_load_n(&current->seen, __ATOMIC_ACQUIRE))
		return;
	snapshot_unref(*held);
	*held = current_get(current);
}
