/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Postfix's lines: "QID: " and what its daemon says.  Which daemon it is does not matter: the words differ, and syslog_name can
 * call it anything.  Pure; any thread; the text is hostile.
 */
#include "evidence/logfield.h"

/*
 * A short id is microseconds and inode in hexadecimal, a long one has a "z" between two numbers without vowels: neither can be
 * a word ("warning", "NOQUEUE").
 */
bool logline_is_postfix_id(struct span id, bool *ret_is_long)
{
	unsigned all = logfield_look_at_id(id);

	*ret_is_long = (all & ID_NOT_HEX) != 0;
	if ((all & (ID_NO_BYTE | ID_NOT_HEX)) == 0)
		return true;
	return (all & (ID_NO_BYTE | ID_VOWEL | ID_UPPER_VOWEL | ID_Z)) == ID_Z && id.len >= 10;
}

/* "name: " of a DSN's queue id follows these words. */
static enum logline_kind parse_notice(struct span rest, struct logline *line)
{
	size_t colon = span_find_char(rest, ':', 0);

	if (colon == SIZE_MAX || colon < 7 || memcmp(rest.ptr + colon - 7, "ication", 7) != 0)
		return LOGLINE_OTHER;
	line->dsn_queue_id = span_trim(span_skip(rest, colon + 1));
	return LOGLINE_NOTICE;
}

/* client=host[ip], [orig_queue_id=, orig_client=,] sasl_method=, sasl_username=, sasl_sender= */
static enum logline_kind parse_client(struct span rest, struct logline *line)
{
	while (rest.len) {
		struct span value = logfield_take_value(&rest);
		if (logfield_skip(&value, SPAN_LIT("sasl_username="))) {
			line->login = value;
			break;
		}
	}
	return LOGLINE_CLIENT;
}

/* The sender of the message chose it: all of the rest, whatever stands there. */
static enum logline_kind parse_message_id(struct span rest, struct logline *line)
{
	rest = span_trim(rest);
	if (rest.len >= 2 && rest.ptr[0] == '<' && rest.ptr[rest.len - 1] == '>')
		rest = span_slice(rest, 1, rest.len - 1);
	line->message_id = rest;
	return LOGLINE_MESSAGE_ID;
}

/* Takes `suffix` off the end. */
static inline bool drop_suffix(struct span *text, struct span suffix)
{
	if (text->len < suffix.len || memcmp(text->ptr + text->len - suffix.len, suffix.ptr, suffix.len) != 0)
		return false;
	text->len -= suffix.len;
	return true;
}

/* The digits off *text: a number that is at most max. */
static bool take_number(struct span *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t at = 0;

	for (; at < text->len && ascii_is_digit(text->ptr[at]); at++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, (uint64_t)(text->ptr[at] - '0'), &number) ||
		    number > max)
			return false;
	*ret_number = number;
	*text = span_make(text->ptr + at, text->len - at);
	return at > 0;
}

/* "size=399, nrcpt=1" */
static bool parse_counts(struct span text, struct logline *line)
{
	uint64_t size, count;

	if (!logfield_skip(&text, SPAN_LIT("size=")) || !take_number(&text, UINT64_MAX, &size) || !logfield_skip(&text, SPAN_LIT(", nrcpt=")) ||
	    !take_number(&text, UINT32_MAX, &count) || text.len)
		return false;
	line->recipient_count = (uint32_t)count;
	return true;
}

/* The last ">"; SIZE_MAX. */
static inline size_t find_last_bracket(struct span text)
{
	uint32_t brackets = text.len >= 32 ? quickmask_32(text.ptr + text.len - 32, '>') : 0;
	const char *last;

	if (brackets)
		return text.len - 1 - (size_t)__builtin_clz(brackets);
	last = text.len ? memrchr(text.ptr, '>', text.len) : NULL;
	return last ? (size_t)(last - text.ptr) : SIZE_MAX;
}

