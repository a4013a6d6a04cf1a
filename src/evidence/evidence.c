/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of readers.  Pure; any thread; hostile input. */
#include "evidence/evidence.h"

#include "base/address.h"
#include "evidence/arf.h"
#include "evidence/autoreply.h"
#include "evidence/formats.h"
#include "evidence/notification.h"
#include "evidence/report.h"

/* 1: the form is known and its outcomes are appended (there may be none); 0: another reader's; -ENOMEM. */
typedef int reader_function(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes);

static int read_report(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
{
	(void)formats;
	return report_read(mail, outcomes);
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
