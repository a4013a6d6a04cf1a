/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal by cursor.  Fields come as "NAME=value", and only those of the journal itself (with _) cannot be forged. */
#include "intake/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HAVE_SYSTEMD

int journal_open(const struct journal_options *options, struct span place, struct journal **ret_journal)
{
	(void)options;
	(void)place;
	(void)ret_journal;
	return -ENOSYS;
}

void journal_close(struct journal *journal)
{
	(void)journal;
}

int journal_get_fd(const struct journal *journal)
{
	(void)journal;
	return -1;
}

int journal_get_timeout_ms(const struct journal *journal)
{
	(void)journal;
	return -1;
}

void journal_take_notices(struct journal *journal)
{
	(void)journal;
}

int journal_read_line(struct journal *journal, struct journal_line *ret_line)
{
	(void)journal;
	(void)ret_line;
	return -ENOSYS;
}

const char *journal_get_place(const struct journal *journal)
{
	(void)journal;
	return "";
}

void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats)
{
	(void)journal;
	*ret_stats = (struct journal_stats){ .long_lines = 0 };
}

#else

#include <inttypes.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "base/library.h"
#include "base/log.h"

/* Loaded when a journal is opened: it brings libgcrypt and three compressors with it. */
#define JOURNAL_FUNCTIONS(F) \
	F(sd_journal_add_match) F(sd_journal_close) F(sd_journal_get_cursor) F(sd_journal_get_data) \
	F(sd_journal_get_fd) F(sd_journal_get_realtime_usec) F(sd_journal_get_timeout) F(sd_journal_next) \
	F(sd_journal_open) F(sd_journal_previous) F(sd_journal_previous_skip) F(sd_journal_process) \
	F(sd_journal_seek_cursor) F(sd_journal_seek_head) F(sd_journal_seek_tail) F(sd_journal_set_data_threshold) \
	F(sd_journal_test_cursor)

static struct {
	JOURNAL_FUNCTIONS(LIBRARY_DECLARE)
} libsystemd;

/* Tried with each opening, and told once.  The follower's thread. */
static bool load_libsystemd(void)
{
	static bool is_told;
#define LIBRARY_OBJECT libsystemd
	static const struct library_function functions[] = { JOURNAL_FUNCTIONS(LIBRARY_ROW) };
	char why[256];
	bool is_loaded = library_load("libsystemd.so.0", functions, sizeof(functions) / sizeof(functions[0]), why, sizeof(why));

	if (!is_loaded && !is_told)
		log_event(LOG_LEVEL_ERROR, "library-missing", "error=\"%s\"", why);
	is_told = !is_loaded;
	return is_loaded;
}

/* RFC 5424 section 6.2.1: the mail system */
#define MAIL_FACILITY "SYSLOG_FACILITY=2"

struct journal {
	sd_journal *handle;
	const uid_t *uids;
	size_t uid_count;
	unsigned replay; /* so many lines stand before the place */
	struct journal_stats stats;
	char place[JOURNAL_PLACE_SIZE];
	char identifier[256], host[256];
	char message[JOURNAL_MESSAGE_MAX];
};

static bool has_entry(sd_journal *handle, const char *cursor)
{
	return libsystemd.sd_journal_seek_cursor(handle, cursor) >= 0 && libsystemd.sd_journal_next(handle) > 0 && libsystemd.sd_journal_test_cursor(handle, cursor) > 0;
}

/* To the line after the place, or so many before it. */
static int seek(struct journal *journal, bool is_from_beginning, struct span place)
{
	int result;

	if (span_is_known(place) && place.len > 0 && place.len < sizeof(journal->place)) {
		snprintf(journal->place, sizeof(journal->place), "%.*s", SPAN_ARG(place));
		if (has_entry(journal->handle, journal->place)) {
			/* the entry of the place itself is the last that is read once more */
			result = libsystemd.sd_journal_previous_skip(journal->handle, JOURNAL_REPLAY_MAX);
			if (result < 0)
				return result;
			journal->replay = (unsigned)result + 1;
			/* next() goes on behind the entry that we stand on */
			result = libsystemd.sd_journal_previous(journal->handle);
			return result < 0 ? result : result == 0 ? libsystemd.sd_journal_seek_head(journal->handle) : 0;
		}
		/* forgotten by the journal: what it has is newer, or was read before and will be known again */
		journal->stats.is_gap = true;
		is_from_beginning = true;
		journal->place[0] = '\0';
	}
	if (is_from_beginning)
		return libsystemd.sd_journal_seek_head(journal->handle);
	result = libsystemd.sd_journal_seek_tail(journal->handle);
	if (result >= 0)
		result = libsystemd.sd_journal_previous(journal->handle);
	/* behind the last entry next() would find nothing, ever: on it, or, where there is none, in front of what comes */
	return result == 0 ? libsystemd.sd_journal_seek_head(journal->handle) : result;
}

