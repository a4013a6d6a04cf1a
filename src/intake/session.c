/* SPDX-License-Identifier: BSD-2-Clause */
/* One MTA connection, message after message; see session.h.  One call at a time, from changing threads. */
#include "intake/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/shortage.h"
#include "flow/counter.h"
#include "reply/action.h"

const char *const session_our_names[OUR_NAMES] = { HEADER_RESULT, HEADER_ADVICE, HEADER_TOKEN, HEADER_SUPPRESSED };

/* More than a mail_reader reads of a header, and far less than a message's memory: what is to be taken out always has room. */
enum { FIELDS_KEPT_MAX = 2 << 20 };

/* A name of the MTA's that is longer is cut. */
enum { HOST_MAX = 255 };

struct session_pool *session_pool_new(const struct intake *intake, bool is_unix)
{
	struct session_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->intake = *intake;
	pool->is_unix = is_unix;
	pool->workspaces = workspace_pool_new();
	if (!pool->workspaces) {
		free(pool);
		return NULL;
	}
	return pool;
}

void session_pool_free(struct session_pool *pool)
{
	if (!pool)
		return;
	workspace_pool_free(pool->workspaces);
	free(pool);
}

/* --- the connection */

struct session *session_new(struct session_pool *pool, struct session_macros macros)
{
	struct session *session = malloc(sizeof(*session));

	if (!session)
		return NULL;
	*session = (struct session){ .pool = pool, .snapshot = current_get(pool->intake.current), .macros = macros };
	counter_add(COUNTER_MILTER_SESSIONS, 1);
	counter_add(COUNTER_MILTER_OPEN, 1);
	return session;
}

static void message_reset(struct session *session)
{
	if (!session->message.work)
		return;
	workspace_give(session->pool->workspaces, session->message.work);
	session->message = (struct message){ .work = NULL };
}

void session_free(struct session *session)
{
	if (!session)
		return;
	message_reset(session);
	counter_drop(COUNTER_MILTER_OPEN);
	snapshot_unref(session->snapshot);
	free(session);
}

void session_connect(struct session *session, const struct sockaddr *client)
{
	if (client && client->sa_family == AF_INET)
		session->client.v4 = *(const struct sockaddr_in *)(const void *)client;
	else if (client && client->sa_family == AF_INET6)
		session->client.v6 = *(const struct sockaddr_in6 *)(const void *)client;
}

/* 0: the client has none, or is unknown */
static uint16_t get_port(const struct session *session)
{
	switch (session->client.any.sa_family) {
	case AF_INET:
		return ntohs(session->client.v4.sin_port);
	case AF_INET6:
		return ntohs(session->client.v6.sin6_port);
	default:
		return 0;
	}
}

bool session_is_trusted(const struct session *session)
{
	return networks_has(&session->snapshot->trusted_networks, &session->client.any);
}

bool session_is_outbound(const struct session *session)
{
	return networks_has(&session->snapshot->outbound_networks, &session->client.any);
}

static bool is_loopback(const struct session *session)
{
	static struct network items[] = {
		{ .bytes = { [10] = 0xff, [11] = 0xff, [12] = 127 }, .bits = 104 },
		{ .bytes = { [15] = 1 }, .bits = 128 },
	};
	static const struct networks loopback = { items, 2 };

	return networks_has(&loopback, &session->client.any);
}

/* --- macros */

bool session_wants_login(const struct session *session)
{
	const struct snapshot *snapshot = session->snapshot;
	bool has_exempt = snapshot->limits.exempt_logins && snapshot->limits.exempt_logins[0];

	return snapshot->signs_mail || snapshot->stream_kind == STREAM_LOGIN || snapshot->backscatter != BACKSCATTER_MARK || has_exempt;
}

bool session_wants_sender(const struct session *session)
{
	return session->snapshot->signs_mail;
}

bool session_wants_context(const struct session *session)
{
	return session->snapshot->stream_kind == STREAM_POLICY_CONTEXT;
}

static struct span get_macro(const struct session *session, const char *name)
{
	return span_of(session->macros.get(session->macros.data, name));
}

struct span session_get_queue_id(const struct session *session)
{
	return get_macro(session, "i");
}

const char *session_get_queue_id_or_dash(const struct session *session)
{
	struct span id = session_get_queue_id(session);

	return span_is_known(id) ? id.ptr : "-";
}

