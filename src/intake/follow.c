/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One descriptor at a time.  At its end: has the file been cut, is its name another file's by now, and has that one
 * anything in it?  Whoever writes the log goes on writing into the renamed file until it opens the new one.
 */
#include "intake/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "intake/archive.h"
#include "intake/guard.h"
#include "intake/rotation.h"
#include "intake/trust.h"

enum { READ_SIZE = 64 * 1024, BUFFER_SIZE = READ_SIZE + FOLLOW_LINE_MAX, WHY_SIZE = 600 };

struct follow {
	struct rotation rotation;
	bool is_from_beginning;
	int notify_fd, watch;
	struct guard *guard; /* of fd; NULL: there is none */
	int fd; /* -1: no file */
	struct archive *archive;  /* of fd, where that is compressed */
	struct place place;       /* offset: of buffer[start] */
	bool has_wanted;          /* the place to go on from, until the file can be looked into */
	struct place wanted;
	uint64_t replay_bytes;
	bool is_skipping;         /* inside a line that is too long, or whose begin is unknown */
	bool has_looked_again;    /* read to its end after its successor was seen */
	bool is_damaged;          /* a compressed file, and the rest of it cannot be had */
	bool is_trusted;
	uint64_t distrusted;      /* as in struct place, now */
	char why[WHY_SIZE];
	struct follow_stats stats;
	bool is_replaying;        /* what was read before is read again, up to the goal */
	struct place goal;
	int goal_fd;              /* -1: the goal is in this file */
	char goal_path[PATH_MAX];
	char used_path[PATH_MAX]; /* of fd */
	size_t start, end;        /* what of the buffer is not taken yet */
	char buffer[BUFFER_SIZE];
};

/* --- which file */

static ssize_t read_at(const struct follow *follow, char *to, size_t size, uint64_t offset)
{
	ssize_t got;

	if (rotation_is_archive(follow->used_path))
		return follow->archive ? archive_read(follow->archive, to, size, offset) : -EIO;
	got = pread(follow->fd, to, size, (off_t)offset);
	return got < 0 ? -errno : got;
}

/* The first bytes become the fingerprint as they come. */
static void learn_head(struct follow *follow)
{
	char head[PLACE_HEAD_MAX];
	ssize_t got;

	if (follow->place.head_len == PLACE_HEAD_MAX)
		return;
	got = read_at(follow, head, sizeof(head), 0);
	if (got <= 0)
		return;
	follow->place.head_len = (unsigned)got;
	follow->place.hash = place_hash(span_make(head, (size_t)got));
}

/*
 * Could others have written what is read now?  Who could once may have the log open still, whatever is done to its mode, through
 * restarts and copytruncate: nothing of it is trusted again before another file has its name.
 */
static void look_at_trust(struct follow *follow)
{
	bool is_good = trust_check_log(follow->fd, follow->used_path, follow->why, sizeof(follow->why));

	if (strcmp(follow->used_path, follow->rotation.path) == 0 && follow->distrusted != follow->place.inode)
		follow->distrusted = 0;
	if (is_good && follow->distrusted)
		snprintf(follow->why, sizeof(follow->why),
			 "others could write into %s, and may have it open still: it proves again when a new file has been begun (rotate it)",
			 follow->rotation.path);
	if (!is_good && !follow->distrusted)
		follow->distrusted = follow->place.inode;
	follow->is_trusted = is_good && !follow->distrusted;
}

/* Guarded first: what changes while we look is told. */
static void guard_file(struct follow *follow)
{
	if (follow->guard)
		guard_set(follow->guard, follow->fd, follow->used_path);
	look_at_trust(follow);
}

static void use_file(struct follow *follow, int fd, const char *path, uint64_t offset)
{
	struct stat info;
	char before;

	archive_close(follow->archive);
	follow->archive = NULL;
	if (follow->fd >= 0 && follow->fd != fd)
		close(follow->fd);
	follow->fd = fd;
	if (path != follow->used_path)
		snprintf(follow->used_path, sizeof(follow->used_path), "%s", path);
	/* what it says of itself may be wrong: then it is read as an empty one, and is a gap */
	if (rotation_is_archive(follow->used_path) && archive_open(fd, follow->used_path, &follow->archive) < 0)
		follow->archive = NULL;
	follow->start = follow->end = 0;
	follow->has_looked_again = follow->is_damaged = false;
	follow->place = (struct place){ .offset = offset };
	if (fstat(fd, &info) == 0) {
		follow->place.inode = info.st_ino;
		follow->place.written_ns = place_get_written_ns(&info);
	}
	guard_file(follow);
	learn_head(follow);
	/* in the middle of a line its rest could pose as one */
	follow->is_skipping = offset > 0 && read_at(follow, &before, 1, offset - 1) == 1 && before != '\n';
	follow->stats.files++;
	follow->stats.error = 0;
}

