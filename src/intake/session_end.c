/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a message: what is taken out of it, what a bounce says and what that comes to; see session.h. */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "base/shortage.h"
#include "flow/counter.h"
#include "intake/session_private.h"
#include "reply/action.h"

/* FORGED_MAX: honest mail has as many as it had hops with a Kodama; each one taken out costs the MTA a look at the whole header */
enum { FORGED_MAX = 1000 };

static int add_edit(struct message *message, enum edit_kind kind, const char *name, unsigned index)
{
	return edits_add(&message->edits, message->work->arena, kind, name, NULL, index);
}

/* The last one first: the numbers of those before it stay what they were. */
static int remove_forged(struct session *session)
{
	struct message *message = &session->message;

	for (size_t i = 0; i < OUR_NAMES; i++)
		for (unsigned n = message->ours[i]; n > 0; n--)
			if (add_edit(message, EDIT_REMOVE_HEADER, session_our_names[i], n) < 0)
				return -ENOMEM;
	return 0;
}

static int remove_recipients(struct message *message)
{
	for (const struct removal *removal = message->removals; removal; removal = removal->next)
		if (add_edit(message, EDIT_REMOVE_RECIPIENT, removal->recipient, 0) < 0)
			return -ENOMEM;
	counter_add(COUNTER_MILTER_REMOVED, message->removal_count);
	return 0;
}

static int write_notes(struct message *message)
{
	for (const struct note *note = message->notes; note; note = note->next)
		if (edits_add(&message->edits, message->work->arena, EDIT_ADD_HEADER, HEADER_SUPPRESSED, note->value, 0) < 0)
			return -ENOMEM;
	return 0;
}

static struct origin_facts make_facts(const struct session *session)
{
	const struct message *message = &session->message;
	bool is_own = message->is_own_bounce && !message->has_travelled;
	bool is_local = is_own && session->pool->is_unix && session->snapshot->is_local_submission_trusted;

	return (struct origin_facts){
		.source = SOURCE_MILTER,
		.proof = is_local ? PROOF_LOCAL : PROOF_NONE,
		.host = session_get_mta(session),
		.stream = SPAN_LIT(""),
		.bounced_to = message->first_recipient,
		.is_from_our_mta = is_own,
		/* another MTA of ours hands on what it has made */
		.may_be_ours = is_own || session_is_outbound(session) || session_is_trusted(session),
		.now_s = time(NULL),
	};
}

static void log_failed(const struct session *session, const char *what, int error)
{
	counter_add(COUNTER_MILTER_FAILED_OPEN, 1);
	log_event(LOG_LEVEL_ERROR, what, "front=milter queue_id=%s error=\"%s\"", session_get_queue_id_or_dash(session), strerror(-error));
}

/*
 * Nothing could keep the outcomes.  A remote MTA keeps its bounce when asked to come again; our own MTA would retry
 * its bounce for days, so that one passes, and the loss is said aloud.
 */
static enum session_reply answer_lost(struct session *session, int error)
{
	log_failed(session, "outcomes-lost", error);
	if (!session->message.is_smtp)
		return SESSION_FAIL_OPEN;
	counter_add(COUNTER_MILTER_TEMPFAILED, 1);
	return session_answer_with(session, SESSION_TEMPFAIL, "451", "4.3.0", "the outcomes of this bounce cannot be kept now, try again later");
}

/*
 * A bounce of mail that we did not send.  Our own MTA would retry for days what we refuse of it, and our own hosts
 * know what they hand on.
 */
static enum session_reply take_backscatter(struct session *session)
{
	static const char *const actions[] = { "marked", "refused", "quarantined" };
	struct message *message = &session->message;
	bool is_from_outside = message->is_smtp && message->login.len == 0 && !session_is_trusted(session) && !session_is_outbound(session);
	enum backscatter action = is_from_outside && flow_is_null_sender(message->sender) ? session->snapshot->backscatter : BACKSCATTER_MARK;