struct span session_get_mta(const struct session *session)
{
	struct span name = get_macro(session, "j");

	return span_is_known(name) ? span_slice(name, 0, HOST_MAX) : SPAN_LIT("");
}

/* --- the envelope */

enum session_reply session_answer_with(struct session *session, enum session_reply reply, const char *code, const char *status, const char *text)
{
	char *out = arena_take(session->message.work->arena, REFUSAL_SIZE);
	size_t len = 0;

	session->answer = (struct session_answer){ code, status, out ? out : REFUSAL_MARK };
	/* libmilter reads a percent sign as a format's */
	for (; out && *text && len + 2 < REFUSAL_SIZE; text++) {
		if (*text == '%')
			out[len++] = '%';
		out[len++] = (unsigned char)*text < ' ' ? ' ' : *text;
	}
	if (out)
		out[len] = '\0';
	return reply;
}

struct session_answer session_get_answer(const struct session *session)
{
	return session->answer;
}

/*
 * Does a client wait for our word on each recipient?  smtpd hands on the client's "<...>"; cleanup, for sendmail(1), for
 * QMQP and for Postfix's own bounces, hands on bare addresses, and knows the queue id from the first command on.
 */
static bool is_smtp_session(const struct session *session, struct span sender)
{
	/* a bare address may begin with one, but not end with one */
	if (sender.len > 0 && sender.ptr[0] == '<' && sender.ptr[sender.len - 1] == '>')
		return true;
	if (get_port(session) == 0)
		return false;
	return session_get_queue_id(session).len == 0 || !span_has_prefix(get_macro(session, "v"), SPAN_LIT("Postfix"));
}

/* The macro {mail_addr}: is it at the end of the message what it was at MAIL? */
static void note_sender(struct session *session)
{
	struct message *message = &session->message;
	struct span address = message->signing ? get_macro(session, "{mail_addr}") : SPAN_NONE;

	if (!span_is_known(address))
		return;
	if (!span_is_known(message->noted_sender))
		message->noted_sender = arena_copy(message->work->arena, address);
	else
		message->is_sender_kept = span_is_equal(message->noted_sender, address);
}

/* The mail's stream, and what its token will be made of if it gets one. */
static void begin_outbound(struct session *session)
{
	const struct snapshot *snapshot = session->snapshot;
	struct message *message = &session->message;
	struct submission submission = { .is_smtp = message->is_smtp };

	if (snapshot->stream_kind == STREAM_NONE && !snapshot->signs_mail)
		return;
	submission.sender = message->sender;
	submission.login = message->login;
	submission.context = session_wants_context(session) ? arena_copy(message->work->arena, get_macro(session, "{daemon_name}")) : SPAN_NONE;
	submission.is_outbound = session_is_outbound(session);
	flow_make_stream(snapshot, &submission, message->stream);
	message->signing = signing_begin(snapshot, &submission, message->work->arena);
	note_sender(session);
}

static struct span get_login(const struct session *session)
{
	struct span login = session_wants_login(session) ? get_macro(session, "{auth_authen}") : SPAN_NONE;

	return span_is_known(login) ? arena_copy(session->message.work->arena, login) : SPAN_LIT("");
}

enum session_reply session_mail(struct session *session, const char *sender)
{
	struct message *message = &session->message;

	message_reset(session);
	counter_add(COUNTER_MILTER_MESSAGES, 1);
	message->shortages = shortage_get_count();
	message->work = workspace_take(session->pool->workspaces);
	if (!message->work) {
		counter_add(COUNTER_MILTER_FAILED_OPEN, 1);
		return SESSION_FAIL_OPEN;
	}
	message->sender = arena_copy(message->work->arena, span_of(sender));
	message->login = get_login(session);
	message->is_smtp = is_smtp_session(session, message->sender);
	message->is_own_bounce = !message->is_smtp && message->sender.len == 0 && get_port(session) == 0 && is_loopback(session);
	struct span bare = message->sender;
	if (bare.len >= 2 && bare.ptr[0] == '<' && bare.ptr[bare.len - 1] == '>')
		bare = span_slice(bare, 1, bare.len - 1);
	message->bare_sender = bare;
	glance_begin(&message->glance, bare);
	begin_outbound(session);
	return SESSION_CONTINUE;
}

