/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the reply in a text: one pass over the starts of words collects where a code or a status may stand and
 * what the frame says (frame.c), the best place wins, then the words are copied with the continuation prefixes
 * out.  Pure; any thread; hostile input; linear time.
 */
#include "evidence/reply.h"

#include <assert.h>
#include <errno.h>

#include "evidence/frame.h"

static const char *const command_names[] = { "",     "connect", "ehlo", "starttls",    "auth",
					     "mail", "rcpt",    "data", "end-of-data" };
static_assert(sizeof(command_names) / sizeof(command_names[0]) == COMMAND_COUNT, "one name for each command");

const char *smtp_command_get_name(enum smtp_command command)
{
	return (unsigned)command < COMMAND_COUNT ? command_names[command] : "";
}

enum smtp_command smtp_command_find(struct span name)
{
	enum smtp_command command = COMMAND_UNKNOWN;

	frame_take_command(span_trim(name), &command);
	return command;
}

/* Why we believe that a reply stands at a place, weakest first. */
enum rank {
	RANK_NONE,
	RANK_STATUS_SIGN,  /* "(#5.1.1)", "[5.1.1]": the status only, the words are the whole text */
	RANK_STATUS_COLON, /* "...: 5.1.1 words" */
	RANK_STATUS_LINE,  /* a line begins with a status */
	RANK_STATUS_FRAME, /* "said: 5.1.1 words" */
	RANK_STATUS_START,
	RANK_POSITIVE, /* a code of success or of going on: a transcript's earlier lines */
	RANK_COLON,    /* "...: 550 words" */
	RANK_PAIR,     /* "550 5.1.1" anywhere */
	RANK_LINE,     /* a line begins with a code */
	RANK_FRAME,    /* "said: 550" */
	RANK_START     /* the text begins with a code */
};

struct place {
	enum rank rank;
	size_t at;       /* where code or status begins */
	size_t words_at; /* where the words begin */
	uint16_t code;
	struct status status;
	enum smtp_command command; /* that the frame named before it */
	bool is_continued;         /* "550-" */
	char quote;                /* that stands right before it, 0 for none */
};

struct scan {
	struct span text;
	size_t start;     /* of what is neither blank nor a diagnostic's type */
	size_t opened_at; /* where a frame says that the reply begins; SIZE_MAX for nowhere */
	struct place best;
	struct status status;      /* "#5.1.1 smtp;550": the frame's own, for a reply that has none */
	enum smtp_command command; /* last one that the frame named */
	enum smtp_command soft_command;
	struct span host;
	size_t end; /* of the reply */
};

static bool is_plain(char c)
{
	return c > ' ' && c != 0x7f;
}

/* Bytes of the blank at `at`, 0 if there is none: white space, control bytes, no-break and ideographic space. */
static inline size_t get_blank(struct span text, size_t at)
{
	unsigned char c = (unsigned char)text.ptr[at];

	if (is_plain(text.ptr[at]))
		return 0;
	if (c <= ' ' || c == 0x7f)
		return 1;
	if (c == 0xc2 && at + 1 < text.len && (unsigned char)text.ptr[at + 1] == 0xa0)
		return 2;
	if (c == 0xe3 && text.len - at >= 3 && memcmp(text.ptr + at, "\xe3\x80\x80", 3) == 0)
		return 3;
	return 0;
}

