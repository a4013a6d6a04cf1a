/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines -> join -> batch -> commit, as long as there are lines; then the thread sleeps in its loop. */
#include "intake/maillog.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/zone.h"
#include "evidence/logjoin.h"
#include "flow/counter.h"
#include "intake/follow.h"
#include "intake/journal.h"
#include "loop/loop.h"
#include "store/thread.h"

enum {
	LINES_PER_TURN = 2000,
	TICK_MS = 250,
	GATHER_MS = 50,               /* from read to read: a mail is half a dozen lines, each a notice */
	COMMIT_MS = 250,              /* numbers alone wait so long: a busy log is no busy disk */
	REPLAY_BYTES = 64 << 20,      /* of the log before the place: what is open is known again */
	OPEN_MAX = 300000, DEFERRED_MAX = 300000,
	UIDS_MAX = 64,
	PLACE_SIZE = 256,             /* of either source */
};

/* When the store or a log fails, mail flows: nothing here is in its way. */
#define MAILLOG_FAIL_OPEN "reading pauses"

struct maillog {
	struct intake intake;
	struct maillog_options options;
	uid_t uids[UIDS_MAX];
	size_t uid_count;
	char host[256];  /* this machine's */
	/* in a store that several machines may share: "log:mx1:/var/log/mail.log", "counted:mx1" */
	char name[600], mark_name[300];
	pthread_t thread;
	bool is_stopping; /* atomic */
	struct loop *loop;
	struct watch *watch, *guard_watch;
	/* the thread's */
	struct follow *follow;   /* one of the two */
	struct journal *journal;
	struct snapshot *snapshot;
	struct scratch *scratch;
	struct logjoin *join;
	struct log_batch *batch;
	struct logclock clock;
	struct zone zone;
	struct log_facts facts;
	bool is_behind;          /* lines were read since the last commit */
	bool has_failed;         /* the last commit did */
	bool is_broken;          /* out of memory: the batch is void, what was committed last holds */
	int64_t commit_ms, read_ms;
	char place[PLACE_SIZE];  /* committed, or about to be */
	uint64_t told_gaps, counted_long;
	bool has_told_refused;
	/* for others */
	pthread_mutex_t lock;
	struct follower_status status;
};

static_assert((int)PLACE_SIZE >= (int)PLACE_TEXT_SIZE && (int)PLACE_SIZE >= (int)JOURNAL_PLACE_SIZE, "room for a place");

static bool is_stopping(const struct maillog *maillog)
{
	return __atomic_load_n(&maillog->is_stopping, __ATOMIC_ACQUIRE);
}

/* --- what others see */

static void set_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

static void set_error(struct maillog *maillog, const char *text)
{
	bool is_new;

	pthread_mutex_lock(&maillog->lock);
	is_new = strcmp(maillog->status.error, text) != 0;
	set_text(maillog->status.error, sizeof(maillog->status.error), text);
	pthread_mutex_unlock(&maillog->lock);
	if (is_new && text[0])
		log_event(LOG_LEVEL_WARNING, "maillog-error", "source=\"%s\" error=\"%s\" action=\"" MAILLOG_FAIL_OPEN "\"", maillog->status.source, text);
	else if (is_new)
		log_event(LOG_LEVEL_INFO, "maillog-resumed", "source=\"%s\"", maillog->status.source);
}

static void set_untrusted(struct maillog *maillog, const char *why)
{
	bool is_new;

	pthread_mutex_lock(&maillog->lock);
	is_new = strcmp(maillog->status.untrusted, why) != 0;
	set_text(maillog->status.untrusted, sizeof(maillog->status.untrusted), why);
	pthread_mutex_unlock(&maillog->lock);
	if (is_new && why[0])
		log_event(maillog->snapshot->is_log_trusted ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "maillog-untrusted",
			  "source=\"%s\" why=\"%s\" effect=\"what it says changes no address\"", maillog->status.source, why);
	else if (is_new)
		log_event(LOG_LEVEL_INFO, "maillog-trusted", "source=\"%s\"", maillog->status.source);
}

void maillog_get_status(void *data, struct follower_status *ret_status)
{
	struct maillog *maillog = data;

	pthread_mutex_lock(&maillog->lock);
	*ret_status = maillog->status;
	pthread_mutex_unlock(&maillog->lock);
}

/* --- commit */

