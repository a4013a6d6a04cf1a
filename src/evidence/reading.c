/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom no line named, and what was said of everybody.  Pure; hostile input. */
#include "evidence/reading.h"

#include <errno.h>

#include "evidence/disclaimer.h"
#include "evidence/header.h"
#include "evidence/mailbox.h"
#include "evidence/report.h"
#include "evidence/transcript.h"

enum { WORDS_MAX = 8 * 1024, MENTIONS_MAX = 200, LOOKS_A_STEP = 2 };

static long find_outcome(const struct reading *reading, struct span recipient)
{
	for (size_t i = reading->first; i < reading->outcomes->count; i++) {
		if (span_is_equal_nocase(reading->outcomes->items[i].recipient, recipient))
			return (long)i;
	}
	return NO_OUTCOME;
}

int reading_select(struct reading *reading, struct span recipient)
{
	struct outcome *outcome;

	reading->current = find_outcome(reading, recipient);
	reading->is_new = reading->current == NO_OUTCOME;
	if (!reading->is_new)
		return 0;
	outcome = outcomes_add(reading->outcomes, reading->notice->mail->arena);
	if (!outcome)
		return reading->outcomes->is_cut ? 0 : -ENOMEM;
	outcome->recipient = recipient;
	reading->current = (long)reading->outcomes->count - 1;
	return 0;
}

static void list_field(struct listed *listed, struct span rest)
{
	while (span_is_known(rest) && listed->count < OUTCOMES_MAX) {
		struct span address = header_take_address(&rest);
		if (address.len)
			listed->items[listed->count++] = address;
	}
}

static bool has_capture(const struct templates *templates, enum capture capture)
{
	for (size_t i = 0; i < templates->count; i++)
		if (template_has(templates->items[i], capture))
			return true;
	return false;
}

int reading_list(struct reading *reading)
{
	const struct form *form = reading->form;
	const struct fields *top = &reading->notice->mail->fields, *original = &reading->notice->original;
	struct listed *listed = &reading->listed;
	bool has_users = has_capture(&form->recipient, CAPTURE_USER);

	if (!has_users && !has_capture(&form->recipient, CAPTURE_LOCAL))
		return 0;
	listed->items = arena_take(reading->notice->mail->arena, OUTCOMES_MAX * sizeof(*listed->items));
	if (!listed->items)
		return -ENOMEM;
	for (size_t i = 0; form->recipients_in && i < top->count; i++)
		if (span_is_equal_nocase(top->items[i].name, span_of(form->recipients_in)))
			list_field(listed, fields_get_value(top, i));
	listed->failed = listed->count;
	for (size_t i = 0; has_users && i < original->count; i++) {
		struct span name = original->items[i].name;
		if (span_is_equal_nocase(name, SPAN_LIT("To")) || span_is_equal_nocase(name, SPAN_LIT("Cc")))
			list_field(listed, fields_get_value(original, i));
	}
	return 0;
}

/* Paid from the notice's budget, as matching is. */
static struct span find_local(struct reading *reading, size_t count, struct span local)
{
	size_t *budget = &reading->notice->budget, steps = 1 + count / LOOKS_A_STEP;
	bool is_paid = *budget >= steps;

	*budget -= is_paid ? steps : *budget;
	for (size_t i = 0; is_paid && i < count; i++)
		if (span_is_equal_nocase(mailbox_get_local(reading->listed.items[i]), local))
			return reading->listed.items[i];
	return SPAN_NONE;
}

struct span reading_find_listed(struct reading *reading, struct span local)
{
	return find_local(reading, reading->listed.failed, local);
}

struct span reading_find_user(struct reading *reading, struct span user)
{
	struct span whole = find_local(reading, reading->listed.count, user);

	return span_is_known(whole) ? whole : user;
}

static int add_listed(struct reading *reading)
{
	const struct mail *mail = reading->notice->mail;
	int error = 0;

	if (!reading->form->recipients_in)
		return 0;
	for (size_t i = 0; i < mail->fields.count && !error; i++) {
		if (!span_is_equal_nocase(mail->fields.items[i].name, span_of(reading->form->recipients_in)))
			continue;
		struct span rest = fields_get_value(&mail->fields, i);
		while (span_is_known(rest) && !error) {
			struct span address = header_take_address(&rest);
			if (span_is_known(mailbox_get_domain(address)))
				error = reading_select(reading, address);
		}
	}
	return error;
}

