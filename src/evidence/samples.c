/* SPDX-License-Identifier: BSD-2-Clause */
/* Proves the forms by their samples.  Pure; any thread. */
#include <errno.h>
#include <stdio.h>

#include "evidence/evidence.h"
#include "evidence/form.h"

static const char *get_string(char **strings, size_t count, size_t i)
{
	return i < count ? strings[i] : "";
}

/* What is wrong with the outcome; false when it is as the sample says. */
static bool differs(const struct sample *sample, size_t i, const struct outcome *outcome, char *why, size_t size)
{
	char reply[8] = "", status[STATUS_TEXT_SIZE];

	if (outcome->reply)
		snprintf(reply, sizeof(reply), "%u", outcome->reply % 1000u);
	status_format(outcome->status, status);
	const char *recipient = sample->recipients[i];
	const char *wanted_reply = get_string(sample->replies, sample->reply_count, i);
	const char *wanted_status = get_string(sample->statuses, sample->status_count, i);
	if (!span_is_equal(outcome->recipient, span_of(recipient)))
		snprintf(why, size, "recipient %zu is '%.*s', not '%s'", i + 1, SPAN_ARG(outcome->recipient), recipient);
	else if (strcmp(reply, wanted_reply) != 0)
		snprintf(why, size, "reply of %s is '%s', not '%s'", recipient, reply, wanted_reply);
	else if (strcmp(status, wanted_status) != 0)
		snprintf(why, size, "status of %s is '%s', not '%s'", recipient, status, wanted_status);
	else if (outcome->action != sample->action)
		snprintf(why, size, "action of %s is %s", recipient, action_get_name(outcome->action));
	else
		return false;
	return true;
}

static int check_sample(const struct formats *formats, const struct form *form, const struct sample *sample,
			const struct mail *mail, struct complaint *complaint)
{
	struct outcomes outcomes = { 0 };
	int result = formats_read(formats, mail, &outcomes);
	const char *name = formats_find(formats, mail);
	char why[300];

	if (result < 0)
		return result;
	if (!name || strcmp(name, form->name) != 0)
		snprintf(why, sizeof(why), "it is read by %s", name ? name : "no form");
	else if (outcomes.count != sample->recipient_count)
		snprintf(why, sizeof(why), "it gives %zu recipients, not %zu", outcomes.count, sample->recipient_count);
	else {
		bool is_wrong = false;
		for (size_t i = 0; i < outcomes.count && !is_wrong; i++)
			is_wrong = differs(sample, i, &outcomes.items[i], why, sizeof(why));
		if (!is_wrong)
			return 0;
	}
	complaint_set(complaint, form->path, 0, "form %s, sample %s: %s", form->name, sample->name, why);
	return -EINVAL;
}

int formats_check(const struct formats *formats, struct complaint *complaint)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	int error = reader ? 0 : -ENOMEM;

	for (size_t i = 0; i < formats->count && !error; i++) {
		const struct form *form = &formats->forms[i];
		for (size_t n = 0; n < form->sample_count && !error; n++) {
			const struct mail *mail = mail_read(reader, span_of(form->samples[n].mail), SPAN_NONE);
			error = check_sample(formats, form, &form->samples[n], mail, complaint);
		}
	}
	mail_reader_free(reader);
	return error;
}
