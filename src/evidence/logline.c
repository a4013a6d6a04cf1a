/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of syslog: stamp, host and tag; the message is Postfix's or Sendmail's.  Pure; any thread; hostile text. */
#include "evidence/logline.h"

#include <assert.h>

#include "base/quickmask.h"
#include "base/siphash.h"
#include "evidence/logfield.h"

/* What only a finished line tells. */
static void clear_fields(struct logline *line)
{
	line->log_status = LOG_STATUS_UNKNOWN;
	line->sender = line->message_id = line->login = SPAN_NONE;
	line->to = line->orig_to = line->relay = line->text = line->dsn_queue_id = SPAN_NONE;
	line->status = (struct status){ 0 };
	line->recipient_count = 0;
}

static void clear_head(struct logline *line)
{
	line->host = line->identifier = line->instance = line->program = SPAN_NONE;
	line->origin = (struct log_origin){ 0 };
	line->head = NULL;
}

/* --- fields */

struct span logfield_take_value(struct span *rest)
{
	struct span all = *rest;
	const char *end = all.ptr + all.len;

	if (all.len >= 32) {
		uint64_t found = quickmask_32(all.ptr, ',') & quickmask_32(all.ptr, ' ') >> 1;
		if (!found)
			found = quickmask_begin(all.ptr, all.len, ',') & quickmask_begin(all.ptr, all.len, ' ') >> 1;
		if (found) {
			size_t at = quickmask_first(found);
			*rest = span_make(all.ptr + at + 2, all.len - at - 2);
			return span_make(all.ptr, at);
		}
	}
	for (const char *at = all.ptr; at < end && (at = memchr(at, ',', (size_t)(end - at))) != NULL; at++)
		if (at + 1 < end && at[1] == ' ') {
			*rest = span_make(at + 2, (size_t)(end - at) - 2);
			return span_make(all.ptr, (size_t)(at - all.ptr));
		}
	*rest = span_make(end, 0);
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

/* The first ">", and whether a quote stands before it; SIZE_MAX. */
static inline size_t find_bracket(struct span text, bool *ret_has_quote)
{
	const char *bracket;

	*ret_has_quote = false;
	if (text.len >= 32) {
		uint64_t brackets = quickmask_32(text.ptr, '>'), quotes = quickmask_32(text.ptr, '"');
		if (!brackets) {
			brackets = quickmask_begin(text.ptr, text.len, '>');
			quotes = quickmask_begin(text.ptr, text.len, '"');
		}
		*ret_has_quote = (quotes & (brackets - 1) & ~brackets) != 0;
		if (brackets)
			return quickmask_first(brackets);
	}
	bracket = text.len ? memchr(text.ptr, '>', text.len) : NULL;
	if (!bracket)
		return SIZE_MAX;
	*ret_has_quote = memchr(text.ptr, '"', (size_t)(bracket - text.ptr)) != NULL;
	return (size_t)(bracket - text.ptr);
}

bool logfield_take_address(struct span *rest, struct span *ret_address, bool *ret_is_doubtful)
{
	bool has_quote;
	size_t end = find_bracket(*rest, &has_quote);

	if (end == SIZE_MAX)
		return false;
	if (has_quote) {
		size_t unquoted = find_unquoted_end(*rest);
		*ret_is_doubtful |= unquoted == SIZE_MAX;
		end = unquoted == SIZE_MAX ? end : unquoted;
	}
	*ret_address = span_make(rest->ptr, end);
	*rest = span_make(rest->ptr + end + 1, rest->len - end - 1);
	return true;
}

/* What the bytes of queue ids are (logfield.h). */
enum {
	HEX = 0,
	HEX_VOWEL = HEX | ID_UPPER_VOWEL,
	LETTER = ID_NOT_HEX,
	VOWEL = LETTER | ID_VOWEL
};

const unsigned char logfield_id_bytes[256] = {
	[0 ... '0' - 1] = ID_NO_BYTE, ['0' ... '9'] = HEX | ID_DIGIT, ['9' + 1 ... 'A' - 1] = ID_NO_BYTE,
	['A'] = HEX_VOWEL, ['B' ... 'D'] = HEX, ['E'] = HEX_VOWEL, ['F'] = HEX, ['G' ... 'H'] = LETTER, ['I'] = VOWEL,
	['J' ... 'N'] = LETTER, ['O'] = VOWEL, ['P' ... 'T'] = LETTER, ['U'] = VOWEL, ['V' ... 'Z'] = LETTER,
	['Z' + 1 ... 'a' - 1] = ID_NO_BYTE, ['a'] = VOWEL, ['b' ... 'd'] = LETTER, ['e'] = VOWEL, ['f' ... 'h'] = LETTER,
	['i'] = VOWEL, ['j' ... 'n'] = LETTER, ['o'] = VOWEL, ['p' ... 't'] = LETTER, ['u'] = VOWEL, ['v' ... 'y'] = LETTER,
	['z'] = LETTER | ID_Z, ['z' + 1 ... 255] = ID_NO_BYTE,
};

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

/* What is before the "[123]" that a tag may end in. */
static struct span drop_pid(struct span tag)
{
	size_t len = tag.len;

