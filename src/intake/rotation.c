/* SPDX-License-Identifier: BSD-2-Clause */
/* A walk through the folder for each question: files come and go. */
#include "intake/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "intake/archive.h"

int rotation_init(struct rotation *rotation, const char *path)
{
	const char *slash = strrchr(path, '/');

	rotation->path = strdup(path);
	rotation->folder = slash == path ? strdup("/") : strndup(path, slash ? (size_t)(slash - path) : 0);
	rotation->base = strdup(slash ? slash + 1 : path);
	return rotation->path && rotation->folder && rotation->base ? 0 : -ENOMEM;
}

void rotation_done(struct rotation *rotation)
{
	free(rotation->path);
	free(rotation->folder);
	free(rotation->base);
}

bool rotation_is_archive(const char *path)
{
	return archive_is_name(span_of(path));
}

/* In a way that we do not read, at least not in this build. */
static bool is_unreadable(struct span name)
{
	static const struct span ends[] = { SPAN_LIT(".bz2"), SPAN_LIT(".xz"),  SPAN_LIT(".zst"), SPAN_LIT(".lz4"),
					    SPAN_LIT(".lzo"), SPAN_LIT(".lzma"), SPAN_LIT(".Z"),   SPAN_LIT(".zip") };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (span_has_suffix_nocase(name, ends[i]))
			return !archive_is_name(name);
	return false;
}

/* "mail.log.1", "mail.log-20261122": what rotation makes of a name. */
static bool is_name_of(const struct rotation *rotation, struct span name)
{
	struct span base = span_of(rotation->base), rest = span_skip(name, base.len);

	return span_has_prefix(name, base) && rest.len >= 2 && (rest.ptr[0] == '.' || rest.ptr[0] == '-' || rest.ptr[0] == '_') &&
	       !is_unreadable(rest);
}

int rotation_open_file(const char *path)
{
	/* a fifo in its place must not hold us up */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), error;
	struct stat info;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
		return fd;
	error = errno;
	close(fd);
	return S_ISREG(info.st_mode) ? -error : -EINVAL;
}

/* The compressed one of two: the other is going to be removed, or has to be thought the truth. */
static bool is_second_copy(const char *path)
{
	char plain[PATH_MAX];
	struct stat info;

	snprintf(plain, sizeof(plain), "%.*s", SPAN_ARG(archive_get_plain_name(span_of(path))));
	return stat(plain, &info) == 0;
}