static void keep_place(struct journal *journal)
{
	char *cursor = NULL;

	if (libsystemd.sd_journal_get_cursor(journal->handle, &cursor) < 0)
		return;
	if (strlen(cursor) < sizeof(journal->place))
		snprintf(journal->place, sizeof(journal->place), "%s", cursor);
	free(cursor);
}

int journal_open(const struct journal_options *options, struct span place, struct journal **ret_journal)
{
	struct journal *journal;
	int result;

	if (!load_libsystemd())
		return -ENOSYS;
	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return -ENOMEM;
	journal->uids = options->uids;
	journal->uid_count = options->uid_count;
	result = libsystemd.sd_journal_open(&journal->handle, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (result >= 0)
		result = libsystemd.sd_journal_set_data_threshold(journal->handle, JOURNAL_MESSAGE_MAX + 64);
	if (result >= 0)
		result = libsystemd.sd_journal_add_match(journal->handle, MAIL_FACILITY, 0);
	/* before the first look: what is written in between is not missed */
	if (result >= 0)
		result = libsystemd.sd_journal_get_fd(journal->handle);
	if (result >= 0)
		result = seek(journal, options->is_from_beginning, place);
	if (result < 0) {
		journal_close(journal);
		return result;
	}
	/* where we begin at the end: from here on, also after a restart before the first line */
	if (!journal->place[0] && !options->is_from_beginning && !journal->stats.is_gap)
		keep_place(journal);
	*ret_journal = journal;
	return 0;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	libsystemd.sd_journal_close(journal->handle);
	free(journal);
}

int journal_get_fd(const struct journal *journal)
{
	return libsystemd.sd_journal_get_fd(journal->handle);
}

int journal_get_timeout_ms(const struct journal *journal)
{
	struct timespec now;
	uint64_t until_us, now_us;

	if (libsystemd.sd_journal_get_timeout(journal->handle, &until_us) < 0 || until_us == UINT64_MAX)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (until_us <= now_us)
		return 0;
	return until_us - now_us > 3600000000 ? 3600000 : (int)((until_us - now_us + 999) / 1000);
}

void journal_take_notices(struct journal *journal)
{
	(void)libsystemd.sd_journal_process(journal->handle);
}

/* The value of a field; unknown where the entry has none. */
static struct span get_field(const struct journal *journal, const char *name)
{
	const void *data;
	size_t len, skip = strlen(name) + 1;

	if (libsystemd.sd_journal_get_data(journal->handle, name, &data, &len) < 0 || len < skip)
		return SPAN_NONE;
	return span_make((const char *)data + skip, len - skip);
}

static bool is_allowed(const struct journal *journal)
{
	uint64_t uid;

	if (span_parse_unsigned(get_field(journal, "_UID"), UINT32_MAX, &uid) < 0)
		return false;
	for (size_t i = 0; i < journal->uid_count; i++)
		if (journal->uids[i] == (uid_t)uid)
			return true;
	return false;
}

static struct span keep(char *buffer, size_t size, struct span text)
{
	if (text.len > size)
		text.len = size;
	if (text.len > 0)
		memcpy(buffer, text.ptr, text.len);
	return span_is_known(text) ? span_make(buffer, text.len) : SPAN_NONE;
}

/* When the writer wrote it, as far as the kernel says, else when the journal got it. */
static int64_t get_time(const struct journal *journal)
{
	uint64_t time_us;

	if (span_parse_unsigned(get_field(journal, "_SOURCE_REALTIME_TIMESTAMP"), INT64_MAX, &time_us) < 0 &&
	    libsystemd.sd_journal_get_realtime_usec(journal->handle, &time_us) < 0)
		return 0;
	return (int64_t)(time_us / 1000000);
}

/* A line that the parser may see; false: passed over. */
static bool take_entry(struct journal *journal, struct journal_line *line)
{
	struct span message;

	line->is_replay = journal->replay > 0;
	if (line->is_replay)
		journal->replay--;
	else
		keep_place(journal);
	line->is_allowed = is_allowed(journal);
	message = get_field(journal, "MESSAGE");
	if (message.len >= JOURNAL_MESSAGE_MAX) {
		journal->stats.long_lines += !line->is_replay;
		return false;
	}
	line->message = keep(journal->message, sizeof(journal->message), message);
	for (size_t i = 0; i < line->message.len; i++)
		if (journal->message[i] == '\n' || journal->message[i] == '\r')
			journal->message[i] = ' ';
	line->identifier = keep(journal->identifier, sizeof(journal->identifier), get_field(journal, "SYSLOG_IDENTIFIER"));
	line->host = keep(journal->host, sizeof(journal->host), get_field(journal, "_HOSTNAME"));
	line->time_s = get_time(journal);
	return span_is_known(line->message);
}

int journal_read_line(struct journal *journal, struct journal_line *ret_line)
{
	int result;

	while ((result = libsystemd.sd_journal_next(journal->handle)) > 0)
		if (take_entry(journal, ret_line))
			return 1;
	return result;
}

const char *journal_get_place(const struct journal *journal)
{
	return journal->place;
}

void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats)
{
	*ret_stats = journal->stats;
}

#endif
