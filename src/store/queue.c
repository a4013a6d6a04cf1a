/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue on disk.  A record: "KDQ1", length, checksum (SipHash under a fixed key: damage, not malice), bytes.
 * It needs no head pointer on disk: what is read twice after a crash is seen to be a duplicate by the store.
 */
#include "store/queue.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/siphash.h"

struct header {
	char magic[4];
	uint32_t len;
	uint64_t sum;
};

struct queue {
	char *folder;
	int fd, folder_fd;
	uint64_t max;
	uint64_t head, end; /* of what waits */
	uint64_t damage;
	pthread_mutex_t mutex;
};

#define FILE_NAME "outcomes.queue"

static const char magic[4] = { 'K', 'D', 'Q', '1' };

static uint64_t get_sum(struct span record)
{
	static const struct siphash_key key = { { 0x6b6f64616d61, 0x7175657565 } };

	return siphash(&key, record);
}

/* What is open when it fails, queue_close closes. */
static int open_file(struct queue *queue, const char *folder)
{
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	queue->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (queue->folder_fd < 0)
		return -errno;
	queue->fd = openat(queue->folder_fd, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (queue->fd < 0)
		return -errno;
	if (flock(queue->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return fsync(queue->folder_fd) < 0 ? -errno : 0;
}

static void close_files(const struct queue *queue)
{
	if (queue->fd >= 0)
		close(queue->fd);
	if (queue->folder_fd >= 0)
		close(queue->folder_fd);
}

/* All of it, or how much there was. */
static ssize_t read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, (char *)bytes + got, size - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* The record at `offset`: 1 with its bytes, 0 there is none, -errno. */
static int read_record(struct queue *queue, uint64_t offset, uint64_t end, struct buffer *record)
{
	struct header header;
	char bytes[QUEUE_RECORD_MAX];
	ssize_t got = offset + sizeof(header) <= end ? read_at(queue->fd, &header, sizeof(header), offset) : 0;

	if (got < 0)
		return (int)got;
	if (got < (ssize_t)sizeof(header) || memcmp(header.magic, magic, sizeof(magic)) != 0)
		return 0;
	size_t len = le32toh(header.len);
	if (len > sizeof(bytes) || offset + sizeof(header) + len > end)
		return 0;
	got = read_at(queue->fd, bytes, len, offset + sizeof(header));
	if (got < 0)
		return (int)got;
	if ((size_t)got != len || get_sum(span_make(bytes, len)) != le64toh(header.sum))
		return 0;
	buffer_clear(record);
	buffer_add(record, span_make(bytes, len));
	return record->is_cut ? -ENOMEM : 1;
}

/* The next place from `offset` on where a record may begin. */
static int find_magic(struct queue *queue, uint64_t offset, uint64_t end, uint64_t *ret_offset)
{
	char bytes[8192];

	while (offset < end) {
		ssize_t got = read_at(queue->fd, bytes, sizeof(bytes), offset);
		if (got < 0)
			return (int)got;
		size_t at = span_find(span_make(bytes, (size_t)got), span_make(magic, sizeof(magic)), 0);
		if (at != SIZE_MAX) {
			*ret_offset = offset + at;
			return 0;
		}
		if (got < (ssize_t)sizeof(bytes))
			break;
		offset += (uint64_t)got - sizeof(magic) + 1;
	}
	*ret_offset = end;
	return 0;
}

static int read_next(struct queue *queue, uint64_t *offset, uint64_t end, struct buffer *record)
{
	while (*offset < end) {
		uint64_t next;
		int result = read_record(queue, *offset, end, record);
		if (result > 0)
			*offset += sizeof(struct header) + record->len;
		if (result != 0)
			return result;
		result = find_magic(queue, *offset + 1, end, &next);
		if (result < 0)
			return result;
		queue->damage += next - *offset;
		*offset = next;
	}
	return 0;
}

/* What a crash left half written at the end is cut off, so that the next record follows a whole one. */
static int find_end(struct queue *queue)
{
	struct stat stat;
	struct buffer record;
	uint64_t offset = 0, good = 0;
	int result;

	if (fstat(queue->fd, &stat) < 0)
		return -errno;
	buffer_init(&record, QUEUE_RECORD_MAX);
	while ((result = read_next(queue, &offset, (uint64_t)stat.st_size, &record)) > 0)
		good = offset;
	buffer_done(&record);
	if (result < 0)
		return result;
	queue->end = good;
	queue->damage = 0;
	return good < (uint64_t)stat.st_size && ftruncate(queue->fd, (off_t)good) < 0 ? -errno : 0;
}

int queue_open(const char *folder, uint64_t max, struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->max = max;
	queue->fd = queue->folder_fd = -1;
	pthread_mutex_init(&queue->mutex, NULL);
	queue->folder = strdup(folder);
	int result = queue->folder ? open_file(queue, folder) : -ENOMEM;
	if (result == 0)
		result = find_end(queue);
	if (result < 0) {
		queue_close(queue);
		return result;
	}
	*ret_queue = queue;
	return 0;
}

void queue_close(struct queue *queue)
{
	if (!queue)
		return;
	close_files(queue);
	pthread_mutex_destroy(&queue->mutex);
	free(queue->folder);
	free(queue);
}

static int write_at(int fd, struct span bytes, uint64_t offset)
{
	while (bytes.len) {
		ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		offset += (uint64_t)n;
		bytes = span_skip(bytes, (size_t)n);
	}
	return 0;
}

static int write_record(int fd, struct span record, uint64_t offset)
{
	struct header header = { .len = htole32((uint32_t)record.len), .sum = htole64(get_sum(record)) };

	memcpy(header.magic, magic, sizeof(magic));
	int result = write_at(fd, span_make((const char *)&header, sizeof(header)), offset);
	if (result == 0)
		result = write_at(fd, record, offset + sizeof(header));
	return result == 0 && fdatasync(fd) < 0 ? -errno : result;
}

static int copy_records(const struct queue *from, int to)
{
	char piece[8192];

	for (uint64_t offset = from->head; offset < from->end;) {
		uint64_t rest = from->end - offset;
		ssize_t got = read_at(from->fd, piece, rest < sizeof(piece) ? (size_t)rest : sizeof(piece), offset);
		if (got <= 0)
			return got < 0 ? (int)got : -EIO;
		int result = write_at(to, span_make(piece, (size_t)got), offset);
		if (result < 0)
			return result;
		offset += (uint64_t)got;
	}
	return fdatasync(to) < 0 ? -errno : 0;
}

/*
 * The file, or its folder, may have been removed since: what is written then has no name, and ends with the process.  It is made anew,
 * with all that waits.
 */
static int ensure_name(struct queue *queue)
{
	char path[PATH_MAX];
	struct stat named, own;
	struct queue anew = { .fd = -1, .folder_fd = -1 };

	snprintf(path, sizeof(path), "%s/" FILE_NAME, queue->folder);
	if (fstat(queue->fd, &own) < 0)
		return -errno;
	if (stat(path, &named) == 0)
		return named.st_ino == own.st_ino && named.st_dev == own.st_dev ? 0 : -ESTALE;
	/* what may not be looked at is there still */
	if (errno != ENOENT)
		return 0;
	int result = open_file(&anew, queue->folder);
	if (result == 0 && (result = copy_records(queue, anew.fd)) < 0)
		/* it would stand in the way of the next try */
		(void)unlinkat(anew.folder_fd, FILE_NAME, 0);
	/* the descriptors stay the same: who reads meanwhile finds the same records in either file */
	if (result == 0 && (dup3(anew.fd, queue->fd, O_CLOEXEC) < 0 || dup3(anew.folder_fd, queue->folder_fd, O_CLOEXEC) < 0))
		result = -errno;
	close_files(&anew);
	return result;
}

static int append(struct queue *queue, struct span record)
{
	uint64_t size = sizeof(struct header) + record.len;

	if (record.len > QUEUE_RECORD_MAX)
		return -EINVAL;
	if (size > queue->max || queue->end > queue->max - size)
		return -ENOSPC;
	int result = ensure_name(queue);
	if (result < 0)
		return result;
	result = write_record(queue->fd, record, queue->end);
	if (result < 0) {
		/* if this fails too the piece is passed over as damage */
		if (ftruncate(queue->fd, (off_t)queue->end) < 0)
			queue->damage += size;
		return result == -EDQUOT ? -ENOSPC : result;
	}
	queue->end += size;
	return 0;
}

int queue_append(struct queue *queue, struct span record)
{
	pthread_mutex_lock(&queue->mutex);
	int result = append(queue, record);
	pthread_mutex_unlock(&queue->mutex);
	return result;
}

int queue_set_aside(struct queue *queue, struct span record)
{
	int fd = openat(queue->folder_fd, QUEUE_ASIDE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), result;
	struct stat info;

	if (fd < 0)
		return -errno;
	result = fstat(fd, &info) < 0 ? -errno : write_record(fd, record, (uint64_t)info.st_size);
	/* what was half written is cut off; if that fails it is damage, and passed over when the file is read */
	if (result < 0 && ftruncate(fd, info.st_size) < 0)
		result = -errno;
	if (result == 0 && fsync(queue->folder_fd) < 0)
		result = -errno;
	close(fd);
	return result;
}

static uint64_t get_end(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	uint64_t end = queue->end;
	pthread_mutex_unlock(&queue->mutex);
	return end;
}

int queue_read(struct queue *queue, uint64_t *offset, struct buffer *record)
{
	return read_next(queue, offset, get_end(queue), record);
}

int queue_drop(struct queue *queue, uint64_t offset)
{
	int result = 0;

	pthread_mutex_lock(&queue->mutex);
	queue->head = offset;
	if (offset >= queue->end) {
		if (ftruncate(queue->fd, 0) < 0)
			result = -errno;
		else
			queue->head = queue->end = 0;
	}
	pthread_mutex_unlock(&queue->mutex);
	return result;
}

uint64_t queue_get_offset(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	uint64_t head = queue->head;
	pthread_mutex_unlock(&queue->mutex);
	return head;
}

uint64_t queue_get_size(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	uint64_t size = queue->end - queue->head;
	pthread_mutex_unlock(&queue->mutex);
	return size;
}

uint64_t queue_get_damage(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	uint64_t damage = queue->damage;
	pthread_mutex_unlock(&queue->mutex);
	return damage;
}
