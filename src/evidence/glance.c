/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling mail that cannot be a bounce from mail that might be, for some ten instructions a field.  Pure; hostile input. */
#include "evidence/glance.h"

#include <stdlib.h>

#include "evidence/arf.h"
#include "evidence/autoreply.h"
#include "evidence/form.h"
#include "evidence/template.h"

static unsigned hash(struct span name)
{
	/* letters alike in both cases */
	unsigned first = (unsigned char)name.ptr[0] | 0x20u, middle = (unsigned char)name.ptr[name.len / 2] | 0x20u;
	unsigned last = (unsigned char)name.ptr[name.len - 1] | 0x20u;

	return ((unsigned)name.len * 29 + first * 7 + middle * 3 + last) % GLANCE_SLOTS;
}

static bool is_name(struct span a, struct span b)
{
	return a.len == b.len && span_is_equal_nocase(a, b);
}

/* Encoded, or in a set of its own: what it says is seen only when it is decoded. */
static bool is_encoded(struct span value)
{
	const char *end = value.ptr + value.len, *at = value.len > 0 ? memchr(value.ptr, '=', value.len) : NULL;

	for (; at && at + 1 < end; at = memchr(at + 1, '=', (size_t)(end - at - 1)))
		if (at[1] == '?')
			return true;
	return value.len > 0 && memchr(value.ptr, 0x1b, value.len);
}

/* --- what a value tells */

static void look_at_from(struct glance *glance, struct span value)
{
	if (is_encoded(value) || mail_may_name_daemon(value) || arf_may_name_loop(value) || span_is_equal(value, SPAN_LIT("<>")))
		glance->is_telling = true;
}

static void look_at_subject(struct glance *glance, struct span value)
{
	/* Outlook's complaints (arf.c) */
	if (span_has_prefix_nocase(value, SPAN_LIT("complaint about")))
		glance->is_telling = true;
	if (is_encoded(value) || autoreply_is_subject(value))
		glance->is_vacation = true;
}

/* "multipart/report", perhaps with comments, in any case */
static void look_at_type(struct glance *glance, struct span value)
{
	size_t end = span_find_char(value, ';', 0);
	struct span token = end == SIZE_MAX ? value : span_slice(value, 0, end);

	for (size_t i = 0; i + 4 <= token.len; i++)
		if (token.ptr[i] == '(' || ((token.ptr[i] | 0x20) == 'r' && span_is_equal_nocase(span_slice(token, i, i + 4), SPAN_LIT("repo"))))
			glance->is_telling = true;
}

static void look_at_submission(struct glance *glance, struct span value)
{
	if (is_encoded(value) || span_has_prefix_nocase(value, SPAN_LIT("auto-")))
		glance->is_answer = true;
}

static void note_telling(struct glance *glance, struct span value)
{
	(void)value;
	glance->is_telling = true;
}

static void note_answer(struct glance *glance, struct span value)
{
	(void)value;
	glance->is_answer = true;
}

static const struct {
	struct span name;
	void (*look)(struct glance *glance, struct span value);
} rows[] = {
	{ SPAN_LIT("From"), look_at_from },
	{ SPAN_LIT("Subject"), look_at_subject },
	{ SPAN_LIT("Content-Type"), look_at_type },
	{ SPAN_LIT("Auto-Submitted"), look_at_submission },
	{ SPAN_LIT("In-Reply-To"), note_answer },
	{ SPAN_LIT("References"), note_answer },
	{ SPAN_LIT("X-Auto-Response-Suppress"), note_answer },
	{ SPAN_LIT("X-Failed-Recipients"), note_telling },
	{ SPAN_LIT("x-amz-sns-message-id"), note_telling },
};

static int compare_glimpses(const void *a, const void *b)
{
	unsigned first = hash(((const struct glimpse *)a)->name), second = hash(((const struct glimpse *)b)->name);

	return (first > second) - (first < second);
}

void glance_prepare(struct formats *formats)
{
	struct glance_names *names = &formats->glance_names;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		names->slots[hash(rows[i].name)] |= GLANCE_FIELD;
	for (size_t i = 0; i < autoreply_signature_count; i++)
		names->slots[hash(autoreply_signatures[i].name)] |= GLANCE_SIGNATURE;
	if (formats->glimpse_count > 0)
		qsort(formats->glimpses, formats->glimpse_count, sizeof(*formats->glimpses), compare_glimpses);
	for (unsigned slot = 0; slot < GLANCE_SLOTS; slot++) {
		names->glimpses[slot] = (unsigned)at;
		for (; at < formats->glimpse_count && hash(formats->glimpses[at].name) == slot; at++)
			names->slots[slot] |= GLANCE_FORM;
	}
	names->glimpses[GLANCE_SLOTS] = (unsigned)at;
}

/* --- one field */

static void look_at_field(struct glance *glance, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_name(name, rows[i].name)) {
			rows[i].look(glance, value);
			return;
		}
}

static void look_at_signatures(struct glance *glance, struct span name, struct span value)
{
	for (size_t i = 0; i < autoreply_signature_count; i++)
		if (is_name(name, autoreply_signatures[i].name) &&
		    (span_has_prefix_nocase(value, autoreply_signatures[i].value) || is_encoded(value)))
			glance->is_telling = true;
}

static bool has_byte(struct span value, char c)
{
	return span_find_char(value, c, 0) != SIZE_MAX || (ascii_is_alpha(c) && span_find_char(value, (char)(c & ~0x20), 0) != SIZE_MAX);
}

/* What a literal of the template has, and has side by side, the value has, too. */
static void look_at_forms(struct glance *glance, const struct formats *formats, unsigned slot, struct span name, struct span value)
{
	const unsigned *range = &formats->glance_names.glimpses[slot];
	bool is_unseen = is_encoded(value);
	uint64_t digest = 0;

	for (size_t i = range[0]; i < range[1] && !glance->is_telling; i++) {
		const struct glimpse *glimpse = &formats->glimpses[i];
		if (!is_name(name, glimpse->name))
			continue;
		if (!is_unseen && glimpse->rare && !has_byte(value, glimpse->rare))
			continue;
		digest = digest ? digest : template_digest(value);
		glance->is_telling = is_unseen || !(glimpse->needs & ~digest);
	}
}

void glance_begin(struct glance *glance, struct span sender)
{
	*glance = (struct glance){ .is_telling = sender.len == 0 || mail_is_daemon_name(sender) };
}

void glance_add(struct glance *glance, const struct formats *formats, struct span name, struct span value)
{
	/* without them nobody knows what matters */
	if (!formats)
		glance->is_telling = true;
	if (glance->is_telling || name.len == 0)
		return;
	unsigned slot = hash(name);
	unsigned char bits = formats->glance_names.slots[slot];
	if (!bits)
		return;
	value = span_trim(value);
	if (bits & GLANCE_FIELD)
		look_at_field(glance, name, value);
	if (bits & GLANCE_SIGNATURE)
		look_at_signatures(glance, name, value);
	if (bits & GLANCE_FORM)
		look_at_forms(glance, formats, slot, name, value);
}