/* Calls `visit` with each open file that rotation may have made; it keeps the descriptor by returning true, and ends the walk. */
static void visit_rotated(const struct rotation *rotation, bool (*visit)(int fd, const char *path, void *data), void *data)
{
	DIR *folder = opendir(rotation->folder);
	bool is_kept = false;

	for (struct dirent *entry = folder ? readdir(folder) : NULL; entry && !is_kept; entry = readdir(folder)) {
		char path[PATH_MAX];
		int fd;
		if (!is_name_of(rotation, span_of(entry->d_name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", rotation->folder, entry->d_name);
		fd = rotation_is_archive(path) && is_second_copy(path) ? -EEXIST : rotation_open_file(path);
		if (fd < 0)
			continue;
		is_kept = (!rotation_is_archive(path) || archive_is(fd, path)) && visit(fd, path, data);
		if (!is_kept)
			close(fd);
	}
	if (folder)
		closedir(folder);
}

static void keep(struct rotated *rotated, int fd, const struct stat *info, const char *path)
{
	if (rotated->fd >= 0)
		close(rotated->fd);
	rotated->fd = fd;
	rotated->info = *info;
	snprintf(rotated->path, sizeof(rotated->path), "%s", path);
}

uint64_t rotated_get_size(const struct rotated *rotated)
{
	return rotation_is_archive(rotated->path) ? archive_get_size(rotated->fd, rotated->path) : (uint64_t)rotated->info.st_size;
}

struct search {
	struct place place;
	bool is_by_inode;
	struct rotated found;
};

static bool has_head(const struct place *place, struct archive *archive)
{
	char head[PLACE_HEAD_MAX];

	return place->head_len > 0 && archive_read(archive, head, place->head_len, 0) == (ssize_t)place->head_len &&
	       place_hash(span_make(head, place->head_len)) == place->hash;
}

/* As place_is_in, of what it was before it was compressed. */
static bool is_in_archive(const struct place *place, int fd, const char *path)
{
	struct archive *archive;
	char last;
	bool is_in;

	if (archive_open(fd, path, &archive) < 0)
		return false;
	is_in = has_head(place, archive) && (place->offset == 0 || archive_read(archive, &last, 1, place->offset - 1) == 1);
	archive_close(archive);
	return is_in;
}

static bool is_in_file(const struct place *place, int fd, const char *path)
{
	return rotation_is_archive(path) ? is_in_archive(place, fd, path) : place_is_in(place, fd);
}

static bool is_place(const struct search *search, int fd, const char *path)
{
	struct stat info;

	if (fstat(fd, &info) < 0 || !is_in_file(&search->place, fd, path))
		return false;
	if (search->is_by_inode)
		return info.st_ino == search->place.inode;
	/* a copy of it, longer than what was read: copytruncate */
	return search->place.head_len > 0;
}

static bool visit_for_place(int fd, const char *path, void *data)
{
	struct search *search = data;
	struct stat info;

	if (!is_place(search, fd, path) || fstat(fd, &info) < 0)
		return false;
	keep(&search->found, fd, &info, path);
	return true;
}

bool rotation_find_place(const struct rotation *rotation, const struct place *place, bool may_be_path, struct rotated *ret_rotated)
{
	for (unsigned by_copy = 0; by_copy < 2; by_copy++) {
		struct search search = { *place, !by_copy, { .fd = -1 } };
		int fd = may_be_path ? rotation_open_file(rotation->path) : -1;
		if (fd >= 0 && !visit_for_place(fd, rotation->path, &search))
			close(fd);
		if (search.found.fd < 0)
			visit_rotated(rotation, visit_for_place, &search);
		if (search.found.fd >= 0) {
			*ret_rotated = search.found;
			return true;
		}
	}
	return false;
}

struct neighbour {
	uint64_t inode;
	int64_t written_ns;
	const struct place *left;
	struct rotated found;
};

static bool visit_for_earlier(int fd, const char *path, void *data)
{
	struct neighbour *wanted = data;
	struct stat info;

	if (fstat(fd, &info) < 0 || info.st_ino == wanted->inode || place_get_written_ns(&info) > wanted->written_ns)
		return false;
	if (wanted->found.fd >= 0 && place_get_written_ns(&info) <= place_get_written_ns(&wanted->found.info))
		return false;
	/* the walk goes on: it gets a descriptor of its own */
	fd = dup(fd);
	if (fd >= 0)
		keep(&wanted->found, fd, &info, path);
	return false;
}

bool rotation_find_before(const struct rotation *rotation, uint64_t inode, int64_t written_ns, struct rotated *ret_rotated)
{
	struct neighbour wanted = { inode, written_ns, NULL, { .fd = -1 } };

	visit_rotated(rotation, visit_for_earlier, &wanted);
	if (wanted.found.fd >= 0)
		*ret_rotated = wanted.found;
	return wanted.found.fd >= 0;
}

static bool visit_for_later(int fd, const char *path, void *data)
{
	struct neighbour *wanted = data;
	struct stat info;

	if (fstat(fd, &info) < 0 || info.st_ino == wanted->inode || place_get_written_ns(&info) <= wanted->written_ns)
		return false;
	if (wanted->found.fd >= 0 && place_get_written_ns(&info) >= place_get_written_ns(&wanted->found.info))
		return false;
	/* the one that we leave, compressed by now by somebody who did not keep its time */
	if (rotation_is_archive(path) && is_in_archive(wanted->left, fd, path))
		return false;
	fd = dup(fd);
	if (fd >= 0)
		keep(&wanted->found, fd, &info, path);
	return false;
}

bool rotation_find_after(const struct rotation *rotation, uint64_t inode, int64_t written_ns, const struct place *left, struct rotated *ret_rotated)
{
	struct neighbour wanted = { inode, written_ns, left, { .fd = -1 } };

	visit_rotated(rotation, visit_for_later, &wanted);
	if (wanted.found.fd >= 0)
		*ret_rotated = wanted.found;
	return wanted.found.fd >= 0;
}
