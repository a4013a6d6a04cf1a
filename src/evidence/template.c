/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates of one line.  Pure; any thread; the line is hostile, so that backtracking is paid from a budget. */
#include "evidence/template.h"

#include <assert.h>
#include <stdlib.h>

#include "evidence/frame.h"
#include "evidence/mailbox.h"

enum { ITEMS_MAX = 64, LINE_MAX_LEN = 4096 };

enum item_kind { ITEM_LITERAL, ITEM_BLANK, ITEM_ANY, ITEM_CAPTURE };

struct item {
	enum item_kind kind;
	enum capture capture;
	struct span literal; /* lower case; of the pattern's own bytes */
	size_t anchor;       /* of the literal, to search by */
};

struct template {
	struct template_head head;
	unsigned count;
	char *bytes;
	struct item items[]; /* ITEMS_MAX while it is parsed, then as many as there are */
};

static const char *const capture_names[] = { "recipient", "local", "user", "original", "sender", "text",   "host",
					     "mta",       "code",  "status",   "command", "id" };
static_assert(sizeof(capture_names) / sizeof(capture_names[0]) == CAPTURE_COUNT, "one name for each capture");

static bool find_capture(struct span name, enum capture *ret_capture)
{
	for (unsigned i = 0; i < CAPTURE_COUNT; i++) {
		if (span_is_equal(name, span_of(capture_names[i]))) {
			*ret_capture = i;
			return true;
		}
	}
	return false;
}

static struct item *add_item(struct template *template, enum item_kind kind)
{
	struct item *last = template->count ? &template->items[template->count - 1] : NULL;

	/* a run of blanks, asterisks or letters is one item */
	if (last && last->kind == kind && kind != ITEM_CAPTURE)
		return last;
	if (template->count == ITEMS_MAX)
		return NULL;
	template->items[template->count] = (struct item){ .kind = kind };
	return &template->items[template->count++];
}

/* One piece of the pattern's text at *at.  A reason when it is wrong. */
static const char *parse_piece(struct template *template, struct span text, size_t *at, char **bytes)
{
	char c = text.ptr[*at], next = *at + 1 < text.len ? text.ptr[*at + 1] : '\0';
	struct item *item;

	if (c == '{' && next != '{') {
		size_t end = span_find_char(text, '}', *at);
		enum capture capture;
		if (end == SIZE_MAX || !find_capture(span_slice(text, *at + 1, end), &capture))
			return "unknown name in braces";
		if (template_has(template, capture))
			return "a name stands twice";
		item = add_item(template, ITEM_CAPTURE);
		if (item)
			item->capture = capture;
		*at = end + 1;
		return item ? NULL : "too long a template";
	}
	bool is_literal = (c == '{' || (c == '\\' && next)) || (c != '*' && !ascii_is_space(c));
	if (c == '{' || (c == '\\' && next == '*')) {
		c = next;
		++*at;
	}
	++*at;
	item = add_item(template, is_literal ? ITEM_LITERAL : c == '*' ? ITEM_ANY : ITEM_BLANK);
	if (!item)
		return "too long a template";
	if (is_literal) {
		if (!item->literal.ptr)
			item->literal.ptr = *bytes;
		*(*bytes)++ = ascii_lower(c);
		item->literal.len++;
	}
	return NULL;
}

/*
 * The pairs of bytes that stand side by side, lower case, by a small hash: what a literal has, each line that it
 * stands in has, too.
 */
static uint64_t digest(struct span text)
{
	uint64_t pairs = 0;
	const uint64_t low = UINT64_C(0x0707070707070707), all = UINT64_C(0x3f3f3f3f3f3f3f3f);
	const uint64_t cases = UINT64_C(0x2020202020202020);
	size_t i = 1;

	/* eight pairs at once; 0x20 is the bit that tells cases apart, of letters, and of other bytes it may go, too */
	for (; i + 8 <= text.len; i += 8) {
		uint64_t before, after;
		memcpy(&before, text.ptr + i - 1, 8);
		memcpy(&after, text.ptr + i, 8);
		before |= cases;
		after |= cases;
		/* before * 7 + after in each byte, to the modulus of 64 */
		uint64_t sums = ((before & low) << 3) + ((all ^ before) & all) + (after & all) + UINT64_C(0x0101010101010101);
		for (unsigned k = 0; k < 8; k++, sums >>= 8)
			pairs |= UINT64_C(1) << (sums & 63);
	}
	for (; i < text.len; i++) {
		unsigned before = (unsigned char)text.ptr[i - 1] | 0x20u, after = (unsigned char)text.ptr[i] | 0x20u;
		pairs |= UINT64_C(1) << ((before * 7 + after) & 63);
	}
	return pairs;
}

uint64_t template_digest(struct span line)
{
	return digest(line);
}

