/* SPDX-License-Identifier: BSD-2-Clause */
/* The columns of other people's lists, and what their words mean to us.  Tables; one thread; the texts are hostile. */
#include "cli/import_form.h"

#include <assert.h>
#include <stdio.h>

#include "base/address.h"
#include "base/timestamp.h"
#include "base/utf8.h"

enum { NAME_MAX = 32, NOTE_MAX = 400, FIELD_MAX = 255 };

static const char *const form_names[] = {
	[IMPORT_AUTO] = "auto",	    [IMPORT_LIST] = "list",	    [IMPORT_CSV] = "csv",	  [IMPORT_KODAMA] = "kodama",
	[IMPORT_SES] = "ses",	    [IMPORT_SENDGRID] = "sendgrid", [IMPORT_MAILGUN] = "mailgun", [IMPORT_SISIMAI] = "sisimai",
};
static_assert(sizeof(form_names) / sizeof(form_names[0]) == IMPORT_FORM_COUNT, "a name for each form");

const char *import_form_get_name(enum import_form form)
{
	return (unsigned)form < IMPORT_FORM_COUNT ? form_names[form] : "";
}

bool import_form_find(struct span name, enum import_form *ret_form)
{
	for (unsigned i = 0; i < IMPORT_FORM_COUNT; i++) {
		if (span_is_equal(name, span_of(form_names[i]))) {
			*ret_form = (enum import_form)i;
			return true;
		}
	}
	return false;
}

/* Names without their case and what is no letter or digit; the form that has such a column, if only one has. */
static const struct {
	const char *name;
	enum import_column column;
	enum import_form form;
} columns[] = {
	{ "address", COLUMN_ADDRESS, IMPORT_AUTO },	  { "email", COLUMN_ADDRESS, IMPORT_AUTO },
	{ "emailaddress", COLUMN_ADDRESS, IMPORT_SES },	  { "mail", COLUMN_ADDRESS, IMPORT_AUTO },
	{ "mailaddress", COLUMN_ADDRESS, IMPORT_AUTO },	  { "recipient", COLUMN_ADDRESS, IMPORT_AUTO },
	{ "rcpt", COLUMN_ADDRESS, IMPORT_AUTO },	  { "stream", COLUMN_STREAM, IMPORT_AUTO },
	{ "class", COLUMN_CLASS, IMPORT_AUTO },		  { "rule", COLUMN_RULE, IMPORT_AUTO },
	{ "provider", COLUMN_PROVIDER, IMPORT_AUTO },	  { "note", COLUMN_NOTE, IMPORT_AUTO },
	{ "origin", COLUMN_ORIGIN, IMPORT_AUTO },	  { "decision", COLUMN_DECISION, IMPORT_KODAMA },
	{ "since", COLUMN_SINCE, IMPORT_AUTO },		  { "until", COLUMN_UNTIL, IMPORT_AUTO },
	{ "created", COLUMN_SINCE, IMPORT_SENDGRID },	  { "createdat", COLUMN_SINCE, IMPORT_MAILGUN },
	{ "lastupdatetime", COLUMN_SINCE, IMPORT_SES },	  { "dateadded", COLUMN_SINCE, IMPORT_SES },
	{ "timestamp", COLUMN_SINCE, IMPORT_AUTO },	  { "date", COLUMN_SINCE, IMPORT_AUTO },
	{ "reason", COLUMN_REASON, IMPORT_AUTO },	  { "suppressionreason", COLUMN_REASON, IMPORT_SES },
	{ "error", COLUMN_SAID, IMPORT_MAILGUN },	  { "diagnosticcode", COLUMN_SAID, IMPORT_SISIMAI },
	{ "status", COLUMN_STATUS, IMPORT_AUTO },	  { "code", COLUMN_STATUS, IMPORT_MAILGUN },
	{ "deliverystatus", COLUMN_STATUS, IMPORT_SISIMAI }, { "hardbounce", COLUMN_HARD, IMPORT_SISIMAI },
	{ "softbounce", COLUMN_NONE, IMPORT_SISIMAI },	  { "feedbacktype", COLUMN_FEEDBACK, IMPORT_SISIMAI },
};