static void write_place(struct maillog *maillog)
{
	char place[PLACE_TEXT_SIZE];

	set_text(maillog->place, sizeof(maillog->place),
		 maillog->follow ? follow_get_place(maillog->follow, place) : journal_get_place(maillog->journal));
}

static void log_failures(const struct log_batch *batch)
{
	const struct failure *failure;

	for (size_t i = 0; (failure = log_batch_get_failure(batch, i)) != NULL; i++)
		intake_log_failure("maillog", failure->outcome.queue_id, failure);
}

/* False: the store did not take it; it is tried again, with the same batch. */
static bool commit(struct maillog *maillog)
{
	int error;

	if (!maillog->has_failed)
		write_place(maillog);
	error = log_batch_commit(maillog->batch, maillog->intake.writer, maillog->name, maillog->place, maillog->mark_name);
	maillog->has_failed = error < 0;
	if (error < 0) {
		char text[200];
		counter_add(COUNTER_MAILLOG_PAUSES, 1);
		snprintf(text, sizeof(text), "the store does not take what was read: %s", strerror(-error));
		set_error(maillog, text);
		return false;
	}
	set_error(maillog, "");
	counter_add(COUNTER_MAILLOG_COMMITS, 1);
	log_failures(maillog->batch);
	log_batch_clear(maillog->batch);
	maillog->is_behind = false;
	maillog->commit_ms = monotonic_get_ms();
	return true;
}

/* --- lines */

static void take_delivery(void *data, const struct log_delivery *delivery)
{
	struct maillog *maillog = data;

	if (log_batch_add(maillog->batch, maillog->snapshot, maillog->scratch, &maillog->facts, delivery) < 0)
		maillog->is_broken = true;
	if (delivery->time_s > maillog->status.last_s) {
		pthread_mutex_lock(&maillog->lock);
		maillog->status.last_s = delivery->time_s;
		pthread_mutex_unlock(&maillog->lock);
	}
}

static void take_line(struct maillog *maillog, struct logline *line, bool is_replay)
{
	if (!is_replay)
		counter_add(COUNTER_MAILLOG_LINES, 1);
	if (line->kind == LOGLINE_GARBAGE) {
		counter_add(COUNTER_MAILLOG_GARBAGE, !is_replay);
		return;
	}
	if (line->kind == LOGLINE_OTHER)
		return;
	/* what could not be remembered has been emitted all the same */
	(void)!logjoin_take(maillog->join, line, is_replay ? NULL : take_delivery, maillog);
}

/* Do the lines that are read now prove anything?  Told where it changes. */
static void note_trust(struct maillog *maillog)
{
	const char *why;
	bool is_trusted = follow_is_trusted(maillog->follow, &why);

	if (!maillog->snapshot->is_log_trusted)
		why = "maillog trust is no";
	maillog->facts.is_trusted = is_trusted && maillog->snapshot->is_log_trusted;
	set_untrusted(maillog, maillog->facts.is_trusted ? "" : why);
}

static int read_file_line(struct maillog *maillog)
{
	struct logline line;
	struct span text;
	int result = follow_read_line(maillog->follow, &text);

	if (result <= 0)
		return result;
	note_trust(maillog);
	logline_parse(text, &maillog->clock, &line);
	if (line.is_local_time)
		line.time_s = zone_to_utc(&maillog->zone, line.time_s);
	take_line(maillog, &line, follow_is_replay(maillog->follow));
	return 1;
}

/* It would have said something of a delivery; what other programs log about mail is nobody's forgery. */
static void refuse_line(struct maillog *maillog)
{
	counter_add(COUNTER_MAILLOG_REFUSED, 1);
	if (!maillog->has_told_refused)
		log_event(LOG_LEVEL_WARNING, "maillog-refused", "source=journal why=\"a line about a delivery, of a user that is not in maillog uids\"");
	maillog->has_told_refused = true;
}

static int read_journal_line(struct maillog *maillog)
{
	struct journal_line entry;
	struct logline line;
	int result = journal_read_line(maillog->journal, &entry);

	if (result <= 0)
		return result;
	maillog->facts.is_trusted = true;
	logline_parse_message(entry.identifier, entry.message, &line);
	line.time_s = entry.time_s;
	logline_set_host(&line, entry.host);
	if (entry.is_allowed)
		take_line(maillog, &line, entry.is_replay);
	else if (line.kind > LOGLINE_OTHER && !entry.is_replay)
		refuse_line(maillog);
	return 1;
}

