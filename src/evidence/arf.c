/* SPDX-License-Identifier: BSD-2-Clause */
/* Feedback reports: the machine-readable part, and providers' own forms by a table.  Pure; any thread; hostile input. */
#include "evidence/arf.h"

#include <errno.h>

#include "evidence/header.h"
#include "evidence/report.h"
#include "evidence/value.h"

enum { RECIPIENTS_MAX = 100 };

struct feedback_fields {
	struct span type, sender, envelope_id, arrival_date, reporting_mta;
	struct span recipients[RECIPIENTS_MAX];
	size_t recipient_count;
};

static const struct {
	struct span name;
	size_t offset;
} known_fields[] = {
	{ SPAN_LIT("feedback-type"), offsetof(struct feedback_fields, type) },
	{ SPAN_LIT("original-mail-from"), offsetof(struct feedback_fields, sender) },
	{ SPAN_LIT("original-envelope-id"), offsetof(struct feedback_fields, envelope_id) },
	{ SPAN_LIT("arrival-date"), offsetof(struct feedback_fields, arrival_date) },
	{ SPAN_LIT("received-date"), offsetof(struct feedback_fields, arrival_date) },
	{ SPAN_LIT("reporting-mta"), offsetof(struct feedback_fields, reporting_mta) },
};

/* Forms without a feedback part: told by a field of the returned original, which then names the recipient. */
static const struct {
	const char *from;     /* the end of the From address */
	const char *subject;  /* its beginning */
	const char *original; /* the field */
} forms[] = {
	{ "@hotmail.com", "complaint about message from", "X-HmXmrOriginalRecipient" },
	{ "@outlook.com", "complaint about message from", "X-HmXmrOriginalRecipient" },
};

static void add_recipient(struct feedback_fields *feedback, struct span value)
{
	struct span address = value_get_address(value);

	for (size_t i = 0; i < feedback->recipient_count; i++)
		if (span_is_equal_nocase(feedback->recipients[i], address))
			return;
	if (address.len && feedback->recipient_count < RECIPIENTS_MAX)
		feedback->recipients[feedback->recipient_count++] = address;
}

static int read_fields(struct span text, struct arena *arena, struct feedback_fields *feedback)
{
	while (span_is_known(text)) {
		struct span name, value;
		int error = value_take_field(&text, arena, &name, &value);

		if (error < 0)
			return error;
		if (span_is_equal_nocase(name, SPAN_LIT("original-rcpt-to")) ||
		    span_is_equal_nocase(name, SPAN_LIT("removal-recipient")))
			add_recipient(feedback, value);
		for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++) {
			struct span *slot = (struct span *)((char *)feedback + known_fields[i].offset);
			if (span_is_equal_nocase(name, known_fields[i].name) && !span_is_known(*slot))
				*slot = value;
		}
	}
	return 0;
}

/* "auth-failure; ..." is the same, and reports of the drafts have no type. */
static enum feedback parse_feedback(struct span type)
{
	static const struct {
		const char *name;
		enum feedback feedback;
	} names[] = {
		{ "", FEEDBACK_COMPLAINT },
		{ "abuse", FEEDBACK_COMPLAINT },
		{ "fraud", FEEDBACK_COMPLAINT },
		{ "opt-out", FEEDBACK_COMPLAINT },
		{ "opt-out-list", FEEDBACK_COMPLAINT },
		{ "not-spam", FEEDBACK_NOT_SPAM },
		{ "auth-failure", FEEDBACK_AUTH_FAILURE },
		{ "virus", FEEDBACK_VIRUS },
	};
	size_t len = 0;

	type = span_trim(type);
	while (len < type.len && (ascii_is_alnum(type.ptr[len]) || type.ptr[len] == '-'))
		len++;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is_equal_nocase(span_slice(type, 0, len), span_of(names[i].name)))
			return names[i].feedback;
	return FEEDBACK_OTHER;
}

static int add_outcome(const struct mail *mail, const struct feedback_fields *feedback, const struct fields *original,
		       struct span recipient, struct outcomes *outcomes)
{
	struct outcome *outcome = outcomes_add(outcomes, mail->arena);
	struct span sender = value_get_address(feedback->sender), mta = value_strip_type(feedback->reporting_mta);

	if (!outcome)
		return outcomes->is_cut ? 0 : -ENOMEM;
	outcome->kind = KIND_ARF;
	outcome->recipient = recipient;
	outcome->sender = sender.len ? sender : SPAN_NONE;
	outcome->reporting_mta = mta.len ? mta : SPAN_NONE;
	if (feedback->envelope_id.len)
		outcome->envelope_id = value_decode_xtext(span_trim(feedback->envelope_id), mail->arena);
	outcome->feedback = parse_feedback(feedback->type);
	outcome->time_s = value_parse_time(fields_get(&mail->fields, "date"));
	if (!outcome->time_s)
		outcome->time_s = value_parse_time(feedback->arrival_date);
	if (original)
		report_add_original(original, outcome);
	return 0;
}

