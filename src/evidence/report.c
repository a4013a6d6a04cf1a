/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report's fields by a table, one group of recipient fields after the other.  Lenient where reporters are
 * not: groups without an empty line between them, continuation lines without white space, missing types.
 * Pure; any thread; hostile input; time is linear.
 */
#include "evidence/report.h"

#include <errno.h>

#include "base/utf8.h"
#include "evidence/autoreply.h"
#include "evidence/header.h"
#include "evidence/transcript.h"
#include "evidence/value.h"

/*
 * SEARCH_MAX: each recipient is looked for in the text, in so many bytes of it in all.  1,000 of them with a line or two each
 * need less; what is beyond keeps the words of its own fields.
 */
enum { DIAGNOSTIC_MAX = 64 * 1024, SEARCH_MAX = 64 << 20 };

/* What the fields of a report say, as written.  The first of a name counts. */
struct message_fields {
	struct span reporting_mta, envelope_id, queue_id, sender, arrival_date;
};

struct recipient_fields {
	struct span final, original, actual, action, status, remote_mta, diagnostic, last_attempt;
};

struct report {
	const struct mail *mail;
	struct outcomes *outcomes;
	struct span text;       /* of the first text part */
	struct span transcript; /* in it, or in another text part */
	const struct fields *original;
	size_t recipient_count;
	size_t searched;        /* bytes of the texts, for all recipients so far */
	struct message_fields message;
	struct recipient_fields recipient;
	bool is_recipient_open;
};

enum scope { FIELD_OF_MESSAGE, FIELD_OF_RECIPIENT };

/* RFC 3464 sections 2.2 and 2.3, and Postfix's and Sendmail's own. */
static const struct {
	struct span name;
	enum scope scope;
	size_t offset;
} known_fields[] = {
	{ SPAN_LIT("reporting-mta"), FIELD_OF_MESSAGE, offsetof(struct message_fields, reporting_mta) },
	{ SPAN_LIT("original-envelope-id"), FIELD_OF_MESSAGE, offsetof(struct message_fields, envelope_id) },
	{ SPAN_LIT("x-postfix-queue-id"), FIELD_OF_MESSAGE, offsetof(struct message_fields, queue_id) },
	{ SPAN_LIT("x-postfix-sender"), FIELD_OF_MESSAGE, offsetof(struct message_fields, sender) },
	{ SPAN_LIT("arrival-date"), FIELD_OF_MESSAGE, offsetof(struct message_fields, arrival_date) },
	{ SPAN_LIT("final-recipient"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, final) },
	{ SPAN_LIT("original-recipient"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, original) },
	{ SPAN_LIT("x-actual-recipient"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, actual) },
	{ SPAN_LIT("action"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, action) },
	{ SPAN_LIT("status"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, status) },
	{ SPAN_LIT("remote-mta"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, remote_mta) },
	{ SPAN_LIT("diagnostic-code"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, diagnostic) },
	{ SPAN_LIT("last-attempt-date"), FIELD_OF_RECIPIENT, offsetof(struct recipient_fields, last_attempt) },
};

/* "5.1.1 (bad destination)", "#5.1.1": the status in front. */
static struct status parse_status(struct span text)
{
	struct status status = { 0 };

	text = span_trim(text);
	if (text.len && text.ptr[0] == '#')
		text = span_skip(text, 1);
	if (status_take(text, &status) == 0)
		return (struct status){ 0 };
	return status;
}

/* The first word: "failed (delivery attempts: 1)". */
static enum action parse_action(struct span text)
{
	size_t end = 0;

	text = span_trim(text);
	while (end < text.len && ascii_is_alpha(text.ptr[end]))
		end++;
	return action_find(span_slice(text, 0, end));
}

static enum action action_of_status(struct status status)
{
	switch (status.class_digit) {
	case 2: return ACTION_DELIVERED;
	case 4: return ACTION_DELAYED;
	case 5: return ACTION_FAILED;
	default: return ACTION_UNKNOWN;
	}
}