/*
 * from=<sender>, size=399, nrcpt=1 (queue active)
 * from=<sender>, status=expired, returned to sender
 * All behind the sender is fixed, so that it is read from the right: a sender can hold anything.
 */
static enum logline_kind parse_from(struct span rest, struct logline *line)
{
	bool is_active = drop_suffix(&rest, SPAN_LIT(" (queue active)"));
	size_t end;

	if (!rest.len || rest.ptr[0] != '<')
		return LOGLINE_GARBAGE;
	if (!is_active) {
		if (!drop_suffix(&rest, SPAN_LIT(">, status=expired, returned to sender")) &&
		    !drop_suffix(&rest, SPAN_LIT(">, status=force-expired, returned to sender")))
			return LOGLINE_OTHER;
		line->sender = span_skip(rest, 1);
		return LOGLINE_EXPIRED;
	}
	end = find_last_bracket(rest);
	if (end == SIZE_MAX || end + 3 > rest.len || !parse_counts(span_make(rest.ptr + end + 3, rest.len - end - 3), line))
		return LOGLINE_GARBAGE;
	line->sender = span_make(rest.ptr + 1, end - 1);
	return LOGLINE_FROM;
}

/* --- deliveries */

/* The word off *rest. */
static enum log_status take_status(struct span *rest)
{
	static const struct {
		struct span name;
		enum log_status status;
	} names[] = {
		{ { "sent", 4 }, LOG_STATUS_SENT },
		{ { "deferred", 8 }, LOG_STATUS_DEFERRED },
		{ { "bounced", 7 }, LOG_STATUS_BOUNCED },
		{ { "SOFTBOUNCE", 10 }, LOG_STATUS_DEFERRED }, /* soft_bounce = yes: it stays in the queue */
		{ { "deliverable", 11 }, LOG_STATUS_DELIVERABLE },
		{ { "undeliverable", 13 }, LOG_STATUS_UNDELIVERABLE },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (rest->len && rest->ptr[0] == names[i].name.ptr[0] && logfield_skip(rest, names[i].name))
			return rest->len == 0 || rest->ptr[0] == ' ' ? names[i].status : LOG_STATUS_UNKNOWN;
	return LOG_STATUS_UNKNOWN;
}

/* Might all before the text be a local part?  It might, where the text ends an address and tells of a delivery once more. */
static bool has_second_delivery(struct span text)
{
	for (size_t at = span_find_char(text, '>', 0); at != SIZE_MAX; at = span_find_char(text, '>', at + 1)) {
		struct span rest = span_skip(text, at + 1);
		if (logfield_skip(&rest, SPAN_LIT(", relay=")) || logfield_skip(&rest, SPAN_LIT(", orig_to=<")))
			return span_find(rest, SPAN_LIT(", status="), 0) != SIZE_MAX;
	}
	return false;
}

/* "bounced (text)"; the closing parenthesis is missing where syslog cut the line. */
static bool parse_status(struct span rest, struct logline *line)
{
	line->log_status = take_status(&rest);
	if (line->log_status == LOG_STATUS_UNKNOWN)
		return false;
	logfield_skip(&rest, SPAN_LIT(" "));
	if (logfield_skip(&rest, SPAN_LIT("(")))
		drop_suffix(&rest, SPAN_LIT(")"));
	line->text = rest;
	line->is_doubtful |= has_second_delivery(rest);
	return true;
}

/* "2.0.0": nearly all of them are three digits. */
static struct status read_status(struct span text)
{
	struct status status;
	unsigned class_digit, subject, detail;

