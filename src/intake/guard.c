/* SPDX-License-Identifier: BSD-2-Clause */
/* One inotify descriptor, apart from that of the lines: nothing that is written into the folders makes it readable. */
#include "intake/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "intake/trust.h"

enum { WATCHES_MAX = 64 };

struct watches {
	int ids[WATCHES_MAX];
	unsigned count;
};

struct guard {
	int fd;
	struct watches watches;
	bool is_whole;
};

struct guard *guard_new(void)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return NULL;
	guard->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (guard->fd < 0) {
		free(guard);
		return NULL;
	}
	return guard;
}

void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	close(guard->fd);
	free(guard);
}

int guard_get_fd(const struct guard *guard)
{
	return guard->fd;
}

bool guard_is_whole(const struct guard *guard)
{
	return guard->is_whole;
}

static bool has_watch(const struct watches *watches, int id)
{
	for (unsigned i = 0; i < watches->count; i++)
		if (watches->ids[i] == id)
			return true;
	return false;
}

static void add_watch(struct guard *guard, const char *path, uint32_t what)
{
	int id = guard->watches.count < WATCHES_MAX ? inotify_add_watch(guard->fd, path, what) : -1;

	if (id < 0)
		guard->is_whole = false;
	else
		guard->watches.ids[guard->watches.count++] = id;
}

/* What stays is not watched anew: the kernel would go through all the names that it knows in a folder (/tmp has many). */
static void drop_watches(struct guard *guard, const struct watches *before)
{
	for (unsigned i = 0; i < before->count; i++)
		if (!has_watch(&guard->watches, before->ids[i]))
			(void)inotify_rm_watch(guard->fd, before->ids[i]);
}

void guard_set(struct guard *guard, int fd, const char *path)
{
	char folder[PATH_MAX], file[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
	struct watches before = guard->watches;

	guard->watches.count = 0;
	guard->is_whole = trust_find_folder(path, folder);
	/* by its descriptor: the name may be another file's by now */
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	add_watch(guard, file, IN_ATTRIB);
	for (char *end = guard->is_whole ? folder + strlen(folder) : NULL; end; end = strrchr(folder, '/')) {
		*end = '\0';
		add_watch(guard, folder[0] ? folder : "/", IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR);
	}
	drop_watches(guard, &before);
}

/* Of what lies in a folder a notice bears the name: it is guarded itself, or none of ours. */
static bool is_meant(const struct guard *guard, const struct inotify_event *notice)
{
	return (notice->mask & IN_Q_OVERFLOW) || (notice->len == 0 && has_watch(&guard->watches, notice->wd));
}

bool guard_take(struct guard *guard)
{
	char notices[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool is_changed = false;
	ssize_t got;

	while ((got = read(guard->fd, notices, sizeof(notices))) > 0)
		for (const char *at = notices; at < notices + got;) {
			const struct inotify_event *notice = (const struct inotify_event *)(const void *)at;
			is_changed = is_changed || is_meant(guard, notice);
			at += sizeof(*notice) + notice->len;
		}
	return is_changed;
}
