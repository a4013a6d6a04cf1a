/* SPDX-License-Identifier: BSD-2-Clause */
/* A bounce as people read it.  Pure; hostile input; linear time. */
#include "evidence/notice.h"

#include <errno.h>

#include "evidence/autoreply.h"
#include "evidence/header.h"
#include "evidence/mailbox.h"
#include "evidence/report.h"
#include "evidence/value.h"

enum {
	ORIGINAL_FIELDS_MAX = 200,
	STEPS_PER_BYTE = 64,
	STEPS_MIN = 100 * 1000,
	STEPS_MAX = 8 * 1000 * 1000,
};

static bool is_html(const struct part *part)
{
	return span_is_equal(part->type, SPAN_LIT("text/html"));
}

static struct span get_text(struct part *part)
{
	struct span text = part->kind == PART_TEXT ? part_get_text(part) : SPAN_NONE;

	return span_trim(text).len > 0 ? text : SPAN_NONE;
}

/* The parts before the original. */
static size_t count_parts(const struct mail *mail)
{
	size_t count = 0;

	while (count < mail->part_count && mail->parts[count].kind != PART_ORIGINAL)
		count++;
	return count;
}

/* The text of one of them; of HTML only where no plain text stands beside it, which says the same. */
static struct span choose_text(const struct mail *mail, size_t count, size_t index)
{
	struct part *part = &mail->parts[index];

	if (part->kind == PART_TEXT && is_html(part))
		for (size_t i = 0; i < count; i++)
			if (!is_html(&mail->parts[i]) && mail->parts[i].depth == part->depth && span_is_known(get_text(&mail->parts[i])))
				return SPAN_NONE;
	return get_text(part);
}

static int join_text(struct notice *notice)
{
	const struct mail *mail = notice->mail;
	size_t count = count_parts(mail), size = 0, taken = 0;

	for (size_t i = 0; i < count; i++) {
		struct span text = choose_text(mail, count, i);
		if (!span_is_known(text))
			continue;
		size += text.len + 1;
		taken++;
		notice->text = text;
	}
	if (taken < 2)
		return 0;
	char *bytes = arena_alloc(mail->arena, size);
	if (!bytes)
		return -ENOMEM;
	notice->text = span_make(bytes, size);
	for (size_t i = 0; i < count; i++) {
		struct span text = choose_text(mail, count, i);
		if (!span_is_known(text))
			continue;
		memcpy(bytes, text.ptr, text.len);
		bytes[text.len] = '\n';
		bytes += text.len + 1;
	}
	return 0;
}

int notice_init(struct notice *notice, const struct mail *mail)
{
	int error;

	*notice = (struct notice){ .mail = mail, .text = SPAN_LIT("") };
	const struct fields *original = report_find_original(mail);
	if (original)
		notice->original = *original;
	error = join_text(notice);
	if (error)
		return error;
	notice->budget = notice->text.len * STEPS_PER_BYTE + STEPS_MIN;
	if (notice->budget > STEPS_MAX)
		notice->budget = STEPS_MAX;
	return 0;
}

/* One field of a header that is quoted in text.  False at what is none. */
static int read_field(struct span *rest, struct arena *arena, struct field *field, bool *ret_is_field)
{
	struct span line = header_take_field(rest), name, value, copy;

	*ret_is_field = header_split(line, &name, &value);
	if (!*ret_is_field)
		return 0;
	copy = arena_copy(arena, value);
	if (!span_is_known(copy))
		return -ENOMEM;
	copy.len = header_unfold((char *)copy.ptr, copy.len);
	copy = span_trim(copy);
	*field = (struct field){ .name = name, .raw = copy, .decoded = copy };
	return 0;
}

/* Passes over the empty lines and rules that stand between the marker and the header. */
static struct span skip_to_header(struct span text)
{
	while (span_is_known(text) && text.len) {
		struct span rest = text, line = span_trim(span_take_line(&rest)), name, value;
		if (line.len && header_split(line, &name, &value))
			return text;
		/* "From user@example.com Thu ..." of an mbox, a rule, an indent: one of them may come first */
		if (line.len && ascii_is_alnum(line.ptr[0]) && !span_has_prefix(line, SPAN_LIT("From ")))
			return SPAN_LIT("");
		text = rest;
	}
	return SPAN_LIT("");
}