/* The only address in the lines that are wanted, and in *ret_line where it stands; SPAN_NONE where there are two, or none. */
static struct span find_only_address(struct reading *reading, const struct templates *wanted, struct span *ret_line)
{
	struct span rest = reading->notice->text, only = SPAN_NONE, address;
	struct captures captures;
	size_t *budget = &reading->notice->budget;

	while (span_is_known(rest) && rest.len) {
		struct template_line line = reading_take_line(&rest);
		size_t at = 0;
		if (span_find_char(line.whole, '@', 0) == SIZE_MAX || (wanted && !templates_match(wanted, &line, &captures, budget)) ||
		    guess_is_about_sender(line.whole) || templates_match(&reading->form->skip, &line, &captures, budget))
			continue;
		while (span_is_known(address = mailbox_find(line.whole, &at))) {
			if (people_is_bystander(reading->people, address) || people_is_helper(reading->people, address))
				continue;
			if (span_is_known(only) && !span_is_equal_nocase(only, address))
				return SPAN_NONE;
			if (!span_is_known(only))
				*ret_line = line.whole;
			only = address;
		}
	}
	return only;
}

/* "To: a@example.com" in the prose, which tells what the original was: SPAN_NONE where there are two, or none. */
static struct span find_summed_up(struct reading *reading, struct span *ret_line)
{
	struct span rest = reading->notice->text, only = SPAN_NONE;

	while (span_is_known(rest) && rest.len) {
		struct span line = span_trim(span_take_line(&rest)), address;
		size_t at = 3;
		if (!span_has_prefix_nocase(line, SPAN_LIT("to:")) || !span_is_known(address = mailbox_find(line, &at)) ||
		    people_is_bystander(reading->people, address))
			continue;
		if (span_is_known(only) || span_is_known(mailbox_find(line, &at)))
			return SPAN_NONE;
		only = address;
		*ret_line = reading->notice->text;
	}
	return only;
}

/* In words that no template knows: the only address in the lines that speak of failure, or else in all of the text. */
static int guess_recipient(struct reading *reading)
{
	struct span text = span_slice(reading->notice->text, 0, disclaimer_find(reading->notice->text)), line = text, only;

	/* other programs have the null sender, too */
	if (!notice_is_named_mailer(reading->notice->mail))
		return 0;
	only = find_only_address(reading, &reading->form->text, &line);
	if (!span_is_known(only))
		only = find_summed_up(reading, &line);
	if (!span_is_known(only) && notice_has_reply(text))
		only = find_only_address(reading, NULL, &line);
	if (!span_is_known(only))
		return 0;
	int error = reading_select(reading, only);
	if (!error && reading_get_current(reading))
		reading_get_current(reading)->text = span_make(line.ptr, (size_t)(text.ptr + text.len - line.ptr));
	return error;
}

int reading_add_unnamed(struct reading *reading, const struct captures *known)
{
	struct span recipient = known->spans[CAPTURE_RECIPIENT];
	int error = add_listed(reading);

	if (error || reading->outcomes->count > reading->first)
		return error;
	if (span_is_known(recipient))
		return reading_select(reading, recipient);
	recipient = report_find_only_recipient(&reading->notice->original);
	if (!span_is_known(recipient))
		return reading->form->is_generic ? guess_recipient(reading) : 0;
	error = reading_select(reading, recipient);
	if (!error && reading_get_current(reading))
		reading_get_current(reading)->is_from_original = true;
	return error;
}

/* Recipients that stand in a row share what is said of them. */
static void share_words(struct reading *reading)
{
	struct outcome *items = reading->outcomes->items;
	size_t count = reading->outcomes->count, first = reading->first;
	struct span general = span_is_known(reading->before) ? reading->before : reading->pending;

	if (!span_is_known(general))
		general = reading->notice->text;
	general.len = disclaimer_find(general);
	for (size_t i = first; i < count && i - first < ASIDES_MAX; i++) {
		if (!span_is_known(items[i].text))
			items[i].text = reading->asides[i - first];
	}
	for (size_t i = count; i > first + 1 && !reading->form->is_before; i--) {
		if (!span_is_known(items[i - 2].text))
			items[i - 2].text = items[i - 1].text;
	}
	for (size_t i = first + 1; i < count; i++) {
		if (!span_is_known(items[i].text))
			items[i].text = items[i - 1].text;
	}
	for (size_t i = first; i < count; i++) {
		if (!span_is_known(items[i].text))
			items[i].text = general;
	}
}

