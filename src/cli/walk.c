/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks folders.  One thread; the names are anybody's. */
#include "cli/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH_MAX = 1024, DEPTH_MAX = 32 };

struct folder {
	const struct walk_visitor *visitor;
	DIR *stream;
	int fd;
	const char *path;
	unsigned depth;
	bool is_maildir;
};

static void refuse(const struct walk_visitor *visitor, const char *path, const char *why)
{
	if (visitor->refuse)
		visitor->refuse(visitor->data, path, why);
}

static bool is_folder(int at, const char *name, int flags)
{
	struct stat info;

	return fstatat(at, name, &info, flags) == 0 && S_ISDIR(info.st_mode);
}

static bool is_maildir(int fd)
{
	return is_folder(fd, "cur", 0) && is_folder(fd, "new", 0);
}

/* Up to BATCH_MAX further names, sorted. */
static size_t read_batch(DIR *stream, char *names[static BATCH_MAX])
{
	size_t count = 0;
	const struct dirent *entry;

	while (count < BATCH_MAX && (entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		names[count] = strdup(entry->d_name);
		if (!names[count])
			break;
		count++;
	}
	return count;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void walk_folder(int fd, const char *path, unsigned depth, const struct walk_visitor *visitor);

static void walk_subfolder(const struct folder *folder, const char *name, const char *path)
{
	int fd;

	if (folder->depth == DEPTH_MAX) {
		refuse(folder->visitor, path, "folders lie too deep");
		return;
	}
	fd = openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		refuse(folder->visitor, path, strerror(errno));
	else
		walk_folder(fd, path, folder->depth + 1, folder->visitor);
}

/* In a Maildir the mail is in new and cur, tmp is not yet mail, and loose files are somebody's index. */
static void walk_entry(const struct folder *folder, const char *name)
{
	struct stat info;
	char *path;
	bool is_file, is_sub;

	if (folder->is_maildir ? strcmp(name, "tmp") == 0 : name[0] == '.')
		return;
	if (asprintf(&path, "%s%s%s", folder->path, folder->path[strlen(folder->path) - 1] == '/' ? "" : "/", name) < 0)
		return;
	is_sub = is_folder(folder->fd, name, AT_SYMLINK_NOFOLLOW);
	is_file = !is_sub && fstatat(folder->fd, name, &info, 0) == 0 && S_ISREG(info.st_mode);
	if (is_sub)
		walk_subfolder(folder, name, path);
	else if (is_file && !folder->is_maildir)
		folder->visitor->visit(folder->visitor->data, folder->fd, name, path);
	free(path);
}

static void walk_batches(const struct folder *folder)
{
	char **names = calloc(BATCH_MAX, sizeof(*names));
	size_t count;

	while (names && (count = read_batch(folder->stream, names)) > 0) {
		qsort(names, count, sizeof(*names), compare_names);
		for (size_t i = 0; i < count; i++) {
			walk_entry(folder, names[i]);
			free(names[i]);
		}
	}
	free(names);
}

/* Takes `fd`. */
static void walk_folder(int fd, const char *path, unsigned depth, const struct walk_visitor *visitor)
{
	struct folder folder = { .visitor = visitor, .fd = fd, .path = path, .depth = depth, .is_maildir = is_maildir(fd) };

	folder.stream = fdopendir(fd);
	if (!folder.stream) {
		refuse(visitor, path, strerror(errno));
		close(fd);
		return;
	}
	walk_batches(&folder);
	closedir(folder.stream);
}

void walk_path(const char *path, const struct walk_visitor *visitor)
{
	if (strcmp(path, "-") == 0 || !is_folder(AT_FDCWD, path, 0)) {
		visitor->visit(visitor->data, AT_FDCWD, path, path);
		return;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		refuse(visitor, path, strerror(errno));
	else
		walk_folder(fd, path, 0, visitor);
}