	if (len < 3 || tag.ptr[len - 1] != ']')
		return tag;
	for (len--; len > 0 && ascii_is_digit(tag.ptr[len - 1]); len--)
		;
	return len > 0 && tag.ptr[len - 1] == '[' ? span_make(tag.ptr, len - 1) : tag;
}

/* A name of a host or an instance, for struct log_origin. */
static uint64_t hash_name(struct span name)
{
	static const struct siphash_key key = { { 0x6b6f64616d61, 0x6c6f67 } };

	return siphash(&key, name);
}

/* What is before its first and behind its last slash. */
static void split_tag(struct logline *line)
{
	struct span tag = line->identifier;
	const char *end = tag.ptr + tag.len, *first = quick_find(tag.ptr, end, '/');

	line->instance = line->program = tag;
	if (first) {
		line->instance.len = (size_t)(first - tag.ptr);
		for (line->program.ptr = end; line->program.ptr[-1] != '/'; line->program.ptr--)
			;
		line->program.len = (size_t)(end - line->program.ptr);
	}
	line->origin.instance = hash_name(line->instance);
}

/* Behind the ": " that a tag ends in. */
static void skip_colon(struct span *rest, const char *colon)
{
	const char *end = rest->ptr + rest->len;

	colon += 1 + (colon + 1 < end && colon[1] == ' ');
	*rest = span_make(colon, (size_t)(end - colon));
}

/* "postfix/smtp[123]: " off *rest.  False: no tag, so nobody of ours said it. */
static bool take_tag(struct span *rest, struct logline *line)
{
	const char *end = rest->ptr + rest->len, *colon = quick_find(rest->ptr, end, ':');

	if (!colon)
		return false;
	line->identifier = drop_pid(span_make(rest->ptr, (size_t)(colon - rest->ptr)));
	if (line->identifier.len == 0 || quick_find(rest->ptr, colon, ' '))
		return false;
	split_tag(line);
	skip_colon(rest, colon);
	return true;
}

/* The host, which lines that never went through a socket of syslog's do not have: there the tag comes at once. */
static void take_host(struct span *rest, struct logline *line)
{
	const char *at = rest->ptr, *end = rest->ptr + rest->len;

	while (at < end && *at != ' ')
		at++;
	if (at == end || at == rest->ptr || at[-1] == ':')
		return;
	logline_set_host(line, span_make(rest->ptr, (size_t)(at - rest->ptr)));
	*rest = span_make(at + 1, (size_t)(end - at) - 1);
}

void logline_set_host(struct logline *line, struct span host)
{
	line->host = host;
	line->origin.host = hash_name(host);
}

/* The few hosts and programs that write the most lines have a place each: by the first and the last bytes of both. */
static inline struct loghead *get_head_place(struct logclock *clock, const char *head, size_t len)
{
	uint64_t last = quickhash_load(head + len - sizeof(last));

	return &clock->heads[(quickhash_load(head) ^ (last << 32 | last >> 32) ^ len) * 0x9e3779b97f4a7c15u >> 58];
}

static_assert(LOGHEADS == 1 << (64 - 58), "a place for each hash");

static inline bool head_is(const struct loghead *kept, const char *head, size_t len)
{
	size_t at = 0;

	if (kept->len != len)
		return false;
	for (; at + 8 <= len; at += 8)
		if (quickhash_load(kept->bytes + at) != quickhash_load(head + at))
			return false;
	return quickhash_load(kept->bytes + len - 8) == quickhash_load(head + len - 8);
}

/* How many digits stand in the eight bytes before `end`, one after the other up to it. */
static inline size_t count_digits_before(const char *end)
{
	const uint64_t zeros = 0x3030303030303030, lows = 0x7f7f7f7f7f7f7f7f;
	uint64_t word = quickmask_load(end - sizeof(word)) ^ zeros, others = (((word & lows) + 0x7676767676767676) | word) & ~lows;

	return others ? (size_t)__builtin_clzll(others) / 8 : sizeof(word);
}

static void use_head(const struct loghead *kept, const char *at, struct logline *line)
{
	line->host = span_make(at, kept->host_len);
	line->identifier = span_make(at + kept->host_len + 1, (size_t)kept->len - kept->host_len - 1);
	line->instance = span_make(line->identifier.ptr, kept->instance_len);
	line->program = span_make(at + kept->program_at, (size_t)kept->len - kept->program_at);
}

static void keep_head(struct logclock *clock, struct span head, const struct logline *line)
{
	struct loghead *kept = get_head_place(clock, head.ptr, head.len);

	*kept = (struct loghead){
		.len = (uint8_t)head.len,
		.host_len = (uint8_t)line->host.len,
		.instance_len = (uint8_t)line->instance.len,
		.program_at = (uint8_t)(line->program.ptr - head.ptr),
		.origin = line->origin,
	};
	memcpy(kept->bytes, head.ptr, head.len);
}

/* Host and tag off *rest.  False: no tag.  clock: may be NULL. */
static bool take_new_head(struct span *rest, struct logclock *clock, struct logline *line)
{
	const char *at = rest->ptr, *end;

	clear_head(line);
	take_host(rest, line);
	if (!take_tag(rest, line))
		return false;
	end = line->program.ptr + line->program.len;
	if (clock && span_is_known(line->host) && end - at >= (ptrdiff_t)sizeof(uint64_t) && end - at <= LOGHEAD_MAX)
		keep_head(clock, span_make(at, (size_t)(end - at)), line);
	return true;
}

/* "mx1 postfix/smtp[123]: QID: " */
struct beginning {
	size_t colon;  /* the first one */
	size_t id_len; /* 0: none */
};

enum { COLON_AND_BLANK = 2 };

/*
 * Where the message begins and whether it has a queue id, whatever stands before: the first colon, if a blank follows, is the tag's.
 * False: it must be looked at more closely.
 */
static inline bool measure_beginning(struct span rest, struct beginning *ret_beginning)
{
	uint64_t colons;
	size_t colon, at;

	if (rest.len < 32)
		return false;
	colons = quickmask_begin(rest.ptr, rest.len, ':');
	colon = colons ? quickmask_first(colons) : rest.len;
	at = colon + COLON_AND_BLANK;
	if (at > rest.len || rest.ptr[colon + 1] != ' ')
		return false;
	colons &= colons - 1;
	rest = span_make(rest.ptr + at, rest.len - at);
	ret_beginning->colon = colon;
	if (colons)
		ret_beginning->id_len = logfield_check_id(rest, quickmask_first(colons) - at);
	else /* none is among the first 64 bytes */
		ret_beginning->id_len = at + QUEUE_ID_MAX < 64 ? 0 : logfield_measure_id(rest);
	return true;
}

/* "mx1 postfix/smtp[123]" before the colon, up to the bracket; 0: it is not of this form. */
static inline size_t measure_head(const char *at, size_t colon)
{
	size_t digits, len;

	if (colon < sizeof(uint64_t) + 3 || at[colon - 1] != ']')
		return 0;
	digits = count_digits_before(at + colon - 1);
	len = colon - 2 - digits;
	return digits > 0 && digits < sizeof(uint64_t) && len >= sizeof(uint64_t) && at[len] == '[' ? len : 0;
}

/* What stands behind the "QID: ". */
static inline struct span skip_id(struct span message, size_t id_len)
{
	return span_make(message.ptr + id_len + COLON_AND_BLANK, message.len - id_len - COLON_AND_BLANK);
}

/*
 * Who took a message in, that it is in the queue, and that a long queue id is free, which nobody uses again: of no recipient.  These are
 * the lines that are most easily told.  (What is neither a short id nor a long one is none, and says nothing, either.)
 */
static inline bool is_of_no_recipient(struct span message, size_t id_len)
{
	static const struct span active = { " (queue active)", 15 };
	struct span said = skip_id(message, id_len);
	uint64_t begin = said.len < 7 ? 0 : quickmask_load(said.ptr - 1); /* with the blank before it */

	if (begin == quickmask_load(" client="))
		return true;
	if (begin == quickmask_load(" removed"))
		return said.len == 7 && (logfield_look_at_id(span_make(message.ptr, id_len)) & (ID_NOT_HEX | ID_NO_BYTE));
	return (begin ^ quickmask_load(" from=< ")) << 8 == 0 && said.len > active.len &&
	       memcmp(said.ptr + said.len - active.len, active.ptr, active.len) == 0;
}

/* Is it a head that is kept? */
static inline bool find_head(struct logclock *clock, const char *at, size_t len, struct logline *line)
{
	const struct loghead *kept = get_head_place(clock, at, len);

	if (!head_is(kept, at, len))
		return false;
	line->head = kept;
	line->head_at = at;
	line->origin = kept->origin;
	return true;
}

static bool is_of_postfix(const struct logline *line)
{
	return line->head ? line->head->program_at != line->head->host_len + 1 : line->program.ptr != line->identifier.ptr;
}

/* id_len: of what stands before its first colon, where that may be a queue id; else 0. */
static inline enum logline_kind begin_message(struct span message, size_t id_len, struct logline *line)
{
	struct span id;

	if (id_len == 0)
		return line->kind = LOGLINE_OTHER;
	id = span_make(message.ptr, id_len);
	message = skip_id(message, id_len);
	return is_of_postfix(line) ? logline_begin_postfix(id, message, line) : logline_begin_sendmail(id, message, line);
}

/* --- the line */

static void clear(struct logline *line)
{
	line->mta = LOG_MTA_UNKNOWN;
	line->is_local_time = line->is_long_id = line->is_doubtful = line->is_finished = line->is_confirmed = line->is_head_unread = false;
	line->time_s = 0;
	line->queue_id = SPAN_NONE;
}

/* Of any form; what stands before the stamp is gone.  For the lines that are the first of theirs. */
static __attribute__((noinline)) enum logline_kind begin_any(struct span rest, struct logclock *clock, struct logline *line)
{
	size_t stamp = logclock_take(clock, rest, &line->time_s, &line->is_local_time);

	if (stamp == 0 || stamp + 1 >= rest.len || rest.ptr[stamp] != ' ') {
		clear_head(line);
		return line->kind = LOGLINE_GARBAGE;
	}
	rest = span_make(rest.ptr + stamp + 1, rest.len - stamp - 1);
	if (!take_new_head(&rest, clock, line))
		return line->kind = LOGLINE_OTHER;
	return begin_message(rest, logfield_measure_id(rest), line);
}

static inline __attribute__((always_inline)) enum logline_kind begin(struct span text, struct logclock *clock, bool is_brief, struct logline *line)
{
	struct beginning beginning;
	struct span rest, message;
	size_t stamp, head_len;

	clear(line);
	if (text.len && text.ptr[0] == '<')
		text = span_skip(text, measure_priority(text));
	stamp = logclock_take(clock, text, &line->time_s, &line->is_local_time);
	if (stamp == 0 || stamp + 1 >= text.len || text.ptr[stamp] != ' ')
		return begin_any(text, clock, line);
	rest = span_make(text.ptr + stamp + 1, text.len - stamp - 1);
	if (!measure_beginning(rest, &beginning))
		return begin_any(text, clock, line);
	message = span_make(rest.ptr + beginning.colon + COLON_AND_BLANK, rest.len - beginning.colon - COLON_AND_BLANK);
	if (beginning.id_len == 0 || (is_brief && is_of_no_recipient(message, beginning.id_len))) { /* whoever says so */
		line->is_head_unread = true;
		line->rest = rest;
		return line->kind = LOGLINE_OTHER;
	}
	head_len = measure_head(rest.ptr, beginning.colon);
	if (head_len == 0 || !find_head(clock, rest.ptr, head_len, line))
		return begin_any(text, clock, line);
	return begin_message(message, beginning.id_len, line);
}

enum logline_kind logline_begin(struct span text, struct logclock *clock, struct logline *ret_line)
{
	return begin(text, clock, true, ret_line);
}

bool logline_confirm(struct logline *line)
{
	if (line->is_confirmed)
		return true;
	line->is_confirmed = line->mta != LOG_MTA_POSTFIX || logline_is_postfix_id(line->queue_id, &line->is_long_id);
	if (line->is_confirmed)
		return true;
	line->kind = LOGLINE_OTHER;
	line->queue_id = SPAN_NONE;
	line->mta = LOG_MTA_UNKNOWN;
	return false;
}

enum logline_kind logline_finish(struct logline *line)
{
	if (line->is_finished)
		return line->kind;
	line->is_finished = true;
	clear_fields(line);
	if (line->is_head_unread)
		(void)take_new_head(&line->rest, NULL, line);
	else if (line->head)
		use_head(line->head, line->head_at, line);
	if (line->kind <= LOGLINE_OTHER || !logline_confirm(line))
		return line->kind;
	return line->kind = line->mta == LOG_MTA_POSTFIX ? logline_finish_postfix(line) : logline_finish_sendmail(line);
}

enum logline_kind logline_parse(struct span text, struct logclock *clock, struct logline *ret_line)
{
	begin(text, clock, false, ret_line);
	return logline_finish(ret_line);
}

enum logline_kind logline_parse_message(struct span identifier, struct span message, struct logline *ret_line)
{
	clear(ret_line);
	clear_head(ret_line);
	ret_line->kind = LOGLINE_OTHER;
	if (identifier.len) {
		ret_line->identifier = identifier;
		split_tag(ret_line);
		begin_message(message, logfield_measure_id(message), ret_line);
	}
	return logline_finish(ret_line);
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
