/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of outcomes, whatever they were read from: valid text, known words, bounds. */
#ifndef KODAMA_TESTS_OUTCOMES_CHECK_H
#define KODAMA_TESTS_OUTCOMES_CHECK_H

#include <stdlib.h>

#include "base/utf8.h"
#include "evidence/evidence.h"

static inline void check_span(struct span text)
{
	if (!utf8_is_valid(text) || (text.len && memchr(text.ptr, '\0', text.len)))
		abort();
}

static inline void check_outcomes(const struct outcomes *outcomes)
{
	if (outcomes->count > OUTCOMES_MAX)
		abort();
	for (size_t i = 0; i < outcomes->count; i++) {
		const struct outcome *o = &outcomes->items[i];
		const struct span texts[] = { o->recipient, o->original_recipient, o->sender, o->text,	     o->remote_mta, o->reporting_mta,
					      o->queue_id,  o->envelope_id,	   o->message_id, o->token };

		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			check_span(texts[k]);
		if (o->kind == KIND_UNKNOWN || o->kind >= KIND_COUNT || o->action >= ACTION_COUNT || o->command >= COMMAND_COUNT)
			abort();
		if (o->reply && (o->reply < 200 || o->reply > 599))
			abort();
		if (span_is_known(o->recipient) && (o->recipient.len == 0 || memchr(o->recipient.ptr, '\n', o->recipient.len)))
			abort();
	}
}

/* Reads `head` and `data` as one mail and checks what it yields. */
static inline void check_mail(const char *head, const uint8_t *data, size_t size)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	struct outcomes outcomes = { 0 };

	if (!reader)
		abort();
	mail_begin(reader, SPAN_NONE);
	mail_add_bytes(reader, span_of(head));
	mail_add_bytes(reader, span_make((const char *)data, size));
	if (evidence_read(mail_end(reader), NULL, &outcomes) != 0)
		abort();
	check_outcomes(&outcomes);
	mail_reader_free(reader);
}

#endif
