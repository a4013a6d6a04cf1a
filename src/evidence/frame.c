/* SPDX-License-Identifier: BSD-2-Clause */
/* The phrases in which MTAs frame a remote's reply.  Pure; any thread; hostile input, constant time a word. */
#include "evidence/frame.h"

/* What follows the phrase. */
enum follow {
	FOLLOW_NOTHING,
	FOLLOW_COMMAND, /* the name of a command must follow */
	FOLLOW_HOST     /* a host's name may follow */
};

struct phrase {
	struct span text; /* lower case; a blank stands for any white space */
	enum follow follow;
	enum smtp_command command;
	bool is_opening;
	bool is_closing;
	bool is_soft;
	bool is_after_host; /* the host stands before the phrase */
	bool is_prose;      /* also a word of prose: the host must look like an MTA's naming of it */
};

#define P(words) .text = { "" words, sizeof(words) - 1 }
#define END { .text = { NULL, 0 } }
#define OPENING .is_opening = true
#define CLOSING .is_closing = true
#define SOFT .is_soft = true
#define AFTER_HOST .is_after_host = true

static const struct phrase phrases_a[] = {
	{ P("after pipelined "), .follow = FOLLOW_COMMAND },
	{ P("after sending "), .follow = FOLLOW_COMMAND },
	{ P("after "), .follow = FOLLOW_COMMAND },
	{ P("answer to "), .follow = FOLLOW_COMMAND },
	{ P("answered "), OPENING },
	END,
};
static const struct phrase phrases_b[] = {
	{ P("but connection died"), OPENING },
	{ P("but greeting failed"), .command = COMMAND_CONNECT, OPENING },
	{ P("but my name was rejected"), .command = COMMAND_EHLO, OPENING },
	{ P("but sender was rejected"), .command = COMMAND_MAIL, OPENING },
	{ P("but unable to send"), .command = COMMAND_END_OF_DATA, OPENING },
	END,
};
static const struct phrase phrases_c[] = {
	{ P("connect to "), .follow = FOLLOW_HOST, .command = COMMAND_CONNECT, SOFT },
	{ P("connected to "), .follow = FOLLOW_HOST },
	{ P("conversation with "), .follow = FOLLOW_HOST },
	END,
};
static const struct phrase phrases_d[] = {
	{ P("did not like our "), .follow = FOLLOW_COMMAND, OPENING, AFTER_HOST },
	{ P("delivery attempts:"), CLOSING },
	{ P("delivery via "), .follow = FOLLOW_HOST },
	{ P("does not like recipient"), .command = COMMAND_RCPT, OPENING, AFTER_HOST },
	{ P("does not like sender"), .command = COMMAND_MAIL, OPENING, AFTER_HOST },
	END,
};
static const struct phrase phrases_e[] = {
	{ P("error code "), OPENING },
	{ P("error from remote host "), .follow = FOLLOW_HOST },
	END,
};
static const struct phrase phrases_f[] = {
	{ P("failed after i sent the message"), .command = COMMAND_END_OF_DATA, OPENING, AFTER_HOST },
	{ P("failed on data command"), .command = COMMAND_DATA, OPENING, AFTER_HOST },
	END,
};
static const struct phrase phrases_g[] = {
	{ P("giving up on "), .follow = FOLLOW_HOST, CLOSING },
	END,
};
static const struct phrase phrases_h[] = {
	{ P("host "), .follow = FOLLOW_HOST, .is_prose = true },
	END,
};
static const struct phrase phrases_i[] = {
	{ P("in reply to "), .follow = FOLLOW_COMMAND, CLOSING },
	{ P("in response to "), .follow = FOLLOW_COMMAND },
	{ P("i'm not going to try again"), CLOSING },
	END,
};
static const struct phrase phrases_l[] = {
	{ P("last error:"), OPENING },
	{ P("lost connection with "), .follow = FOLLOW_HOST },
	END,
};
static const struct phrase phrases_r[] = {
	{ P("refused to talk to me:"), .command = COMMAND_CONNECT, OPENING },
	{ P("remote host said:"), OPENING },
	{ P("remote host said[response message]:"), OPENING },
	{ P("remote server replied:"), OPENING },
	{ P("remote server said:"), OPENING },
	{ P("replied:"), OPENING },
	{ P("replied "), OPENING },
	{ P("responded:"), OPENING },
	{ P("responded with "), OPENING },
	{ P("responded "), OPENING },
	{ P("returned "), OPENING },
	{ P("response to "), .follow = FOLLOW_COMMAND },
	END,
};
static const struct phrase phrases_s[] = {
	{ P("said:"), OPENING },
	{ P("said "), OPENING },
	{ P("says:"), OPENING },
	{ P("smtp;"), OPENING },
	{ P("smtp:"), .follow = FOLLOW_COMMAND },
	{ P("smtp command: "), .follow = FOLLOW_COMMAND },
	{ P("state 6)"), .command = COMMAND_MAIL, CLOSING },
	{ P("state 8)"), .command = COMMAND_AUTH, CLOSING },
	{ P("state 9)"), .command = COMMAND_MAIL, CLOSING },
	{ P("state 12)"), .command = COMMAND_RCPT, CLOSING },
	{ P("state 13)"), .command = COMMAND_RCPT, CLOSING },
	{ P("state 14)"), .command = COMMAND_RCPT, CLOSING },
	{ P("state 15)"), .command = COMMAND_DATA, CLOSING },
	{ P("state 16)"), .command = COMMAND_END_OF_DATA, CLOSING },
	{ P("state 17)"), .command = COMMAND_END_OF_DATA, CLOSING },
	{ P("state 18)"), .command = COMMAND_END_OF_DATA, CLOSING },
	END,
};
static const struct phrase phrases_t[] = {
	{ P("talking to "), .follow = FOLLOW_HOST },
	END,
};
static const struct phrase phrases_w[] = {
	{ P("while performing the "), .follow = FOLLOW_COMMAND },
	{ P("while receiving the initial server greeting"), .command = COMMAND_CONNECT },
	{ P("while sending "), .follow = FOLLOW_COMMAND },
	END,
};
static const struct phrase phrases_sign[] = {
	{ P("<<<"), OPENING },
	{ P("<-- "), OPENING },
	{ P(">>> "), .follow = FOLLOW_COMMAND },
	{ P("##"), CLOSING },
	{ P("#smtp#"), CLOSING },
	{ P("[rcpt_to]"), .command = COMMAND_RCPT, CLOSING },
	{ P("[mail_from]"), .command = COMMAND_MAIL, CLOSING },
	{ P("[data]"), .command = COMMAND_DATA, CLOSING },
	{ P("[body]"), .command = COMMAND_END_OF_DATA, CLOSING },
	END,
};