struct template_line template_line_make(struct span whole)
{
	struct template_line line = { .whole = whole, .text = span_slice(span_trim(whole), 0, LINE_MAX_LEN) };

	if (line.text.len) {
		line.first = (unsigned char)ascii_lower(line.text.ptr[0]);
		line.last = (unsigned char)ascii_lower(line.text.ptr[line.text.len - 1]);
	}
	return line;
}

bool template_line_has_address(struct template_line *line)
{
	if (!line->is_searched) {
		line->has_address = span_find_char(line->text, '@', 0) != SIZE_MAX;
		line->is_searched = true;
	}
	return line->has_address;
}

/* What may be any run must not stand beside another one: the border would be anywhere. */
static bool is_run(const struct item *item)
{
	return item->kind == ITEM_ANY || (item->kind == ITEM_CAPTURE && item->capture == CAPTURE_TEXT);
}

static const char *check_items(const struct template *template)
{
	bool is_empty = true;

	for (unsigned i = 0; i < template->count; i++) {
		is_empty = is_empty && !(template->items[i].kind == ITEM_LITERAL || template->items[i].kind == ITEM_CAPTURE);
		if (i && is_run(&template->items[i]) && is_run(&template->items[i - 1]))
			return "two runs side by side";
	}
	return is_empty ? "it matches every line" : NULL;
}

static void fill_head(struct template *template)
{
	const struct item *first = &template->items[0], *last = &template->items[template->count - 1];
	struct template_head *head = &template->head;

	if (first->kind == ITEM_LITERAL)
		head->first = (unsigned char)first->literal.ptr[0];
	if (last->kind == ITEM_LITERAL)
		head->last = (unsigned char)last->literal.ptr[last->literal.len - 1];
	for (unsigned i = 0; i < template->count; i++) {
		struct item *item = &template->items[i];
		head->needs |= digest(item->literal);
		head->size += item->literal.len;
		item->anchor = span_get_anchor(item->literal);
	}
	head->has_address = template_has(template, CAPTURE_RECIPIENT) || template_has(template, CAPTURE_ORIGINAL);
}

struct template *template_parse(struct span text, const char **ret_why)
{
	text = span_trim(text);
	struct template *template = calloc(1, sizeof(*template) + ITEMS_MAX * sizeof(template->items[0]));

	*ret_why = NULL;
	if (!template)
		return NULL;
	char *bytes = template->bytes = malloc(text.len + 1);
	if (!bytes) {
		template_free(template);
		return NULL;
	}
	for (size_t at = 0; at < text.len && !*ret_why;)
		*ret_why = parse_piece(template, text, &at, &bytes);
	if (!*ret_why)
		*ret_why = check_items(template);
	if (!*ret_why) {
		fill_head(template);
		/* most have a few, and there are hundreds */
		struct template *small = realloc(template, sizeof(*template) + template->count * sizeof(template->items[0]));
		return small ? small : template;
	}
	template_free(template);
	return NULL;
}

void template_free(struct template *template)
{
	if (!template)
		return;
	free(template->bytes);
	free(template);
}

char template_get_rare(const struct template *template)
{
	static const char common[] = "vbkpgwyfumcdlhrsnioate. "; /* the later, the more common */
	size_t best = SIZE_MAX;
	char rare = 0;

	for (unsigned i = 0; i < template->count; i++)
		for (size_t n = 0; n < template->items[i].literal.len; n++) {
			char c = template->items[i].literal.ptr[n];
			const char *hit = memchr(common, c, sizeof(common) - 1);
			size_t rank = hit ? (size_t)(hit - common) + 1 : 0;
			if (rank < best) {
				best = rank;
				rare = c;
			}
		}
	return rare;
}

bool template_has(const struct template *template, enum capture capture)
{
	for (unsigned i = 0; i < template->count; i++) {
		if (template->items[i].kind == ITEM_CAPTURE && template->items[i].capture == capture)
			return true;
	}
	return false;
}

static bool is_host_char(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
}

static size_t take_host(struct span text, struct span *ret_host)
{
	size_t at = text.len && strchr("[<(", text.ptr[0]) && text.ptr[0] ? 1 : 0, end = at;

	while (end < text.len && is_host_char(text.ptr[end]))
		end++;
	while (end > at && strchr(".:", text.ptr[end - 1]))
		end--;
	if (end == at)
		return 0;
	*ret_host = span_slice(text, at, end);
	return at && end < text.len && strchr("]>)", text.ptr[end]) ? end + 1 : end;
}

static size_t take_code(struct span text, struct span *ret_code)
{
	if (text.len < 3 || text.ptr[0] < '2' || text.ptr[0] > '5' || !ascii_is_digit(text.ptr[1]) ||
	    !ascii_is_digit(text.ptr[2]) || (text.len > 3 && ascii_is_digit(text.ptr[3])))
		return 0;
	*ret_code = span_slice(text, 0, 3);
	return 3;
}