static bool use_place(struct follow *follow, const struct place *place, bool may_be_path)
{
	struct rotated found;

	if (!rotation_find_place(&follow->rotation, place, may_be_path, &found))
		return false;
	use_file(follow, found.fd, found.path, place->offset);
	return true;
}

/* From the place to so many bytes before it, if need be in the file that came before. */
static void step_back(struct follow *follow, uint64_t bytes)
{
	uint64_t offset = follow->place.offset, missing = offset < bytes ? bytes - offset : 0;
	struct rotated before;

	follow->goal = follow->place;
	follow->is_replaying = true;
	if (missing == 0 || !rotation_find_before(&follow->rotation, follow->place.inode, follow->place.written_ns, &before)) {
		use_file(follow, follow->fd, follow->used_path, missing > 0 ? 0 : offset - bytes);
		return;
	}
	follow->goal_fd = follow->fd;
	snprintf(follow->goal_path, sizeof(follow->goal_path), "%s", follow->used_path);
	follow->fd = -1;
	uint64_t size = rotated_get_size(&before);
	use_file(follow, before.fd, before.path, size > missing ? size - missing : 0);
}

/* What came after the file that we leave: one that has been renamed since, else the one that has the name now. */
static bool use_successor(struct follow *follow, uint64_t inode, int64_t written_ns)
{
	/* opened first: what is renamed while we look is found beside it, and is the same file */
	int fd = rotation_open_file(follow->rotation.path);
	struct rotated after;

	if (rotation_find_after(&follow->rotation, inode, written_ns, &follow->place, &after)) {
		struct stat current;
		/* not a hard link, or a copy that is still being made */
		if (fd < 0 || fstat(fd, &current) < 0 || current.st_ino != after.info.st_ino) {
			if (fd >= 0)
				close(fd);
			use_file(follow, after.fd, after.path, 0);
			return true;
		}
		close(after.fd);
	}
	if (fd < 0) {
		follow->stats.error = fd == -ENOENT ? 0 : -fd;
		return false;
	}
	use_file(follow, fd, follow->rotation.path, 0);
	return true;
}

/* --- opening */

static void watch_folder(struct follow *follow)
{
	if (follow->notify_fd >= 0 && follow->watch < 0)
		follow->watch = inotify_add_watch(follow->notify_fd, follow->rotation.folder,
						  IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR);
}

static void go_on(struct follow *follow, const struct place *place)
{
	if (use_place(follow, place, true)) {
		if (follow->replay_bytes > 0)
			step_back(follow, follow->replay_bytes);
		return;
	}
	follow->is_from_beginning = true;
	/* nothing had been read of an empty file: nothing is lost */
	follow->stats.gaps += place->head_len > 0;
	(void)use_successor(follow, place->head_len ? 0 : place->inode, place->written_ns);
}

/* A file that may not be read is not one that has gone: the place waits for it. */
static bool find_wanted(struct follow *follow)
{
	int fd = rotation_open_file(follow->rotation.path);

	if (fd < 0 && fd != -ENOENT) {
		follow->stats.error = -fd;
		return false;
	}
	if (fd >= 0)
		close(fd);
	follow->has_wanted = false;
	go_on(follow, &follow->wanted);
	return follow->fd >= 0;
}

/* As long as there is no file. */
static bool find_file(struct follow *follow)
{
	struct stat info;
	int fd;

	if (follow->has_wanted)
		return find_wanted(follow);
	fd = rotation_open_file(follow->rotation.path);
	if (fd < 0) {
		follow->stats.error = -fd;
		/* what appears from now on is new from its first line on */
		if (fd == -ENOENT)
			follow->is_from_beginning = true;
		return false;
	}
	use_file(follow, fd, follow->rotation.path, !follow->is_from_beginning && fstat(fd, &info) == 0 ? (uint64_t)info.st_size : 0);
	follow->is_from_beginning = true;
	return true;
}