static const struct phrase *const phrases_by_letter[26] = {
	['a' - 'a'] = phrases_a, ['b' - 'a'] = phrases_b, ['c' - 'a'] = phrases_c, ['d' - 'a'] = phrases_d,
	['e' - 'a'] = phrases_e, ['f' - 'a'] = phrases_f, ['g' - 'a'] = phrases_g, ['h' - 'a'] = phrases_h,
	['i' - 'a'] = phrases_i, ['l' - 'a'] = phrases_l, ['r' - 'a'] = phrases_r, ['s' - 'a'] = phrases_s,
	['t' - 'a'] = phrases_t, ['w' - 'a'] = phrases_w,
};

struct command_name {
	struct span text;
	enum smtp_command command;
};

#define C(words, command) { { "" words, sizeof(words) - 1 }, command }
/* A longer name stands before a shorter one that begins it. */
static const struct command_name command_names[] = {
	C("auth", COMMAND_AUTH),
	C("connect", COMMAND_CONNECT),
	C("data block", COMMAND_END_OF_DATA),
	C("data", COMMAND_DATA),
	C("ehlo", COMMAND_EHLO),
	C("end-of-data", COMMAND_END_OF_DATA),
	C("end of data", COMMAND_END_OF_DATA),
	C("final data", COMMAND_END_OF_DATA),
	C("final dot", COMMAND_END_OF_DATA),
	C("greeting", COMMAND_CONNECT),
	C("helo", COMMAND_EHLO),
	C("initial connection", COMMAND_CONNECT),
	C("lhlo", COMMAND_EHLO),
	C("mail", COMMAND_MAIL),
	C("message body", COMMAND_END_OF_DATA),
	C("rcpt", COMMAND_RCPT),
	C("sending data block", COMMAND_END_OF_DATA),
	C("starttls", COMMAND_STARTTLS),
};

/* Does `text` begin with the phrase?  Its length there (a run of white space is one blank), 0 if not. */
static size_t match_phrase(struct span text, struct span phrase)
{
	size_t at = 0;

	for (size_t i = 0; i < phrase.len; i++) {
		if (at == text.len)
			return 0;
		if (phrase.ptr[i] == ' ') {
			if (!ascii_is_space(text.ptr[at]))
				return 0;
			while (at < text.len && ascii_is_space(text.ptr[at]))
				at++;
		} else if (ascii_lower(text.ptr[at++]) != phrase.ptr[i]) {
			return 0;
		}
	}
	return at;
}

