/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole logs.  A thread a worker, while a large file is read; the lines are hostile. */
#include "cli/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 256 * 1024, PART_SIZE = 8 * 1024 * 1024, RECORDS_MAX = 256 * 1024 * 1024 };

/* What waits for the part's turn: words on recipients, and lines whose message began earlier. */
enum record_kind { RECORD_WORD, RECORD_LINE };

struct record {
	enum record_kind kind;
	uint32_t len; /* of the text that follows: a recipient, or a line */
	struct tally_word word;
};

struct scan_worker {
	struct scan *scan;
	struct tally *tally;
	struct maillog part;  /* of the part that is read */
	struct maillog *log;  /* where lines go: the part, or the scan's own */
	char *buffer;
	char *records;
	size_t record_len, record_size;
	bool is_recording;
	bool has_no_memory;
	pthread_t thread;
};

/* --- records */

static void add_record(struct scan_worker *worker, const struct record *record, struct span text)
{
	size_t need = (sizeof(*record) + text.len + 7) & ~(size_t)7;

	if (worker->record_len + need > worker->record_size) {
		size_t size = worker->record_size ? worker->record_size * 2 : BUFFER_SIZE;
		while (size < worker->record_len + need)
			size *= 2;
		char *grown = size <= RECORDS_MAX ? realloc(worker->records, size) : NULL;
		if (!grown) {
			worker->has_no_memory = true;
			return;
		}
		worker->records = grown;
		worker->record_size = size;
	}
	memcpy(worker->records + worker->record_len, record, sizeof(*record));
	if (text.len)
		memcpy(worker->records + worker->record_len + sizeof(*record), text.ptr, text.len);
	worker->record_len += need;
}

static void tell(void *data, const struct tally_word *word)
{
	struct scan_worker *worker = data;
	struct span recipient = word->is_success ? SPAN_NONE : word->recipient;
	const struct record record = { .kind = RECORD_WORD, .len = (uint32_t)recipient.len, .word = *word };

	if (worker->is_recording)
		add_record(worker, &record, recipient);
	else
		suspects_take(&worker->scan->suspects, word);
}

static void emit(void *data, const struct log_delivery *delivery)
{
	struct scan_worker *worker = data;

	tally_add(worker->tally, delivery);
}

/* --- lines */

static inline void take_line(struct scan_worker *worker, const char *at, size_t len)
{
	struct span line = span_make(at, len && at[len - 1] == '\r' ? len - 1 : len);
	int error;

	maillog_take(worker->log, line, emit, worker, &error);
	if (error == -ENOENT)
		add_record(worker, &(struct record){ .kind = RECORD_LINE, .len = (uint32_t)line.len }, line);
	else if (error < 0)
		worker->has_no_memory = true;
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
	const char *at = worker->buffer, *over = at + len;

	for (;;) {
		const char *line_end;
		if (!*skips && (size_t)(at - worker->buffer) >= end)
			return SIZE_MAX;
		line_end = at < over ? memchr(at, '\n', (size_t)(over - at)) : NULL;
		if (!line_end)
			return (size_t)(at - worker->buffer);
		if (!*skips)
			take_line(worker, at, (size_t)(line_end - at));
		*skips = false;
		at = line_end + 1;
	}
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
		ssize_t got = read_more(fd, worker->buffer + len, BUFFER_SIZE - len, is_pipe ? -1 : at + (int64_t)len);
		size_t taken;
		if (got < 0)
			return (int)got;
		len += (size_t)got;
		taken = take_lines(worker, len, to - at > BUFFER_SIZE ? SIZE_MAX : (size_t)(to - at), &skips);
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
		if (is_pipe || !worker->is_recording) {
			worker->scan->bytes += taken;
			progress_set(worker->scan->progress, worker->scan->bytes, worker->log->lines);
		}
	}
}

/* --- parts */

static void replay_line(struct scan_worker *worker, struct span line)
{
	struct maillog *log = &worker->scan->log;
	int error;

	maillog_take(log, line, emit, worker, &error);
	log->lines--; /* the part has counted it */
	worker->has_no_memory |= error < 0;
}

/* The part's turn has come: all before it is done.  Under the lock. */
static void merge_part(struct scan_worker *worker)
{
	struct scan *scan = worker->scan;

	worker->is_recording = false;
	for (size_t at = 0; at < worker->record_len;) {
		struct record record;
		memcpy(&record, worker->records + at, sizeof(record));
		struct span text = span_make(worker->records + at + sizeof(record), record.len);
		record.word.recipient = text;
		if (record.kind == RECORD_WORD)
			suspects_take(&scan->suspects, &record.word);
		else
			replay_line(worker, text);
		at += (sizeof(record) + text.len + 7) & ~(size_t)7;
	}
	worker->record_len = 0;
	if (logjoin_absorb(scan->log.join, worker->part.join) < 0)
		worker->has_no_memory = true;
	scan->log.lines += worker->part.lines;
	scan->log.unreadable += worker->part.unreadable;
	worker->part.lines = worker->part.unreadable = 0;
	worker->is_recording = true;
}

