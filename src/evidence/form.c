/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a notice by a form: line by line, each line is a recipient, the begin of a reply, or the words of the
 * recipient before it (or after it).  Pure; hostile input; all matching is paid from the notice's budget.
 */
#include "evidence/reading.h"

#include <errno.h>

#include "evidence/disclaimer.h"
#include "evidence/guess.h"
#include "evidence/mailbox.h"
#include "evidence/session.h"

enum { LOGGED_MAX = 16 /* addresses of a line that are looked at */ };

static size_t get_indent(const struct template_line *line)
{
	return line->text.ptr ? (size_t)(line->text.ptr - line->whole.ptr) : 0;
}

/* The words go on with this line; all lines of one recipient are one run of the notice's text. */
static void extend(struct span *words, struct span line)
{
	if (!span_is_known(*words))
		*words = line;
	else
		words->len = (size_t)(line.ptr + line.len - words->ptr);
}

/* Whom the line names; SPAN_NONE for nobody. */
static struct span choose_recipient(struct reading *reading, const struct captures *captures)
{
	const struct span *spans = captures->spans;

	if (span_is_known(spans[CAPTURE_RECIPIENT]))
		return spans[CAPTURE_RECIPIENT];
	if (span_is_known(spans[CAPTURE_LOCAL]))
		return reading_find_listed(reading, spans[CAPTURE_LOCAL]);
	return span_is_known(spans[CAPTURE_USER]) ? reading_find_user(reading, spans[CAPTURE_USER]) : SPAN_NONE;
}

static int apply_captures(struct reading *reading, const struct captures *captures)
{
	const struct span *spans = captures->spans;
	struct outcome *outcome = reading_get_current(reading);
	uint64_t code;

	if (span_is_known(spans[CAPTURE_MTA]) && !span_is_known(reading->mta))
		reading->mta = spans[CAPTURE_MTA];
	if (!outcome)
		return 0;
	if (span_is_known(spans[CAPTURE_CODE]) && span_parse_unsigned(spans[CAPTURE_CODE], 999, &code) == 0)
		outcome->reply = (uint16_t)code;
	if (span_is_known(spans[CAPTURE_STATUS]) && status_parse(spans[CAPTURE_STATUS], &outcome->status))
		outcome->status = (struct status){ 0 };
	if (span_is_known(spans[CAPTURE_COMMAND]))
		outcome->command = smtp_command_find(spans[CAPTURE_COMMAND]);
	if (span_is_known(spans[CAPTURE_HOST]))
		outcome->remote_mta = spans[CAPTURE_HOST];
	if (span_is_known(spans[CAPTURE_ORIGINAL]))
		outcome->original_recipient = spans[CAPTURE_ORIGINAL];
	if (span_is_known(spans[CAPTURE_SENDER]))
		outcome->sender = spans[CAPTURE_SENDER];
	if (span_is_known(spans[CAPTURE_ID]))
		outcome->message_id = spans[CAPTURE_ID];
	return 0;
}

/* "a@example.org; b@example.org, c@example.org": those behind the first. */
static int take_further_recipients(struct reading *reading, struct span line, struct span first)
{
	struct span rest = span_skip(line, (size_t)(first.ptr + first.len - line.ptr)), address;
	int error = 0;

	while (!error) {
		size_t at = 0, len;
		bool has_separator = false;
		for (; at < rest.len && (ascii_is_space(rest.ptr[at]) || memchr(">,;", rest.ptr[at], 3)); at++)
			has_separator |= rest.ptr[at] == ',' || rest.ptr[at] == ';';
		len = has_separator || at == 0 ? mailbox_take(span_skip(rest, at), &address) : 0;
		if (!len)
			break;
		if (!people_is_bystander(reading->people, address))
			error = reading_select(reading, address);
		if (!error && reading_get_current(reading) && !span_is_known(reading_get_current(reading)->text))
			reading_get_current(reading)->text = line;
		rest = span_skip(rest, at + len);
	}
	return error;
}

static bool is_sign(char c)
{
	return (unsigned char)c < 0x80 && !ascii_is_alnum(c);
}

/* "-- a@example.com", "| a@example.com |": an address, and signs around it. */
static bool is_adorned_address(struct span line, struct span *ret_address)
{
	while (line.len && is_sign(line.ptr[0]))
		line = span_skip(line, 1);
	while (line.len && is_sign(line.ptr[line.len - 1]))
		line.len--;
	return line.len > 0 && mailbox_take(line, ret_address) == line.len;
}

static bool captures_are_bare(const struct captures *captures)
{
	for (unsigned i = 0; i < CAPTURE_COUNT; i++)
		if (span_is_known(captures->spans[i]))
			return false;
	return true;
}