/* --- the original */

const struct fields *report_find_original(const struct mail *mail)
{
	for (size_t i = mail->part_count; i-- > 0;)
		if (mail->parts[i].kind == PART_ORIGINAL && mail->parts[i].fields.count)
			return &mail->parts[i].fields;
	return NULL;
}

static struct span get_address(const struct fields *fields, const char *name)
{
	struct span rest = fields_get(fields, name), address;

	if (!span_is_known(rest))
		return SPAN_NONE;
	address = header_take_address(&rest);
	return address.len ? address : SPAN_NONE;
}

void report_add_original(const struct fields *original, struct outcome *outcome)
{
	struct span id = fields_get(original, "message-id");

	if (!span_is_known(outcome->sender))
		outcome->sender = get_address(original, "return-path");
	if (!span_is_known(outcome->sender))
		outcome->sender = get_address(original, "from");
	if (!span_is_known(outcome->token))
		outcome->token = fields_get(original, "x-kodama-token");
	if (span_is_known(outcome->message_id) || !span_is_known(id))
		return;
	size_t open = span_find_char(id, '<', 0), close = span_find_char(id, '>', 0);
	if (open != SIZE_MAX && close != SIZE_MAX && open < close)
		id = span_slice(id, open + 1, close);
	id = span_trim(id);
	if (id.len)
		outcome->message_id = id;
}

static bool names_recipients(struct span name)
{
	return span_is_equal_nocase(name, SPAN_LIT("to")) || span_is_equal_nocase(name, SPAN_LIT("cc")) ||
	       span_is_equal_nocase(name, SPAN_LIT("bcc"));
}

struct span report_find_only_recipient(const struct fields *original)
{
	struct span only = SPAN_NONE;

	for (size_t i = 0; i < original->count; i++) {
		struct span rest = names_recipients(original->items[i].name) ? fields_get_value(original, i) : SPAN_NONE;

		while (span_is_known(rest)) {
			struct span address = header_take_address(&rest);
			if (!value_is_address(address) || span_is_equal_nocase(address, only))
				continue;
			if (span_is_known(only))
				return SPAN_NONE;
			only = address;
		}
	}
	return only;
}

/* --- one recipient */

/* RFC 2047 in a diagnostic: against RFC 3464, and seen. */
static struct span decode_words(struct span text, struct arena *arena)
{
	struct charsets *charsets;
	struct buffer out;
	struct span decoded = text;

	if (span_find(text, SPAN_LIT("=?"), 0) == SIZE_MAX || !(charsets = charsets_new()))
		return text;
	buffer_init(&out, DIAGNOSTIC_MAX);
	header_decode(charsets, text, &out);
	decoded = arena_copy(arena, utf8_trim_partial(buffer_get(&out)));
	buffer_done(&out);
	charsets_free(charsets);
	return decoded;
}

static bool is_number(struct span text)
{
	uint64_t value;

	return span_parse_unsigned(text, 99999, &value) == 0;
}

/* "<a@example.org>: words" in the text, with the indented lines that follow, as OpenSMTPD and Postfix write. */
static struct span find_words(struct span text, struct span recipient)
{
	while (span_is_known(text) && recipient.len) {
		struct span line = span_take_line(&text), rest = span_trim_left(line);

		if (rest.len && rest.ptr[0] == '<')
			rest = span_skip(rest, 1);
		if (!span_has_prefix_nocase(rest, recipient))
			continue;
		rest = span_skip(rest, recipient.len);
		if (rest.len && rest.ptr[0] == '>')
			rest = span_skip(rest, 1);
		if (rest.len < 2 || rest.ptr[0] != ':' || !ascii_is_space(rest.ptr[1]))
			continue;
		rest = span_skip(rest, 1);
		while (span_is_known(text) && text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
			line = span_take_line(&text);
			if (span_trim(line).len == 0)
				break;
			rest.len = (size_t)(line.ptr + line.len - rest.ptr);
		}
		return span_trim(rest);
	}
	return SPAN_NONE;
}

