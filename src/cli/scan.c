/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole logs.  A thread a worker, while a large file is read; the lines are hostile. */
#include "cli/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/newlines.h"
#include "cli/verdicts.h"

enum {
	BUFFER_SIZE = 256 * 1024,
	PART_MIN = 512 * 1024,
	PART_MAX = 8 * 1024 * 1024,
	RECORDS_MAX = 256 * 1024 * 1024,
	PARTS_PER_THREAD = 8
};

/* What waits for the part's turn: words on recipients, lines whose message began earlier, and what came before the rules were loaded. */
enum record_kind { RECORD_SUCCESS, RECORD_FAILURE, RECORD_LINE, RECORD_DELIVERY };

/* Behind it, by kind: the hash of a recipient; a struct tally_word and the recipient's address; the line; a struct log_delivery and its texts. */
struct record {
	uint32_t kind;
	uint32_t len; /* of address, line or texts */
};

enum part_state { PART_FREE, PART_READING, PART_READ };

/* A part of a file, until its turn has come. */
struct scan_part {
	struct maillog log;
	int64_t number, from, to;
	enum part_state state; /* under the lock */
	int error;
	char *records;
	size_t record_len, record_size;
};

struct scan_worker {
	struct scan *scan;
	struct tally *tally;
	struct scan_part *part; /* that is read; NULL: words go to the suspects at once */
	struct maillog *log;    /* where lines go: the part's, or the scan's own */
	char *buffer;
	struct newlines newlines; /* of the buffer */
	bool has_no_memory;
	bool has_rules;
	pthread_t thread;
};

/* --- records */

