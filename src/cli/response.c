/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of responses.  Pure; hostile input. */
#include "cli/response.h"

#include <errno.h>

enum { FIELD_PROVIDER, FIELD_REPLY, FIELD_STATUS, FIELD_TEXT, FIELD_RECIPIENT, FIELD_REMOTE, FIELD_COUNT };
enum { FIELDS_MIN = FIELD_TEXT + 1 };

static size_t split(struct span line, struct span fields[static FIELD_COUNT])
{
	size_t count = 0;

	while (span_is_known(line)) {
		struct span field = span_take(&line, '\t');
		if (count < FIELD_COUNT)
			fields[count] = field;
		count++;
	}
	return count;
}

/* RFC 5321 section 4.2: three digits, the first 2 to 5. */
static int parse_reply(struct span field, uint16_t *ret_reply)
{
	uint64_t value;

	if (field.len != 3 || span_parse_unsigned(field, 599, &value) < 0 || value < 200)
		return -EINVAL;
	*ret_reply = (uint16_t)value;
	return 0;
}

/* A range of details ("5.7.500-699") stands for its first one. */
static int parse_status(struct span field, struct status *ret_status)
{
	struct span first = span_slice(field, 0, span_find_char(field, '-', 0));

	return status_parse(first, ret_status);
}

static int take_codes(const struct span fields[static FIELD_COUNT], struct outcome *outcome, const char **ret_why)
{
	struct span reply = span_trim(fields[FIELD_REPLY]);
	struct span status = span_trim(fields[FIELD_STATUS]);

	if (reply.len && parse_reply(reply, &outcome->reply) < 0) {
		*ret_why = "the second field is no SMTP reply code";
		return -EINVAL;
	}
	if (status.len && parse_status(status, &outcome->status) < 0) {
		*ret_why = "the third field is no enhanced status code";
		return -EINVAL;
	}
	return 0;
}

/* What the caller says goes before what the text says. */
static int complete(struct outcome *outcome, struct span text, struct arena *arena)
{
	struct reply found;
	int error = reply_find(text, arena, &found);

	if (error)
		return error;
	/* one inside the words of a reply that is known is another server's */
	outcome->text = outcome->reply && found.is_inner ? span_trim(text) : found.text;
	outcome->command = found.command;
	if (!outcome->reply)
		outcome->reply = found.code;
	if (!status_is_known(outcome->status))
		outcome->status = found.status;
	if (!outcome->remote_mta.len)
		outcome->remote_mta = found.remote_mta;
	return 0;
}

int response_parse(struct span line, struct arena *arena, struct response *ret_response, const char **ret_why)
{
	struct response response = { .outcome = { .source = SOURCE_RESPONSE, .kind = KIND_RESPONSE } };
	struct span fields[FIELD_COUNT] = { 0 };
	size_t count = split(line, fields);

	if (count == 1) {
		fields[FIELD_TEXT] = fields[0];
	} else if (count < FIELDS_MIN || count > FIELD_COUNT) {
		*ret_why = count < FIELDS_MIN ? "fewer than four fields" : "more than six fields";
		return -EINVAL;
	} else {
		response.provider = span_trim(fields[FIELD_PROVIDER]);
		response.outcome.recipient = span_trim(fields[FIELD_RECIPIENT]);
		response.outcome.remote_mta = span_trim(fields[FIELD_REMOTE]);
		if (take_codes(fields, &response.outcome, ret_why) < 0)
			return -EINVAL;
	}
	int error = complete(&response.outcome, fields[FIELD_TEXT], arena);
	if (!error)
		*ret_response = response;
	return error;
}

void response_classify(struct response *response, const struct ruleset *ruleset, struct scratch *scratch, struct verdict *ret_verdict)
{
	struct outcome *outcome = &response->outcome;
	struct query query = query_of(outcome);

	query.provider = response->provider;
	outcome->action = query.action = query_get_action(&query);
	classify(ruleset, scratch, &query, ret_verdict);
	if (outcome->action == ACTION_UNKNOWN)
		outcome->action = ret_verdict->class_id == CLASS_DELIVERED ? ACTION_DELIVERED : ACTION_FAILED;
}
