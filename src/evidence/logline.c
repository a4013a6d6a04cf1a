/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of syslog: stamp, host and tag; the message is Postfix's or Sendmail's.  Pure; any thread; hostile text. */
#include "evidence/logline.h"

#include "evidence/logfield.h"

/* --- fields */

struct span logfield_take_value(struct span *rest)
{
	struct span all = *rest;

	for (size_t at = span_find_char(all, ',', 0); at != SIZE_MAX; at = span_find_char(all, ',', at + 1))
		if (at + 1 < all.len && all.ptr[at + 1] == ' ') {
			*rest = span_skip(all, at + 2);
			return span_make(all.ptr, at);
		}
	*rest = span_skip(all, all.len);
	return all;
}

/* The ">" that is in no quotes; SIZE_MAX. */
static size_t find_unquoted_end(struct span text)
{
	bool is_quoted = false;

	for (size_t at = 0; at < text.len; at++) {
		if (text.ptr[at] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && text.ptr[at] == '\\')
			at++;
		else if (!is_quoted && text.ptr[at] == '>')
			return at;
	}
	return SIZE_MAX;
}

bool logfield_take_address(struct span *rest, struct span *ret_address, bool *ret_is_doubtful)
{
	size_t end = span_find_char(*rest, '>', 0);

	if (end == SIZE_MAX)
		return false;
	if (memchr(rest->ptr, '"', end)) {
		size_t unquoted = find_unquoted_end(*rest);
		*ret_is_doubtful |= unquoted == SIZE_MAX;
		end = unquoted == SIZE_MAX ? end : unquoted;
	}
	*ret_address = span_make(rest->ptr, end);
	*rest = span_skip(*rest, end + 1);
	return true;
}

bool logfield_take_id(struct span *rest, struct span *ret_id)
{
	size_t max = rest->len < QUEUE_ID_MAX + 1 ? rest->len : QUEUE_ID_MAX + 1;
	const char *colon = memchr(rest->ptr, ':', max);
	size_t len = colon ? (size_t)(colon - rest->ptr) : 0;

	if (len < QUEUE_ID_MIN || rest->len < len + 3 || colon[1] != ' ')
		return false;
	*ret_id = span_make(rest->ptr, len);
	*rest = span_make(colon + 2, rest->len - len - 2);
	return true;
}

/* --- the head of the line */

/* "<22>" */
static size_t measure_priority(struct span text)
{
	size_t at = 1;

	if (!text.len || text.ptr[0] != '<')
		return 0;
	while (at < text.len && at < 5 && ascii_is_digit(text.ptr[at]))
		at++;
	return at > 1 && at < text.len && text.ptr[at] == '>' ? at + 1 : 0;
}

/* "postfix/smtp[123]: " off *rest.  False: no tag, so nobody of ours said it. */
static bool take_tag(struct span *rest, struct span *ret_identifier)
{
	const char *at = rest->ptr, *end = rest->ptr + rest->len;

	while (at < end && *at != '[' && *at != ':' && *at != ' ')
		at++;
	*ret_identifier = span_make(rest->ptr, (size_t)(at - rest->ptr));
	if (at < end && *at == '[') {
		for (at++; at < end && ascii_is_digit(*at); at++)
			;
		if (at == end || *at++ != ']')
			return false;
	}
	if (at == end || *at++ != ':' || ret_identifier->len == 0)
		return false;
	if (at < end && *at == ' ')
		at++;
	*rest = span_make(at, (size_t)(end - at));
	return true;
}

/* The host, which lines that never went through a socket of syslog's do not have: there the tag comes at once. */
static void take_host(struct span *rest, struct span *ret_host)
{
	size_t end = span_find_char(*rest, ' ', 0);

	if (end == SIZE_MAX || end == 0 || rest->ptr[end - 1] == ':')
		return;
	*ret_host = span_make(rest->ptr, end);
	*rest = span_skip(*rest, end + 1);
}

static enum logline_kind parse_message(struct span message, struct logline *line)
{
	struct span tag = line->identifier;
	const char *slash = memchr(tag.ptr, '/', tag.len);

	if (!message.len)
		return line->kind = LOGLINE_OTHER;
	line->instance = line->program = tag;
	if (!slash)
		return line->kind = logline_parse_sendmail(message, line);
	line->instance.len = (size_t)(slash - tag.ptr);
	slash = memrchr(tag.ptr, '/', tag.len);
	line->program = span_make(slash + 1, (size_t)(tag.ptr + tag.len - slash - 1));
	return line->kind = logline_parse_postfix(message, line);
}

enum logline_kind logline_parse(struct span text, struct logclock *clock, struct logline *ret_line)
{
	size_t priority = measure_priority(text), stamp;
	struct span rest = span_skip(text, priority);

	memset(ret_line, 0, sizeof(*ret_line));
	stamp = logclock_take(clock, rest, &ret_line->time_s, &ret_line->is_local_time);
	if (stamp == 0 || stamp + 1 >= rest.len || rest.ptr[stamp] != ' ')
		return ret_line->kind = LOGLINE_GARBAGE;
	rest = span_skip(rest, stamp + 1);
	take_host(&rest, &ret_line->host);
	if (!take_tag(&rest, &ret_line->identifier))
		return ret_line->kind = LOGLINE_OTHER;
	return parse_message(rest, ret_line);
}

enum logline_kind logline_parse_message(struct span identifier, struct span message, struct logline *ret_line)
{
	memset(ret_line, 0, sizeof(*ret_line));
	if (!identifier.len)
		return ret_line->kind = LOGLINE_OTHER;
	ret_line->identifier = identifier;
	return parse_message(message, ret_line);
}

/* --- questions */

bool logline_take_recipient(const struct logline *line, struct span *rest, struct span *ret_recipient)
{
	if (line->mta == LOG_MTA_SENDMAIL)
		return logline_take_sendmail_recipient(rest, ret_recipient);
	if (!span_is_known(*rest))
		return false;
	*ret_recipient = *rest;
	*rest = SPAN_NONE;
	return true;
}

bool logline_is_first(const struct logline *line)
{
	return line->kind == LOGLINE_CLIENT || line->kind == LOGLINE_MESSAGE_ID ||
	       (line->kind == LOGLINE_FROM && line->mta == LOG_MTA_SENDMAIL);
}

struct log_relay log_relay_parse(struct span relay)
{
	size_t open = span_find_char(relay, '[', 0), close;
	struct log_relay parsed = { .host = span_trim(span_slice(relay, 0, open)), .address = SPAN_NONE };

	/* Sendmail names a host without a name by its address: "[192.0.2.1] [192.0.2.1]" */
	if (open == 0 && (close = span_find_char(relay, ']', 0)) != SIZE_MAX)
		parsed.host = span_slice(relay, 0, close + 1);
	close = open == SIZE_MAX ? SIZE_MAX : span_find_char(relay, ']', open);
	if (close != SIZE_MAX) {
		struct span address = span_slice(relay, open + 1, close);
		if (span_has_prefix_nocase(address, SPAN_LIT("IPv6:")))
			address = span_skip(address, 5);
		if (address.len && address.ptr[0] != '/' && !span_has_prefix(address, SPAN_LIT("private/")))
			parsed.address = address;
	}
	if (parsed.host.len && parsed.host.ptr[parsed.host.len - 1] == '.')
		parsed.host.len--;
	return parsed;
}
