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
void session_pool_free(struct session_pool *pool);

/* NULL when out of memory.  It holds the snapshot of its beginning. */
struct session *session_new(struct session_pool *pool);
void session_free(struct session *session);

/* client: NULL when unknown.  is_postfix: by the macro v.  host: the macro j. */
void session_connect(struct session *session, const struct sockaddr *client, bool is_postfix, const char *host);
/* Which macros are of use, by the configuration: {mail_addr} at MAIL and at the end; {daemon_name}. */
bool session_wants_sender(const struct session *session);
bool session_wants_context(const struct session *session);

/* After it: the macro {daemon_name}, which may be NULL; with stream = policy-context it names the stream. */
void session_set_context(struct session *session, const char *name);

/* sender: the first argument as it stands.  has_queue_id: the macro i is there already.  login: {auth_authen}, or NULL. */
enum session_reply session_mail(struct session *session, const char *sender, bool has_queue_id, const char *login);
/* After it, for what a token needs: each parameter of MAIL ("ENVID=..."), and the macro {mail_addr}, here and before the end. */
void session_parameter(struct session *session, const char *parameter);
void session_note_sender(struct session *session, const char *address);
enum session_reply session_rcpt(struct session *session, const char *recipient, const char *queue_id);
void session_header(struct session *session, const char *name, const char *value);
enum session_reply session_end_headers(struct session *session);
enum session_reply session_body(struct session *session, struct span chunk);

/* *ret_edits is to be applied before the answer is given; borrowed until the next call. */
enum session_reply session_end(struct session *session, const char *queue_id, const struct edits **ret_edits);
void session_abort(struct session *session);

/* The reply of the last SESSION_REJECT or SESSION_TEMPFAIL. */
struct session_answer {
	const char *code, *status, *text;
};
struct session_answer session_get_answer(const struct session *session);

#endif