/* A line that names a recipient.  *ret_is_taken is false when it turns out to name none. */
static int take_recipient(struct reading *reading, const struct captures *captures, const struct template_line *named,
			  bool *ret_is_taken)
{
	struct span line = named->whole, recipient = choose_recipient(reading, captures), alone;
	struct outcome *outcome;
	int error;

	if (captures_are_bare(captures)) {
		reading->current = NO_OUTCOME;
		reading->is_secret = true;
		*ret_is_taken = true;
		return 0;
	}
	*ret_is_taken = span_is_known(recipient) && !(reading->form->is_generic && people_is_bystander(reading->people, recipient));
	if (!*ret_is_taken)
		return 0;
	error = reading_select(reading, recipient);
	outcome = reading_get_current(reading);
	if (error || !outcome)
		return error;
	reading->indent = get_indent(named);
	if (!span_is_known(reading->before))
		reading->before = reading->pending;
	if (span_is_known(captures->spans[CAPTURE_TEXT]) && !span_is_known(outcome->text))
		outcome->text = captures->spans[CAPTURE_TEXT];
	else if (reading->form->is_before && !span_is_known(outcome->text))
		outcome->text = reading->pending;
	else if (reading->form->is_generic && !span_is_known(outcome->text) && span_trim(line).len > recipient.len + 3 &&
		 !is_adorned_address(named->text, &alone))
		outcome->text = line; /* a sentence: the words may stand in it */
	reading->pending = SPAN_NONE;
	if (reading->form->is_generic && (error = take_further_recipients(reading, line, recipient)))
		return error;
	reading->is_listening = reading->form->reply.count == 0 && !reading->form->is_before;
	return apply_captures(reading, captures);
}

/* A line at which the reply begins: in it, or in the next one. */
static int take_reply(struct reading *reading, const struct captures *captures)
{
	struct outcome *outcome = reading_get_current(reading);
	struct span text = captures->spans[CAPTURE_TEXT];

	if (span_is_known(text) || captures_are_bare(captures)) {
		reading->is_listening = true;
		if (outcome && !reading->form->is_before)
			outcome->text = text;
		else
			reading->pending = text;
	}
	return apply_captures(reading, captures);
}

static void take_words(struct reading *reading, struct span line)
{
	struct outcome *outcome = reading_get_current(reading);

	/* what stands below is somebody else's, but where a form has marks of its own for it */
	bool has_words = outcome && (!reading->form->is_generic || span_is_known(outcome->text) || span_is_known(reading->before));
	if (has_words && !reading->form->is_before && disclaimer_is_ruler(line)) {
		reading->notice->text.len = (size_t)(line.ptr - reading->notice->text.ptr);
		reading->is_listening = false;
		reading->is_new = false;
		return;
	}
	if (span_trim(line).len == 0) {
		if (reading->form->is_paragraph && outcome && span_is_known(outcome->text))
			reading->is_listening = false;
		return;
	}
	if (!reading->is_listening && (outcome || reading->form->reply.count) && !reading->form->is_before) {
		size_t index = (size_t)reading->current - reading->first;
		if (outcome && reading->is_new && index < ASIDES_MAX)
			extend(&reading->asides[index], line);
		return;
	}
	extend(outcome && !reading->form->is_before ? &outcome->text : &reading->pending, line);
}

/* Nobody's words.  Whom they say that the mail was sent to is the recipient where the report keeps secret who failed. */
static int take_aside(struct reading *reading, const struct captures *captures)
{
	struct span original = captures->spans[CAPTURE_ORIGINAL];
	size_t index = (size_t)reading->current - reading->first;

	if (reading->is_secret && span_is_known(original)) {
		reading->is_secret = false;
		return reading_select(reading, original);
	}
	/* "(reason: 552-5.7.0 This message was blocked)": what the session does not say of one recipient */
	if (reading_get_current(reading) && index < ASIDES_MAX && span_is_known(captures->spans[CAPTURE_TEXT]))
		reading->asides[index] = captures->spans[CAPTURE_TEXT];
	return apply_captures(reading, captures);
}

/* Deeper than the line that names the recipient whose words are being read: more of them, whomever it names. */
static bool is_continuation(const struct reading *reading, const struct template_line *line)
{
	const struct outcome *outcome = reading_get_current(reading);

	return outcome && !reading->form->is_generic && reading->is_listening && span_is_known(outcome->text) &&
	       get_indent(line) > reading->indent;
}

/*
 * "id:<a@example.com> : mx.example.com : 550 5.1.1 words", as a log has it: one address, and what was answered.  Where
 * nothing is returned it may be anybody's log.
 */