static int read_original(struct notice *notice, struct span text)
{
	struct fields fields = { 0 };
	struct span rest = skip_to_header(text);

	if (rest.len == 0)
		return 0;
	fields.items = arena_take(notice->mail->arena, ORIGINAL_FIELDS_MAX * sizeof(*fields.items));
	if (!fields.items)
		return -ENOMEM;
	while (rest.len && fields.count < ORIGINAL_FIELDS_MAX) {
		bool is_field;
		int error = read_field(&rest, notice->mail->arena, &fields.items[fields.count], &is_field);
		if (error)
			return error;
		if (!is_field)
			break;
		fields.count++;
	}
	notice->original = fields;
	return 0;
}

int notice_cut(struct notice *notice, size_t at)
{
	struct span text = span_skip(notice->text, at);

	notice->text = span_slice(notice->text, 0, at);
	notice->is_searched = false;
	return notice->original.count ? 0 : read_original(notice, text);
}

enum header_line { HEADER_NONE, HEADER_SUMMARY, HEADER_FIELD };

/* Three lines one after the other are a header, if there is one among them that a bounce does not tell in its prose. */
static enum header_line get_header_line(struct span line)
{
	enum { SUMMARIES = 4 };
	static const struct span names[] = {
		SPAN_LIT("to:"),             SPAN_LIT("subject:"),      SPAN_LIT("date:"),             SPAN_LIT("cc:"),
		SPAN_LIT("received:"),       SPAN_LIT("return-path:"),  SPAN_LIT("message-id:"),       SPAN_LIT("dkim-signature:"),
		SPAN_LIT("x-received:"),     SPAN_LIT("mime-version:"), SPAN_LIT("content-type:"),     SPAN_LIT("from:"),
		SPAN_LIT("sender:"),         SPAN_LIT("delivered-to:"), SPAN_LIT("x-originating-ip:"), SPAN_LIT("authentication-results:"),
		SPAN_LIT("reply-to:"),       SPAN_LIT("in-reply-to:"),  SPAN_LIT("references:"),
	};
	size_t colon = 0;

	/* quoted, as a mail is in an answer */
	while (line.len && (line.ptr[0] == '>' || line.ptr[0] == '|'))
		line = span_trim_left(span_skip(line, 1));
	/* most lines end their first word in something else */
	while (colon < line.len && (ascii_is_alpha(line.ptr[colon]) || line.ptr[colon] == '-'))
		colon++;
	if (colon == 0 || colon == line.len || line.ptr[colon] != ':')
		return HEADER_NONE;
	char first = ascii_lower(line.ptr[0]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].ptr[0] == first && span_has_prefix_nocase(line, names[i]))
			return i < SUMMARIES ? HEADER_SUMMARY : HEADER_FIELD;
	}
	return HEADER_NONE;
}

static size_t find_header(struct span text)
{
	struct span rest = text;
	size_t first = SIZE_MAX;
	unsigned count = 0;
	bool has_field = false;

	while (span_is_known(rest) && rest.len) {
		size_t at = (size_t)(rest.ptr - text.ptr);
		struct span line = span_take_line(&rest);
		bool is_folded = line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		if (is_folded && count)
			continue;
		enum header_line kind = get_header_line(line);
		if (kind == HEADER_NONE) {
			count = 0;
			has_field = false;
			continue;
		}
		if (count++ == 0)
			first = at;
		has_field = has_field || kind == HEADER_FIELD;
		/* To, From and Subject stand in the prose of many bounces; Received and the like do not */
		if ((count >= 3 && has_field) || span_has_prefix_nocase(line, SPAN_LIT("received: from ")))
			return first;
	}
	return SIZE_MAX;
}

size_t notice_find_header(struct notice *notice)
{
	if (!notice->is_searched)
		notice->header = find_header(notice->text);
	notice->is_searched = true;
	return notice->header;
}

/* Only white space stands between the begin of the line and it. */
static bool is_at_line_start(struct span text, size_t at)
{
	while (at > 0 && (text.ptr[at - 1] == ' ' || text.ptr[at - 1] == '\t'))
		at--;
	return at == 0 || text.ptr[at - 1] == '\n';
}