static size_t get_indent(struct span line)
{
	return line.len - span_trim_left(line).len;
}

/*
 * A line that ends in the recipient, and under it, deeper, why: Exim's way for what no remote server said.  For a
 * program ("pipe to |/usr/bin/x") the line itself is part of the words.
 */
static struct span find_indented(struct span text, struct span recipient)
{
	bool is_program = !value_is_address(recipient);

	while (span_is_known(text) && recipient.len) {
		struct span line = span_take_line(&text), name = span_trim(line), words = is_program ? name : SPAN_NONE;
		size_t indent = get_indent(line);

		if (!is_program && name.len && name.ptr[name.len - 1] == ':')
			name.len--;
		if (indent == 0 || !(is_program ? span_has_suffix_nocase(name, recipient) : span_is_equal_nocase(name, recipient)))
			continue;
		while (span_is_known(text)) {
			struct span rest = text, next = span_take_line(&rest), trimmed = span_trim(next);
			if (trimmed.len == 0 || get_indent(next) <= indent)
				break;
			if (!span_is_known(words))
				words = trimmed;
			words.len = (size_t)(trimmed.ptr + trimmed.len - words.ptr);
			text = rest;
		}
		if (span_is_known(words))
			return words;
	}
	return SPAN_NONE;
}

/* Prose that names the recipient, "Your message wasn't delivered to a@b because ...": better than no words at all. */
static struct span find_sentence(struct span text, struct span recipient)
{
	while (span_is_known(text) && recipient.len) {
		struct span line = span_trim(span_take_line(&text));
		size_t at = span_find_nocase(line, recipient, 0);
		if (at != SIZE_MAX && line.len - at > recipient.len && span_find(line, SPAN_LIT(" because "), at) != SIZE_MAX)
			return line;
	}
	return SPAN_NONE;
}

/*
 * "Your message to <a> was automatically rejected:" and why, as Dovecot's delivery agent puts it; SPAN_NONE otherwise.  Among several
 * recipients it would be the answer of one of them, whose server could speak for the others by it.
 */
static struct span find_rejection(const struct report *report)
{
	size_t at = report->recipient_count == 1 ? span_find_nocase(report->text, SPAN_LIT(" was automatically rejected:"), 0) : SIZE_MAX;
	struct span rest;

	if (at == SIZE_MAX)
		return SPAN_NONE;
	rest = span_skip(report->text, at + 28);
	while (span_is_known(rest)) {
		struct span line = span_trim(span_take_line(&rest));
		if (line.len)
			return line;
	}
	return SPAN_NONE;
}

/* What the text part says of the recipient, where the report's fields say nothing. */
static struct span find_in_text(const struct report *report, struct span recipient)
{
	struct span typed = value_strip_type(report->recipient.final);
	struct span words = find_words(report->text, recipient);

	if (!words.len)
		words = find_indented(report->text, recipient);
	if (!words.len && typed.len && !value_is_address(typed))
		words = find_indented(report->text, typed);
	return words.len ? words : find_sentence(report->text, recipient);
}

/*
 * Postfix (the queue id is its field) cuts no answer in its report: what its text says of one recipient, the server of another may have
 * said, whose answer stands there, too.
 */
static bool is_told_in_fields(const struct report *report)
{
	return report->recipient_count > 1 && span_is_known(report->message.queue_id);
}

/* The words of the Diagnostic-Code, completed where Sendmail cut them; *ret_is_own when they are the field's. */
static struct span find_diagnostic(const struct report *report, struct span recipient, bool *ret_is_own)
{
	struct span field = report->recipient.diagnostic;
	struct span diagnostic = decode_words(value_strip_type(field), report->mail->arena), words;

