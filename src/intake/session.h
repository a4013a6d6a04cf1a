/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one MTA connection says, message after message, and what we answer: the milter front without libmilter.
 *
 *   connect -> (mail -> rcpt* -> header* -> end_headers -> body* -> end)*, an abort at any point
 *
 * One call at a time, from changing threads.  Memory is bounded; every byte is hostile but the macros.
 */
#ifndef KODAMA_INTAKE_SESSION_H
#define KODAMA_INTAKE_SESSION_H

#include <sys/socket.h>

#include "intake/intake.h"

struct session;
struct session_pool;

enum session_reply {
	SESSION_CONTINUE,
	SESSION_ACCEPT,  /* nothing more of this message is needed */
	SESSION_SKIP,    /* nothing more of this body */
	SESSION_REJECT,  /* with session_get_reply's text; at RCPT of that recipient */
	SESSION_TEMPFAIL /* the same */
};

/* Working memory (readers, arenas) that sessions borrow for one message.  is_unix: the milter socket is one. */
struct session_pool *session_pool_new(const struct intake *intake, bool is_unix);
/* kodamad keeps its own to the end of the process, since sessions may be in the middle of a callback there. */
void session_pool_free(struct session_pool *pool);

/* The MTA's macros, looked up where one is of use: most mail has a use for none.  NULL: it is not set. */
struct session_macros {
	const char *(*get)(void *data, const char *name);
	void *data;
};

/* NULL when out of memory.  It holds the snapshot of its beginning. */
struct session *session_new(struct session_pool *pool, struct session_macros macros);
void session_free(struct session *session);

/* Which macros may be of use, by the configuration, beside i, j and v: {auth_authen}; {mail_addr} at MAIL and at the end; {daemon_name}. */
bool session_wants_login(const struct session *session);
bool session_wants_sender(const struct session *session);
bool session_wants_context(const struct session *session);

/* client: NULL when unknown. */
void session_connect(struct session *session, const struct sockaddr *client);

/* sender: the first argument as it stands. */
enum session_reply session_mail(struct session *session, const char *sender);
/* After it, for what a token needs: each parameter of MAIL ("ENVID=..."). */
void session_parameter(struct session *session, const char *parameter);
enum session_reply session_rcpt(struct session *session, const char *recipient);
void session_header(struct session *session, const char *name, const char *value);
enum session_reply session_end_headers(struct session *session);
enum session_reply session_body(struct session *session, struct span chunk);

/* *ret_edits is to be applied before the answer is given; borrowed until the next call. */
enum session_reply session_end(struct session *session, const struct edits **ret_edits);
void session_abort(struct session *session);

/* The reply of the last SESSION_REJECT or SESSION_TEMPFAIL. */
struct session_answer {
	const char *code, *status, *text;
};
struct session_answer session_get_answer(const struct session *session);

#endif