static size_t skip_blanks(struct span text, size_t at)
{
	while (at < text.len) {
		size_t len = get_blank(text, at);
		if (!len)
			break;
		at += len;
	}
	return at;
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Is there nothing but blanks and opening signs between `from` and `to`? */
static bool is_only_signs(struct span text, size_t from, size_t to)
{
	if (to - from > 40)
		return false;
	while (from < to) {
		size_t len = get_blank(text, from);
		if (!len && !is_one_of(text.ptr[from], "<>#(['\"-:"))
			return false;
		from += len ? len : 1;
	}
	return true;
}

static bool is_line_start(struct span text, size_t at)
{
	while (at > 0 && is_one_of(text.ptr[at - 1], " \t#<>(['\""))
		at--;
	return at == 0 || text.ptr[at - 1] == '\n' || text.ptr[at - 1] == '\r';
}

static bool is_after_colon(struct span text, size_t at)
{
	size_t i = at;

	while (i > 0 && at - i < 8 && is_one_of(text.ptr[i - 1], " \t\r\n"))
		i--;
	if (i == at && (i < 3 || (unsigned char)text.ptr[i - 1] != 0x9a))
		return i > 0 && is_one_of(text.ptr[i - 1], "'\"<>#;");
	if (i >= 3 && memcmp(text.ptr + i - 3, "\xef\xbc\x9a", 3) == 0) /* full-width */
		return true;
	return i > 0 && is_one_of(text.ptr[i - 1], ":;>-'\"");
}

/* A status behind a code: "550 5.1.1", "550-5.1.1", "550 #5.1.1", "550 (5.1.1)", "550-'5.1.1", "5505.1.1". */
static size_t take_paired(struct span text, size_t at, struct status *ret_status)
{
	size_t from = skip_blanks(text, at);

	while (from < text.len && from - at < 8 && is_one_of(text.ptr[from], "-#(['\":;"))
		from = skip_blanks(text, from + 1);
	size_t len = from < text.len ? status_take(span_skip(text, from), ret_status) : 0;
	if (!len)
		return 0;
	from += len;
	return from < text.len && is_one_of(text.ptr[from], ")]") ? from + 1 : from;
}

/* Where the words begin behind code or status. */
static size_t skip_separators(struct span text, size_t at)
{
	at = skip_blanks(text, at);
	while (at < text.len && is_one_of(text.ptr[at], "-:;,"))
		at = skip_blanks(text, at + 1);
	return at;
}

/* May the byte behind three digits stand behind a code? */
static bool is_code_end(struct span text, size_t at, enum rank rank)
{
	char c = at < text.len ? text.ptr[at] : ' ';
	char next = at + 1 < text.len ? text.ptr[at + 1] : ' ';

	if (at == text.len || get_blank(text, at))
		return true;
	if (c == '-' || c == '#')
		return !ascii_is_digit(next);
	if (rank < RANK_LINE)
		return false;
	return is_one_of(c, ":;,(['\"<") || (c == '.' && !ascii_is_digit(next)) ||
	       (rank != RANK_LINE && ascii_is_alpha(c));
}

static enum rank rank_code(const struct scan *scan, size_t at, bool is_paired)
{
	if (is_only_signs(scan->text, scan->start, at))
		return RANK_START;
	if (scan->opened_at <= at && is_only_signs(scan->text, scan->opened_at, at))
		return RANK_FRAME;
	if (is_line_start(scan->text, at))
		return RANK_LINE;
	if (is_paired)
		return RANK_PAIR;
	return is_after_colon(scan->text, at) ? RANK_COLON : RANK_NONE;
}

static bool read_code(const struct scan *scan, size_t at, struct place *place)
{
	struct span text = scan->text;
	size_t end = at + 3, paired_end;

	if (text.len - at < 3 || !is_one_of(text.ptr[at], "2345") || !ascii_is_digit(text.ptr[at + 1]) ||
	    !ascii_is_digit(text.ptr[at + 2]))
		return false;
	place->code = (uint16_t)((text.ptr[at] - '0') * 100 + (text.ptr[at + 1] - '0') * 10 + text.ptr[at + 2] - '0');
	paired_end = take_paired(text, end, &place->status);
	bool is_paired = paired_end && place->status.class_digit == place->code / 100;
	place->rank = rank_code(scan, at, is_paired);
	if (place->rank == RANK_NONE || (!is_paired && !is_code_end(text, end, place->rank)))
		return false;
	if (place->code < 400 && place->rank != RANK_START)
		place->rank = RANK_POSITIVE;
	place->is_continued = end < text.len && text.ptr[end] == '-';
	if (paired_end && span_find_char(span_slice(text, end, paired_end), '\'', 0) != SIZE_MAX)
		place->quote = '\'';
	place->words_at = skip_separators(text, paired_end ? paired_end : end);
	return true;
}

static enum rank rank_status(const struct scan *scan, size_t at, size_t end)
{
	struct span text = scan->text;
	char before = at > 0 ? text.ptr[at - 1] : ' ';
	char after = end < text.len ? text.ptr[end] : ' ';

	if ((before == '(' || before == '[') && (after == ')' || after == ']') && at > scan->start + 1)
		return RANK_STATUS_SIGN;
	if (is_only_signs(text, scan->start, at))
		return RANK_STATUS_START;
	if (scan->opened_at <= at && is_only_signs(text, scan->opened_at, at))
		return RANK_STATUS_FRAME;
	if (before == '#')
		return RANK_STATUS_SIGN;
	if (is_line_start(text, at))
		return RANK_STATUS_LINE;
	return is_after_colon(text, at) ? RANK_STATUS_COLON : RANK_NONE;
}

/* "5.1.1 550 words" */
static void take_code_behind(struct span text, struct place *place)
{
	size_t at = place->words_at;

	if (at + 3 >= text.len || text.ptr[at] - '0' != place->status.class_digit || !ascii_is_digit(text.ptr[at + 1]) ||
	    !ascii_is_digit(text.ptr[at + 2]) || text.ptr[at + 3] != ' ')
		return;
	place->code = (uint16_t)((text.ptr[at] - '0') * 100 + (text.ptr[at + 1] - '0') * 10 + text.ptr[at + 2] - '0');
	place->words_at = skip_separators(text, at + 4);
}

static bool read_status(const struct scan *scan, size_t at, struct place *place)
{
	size_t len = status_take(span_skip(scan->text, at), &place->status);

	if (!len)
		return false;
	place->rank = rank_status(scan, at, at + len);
	size_t end = at + len;
	if (end < scan->text.len && is_one_of(scan->text.ptr[end], ")]"))
		end++;
	place->words_at = skip_separators(scan->text, end);
	take_code_behind(scan->text, place);
	return place->rank != RANK_NONE;
}

static void scan_digit(struct scan *scan, size_t at)
{
	struct place place = { .at = at, .command = scan->command };
	char before = at > 0 ? scan->text.ptr[at - 1] : ' ';

	if (ascii_is_alnum(before) || is_one_of(before, "._@/\\+"))
		return;
	if (!read_code(scan, at, &place)) {
		place = (struct place){ .at = at, .command = scan->command };
		if (!read_status(scan, at, &place))
			return;
	}
	if (before == '\'' || before == '"')
		place.quote = before;
	if (place.code == 0 && !status_is_known(scan->status))
		scan->status = place.status;
	/* the same code again is a line of the same reply, or a repetition of it */
	if (place.rank > scan->best.rank && (scan->best.rank < RANK_COLON || place.code != scan->best.code))
		scan->best = place;
}

/* Takes note of a frame's phrase at `at`; true when it ends the reply. */
static bool scan_phrase(struct scan *scan, size_t at, size_t *len)
{
	struct frame frame;
	bool is_found = scan->best.rank > RANK_POSITIVE;

	*len = frame_take(span_skip(scan->text, at), &frame);
	if (!*len)
		return false;
	if (is_found && !frame.is_closing)
		return false;
	if (frame.command != COMMAND_UNKNOWN && frame.is_soft)
		scan->soft_command = frame.command;
	else if (frame.command != COMMAND_UNKNOWN)
		scan->command = frame.command;
	if (frame.is_after_host && !span_is_known(scan->host))
		frame.host = frame_find_host_before(span_slice(scan->text, 0, at));
	if (span_is_known(frame.host))
		scan->host = frame.host;
	if (frame.is_opening)
		scan->opened_at = at + *len;
	if (!is_found || scan->best.at > at)
		return false;
	if (frame.command != COMMAND_UNKNOWN)
		scan->best.command = frame.command;
	return true;
}

/*
 * What a byte can begin, so that most bytes cost one look-up: a phrase, one that ends the reply, a code.  Letters and digits
 * do so at the start of a word only, signs anywhere.  Which letters and signs: see frame.c.
 */
enum { PHRASE = 1, CLOSING = 2, SIGN_PHRASE = 4, SIGN_CLOSING = 8, DIGIT = 16, WORD = 32, ANYWHERE = SIGN_PHRASE | SIGN_CLOSING };

#define LETTER(lower, upper, bits) [lower] = WORD | (bits), [upper] = WORD | (bits)
static const unsigned char byte_kinds[256] = {
	['0' ... '9'] = WORD | DIGIT,
	LETTER('a', 'A', PHRASE), LETTER('b', 'B', PHRASE), LETTER('c', 'C', PHRASE), LETTER('d', 'D', PHRASE | CLOSING),
	LETTER('e', 'E', PHRASE), LETTER('f', 'F', PHRASE), LETTER('g', 'G', PHRASE | CLOSING), LETTER('h', 'H', PHRASE),
	LETTER('i', 'I', PHRASE | CLOSING), LETTER('j', 'J', 0), LETTER('k', 'K', 0), LETTER('l', 'L', PHRASE), LETTER('m', 'M', 0),
	LETTER('n', 'N', 0), LETTER('o', 'O', 0), LETTER('p', 'P', 0), LETTER('q', 'Q', 0), LETTER('r', 'R', PHRASE),
	LETTER('s', 'S', PHRASE | CLOSING), LETTER('t', 'T', PHRASE), LETTER('u', 'U', 0), LETTER('v', 'V', 0), LETTER('w', 'W', PHRASE),
	LETTER('x', 'X', 0), LETTER('y', 'Y', 0), LETTER('z', 'Z', 0),
	['<'] = SIGN_PHRASE, ['>'] = SIGN_PHRASE, ['#'] = SIGN_PHRASE | SIGN_CLOSING, ['['] = SIGN_PHRASE | SIGN_CLOSING,
};

/* Once the reply is found, only what ends it counts. */
static unsigned char get_wanted(const struct scan *scan)
{
	return scan->best.rank >= RANK_FRAME ? CLOSING | SIGN_CLOSING : PHRASE | SIGN_PHRASE | DIGIT;
}

static void scan_text(struct scan *scan)
{
	struct span text = scan->text;
	unsigned char wanted = get_wanted(scan), allowed = 0xFF;

	for (size_t at = scan->start; at < text.len; at++) {
		unsigned char kind = byte_kinds[(unsigned char)text.ptr[at]];
		size_t len;

		if (kind & wanted & allowed) {
			if (kind & DIGIT) {
				scan_digit(scan, at);
			} else if (scan_phrase(scan, at, &len)) {
				scan->end = at;
				return;
			}
			wanted = get_wanted(scan);
		}
		allowed = kind & WORD ? ANYWHERE : 0xFF;
	}
}

/* The type of a Diagnostic-Code (RFC 3464 section 2.3.6): "smtp;", "X-Postfix;". */
static size_t skip_type(struct span text)
{
	size_t at = skip_blanks(text, 0), end = at;

	while (end < text.len && end - at < 24 && (ascii_is_alnum(text.ptr[end]) || text.ptr[end] == '-'))
		end++;
	struct span type = span_slice(text, at, end);
	size_t semicolon = skip_blanks(text, end);
	if (semicolon >= text.len || text.ptr[semicolon] != ';')
		return at;
	if (!span_has_suffix_nocase(type, SPAN_LIT("smtp")) && !span_has_prefix_nocase(type, SPAN_LIT("x-")) &&
	    !span_is_equal_nocase(type, SPAN_LIT("lmtp")) && !span_is_equal_nocase(type, SPAN_LIT("unknown")) &&
	    !span_is_equal_nocase(type, SPAN_LIT("dns")))
		return at;
	return skip_blanks(text, semicolon + 1);
}

/* The words: what is copied out. */
struct words {
	struct span text; /* read from here */
	size_t at;
	char *bytes; /* written here, with room for all */
	size_t len;
	const struct place *place;
	bool is_continued;
};

/* "550-", "550 " where a line begins or, after "550-", between words: bytes to pass over, 0 for none. */
static size_t get_prefix(const struct words *words, size_t at, bool is_line)
{
	struct span rest = span_skip(words->text, at);
	unsigned code = words->place->code;

	if (!code || rest.len < 4 || rest.ptr[0] - '0' != (int)(code / 100) ||
	    rest.ptr[1] - '0' != (int)(code / 10 % 10) || rest.ptr[2] - '0' != (int)(code % 10))
		return 0;
	if (rest.ptr[3] == '-')
		return 4;
	return get_blank(rest, 3) && (is_line || words->is_continued) ? 4 : 0;
}

/* Passes over continuation prefixes and a repetition of the status. */
static void skip_prefix(struct words *words, struct status *status, bool is_line)
{
	struct status repeated;
	size_t len;

	if (is_line && span_has_prefix(span_skip(words->text, words->at), SPAN_LIT("<<<")))
		words->at = skip_blanks(words->text, words->at + 3);
	len = get_prefix(words, words->at, is_line);
	if (len) {
		words->is_continued |= words->text.ptr[words->at + 3] == '-';
		words->at = skip_blanks(words->text, words->at + len);
	} else if (words->len) {
		return;
	}
	size_t from = words->at;
	if (from < words->text.len && is_one_of(words->text.ptr[from], "#'\""))
		from++;
	size_t taken = from < words->text.len ? status_take(span_skip(words->text, from), &repeated) : 0;
	if (!taken || (status_is_known(*status) && !status_is_equal(*status, repeated)))
		return;
	if (!status_is_known(*status) && words->place->code / 100 != repeated.class_digit)
		return;
	*status = repeated;
	words->at = skip_blanks(words->text, from + taken);
}

/* Moves over a run of blanks; true at an empty line or a client's line, where a reply ends. */
static bool skip_gap(struct words *words, bool *ret_is_line)
{
	size_t end = skip_blanks(words->text, words->at);
	unsigned lines = 0;

	for (size_t i = words->at; i < end; i++)
		lines += words->text.ptr[i] == '\n';
	words->at = end;
	*ret_is_line = lines > 0;
	return (lines > 1 && words->len && !get_prefix(words, end, true)) ||
	       span_has_prefix(span_skip(words->text, end), SPAN_LIT(">>>"));
}

/* Where a run ends of plain characters with single blanks between them, none of which a prefix or a client's line follows. */
static size_t find_run_end(struct span text, size_t at)
{
	while (at < text.len) {
		char c = text.ptr[at];
		if (!is_plain(c) && !(c == ' ' && at + 1 < text.len && ascii_is_alpha(text.ptr[at + 1])))
			break;
		at++;
	}
	return at;
}

static void copy_run(struct words *words)
{
	size_t end = find_run_end(words->text, words->at + 1);

	memcpy(words->bytes + words->len, words->text.ptr + words->at, end - words->at);
	words->len += end - words->at;
	words->at = end;
}

static void copy_words(struct words *words, struct status *status)
{
	bool is_line = false;

	skip_prefix(words, status, true);
	while (words->at < words->text.len) {
		if (get_blank(words->text, words->at)) {
			if (skip_gap(words, &is_line) && words->place->words_at)
				return;
			skip_prefix(words, status, is_line);
			if (words->len && words->bytes[words->len - 1] != ' ' && words->at < words->text.len)
				words->bytes[words->len++] = ' ';
		} else {
			copy_run(words);
		}
	}
}

/* All of a text with its blanks folded. */
static int fold_text(struct span text, struct arena *arena, struct span *ret_text)
{
	static const struct place nowhere;
	struct words words = { .text = text, .place = &nowhere, .bytes = arena_take(arena, text.len + 1) };

	if (!words.bytes)
		return -ENOMEM;
	words.at = skip_blanks(text, 0);
	while (words.at < text.len) {
		bool is_line;
		if (!get_blank(text, words.at)) {
			copy_run(&words);
			continue;
		}
		skip_gap(&words, &is_line);
		if (words.at < text.len)
			words.bytes[words.len++] = ' ';
	}
	*ret_text = span_make(words.bytes, words.len);
	return 0;
}

/* What the frame put around the words: a closing quote or bracket. */
static struct span trim_words(const struct scan *scan, struct span words)
{
	char before = scan->best.at > 0 ? scan->text.ptr[scan->best.at - 1] : ' ';

	words = span_trim(words);
	if (scan->end < scan->text.len && words.len && is_one_of(words.ptr[words.len - 1], "(#"))
		words = span_trim_right(span_slice(words, 0, words.len - 1));
	if (scan->best.quote && words.len && words.ptr[words.len - 1] == scan->best.quote)
		words.len--;
	if ((before == '<' || before == ';') && words.len && words.ptr[words.len - 1] == '>' &&
	    span_find_char(words, '<', 0) == SIZE_MAX)
		words.len--;
	return span_trim(words);
}

/* "... (#5.1.1)", "... [5.1.1]", "... 5.1.1": the status among the words of a reply whose code is known. */
static struct status find_status(struct span words, unsigned class_digit)
{
	struct status status = { 0 };

	for (size_t at = 1; at + 5 <= words.len; at++) {
		if (words.ptr[at] - '0' != (int)class_digit || !is_one_of(words.ptr[at - 1], " #([:"))
			continue;
		if (status_take(span_skip(words, at), &status) && status.subject <= 7)
			return status;
		status = (struct status){ 0 };
	}
	return status;
}

static int read_words(const struct scan *scan, struct arena *arena, struct reply *reply)
{
	const struct place *place = &scan->best;
	struct words words = { .text = span_slice(scan->text, 0, scan->end), .at = place->words_at, .place = place,
			       .is_continued = place->is_continued };

	words.bytes = arena_take(arena, words.text.len + 1);
	if (!words.bytes)
		return -ENOMEM;
	copy_words(&words, &reply->status);
	reply->text = trim_words(scan, span_make(words.bytes, words.len));
	if (place->code && !status_is_known(reply->status))
		reply->status = find_status(reply->text, place->code / 100u);
	if (place->code && !status_is_known(reply->status) && scan->status.class_digit == place->code / 100)
		reply->status = scan->status;
	return 0;
}

/* What another server was told of the sender whom it asked about: "Sender address rejected: ... host x said: 550 user unknown". */
static bool is_about_sender(const struct scan *scan)
{
	static const struct span signs[] = { SPAN_LIT("sender address"),    SPAN_LIT("sender verif"), SPAN_LIT("verify sender"),
					     SPAN_LIT("verify the sender"), SPAN_LIT("callout"),	SPAN_LIT("callback") };
	struct span before = span_slice(scan->text, scan->start, scan->best.at);

	if (scan->best.rank != RANK_FRAME && scan->best.rank != RANK_STATUS_FRAME)
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		if (span_find_nocase(before, signs[i], 0) != SIZE_MAX)
			return true;
	}
	return false;
}

