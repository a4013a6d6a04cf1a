/* SPDX-License-Identifier: BSD-2-Clause */
/* Sendmail's transcript: ">>>" lines were sent, "<<<" lines received, the rest are its own words.  Pure; any thread. */
#include "evidence/transcript.h"

#include "base/buffer.h"

enum { REPLY_MAX = 16 * 1024, REPLY_START = 40 };

struct span transcript_find(struct span text)
{
	static const struct span start = SPAN_LIT("Transcript of "), ends[] = { SPAN_LIT("session follows"), SPAN_LIT("the session follows") };
	size_t at = 0;

	while ((at = span_find_nocase(text, start, at)) != SIZE_MAX) {
		struct span rest = span_skip(text, at += start.len);
		if (!span_has_prefix_nocase(rest, ends[0]) && !span_has_prefix_nocase(rest, ends[1]))
			continue;
		(void)span_take_line(&rest);
		return rest;
	}
	return SPAN_NONE;
}

/* The text of a "<<< " line; SPAN_NONE for another. */
static struct span get_received(struct span line)
{
	line = span_trim(line);
	return span_has_prefix(line, SPAN_LIT("<<< ")) ? span_trim(span_skip(line, 4)) : SPAN_NONE;
}

static bool has_code(struct span line)
{
	return line.len >= 3 && line.ptr[0] >= '2' && line.ptr[0] <= '5' && ascii_is_digit(line.ptr[1]) &&
	       ascii_is_digit(line.ptr[2]) && (line.len == 3 || line.ptr[3] == ' ' || line.ptr[3] == '-');
}

/* "550-...": more lines of the reply follow. */
static bool is_continued(struct span line)
{
	return has_code(line) && line.len > 3 && line.ptr[3] == '-';
}

/* The received lines from `lines` on that belong to the reply that `first` began; *lines then stands after them. */
static struct span join_reply(struct span first, struct span *lines, struct arena *arena)
{
	struct buffer reply;
	struct span joined, line = first;

	buffer_init(&reply, REPLY_MAX);
	buffer_add(&reply, first);
	while (is_continued(line) && span_is_known(*lines)) {
		struct span before = *lines;

		line = get_received(span_take_line(lines));
		if (!has_code(line) || !span_is_equal(span_slice(line, 0, 3), span_slice(first, 0, 3))) {
			*lines = before;
			break;
		}
		buffer_add_char(&reply, ' ');
		buffer_add(&reply, line);
	}
	joined = arena_copy(arena, buffer_get(&reply));
	buffer_done(&reply);
	return joined;
}

/* Is the recipient named before the next command or reply? */
static bool is_followed_by(struct span lines, struct span recipient)
{
	while (span_is_known(lines) && recipient.len) {
		struct span line = span_trim(span_take_line(&lines));
		if (span_has_prefix(line, SPAN_LIT("<<<")) || span_has_prefix(line, SPAN_LIT(">>>")))
			return false;
		if (span_find_nocase(line, recipient, 0) != SIZE_MAX)
			return true;
	}
	return false;
}

struct span transcript_complete(struct span transcript, struct span first_line, struct span recipient, struct arena *arena)
{
	struct span lines = transcript, found = SPAN_NONE;

	first_line = span_trim(first_line);
	if (!is_continued(first_line))
		return first_line;
	while (span_is_known(lines)) {
		struct span line = get_received(span_take_line(&lines));

		if (!span_has_prefix(line, first_line))
			continue;
		struct span reply = join_reply(line, &lines, arena);
		bool is_his = is_followed_by(lines, recipient);
		if (!span_is_known(found) || is_his)
			found = reply;
		if (is_his)
			break;
	}
	return span_is_known(found) ? found : first_line;
}

struct span transcript_find_words(struct span transcript, struct span recipient)
{
	struct span lines = transcript, found = SPAN_NONE;

	while (span_is_known(lines) && recipient.len) {
		struct span line = span_trim(span_take_line(&lines));
		size_t at = span_find_nocase(line, recipient, 0);
		size_t dots = at == SIZE_MAX ? at : span_find(line, SPAN_LIT("... "), at + recipient.len);

		if (dots != SIZE_MAX && line.ptr[0] != '>' && !span_has_prefix(line, SPAN_LIT("<<<")))
			found = span_trim(span_skip(line, dots + 4));
	}
	return found;
}

struct span transcript_find_verdict(struct span transcript)
{
	struct span lines = transcript, found = SPAN_NONE;

	while (span_is_known(lines)) {
		struct span line = span_trim(span_take_line(&lines));
		if (has_code(line) && line.ptr[0] >= '4')
			found = line;
	}
	return found;
}

/* "<recipient>: host x said: ... (in reply to RCPT TO command)", wrapped anywhere, up to the empty line. */
static enum smtp_command find_answered(struct span text, struct span recipient)
{
	struct buffer paragraph;
	struct span line, name;
	size_t at = recipient.len ? span_find_nocase(text, recipient, 0) : SIZE_MAX, from, to;
	enum smtp_command command = COMMAND_UNKNOWN;

	while (at != SIZE_MAX && (at == 0 || text.ptr[at - 1] != '<' || !span_has_prefix(span_skip(text, at + recipient.len), SPAN_LIT(">:"))))
		at = span_find_nocase(text, recipient, at + 1);
	if (at == SIZE_MAX)
		return command;
	text = span_skip(text, at);
	buffer_init(&paragraph, REPLY_MAX);
	while (span_is_known(text) && (line = span_trim(span_take_line(&text))).len) {
		buffer_add(&paragraph, line);
		buffer_add_char(&paragraph, ' ');
	}
	name = buffer_get(&paragraph);
	from = span_find_nocase(name, SPAN_LIT("(in reply to "), 0);
	to = from == SIZE_MAX ? from : span_find_nocase(name, SPAN_LIT(" command)"), from);
	if (to != SIZE_MAX)
		command = smtp_command_find(span_slice(name, from + 13, to));
	buffer_done(&paragraph);
	return command;
}

/* The last command that was sent before the line of the reply was received. */
static enum smtp_command find_sent(struct span transcript, struct span reply)
{
	enum smtp_command command = COMMAND_UNKNOWN;

	while (span_is_known(transcript)) {
		struct span line = span_trim(span_take_line(&transcript));
		if (span_has_prefix(line, SPAN_LIT(">>> ")))
			command = smtp_command_find(span_skip(line, 4));
		else if (span_has_prefix(get_received(line), reply))
			return command;
	}
	return COMMAND_UNKNOWN;
}

enum smtp_command transcript_find_command(struct span text, struct span transcript, struct span recipient, struct span reply)
{
	reply = span_trim(reply);
	if (span_is_known(transcript) && has_code(reply))
		return find_sent(transcript, reply.len > REPLY_START ? span_slice(reply, 0, REPLY_START) : reply);
	return find_answered(text, recipient);
}