	if (text.len == 5 && text.ptr[1] == '.' && text.ptr[3] == '.') {
		class_digit = (unsigned)(text.ptr[0] - '0');
		subject = (unsigned)(text.ptr[2] - '0');
		detail = (unsigned)(text.ptr[4] - '0');
		if ((class_digit == 2 || class_digit == 4 || class_digit == 5) && subject <= 9 && detail <= 9)
			return (struct status){ (uint8_t)class_digit, (uint16_t)subject, (uint16_t)detail };
	}
	return status_parse(text, &status) < 0 ? (struct status){ 0 } : status;
}

/* Texts that end in ", ", one after the other. */
struct values {
	struct span rest;
	const char *from; /* where the mask begins */
	uint64_t ends;    /* what it knows of ends behind rest.ptr */
};

static inline struct span take_value(struct values *values)
{
	const char *at = values->rest.ptr;
	const char *end;

	if (!values->ends && values->rest.len >= 32) {
		values->from = at;
		values->ends = quickmask_begin(at, values->rest.len, ',') & quickmask_begin(at, values->rest.len, ' ') >> 1;
	}
	if (!values->ends)
		return logfield_take_value(&values->rest);
	end = values->from + quickmask_first(values->ends);
	values->ends &= values->ends - 1;
	values->rest = span_make(end + 2, values->rest.len - (size_t)(end + 2 - at));
	return span_make(at, (size_t)(end - at));
}

/* relay=, delay=, delays=, dsn=, and what newer versions put between them, up to status= */
static bool parse_fields(struct span rest, struct logline *line)
{
	struct values values = { .rest = rest, .ends = 0 };

	while (values.rest.len) {
		bool is_relay = false, is_dsn = false;
		struct span value;
		switch (values.rest.ptr[0]) {
		case 'r':
			is_relay = logfield_skip(&values.rest, SPAN_LIT("relay="));
			break;
		case 'd':
			is_dsn = logfield_skip(&values.rest, SPAN_LIT("dsn="));
			break;
		case 's':
			if (logfield_skip(&values.rest, SPAN_LIT("status=")))
				return values.rest.len && parse_status(values.rest, line);
			break;
		case 'o':
			if (!logfield_skip(&values.rest, SPAN_LIT("orig_to=<")))
				break;
			if (!logfield_take_address(&values.rest, &line->orig_to, &line->is_doubtful) ||
			    !logfield_skip(&values.rest, SPAN_LIT(", ")))
				return false;
			values.ends = 0; /* some of them may be the address's */
			continue;
		default:
			break;
		}
		value = take_value(&values);
		if (is_relay)
			line->relay = value;
		else if (is_dsn)
			line->status = read_status(value);
	}
	return false;
}

/* The recipient was somebody's choice too: its quotes are respected. */
static enum logline_kind parse_delivery(struct span rest, struct logline *line)
{
	if (!logfield_take_address(&rest, &line->to, &line->is_doubtful) || !logfield_skip(&rest, SPAN_LIT(", ")))
		return LOGLINE_GARBAGE;
	return parse_fields(rest, line) ? LOGLINE_DELIVERY : LOGLINE_GARBAGE;
}

/* --- the message */

/* "0 from=<root>": nobody logged in, whatever the sender holds. */
static bool take_uid(struct span *rest)
{
	if (span_find(*rest, SPAN_LIT(" from="), 0) == SIZE_MAX)
		return false;
	rest->len = 0;
	return true;
}

static bool take_end(struct span *rest)
{
	return rest->len == 0;
}

static bool take_sender_notice(struct span *rest)
{
	return logfield_skip(rest, SPAN_LIT("non-delivery")) || logfield_skip(rest, SPAN_LIT("delivery status")) ||
	       logfield_skip(rest, SPAN_LIT("delay"));
}

enum { SAYING_MAX = 11 };

#define FIRST(count) (~(uint64_t)0 >> (64 - 8 * (count)))

/* What messages begin with, by the last bits of the first byte. */
static const struct saying {
	char words[8];        /* with the blank behind the queue id */
	uint64_t mask;        /* of those that count */
	char last[4];         /* of all words */
	uint8_t len;          /* of all words without the blank; 0: there is none */
	uint8_t kind;         /* enum logline_kind */
	bool (*take_more)(struct span *rest); /* what has to follow; NULL: anything */
} sayings[32] = {
	['t' % 32] = { " to=<", FIRST(5), "to=<", 4, LOGLINE_DELIVERY, NULL },
	['f' % 32] = { " from=", FIRST(6), "rom=", 5, LOGLINE_FROM, NULL },
	['m' % 32] = { " message", FIRST(8), "-id=", 11, LOGLINE_MESSAGE_ID, NULL },
	['c' % 32] = { " client=", FIRST(8), "ent=", 7, LOGLINE_CLIENT, NULL },
	['r' % 32] = { " removed", FIRST(8), "oved", 7, LOGLINE_REMOVED, take_end },
	['u' % 32] = { " uid=", FIRST(5), "uid=", 4, LOGLINE_CLIENT, take_uid },
	['s' % 32] = { " sender ", FIRST(8), "der ", 7, LOGLINE_NOTICE, take_sender_notice },
	['p' % 32] = { " postmas", FIRST(8), "ter ", 11, LOGLINE_NOTICE, NULL },
};

/* All words at once, for a guess that fails costs more than the comparison: the blank before `at` and SAYING_MAX bytes can be read. */
static inline bool begins_with(const char *at, const struct saying *saying)
{
	uint64_t begin = (quickmask_load(at - 1) ^ quickmask_load(saying->words)) & saying->mask;

	return saying->len && begin == 0 && memcmp(at + saying->len - 4, saying->last, 4) == 0;
}

static inline enum logline_kind say(const struct saying *saying, struct span id, struct span rest, struct logline *line)
{
	line->mta = LOG_MTA_POSTFIX;
	line->queue_id = id;
	line->rest = span_make(rest.ptr + saying->len, rest.len - saying->len);
	return line->kind = saying->kind;
}

static __attribute__((noinline)) enum logline_kind say_more(const struct saying *saying, struct span id, struct span rest, struct logline *line)
{
	struct span more = span_make(rest.ptr + saying->len, rest.len - saying->len);

	if (!saying->take_more(&more))
		return line->kind = LOGLINE_OTHER;
	say(saying, id, rest, line);
	line->rest = more;
	return line->kind;
}

/* A message that is no longer than what it may say. */
static __attribute__((noinline)) enum logline_kind begin_short(struct span id, struct span rest, struct logline *line)
{
	const struct saying *saying = sayings + (rest.ptr[0] & 31);
	char padded[1 + SAYING_MAX] = " ";

	memcpy(padded + 1, rest.ptr, rest.len);
	if (rest.len < saying->len || !begins_with(padded + 1, saying))
		return line->kind = LOGLINE_OTHER;
	return saying->take_more ? say_more(saying, id, rest, line) : say(saying, id, rest, line);
}

/* A blank stands before `rest`. */
enum logline_kind logline_begin_postfix(struct span id, struct span rest, struct logline *line)
{
	const struct saying *saying, *removed = &sayings['r' % 32];

	if (rest.len < SAYING_MAX) {
		if (rest.len == removed->len && begins_with(rest.ptr, removed))
			return say(removed, id, rest, line);
		return begin_short(id, rest, line);
	}
	saying = sayings + (rest.ptr[0] & 31);
	if (!begins_with(rest.ptr, saying))
		return line->kind = LOGLINE_OTHER;
	return saying->take_more ? say_more(saying, id, rest, line) : say(saying, id, rest, line);
}

enum logline_kind logline_finish_postfix(struct logline *line)
{
	switch (line->kind) {
	case LOGLINE_DELIVERY:
		return parse_delivery(line->rest, line);
	case LOGLINE_FROM:
		return parse_from(line->rest, line);
	case LOGLINE_MESSAGE_ID:
		return parse_message_id(line->rest, line);
	case LOGLINE_CLIENT:
		return parse_client(line->rest, line);
	case LOGLINE_NOTICE:
		return parse_notice(line->rest, line);
	default:
		return line->kind;
	}
}