/* Where the words are the first line of a reply that the session shows whole. */
static void complete_words(struct reading *reading)
{
	struct outcomes *outcomes = reading->outcomes;

	/* each goes through the whole session */
	for (size_t i = reading->first; i < outcomes->count && i - reading->first < ASIDES_MAX; i++) {
		struct outcome *outcome = &outcomes->items[i];
		outcome->text = transcript_complete(reading->notice->text, outcome->text, outcome->recipient, reading->notice->mail->arena);
	}
}

/* The reply in the words that the last outcome had, too, is not looked for again. */
static int find_reply(struct reading *reading, struct span words)
{
	words = span_slice(words, 0, WORDS_MAX);
	if (span_is_known(reading->words) && words.ptr == reading->words.ptr && words.len == reading->words.len)
		return 0;
	reading->words = words;
	return reply_find(words, reading->notice->mail->arena, &reading->reply);
}

static int finish_outcome(struct reading *reading, struct outcome *outcome)
{
	int error = find_reply(reading, outcome->text);
	struct reply reply = reading->reply;

	if (error)
		return error;
	outcome->text = reply.text;
	/* a success that a session shows is none of the recipient's */
	if (outcome->reply == 0 && reply.code >= 400)
		outcome->reply = reply.code;
	if (!status_is_known(outcome->status) && reply.status.class_digit != 2)
		outcome->status = reply.status;
	if (outcome->command == COMMAND_UNKNOWN)
		outcome->command = reply.command;
	if (!span_is_known(outcome->remote_mta))
		outcome->remote_mta = reply.remote_mta;
	if (!span_is_known(outcome->reporting_mta))
		outcome->reporting_mta = reading->mta;
	outcome->action = reading->is_delayed ? ACTION_DELAYED : ACTION_FAILED;
	outcome->is_generic = reading->form->is_generic;
	notice_complete(reading->notice, outcome);
	return 0;
}

/* An address in the text that is none of those who help. */
static bool names_somebody_else(const struct reading *reading)
{
	struct span text = reading->notice->text, address;
	size_t at = 0;

	for (unsigned n = 0; n < MENTIONS_MAX && span_is_known(address = mailbox_find(text, &at)); n++)
		if (!people_is_bystander(reading->people, address) && !people_is_helper(reading->people, address))
			return true;
	return false;
}

/*
 * Where a guess found somebody to whom the original was addressed, the others are bystanders, but for those of
 * whom a reply speaks; so are the reporter's own helpers, where others are named.
 */
static void drop_bystanders(struct reading *reading)
{
	struct outcomes *outcomes = reading->outcomes;
	size_t kept = reading->first, helpers = 0;
	bool has_addressee = false;

	for (size_t i = reading->first; i < outcomes->count; i++) {
		has_addressee = has_addressee || people_is_addressee(reading->people, outcomes->items[i].recipient);
		helpers += people_is_reporters_helper(reading->people, outcomes->items[i].recipient);
	}
	bool has_others = helpers > 0 && (helpers < outcomes->count - reading->first || names_somebody_else(reading));
	for (size_t i = reading->first; i < outcomes->count; i++) {
		const struct outcome *outcome = &outcomes->items[i];
		bool is_meant = !has_addressee || outcome->reply || status_is_known(outcome->status) ||
				people_is_addressee(reading->people, outcome->recipient);
		if (is_meant && !(has_others && people_is_reporters_helper(reading->people, outcome->recipient)))
			outcomes->items[kept++] = *outcome;
	}
	outcomes->count = kept;
}

/* "Questions: postmaster@example.com" beside somebody else: no recipient, unless something is said of it. */
static void drop_contacts(struct reading *reading)
{
	struct outcomes *outcomes = reading->outcomes;
	size_t kept = reading->first, others = 0;

	for (size_t i = reading->first; i < outcomes->count; i++)
		others += !mailbox_is_system(outcomes->items[i].recipient);
	for (size_t i = reading->first; i < outcomes->count; i++) {
		const struct outcome *outcome = &outcomes->items[i];
		if (!others || outcome->reply || status_is_known(outcome->status) || !mailbox_is_system(outcome->recipient))
			outcomes->items[kept++] = *outcome;
	}
	outcomes->count = kept;
}

int reading_finish(struct reading *reading)
{
	struct outcomes *outcomes = reading->outcomes;
	int error = 0;

	share_words(reading);
	if (reading->form->is_session)
		complete_words(reading);
	for (size_t i = reading->first; i < outcomes->count && !error; i++)
		error = finish_outcome(reading, &outcomes->items[i]);
	if (error)
		return error;
	drop_contacts(reading);
	if (reading->form->is_generic)
		drop_bystanders(reading);
	return 0;
}
