/* SPDX-License-Identifier: BSD-2-Clause */
/* Any mail, read by the shipped forms: what is found keeps its bounds (an invalid byte becomes the three of U+FFFD). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/evidence.h"
#include "evidence/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct formats *load(void)
{
	const char *top = getenv("top_srcdir");
	struct formats *formats = NULL;
	struct complaint complaint = { 0 };
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/etc/formats.d", top ? top : ".");
	if (formats_load(dir, &formats, &complaint) != 0) {
		fprintf(stderr, "%s: %s\n", complaint.path, complaint.text);
		abort();
	}
	return formats;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct formats *formats;
	struct mail_reader *reader = mail_reader_new(NULL);
	struct outcomes outcomes = { 0 };

	if (!formats)
		formats = load();
	if (!reader)
		abort();
	const struct mail *mail = mail_read(reader, span_make((const char *)data, size), SPAN_LIT(""));
	if (formats_read(formats, mail, &outcomes) < 0 && size < 100000)
		abort();
	for (size_t i = 0; i < outcomes.count; i++) {
		const struct outcome *outcome = &outcomes.items[i];
		if (!span_is_known(outcome->recipient) || outcome->recipient.len > 3 * size || outcome->kind != KIND_BOUNCE ||
		    outcome->reply > 599 || memchr(outcome->recipient.ptr, '\n', outcome->recipient.len))
			abort();
	}
	mail_reader_free(reader);
	return 0;
}