bool notice_has_reply(struct span text)
{
	struct status status;

	for (size_t i = 0; i + 9 <= text.len; i++) {
		if ((text.ptr[i] != '4' && text.ptr[i] != '5') || !ascii_is_digit(text.ptr[i + 1]) || !ascii_is_digit(text.ptr[i + 2]) ||
		    (text.ptr[i + 3] != ' ' && text.ptr[i + 3] != '-') || (i > 0 && ascii_is_alnum(text.ptr[i - 1])))
			continue;
		if (status_take(span_skip(text, i + 4 + (text.ptr[i + 4] == '#')), &status) > 0 ||
		    (ascii_is_alpha(text.ptr[i + 4]) && is_at_line_start(text, i)))
			return true;
	}
	return false;
}

bool notice_is_named_mailer(const struct mail *mail)
{
	static const struct span names[] = { SPAN_LIT("mail delivery"), SPAN_LIT("mail deliver"), SPAN_LIT("mailer daemon"),
					     SPAN_LIT("system administrator"), SPAN_LIT("mail.delivery.system") };
	struct span from = span_slice(fields_get(&mail->fields, "From"), 0, 1024), rest = from;
	struct mail without_sender = *mail;

	without_sender.sender = SPAN_NONE;
	if (mail_is_from_daemon(&without_sender))
		return true;
	if (!span_is_known(from))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_find_nocase(from, names[i], 0) != SIZE_MAX)
			return true;
	}
	struct span address = header_take_address(&rest);
	return address.len == 0 || mailbox_is_system(address);
}

/* By the words of the From. */
bool notice_is_from_robot(const struct mail *mail)
{
	static const struct span words[] = { SPAN_LIT("mail s"), SPAN_LIT("mails"), SPAN_LIT("mailer"), SPAN_LIT("deliver"), SPAN_LIT("mmdf"),
					     SPAN_LIT("post office"), SPAN_LIT("gateway"), SPAN_LIT("mail admin"), SPAN_LIT("mail robot"),
					     SPAN_LIT("smtp"), SPAN_LIT("mail_s"), SPAN_LIT("mail-s") };
	struct span from = fields_get(&mail->fields, "From");

	for (size_t i = 0; span_is_known(from) && i < sizeof(words) / sizeof(words[0]); i++)
		if (span_find_nocase(from, words[i], 0) != SIZE_MAX)
			return true;
	return false;
}

bool notice_is_from_mailer(const struct mail *mail)
{
	static const char *const lists[] = { "List-Unsubscribe", "List-Id", "List-Post" };

	if (notice_is_named_mailer(mail))
		return true;
	/* a newsletter with the null sender */
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (fields_find(&mail->fields, lists[i]))
			return false;
	return mail_is_from_daemon(mail) || (!span_is_known(mail->sender) && notice_is_from_robot(mail));
}

/* Somebody, a postmaster even, passes on what he got: programs of people write so, in their languages. */
static bool is_passed_on(struct span subject)
{
	static const struct span prefixes[] = { SPAN_LIT("fwd:"), SPAN_LIT("fw:"), SPAN_LIT("wg:"), SPAN_LIT("tr:"), SPAN_LIT("rv:"),
						SPAN_LIT("i:"), SPAN_LIT("enc:"), SPAN_LIT("vb:"), SPAN_LIT("vs:"), SPAN_LIT("doorst:"),
						SPAN_LIT("転送:"), SPAN_LIT("转发:"), SPAN_LIT("轉寄:") };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (span_has_prefix_nocase(subject, prefixes[i]))
			return true;
	return false;
}

bool notice_is_written_by_mailer(const struct mail *mail)
{
	struct span subject = span_trim_left(fields_get(&mail->fields, "Subject"));

	if (is_passed_on(subject))
		return false;
	if (notice_is_named_mailer(mail))
		return true;
	/* people's answers, too, have the null sender where a program gives them */
	return notice_is_from_mailer(mail) && !fields_find(&mail->fields, "In-Reply-To") &&
	       !fields_find(&mail->fields, "References") && !span_has_prefix_nocase(subject, SPAN_LIT("re:")) &&
	       !span_has_prefix_nocase(subject, SPAN_LIT("aw:")) && !span_has_prefix_nocase(subject, SPAN_LIT("auto"));
}

void notice_complete(const struct notice *notice, struct outcome *outcome)
{
	outcome->kind = KIND_BOUNCE;
	report_add_original(&notice->original, outcome);
	if (outcome->time_s == 0)
		outcome->time_s = value_parse_time(fields_get(&notice->mail->fields, "date"));
}