	*ret_is_own = false;
	words = find_rejection(report);
	if (words.len)
		return words;
	*ret_is_own = diagnostic.len > 0;
	if (is_told_in_fields(report))
		return diagnostic;
	if (!span_is_known(report->transcript))
		return diagnostic.len ? diagnostic : find_in_text(report, recipient);
	if (diagnostic.len && !is_number(diagnostic))
		return transcript_complete(report->transcript, diagnostic, recipient, report->mail->arena);
	*ret_is_own = false;
	words = transcript_find_words(report->transcript, recipient);
	if (span_has_prefix(words, SPAN_LIT("Deferred: "))) {
		struct span reply = span_skip(words, 10);
		/* without a Diagnostic-Code, a reply there is what the session ended on: another recipient's */
		if (reply.len && ascii_is_digit(reply.ptr[0]))
			words = span_is_known(field) ? transcript_complete(report->transcript, reply, SPAN_NONE, report->mail->arena) : SPAN_NONE;
	}
	if (!words.len && report->recipient_count == 1)
		words = transcript_find_verdict(report->transcript);
	return words.len ? words : diagnostic;
}

static bool is_generic(struct status status)
{
	return status.subject == 0 && status.detail == 0;
}

/*
 * The field's, unless the remote's own reply says it more exactly: reporters map what they are told to a few
 * values of their own (550 5.7.1 to 5.1.1, everything to 5.0.0).  Where the remote said 4 and the reporter
 * says 5, that is the reporter's decision (a status filter) and stays.
 */
static struct status choose_status(struct status field, struct status reply, bool is_own)
{
	if (!status_is_known(field))
		return reply;
	if (!status_is_known(reply) || is_generic(reply) || reply.class_digit < field.class_digit)
		return field;
	return is_own || is_generic(field) ? reply : field;
}

static struct span choose_recipient(const struct report *report, struct outcome *outcome)
{
	const struct recipient_fields *fields = &report->recipient;
	struct span final = value_get_address(fields->final), original = value_get_address(fields->original);
	struct span typed = value_strip_type(fields->final), actual = value_get_address(fields->actual);

	/* a source route is the reporter's inside: what it was asked for says more */
	outcome->is_final = final.len && !(typed.len && typed.ptr[0] == '@' && original.len);
	if (outcome->is_final)
		return final;
	if (original.len)
		return original;
	if (actual.len)
		return actual;
	/* one of the reporter's own users, without a domain */
	if (typed.len && typed.ptr[0] != '|' && typed.ptr[0] != '/' && typed.ptr[0] != '"' && span_find_char(typed, ' ', 0) == SIZE_MAX)
		return typed;
	final = report->original ? report_find_only_recipient(report->original) : SPAN_NONE;
	outcome->is_from_original = span_is_known(final);
	return final;
}

static struct span known_or_none(struct span text)
{
	return text.len ? text : SPAN_NONE;
}

/* "dns; mx.example.org (192.0.2.1)" to the name. */
static struct span get_host(struct span typed)
{
	struct span name = value_strip_type(typed);
	size_t end = 0;

	while (end < name.len && !ascii_is_space(name.ptr[end]) && name.ptr[end] != '(')
		end++;
	return span_slice(name, 0, end);
}

static int64_t choose_time(const struct report *report)
{
	int64_t time_s = value_parse_time(report->recipient.last_attempt);

	/* Arrival-Date is when the original came: days before, for what expired */
	if (!time_s)
		time_s = value_parse_time(fields_get(&report->mail->fields, "date"));
	return time_s ? time_s : value_parse_time(report->message.arrival_date);
}

/* The text part is of no use any more for a report that names too many in one that is too long. */
static void take_search(struct report *report)
{
	report->searched += report->text.len + report->transcript.len;
	if (report->searched > SEARCH_MAX)
		report->text = report->transcript = SPAN_NONE;
}

