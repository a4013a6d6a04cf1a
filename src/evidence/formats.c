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
	bool has_header;  /* a condition on the header holds */
	unsigned known;   /* bits KNOWN_* of the lines that were seen */
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

/* Its return path is a mailbox that somebody reads, and nothing is returned: a postmaster may well be writing himself. */
static bool may_be_written_by_hand(const struct notice *notice)
{
	const struct mail *mail = notice->mail;

	return mail->sender.len && !notice->original.count && !fields_find(&mail->fields, "Auto-Submitted") &&
	       !fields_find(&mail->fields, "X-Failed-Recipients") && span_find_nocase(mail->sender, SPAN_LIT("daemon"), 0) == SIZE_MAX &&
	       notice_find_header(notice) == SIZE_MAX;
}

static int choose_by_header(const struct formats *formats, struct notice *notice, struct choice *choices)
{
	bool is_from_mailer = notice_is_from_mailer(notice->mail);
	bool is_written_by_mailer = notice_is_written_by_mailer(notice->mail) && !may_be_written_by_hand(notice);

	for (size_t i = 0; i < formats->count; i++) {
		const struct form *form = &formats->forms[i];
		bool is_trusted = form->is_generic ? is_written_by_mailer : is_from_mailer;
		struct captures captures = { 0 };
		if (form->is_generic) {
			choices[i].is_possible = is_trusted;
			continue;
		}
		choices[i].has_header = form_knows_header(form, notice->mail, &captures, &notice->budget);
		/* a signature vouches for a sender that is no mail system; what a mail system wrote needs none */
		choices[i].is_possible = form->is_signature ? choices[i].has_header || is_trusted : choices[i].has_header && is_trusted;
		if (form->header_count && choices[i].has_header && merge_captures(&choices[i], &captures, notice->mail->arena) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int match_bucket(const struct bucket *bucket, struct span line, uint64_t digest, struct choice *choices,
			struct notice *notice)
{
	for (size_t i = 0; i < bucket->count; i++) {
		const struct mark *mark = &bucket->items[i];
		struct choice *choice = &choices[mark->form];
		struct captures captures;
		if ((mark->needs & ~digest) || !choice->is_possible || (choice->known & mark->bit) ||
		    !template_match(mark->template, line, &captures, &notice->budget))
			continue;
		choice->known |= mark->bit;
		if (merge_captures(choice, &captures, notice->mail->arena) < 0)
			return -ENOMEM;
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
		struct span line = span_trim(span_take_line(&rest));
		if (line.len == 0)
			continue;
		uint64_t digest = template_digest(line);
		error = match_bucket(&formats->buckets[(unsigned char)ascii_lower(line.ptr[0])], line, digest, choices, notice);
		if (!error)
			error = match_bucket(&formats->buckets[0], line, digest, choices, notice);
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
	if (form->text.count == 0 && !choice->has_header)
		return 0;
	return 1 + (form->header_count > 0 && choice->has_header) + (form->text.count > 0) + (form->also.count > 0);
}

bool formats_is_candidate(const struct formats *formats, const struct mail *mail)
{
	size_t budget = 100 * 1000;
	struct captures captures;

	for (size_t i = 0; i < formats->count; i++) {
		const struct form *form = &formats->forms[i];
		if (form->is_signature && form_knows_header(form, mail, &captures, &budget))
			return true;
	}
	return false;
}

static bool match_any(const struct templates *templates, struct span line, uint64_t digest, size_t *budget)
{
	struct captures captures;

	for (size_t i = 0; i < templates->count; i++)
		if (!(template_get_needs(templates->items[i]) & ~digest) && template_match(templates->items[i], line, &captures, budget))
			return true;
	return false;
}

/* What of a generic form's conditions the lines of the text meet: bits KNOWN_*. */
static unsigned look_for_words(const struct form *form, struct notice *notice)
{
	struct span rest = span_slice(notice->text, 0, notice_find_header(notice));
	unsigned known = 0;

	rest = span_slice(rest, 0, KNOWN_TEXT_MAX);
	while (span_is_known(rest) && rest.len) {
		struct span line = span_trim(span_take_line(&rest));
		uint64_t digest = line.len ? template_digest(line) : 0;
		if (line.len && !(known & KNOWN_TEXT) && match_any(&form->text, line, digest, &notice->budget))
			known |= KNOWN_TEXT;
		if (line.len && !(known & KNOWN_ALSO) && match_any(&form->also, line, digest, &notice->budget))
			known |= KNOWN_ALSO;
		if (line.len && match_any(&form->unless, line, digest, &notice->budget))
			known |= KNOWN_UNLESS;
	}
	return known;
}

/* What a mailer daemon sends is a bounce in any language; a postmaster, and other programs, send much else. */
static bool is_daemon_s_own(const struct mail *mail)
{
	struct span from = fields_get(&mail->fields, "From");

	return span_is_known(from) && (span_find_nocase(from, SPAN_LIT("mailer-daemon"), 0) != SIZE_MAX ||
				       span_find_nocase(from, SPAN_LIT("mail-daemon"), 0) != SIZE_MAX || span_is_equal(from, SPAN_LIT("<>")));
}

/* Programs that send mail, by the words of their From; for those that are no mailer by their address. */
static bool is_from_some_mail_system(const struct mail *mail)
{
	static const struct span words[] = { SPAN_LIT("mail s"), SPAN_LIT("mails"), SPAN_LIT("mailer"), SPAN_LIT("deliver"), SPAN_LIT("mmdf"),
					     SPAN_LIT("post office"), SPAN_LIT("gateway"), SPAN_LIT("mail admin"), SPAN_LIT("mail robot") };
	struct span from = fields_get(&mail->fields, "From");

	for (size_t i = 0; span_is_known(from) && i < sizeof(words) / sizeof(words[0]); i++)
		if (span_find_nocase(from, words[i], 0) != SIZE_MAX)
			return true;
	return false;
}

/*
 * Where the subject is none that anybody foresaw, a daemon has to have sent it, to say that it did not deliver something,
 * and to show what a server answered; one of these also where only the null sender speaks for a mailer.
 */
static bool is_worth_a_guess(const struct form *form, struct notice *notice)
{
	struct captures captures;
	const struct mail *mail = notice->mail;
	bool is_foreseen = form_knows_header(form, mail, &captures, &notice->budget);
	bool has_reply = mail_is_from_daemon(mail) && notice_has_reply(notice->text);
	unsigned known;

	if (!is_foreseen && !has_reply)
		return false;
	if (!is_foreseen && is_daemon_s_own(mail))
		return true;
	known = look_for_words(form, notice);
	if (!(known & KNOWN_TEXT) || (known & KNOWN_UNLESS))
		return false;
	if (is_foreseen && (notice_is_named_mailer(mail) || has_reply))
		return true;
	return (known & KNOWN_ALSO) && (!is_foreseen || is_from_some_mail_system(mail));
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
