/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a session share.  The rest asks session.h. */
#ifndef KODAMA_INTAKE_SESSION_PRIVATE_H
#define KODAMA_INTAKE_SESSION_PRIVATE_H

#include <netinet/in.h>

#include "evidence/glance.h"
#include "intake/session.h"
#include "intake/signing.h"
#include "intake/workspace.h"
#include "reply/header.h"

/* When anything fails inside, mail flows. */
#define SESSION_FAIL_OPEN SESSION_ACCEPT

struct session_pool {
	struct intake intake;
	bool is_unix;
	struct workspace_pool *workspaces;
};

struct removal {
	const char *recipient; /* as the MTA gave it */
	struct removal *next;
};

/* A value of X-Kodama-Suppressed. */
struct note {
	const char *value;
	struct note *next;
};

/* A header field as the MTA gave it: read only when the mail may be a bounce. */
struct raw_field {
	struct span name, value;
	struct raw_field *next;
};

enum { OUR_NAMES = 4 };

struct message {
	struct workspace *work; /* NULL: there is no memory, the message passes as it is */
	uint64_t shortages;     /* before it began */
	struct span sender;     /* the argument as it stands */
	struct span bare_sender;
	struct span login;
	struct span first_recipient;
	struct span noted_sender; /* the macro {mail_addr} as it came first */
	bool is_sender_kept;      /* it came again, and was the same */
	struct signing *signing;  /* NULL: it gets no token */
	char stream[TOKEN_STREAM_SIZE];
	bool is_smtp;           /* a refusal of one recipient reaches a client */
	bool is_own_bounce;     /* our MTA made it, as far as one can see from outside */
	struct glance glance;
	struct raw_field *fields, *last_field;
	size_t fields_size;
	bool is_candidate;
	bool has_results;       /* it was handled before */
	bool has_travelled;     /* it has come through an MTA, so that it was not made just now */
	unsigned recipients;    /* that we let pass, or are to take out */
	unsigned removal_count;
	struct removal *removals;
	struct note *notes;
	unsigned note_count;
	unsigned ours[OUR_NAMES]; /* fields of each of our names */
	struct edits edits;
};

struct session {
	struct session_pool *pool;
	struct snapshot *snapshot;
	struct session_macros macros;
	union {
		struct sockaddr any; /* AF_UNSPEC: unknown */
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} client;
	struct message message;
	struct session_answer answer;
};

/* Header fields of ours: results, advice, token, the note of who is suppressed. */
extern const char *const session_our_names[OUR_NAMES];

/* Of the client: the operator's words for it. */
bool session_is_trusted(const struct session *session);
bool session_is_outbound(const struct session *session);
/* Of the message; unknown, or "-", where the MTA tells none yet.  Then the MTA's own name, or "". */
struct span session_get_queue_id(const struct session *session);
const char *session_get_queue_id_or_dash(const struct session *session);
struct span session_get_mta(const struct session *session);
/* The answer with its text, which session_get_answer gives. */
enum session_reply session_answer_with(struct session *session, enum session_reply reply, const char *code, const char *status, const char *text);
/* Fields of ours that nobody may bring; 0 from trusted networks. */
unsigned session_count_forged(const struct session *session);

/* session_end.c: what is to be done to the message now that it is whole, and the answer. */
enum session_reply session_finish(struct session *session);

#endif