static int add_outcome(struct report *report)
{
	const struct recipient_fields *fields = &report->recipient;
	struct arena *arena = report->mail->arena;
	struct outcome *outcome;
	struct reply reply = { 0 }, field_reply = { 0 };
	bool is_own;

	if (!report->is_recipient_open)
		return 0;
	report->is_recipient_open = false;
	outcome = outcomes_add(report->outcomes, arena);
	if (!outcome)
		return report->outcomes->is_cut ? 0 : -ENOMEM;
	outcome->kind = KIND_DSN;
	take_search(report);
	outcome->recipient = known_or_none(value_decode_unicode(choose_recipient(report, outcome), arena));
	outcome->original_recipient = known_or_none(value_decode_unicode(value_decode_xtext(value_get_address(fields->original), arena), arena));
	outcome->actual_recipient = known_or_none(value_decode_unicode(value_strip_type(fields->actual), arena));
	struct span diagnostic = find_diagnostic(report, outcome->recipient, &is_own);
	if (diagnostic.len && reply_find(diagnostic, arena, &reply) < 0)
		return -ENOMEM;
	if (!reply.code && reply_find(value_strip_type(fields->diagnostic), arena, &field_reply) < 0)
		return -ENOMEM;
	outcome->action = parse_action(fields->action);
	/* reporters that forget the Action; a transient status may still be the end of it, and counts as none */
	if (outcome->action == ACTION_UNKNOWN && span_trim(fields->action).len == 0)
		outcome->action = action_of_status(parse_status(fields->status));
	/* words of the text part say why, and the field's code still what was answered */
	outcome->reply = reply.code ? reply.code : field_reply.code;
	outcome->status = choose_status(parse_status(fields->status), reply.status, is_own);
	outcome->text = known_or_none(reply.text);
	outcome->command = reply.command;
	if (outcome->command == COMMAND_UNKNOWN)
		outcome->command = transcript_find_command(report->text, is_told_in_fields(report) ? SPAN_NONE : report->transcript,
							   outcome->recipient, diagnostic);
	outcome->remote_mta = known_or_none(get_host(fields->remote_mta));
	if (!span_is_known(outcome->remote_mta))
		outcome->remote_mta = known_or_none(reply.remote_mta);
	outcome->reporting_mta = known_or_none(get_host(report->message.reporting_mta));
	outcome->queue_id = known_or_none(span_trim(report->message.queue_id));
	outcome->envelope_id = known_or_none(value_decode_xtext(span_trim(report->message.envelope_id), arena));
	outcome->sender = known_or_none(value_get_address(report->message.sender));
	outcome->time_s = choose_time(report);
	if (report->original)
		report_add_original(report->original, outcome);
	return 0;
}

/* --- the fields of a report */

/*
 * A recipient's group begins with the first field about one after an empty line, or when a field comes again
 * that the group has (reporters forget the empty line, or put one too many: "Diagnostic-Code" alone after it).
 */
static int take_recipient_field(struct report *report, struct span *slot, struct span value, bool is_after_gap, bool is_address)
{
	int error = 0;

	if (span_is_known(*slot) || (is_after_gap && is_address))
		error = add_outcome(report);
	if (!report->is_recipient_open) {
		report->recipient = (struct recipient_fields){ 0 };
		report->is_recipient_open = true;
	}
	if (!span_is_known(*slot))
		*slot = value;
	return error;
}

static int take_field(struct report *report, struct span name, struct span value, bool is_after_gap)
{
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++) {
		if (!span_is_equal_nocase(name, known_fields[i].name))
			continue;
		if (known_fields[i].scope == FIELD_OF_RECIPIENT) {
			struct span *slot = (struct span *)((char *)&report->recipient + known_fields[i].offset);
			return take_recipient_field(report, slot, value, is_after_gap, span_has_suffix_nocase(name, SPAN_LIT("-recipient")));
		}
		struct span *slot = (struct span *)((char *)&report->message + known_fields[i].offset);
		if (!span_is_known(*slot))
			*slot = value;
		return 0;
	}
	return 0;
}