/* 1: there may be more; 0: all is read; below: the log cannot be read. */
static int read_lines(struct maillog *maillog)
{
	time_t now_s = time(NULL);
	int result = 1;

	maillog->facts.now_s = now_s;
	logclock_init(&maillog->clock, zone_from_utc(now_s));
	current_refresh(maillog->intake.current, &maillog->snapshot);
	for (unsigned i = 0; i < LINES_PER_TURN && result > 0 && !log_batch_is_full(maillog->batch); i++) {
		result = maillog->follow ? read_file_line(maillog) : read_journal_line(maillog);
		maillog->is_behind |= result > 0;
	}
	return result;
}

/* --- numbers */

static void count_more(enum counter counter, uint64_t now, uint64_t *counted)
{
	counter_add(counter, now - *counted);
	*counted = now;
}

static const char *describe_file_error(int error)
{
	switch (error) {
	case 0:
		return "";
	case EINVAL:
	case ELOOP:
		return "it is no regular file";
	case EACCES:
		return "Permission denied: the daemon's user must be in the group that may read it (Debian: adm)";
	default:
		return strerror(error);
	}
}

static void note_file(struct maillog *maillog)
{
	struct follow_stats stats;

	follow_get_stats(maillog->follow, &stats);
	count_more(COUNTER_MAILLOG_GARBAGE, stats.long_lines, &maillog->counted_long);
	if (stats.gaps > maillog->told_gaps)
		log_event(LOG_LEVEL_WARNING, "maillog-gap", "source=\"%s\" why=\"the file that was read last is not there any more, or cannot be read: what it got after that is lost\"",
			  maillog->status.source);
	count_more(COUNTER_MAILLOG_GAPS, stats.gaps, &maillog->told_gaps);
	pthread_mutex_lock(&maillog->lock);
	maillog->status.lag = stats.lag;
	maillog->status.is_gone = stats.is_gone;
	pthread_mutex_unlock(&maillog->lock);
	if (!maillog->has_failed)
		set_error(maillog, describe_file_error(stats.error));
}

static void note_journal(struct maillog *maillog)
{
	struct journal_stats stats;

	journal_get_stats(maillog->journal, &stats);
	count_more(COUNTER_MAILLOG_GARBAGE, stats.long_lines, &maillog->counted_long);
	if (stats.is_gap && maillog->told_gaps == 0)
		log_event(LOG_LEVEL_WARNING, "maillog-gap", "source=journal why=\"the line that was read last is not in the journal any more\"");
	count_more(COUNTER_MAILLOG_GAPS, stats.is_gap, &maillog->told_gaps);
}

static void note(struct maillog *maillog)
{
	const struct logjoin_counts *counts = logjoin_get_counts(maillog->join);

	pthread_mutex_lock(&maillog->lock);
	maillog->status.open = counts->open;
	maillog->status.deferred = counts->deferred;
	pthread_mutex_unlock(&maillog->lock);
	if (maillog->follow)
		note_file(maillog);
	else if (maillog->journal)
		note_journal(maillog);
}

/* --- opening */

static void on_notice(void *data);
static void on_warning(void *data);

static int watch_fd(struct maillog *maillog, int fd, loop_call *call, struct watch **ret_watch)
{
	if (fd < 0)
		return 0;
	*ret_watch = loop_watch_read(maillog->loop, fd, call, maillog);
	return *ret_watch ? 0 : -ENOMEM;
}

static int watch_source(struct maillog *maillog)
{
	int fd = maillog->follow ? follow_get_fd(maillog->follow) : journal_get_fd(maillog->journal);
	int error = watch_fd(maillog, fd, on_notice, &maillog->watch);

	if (error == 0 && maillog->follow)
		error = watch_fd(maillog, follow_get_guard_fd(maillog->follow), on_warning, &maillog->guard_watch);
	return error;
}

static int open_source(struct maillog *maillog, struct span place)
{
	struct follow_options file = { maillog->options.file, maillog->options.is_from_beginning, REPLAY_BYTES };
	struct journal_options journal = { maillog->uids, maillog->uid_count, maillog->options.is_from_beginning };
	int error = maillog->options.file[0] ? follow_open(&file, place, &maillog->follow) : journal_open(&journal, place, &maillog->journal);

	return error < 0 ? error : watch_source(maillog);
}

