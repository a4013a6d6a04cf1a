/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmilter's callbacks.  Each one finds its session on the context, asks it, and translates the answer into what the
 * MTA and we have agreed on.  A callback never fails: without a session the mail passes.
 */
#include "intake/milter.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "flow/counter.h"
#include "intake/session.h"
#include "loop/socket.h"

/* When anything fails inside, mail flows. */
#define MILTER_FAIL_OPEN SMFIS_ACCEPT

enum {
	ACTIONS_WANTED = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT | SMFIF_SETSYMLIST | SMFIF_CHGFROM | SMFIF_QUARANTINE,
	STEPS_UNWANTED = SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN,
	STEPS_ALL = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN,
	REPLIES_UNWANTED = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR,
	CONNECTIONS_WAITING = 1024, /* libmilter's own 20 make a burst on a unix socket fail at once */
	STOP_POLL_MS = 10
};

/* libmilter is one to a process and gives negotiate() nothing to find its owner by. */
static struct {
	struct session_pool *pool;
	char address[512];
	bool is_unix;
	unsigned running; /* callbacks in progress; atomic */
	bool is_stopping; /* atomic */
	bool has_stopped; /* smfi_stop has returned; atomic */
	bool has_ended;   /* smfi_main has returned; atomic */
	bool is_closed;   /* what the callbacks work with may be gone; atomic */
	pthread_t thread;
	bool has_thread;
	void (*ended)(void *data);
	void *data;
} front;

/* On the context: the session, and what was agreed with this MTA. */
struct context {
	struct session *session;
	unsigned long steps;
	unsigned long actions;
};

/* --- the frame of every callback */

/*
 * Counted first, asked afterwards: whoever closes, and then finds nobody counted, is alone.  A worker of libmilter's that
 * comes too late gets no further, and the process ends over it; to answer would be to acknowledge what nobody keeps.
 */