static size_t take_id(struct span text, struct span *ret_id)
{
	size_t at = text.len && text.ptr[0] == '<' ? 1 : 0, end = at;

	while (end < text.len && !ascii_is_space(text.ptr[end]) && text.ptr[end] != '>')
		end++;
	*ret_id = span_slice(text, at, end);
	return end == at ? 0 : end < text.len && text.ptr[end] == '>' ? end + 1 : end;
}

/* The piece at the start of `text`: its length, 0 when it is no such piece. */
static size_t take_piece(enum capture capture, struct span text, struct span *ret_piece)
{
	enum smtp_command command;
	struct status status;
	size_t len = 0;

	switch (capture) {
	case CAPTURE_RECIPIENT:
	case CAPTURE_ORIGINAL:
	case CAPTURE_SENDER:
		return mailbox_take(text, ret_piece);
	case CAPTURE_LOCAL:
	case CAPTURE_USER:
		return mailbox_take_local(text, ret_piece);
	case CAPTURE_HOST:
	case CAPTURE_MTA:
		return take_host(text, ret_piece);
	case CAPTURE_CODE:
		return take_code(text, ret_piece);
	case CAPTURE_ID:
		return take_id(text, ret_piece);
	case CAPTURE_STATUS:
		len = status_take(text, &status);
		break;
	case CAPTURE_COMMAND:
		len = frame_take_command(text, &command);
		break;
	case CAPTURE_TEXT:
	case CAPTURE_COUNT:
		break;
	}
	*ret_piece = span_slice(text, 0, len);
	return len;
}

struct match {
	const struct template *template;
	struct span line;
	struct captures *captures;
	size_t *budget;
};

static bool spend(size_t *budget, size_t steps)
{
	if (*budget < steps) {
		*budget = 0;
		return false;
	}
	*budget -= steps;
	return true;
}

static bool is_literal_at(struct span line, size_t at, struct span literal)
{
	if (literal.len > line.len - at)
		return false;
	for (size_t i = 0; i < literal.len; i++) {
		if (ascii_lower(line.ptr[at + i]) != literal.ptr[i])
			return false;
	}
	return true;
}

static bool match_from(struct match *match, unsigned item, size_t at);

/* A run: the rest of the line if it is last, else up to where the rest of the template matches, shortest first. */
static bool match_run(struct match *match, unsigned index, size_t at)
{
	const struct template *template = match->template;
	const struct item *item = &template->items[index];
	const struct item *next = index + 1 < template->count ? item + 1 : NULL;
	size_t end = next ? at + (item->kind == ITEM_CAPTURE) : match->line.len;

	if (item->kind == ITEM_CAPTURE && end == at)
		return false;
	for (; end <= match->line.len; end++) {
		size_t from = end;
		if (next && next->kind == ITEM_LITERAL)
			end = span_find_anchored(match->line, next->literal, next->anchor, end);
		/* eight bytes passed over cost as much as one attempt */
		if (!spend(match->budget, 1 + ((end < match->line.len ? end : match->line.len) - from) / 8) || end > match->line.len)
			return false;
		if (!match_from(match, index + 1, end))
			continue;
		if (item->kind == ITEM_CAPTURE)
			match->captures->spans[item->capture] = span_trim(span_slice(match->line, at, end));
		return true;
	}
	return false;
}

static bool match_from(struct match *match, unsigned index, size_t at)
{
	struct span line = match->line;

	for (; index < match->template->count; index++) {
		const struct item *item = &match->template->items[index];
		size_t from = at;

		if (is_run(item))
			return match_run(match, index, at);
		switch (item->kind) {
		case ITEM_LITERAL:
			if (!is_literal_at(line, at, item->literal))
				return false;
			at += item->literal.len;
			break;
		case ITEM_BLANK:
			while (at < line.len && ascii_is_space(line.ptr[at]))
				at++;
			if (at == from && at != 0 && at != line.len)
				return false;
			break;
		case ITEM_CAPTURE: {
			size_t len = take_piece(item->capture, span_skip(line, at), &match->captures->spans[item->capture]);
			if (!len)
				return false;
			at += len;
			break;
		}
		case ITEM_ANY:
			break;
		}
	}
	return at == line.len;
}

bool template_try(const struct template *template, const struct template_line *line, struct captures *captures, size_t *budget)
{
	const struct item *first = &template->items[0];

	if (!line->text.ptr || !spend(budget, 1) || (first->kind == ITEM_LITERAL && !is_literal_at(line->text, 0, first->literal)))
		return false;
	struct captures found = { 0 };
	struct match match = { .template = template, .line = line->text, .captures = &found, .budget = budget };
	if (!match_from(&match, 0, 0))
		return false;
	*captures = found;
	return true;
}