static void close_source(struct maillog *maillog)
{
	watch_free(maillog->watch);
	watch_free(maillog->guard_watch);
	maillog->watch = maillog->guard_watch = NULL;
	follow_close(maillog->follow);
	maillog->follow = NULL;
	journal_close(maillog->journal);
	maillog->journal = NULL;
	maillog->told_gaps = maillog->counted_long = 0;
}

/* Where the last commit was.  Without the store nothing is read: the place would be lost. */
static bool open_at_place(struct maillog *maillog)
{
	char text[PLACE_SIZE], mark[MARK_TEXT_MAX], why[200];
	int is_marked = reading_get_place(maillog->intake.writer, maillog->mark_name, mark, sizeof(mark));
	int result = is_marked < 0 ? is_marked : reading_get_place(maillog->intake.writer, maillog->name, text, sizeof(text));

	if (result < 0) {
		snprintf(why, sizeof(why), "the store does not say where reading stood: %s", strerror(-result));
		set_error(maillog, why);
		return false;
	}
	mark_read(is_marked > 0 ? span_of(mark) : SPAN_NONE, log_batch_get_mark(maillog->batch));
	result = open_source(maillog, result > 0 ? span_of(text) : SPAN_NONE);
	if (result < 0) {
		snprintf(why, sizeof(why), "it cannot be opened: %s", result == -ENOSYS ? "libsystemd is not there" : strerror(-result));
		set_error(maillog, why);
		close_source(maillog);
		return false;
	}
	/* where it begins is a place, too: what comes before the first line is read is not passed over after a restart */
	maillog->is_behind = true;
	maillog->commit_ms = 0;
	return true;
}

/* --- turns */

static bool is_commit_due(const struct maillog *maillog)
{
	if (!maillog->is_behind)
		return false;
	return log_batch_is_urgent(maillog->batch) || log_batch_is_full(maillog->batch) || monotonic_get_ms() >= maillog->commit_ms + COMMIT_MS;
}

/* From the place that was committed last, at the next tick. */
static void start_over(struct maillog *maillog, int error)
{
	set_error(maillog, strerror(-error));
	close_source(maillog);
	log_batch_clear(maillog->batch);
	maillog->is_broken = maillog->is_behind = false;
}

static void turn(struct maillog *maillog)
{
	int more = 1;

	if (maillog->has_failed && !commit(maillog))
		return;
	if (!maillog->follow && !maillog->journal && !open_at_place(maillog))
		return;
	while (more > 0 && !is_stopping(maillog)) {
		more = read_lines(maillog);
		if (maillog->is_broken) {
			more = -ENOMEM;
			break;
		}
		if (is_commit_due(maillog) && !commit(maillog))
			return;
		note(maillog);
	}
	if (more < 0)
		start_over(maillog, more);
}

/* Whoever may write the log now may have it open for good: what was seen is kept, whether lines come or not. */
static void on_warning(void *data)
{
	struct maillog *maillog = data;

	follow_take_warnings(maillog->follow);
	note_trust(maillog);
	maillog->is_behind = true;
}

/* The lines of a mail come one by one, and a look at each would cost more than they do. */
static void gather_lines(struct maillog *maillog)
{
	struct pollfd guard = { .fd = follow_get_guard_fd(maillog->follow), .events = POLLIN };
	int64_t wait_ms = maillog->read_ms + GATHER_MS - monotonic_get_ms();

	if (wait_ms > 0 && follow_is_guarded(maillog->follow) && poll(&guard, 1, (int)wait_ms) > 0)
		on_warning(maillog);
}

static void on_notice(void *data)
{
	struct maillog *maillog = data;

	if (maillog->follow) {
		gather_lines(maillog);
		follow_take_notices(maillog->follow);
		maillog->read_ms = monotonic_get_ms();
	} else {
		journal_take_notices(maillog->journal);
	}
	turn(maillog);
}

/* What no notice told of: folders that come and go, network file systems, the journal's own timeout; and commits that wait. */
static void on_tick(void *data)
{
	struct maillog *maillog = data;

	if (maillog->journal && journal_get_timeout_ms(maillog->journal) == 0)
		journal_take_notices(maillog->journal);
	turn(maillog);
}

static void on_wake(void *data)
{
	struct maillog *maillog = data;

	loop_stop(maillog->loop);
}

