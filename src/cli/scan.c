/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole logs.  A thread a worker, while a large file is read; the lines are hostile. */
#include "cli/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/scan_part.h"
#include "cli/verdicts.h"

enum {
	BUFFER_SIZE = 256 * 1024,
	LINE_USUAL = 4096,
	LINE_MAX = 32 * 1024, /* syslogd's are shorter; Sendmail's name many recipients, and what was said is looked at for each */
	PART_MIN = 512 * 1024,
	PART_MAX = 4 * 1024 * 1024,
	PARTS_PER_THREAD = 8
};

/* --- lines */

/* Of one that is too long, the beginning. */
static inline void take_line(struct scan_worker *worker, const char *at, size_t len)
{
	if (len > LINE_MAX)
		len = LINE_MAX;
	scan_take_line(worker, span_make(at, len && at[len - 1] == '\r' ? len - 1 : len));
}

static ssize_t read_more(int fd, char *to, size_t size, int64_t at)
{
	ssize_t got;

	do
		got = at < 0 ? read(fd, to, size) : pread(fd, to, size, at);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* All whole lines of what is there: how much that was, or SIZE_MAX when the next one begins at `end` or behind it. */
static size_t take_lines(struct scan_worker *worker, size_t len, size_t end, bool *skips)
{
	const char *at = worker->buffer, *limit = at + (end < len ? end : len);
	struct newlines *newlines = &worker->newlines;

	newlines_begin(newlines, at, len);
	while (newlines_look(newlines))
		for (unsigned i = 0, count = newlines->count; i < count; i++) {
			const char *line_end = newlines->from + newlines->places[i];
			if (*skips)
				*skips = false;
			else if (at >= limit)
				return SIZE_MAX;
			else
				take_line(worker, at, (size_t)(line_end - at));
			at = line_end + 1;
		}
	len = (size_t)(at - worker->buffer);
	return !*skips && len >= end ? SIZE_MAX : len;
}

/* How much is read behind the `len` bytes that are there, of which lines begin in `left`: no more than most of the last lines need. */
static size_t get_room(size_t len, int64_t left)
{
	size_t room = BUFFER_SIZE - len, wanted;

	if (left >= BUFFER_SIZE || left <= (int64_t)len)
		return room;
	wanted = (size_t)left - len + LINE_USUAL;
	return wanted < room ? wanted : room;
}

/*
 * The lines that begin in [from, to); from < 0: all of a pipe.  Of a line that is longer than the buffer the beginning is
 * taken, the rest skipped.
 */
static int take_range(struct scan_worker *worker, int fd, int64_t from, int64_t to)
{
	bool is_pipe = from < 0, skips = from > 0;
	int64_t at = from > 0 ? from - 1 : 0; /* a line begins at `from` if another ends right before */
	size_t len = 0;

	for (;;) {
		size_t room = get_room(len, to - at), taken;
		ssize_t got = read_more(fd, worker->buffer + len, room, is_pipe ? -1 : at + (int64_t)len);
		if (got < 0)
			return (int)got;
		len += (size_t)got;
		/* a line that is skipped can end far behind it */
		taken = take_lines(worker, len, to <= at ? 0 : to - at > BUFFER_SIZE ? SIZE_MAX : (size_t)(to - at), &skips);
		if (taken == SIZE_MAX)
			return 0;
		if (got == 0 || (taken == 0 && len == BUFFER_SIZE)) {
			if (taken < len && !skips)
				take_line(worker, worker->buffer + taken, len - taken);
			if (got == 0)
				return 0;
			skips = true;
			taken = len;
		}
		memmove(worker->buffer, worker->buffer + taken, len - taken);
		len -= taken;
		at += (int64_t)taken;
		/* a line without end: what begins behind it is another part's */
		if (skips && at >= to)
			return 0;
		if (!worker->part) {
			worker->scan->bytes += taken;
			progress_set(worker->scan->progress, worker->scan->bytes, worker->log->lines);
		}
	}
}

/* --- parts */

static struct scan_part *find_part(struct scan *scan, enum scan_part_state state, int64_t number)
{
	for (unsigned i = 0; i < scan->part_count; i++)
		if (scan->parts[i].state == state && (state == PART_FREE || scan->parts[i].number == number))
			return &scan->parts[i];
	return NULL;
}

/* All parts whose turn has come, once there are rules; another thread that is at it takes them, too.  Under the lock, but while it works. */
static void merge_parts(struct scan_worker *worker)
{
	struct scan *scan = worker->scan;
	struct scan_part *part;

	worker->has_rules = scan->ruleset != NULL;
	if (scan->is_merging || !worker->has_rules)
		return;
	scan->is_merging = true;
	while ((part = find_part(scan, PART_READ, scan->turn))) {
		pthread_mutex_unlock(&scan->lock);
		scan_merge_part(worker, part);
		pthread_mutex_lock(&scan->lock);
		part->state = PART_FREE;
		scan->turn++;
		scan->bytes += (uint64_t)(part->to - part->from);
		progress_set(scan->progress, scan->bytes, scan->log.lines);
		pthread_cond_broadcast(&scan->is_free);
	}
	scan->is_merging = false;
}

static bool is_all_taken(const struct scan *scan)
{
	return scan->taken >= scan->size;
}

/* Large, while the rules are loaded and nothing is done with what was read; small at the end, where a thread may wait for another's. */
static int64_t get_part_size(const struct scan *scan)
{
	int64_t left = scan->size - scan->taken, size = left / (2 * (int64_t)scan->thread_count);

	size = size < PART_MIN ? PART_MIN : size > PART_MAX ? PART_MAX : size;
	return size < left ? size : left;
}

/* The next part of the file, in memory that is free; NULL: none is, or all are taken.  Under the lock. */
static struct scan_part *begin_part(struct scan *scan)
{
	struct scan_part *part = is_all_taken(scan) || scan->load_error ? NULL : find_part(scan, PART_FREE, 0);

	if (part) {
		part->state = PART_READING;
		part->number = scan->next_part++;
		part->from = scan->taken;
		part->to = scan->taken += get_part_size(scan);
	}
	return part;
}

static void read_part(struct scan_worker *worker, struct scan_part *part)
{
	worker->part = part;
	worker->log = &part->log;
	worker->tally->part = part->number;
	maillog_open(&part->log, worker->scan->reference_s);
	/* what is written while we read belongs to the last part */
	part->error = take_range(worker, worker->scan->fd, part->from, part->to == worker->scan->size ? INT64_MAX : part->to);
	worker->part = NULL;
}

/* Nothing is left for this thread: who reads the last parts merges them.  Under the lock. */
static bool is_over(const struct scan *scan)
{
	return scan->load_error || (is_all_taken(scan) && scan->ruleset);
}

static void *run_worker(void *data)
{
	struct scan_worker *worker = data;
	struct scan *scan = worker->scan;
	struct scan_part *part;

	pthread_mutex_lock(&scan->lock);
	for (;;) {
		merge_parts(worker);
		part = begin_part(scan);
		if (part) {
			pthread_mutex_unlock(&scan->lock);
			read_part(worker, part);
			pthread_mutex_lock(&scan->lock);
			part->state = PART_READ;
		} else if (is_over(scan)) {
			break;
		} else {
			pthread_cond_wait(&scan->is_free, &scan->lock);
		}
	}
	pthread_mutex_unlock(&scan->lock);
	return NULL;
}

/* Once; the others go on when it is done. */
static int load_rules(struct scan *scan)
{
	struct ruleset *ruleset;
	int error;

	/* of another file: its threads read by them already */
	if (scan->ruleset || scan->load_error)
		return scan->load_error;
	error = scan->load(scan->load_data, &ruleset);
	pthread_mutex_lock(&scan->lock);
	scan->load_error = error;
	if (!error)
		scan->ruleset = ruleset;
	for (unsigned i = 0; i < scan->thread_count; i++)
		scan->workers[i].tally->ruleset = scan->ruleset;
	pthread_cond_broadcast(&scan->is_free);
	pthread_mutex_unlock(&scan->lock);
	return error;
}

static int take_in_parts(struct scan *scan, int fd, int64_t size)
{
	unsigned started = 1;

	scan->fd = fd;
	scan->size = size;
	scan->error = 0;
	scan->taken = 0;
	while (started < scan->thread_count && pthread_create(&scan->workers[started].thread, NULL, run_worker, &scan->workers[started]) == 0)
		started++;
	if (load_rules(scan) == 0)
		run_worker(&scan->workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(scan->workers[i].thread, NULL);
	return scan->load_error ? scan->load_error : scan->error;
}

static int take_whole(struct scan *scan, int fd)
{
	int error = load_rules(scan);

	scan->workers[0].log = &scan->log;
	scan->workers[0].has_rules = true;
	/* one part, behind those of the files before */
	scan->workers[0].tally->part = scan->next_part++;
	scan->turn = scan->next_part;
	return error ? error : take_range(&scan->workers[0], fd, -1, INT64_MAX);
}

/* --- */

static bool has_parts(const struct scan *scan, int fd, int64_t *ret_size)
{
	struct stat info;

	if (scan->thread_count < 2 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size < 2 * PART_MIN ||
	    lseek(fd, 0, SEEK_CUR) != 0)
		return false;
	*ret_size = info.st_size;
	return true;
}

int scan_take(struct scan *scan, int fd, bool *ret_is_log)
{
	uint64_t lines = scan->log.lines, unreadable = scan->log.unreadable;
	int64_t size;
	int error;

	scan->reference_s = maillog_get_reference(fd);
	maillog_open(&scan->log, scan->reference_s);
	error = has_parts(scan, fd, &size) ? take_in_parts(scan, fd, size) : take_whole(scan, fd);
	for (unsigned i = 0; !error && i < scan->thread_count; i++)
		if (scan->workers[i].has_no_memory || scan->workers[i].tally->has_no_memory)
			error = -ENOMEM;
	lines = scan->log.lines - lines;
	*ret_is_log = lines == 0 || lines > scan->log.unreadable - unreadable;
	return error;
}

int scan_finish(struct scan *scan)
{
	int error = load_rules(scan);

	if (error)
		return error;
	for (unsigned i = 1; i < scan->thread_count; i++)
		tally_merge(scan->tally, scan->workers[i].tally);
	return 0;
}

/* So many zeroed structs, whose size is a multiple of SCAN_APART; NULL: out of memory. */
static void *make_apart(size_t count, size_t size)
{
	void *items = aligned_alloc(SCAN_APART, count * size);

	return items ? memset(items, 0, count * size) : NULL;
}

static int init_parts(struct scan *scan)
{
	scan->part_count = scan->thread_count > 1 ? scan->thread_count * PARTS_PER_THREAD : 0;
	scan->parts = make_apart(scan->part_count + 1, sizeof(*scan->parts));
	scan->verdicts = scan->part_count ? verdicts_new(&scan->key) : NULL;
	return scan->parts && (!scan->part_count || scan->verdicts) ? 0 : -ENOMEM;
}

static int init_worker(struct scan *scan, struct scan_worker *worker, int64_t since_s)
{
	worker->scan = scan;
	worker->buffer = malloc(BUFFER_SIZE);
	worker->tally = tally_new(NULL, &scan->key, since_s, scan_listen(worker));
	if (!worker->buffer || !worker->tally)
		return -ENOMEM;
	worker->tally->verdicts = scan->verdicts;
	return 0;
}

int scan_init(struct scan *scan, scan_load *load, void *load_data, int64_t since_s, unsigned thread_count, struct progress *progress)
{
	int error;

	*scan = (struct scan){ .progress = progress, .load = load, .load_data = load_data, .lock = PTHREAD_MUTEX_INITIALIZER, .is_free = PTHREAD_COND_INITIALIZER };
	scan->workers = make_apart(thread_count, sizeof(*scan->workers));
	if (!scan->workers)
		return -ENOMEM;
	scan->thread_count = thread_count;
	scan->key = maillog_make_key();
	scan->queue = logqueue_new(0, 0);
	error = scan->queue ? suspects_init(&scan->suspects) : -ENOMEM;
	if (!error)
		error = init_parts(scan);
	for (unsigned i = 0; !error && i < thread_count; i++)
		error = init_worker(scan, &scan->workers[i], since_s);
	if (error)
		scan_done(scan);
	else
		scan->tally = scan->workers[0].tally;
	return error;
}

void scan_done(struct scan *scan)
{
	for (unsigned i = 0; i < scan->thread_count; i++) {
		tally_free(scan->workers[i].tally);
		free(scan->workers[i].buffer);
	}
	for (unsigned i = 0; scan->parts && i < scan->part_count; i++)
		free(scan->parts[i].records);
	free(scan->workers);
	free(scan->parts);
	verdicts_free(scan->verdicts);
	ruleset_free(scan->ruleset);
	logqueue_free(scan->queue);
	suspects_done(&scan->suspects);
	*scan = (struct scan){ 0 };
}