/* One outcome a recipient; where the report names none, the original's own, marked so. */
static int add_outcomes(const struct mail *mail, const struct feedback_fields *feedback, struct outcomes *outcomes)
{
	const struct fields *original = report_find_original(mail);
	struct span only;
	int error = 0;

	for (size_t i = 0; i < feedback->recipient_count && error == 0; i++)
		error = add_outcome(mail, feedback, original, feedback->recipients[i], outcomes);
	if (feedback->recipient_count || error < 0)
		return error;
	only = original ? report_find_only_recipient(original) : SPAN_NONE;
	error = add_outcome(mail, feedback, original, only, outcomes);
	if (error == 0 && outcomes->count)
		outcomes->items[outcomes->count - 1].is_from_original = span_is_known(only);
	return error;
}

/* Asked of every mail's From: the second letter rules out nearly all of it. */
bool arf_may_name_loop(struct span from)
{
	static const struct span words[] = { SPAN_LIT("feedback"), SPAN_LIT("fbl"), SPAN_LIT("complain"), SPAN_LIT("abuse"), SPAN_LIT("scomp") };

	for (size_t i = 0; i + 3 <= from.len; i++) {
		char first = (char)(from.ptr[i] | 0x20), second = (char)(from.ptr[i + 1] | 0x20);
		if (!(first == 'f' && (second == 'e' || second == 'b')) && !(first == 'c' && second == 'o') &&
		    !(first == 'a' && second == 'b') && !(first == 's' && second == 'c'))
			continue;
		for (size_t n = 0; n < sizeof(words) / sizeof(words[0]); n++)
			if (span_has_prefix_nocase(span_skip(from, i), words[n]))
				return true;
	}
	return false;
}

/* A gateway that adds a disclaimer puts the report, or its parts, into a multipart/mixed of its own; people show parts alone. */
static bool may_be_wrapped(const struct mail *mail)
{
	struct span from = fields_get(&mail->fields, "from");

	return span_is_equal(mail->type, SPAN_LIT("multipart/mixed")) && span_is_known(from) &&
	       arf_may_name_loop(header_take_address(&from));
}

static bool has_original_at(const struct mail *mail, unsigned depth)
{
	for (size_t i = 0; i < mail->part_count; i++)
		if (mail->parts[i].kind == PART_ORIGINAL && mail->parts[i].depth == depth)
			return true;
	return false;
}

/* Where nobody is named: all of a report, deeper inside of what is no answer; people attach mails whole. */
static bool is_whole_inside(const struct mail *mail, const struct part *part)
{
	return part->depth >= 2 && span_is_equal(mail->type, SPAN_LIT("multipart/mixed")) && has_original_at(mail, part->depth) &&
	       !fields_find(&mail->fields, "In-Reply-To") && !fields_find(&mail->fields, "References");
}

static struct part *find_feedback(const struct mail *mail)
{
	bool is_report = span_is_equal(mail->type, SPAN_LIT("multipart/report"));
	bool is_wrapped = may_be_wrapped(mail) && report_find_original(mail);

	for (size_t i = 0; i < mail->part_count; i++) {
		struct part *part = &mail->parts[i];
		if (part->kind == PART_FEEDBACK && (is_wrapped || (is_report && part->depth == 1) || is_whole_inside(mail, part)))
			return part;
	}
	return NULL;
}

/* The row of a provider's form that the top header tells; -1 if none does. */
static int find_form(const struct mail *mail)
{
	struct span from = fields_get(&mail->fields, "from"), subject = fields_get(&mail->fields, "subject");

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct span rest = from;
		if (span_is_known(from) && span_has_prefix_nocase(subject, span_of(forms[i].subject)) &&
		    span_has_suffix_nocase(header_take_address(&rest), span_of(forms[i].from)))
			return (int)i;
	}
	return -1;
}

static int read_form(const struct mail *mail, struct outcomes *outcomes)
{
	const struct fields *original = report_find_original(mail);
	struct feedback_fields feedback = { 0 };
	int form = find_form(mail);
	struct span recipient = form >= 0 && original ? fields_get(original, forms[form].original) : SPAN_NONE;

	if (!span_is_known(recipient))
		return 0;
	add_recipient(&feedback, recipient);
	int error = add_outcomes(mail, &feedback, outcomes);
	return error < 0 ? error : 1;
}

int arf_read(const struct mail *mail, struct outcomes *outcomes)
{
	struct feedback_fields feedback = { 0 };
	struct part *part = find_feedback(mail);
	int error;

	if (!part)
		return read_form(mail, outcomes);
	error = read_fields(part_get_text(part), mail->arena, &feedback);
	if (error < 0)
		return error;
	error = add_outcomes(mail, &feedback, outcomes);
	return error < 0 ? error : 1;
}

bool arf_is_candidate(const struct mail *mail)
{
	return find_form(mail) >= 0 || may_be_wrapped(mail);
}