void session_parameter(struct session *session, const char *parameter)
{
	if (session->message.signing)
		signing_add_parameter(session->message.signing, parameter, session->message.work->arena);
}

static void log_answer(const struct session *session, const struct answer *answer, const char *action)
{
	intake_log_answer("milter", session_get_queue_id(session), answer, action);
}

/* One host's name in all that it writes. */
static const char *get_host(const struct session *session)
{
	const char *given = session->snapshot->host;
	struct span mta = given[0] ? SPAN_NONE : arena_copy(session->message.work->arena, session_get_mta(session));

	return given[0] ? given : mta.len > 0 ? mta.ptr : "localhost";
}

/* Who was suppressed, to be said in the mail's header; past some, or without memory, only the log knows. */
static void note_suppressed(struct session *session, const struct answer *answer, const char *action)
{
	struct message *message = &session->message;
	struct arena *arena = message->work->arena;
	struct note *note = message->note_count < RESULTS_MAX ? arena_alloc(arena, sizeof(*note)) : NULL;
	struct span value = note ? header_format_suppressed(address_get(&answer->recipient), answer->hit.class_id, answer->hit.since_s, action, get_host(session), arena) :
				   SPAN_NONE;

	if (!span_is_known(value))
		return;
	*note = (struct note){ value.ptr, message->notes };
	message->notes = note;
	message->note_count++;
}

/* Without memory for it the recipient stays: mail flows. */
static enum session_reply remove_later(struct session *session, const char *recipient, const struct answer *answer)
{
	struct message *message = &session->message;
	struct removal *removal = arena_alloc(message->work->arena, sizeof(*removal));
	struct span copy = arena_copy(message->work->arena, span_of(recipient));

	message->recipients++;
	if (!removal || !copy.ptr)
		return SESSION_CONTINUE;
	*removal = (struct removal){ copy.ptr, message->removals };
	message->removals = removal;
	message->removal_count++;
	session_answer_with(session, SESSION_CONTINUE, "550", "5.1.1", answer->text);
	log_answer(session, answer, "removed");
	if (session->snapshot->tells_removed)
		note_suppressed(session, answer, "removed");
	return SESSION_CONTINUE;
}

static enum session_reply let_pass(struct session *session, const char *recipient)
{
	struct message *message = &session->message;

	if (message->recipients++ == 0)
		message->first_recipient = arena_copy(message->work->arena, span_of(recipient));
	signing_add_recipient(message->signing, recipient, message->work->arena);
	return SESSION_CONTINUE;
}

enum session_reply session_rcpt(struct session *session, const char *recipient)
{
	struct message *message = &session->message;
	struct answer answer;

	if (!message->work)
		return SESSION_CONTINUE;
	struct question question = { .front = SIGHTING_MILTER, .recipient = span_of(recipient), .sender = message->sender, .login = message->login,
				     .stream = span_of(message->stream),
				     .now_s = time(NULL) };
	flow_ask(session->snapshot, session->pool->intake.index, &question, &answer);
	if (answer.is_dry_run)
		log_answer(session, &answer, "dry-run");
	if (!answer.is_suppressed)
		return let_pass(session, recipient);
	enum reaction reaction = session->snapshot->milter_reaction;
	if (reaction == REACTION_MARK) {
		let_pass(session, recipient);
		note_suppressed(session, &answer, "marked");
		log_answer(session, &answer, "marked");
		return SESSION_CONTINUE;
	}
	if (!message->is_smtp || reaction == REACTION_REMOVE)
		return remove_later(session, recipient, &answer);
	counter_add(COUNTER_MILTER_REFUSED, 1);
	log_answer(session, &answer, reaction == REACTION_TEMPFAIL ? "tempfailed" : "refused");
	if (reaction == REACTION_TEMPFAIL)
		return session_answer_with(session, SESSION_TEMPFAIL, "450", "4.1.1", answer.text);
	return session_answer_with(session, SESSION_REJECT, "550", "5.1.1", answer.text);
}

/* --- the message */