int follow_open(const struct follow_options *options, struct span place_text, struct follow **ret_follow)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow)
		return -ENOMEM;
	follow->fd = follow->goal_fd = follow->notify_fd = follow->watch = -1;
	follow->is_from_beginning = options->is_from_beginning;
	if (rotation_init(&follow->rotation, options->path) < 0) {
		follow_close(follow);
		return -ENOMEM;
	}
	follow->guard = guard_new();
	follow->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* before the first look: what happens in between is not missed */
	watch_folder(follow);
	follow->replay_bytes = options->replay_bytes;
	follow->has_wanted = span_is_known(place_text) && place_parse(place_text, &follow->wanted) == 0;
	follow->distrusted = follow->has_wanted ? follow->wanted.distrusted : 0;
	(void)find_file(follow);
	*ret_follow = follow;
	return 0;
}

void follow_close(struct follow *follow)
{
	if (!follow)
		return;
	archive_close(follow->archive);
	if (follow->fd >= 0)
		close(follow->fd);
	if (follow->goal_fd >= 0)
		close(follow->goal_fd);
	if (follow->notify_fd >= 0)
		close(follow->notify_fd);
	guard_free(follow->guard);
	rotation_done(&follow->rotation);
	free(follow);
}

int follow_get_fd(const struct follow *follow)
{
	return follow->notify_fd;
}