/* "Email address", "email_address" and "EmailAddress" are the same name. */
static struct span fold_name(struct span name, char text[static NAME_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		if (!ascii_is_alnum(name.ptr[i]))
			continue;
		if (len == NAME_MAX)
			return SPAN_LIT("");
		text[len++] = ascii_lower(name.ptr[i]);
	}
	return span_make(text, len);
}

enum import_column import_find_column(struct span name, enum import_form *form)
{
	char text[NAME_MAX];
	struct span folded = fold_name(name, text);

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (!span_is_equal(folded, span_of(columns[i].name)))
			continue;
		if (columns[i].form != IMPORT_AUTO && *form == IMPORT_AUTO)
			*form = columns[i].form;
		return columns[i].column;
	}
	return COLUMN_NONE;
}

/* Words of a reason: its class, and whether a history (not a list) with it says that the address is dead. */
static const struct {
	const char *word;
	enum class class_id;
	bool is_hard;
} reasons[] = {
	{ "complaint", CLASS_COMPLAINT, true },		{ "spamreport", CLASS_COMPLAINT, true },
	{ "feedback", CLASS_COMPLAINT, false },		{ "userunknown", CLASS_USER_UNKNOWN, true },
	{ "hostunknown", CLASS_DOMAIN_UNKNOWN, true },	{ "hasmoved", CLASS_MOVED, true },
	{ "notaccept", CLASS_NOT_ACCEPTING, true },	{ "suspend", CLASS_MAILBOX_DISABLED, false },
	{ "mailboxfull", CLASS_MAILBOX_FULL, false },
};

static void judge_reason(struct span word, enum class *ret_class, bool *ret_is_hard)
{
	char text[NAME_MAX];
	struct span folded = fold_name(word, text);

	*ret_class = CLASS_UNCLASSIFIED;
	*ret_is_hard = false;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (span_is_equal(folded, span_of(reasons[i].word))) {
			*ret_class = reasons[i].class_id;
			*ret_is_hard = reasons[i].is_hard;
		}
	}
}

static bool is_true(struct span value)
{
	return span_is_equal_nocase(value, SPAN_LIT("true")) || span_is_equal(value, SPAN_LIT("1"));
}

static enum import_result end_row(struct import_row *row, enum import_result result, const char *why)
{
	snprintf(row->why, sizeof(row->why), "%s", why);
	return result;
}

/* A mailbox that is full today, a greylisting: a list of those is no suppression list, whoever wrote it. */
static bool is_temporary(const struct import_record *record)
{
	struct span status = span_trim(record->values[COLUMN_STATUS]);

	return record->form >= IMPORT_SES && status.len >= 3 && status.ptr[0] == '4' &&
	       (status.ptr[1] == '.' || ascii_is_digit(status.ptr[1]));
}

static const char *find_passing(const struct import_record *record, bool is_hard)
{
	struct span hard = record->values[COLUMN_HARD], decision = record->values[COLUMN_DECISION];
	bool is_abuse = span_is_equal_nocase(record->values[COLUMN_FEEDBACK], SPAN_LIT("abuse"));

	if (is_temporary(record))
		return "it was a temporary failure";
	if (record->form == IMPORT_SISIMAI && !is_abuse && !(hard.len ? is_true(hard) : is_hard))
		return "it is no hard bounce and no complaint";
	if (record->form == IMPORT_KODAMA && span_is_equal(decision, SPAN_LIT("none")))
		return "it is only counted";
	return NULL;
}

/* One line of valid UTF-8 without control characters, not too long. */
static struct span clean(struct arena *arena, struct span text, size_t max)
{
	struct span valid = utf8_make_valid(utf8_cut(span_trim(text), max), arena);
	char *bytes = valid.len ? arena_alloc(arena, valid.len) : NULL;

	for (size_t i = 0; bytes && i < valid.len; i++)
		bytes[i] = (unsigned char)valid.ptr[i] < 0x20 || valid.ptr[i] == 0x7f ? ' ' : valid.ptr[i];
	return bytes ? span_make(bytes, valid.len) : SPAN_NONE;
}

