/* SPDX-License-Identifier: BSD-2-Clause */
/* Amazon SES's notifications.  Pure; any thread; hostile input: jansson bounds the depth, the reader the length. */
#include "evidence/notification.h"

#include <errno.h>
#include <jansson.h>

#include "base/timestamp.h"

struct notification {
	const struct mail *mail;
	struct outcomes *outcomes;
	const json_t *root;
	const json_t *report; /* "bounce", "complaint", "delivery" */
	enum kind kind;
	enum action action;
};

/* Which member holds the report, and its list of recipients. */
static const struct {
	const char *type;
	const char *member;
	const char *recipients;
	enum kind kind;
	enum action action;
} types[] = {
	{ "Bounce", "bounce", "bouncedRecipients", KIND_BOUNCE, ACTION_FAILED },
	{ "Complaint", "complaint", "complainedRecipients", KIND_ARF, ACTION_UNKNOWN },
	{ "Delivery", "delivery", "recipients", KIND_BOUNCE, ACTION_DELIVERED },
	{ "DeliveryDelay", "deliveryDelay", "delayedRecipients", KIND_BOUNCE, ACTION_DELAYED },
};

bool notification_is_candidate(const struct mail *mail)
{
	return fields_find(&mail->fields, "x-amz-sns-message-id") &&
	       span_find_nocase(fields_get(&mail->fields, "From"), SPAN_LIT("@sns.amazonaws.com"), 0) != SIZE_MAX;
}

/* Long lines come broken by "!" and a line end, as old mail servers do it: taken out in a copy. */
static struct span join_lines(struct span text, struct arena *arena)
{
	char *bytes = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	if (!bytes)
		return SPAN_NONE;
	for (size_t at = 0; at < text.len; at++) {
		if (text.ptr[at] == '!' && at + 1 < text.len && text.ptr[at + 1] == '\n') {
			at += 1 + (at + 2 < text.len && text.ptr[at + 2] == ' ');
			continue;
		}
		bytes[len++] = text.ptr[at];
	}
	return span_make(bytes, len);
}

static struct span copy_string(const struct notification *notification, const json_t *value)
{
	if (!json_is_string(value) || json_string_length(value) == 0)
		return SPAN_NONE;
	return arena_copy(notification->mail->arena, span_make(json_string_value(value), json_string_length(value)));
}

/* "dsn; mta.example.com" */
static struct span strip_type(struct span text)
{
	size_t semicolon = span_find_char(text, ';', 0);

	return span_is_known(text) && semicolon != SIZE_MAX ? span_trim(span_skip(text, semicolon + 1)) : text;
}

/* "2016-11-23T12:01:03.512Z": the part of a second does not count. */
static int64_t parse_time(const json_t *value)
{
	char text[32];
	int64_t time_s = 0;

	if (!json_is_string(value) || json_string_length(value) < 19)
		return 0;
	memcpy(text, json_string_value(value), 19);
	text[19] = 'Z';
	return timestamp_parse(span_make(text, 20), &time_s) == 0 ? time_s : 0;
}

/* The header of the original, as a list of names and values. */
static struct span find_header(const struct notification *notification, const json_t *mail, const char *name)
{
	const json_t *headers = json_object_get(mail, "headers");
	size_t i;
	json_t *header;

	json_array_foreach(headers, i, header)
	{
		struct span key = span_of(json_string_value(json_object_get(header, "name")));
		if (span_is_equal_nocase(key, span_of(name)))
			return copy_string(notification, json_object_get(header, "value"));
	}
	return SPAN_NONE;
}

static struct span trim_brackets(struct span id)
{
	if (id.len > 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
		return span_slice(id, 1, id.len - 1);
	return id;
}

static void add_original(const struct notification *notification, struct outcome *outcome)
{
	const json_t *mail = json_object_get(notification->root, "mail");

	outcome->sender = copy_string(notification, json_object_get(mail, "source"));
	outcome->queue_id = copy_string(notification, json_object_get(mail, "messageId"));
	outcome->message_id = trim_brackets(find_header(notification, mail, "Message-ID"));
	outcome->token = find_header(notification, mail, "X-Kodama-Token");
}

static int add_reply(const struct notification *notification, const json_t *recipient, struct outcome *outcome)
{
	const json_t *words = json_object_get(recipient, "diagnosticCode");
	struct status status;
	struct reply reply;

	if (!words)
		words = json_object_get(notification->report, "smtpResponse");
	struct span status_text = span_of(json_string_value(json_object_get(recipient, "status")));
	struct span text = copy_string(notification, words);
	if (span_is_known(status_text) && status_parse(status_text, &status) == 0)
		outcome->status = status;
	if (!span_is_known(text))
		return 0;
	if (reply_find(text, notification->mail->arena, &reply) < 0)
		return -ENOMEM;
	outcome->reply = reply.code;
	outcome->text = reply.text;
	outcome->command = reply.command;
	outcome->remote_mta = reply.remote_mta;
	if (status_is_known(reply.status) && (reply.status.subject || reply.status.detail))
		outcome->status = reply.status;
	return 0;
}

static int add_outcome(const struct notification *notification, const json_t *recipient)
{
	const json_t *address = json_is_string(recipient) ? recipient : json_object_get(recipient, "emailAddress");
	struct outcome *outcome;

	if (!json_is_string(address))
		return 0;
	outcome = outcomes_add(notification->outcomes, notification->mail->arena);
	if (!outcome)
		return notification->outcomes->is_cut ? 0 : -ENOMEM;
	outcome->recipient = copy_string(notification, address);
	outcome->kind = notification->kind;
	outcome->action = notification->action;
	outcome->time_s = parse_time(json_object_get(notification->report, "timestamp"));
	outcome->reporting_mta = strip_type(copy_string(notification, json_object_get(notification->report, "reportingMTA")));
	add_original(notification, outcome);
	return add_reply(notification, recipient, outcome);
}

static int read_object(struct notification *notification)
{
	const char *name = json_string_value(json_object_get(notification->root, "notificationType"));
	int error = 0;

	if (!name)
		name = json_string_value(json_object_get(notification->root, "eventType"));
	for (size_t i = 0; name && i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n;
		json_t *recipient;
		if (strcmp(types[i].type, name) != 0)
			continue;
		notification->report = json_object_get(notification->root, types[i].member);
		notification->kind = types[i].kind;
		notification->action = types[i].action;
		json_array_foreach(json_object_get(notification->report, types[i].recipients), n, recipient)
		{
			if (!error)
				error = add_outcome(notification, recipient);
		}
		return error ? error : 1;
	}
	return 0;
}

int notification_read(const struct mail *mail, struct outcomes *outcomes)
{
	struct notification notification = { .mail = mail, .outcomes = outcomes };
	struct span text = SPAN_NONE;
	json_t *root;
	int result;

	if (!notification_is_candidate(mail))
		return 0;
	for (size_t i = 0; i < mail->part_count && !span_is_known(text); i++) {
		if (mail->parts[i].kind == PART_TEXT)
			text = span_trim_left(part_get_text(&mail->parts[i]));
	}
	if (text.len == 0 || text.ptr[0] != '{')
		return 0;
	text = join_lines(text, mail->arena);
	if (!span_is_known(text))
		return -ENOMEM;
	root = json_loadb(text.ptr, text.len, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL);
	notification.root = root;
	result = root ? read_object(&notification) : 0;
	json_decref(root);
	return result;
}