/* Our own names in what comes from outside are lies; from our own hosts they mean that the mail was handled before. */
static void take_ours(struct session *session, struct span name, struct span value)
{
	struct message *message = &session->message;
	bool is_from_us = session_is_trusted(session);

	if (is_from_us && span_is_equal_nocase(name, SPAN_LIT(HEADER_TOKEN)))
		signing_add_token(message->signing, value.ptr, time(NULL));
	for (size_t i = 0; i < OUR_NAMES; i++)
		if (span_is_equal_nocase(name, span_of(session_our_names[i]))) {
			message->ours[i]++;
			message->has_results = message->has_results || (i == 0 && is_from_us);
		}
}

/* Name and value side by side in one piece; without room for it the mail has one field less. */
static void keep_field(struct message *message, struct span name, struct span value)
{
	size_t size = sizeof(struct raw_field) + name.len + value.len;
	struct raw_field *field = message->fields_size + size <= FIELDS_KEPT_MAX ? arena_take(message->work->arena, size) : NULL;

	if (!field)
		return;
	message->fields_size += size;
	char *bytes = (char *)(field + 1);
	memcpy(bytes, name.ptr, name.len);
	memcpy(bytes + name.len, value.ptr, value.len);
	*field = (struct raw_field){ span_make(bytes, name.len), span_make(bytes + name.len, value.len), NULL };
	if (message->last_field)
		message->last_field->next = field;
	else
		message->fields = field;
	message->last_field = field;
}

void session_header(struct session *session, const char *name, const char *value)
{
	struct message *message = &session->message;

	if (!message->work)
		return;
	/* "X-Bounce-Result : x" is the same field (RFC 5322 section 4.5) */
	struct span field = span_trim(span_of(name)), text = span_of(value);
	if (header_is_ours(field)) {
		take_ours(session, field, text);
		return;
	}
	/* a bounce as it is made bears none (RFC 5321 section 4.4 has each MTA add its own): a pipe or .forward hands on another's */
	if (!message->has_travelled && span_is_equal_nocase(field, SPAN_LIT("Received")))
		message->has_travelled = true;
	glance_add(&message->glance, session->snapshot->formats, field, text);
	keep_field(message, field, text);
}

unsigned session_count_forged(const struct session *session)
{
	unsigned count = 0;

	for (size_t i = 0; i < OUR_NAMES; i++)
		count += session->message.ours[i];
	return count > 0 && session_is_trusted(session) ? 0 : count;
}

/* By its header: may the mail be a bounce, in RFC 3464's form or in one of formats.d?  Nearly none may, and is not read. */
static bool is_candidate(const struct session *session)
{
	const struct message *message = &session->message;
	const struct formats *formats = session->snapshot->formats;
	struct mail_reader *reader = message->work->reader;

	if (message->has_results || !glance_may_be_candidate(&message->glance))
		return false;
	mail_begin(reader, message->bare_sender);
	for (const struct raw_field *field = message->fields; field; field = field->next)
		mail_add_header(reader, field->name, field->value);
	mail_end_headers(reader);
	return mail_is_candidate(reader) || (formats && formats_is_candidate(formats, mail_get(reader)));
}

enum session_reply session_end_headers(struct session *session)
{
	struct message *message = &session->message;

	if (!message->work)
		return SESSION_FAIL_OPEN;
	message->is_candidate = is_candidate(session);
	if (message->is_candidate) {
		counter_add(COUNTER_MILTER_CANDIDATES, 1);
		return SESSION_CONTINUE;
	}
	if (message->removals || message->notes || message->signing || session_count_forged(session) > 0)
		return SESSION_CONTINUE;
	message_reset(session);
	return SESSION_ACCEPT;
}

enum session_reply session_body(struct session *session, struct span chunk)
{
	struct message *message = &session->message;

	if (!message->work || !message->is_candidate)
		return SESSION_SKIP;
	mail_add_body(message->work->reader, chunk);
	return SESSION_CONTINUE;
}

/* --- the end of the message: session_end.c */

enum session_reply session_end(struct session *session, const struct edits **ret_edits)
{
	static const struct edits none;
	enum session_reply reply;

	*ret_edits = &none;
	if (!session->message.work)
		return SESSION_FAIL_OPEN;
	note_sender(session);
	reply = session_finish(session);
	workspace_give_scratch(session->pool->workspaces, session->message.work);
	if (reply == SESSION_CONTINUE || reply == SESSION_ACCEPT)
		*ret_edits = &session->message.edits;
	return reply;
}

void session_abort(struct session *session)
{
	message_reset(session);
}
