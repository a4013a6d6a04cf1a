/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Outcome: what happened to one recipient of one message, as some report says.
 * A field that is unknown is absent (SPAN_NONE, 0, *_UNKNOWN), never guessed.  All text is UTF-8 made valid
 * (U+FFFD for what is not) and comes from outside: hostile.  Spans are borrowed from the arena of the mail.
 * Pure; any thread.
 */
#ifndef KODAMA_EVIDENCE_OUTCOME_H
#define KODAMA_EVIDENCE_OUTCOME_H

#include "evidence/reply.h"
#include "evidence/status.h"

/* RFC 3464 section 2.3.3 */
enum action { ACTION_UNKNOWN, ACTION_FAILED, ACTION_DELAYED, ACTION_DELIVERED, ACTION_RELAYED, ACTION_EXPANDED, ACTION_COUNT };

/* How the bytes came to us. */
enum source { SOURCE_UNKNOWN, SOURCE_MILTER, SOURCE_LOG, SOURCE_INGEST, SOURCE_FILE, SOURCE_RESPONSE, SOURCE_COUNT };

/* The form of the input. */
enum kind { KIND_UNKNOWN, KIND_DSN, KIND_BOUNCE, KIND_ARF, KIND_AUTOREPLY, KIND_LOG, KIND_RESPONSE, KIND_COUNT };

/* What proves that the outcome is about mail that we sent; set by the flow, never by a reader. */
enum proof { PROOF_UNKNOWN, PROOF_NONE, PROOF_LOCAL, PROOF_LOG, PROOF_SHARED, PROOF_TOKEN, PROOF_COUNT };

/* Why the proof is what it is; unknown where nobody looked (no keys: the command without a daemon). */
enum proof_reason {
	PROOF_REASON_UNKNOWN,
	PROOF_REASON_BOUND_TOKEN,       /* token: the mail was for this recipient alone */
	PROOF_REASON_SHARED_TOKEN,      /* shared: for this one and others */
	PROOF_REASON_LOG_LINE,          /* log */
	PROOF_REASON_MTA_SESSION,       /* local */
	PROOF_REASON_NO_TOKEN,          /* none, from here on */
	PROOF_REASON_MALFORMED_TOKEN,   /* cut, or never one */
	PROOF_REASON_UNKNOWN_KEY,
	PROOF_REASON_FORGED_TOKEN,      /* the code is wrong: changed, or made by somebody else */
	PROOF_REASON_EXPIRED_TOKEN,
	PROOF_REASON_OTHER_RECIPIENT,   /* a token of ours, of a mail that was not for this recipient */
	PROOF_REASON_UNTRUSTED_SESSION, /* it came from the MTA itself, but local users could have sent it */
	PROOF_REASON_UNTRUSTED_LOG,     /* others than the MTA could have written that line */
	PROOF_REASON_REPORT_OF_OTHERS,  /* it came from the MTA itself, but another one wrote it */
	PROOF_REASON_COUNT
};

/* "bound-token", for headers and logs; and a clause for people.  "" for unknown. */
const char *proof_reason_get_name(enum proof_reason reason);
const char *proof_reason_get_text(enum proof_reason reason);

/* The lower-case names of the output; "" for unknown. */
const char *action_get_name(enum action action);
const char *source_get_name(enum source source);
const char *kind_get_name(enum kind kind);
const char *proof_get_name(enum proof proof);

/* By those names, any case; *_UNKNOWN otherwise. */
enum action action_find(struct span name);

/*
 * Who says what in a feedback report: the recipient complains (RFC 5965 abuse and fraud; opt-out of its drafts; a report
 * of no type) or takes it back (RFC 6430), or a system speaks that is not the recipient (virus; RFC 6591
 * auth-failure).  "other" is anything.
 */
enum feedback { FEEDBACK_COMPLAINT, FEEDBACK_NOT_SPAM, FEEDBACK_AUTH_FAILURE, FEEDBACK_VIRUS, FEEDBACK_OTHER, FEEDBACK_COUNT };

struct outcome {
	struct span recipient;          /* Final-Recipient: the address without brackets, comments or type */
	struct span original_recipient; /* ORCPT, xtext decoded: the client's own word */
	struct span actual_recipient;   /* X-Actual-Recipient: what Sendmail made of it by its aliases; a program as it stands */
	struct span sender;             /* envelope or header sender of the original */
	enum action action;
	uint16_t reply;                 /* SMTP reply code, 0 unknown */
	struct status status;           /* the report's Status field, else the reply's own */
	struct span text;               /* the remote's words (struct reply) */
	enum smtp_command command;
	struct span remote_mta;
	struct span reporting_mta;
	struct span queue_id;           /* of the original message at the reporting MTA */
	struct span envelope_id;        /* ENVID, xtext decoded */
	struct span message_id;         /* of the original, without angle brackets */
	int64_t time_s;                 /* when it failed, seconds since the epoch; 0 unknown */
	enum source source;
	enum kind kind;
	enum proof proof;
	enum proof_reason proof_reason;
	struct span token;              /* X-Kodama-Token of the original, as it stands there */
	enum feedback feedback;         /* of kind arf */
	bool is_final;                  /* of a report: the recipient is its Final-Recipient, no word of the client's or the original's */
	bool is_from_original;          /* the recipient was not named by the report: it is the original's only To */
	bool is_generic;                /* read by the generic reader, that is guessed: confidence generic */
	bool is_expired;                /* of a log: the time in the queue was over; text, reply and status are the last reason */
};

/* A list in an arena. */
struct outcomes {
	struct outcome *items;
	size_t count;
	bool is_cut; /* there were more than OUTCOMES_MAX */
};

enum { OUTCOMES_MAX = 1000 };

/* A zeroed new item at the end; NULL when the list or the arena is full. */
struct outcome *outcomes_add(struct outcomes *outcomes, struct arena *arena);

#endif
