/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of a mail log joined by host, instance and queue id: what happened to each recipient, with the sender, login and
 * Message-ID that other lines told.  For a whole log at once and for one that is followed: lines that are missing leave
 * fields unknown, nothing more; after a restart the lines before the place to go on from are read once more with no
 * function to call (emit NULL), and the join knows again what was open.
 *
 * Expiry names no recipients: those that were deferred and then neither delivered nor bounced have failed, each with its
 * last reason.  Sendmail's reply= may be another recipient's (after a 421), and is its first line only: one whose
 * status is not dsn='s is left out, and stat= stands in its place.
 *
 * Memory is bounded: by open queue ids and deferred recipients; past a limit or a lifetime the one that was untouched the
 * longest is forgotten, and counted.  Pure: the time is that of the lines.  One thread; the text is hostile.
 */
#ifndef KODAMA_EVIDENCE_LOGJOIN_H
#define KODAMA_EVIDENCE_LOGJOIN_H

#include "base/siphash.h"
#include "evidence/logline.h"
#include "evidence/outcome.h"

struct logjoin;

struct logjoin_options {
	struct siphash_key key;  /* random: nobody chooses the slot */
	size_t open_max;         /* queue ids; 0: 1,000,000 */
	size_t deferred_max;     /* deferred recipients; 0: 1,000,000 */
	int64_t lifetime_s;      /* of a queue id that no line touches; 0: 10 days (twice maximal_queue_lifetime) */
};

/* One attempt at one recipient, or its end.  Spans are borrowed for the call. */
struct log_delivery {
	enum action action;      /* delivered, delayed, failed */
	bool is_final;           /* delivered, bounced or expired; a deferral is not */
	bool is_expired;         /* failed because its time was over: text and status are the last reason */
	bool is_probe;           /* address verification: no mail; pass it over */
	bool is_doubtful;        /* proves nothing (logline.h) */
	bool is_long_id;
	enum log_mta mta;
	int64_t time_s;
	struct span host, instance, program, queue_id;
	struct span sender;      /* SPAN_NONE unknown, "" the null sender */
	struct span message_id, login;
	struct span recipient;   /* to=: whom it counts against */
	struct span orig_to;     /* SPAN_NONE: the same */
	struct span relay;
	struct status status;    /* dsn= */
	struct span text;        /* frame and all */
};

/* What a LOGLINE_DELIVERY or LOGLINE_EXPIRED tells by itself: all but the recipient, and what only other lines know. */
struct log_delivery log_delivery_of_line(const struct logline *line);

typedef void logjoin_emit(void *data, const struct log_delivery *delivery);

/* What it did; all but the last two only grow. */
struct logjoin_counts {
	uint64_t messages;           /* queue ids begun */
	uint64_t deliveries;         /* emitted */
	uint64_t aged;               /* queue ids forgotten: untouched for too long, or too many */
	uint64_t deferred_forgotten; /* deferred recipients forgotten: too many */
	uint64_t expired_unknown;    /* expired, but no recipient of it is known */
	uint64_t doubtful;
	size_t open, deferred;       /* now */
};

/* NULL when out of memory. */
struct logjoin *logjoin_new(const struct logjoin_options *options);
void logjoin_free(struct logjoin *join);

/*
 * Takes one line, its time in UTC; calls emit (may be NULL) for each recipient that it says something of.  A line that is only
 * begun (logline_begin) is finished where more is needed of it: what kind it is may be known only then.
 * 0; -ENOMEM, and what the line said is emitted all the same, but not remembered.
 */
int logjoin_take(struct logjoin *join, struct logline *line, logjoin_emit *emit, void *data) __attribute__((warn_unused_result));

const struct logjoin_counts *logjoin_get_counts(const struct logjoin *join);

/*
 * The outcome of a delivery: the reply is found inside its text, status is the reply's own, else dsn=; source and kind log.
 * Copies nothing but what must change (spans of the delivery or the arena).  -ENOMEM.
 */
int log_delivery_get_outcome(const struct log_delivery *delivery, struct arena *arena, struct outcome *ret_outcome)
	__attribute__((warn_unused_result));

#endif
