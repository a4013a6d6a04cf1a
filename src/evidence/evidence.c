/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of readers.  Pure; any thread; hostile input. */
#include "evidence/evidence.h"

#include <errno.h>

#include "base/address.h"
#include "evidence/arf.h"
#include "evidence/autoreply.h"
#include "evidence/formats.h"
#include "evidence/notification.h"
#include "evidence/report.h"

/* 1: the form is known and its outcomes are appended (there may be none); 0: another reader's; -ENOMEM. */
typedef int reader_function(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes);

static bool lacks_words(const struct outcome *outcome)
{
	return !span_is_known(outcome->text) && (outcome->action == ACTION_FAILED || outcome->action == ACTION_DELAYED);
}

static const struct outcome *find_recipient(const struct outcomes *outcomes, struct span recipient)
{
	for (size_t i = 0; i < outcomes->count; i++)
		if (span_is_equal_nocase(outcomes->items[i].recipient, recipient))
			return &outcomes->items[i];
	return NULL;
}

static bool is_exact(struct status status)
{
	return status_is_known(status) && (status.subject || status.detail);
}

/* The report's own fields stay; what a guess reads counts only where they tell nothing. */
static void add_words(struct outcome *outcome, const struct outcome *words)
{
	bool is_reply = words->reply || status_is_known(words->status);

	if (!span_is_known(words->text) || (words->is_generic && is_exact(outcome->status) && !is_reply))
		return;
	outcome->text = words->text;
	outcome->is_generic = words->is_generic && !is_exact(outcome->status);
	if (!outcome->reply)
		outcome->reply = words->reply;
	if (!is_exact(outcome->status) && is_exact(words->status) && words->status.class_digit >= outcome->status.class_digit)
		outcome->status = words->status;
	if (outcome->command == COMMAND_UNKNOWN)
		outcome->command = words->command;
	if (!span_is_known(outcome->remote_mta))
		outcome->remote_mta = words->remote_mta;
}

/* Where a report has no Diagnostic-Code, the text beside it says why, in the words of one form or another. */
static int read_words(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes, size_t first)
{
	struct outcomes told = { 0 };
	bool is_wanted = false;

	/* Postfix's, and not about one alone: see report.c */
	if (outcomes->count - first > 1 && span_is_known(outcomes->items[first].queue_id))
		return 0;
	for (size_t i = first; i < outcomes->count; i++)
		is_wanted = is_wanted || lacks_words(&outcomes->items[i]);
	if (!is_wanted || !formats)
		return 0;
	if (formats_read(formats, mail, &told) < 0)
		return -ENOMEM;
	for (size_t i = first; i < outcomes->count; i++) {
		const struct outcome *words = lacks_words(&outcomes->items[i]) ? find_recipient(&told, outcomes->items[i].recipient) : NULL;
		if (words)
			add_words(&outcomes->items[i], words);
	}
	return 0;
}

static int read_report(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	size_t first = outcomes->count;
	int result = report_read(mail, outcomes);
	int error = result > 0 ? read_words(mail, formats, outcomes, first) : 0;

	return error < 0 ? error : result;
}

static int read_arf(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	(void)formats;
	return arf_read(mail, outcomes);
}

static int read_autoreply(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	(void)formats;
	return autoreply_read(mail, outcomes);
}

static int read_notification(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	(void)formats;
	return notification_read(mail, outcomes);
}

static int read_form(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	return formats ? formats_read(formats, mail, outcomes) : 0;
}

static reader_function *const readers[] = { read_report, read_arf, read_autoreply, read_notification, read_form };

/* However a report spells an address, it comes out in one way. */
static void tidy_recipients(const struct mail *mail, struct outcomes *outcomes, size_t first)
{
	for (size_t i = first; i < outcomes->count; i++) {
		struct outcome *outcome = &outcomes->items[i];
		outcome->recipient = address_drop_quotes(outcome->recipient, mail->arena);
		outcome->original_recipient = address_drop_quotes(outcome->original_recipient, mail->arena);
	}
}

int evidence_read(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	size_t first = outcomes->count;
	int result = 0;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) && result == 0; i++)
		result = readers[i](mail, formats, outcomes);
	tidy_recipients(mail, outcomes, first);
	return result < 0 ? result : 0;
}