void follow_take_notices(struct follow *follow)
{
	char notices[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;

	while ((got = read(follow->notify_fd, notices, sizeof(notices))) > 0) {
		for (const char *at = notices; at < notices + got;) {
			const struct inotify_event *notice = (const struct inotify_event *)(const void *)at;
			/* the folder itself has gone: it is watched again when it is back */
			if (notice->mask & IN_IGNORED)
				follow->watch = -1;
			at += sizeof(*notice) + notice->len;
		}
	}
}

int follow_get_guard_fd(const struct follow *follow)
{
	return follow->guard ? guard_get_fd(follow->guard) : -1;
}

bool follow_is_guarded(const struct follow *follow)
{
	return follow->guard && follow->fd >= 0 && guard_is_whole(follow->guard);
}

void follow_take_warnings(struct follow *follow)
{
	if (follow->guard && guard_take(follow->guard) && follow->fd >= 0)
		guard_file(follow);
}

/* --- reading */

static void end_replay(struct follow *follow)
{
	follow->is_replaying = false;
	if (follow->goal_fd >= 0)
		close(follow->goal_fd);
	follow->goal_fd = -1;
}

/* Begins again: with the copy that copytruncate made, where it holds more than we read, else with what is there now. */
static void start_over(struct follow *follow)
{
	struct place place = follow->place;

	follow->stats.truncations++;
	end_replay(follow);
	if (place.head_len == 0 || !use_place(follow, &place, false))
		use_file(follow, follow->fd, follow->rotation.path, 0);
}

static bool is_same_file(const struct follow *follow, struct stat *ret_own, struct stat *ret_current)
{
	if (fstat(follow->fd, ret_own) < 0 || stat(follow->rotation.path, ret_current) < 0)
		return true;
	return ret_own->st_dev == ret_current->st_dev && ret_own->st_ino == ret_current->st_ino;
}

/* All is read.  True: there is another file to read. */
static bool leave_file(struct follow *follow)
{
	struct stat own, current;

	if (follow->goal_fd >= 0) {
		int fd = follow->goal_fd;
		follow->goal_fd = -1;
		use_file(follow, fd, follow->goal_path, 0);
		return true;
	}
	if (is_same_file(follow, &own, &current) || current.st_size == 0) {
		follow->has_looked_again = false;
		return false;
	}
	/* what was written while we looked at the new one */
	if (!follow->has_looked_again) {
		follow->has_looked_again = true;
		return true;
	}
	/* the goal was in the file that we leave */
	end_replay(follow);
	return use_successor(follow, own.st_ino, place_get_written_ns(&own));
}

static uint64_t get_read_offset(const struct follow *follow)
{
	return follow->place.offset + (follow->end - follow->start);
}

/* What is behind the last line goes to the front. */
static void make_room(struct follow *follow)
{
	memmove(follow->buffer, follow->buffer + follow->start, follow->end - follow->start);
	follow->end -= follow->start;
	follow->start = 0;
}

static bool has_been_cut(const struct follow *follow)
{
	struct place read_so_far = follow->place;

	if (rotation_is_archive(follow->used_path))
		return false;
	read_so_far.offset = get_read_offset(follow);
	return !place_is_in(&read_so_far, follow->fd);
}

/* True: something has changed, look again. */
static bool fill(struct follow *follow)
{
	struct stat info;
	ssize_t got;

	watch_folder(follow);
	if (follow->fd < 0)
		return find_file(follow);
	if (has_been_cut(follow)) {
		start_over(follow);
		return true;
	}
	make_room(follow);
	got = read_at(follow, follow->buffer + follow->end, READ_SIZE, get_read_offset(follow));
	if (got < 0 && rotation_is_archive(follow->used_path)) {
		follow->stats.gaps += !follow->is_damaged;
		follow->is_damaged = true;
		got = 0;
	}
	if (got < 0) {
		follow->stats.error = (int)-got;
		return false;
	}
	if (got == 0)
		return leave_file(follow);
	follow->end += (size_t)got;
	look_at_trust(follow);
	learn_head(follow);
	if (fstat(follow->fd, &info) == 0)
		follow->place.written_ns = place_get_written_ns(&info);
	return true;
}

static void drop(struct follow *follow, size_t count)
{
	follow->start += count;
	follow->place.offset += count;
}

/* A whole line out of the buffer; one that is too long goes as it comes. */
static bool take_line(struct follow *follow, struct span *ret_line)
{
	for (;;) {
		struct span rest = span_make(follow->buffer + follow->start, follow->end - follow->start);
		size_t end = span_find_char(rest, '\n', 0);
		if (end == SIZE_MAX) {
			if (rest.len > FOLLOW_LINE_MAX && !follow->is_skipping) {
				follow->is_skipping = true;
				follow->stats.long_lines++;
			}
			if (follow->is_skipping)
				drop(follow, rest.len);
			return false;
		}
		drop(follow, end + 1);
		if (!follow->is_skipping && end <= FOLLOW_LINE_MAX) {
			*ret_line = span_slice(rest, 0, end);
			return true;
		}
		follow->stats.long_lines += !follow->is_skipping;
		follow->is_skipping = false;
	}
}

int follow_read_line(struct follow *follow, struct span *ret_line)
{
	do {
		if (take_line(follow, ret_line)) {
			if (follow->is_replaying && follow->goal_fd < 0 && follow->place.offset > follow->goal.offset)
				follow->is_replaying = false;
			return 1;
		}
	} while (fill(follow));
	return 0;
}

bool follow_is_replay(const struct follow *follow)
{
	return follow->is_replaying;
}

/* Before any file: what is written from now on. */
static const char *format_now(char text[static PLACE_TEXT_SIZE])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return place_format(&(struct place){ .written_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec }, text);
}

const char *follow_get_place(const struct follow *follow, char text[static PLACE_TEXT_SIZE])
{
	struct place place = follow->has_wanted ? follow->wanted : follow->is_replaying ? follow->goal : follow->place;

	if (follow->fd < 0 && !follow->has_wanted) {
		text[0] = '\0';
		return follow->stats.error == 0 || follow->stats.error == ENOENT ? format_now(text) : text;
	}
	place.distrusted = follow->distrusted;
	return place_format(&place, text);
}

bool follow_is_trusted(const struct follow *follow, const char **ret_why)
{
	*ret_why = follow->fd < 0 ? "there is no file" : follow->why;
	return follow->fd >= 0 && follow->is_trusted;
}

void follow_get_stats(const struct follow *follow, struct follow_stats *ret_stats)
{
	struct stat info;

	*ret_stats = follow->stats;
	ret_stats->lag = 0;
	ret_stats->is_gone = follow->fd >= 0 && stat(follow->rotation.path, &info) < 0 && errno == ENOENT;
	if (follow->fd >= 0 && !follow->archive && fstat(follow->fd, &info) == 0 && (uint64_t)info.st_size > follow->place.offset)
		ret_stats->lag = (uint64_t)info.st_size - follow->place.offset;
}
