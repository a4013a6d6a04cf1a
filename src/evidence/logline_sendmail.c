/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sendmail's lines: "QID: " and "key=value, " in a fixed order, in which the remote's words come behind what tells
 * success from failure.  Pure; any thread; the text is hostile.
 */
#include "evidence/logfield.h"

/* "6ALKjgGN027975" */
static bool is_id(struct span id)
{
	unsigned all = logfield_look_at_id(id);

	return id.len >= 8 && (all & ID_DIGIT) && !(all & ID_NO_BYTE);
}

/* --- from= */

static struct span drop_brackets(struct span text)
{
	if (text.len && text.ptr[0] == '<') {
		text = span_skip(text, 1);
		text = span_slice(text, 0, span_find_char(text, '>', 0));
	}
	return text;
}

/* from=<sender>, size=, class=, nrcpts=, [msgid=,] ... relay= */
static enum logline_kind parse_from(struct span rest, struct logline *line)
{
	uint64_t count;
	bool has_size;

	if (logfield_skip(&rest, SPAN_LIT("<"))) {
		if (!logfield_take_address(&rest, &line->sender, &line->is_doubtful) || !logfield_skip(&rest, SPAN_LIT(", ")))
			return LOGLINE_GARBAGE;
	} else {
		line->sender = logfield_take_value(&rest);
	}
	has_size = logfield_skip(&rest, SPAN_LIT("size="));
	while (rest.len) {
		struct span value = logfield_take_value(&rest);
		if (logfield_skip(&value, SPAN_LIT("nrcpts=")) && span_parse_unsigned(value, UINT32_MAX, &count) == 0) {
			line->recipient_count = (uint32_t)count;
		} else if (logfield_skip(&value, SPAN_LIT("msgid="))) {
			line->message_id = drop_brackets(value);
			break; /* what comes behind is not ours to trust */
		}
	}
	return has_size ? LOGLINE_FROM : LOGLINE_OTHER;
}

/* --- to= */

/* The end of one recipient of a list: <in brackets>, "in quotes", or up to a comma. */
static size_t measure_recipient(struct span text)
{
	bool is_quoted = false;
	int depth = 0;

	for (size_t at = 0; at < text.len; at++) {
		char c = text.ptr[at];
		if (c == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && c == '\\')
			at++;
		else if (!is_quoted && c == '<')
			depth++;
		else if (!is_quoted && c == '>')
			depth--;
		else if (!is_quoted && depth <= 0 && c == ',')
			return at;
	}
	return is_quoted || depth > 0 ? SIZE_MAX : text.len;
}

/* The list off *rest: up to the ", " that stands in no brackets and quotes. */
static bool take_list(struct span *rest, struct span *ret_list)
{
	size_t at = 0, len;

	for (;;) {
		len = measure_recipient(span_skip(*rest, at));
		if (len == SIZE_MAX || at + len + 1 >= rest->len)
			return false;
		at += len;
		if (rest->ptr[at + 1] == ' ')
			break;
		at++;
	}
	*ret_list = span_slice(*rest, 0, at);
	*rest = span_skip(*rest, at + 2);
	return true;
}

bool logline_take_sendmail_recipient(struct span *rest, struct span *ret_recipient)
{
	struct span one;
	size_t len;

	if (!span_is_known(*rest) || rest->len == 0)
		return false;
	len = measure_recipient(*rest);
	one = span_slice(*rest, 0, len);
	*rest = len >= rest->len ? SPAN_NONE : span_skip(*rest, len + 1);
	if (one.len >= 2 && one.ptr[0] == '<' && one.ptr[one.len - 1] == '>')
		one = span_slice(one, 1, one.len - 1);
	*ret_recipient = one;
	return true;
}

/* "Deferred: 421-4.7.0 words": the reply that stands in stat= */
static struct span get_stat_reply(struct span stat)
{
	logfield_skip(&stat, SPAN_LIT("Deferred: "));
	return stat;
}

/*
 * Is this reply the answer for this recipient?  After a 421 Sendmail writes it to the recipients that it had answers of
 * their own for: dsn= then is not the reply's.
 */
static bool is_own_reply(struct span reply, struct status dsn)
{
	struct status status;

	if (reply.len < 4 || !ascii_is_digit(reply.ptr[0]) || !ascii_is_digit(reply.ptr[1]) || !ascii_is_digit(reply.ptr[2]) ||
	    (reply.ptr[3] != ' ' && reply.ptr[3] != '-'))
		return true; /* words of Sendmail's own */
	if (!status_is_known(dsn))
		return true;
	if (status_take(span_skip(reply, 4), &status))
		return status_is_equal(status, dsn);
	return reply.ptr[0] - '0' == dsn.class_digit;
}

/* By dsn=, which stands before the remote's words; by Sendmail's own where an old one writes none. */
static enum log_status find_status(struct status dsn, struct span stat)
{
	if (span_has_prefix(stat, SPAN_LIT("queued")))
		return LOG_STATUS_UNKNOWN;
	switch (dsn.class_digit) {
	case 2:
		return LOG_STATUS_SENT;
	case 4:
		return LOG_STATUS_DEFERRED;
	case 5:
		return LOG_STATUS_BOUNCED;
	default:
		break;
	}
	if (span_has_prefix(stat, SPAN_LIT("Sent")))
		return LOG_STATUS_SENT;
	if (span_has_prefix(stat, SPAN_LIT("Deferred")))
		return LOG_STATUS_DEFERRED;
	if (span_has_prefix(stat, SPAN_LIT("User unknown")) || span_has_prefix(stat, SPAN_LIT("Host unknown")) ||
	    span_has_prefix(stat, SPAN_LIT("Service unavailable")))
		return LOG_STATUS_BOUNCED;
	return LOG_STATUS_UNKNOWN;
}

