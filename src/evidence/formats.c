/* SPDX-License-Identifier: BSD-2-Clause */
/* Chooses the form that knows a mail.  Pure; any thread; hostile input. */
#include "evidence/formats.h"

#include <errno.h>

#include "evidence/autoreply.h"
#include "evidence/form.h"

/* A form is known by what stands in the first bytes of the text. */
enum { STRENGTH_MAX = 4, KNOWN_TEXT_MAX = 64 * 1024 };

struct choice {
	bool is_possible; /* it may read mail of this sender */
	unsigned known;   /* bits KNOWN_* of the conditions that hold */
	struct captures *captures; /* NULL: nothing yet; few forms of many get that far */
};

static const struct captures nothing_captured;

/* What is captured first counts.  -ENOMEM past the arena's limit. */
static int merge_captures(struct choice *choice, const struct captures *more, struct arena *arena)
{
	if (!choice->captures)
		choice->captures = arena_alloc(arena, sizeof(*choice->captures));
	if (!choice->captures)
		return -ENOMEM;
	for (unsigned i = 0; i < CAPTURE_COUNT; i++) {
		if (!span_is_known(choice->captures->spans[i]))
			choice->captures->spans[i] = more->spans[i];
	}
	return 0;
}

/* What a mailer daemon sends is a bounce in any language; a postmaster, and other programs, send much else. */
static bool is_daemon_s_own(const struct mail *mail)
{
	struct span from = fields_get(&mail->fields, "From");

	return span_is_known(from) && (span_find_nocase(from, SPAN_LIT("mailer-daemon"), 0) != SIZE_MAX ||
				       span_find_nocase(from, SPAN_LIT("mail-daemon"), 0) != SIZE_MAX || span_is_equal(from, SPAN_LIT("<>")));
}

/* Its return path is a mailbox that somebody reads, and nothing is returned: a postmaster may well be writing himself. */
static bool may_be_written_by_hand(struct notice *notice)
{
	const struct mail *mail = notice->mail;

	return mail->sender.len && !is_daemon_s_own(mail) && !notice->original.count && !fields_find(&mail->fields, "Auto-Submitted") &&
	       !fields_find(&mail->fields, "X-Failed-Recipients") && span_find_nocase(mail->sender, SPAN_LIT("daemon"), 0) == SIZE_MAX &&
	       notice_find_header(notice) == SIZE_MAX;
}

/* The conditions of a bucket that are still open: on a line of the text, or on the field of that name. */
static int match_bucket(const struct bucket *bucket, struct span name, struct template_line *line, struct choice *choices,
			struct notice *notice)
{
	uint64_t digest = template_line_get_digest(line);