static struct context *enter(SMFICTX *ctx)
{
	__atomic_add_fetch(&front.running, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&front.is_closed, __ATOMIC_SEQ_CST)) {
		__atomic_sub_fetch(&front.running, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	return smfi_getpriv(ctx);
}

static sfsistat leave(sfsistat status)
{
	__atomic_sub_fetch(&front.running, 1, __ATOMIC_ACQ_REL);
	return status;
}

/* "Go on", as silently as was agreed: an answer that the MTA does not wait for would be an error. */
static sfsistat leave_silently(const struct context *context, unsigned long no_reply)
{
	return leave(context && (context->steps & no_reply) ? SMFIS_NOREPLY : SMFIS_CONTINUE);
}

static const char *get_macro(void *ctx, const char *name)
{
	return smfi_getsymval(ctx, (char *)name);
}

static struct context *context_new(SMFICTX *ctx)
{
	struct context *context = malloc(sizeof(*context));

	if (context)
		*context = (struct context){ .session = session_new(front.pool, (struct session_macros){ get_macro, ctx }) };
	if (!context || !context->session || smfi_setpriv(ctx, context) == MI_FAILURE) {
		if (context)
			session_free(context->session);
		free(context);
		counter_add(COUNTER_MILTER_FAILED_OPEN, 1);
		return NULL;
	}
	return context;
}

/* One answer of the session as libmilter wants it. */
static sfsistat translate(SMFICTX *ctx, const struct context *context, enum session_reply reply)
{
	struct session_answer answer = session_get_answer(context->session);

	switch (reply) {
	case SESSION_CONTINUE:
		return SMFIS_CONTINUE;
	case SESSION_ACCEPT:
		return SMFIS_ACCEPT;
	case SESSION_SKIP:
		return context->steps & SMFIP_SKIP ? SMFIS_SKIP : SMFIS_CONTINUE;
	case SESSION_REJECT:
	case SESSION_TEMPFAIL:
		if (smfi_setreply(ctx, (char *)answer.code, (char *)answer.status, (char *)answer.text) == MI_FAILURE)
			log_event(LOG_LEVEL_WARNING, "reply-unset", "front=milter text=\"%s\"", answer.text);
		return reply == SESSION_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	}
	return MILTER_FAIL_OPEN;
}

/* --- the callbacks, in the order of the protocol */

static void ask_for_macros(SMFICTX *ctx, const struct session *session)
{
	const bool signs = session_wants_sender(session);
	const struct { int stage; const char *macros; } wanted[] = {
		{ SMFIM_CONNECT, session_wants_context(session) ? "j v {daemon_name}" : "j v" },
		{ SMFIM_ENVFROM, signs ? "i {auth_authen} {mail_addr}" : session_wants_login(session) ? "i {auth_authen}" : "i" },
		/* who asks for nothing at a stage gets what the MTA thinks fit, which is more */
		{ SMFIM_ENVRCPT, "i" },
		{ SMFIM_EOM, signs ? "i {mail_addr}" : "i" },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		(void)smfi_setsymlist(ctx, wanted[i].stage, (char *)wanted[i].macros);
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3)
{
	struct context *context;

	(void)f2;
	(void)f3;
	enter(ctx);
	*ret_actions = actions & ACTIONS_WANTED;
	*ret_steps = steps & (STEPS_UNWANTED | REPLIES_UNWANTED | SMFIP_SKIP);
	*ret_f2 = *ret_f3 = 0;
	context = context_new(ctx);
	if (!context) {
		/* nothing of this client's mail is wanted: it passes */
		*ret_steps = steps & STEPS_ALL;
		return leave(SMFIS_CONTINUE);
	}
	if (*ret_actions & SMFIF_SETSYMLIST)
		ask_for_macros(ctx, context->session);
	context->actions = *ret_actions;
	context->steps = *ret_steps;
	return leave(SMFIS_CONTINUE);
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *client)
{
	struct context *context = enter(ctx);

	(void)name;
	/* an MTA so old that it does not negotiate */
	if (!context)
		context = context_new(ctx);
	if (!context)
		return leave(MILTER_FAIL_OPEN);
	session_connect(context->session, (const struct sockaddr *)client);
	return leave_silently(context, SMFIP_NR_CONN);
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct context *context = enter(ctx);

	if (!context)
		return leave(MILTER_FAIL_OPEN);
	(void)session_mail(context->session, args[0] ? args[0] : "");
	for (char **parameter = args; parameter[0] && parameter[1]; parameter++)
		session_parameter(context->session, parameter[1]);
	return leave_silently(context, SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **args)
{
	struct context *context = enter(ctx);

	if (!context || !args[0])
		return leave(SMFIS_CONTINUE);
	return leave(translate(ctx, context, session_rcpt(context->session, args[0])));
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct context *context = enter(ctx);

	if (context)
		session_header(context->session, name, value);
	return leave_silently(context, SMFIP_NR_HDR);
}

static sfsistat on_end_headers(SMFICTX *ctx)
{
	struct context *context = enter(ctx);

	if (!context)
		return leave(MILTER_FAIL_OPEN);
	return leave(translate(ctx, context, session_end_headers(context->session)));
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t size)
{
	struct context *context = enter(ctx);

	if (!context)
		return leave(MILTER_FAIL_OPEN);
	return leave(translate(ctx, context, session_body(context->session, span_make((const char *)bytes, size))));
}

/* The one place where a message is changed. */
static int apply_edit(SMFICTX *ctx, const struct context *context, const struct edit *edit, int *place)
{
	switch (edit->kind) {
	case EDIT_ADD_HEADER:
		if (!(context->actions & SMFIF_ADDHDRS))
			return MI_FAILURE;
		return smfi_insheader(ctx, (*place)++, (char *)edit->name, (char *)edit->value);
	case EDIT_REMOVE_HEADER:
		if (!(context->actions & SMFIF_CHGHDRS))
			return MI_FAILURE;
		return smfi_chgheader(ctx, (char *)edit->name, (int)edit->index, NULL);
	case EDIT_REMOVE_RECIPIENT:
		if (!(context->actions & SMFIF_DELRCPT))
			return MI_FAILURE;
		return smfi_delrcpt(ctx, (char *)edit->name);
	case EDIT_CHANGE_SENDER:
		if (!(context->actions & SMFIF_CHGFROM))
			return MI_FAILURE;
		return smfi_chgfrom(ctx, (char *)edit->name, (char *)edit->value);
	case EDIT_QUARANTINE:
		if (!(context->actions & SMFIF_QUARANTINE))
			return MI_FAILURE;
		return smfi_quarantine(ctx, (char *)edit->name);
	}
	return MI_FAILURE;
}

static void apply_edits(SMFICTX *ctx, const struct context *context, const struct edits *edits)
{
	unsigned failed = 0;
	int place = 0;

	for (const struct edit *edit = edits->first; edit; edit = edit->next)
		failed += apply_edit(ctx, context, edit, &place) == MI_FAILURE;
	if (failed > 0)
		log_event(LOG_LEVEL_WARNING, "edits-refused", "front=milter edits=%zu failed=%u", edits->count, failed);
}

static sfsistat on_end(SMFICTX *ctx)
{
	struct context *context = enter(ctx);
	const struct edits *edits;
	sfsistat status;

	if (!context)
		return leave(MILTER_FAIL_OPEN);
	status = translate(ctx, context, session_end(context->session, &edits));
	apply_edits(ctx, context, edits);
	/* between two messages a session holds no memory for one */
	session_abort(context->session);
	return leave(status);
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct context *context = enter(ctx);

	if (context)
		session_abort(context->session);
	return leave(SMFIS_CONTINUE);
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct context *context = enter(ctx);

	if (context) {
		smfi_setpriv(ctx, NULL);
		session_free(context->session);
		free(context);
	}
	return leave(SMFIS_CONTINUE);
}

/* --- start and stop */

static struct smfiDesc description = {
	.xxfi_name = "kodamad",
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = ACTIONS_WANTED,
	.xxfi_connect = on_connect,
	.xxfi_envfrom = on_mail,
	.xxfi_envrcpt = on_rcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_end_headers,
	.xxfi_body = on_body,
	.xxfi_eom = on_end,
	.xxfi_abort = on_abort,
	.xxfi_close = on_close,
	.xxfi_negotiate = on_negotiate,
};

/* libmilter has a name of its own for IPv6 */
static void write_address(const char *address, char *out, size_t size)
{
	const char *host = strchr(address, '@');

	if (strncmp(address, "inet:", 5) == 0 && host && strchr(host, ':'))
		snprintf(out, size, "inet6:%s", address + 5);
	else
		snprintf(out, size, "%s", address);
}

int milter_open(const struct milter_options *options, struct complaint *complaint)
{
	char address[512];

	write_address(options->address, address, sizeof(address));
	snprintf(front.address, sizeof(front.address), "%s", options->address);
	front.is_unix = strncmp(address, "unix:", 5) == 0;
	if (smfi_setconn(address) == MI_FAILURE || smfi_register(description) == MI_FAILURE || smfi_setbacklog(CONNECTIONS_WAITING) == MI_FAILURE ||
	    smfi_opensocket(false) == MI_FAILURE) {
		complaint_set(complaint, "", 0, "%s: the milter cannot listen there", options->address);
		return -EADDRINUSE;
	}
	return 0;
}

static void *run(void *unused)
{
	int result = smfi_main();

	(void)unused;
	__atomic_store_n(&front.has_ended, true, __ATOMIC_RELEASE);
	if (__atomic_load_n(&front.is_stopping, __ATOMIC_ACQUIRE))
		return NULL;
	if (result == MI_SUCCESS) {
		/* Its signal thread, on its way to its first wait, can find a TERM that waits for the main thread: it is handed on. */
		log_event(LOG_LEVEL_INFO, "milter-signalled", "signal=TERM");
		(void)kill(getpid(), SIGTERM);
	} else {
		log_event(LOG_LEVEL_ERROR, "milter-ended", "result=%d", result);
		front.ended(front.data);
	}
	return NULL;
}

int milter_start(const struct intake *intake, void (*ended)(void *data), void *data)
{
	int error;

	front.ended = ended;
	front.data = data;
	front.pool = session_pool_new(intake, front.is_unix);
	if (!front.pool)
		return -ENOMEM;
	error = pthread_create(&front.thread, NULL, run, NULL);
	front.has_thread = error == 0;
	return -error;
}

static void pause_ms(unsigned ms)
{
	struct timespec pause = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&pause, NULL);
}

static void *call_stop(void *unused)
{
	(void)unused;
	smfi_stop();
	__atomic_store_n(&front.has_stopped, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * smfi_stop() waits for a lock that the listener holds while it waits for a connection, up to five seconds.  So
 * somebody connects, until libmilter has noticed.  false: it has not.
 */
static bool stop_listener(unsigned patience_ms)
{
	pthread_t thread;
	unsigned waited_ms = 0;
	int fd;

	if (pthread_create(&thread, NULL, call_stop, NULL) != 0)
		return false;
	while (!__atomic_load_n(&front.has_stopped, __ATOMIC_ACQUIRE) || !__atomic_load_n(&front.has_ended, __ATOMIC_ACQUIRE)) {
		if (waited_ms >= patience_ms)
			return false;
		pause_ms(STOP_POLL_MS);
		waited_ms += STOP_POLL_MS;
		if (socket_connect(front.address, STOP_POLL_MS, &fd) == 0)
			close(fd);
	}
	pthread_join(thread, NULL);
	pthread_join(front.thread, NULL);
	return true;
}

bool milter_stop(unsigned patience_ms)
{
	if (!front.has_thread)
		return true;
	__atomic_store_n(&front.is_stopping, true, __ATOMIC_RELEASE);
	if (!stop_listener(patience_ms))
		return false;
	front.has_thread = false;
	__atomic_store_n(&front.is_closed, true, __ATOMIC_SEQ_CST);
	for (unsigned waited_ms = 0; __atomic_load_n(&front.running, __ATOMIC_SEQ_CST) > 0; waited_ms += STOP_POLL_MS) {
		if (waited_ms >= patience_ms)
			return false;
		pause_ms(STOP_POLL_MS);
	}
	/* the pool stays: a worker of libmilter's may still come back for a session that it has not closed */
	return true;
}
