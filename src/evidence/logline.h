/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of a mail log, Postfix's or Sendmail's, told apart by themselves.  Parsed from the left, quotes of addresses
 * respected, so that what a remote or a sender wrote cannot pose as a field.  Lines that say nothing of a delivery (smtpd's
 * rejects, connections, warnings, other programs) are passed over as LOGLINE_OTHER.
 *
 * Postfix before 3.5, and with info_log_addr_form=internal, writes addresses without their quotes: there a local part
 * may hold what looks like a whole delivery.  Such a line is_doubtful, and proves nothing.
 *
 * Spans are borrowed from the text.  Pure; any thread; the text is hostile; time is linear in its length.
 */
#ifndef KODAMA_EVIDENCE_LOGLINE_H
#define KODAMA_EVIDENCE_LOGLINE_H

#include "evidence/logclock.h"
#include "evidence/status.h"

enum logline_kind {
	LOGLINE_GARBAGE,    /* not a line of syslog at all */
	LOGLINE_OTHER,
	LOGLINE_CLIENT,     /* Postfix took a message in (smtpd, pickup): login.  The queue id begins here */
	LOGLINE_MESSAGE_ID, /* Postfix's cleanup: message_id */
	LOGLINE_FROM,       /* sender; of Sendmail also message_id, and the queue id begins here */
	LOGLINE_DELIVERY,   /* one attempt: to and all that follows */
	LOGLINE_EXPIRED,    /* the message's time in the queue is over: every recipient that is still deferred has failed */
	LOGLINE_NOTICE,     /* a DSN about this message was made: dsn_queue_id */
	LOGLINE_REMOVED,    /* the queue id is free */
	LOGLINE_COUNT
};

enum log_mta { LOG_MTA_UNKNOWN, LOG_MTA_POSTFIX, LOG_MTA_SENDMAIL };

/* What the MTA says of an attempt. */
enum log_status {
	LOG_STATUS_UNKNOWN,
	LOG_STATUS_SENT,
	LOG_STATUS_DEFERRED,
	LOG_STATUS_BOUNCED,
	LOG_STATUS_DELIVERABLE,   /* answers of address verification probes: no mail was sent */
	LOG_STATUS_UNDELIVERABLE
};

struct logline {
	enum logline_kind kind;
	enum log_mta mta;
	enum log_status log_status;
	bool is_local_time;        /* time_s is the wall clock's: zone_to_utc */
	bool is_long_id;           /* never used again (Postfix's long ids, Sendmail's); a short one is */
	bool is_doubtful;          /* see above: proves nothing */
	bool is_finished;          /* nothing is left to be read (logline_begin) */
	bool is_confirmed;         /* the queue id is one */
	bool is_head_unread;       /* rest begins with the host (logline_begin) */
	int64_t time_s;            /* 0 for lines of the journal: the caller knows */
	struct span host;          /* of the writer; SPAN_NONE where the line has none (then the caller knows) */
	struct span identifier;    /* the tag: "postfix/submission/smtpd", "sm-mta" */
	struct span instance;      /* Postfix's instance, "postfix-out"; Sendmail's tag */
	struct span program;       /* "smtp"; Sendmail's tag */
	struct span queue_id;
	struct span sender;        /* without brackets; empty: the null sender */
	struct span message_id;    /* without brackets */
	struct span login;         /* sasl_username= */
	struct span to;            /* Postfix: the recipient without brackets; Sendmail: the list (logline_take_recipient) */
	struct span orig_to;       /* the same before aliases; Sendmail: ctladdr= without the uid */
	struct span relay;         /* "mx.example.com[192.0.2.1]:25", "mx.example.com. [192.0.2.1]", "local", "none" */
	struct status status;      /* dsn= */
	struct span text;          /* Postfix: inside the last parentheses; Sendmail: the reply's first line, else stat= */
	struct span dsn_queue_id;
	uint32_t recipient_count;  /* of LOGLINE_FROM (nrcpt=, nrcpts=) */
	struct log_origin origin;
	/* of a line that is begun */
	struct span rest;          /* what is not yet read */
	const struct loghead *head; /* the clock's; NULL: host, identifier, instance and program are filled */
	const char *head_at;
};

/* A line of a file, without its line end. */
enum logline_kind logline_parse(struct span text, struct logclock *clock, struct logline *ret_line);

/* A line of the journal: SYSLOG_IDENTIFIER (postfix/smtp, sm-mta) and MESSAGE.  Time and host stay unknown. */
enum logline_kind logline_parse_message(struct span identifier, struct span message, struct logline *ret_line);
void logline_set_host(struct logline *line, struct span host);

/*
 * The same in two steps, for whole logs, of which it is only asked what became of each recipient.  Who took a message in, that it
 * is in the queue (client=, from= and "(queue active)"), and that a long queue id is free, is LOGLINE_OTHER then.  A line that is begun has its time, its queue id, and
 * the kind that its first words promise: finished it may turn out to be LOGLINE_OTHER or LOGLINE_GARBAGE (or LOGLINE_FROM and
 * LOGLINE_NOTICE to be LOGLINE_EXPIRED).  All else is filled when it is finished, before the clock begins another line.
 */
enum logline_kind logline_begin(struct span text, struct logclock *clock, struct logline *ret_line);
enum logline_kind logline_finish(struct logline *line);

/* Is its queue id one?  Else it is LOGLINE_OTHER. */
bool logline_confirm(struct logline *line);

/* The next recipient of `to`, without brackets; false at the end.  *rest begins as line.to. */
bool logline_take_recipient(const struct logline *line, struct span *rest, struct span *ret_recipient);

/* A relay= taken apart.  "none", "local", a pipe's or socket's name: host alone, the others unknown. */
struct log_relay {
	struct span host;    /* "mx.example.com", without a final dot */
	struct span address; /* "192.0.2.1", "IPv6:..." without that prefix */
};
struct log_relay log_relay_parse(struct span relay);

#endif
