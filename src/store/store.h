/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store: what is known of addresses, durably.  A table of functions per backend (sqlite.c, later pgsql.c); the
 * same contract test runs on each.  A handle belongs to one thread.  Errors are negative errno, and
 * store_get_error() says more.  All text is bound as parameters, never spliced.
 */
#ifndef KODAMA_STORE_STORE_H
#define KODAMA_STORE_STORE_H

#include "decide/decision.h"
#include "decide/limits.h"

struct store;

struct store_options {
	const char *uri;        /* "sqlite:/var/lib/kodama/kodama.db" */
	int64_t retention_s;    /* of outcomes */
	unsigned busy_ms;       /* longest wait for a lock of another process */
	bool is_read_only;
};

/* Opens, creates and migrates.  -EINVAL bad URI or a newer schema, -EIO, -EBUSY, -EACCES. */
int store_open(const struct store_options *options, struct store **ret_store) __attribute__((warn_unused_result));
void store_close(struct store *store);
const char *store_get_error(const struct store *store); /* of the last call; "" if it succeeded */

int store_begin(struct store *store) __attribute__((warn_unused_result));
int store_commit(struct store *store) __attribute__((warn_unused_result));
void store_rollback(struct store *store);

/*
 * Inside a transaction: takes one event into the history, decides by the state it finds, and writes the new
 * state, the outcome, the keys seen and the change.  A duplicate changes nothing but raises proof and fills what was
 * absent.  *ret_decision untouched on failure.
 */
int store_record(struct store *store, const struct limits *limits, const struct event *event, struct decision *ret_decision)
	__attribute__((warn_unused_result));

/* How an address came to be in the table. */
enum origin { ORIGIN_EVIDENCE, ORIGIN_MANUAL };

/* A row of what is suppressed, in visiting order: borrowed for the call. */
struct suppression {
	struct span address;     /* folded; "@example.com" for a domain entry */
	struct span stream;      /* "" for all */
	enum origin origin;
	enum decision_kind kind; /* suppressed, held or dry-run */
	enum class class_id;
	struct span rule, provider, note;
	int64_t since_s, until_s;
};

/* Writes by hand; by: who did it, for the audit ("uid 0"), note: why.  Own transaction unless one is open. */
int store_add(struct store *store, const struct suppression *row, struct span by, int64_t now_s) __attribute__((warn_unused_result));
/* 1 removed, 0 there was none. */
int store_remove(struct store *store, struct span address, struct span stream, struct span by, struct span note, int64_t now_s)
	__attribute__((warn_unused_result));
/* 1 found (row filled for the duration of `visit`), 0 not. */
int store_find(struct store *store, struct span address, struct span stream, void (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));
/* All that is suppressed at now_s, in the order of addresses.  visit returns false to stop. */
int store_list(struct store *store, int64_t now_s, bool (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));

/* The time line of an address, oldest first: outcomes and audit entries. */
struct history_row {
	int64_t time_s, received_s;
	struct span stream, action, source, kind, proof, reply, status, text, remote_mta, queue_id, message_id;
	struct span class_name, effect, basis, rule, provider;
	struct span decision, why;   /* of an outcome */
	struct span audit, by, note; /* of a manual change: "add", "remove"; unknown for outcomes */
};
int store_history(struct store *store, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data)
	__attribute__((warn_unused_result));

/* A number that grows with each change to what is suppressed, by whatever process; for the index to follow. */
int store_get_change(struct store *store, int64_t *ret_change) __attribute__((warn_unused_result));
/* The addresses changed after `change`, each with what holds now (until_s 0: no longer suppressed). */
int store_list_changes(struct store *store, int64_t change, bool (*visit)(void *data, const struct suppression *row), void *data)
	__attribute__((warn_unused_result));

#endif
