/* SPDX-License-Identifier: BSD-2-Clause */
/* The SMTP session in a bounce.  Pure; hostile input. */
#include "evidence/session.h"

#include <errno.h>

#include "evidence/frame.h"
#include "evidence/mailbox.h"

struct session {
	struct outcomes *outcomes;
	size_t first;
	struct arena *arena;
	enum smtp_command command;
	struct span host;
	struct span recipient; /* of the last RCPT, until its verdict */
	struct span asked;     /* of the last RCPT, if no other command came after it */
	struct span reply;     /* the last answer that was no success, all its lines; used up when it is given to somebody */
};

static struct outcome *get_outcome(struct session *session, struct span recipient)
{
	struct outcomes *outcomes = session->outcomes;
	struct outcome *outcome;

	for (size_t i = session->first; i < outcomes->count; i++) {
		if (span_is_equal_nocase(outcomes->items[i].recipient, recipient))
			return &outcomes->items[i];
	}
	outcome = outcomes_add(outcomes, session->arena);
	if (outcome)
		outcome->recipient = recipient;
	return outcome;
}

/* Words of the MTA's own, or SPAN_NONE for the remote's last answer. */
static int give(struct session *session, struct span recipient, struct span words)
{
	struct outcome *outcome = get_outcome(session, recipient);

	if (!outcome)
		return session->outcomes->is_cut ? 0 : -ENOMEM;
	/* what the remote said outranks the MTA's own words, and the first verdict stands */
	if (outcome->command != COMMAND_UNKNOWN)
		return 0;
	if (span_is_known(session->reply) && !span_is_known(words)) {
		outcome->text = session->reply;
		outcome->command = session->command;
		outcome->remote_mta = session->host;
	} else if (!span_is_known(outcome->text)) {
		outcome->text = words;
	}
	return 0;
}

static void take_command(struct session *session, struct span line)
{
	size_t at = 0;

	session->reply = SPAN_NONE;
	session->command = COMMAND_UNKNOWN;
	frame_take_command(line, &session->command);
	session->recipient = session->command == COMMAND_RCPT ? mailbox_find(line, &at) : SPAN_NONE;
	session->asked = session->recipient;
	/* "DATA" is answered by 354, the message by what comes then */
}

static int take_answer(struct session *session, struct span line, struct span whole)
{
	bool is_bad = line.len >= 3 && (line.ptr[0] == '4' || line.ptr[0] == '5') && ascii_is_digit(line.ptr[1]);

	if (!is_bad && !span_is_known(session->reply))
		return 0;
	/* "need RCPT first", to the DATA that was pipelined: it only follows from the refusals before */
	if (span_is_known(session->reply) && span_has_prefix(line, SPAN_LIT("503"))) {
		session->reply = SPAN_NONE;
		return 0;
	}
	if (!span_is_known(session->reply))
		session->reply = whole;
	else
		session->reply.len = (size_t)(whole.ptr + whole.len - session->reply.ptr);
	/* the answer to RCPT is about one recipient, named or not */
	bool is_last = line.len < 4 || line.ptr[3] != '-';
	if (is_last && is_bad && span_is_known(session->recipient))
		return give(session, session->recipient, SPAN_NONE);
	return 0;
}

/* "<user@example.com>... Deferred: words" */
static int take_deferral(struct session *session, struct span line)
{
	size_t at = 0, dots = span_find(line, SPAN_LIT(">... "), 0);
	struct span recipient = dots == SIZE_MAX ? SPAN_NONE : mailbox_find(span_slice(line, 0, dots + 1), &at);

	return span_is_known(recipient) ? give(session, recipient, span_skip(line, dots + 5)) : 0;
}

/* "550 5.1.1 <user@example.com>... words", "554 <user@example.com>... 550 words" */
static int take_verdict(struct session *session, struct span line)
{
	size_t dots = span_find(line, SPAN_LIT("... "), 0), at = 4;

	if (line.len < 5 || (line.ptr[0] != '4' && line.ptr[0] != '5') || !ascii_is_digit(line.ptr[1]) ||
	    !ascii_is_digit(line.ptr[2]) || (line.ptr[3] != ' ' && line.ptr[3] != '-') || dots == SIZE_MAX)
		return 0;
	struct span recipient = mailbox_find(span_slice(line, 0, dots), &at);
	if (!span_is_known(recipient)) {
		session->reply = SPAN_NONE;
		return 0;
	}
	struct span words = span_skip(line, dots + 4);
	bool has_code = words.len > 3 && (words.ptr[0] == '4' || words.ptr[0] == '5') && ascii_is_digit(words.ptr[1]) &&
			ascii_is_digit(words.ptr[2]) && words.ptr[3] == ' ';
	/* what RCPT was answered is about that recipient alone */
	bool is_another_s = span_is_known(session->asked) && !span_is_equal_nocase(session->asked, recipient);
	int error = give(session, recipient, has_code ? words : span_is_known(session->reply) && !is_another_s ? SPAN_NONE : line);
	session->recipient = SPAN_NONE;
	return error;
}

static struct span find_talk(struct span line)
{
	size_t at = span_find_nocase(line, SPAN_LIT("while talking to "), 0);
	struct frame frame;

	if (at == SIZE_MAX || !frame_take(span_skip(line, at + 6), &frame))
		return SPAN_NONE;
	return frame.host;
}

int session_read(struct span text, size_t first, struct outcomes *outcomes, struct arena *arena)
{
	struct session session = { .outcomes = outcomes, .first = first, .arena = arena };
	struct span rest = text;
	int error = 0;

	while (span_is_known(rest) && rest.len && !error) {
		struct span line = span_trim(span_take_line(&rest)), host = find_talk(span_slice(line, 0, 400));
		if (span_has_prefix(line, SPAN_LIT(">>>")))
			take_command(&session, span_trim(span_skip(line, 3)));
		else if (span_has_prefix(line, SPAN_LIT("<<<")))
			error = take_answer(&session, span_trim(span_skip(line, 3)), line);
		else if (span_has_prefix(line, SPAN_LIT("<")))
			error = take_deferral(&session, line);
		else
			error = take_verdict(&session, line);
		if (span_is_known(host)) {
			session.host = host;
			session.reply = SPAN_NONE;
			session.recipient = session.asked = SPAN_NONE;
		}
	}
	return error;
}