size_t frame_take_command(struct span text, enum smtp_command *ret_command)
{
	for (size_t i = 0; i < sizeof(command_names) / sizeof(command_names[0]); i++) {
		const struct command_name *name = &command_names[i];
		size_t len = match_phrase(text, name->text);

		if (len && (len == text.len || !ascii_is_alnum(text.ptr[len]))) {
			*ret_command = name->command;
			return len;
		}
	}
	return 0;
}

static bool is_host_char(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

static bool is_address_char(char c)
{
	return is_host_char(c) || c == ':';
}

/* [192.0.2.1] or [IPv6:2001:db8::1]: the address inside; SPAN_NONE if it is something else. */
static struct span find_bracketed(struct span text)
{
	size_t end = 1;

	while (end < text.len && end < 64 && is_address_char(text.ptr[end]))
		end++;
	if (text.len == 0 || text.ptr[0] != '[' || end == 1 || end >= text.len || text.ptr[end] != ']')
		return SPAN_NONE;
	return span_slice(text, 1, end);
}

/* "host example.com not found" is prose; "host mx.example.com[192.0.2.1] said", "host mx.example.com:" are not. */
static bool is_naming(struct span rest)
{
	return span_has_prefix(rest, SPAN_LIT(":")) || span_has_prefix(rest, SPAN_LIT("said")) ||
	       span_has_prefix(rest, SPAN_LIT("refused"));
}

/* A host's name or address at the start of `text`.  A name without a dot is a word of prose. */
static struct span find_host(struct span text, bool is_prose)
{
	size_t len = 0;

	while (len < text.len && len < 256 && is_host_char(text.ptr[len]))
		len++;
	struct span name = span_slice(text, 0, len);
	struct span rest = span_trim_left(span_slice(span_skip(text, len), 0, 80));
	struct span address = find_bracketed(rest);

	if (span_is_known(address) && (len == 0 || span_is_equal_nocase(name, SPAN_LIT("unknown"))))
		return address;
	while (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (span_find_char(name, '.', 0) == SIZE_MAX)
		return SPAN_NONE;
	return is_prose && !span_is_known(address) && !is_naming(rest) ? SPAN_NONE : name;
}

static bool is_followed(const struct phrase *phrase, struct span rest, struct frame *frame, size_t *len)
{
	if (phrase->follow == FOLLOW_HOST) {
		frame->host = find_host(span_trim_left(span_slice(rest, 0, 512)), phrase->is_prose);
		return span_is_known(frame->host) || phrase->command != COMMAND_UNKNOWN || phrase->is_closing;
	}
	if (phrase->follow == FOLLOW_COMMAND) {
		size_t taken = frame_take_command(rest, &frame->command);
		*len += taken;
		return taken > 0;
	}
	return true;
}

/* The second and third byte tell most of them apart; after the end of "##" stands a NUL. */
static bool may_be(const struct phrase *phrase, char second, char third)
{
	const char *bytes = phrase->text.ptr;

	return bytes[1] == second && (bytes[2] == third || bytes[2] == ' ' || bytes[2] == '\0');
}

size_t frame_take(struct span text, struct frame *ret_frame)
{
	const struct phrase *phrase = phrases_sign;
	char second, third;

	if (text.len < 2)
		return 0;
	second = ascii_lower(text.ptr[1]);
	third = text.len > 2 ? ascii_lower(text.ptr[2]) : ' ';
	if (ascii_is_alpha(text.ptr[0]))
		phrase = phrases_by_letter[ascii_lower(text.ptr[0]) - 'a'];
	for (; phrase && phrase->text.len; phrase++) {
		size_t len = may_be(phrase, second, third) ? match_phrase(text, phrase->text) : 0;
		if (len == 0)
			continue;
		struct frame frame = { .command = phrase->command, .is_opening = phrase->is_opening,
				       .is_closing = phrase->is_closing, .is_soft = phrase->is_soft,
				       .is_after_host = phrase->is_after_host };
		if (is_followed(phrase, span_skip(text, len), &frame, &len)) {
			*ret_frame = frame;
			return len;
		}
	}
	return 0;
}

struct span frame_find_host_before(struct span text)
{
	size_t from;

	text = span_trim_right(text);
	for (from = text.len; from > 0 && text.len - from < 256 && is_address_char(text.ptr[from - 1]);)
		from--;
	return find_host(span_skip(text, from), false);
}