/* A time in any of the forms that such files have, as RFC 3339; SPAN_NONE: it is none. */
static struct span format_time(struct arena *arena, struct span text)
{
	char formatted[TIMESTAMP_SIZE];
	uint64_t epoch;
	int64_t time_s;

	text = span_trim(text);
	if (span_is_equal(text, SPAN_LIT("forever")))
		return text;
	/* "2015-09-28 14:14:15" and "2020-04-10T21:03:05.702000+00:00" */
	if (text.len >= 19 && text.ptr[10] == ' ')
		text = arena_printf(arena, "%.10sT%.8sZ", text.ptr, text.ptr + 11);
	if (span_parse_unsigned(text, INT32_MAX * INT64_C(4), &epoch) == 0)
		time_s = (int64_t)epoch;
	else if (timestamp_parse(text, &time_s) < 0 && timestamp_parse_mail(text, &time_s) < 0)
		return SPAN_NONE;
	return arena_printf(arena, "%s", timestamp_format(time_s, formatted));
}

/* "sendgrid: 550 5.1.1 no such user": where it came from, and what stood there. */
static struct span make_note(struct arena *arena, const struct import_record *record)
{
	struct span note = record->values[COLUMN_NOTE], said = record->values[COLUMN_SAID], reason = record->values[COLUMN_REASON];
	const char *form = record->form >= IMPORT_SES ? import_form_get_name(record->form) : "imported";

	if (note.len || record->form == IMPORT_KODAMA)
		return clean(arena, note, NOTE_MAX);
	if (said.len)
		return clean(arena, arena_printf(arena, "%s: %.*s", form, SPAN_ARG(said)), NOTE_MAX);
	return clean(arena, arena_printf(arena, "%s%s%.*s", form, reason.len ? ": " : "", SPAN_ARG(reason)), NOTE_MAX);
}

static void put_words(const struct import_record *record, struct arena *arena, enum class class_id, struct import_row *row)
{
	row->stream = clean(arena, record->values[COLUMN_STREAM], FIELD_MAX);
	row->note = make_note(arena, record);
	row->class_name = class_id == CLASS_UNCLASSIFIED ? SPAN_NONE : span_of(class_get_name(class_id));
	if (record->form > IMPORT_KODAMA)
		return;
	if (record->values[COLUMN_CLASS].len)
		row->class_name = clean(arena, record->values[COLUMN_CLASS], FIELD_MAX);
	row->rule = clean(arena, record->values[COLUMN_RULE], FIELD_MAX);
	row->provider = clean(arena, record->values[COLUMN_PROVIDER], FIELD_MAX);
	if (record->form != IMPORT_KODAMA)
		return;
	row->origin = clean(arena, record->values[COLUMN_ORIGIN], FIELD_MAX);
	row->decision = clean(arena, record->values[COLUMN_DECISION], FIELD_MAX);
}

static enum import_result put_times(const struct import_record *record, struct arena *arena, struct import_row *row)
{
	struct span until = record->values[COLUMN_UNTIL];

	/* a date that we cannot read is no reason to mail a dead address; an end that we cannot read is one to ask */
	row->since = format_time(arena, record->values[COLUMN_SINCE]);
	row->until = until.len ? format_time(arena, until) : SPAN_NONE;
	if (until.len && !row->until.len)
		return end_row(row, IMPORT_REFUSED, "until: it is no time");
	return IMPORT_ROW;
}

enum import_result import_judge(const struct import_record *record, struct arena *arena, struct import_row *row)
{
	struct span text = span_trim(record->values[COLUMN_ADDRESS]);
	struct address address;
	enum class class_id;
	const char *why;
	bool is_hard;

	if (!text.len)
		return end_row(row, IMPORT_REFUSED, "it names no address");
	if (address_fold(text, &address, &why) < 0)
		return end_row(row, IMPORT_REFUSED, why);
	judge_reason(record->values[COLUMN_REASON], &class_id, &is_hard);
	const char *passing = find_passing(record, is_hard);
	if (passing)
		return end_row(row, IMPORT_PASSED, passing);
	row->address = arena_copy(arena, address_get(&address));
	if (!row->address.ptr)
		return end_row(row, IMPORT_REFUSED, "out of memory");
	put_words(record, arena, class_id, row);
	return put_times(record, arena, row);
}