int reply_find(struct span text, struct arena *arena, struct reply *ret_reply)
{
	struct reply reply = { 0 };
	int error;

	text = span_slice(text, 0, REPLY_TEXT_MAX);
	struct scan scan = { .text = text, .start = skip_type(text), .opened_at = SIZE_MAX, .end = text.len };
	scan_text(&scan);
	reply.code = scan.best.code;
	reply.status = scan.best.status;
	reply.command = scan.best.rank > RANK_POSITIVE ? scan.best.command : scan.command;
	if (reply.command == COMMAND_UNKNOWN && reply.code == 0)
		reply.command = scan.soft_command;
	reply.remote_mta = scan.host;
	reply.is_inner = scan.best.rank == RANK_COLON || scan.best.rank == RANK_PAIR;
	if (scan.best.rank > RANK_STATUS_SIGN) {
		error = read_words(&scan, arena, &reply);
		if (error)
			return error;
	}
	if (is_about_sender(&scan)) {
		reply.command = COMMAND_UNKNOWN;
		reply.text = SPAN_LIT("");
	}
	if (reply.text.len == 0) {
		/* no words: the frame's own are the best there is */
		bool is_bare = is_only_signs(text, scan.start, scan.best.at) && scan.best.rank > RANK_STATUS_SIGN;
		error = fold_text(is_bare ? SPAN_LIT("") : span_skip(text, scan.start), arena, &reply.text);
		if (error)
			return error;
	}
	*ret_reply = reply;
	return 0;
}