	counter_add(COUNTER_MILTER_BACKSCATTER, 1);
	log_event(LOG_LEVEL_INFO, "backscatter", "front=milter queue_id=%s action=%s", session_get_queue_id_or_dash(session), actions[action]);
	if (action == BACKSCATTER_REJECT)
		return session_answer_with(session, SESSION_REJECT, "550", "5.7.1", "this bounce is not about mail of ours (kodama-backscatter)");
	if (action == BACKSCATTER_QUARANTINE && add_edit(message, EDIT_QUARANTINE, "a bounce of mail that is not ours (kodama-backscatter)", 0) < 0)
		log_failed(session, "edits-unmade", -ENOMEM);
	return SESSION_CONTINUE;
}

static int64_t get_time_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int sign(struct session *session)
{
	struct message *message = &session->message;

	return signing_finish(message->signing, message->is_sender_kept, get_time_us(), message->work->arena, &message->edits);
}

static enum session_reply take_bounce(struct session *session)
{
	struct workspace *work = session->message.work;
	const struct mail *mail = mail_end(work->reader);
	struct origin_facts facts = make_facts(session);
	struct failures failures;
	int error;

	error = flow_read(session->snapshot, mail, &facts, &failures);
	/* what the system had no memory for may have been what counts */
	if (shortage_get_count() != session->message.shortages)
		return answer_lost(session, -ENOMEM);
	/* more than we take of any message: coming again would change nothing */
	if (error < 0) {
		log_failed(session, "bounce-unread", error);
		return SESSION_CONTINUE;
	}
	if (failures.count == 0)
		return SESSION_CONTINUE;
	counter_add(COUNTER_MILTER_BOUNCES, 1);
	if (!workspace_take_scratch(session->pool->workspaces, work))
		return answer_lost(session, -ENOMEM);
	flow_classify(session->snapshot, work->scratch, &failures);
	error = flow_decide(session->snapshot, session->pool->intake.writer, &facts, &failures);
	if (error < 0 && error != -EINPROGRESS)
		return answer_lost(session, error);
	intake_log_failures("milter", session_get_queue_id(session), &failures);
	error = flow_reply(session->snapshot, &facts, &failures, work->arena, &session->message.edits);
	if (error < 0)
		log_failed(session, "headers-unwritten", error);
	return failures.is_backscatter_likely ? take_backscatter(session) : SESSION_CONTINUE;
}

/* More than anybody removes for nothing: to let it pass with some of them would make them ours. */
static enum session_reply refuse_forged(struct session *session)
{
	counter_add(COUNTER_MILTER_FORGED, 1);
	log_event(LOG_LEVEL_WARNING, "forged-refused", "front=milter queue_id=%s fields=%u", session_get_queue_id_or_dash(session), session_count_forged(session));
	return session_answer_with(session, SESSION_REJECT, "550", "5.6.0", "too many X-Bounce and X-Kodama fields");
}

enum session_reply session_finish(struct session *session)
{
	struct message *message = &session->message;
	int error = 0;

	if (message->is_smtp && session_count_forged(session) > FORGED_MAX)
		return refuse_forged(session);

	/* Nobody is left: a mail without recipients would vanish, so the whole mail is refused; see kodamad(8). */
	if (message->removals && message->removal_count == message->recipients) {
		if (message->removal_count > 1)
			session_answer_with(session, SESSION_REJECT, "550", "5.1.1", "every recipient is suppressed " REFUSAL_MARK);
		return SESSION_REJECT;
	}
	if (session_count_forged(session) > 0) {
		counter_add(COUNTER_MILTER_FORGED, 1);
		error = remove_forged(session);
	}
	if (error == 0)
		error = remove_recipients(message);
	if (error == 0)
		error = write_notes(message);
	if (error == 0 && message->signing)
		error = sign(session);
	if (error < 0)
		log_failed(session, "edits-unmade", error);
	return message->is_candidate ? take_bounce(session) : SESSION_CONTINUE;
}