static bool take_part(struct scan_worker *worker)
{
	struct scan *scan = worker->scan;
	int64_t part, from, to;
	int error;

	pthread_mutex_lock(&scan->lock);
	part = scan->next_part++;
	pthread_mutex_unlock(&scan->lock);
	from = part * PART_SIZE;
	to = from + PART_SIZE;
	if (from >= scan->size)
		return false;
	worker->tally->part = part;
	/* what is written while we read belongs to the last part */
	error = take_range(worker, scan->fd, from, to >= scan->size ? INT64_MAX : to);
	pthread_mutex_lock(&scan->lock);
	while (scan->turn != part)
		pthread_cond_wait(&scan->is_turn, &scan->lock);
	scan->error = scan->error ? scan->error : error;
	merge_part(worker);
	scan->turn++;
	scan->bytes += (uint64_t)(to > scan->size ? scan->size - from : PART_SIZE);
	progress_set(scan->progress, scan->bytes, scan->log.lines);
	pthread_cond_broadcast(&scan->is_turn);
	pthread_mutex_unlock(&scan->lock);
	return true;
}

static void *run_worker(void *data)
{
	struct scan_worker *worker = data;

	worker->is_recording = true;
	worker->log = &worker->part;
	maillog_open(&worker->part, worker->scan->reference_s);
	while (take_part(worker))
		;
	worker->is_recording = false;
	return NULL;
}

static int take_in_parts(struct scan *scan, int fd, int64_t size)
{
	unsigned started = 1;

	scan->fd = fd;
	scan->size = size;
	scan->error = 0;
	scan->next_part = scan->turn = 0;
	while (started < scan->thread_count && pthread_create(&scan->workers[started].thread, NULL, run_worker, &scan->workers[started]) == 0)
		started++;
	run_worker(&scan->workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(scan->workers[i].thread, NULL);
	return scan->error;
}

/* --- */

static bool has_parts(const struct scan *scan, int fd, int64_t *ret_size)
{
	struct stat info;

	if (scan->thread_count < 2 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_size < 2 * PART_SIZE ||
	    lseek(fd, 0, SEEK_CUR) != 0)
		return false;
	*ret_size = info.st_size;
	return true;
}

int scan_take(struct scan *scan, int fd, bool *ret_is_log)
{
	struct scan_worker *worker = &scan->workers[0];
	uint64_t lines = scan->log.lines, unreadable = scan->log.unreadable;
	int64_t size;
	int error;

	scan->reference_s = maillog_get_reference(fd);
	maillog_open(&scan->log, scan->reference_s);
	worker->log = &scan->log;
	error = has_parts(scan, fd, &size) ? take_in_parts(scan, fd, size) : take_range(worker, fd, -1, INT64_MAX);
	for (unsigned i = 0; !error && i < scan->thread_count; i++)
		if (scan->workers[i].has_no_memory || scan->workers[i].tally->has_no_memory)
			error = -ENOMEM;
	lines = scan->log.lines - lines;
	*ret_is_log = lines == 0 || lines > scan->log.unreadable - unreadable;
	return error;
}

void scan_finish(struct scan *scan)
{
	for (unsigned i = 1; i < scan->thread_count; i++)
		tally_merge(scan->tally, scan->workers[i].tally);
}

static int init_worker(struct scan *scan, struct scan_worker *worker, const struct ruleset *ruleset, const struct siphash_key *key,
		       int64_t since_s)
{
	const struct logjoin_options options = { .key = *key, .is_brief = true, .is_part = true };

	worker->scan = scan;
	worker->buffer = malloc(BUFFER_SIZE);
	worker->tally = tally_new(ruleset, key, since_s, tell, worker);
	return worker->buffer && worker->tally ? maillog_init(&worker->part, &options) : -ENOMEM;
}

int scan_init(struct scan *scan, const struct ruleset *ruleset, int64_t since_s, unsigned thread_count, struct progress *progress)
{
	const struct logjoin_options options = { .key = maillog_make_key(), .is_brief = true };
	int error;

	*scan = (struct scan){ .progress = progress, .lock = PTHREAD_MUTEX_INITIALIZER, .is_turn = PTHREAD_COND_INITIALIZER };
	scan->workers = calloc(thread_count, sizeof(*scan->workers));
	if (!scan->workers)
		return -ENOMEM;
	scan->thread_count = thread_count;
	error = maillog_init(&scan->log, &options);
	if (!error)
		error = suspects_init(&scan->suspects);
	for (unsigned i = 0; !error && i < thread_count; i++)
		error = init_worker(scan, &scan->workers[i], ruleset, &options.key, since_s);
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
		maillog_done(&scan->workers[i].part);
		free(scan->workers[i].buffer);
		free(scan->workers[i].records);
	}
	free(scan->workers);
	maillog_done(&scan->log);
	suspects_done(&scan->suspects);
	*scan = (struct scan){ 0 };
}
