/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store: what is known of addresses, durably.  A table of functions per backend (sqlite.c, pgsql.c); the
 * same contract test runs on each.  A handle belongs to one thread.  Errors are negative errno, and
 * store_get_error() says more.  All text is bound as parameters, never spliced.
 */
#ifndef KODAMA_STORE_STORE_H
#define KODAMA_STORE_STORE_H

#include "base/siphash.h"
#include "decide/history.h"
#include "decide/surge.h"

struct store;

struct store_options {
	const char *uri;        /* "sqlite:/var/lib/kodama/kodama.db" */
	int64_t retention_s;    /* of outcomes */
	unsigned busy_ms;       /* longest wait for a lock of another process */
	bool is_read_only;
	bool must_exist;        /* it is not made anew: -ENOENT */
	bool has_past;          /* there are signs that it was there before: where it is new it was lost, and that is told */
};

/*
 * Opens, creates and migrates.  -EINVAL bad URI or a newer schema, -EIO, -EBUSY, -EACCES.  Of SQLite is_read_only means a file system that
 * may not be written, too.  One that was created is told to the log, as a loss where it is one.
 */
int store_open(const struct store_options *options, struct store **ret_store) __attribute__((warn_unused_result));
void store_close(struct store *store);
const char *store_get_error(const struct store *store); /* of the last call; "" if it succeeded */

/* Inside a transaction: writes something that is of no use. */
int store_touch(struct store *store, int64_t now_s) __attribute__((warn_unused_result));

/* Is it still what the URI names, and not a file that was removed, exchanged or emptied meanwhile?  Else negative errno: close it. */
int store_check(struct store *store) __attribute__((warn_unused_result));

/* store_check is part of it. */
int store_begin(struct store *store) __attribute__((warn_unused_result));
int store_commit(struct store *store) __attribute__((warn_unused_result));
void store_rollback(struct store *store);

/*
 * Inside a transaction: takes one event into the history, decides by the state it finds, and writes the new
 * state, the outcome, the keys seen and the change.  A duplicate changes nothing but raises proof and fills what was
 * absent.  ruling: may be older than the event is now, the queue on disk keeps it.  surge: the guard that is told of it and
 * may hold it; NULL: none.  *ret_decision untouched on failure.
 */
int store_apply(struct store *store, const struct ruling *ruling, const struct event *event, struct surge *surge, struct decision *ret_decision)
	__attribute__((warn_unused_result));

/*
 * The same for what was read from a log: its successes are counted by the caller, and cost one look-up where nothing is known of the
 * address.
 */
int store_apply_read(struct store *store, const struct ruling *ruling, const struct event *event, struct surge *surge,
		     struct decision *ret_decision) __attribute__((warn_unused_result));

/*
 * n more of that class (or "delayed", "relayed", "delivered") at that provider in the hour of time_s: for reports and the preset careful.
 * recipient: whose they all are, folded; unknown: of several.
 */
int store_count(struct store *store, struct span provider, struct span class_name, int64_t time_s, int64_t n, struct span recipient)
	__attribute__((warn_unused_result));

/* Sums of those from since_s to until_s: by day (days since 1970, oldest first), or by provider (the largest 20000 first). */
struct count_row {
	struct span provider, class_name; /* "delivered", "delayed", "relayed", or the class of a failure */
	int64_t day, count;
};
enum count_by { COUNT_BY_DAY, COUNT_BY_PROVIDER };
int store_sum_counts(struct store *store, enum count_by by, int64_t since_s, int64_t until_s,
		     bool (*visit)(void *data, const struct count_row *row), void *data) __attribute__((warn_unused_result));

/* How an address came to be in the table. */
enum origin { ORIGIN_EVIDENCE, ORIGIN_MANUAL };

/* A row of what is known of an address, borrowed for the call of `visit`. */
struct suppression {
	struct span address;     /* folded; "@example.com" for a domain entry */
	struct span stream;      /* "" for all */
	enum origin origin;
	enum decision_kind kind; /* suppressed or held; none: only counted so far */
	enum class class_id;
	struct span rule, provider, note, section;
	int64_t since_s, until_s;
	unsigned times;          /* suppressions without a success between them */
	int64_t last_failure_s, last_success_s; /* 0: never */
	const struct tally *tallies;
	size_t tally_count;
};

/* Writes by hand; by: who did it, for the audit ("uid 0"), note: why.  Own transaction unless one is open. */
int store_add(struct store *store, const struct suppression *row, struct span by, int64_t now_s) __attribute__((warn_unused_result));
/*
 * Adds entries from elsewhere as they were there, by hand or by evidence, one after the other.  How many were added: where an entry of
 * that origin lasts as long already, that one stays as it is.
 */