/* "reply=550 5.1.1 words, stat=words" or "stat=words": all that the remote may have written. */
static void parse_words(struct span rest, struct logline *line)
{
	struct span reply = SPAN_NONE;

	if (logfield_skip(&rest, SPAN_LIT("reply="))) {
		size_t stat = span_find(rest, SPAN_LIT(", stat="), 0);
		reply = span_slice(rest, 0, stat);
		rest = stat == SIZE_MAX ? span_skip(rest, rest.len) : span_skip(rest, stat + 2);
	}
	logfield_skip(&rest, SPAN_LIT("stat="));
	line->log_status = find_status(line->status, rest);
	if (span_is_known(reply) && is_own_reply(reply, line->status))
		line->text = reply;
	else if (is_own_reply(get_stat_reply(rest), line->status))
		line->text = rest;
	else
		line->text = SPAN_LIT("Deferred");
}

/*
 * Addresses stand in the log as the client wrote them.  Inside of a comment brackets and quotes mean nothing, and backslashes
 * are written once or twice: what seems to end there may go on, and the rest of the line be the client's words.
 */
static bool is_certain_end(struct span addresses)
{
	return span_find_char(addresses, '(', 0) == SIZE_MAX && span_find_char(addresses, '\\', 0) == SIZE_MAX;
}

static bool is_number(struct span text)
{
	uint64_t number;

	return span_parse_unsigned(text, UINT32_MAX, &number) == 0;
}

/* "<user@example.com> (1000/1000)", the ids only where Sendmail has some. */
static struct span take_controller(struct span value, bool *ret_is_doubtful)
{
	struct span ids = value, uid, address = value;
	size_t open = value.len && value.ptr[value.len - 1] == ')' ? span_find(value, SPAN_LIT(" ("), 0) : SIZE_MAX;

	if (open != SIZE_MAX) {
		ids = span_slice(value, open + 2, value.len - 1);
		uid = span_take(&ids, '/');
		if (is_number(uid) && is_number(ids))
			address = span_slice(value, 0, open);
	}
	bool is_open = address.len && address.ptr[0] == '<' && address.ptr[address.len - 1] != '>';
	*ret_is_doubtful |= is_open || !is_certain_end(address) || span_find_char(address, '"', 0) != SIZE_MAX;
	return drop_brackets(address);
}

/* "sent (ok)" is 2.0.0 enough, but an old Sendmail's failure without dsn= has a status in its reply or none. */
static enum logline_kind parse_delivery(struct span rest, struct logline *line)
{
	bool has_mailer = false;

	if (!take_list(&rest, &line->to))
		return LOGLINE_GARBAGE;
	line->is_doubtful |= !is_certain_end(line->to);
	while (rest.len) {
		struct span before = rest, value = logfield_take_value(&rest);
		if (span_has_prefix(value, SPAN_LIT("reply=")) || span_has_prefix(value, SPAN_LIT("stat="))) {
			parse_words(before, line);
			break;
		}
		if (logfield_skip(&value, SPAN_LIT("ctladdr=")))
			line->orig_to = take_controller(value, &line->is_doubtful);
		else if (logfield_skip(&value, SPAN_LIT("relay=")))
			line->relay = value;
		else if (logfield_skip(&value, SPAN_LIT("dsn=")) && status_parse(value, &line->status) < 0)
			line->status = (struct status){ 0 };
		has_mailer |= span_has_prefix(value, SPAN_LIT("mailer="));
	}
	return has_mailer && line->log_status != LOG_STATUS_UNKNOWN ? LOGLINE_DELIVERY : LOGLINE_OTHER;
}

/* --- "DSNQID: DSN: User unknown" */

static enum logline_kind parse_notice(struct span rest, struct logline *line)
{
	struct span id;

	if (!logfield_take_id(&rest, &id) || !is_id(id))
		return LOGLINE_OTHER;
	line->dsn_queue_id = id;
	if (logfield_skip(&rest, SPAN_LIT("DSN: ")) || logfield_skip(&rest, SPAN_LIT("return to sender: ")) ||
	    logfield_skip(&rest, SPAN_LIT("postmaster notify: ")))
		return span_has_prefix(rest, SPAN_LIT("Cannot send message for ")) ? LOGLINE_EXPIRED : LOGLINE_NOTICE;
	return span_has_prefix(rest, SPAN_LIT("sender notify: ")) ? LOGLINE_NOTICE : LOGLINE_OTHER;
}

/* --- the message */

enum logline_kind logline_begin_sendmail(struct span id, struct span rest, struct logline *line)
{
	if (!is_id(id))
		return line->kind = LOGLINE_OTHER;
	line->mta = LOG_MTA_SENDMAIL;
	line->queue_id = id;
	line->is_long_id = true;
	line->rest = rest;
	if (logfield_skip(&line->rest, SPAN_LIT("to=")))
		return line->kind = LOGLINE_DELIVERY;
	return line->kind = logfield_skip(&line->rest, SPAN_LIT("from=")) ? LOGLINE_FROM : LOGLINE_NOTICE;
}

enum logline_kind logline_finish_sendmail(struct logline *line)
{
	switch (line->kind) {
	case LOGLINE_DELIVERY:
		return parse_delivery(line->rest, line);
	case LOGLINE_FROM:
		return parse_from(line->rest, line);
	default:
		return parse_notice(line->rest, line);
	}
}