	for (size_t i = 0; i < bucket->count; i++) {
		const struct mark *mark = &bucket->items[i];
		if (mark->needs & ~digest)
			continue;
		struct choice *choice = &choices[mark->form];
		struct captures captures;
		if ((choice->known & mark->bit) || !choice->is_possible || mark->name.len != name.len ||
		    !span_is_equal_nocase(mark->name, name))
			continue;
		if (mark->template && !template_match(mark->template, line, &captures, &notice->budget))
			continue;
		choice->known |= mark->bit;
		if (mark->template && merge_captures(choice, &captures, notice->mail->arena) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int match_fields(const struct formats *formats, struct notice *notice, struct choice *choices)
{
	const struct fields *fields = &notice->mail->fields;
	int error = 0;

	for (size_t n = 0; n < fields->count && !error; n++) {
		const struct bucket *bucket = &formats->fields[fields_get_place(fields->items[n].name)];
		if (bucket->count == 0)
			continue;
		struct template_line value = template_line_make(fields_get_value(fields, n));
		error = match_bucket(bucket, fields->items[n].name, &value, choices, notice);
	}
	return error;
}

static int choose_by_header(const struct formats *formats, struct notice *notice, struct choice *choices)
{
	bool is_from_mailer = notice_is_from_mailer(notice->mail);
	bool is_written_by_mailer = notice_is_written_by_mailer(notice->mail) && !may_be_written_by_hand(notice);

	for (size_t i = 0; i < formats->count; i++) {
		choices[i].is_possible = true;
		choices[i].known = formats->forms[i].header_count == 0 ? KNOWN_HEADER : 0;
	}
	if (match_fields(formats, notice, choices) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < formats->count; i++) {
		const struct form *form = &formats->forms[i];
		bool has_header = choices[i].known & KNOWN_HEADER;
		/* a signature vouches for a sender that is no mail system; what a mail system wrote needs none */
		if (form->is_generic)
			choices[i].is_possible = is_written_by_mailer;
		else
			choices[i].is_possible = form->is_signature ? has_header || is_from_mailer : has_header && is_from_mailer;
	}
	return 0;
}

static int choose_by_text(const struct formats *formats, struct notice *notice, struct choice *choices)
{
	/* what an original says of itself makes no form known */
	struct span rest = span_slice(notice->text, 0, notice_find_header(notice));
	int error = 0;

	rest = span_slice(rest, 0, KNOWN_TEXT_MAX);
	while (span_is_known(rest) && rest.len && !error) {
		struct template_line line = template_line_make(span_take_line(&rest));
		if (line.text.len == 0)
			continue;
		error = match_bucket(&formats->lines[line.first], SPAN_NONE, &line, choices, notice);
		if (!error)
			error = match_bucket(&formats->lines[0], SPAN_NONE, &line, choices, notice);
	}
	return error;
}

/* How many kinds of conditions a form meets; 0 when it does not know the mail. */
static unsigned get_strength(const struct form *form, const struct choice *choice)
{
	if (form->is_generic)
		return choice->is_possible;
	if (!choice->is_possible || (choice->known & KNOWN_UNLESS) || (form->text.count && !(choice->known & KNOWN_TEXT)) ||
	    (form->also.count && !(choice->known & KNOWN_ALSO)))
		return 0;
	if (form->text.count == 0 && !(choice->known & KNOWN_HEADER))
		return 0;
	return 1 + (form->header_count > 0 && (choice->known & KNOWN_HEADER)) + (form->text.count > 0) + (form->also.count > 0);
}

/* The conditions that are about a field of that name, one after the other as they stand in the form. */
static bool match_field(const struct form *form, size_t first, size_t end, const struct mail *mail, size_t *budget)
{
	struct span name = span_make(form->headers[first].name, form->headers[first].name_len);
	struct captures captures;

	if (!fields_may_have(&mail->fields, name))
		return false;
	for (size_t n = 0; n < mail->fields.count; n++) {
		const struct field *field = &mail->fields.items[n];
		if (field->name.len != name.len || !span_is_equal_nocase(field->name, name))
			continue;
		struct template_line value = template_line_make(fields_get_value(&mail->fields, n));
		for (size_t i = first; i < end; i++) {
			const struct template *wanted = form->headers[i].value;
			if (!wanted || template_match(wanted, &value, &captures, budget))
				return true;
		}
	}
	return false;
}

/* Of one form alone. */
static bool knows_header(const struct form *form, const struct mail *mail, size_t *budget)
{
	for (size_t first = 0, end; first < form->header_count; first = end) {
		for (end = first + 1; end < form->header_count; end++)
			if (strcmp(form->headers[first].name, form->headers[end].name) != 0)
				break;
		if (match_field(form, first, end, mail, budget))
			return true;
	}
	return form->header_count == 0;
}

bool formats_is_candidate(const struct formats *formats, const struct mail *mail)
{
	size_t budget = 100 * 1000;

	for (size_t i = 0; i < formats->count; i++) {
		const struct form *form = &formats->forms[i];
		if (form->is_signature && knows_header(form, mail, &budget))
			return true;
	}
	return false;
}

/* What of a generic form's conditions the lines of the text meet: bits KNOWN_*. */
static unsigned look_for_words(const struct form *form, struct notice *notice)
{
	struct span rest = span_slice(notice->text, 0, notice_find_header(notice));
	unsigned known = 0;
	struct captures captures;

	rest = span_slice(rest, 0, KNOWN_TEXT_MAX);
	while (span_is_known(rest) && rest.len) {
		struct template_line line = template_line_make(span_take_line(&rest));
		if (line.text.len == 0)
			continue;
		if (!(known & KNOWN_TEXT) && templates_match(&form->text, &line, &captures, &notice->budget))
			known |= KNOWN_TEXT;
		if (!(known & KNOWN_ALSO) && templates_match(&form->also, &line, &captures, &notice->budget))
			known |= KNOWN_ALSO;
		if (templates_match(&form->unless, &line, &captures, &notice->budget))
			known |= KNOWN_UNLESS;
	}
	return known;
}

static bool has_original(const struct mail *mail)
{
	for (size_t i = 0; i < mail->part_count; i++)
		if (mail->parts[i].kind == PART_ORIGINAL)
			return true;
	return false;
}

/*
 * Where the subject is none that anybody foresaw, a daemon has to have sent it, to say that it did not deliver something,
 * and to show what a server answered, or the mail itself; one of these also where only the null sender speaks for a mailer.
 */
static bool is_worth_a_guess(const struct form *form, struct notice *notice)
{
	const struct mail *mail = notice->mail;
	bool is_foreseen = knows_header(form, mail, &notice->budget);
	bool has_reply = mail_is_from_daemon(mail) && notice_has_reply(notice->text);
	bool is_own = is_daemon_s_own(mail);
	bool is_returned = is_own && has_original(mail);
	unsigned known;

	if (!is_foreseen && !has_reply && !is_own)
		return false;
	if (!is_foreseen && has_reply && is_own)
		return true;
	known = look_for_words(form, notice);
	if (!(known & KNOWN_TEXT) || (known & KNOWN_UNLESS))
		return false;
	if (is_foreseen && (notice_is_named_mailer(mail) || has_reply))
		return true;
	if (is_returned)
		return true;
	return (known & KNOWN_ALSO) && (!is_foreseen || has_original(mail) || notice_find_header(notice) != SIZE_MAX);
}

static int read_by_forms(const struct formats *formats, const struct mail *mail, struct outcomes *outcomes,
			 const struct form **ret_form)
{
	struct notice notice;
	size_t first = outcomes->count;
	int error = notice_init(&notice, mail);
	struct choice *choices;

	if (error)
		return error;
	choices = arena_alloc(mail->arena, (formats->count + 1) * sizeof(*choices));
	if (!choices)
		return -ENOMEM;
	if (choose_by_header(formats, &notice, choices) < 0 || choose_by_text(formats, &notice, choices) < 0)
		return -ENOMEM;
	/* the form that meets the most conditions reads first; one that finds nobody leaves the mail to the next */
	for (unsigned strength = STRENGTH_MAX; strength > 0; strength--) {
		for (size_t i = 0; i < formats->count; i++) {
			if (get_strength(&formats->forms[i], &choices[i]) != strength)
				continue;
			if (formats->forms[i].is_generic && !is_worth_a_guess(&formats->forms[i], &notice))
				continue;
			error = form_read(&formats->forms[i], &notice, choices[i].captures ? choices[i].captures : &nothing_captured, outcomes);
			if (error)
				return error;
			*ret_form = &formats->forms[i];
			if (outcomes->count > first)
				return 1;
		}
	}
	return 0;
}

int formats_read(const struct formats *formats, const struct mail *mail, struct outcomes *outcomes)
{
	const struct form *form;

	return read_by_forms(formats, mail, outcomes, &form);
}

const char *formats_find(const struct formats *formats, const struct mail *mail)
{
	struct outcomes outcomes = { 0 };
	const struct form *form;

	return read_by_forms(formats, mail, &outcomes, &form) == 1 ? form->name : NULL;
}

size_t formats_get_count(const struct formats *formats)
{
	return formats->count;
}