int store_import(struct store *store, const struct suppression *rows, size_t count, struct span by, int64_t now_s)
	__attribute__((warn_unused_result));
/* 1 removed, 0 there was none. */
int store_remove(struct store *store, struct span address, struct span stream, struct span by, struct span note, int64_t now_s)
	__attribute__((warn_unused_result));
/* The same, but what was put there by hand stays. */
int store_remove_evidence(struct store *store, struct span address, struct span stream, struct span by, struct span note, int64_t now_s)
	__attribute__((warn_unused_result));
/* Which rows a bulk change is about: what is unknown or 0 does not matter. */
struct suppression_filter {
	int64_t since_s, until_s;        /* suppressed or held from since_s on, and before until_s */
	struct span address, rule, class_name, provider, domain, stream;
	bool is_held;                    /* only what is held */
};

enum bulk { BULK_REMOVE, BULK_RELEASE };

/*
 * Removes, or releases what is held (it is enforced from now on), every row by evidence that the filter names; visit
 * (may be NULL) sees each before.  is_dry_run: only visits.  How many.
 */
int store_change_all(struct store *store, enum bulk bulk, const struct suppression_filter *filter, bool is_dry_run, struct span by,
		     struct span note, int64_t now_s, bool (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));

/* Every row of that address and stream, the manual one first, whether it is suppressed or only counted: how many. */
int store_find(struct store *store, struct span address, struct span stream, bool (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));
/* All that is suppressed or held at now_s, in the order of addresses.  visit returns false to stop. */
int store_list(struct store *store, int64_t now_s, bool (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));
/* What evidence put on the list since then, the last first, at most so many. */
int store_list_recent(struct store *store, int64_t since_s, int64_t most, bool (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));
/* What is in force or has ended, as the index keeps it (enforced.h), in no order; visit returns false to stop. */
int store_list_enforced(struct store *store, bool (*visit)(void *data, uint64_t hash, uint64_t value), void *data)
	__attribute__((warn_unused_result));
int store_count_enforced(struct store *store, size_t *ret_count) __attribute__((warn_unused_result));
struct siphash_key store_get_index_key(const struct store *store);

/* Deletes all that is known of an address; the index is told, the audit only says that it was done.  Rows that there were. */
int store_forget(struct store *store, struct span address, struct span by, int64_t now_s) __attribute__((warn_unused_result));

/* The time line of an address, oldest first: outcomes and audit entries. */
struct history_row {
	int64_t time_s, received_s;
	struct span stream, action, source, kind, proof, proof_reason, reply, status, text, remote_mta, queue_id, message_id;
	struct span class_name, effect, basis, rule, provider;
	struct span decision, why;   /* of an outcome */
	int64_t until_s;             /* 0: none */
	struct span audit, by, note; /* of a manual change: "add", "remove"; unknown for outcomes */
};
int store_history(struct store *store, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data)
	__attribute__((warn_unused_result));

/* A number that grows with each change to what is suppressed, by whatever process; for the index to follow. */
int store_get_change(struct store *store, int64_t *ret_change) __attribute__((warn_unused_result));
/* Has this handle numbered a change since it was asked last? */
bool store_take_changed(struct store *store);

/*
 * Wake-ups where the backend has them: a descriptor to poll for reading, -1 without.  What it says is only that there may be
 * changes; store_take_wakeup empties it.  Polling for changes works without.
 */
int store_watch(struct store *store);
void store_take_wakeup(struct store *store);

/*
 * What was changed after *change, in its order: the entries of the index (enforced.h) as they are from then on, by hand and by
 * evidence as one; value 0: nothing is in force any more.  *change: the last one that was visited.  -ESTALE: so old that changes
 * were forgotten since; fill anew.
 */
int store_list_changes(struct store *store, int64_t *change, bool (*visit)(void *data, uint64_t hash, uint64_t value), void *data)
	__attribute__((warn_unused_result));

/*
 * The same of what this handle itself has committed lately, without asking: false where *change is not what came right before.
 * What other handles changed since is not among it.
 */
bool store_list_own_changes(struct store *store, int64_t *change, bool (*visit)(void *data, uint64_t hash, uint64_t value), void *data);

/* A named place in what was read, "log:/var/log/mail.log": to be set in the transaction of what was read.  1 found, 0 not. */
int store_get_position(struct store *store, const char *name, char *ret_value, size_t size) __attribute__((warn_unused_result));
int store_set_position(struct store *store, const char *name, const char *value) __attribute__((warn_unused_result));

/*
 * Deletes what is past its retention, a bounded piece at a time; own transaction.  For the writer, now and then.
 * 1: nothing was deleted, because the clock has leapt ahead by more than a day; it goes on a day later.
 */
int store_prune(struct store *store, int64_t now_s) __attribute__((warn_unused_result));

#endif