static size_t pad(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* Room for so many bytes more; NULL: there is none. */
static char *grow_records(struct scan_part *part, size_t need)
{
	size_t size = part->record_size ? part->record_size : BUFFER_SIZE;
	char *grown;

	if (part->record_len + need <= part->record_size)
		return part->records + part->record_len;
	while (size < part->record_len + need)
		size *= 2;
	grown = size <= RECORDS_MAX ? realloc(part->records, size) : NULL;
	if (!grown)
		return NULL;
	part->records = grown;
	part->record_size = size;
	return grown + part->record_len;
}

/* Where its `len` bytes of text go; NULL: there is no memory. */
static char *add_record(struct scan_worker *worker, enum record_kind kind, struct span head, size_t len)
{
	const struct record record = { kind, (uint32_t)len };
	size_t need = sizeof(record) + head.len + pad(len);
	char *to = grow_records(worker->part, need);

	if (!to) {
		worker->has_no_memory = true;
		return NULL;
	}
	memcpy(to, &record, sizeof(record));
	memcpy(to + sizeof(record), head.ptr, head.len);
	worker->part->record_len += need;
	return to + sizeof(record) + head.len;
}

static void add_text_record(struct scan_worker *worker, enum record_kind kind, struct span head, struct span text)
{
	char *to = add_record(worker, kind, head, text.len);

	if (to && text.len)
		memcpy(to, text.ptr, text.len);
}

static void tell(void *data, const struct tally_word *word)
{
	struct scan_worker *worker = data;

	if (!worker->part)
		suspects_take(&worker->scan->suspects, word);
	else if (word->is_success)
		add_record(worker, RECORD_SUCCESS, span_make((const char *)&word->hash, sizeof(word->hash)), 0);
	else
		add_text_record(worker, RECORD_FAILURE, span_make((const char *)word, sizeof(*word)), word->recipient);
}

/* What the tally reads of a delivery, in the order of the record's texts. */
enum { DELIVERY_TEXTS = 3 };

static void get_texts(struct log_delivery *delivery, struct span *texts[static DELIVERY_TEXTS])
{
	texts[0] = &delivery->recipient;
	texts[1] = &delivery->relay;
	texts[2] = &delivery->text;
}

static void add_delivery(struct scan_worker *worker, const struct log_delivery *delivery)
{
	struct log_delivery copy = *delivery;
	struct span *texts[DELIVERY_TEXTS];
	char *to;

	get_texts(&copy, texts);
	copy.host = copy.instance = copy.program = copy.queue_id = copy.sender = copy.message_id = copy.login = copy.orig_to = SPAN_NONE;
	to = add_record(worker, RECORD_DELIVERY, span_make((const char *)&copy, sizeof(copy)), texts[0]->len + texts[1]->len + texts[2]->len);
	for (size_t i = 0; to && i < DELIVERY_TEXTS; i++) {
		if (texts[i]->len)
			memcpy(to, texts[i]->ptr, texts[i]->len);
		to += texts[i]->len;
	}
}

static void replay_delivery(struct scan_worker *worker, const char *at)
{
	struct log_delivery delivery;
	struct span *texts[DELIVERY_TEXTS];

	memcpy(&delivery, at, sizeof(delivery));
	at += sizeof(delivery);
	get_texts(&delivery, texts);
	for (size_t i = 0; i < DELIVERY_TEXTS; i++) {
		texts[i]->ptr = at;
		at += texts[i]->len;
	}
	tally_add(worker->tally, &delivery);
}

static void emit(void *data, const struct log_delivery *delivery)
{
	struct scan_worker *worker = data;

	if (worker->has_rules)
		tally_add(worker->tally, delivery);
	else
		add_delivery(worker, delivery);
}

/* --- lines */

static inline void take_line(struct scan_worker *worker, const char *at, size_t len)
{
	struct span line = span_make(at, len && at[len - 1] == '\r' ? len - 1 : len);
	int error;

	maillog_take(worker->log, line, emit, worker, &error);
	if (error == -ENOENT)
		add_text_record(worker, RECORD_LINE, SPAN_LIT(""), line);
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
	const char *at = worker->buffer;

	newlines_begin(&worker->newlines, at, len);
	for (;;) {
		const char *line_end;
		if (!*skips && (size_t)(at - worker->buffer) >= end)
			return SIZE_MAX;
		line_end = newlines_take(&worker->newlines);
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
		if (!worker->part) {
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

/* The record's own bytes and what stands behind them: how long that is. */
static size_t replay_record(struct scan_worker *worker, const char *at)
{
	struct suspects *suspects = &worker->scan->suspects;
	struct tally_word word = { .is_success = true };
	struct record record;

	memcpy(&record, at, sizeof(record));
	at += sizeof(record);
	switch (record.kind) {
	case RECORD_SUCCESS:
		memcpy(&word.hash, at, sizeof(word.hash));
		suspects_take(suspects, &word);
		return sizeof(record) + sizeof(word.hash);
	case RECORD_FAILURE:
		memcpy(&word, at, sizeof(word));
		word.recipient = span_make(at + sizeof(word), record.len);
		suspects_take(suspects, &word);
		return sizeof(record) + sizeof(word) + pad(record.len);
	case RECORD_DELIVERY:
		replay_delivery(worker, at);
		return sizeof(record) + sizeof(struct log_delivery) + pad(record.len);
	default:
		replay_line(worker, span_make(at, record.len));
		return sizeof(record) + pad(record.len);
	}
}

/* Its turn has come: all before it is done. */
static void merge_part(struct scan_worker *worker, struct scan_part *part)
{
	struct scan *scan = worker->scan;

	worker->tally->part = part->number;
	for (size_t at = 0; at < part->record_len;)
		at += replay_record(worker, part->records + at);
	part->record_len = 0;
	if (logjoin_absorb(scan->log.join, part->log.join) < 0)
		worker->has_no_memory = true;
	scan->log.lines += part->log.lines;
	scan->log.unreadable += part->log.unreadable;
	part->log.lines = part->log.unreadable = 0;
	scan->error = scan->error ? scan->error : part->error;
}

static struct scan_part *find_part(struct scan *scan, enum part_state state, int64_t number)
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
		merge_part(worker, part);
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

/* Large, since each has a beginning that it cannot understand; small at the end, where a thread may wait for another's. */
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
	struct ruleset *ruleset = scan->ruleset;
	int error = ruleset || scan->load_error ? scan->load_error : scan->load(scan->load_data, &ruleset);

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
	scan->next_part = scan->turn = scan->taken = 0;
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

static int init_parts(struct scan *scan, const struct siphash_key *key)
{
	const struct logjoin_options options = { .key = *key, .is_brief = true, .is_part = true };
	unsigned count = scan->thread_count > 1 ? scan->thread_count * PARTS_PER_THREAD : 0;

	scan->parts = calloc(count + 1, sizeof(*scan->parts));
	scan->verdicts = count ? verdicts_new(key) : NULL;
	if (!scan->parts || (count && !scan->verdicts))
		return -ENOMEM;
	for (scan->part_count = 0; scan->part_count < count; scan->part_count++)
		if (maillog_init(&scan->parts[scan->part_count].log, &options) < 0)
			return -ENOMEM;
	return 0;
}

static int init_worker(struct scan *scan, struct scan_worker *worker, const struct siphash_key *key, int64_t since_s)
{
	worker->scan = scan;
	worker->buffer = malloc(BUFFER_SIZE);
	worker->tally = tally_new(NULL, key, since_s, tell, worker);
	if (!worker->buffer || !worker->tally)
		return -ENOMEM;
	worker->tally->verdicts = scan->verdicts;
	return 0;
}

int scan_init(struct scan *scan, scan_load *load, void *load_data, int64_t since_s, unsigned thread_count, struct progress *progress)
{
	const struct logjoin_options options = { .key = maillog_make_key(), .is_brief = true };
	int error;

	*scan = (struct scan){ .progress = progress, .load = load, .load_data = load_data, .lock = PTHREAD_MUTEX_INITIALIZER, .is_free = PTHREAD_COND_INITIALIZER };
	scan->workers = calloc(thread_count, sizeof(*scan->workers));
	if (!scan->workers)
		return -ENOMEM;
	scan->thread_count = thread_count;
	error = maillog_init(&scan->log, &options);
	if (!error)
		error = suspects_init(&scan->suspects);
	if (!error)
		error = init_parts(scan, &options.key);
	for (unsigned i = 0; !error && i < thread_count; i++)
		error = init_worker(scan, &scan->workers[i], &options.key, since_s);
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
	for (unsigned i = 0; i < scan->part_count; i++) {
		maillog_done(&scan->parts[i].log);
		free(scan->parts[i].records);
	}
	free(scan->workers);
	free(scan->parts);
	verdicts_free(scan->verdicts);
	ruleset_free(scan->ruleset);
	maillog_done(&scan->log);
	suspects_done(&scan->suspects);
	*scan = (struct scan){ 0 };
}