static void *run(void *data)
{
	struct maillog *maillog = data;

	turn(maillog);
	if (!is_stopping(maillog))
		loop_run(maillog->loop);
	if (maillog->is_behind)
		(void)commit(maillog);
	return NULL;
}

/* --- start and stop */

static int add_uid(struct maillog *maillog, const char *name)
{
	const struct passwd *entry;
	uint64_t number;

	if (maillog->uid_count == UIDS_MAX)
		return -E2BIG;
	if (span_parse_unsigned(span_of(name), UINT32_MAX - 1, &number) == 0) {
		maillog->uids[maillog->uid_count++] = (uid_t)number;
		return 0;
	}
	entry = getpwnam(name);
	if (!entry)
		return -ENOENT;
	maillog->uids[maillog->uid_count++] = entry->pw_uid;
	return 0;
}

static int find_uids(struct maillog *maillog, struct complaint *complaint)
{
	static const char *const usual[] = { "0", "postfix", "smmta", "smmsp", NULL };
	bool is_usual = !maillog->options.uids || !maillog->options.uids[0];

	for (const char *const *names = is_usual ? usual : maillog->options.uids; *names; names++) {
		int error = add_uid(maillog, *names);
		if (error == 0 || (error == -ENOENT && is_usual))
			continue;
		complaint_set(complaint, "", 0, "maillog uids: \"%s\": %s", *names, error == -ENOENT ? "there is no such user" : "too many");
		return -EINVAL;
	}
	return 0;
}

static void maillog_free(struct maillog *maillog)
{
	close_source(maillog);
	log_batch_free(maillog->batch);
	logjoin_free(maillog->join);
	scratch_free(maillog->scratch);
	snapshot_unref(maillog->snapshot);
	loop_free(maillog->loop);
	pthread_mutex_destroy(&maillog->lock);
	free(maillog);
}

static int make_parts(struct maillog *maillog)
{
	struct logjoin_options options = { .open_max = OPEN_MAX, .deferred_max = DEFERRED_MAX };

	if (getrandom(&options.key, sizeof(options.key), 0) != (ssize_t)sizeof(options.key))
		return -EIO;
	maillog->loop = loop_new();
	maillog->scratch = scratch_new();
	maillog->join = logjoin_new(&options);
	maillog->batch = log_batch_new();
	if (!maillog->loop || !maillog->scratch || !maillog->join || !maillog->batch)
		return -ENOMEM;
	if (loop_add_wake(maillog->loop, on_wake, maillog) < 0 || loop_add_tick(maillog->loop, TICK_MS, on_tick, maillog) < 0)
		return -ENOMEM;
	return 0;
}

int maillog_start(const struct intake *intake, const struct maillog_options *options, struct maillog **ret_maillog, struct complaint *complaint)
{
	struct maillog *maillog = calloc(1, sizeof(*maillog));
	int error;

	if (!maillog)
		return -ENOMEM;
	pthread_mutex_init(&maillog->lock, NULL);
	maillog->intake = *intake;
	maillog->options = *options;
	set_text(maillog->status.source, sizeof(maillog->status.source), options->file[0] ? options->file : "journal");
	if (gethostname(maillog->host, sizeof(maillog->host) - 1) < 0)
		maillog->host[0] = '\0';
	snprintf(maillog->name, sizeof(maillog->name), "log:%s:%s", maillog->host, maillog->status.source);
	snprintf(maillog->mark_name, sizeof(maillog->mark_name), "counted:%s", maillog->host);
	maillog->facts.host = span_of(maillog->host);
	error = find_uids(maillog, complaint);
#ifndef HAVE_SYSTEMD
	if (!options->file[0]) {
		complaint_set(complaint, "", 0, "maillog journal: this kodamad was built without libsystemd");
		error = -EINVAL;
	}
#endif
	if (error == 0)
		error = make_parts(maillog);
	if (error == 0)
		error = thread_start(&maillog->thread, run, maillog);
	if (error < 0)
		maillog_free(maillog);
	else
		*ret_maillog = maillog;
	return error;
}

void maillog_stop(struct maillog *maillog)
{
	if (!maillog)
		return;
	__atomic_store_n(&maillog->is_stopping, true, __ATOMIC_RELEASE);
	loop_wake(maillog->loop);
	pthread_join(maillog->thread, NULL);
	maillog_free(maillog);
}