static int read_status_part(struct report *report, struct span text)
{
	bool is_after_gap = true;
	int error = 0;

	while (span_is_known(text) && error == 0) {
		struct span name, value;

		error = value_take_field(&text, report->mail->arena, &name, &value);
		if (error < 0)
			break;
		if (name.len)
			error = take_field(report, name, value, is_after_gap);
		is_after_gap = name.len == 0;
	}
	return error < 0 ? error : add_outcome(report);
}

/*
 * The lines of a report in a text from which a gateway took the MIME structure, from the first one on; others (MailMarshal)
 * write some of the names, but never a recipient's.
 */
static struct span find_flat_report(struct span text)
{
	struct span begin = SPAN_NONE;

	/* most texts hold none of it */
	if (span_find_nocase(text, SPAN_LIT("-recipient:"), 0) == SIZE_MAX)
		return SPAN_NONE;
	while (span_is_known(text)) {
		struct span before = text, line = span_take_line(&text);
		bool is_recipient = span_has_prefix_nocase(line, SPAN_LIT("final-recipient:")) ||
				    span_has_prefix_nocase(line, SPAN_LIT("original-recipient:"));
		if (!span_is_known(begin) && (is_recipient || span_has_prefix_nocase(line, SPAN_LIT("reporting-mta:"))))
			begin = before;
		if (is_recipient)
			return begin;
	}
	return SPAN_NONE;
}

static size_t count_recipients(struct span text)
{
	size_t count = 0;

	while (span_is_known(text))
		count += span_has_prefix_nocase(span_take_line(&text), SPAN_LIT("final-recipient:"));
	return count;
}

/* --- the mail */

/* A report's part in a mail that is no multipart/report counts only where a mail system sent it, not a person. */
static bool may_be_report(const struct mail *mail)
{
	return span_is_equal(mail->type, SPAN_LIT("multipart/report")) || mail_is_from_daemon(mail);
}

/* What of the part is report: all of a status part; `is_flat`: what of a text looks like one. */
static struct span get_status_text(struct part *part, bool is_flat)
{
	if (part->kind == PART_STATUS)
		return part_get_text(part);
	return is_flat && part->kind == PART_TEXT ? find_flat_report(part_get_text(part)) : SPAN_NONE;
}

static void find_texts(struct report *report)
{
	for (size_t i = 0; i < report->mail->part_count; i++) {
		struct part *part = &report->mail->parts[i];
		/* HTML that follows a text says the same again */
		if (part->kind != PART_TEXT || (report->text.len && span_is_equal(part->type, SPAN_LIT("text/html"))))
			continue;
		if (!span_is_known(report->text))
			report->text = part_get_text(part);
		if (!span_is_known(report->transcript))
			report->transcript = transcript_find(part_get_text(part));
	}
}

static bool has_status_part(const struct mail *mail)
{
	for (size_t i = 0; i < mail->part_count; i++)
		if (mail->parts[i].kind == PART_STATUS)
			return true;
	return false;
}

static int read_parts(struct report *report, bool is_flat)
{
	const struct mail *mail = report->mail;
	struct span *texts = arena_alloc(mail->arena, mail->part_count * sizeof(*texts) + 1);
	int error = 0;

	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < mail->part_count; i++) {
		texts[i] = get_status_text(&mail->parts[i], is_flat);
		report->recipient_count += count_recipients(texts[i]);
	}
	for (size_t i = 0; i < mail->part_count && error == 0; i++)
		error = read_status_part(report, texts[i]);
	return error;
}

int report_read(const struct mail *mail, struct outcomes *outcomes)
{
	struct report report = { .mail = mail, .outcomes = outcomes, .original = report_find_original(mail) };
	bool is_flat = !has_status_part(mail);
	size_t before = outcomes->count;
	int error;

	if (!may_be_report(mail) || (is_flat && !mail_is_from_daemon(mail)))
		return 0;
	find_texts(&report);
	error = read_parts(&report, is_flat);
	if (error < 0)
		return error;
	return outcomes->count > before;
}