static bool is_logged(struct reading *reading, struct template_line *line, struct span *ret_address)
{
	struct span only = SPAN_NONE, address;
	size_t at = 0;

	if (!reading->notice->original.count || (reading_get_current(reading) && !reading->is_logged) ||
	    !template_line_has_address(line) || !notice_has_reply(line->text) || guess_is_about_sender(line->text))
		return false;
	for (unsigned n = 0; n < LOGGED_MAX && span_is_known(address = mailbox_find(line->text, &at)); n++) {
		if (people_is_bystander(reading->people, address) || people_is_helper(reading->people, address) ||
		    span_is_equal_nocase(only, address))
			continue;
		if (span_is_known(only))
			return false;
		only = address;
	}
	*ret_address = only;
	return reading->is_logged = span_is_known(only);
}

static bool names_recipient(struct reading *reading, struct template_line *line, struct captures *captures)
{
	struct span address;

	if (templates_match(&reading->form->recipient, line, captures, &reading->notice->budget))
		return true;
	if (!reading->form->is_generic || (!is_adorned_address(line->text, &address) && !is_logged(reading, line, &address)))
		return false;
	*captures = (struct captures){ 0 };
	captures->spans[CAPTURE_RECIPIENT] = address;
	return true;
}

static int take_line(struct reading *reading, struct template_line line)
{
	const struct form *form = reading->form;
	size_t *budget = &reading->notice->budget;
	struct captures captures;
	bool is_taken = false;
	int error = 0;

	if (span_trim(line.whole).len == 0) {
		take_words(reading, line.whole);
		return 0;
	}
	if (templates_match(&form->skip, &line, &captures, budget))
		return take_aside(reading, &captures);
	if (!is_continuation(reading, &line) && names_recipient(reading, &line, &captures))
		error = take_recipient(reading, &captures, &line, &is_taken);
	if (error || is_taken)
		return error;
	if (templates_match(&form->reply, &line, &captures, budget))
		return take_reply(reading, &captures);
	take_words(reading, line.whole);
	return 0;
}

/* Where the original begins; what the whole text says of a delay. */
static int cut_original(struct reading *reading)
{
	struct notice *notice = reading->notice;
	bool is_wanted = reading->form->original.count || reading->form->delayed.count;
	struct span rest = is_wanted ? notice->text : SPAN_NONE;
	struct captures captures;

	while (span_is_known(rest) && rest.len) {
		struct template_line line = reading_take_line(&rest);
		if (templates_match(&reading->form->original, &line, &captures, &notice->budget)) {
			struct span end = span_is_known(rest) ? rest : span_skip(notice->text, notice->text.len);
			struct span before = span_slice(notice->text, 0, (size_t)(line.whole.ptr - notice->text.ptr));
			int error = notice_cut(notice, (size_t)(end.ptr - notice->text.ptr));
			notice->text = before;
			return error;
		}
		if (templates_match(&reading->form->delayed, &line, &captures, &notice->budget))
			reading->is_delayed = true;
	}
	size_t header = notice_find_header(notice);
	return header == SIZE_MAX ? 0 : notice_cut(notice, header);
}

static int read_lines(struct reading *reading)
{
	const struct form *form = reading->form;
	size_t *budget = &reading->notice->budget;
	struct span rest = reading->notice->text;
	bool is_on = form->from.count == 0;
	struct captures captures;
	int error = 0;

	reading->is_listening = form->reply.count == 0;
	while (span_is_known(rest) && rest.len && !error) {
		struct template_line line = reading_take_line(&rest);
		if (!is_on) {
			is_on = templates_match(form->resume.count ? &form->resume : &form->from, &line, &captures, budget) ||
				templates_match(&form->from, &line, &captures, budget);
			if (is_on)
				error = apply_captures(reading, &captures);
			continue;
		}
		if (templates_match(&form->until, &line, &captures, budget)) {
			is_on = false;
			reading->is_listening = form->reply.count == 0;
			continue;
		}
		error = take_line(reading, line);
	}
	return error;
}

static int read_people(struct reading *reading)
{
	if (!reading->form->is_generic)
		return 0;
	reading->people = arena_take(reading->notice->mail->arena, sizeof(*reading->people));
	if (!reading->people)
		return -ENOMEM;
	people_read(reading->notice, reading->people);
	return 0;
}

int form_read(const struct form *form, const struct notice *notice, const struct captures *captures, struct outcomes *outcomes)
{
	struct notice own = *notice;
	struct reading reading = { .form = form, .notice = &own, .outcomes = outcomes, .first = outcomes->count,
				   .current = NO_OUTCOME, .mta = captures->spans[CAPTURE_MTA] };
	int error = cut_original(&reading);

	if (!error)
		error = read_people(&reading);
	if (!error)
		error = reading_list(&reading);
	if (!error)
		error = read_lines(&reading);
	if (!error && form->is_session)
		error = session_read(own.text, reading.first, outcomes, own.mail->arena);
	if (!error && outcomes->count == reading.first)
		error = reading_add_unnamed(&reading, captures);
	if (error)
		return error;
	return reading_finish(&reading);
}
