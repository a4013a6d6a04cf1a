/* SPDX-License-Identifier: BSD-2-Clause */
/* The key file.  Any thread. */
#include "store/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, PATH_SIZE = 4096 };

static int fail(struct complaint *complaint, const char *path, int error)
{
	complaint_set(complaint, path, 0, "%s", error == -ELOOP ? "it is a symbolic link" : strerror(-error));
	return error;
}

/* Who can read the keys can forge proof; who can write them can silence us. */
static int check_mode(int fd, const char *path, struct complaint *complaint)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return fail(complaint, path, -errno);
	if (!S_ISREG(info.st_mode))
		complaint_set(complaint, path, 0, "the keys cannot be in it, for it is no file");
	else if (info.st_mode & 077)
		complaint_set(complaint, path, 0, "the keys cannot be in a file of mode %04o: group and others must have no access (chmod 600)", (unsigned)info.st_mode & 07777);
	else if (info.st_uid != geteuid() && info.st_uid != 0)
		complaint_set(complaint, path, 0, "the keys cannot be in it, for it belongs to uid %lu, not to us", (unsigned long)info.st_uid);
	else if (info.st_size > FILE_MAX)
		complaint_set(complaint, path, 0, "it is too large for a key file");
	else
		return 0;
	return -EACCES;
}

static int read_text(int fd, struct buffer *text)
{
	char chunk[4096];
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		buffer_add(text, span_make(chunk, (size_t)got));
	}
	secret_wipe(chunk, sizeof(chunk));
	return text->is_cut ? -EFBIG : 0;
}

static void free_secret(struct buffer *text)
{
	if (text->bytes)
		secret_wipe(text->bytes, text->size);
	buffer_done(text);
}

int keyfile_read(const char *path, struct key_records *ret_records, struct complaint *complaint)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), error;
	struct buffer text;
	unsigned line;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(complaint, path, -errno);
	error = check_mode(fd, path, complaint);
	if (error < 0) {
		close(fd);
		return error;
	}
	buffer_init(&text, FILE_MAX);
	error = read_text(fd, &text);
	close(fd);
	if (error < 0) {
		error = fail(complaint, path, error);
	} else {
		error = key_records_parse(buffer_get(&text), ret_records, &line);
		/* never the line itself: it may be a secret with a slip in it */
		if (error < 0)
			complaint_set(complaint, path, line, error == -E2BIG ? "too many keys" : "this is no key");
	}
	free_secret(&text);
	return error;
}

static int write_all(int fd, struct span text)
{
	while (text.len > 0) {
		ssize_t written = write(fd, text.ptr, text.len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text = span_skip(text, (size_t)written);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_records(const char *path, const struct key_records *records)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), error;
	struct buffer text;

	if (fd < 0)
		return -errno;
	buffer_init(&text, FILE_MAX);
	key_records_write(records, &text);
	error = fchmod(fd, 0600) < 0 ? -errno : write_all(fd, buffer_get(&text));
	free_secret(&text);
	close(fd);
	return error;
}

/* A file that is there is never lost: a new one appears under its name whole, and only where there was none. */
static int put(const char *path, const char *temporary, bool is_new, const struct key_records *records)
{
	int error;

	(void)unlink(temporary);
	error = write_records(temporary, records);
	if (error == 0 && is_new)
		error = link(temporary, path) < 0 ? -errno : 0;
	else if (error == 0)
		error = rename(temporary, path) < 0 ? -errno : 0;
	(void)unlink(temporary);
	return error;
}

/* The folder is the lock, and is made durable with the name in it. */
static int open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_SIZE];

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	int fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			int error = -errno;
			close(fd);
			return error;
		}
	return fd;
}

int keyfile_change_all(const char *path, bool is_new, keyfile_change *change, void *data, struct complaint *complaint)
{
	struct key_records records = { .count = 0 };
	char temporary[PATH_SIZE];
	int folder = open_folder(path), error = 0;

	if (folder < 0)
		return fail(complaint, path, folder);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (!is_new)
		error = keyfile_read(path, &records, complaint);
	if (error == -ENOENT)
		(void)fail(complaint, path, error);
	if (error == 0) {
		error = change(data, &records);
		if (error == 0)
			error = put(path, temporary, is_new, &records);
		if (error == 0 && fsync(folder) < 0)
			error = -errno;
		if (error < 0 && !(is_new && error == -EEXIST))
			(void)fail(complaint, path, error);
	}
	secret_wipe(&records, sizeof(records));
	close(folder);
	return error;
}
