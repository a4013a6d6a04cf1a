/* SPDX-License-Identifier: BSD-2-Clause */
/* Folding addresses: brackets, routes, comments and needless quotes off; NFC; A-labels.  Pure; hostile input. */
#include "base/address.h"

#include <errno.h>
#include <idn2.h>
#include <limits.h>
#include <stdlib.h>
#include <uninorm.h>
#include <unistr.h>

enum { LOCAL_MAX = 255, DOMAIN_MAX = 255, LABEL_MAX = 63, INPUT_MAX = 1024 };

static int refuse(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	return -EINVAL;
}

/* The first thing that no address may hold, NULL if there is none. */
static const char *find_fault(struct span text)
{
	if (text.len == 0)
		return "it is empty";
	if (text.len > INPUT_MAX)
		return "it is too long";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c < 0x20 || c == 0x7f)
			return "it holds a control character";
		/* C1 controls, U+0080 to U+009F */
		if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0)
			return "it holds a control character";
	}
	if (u8_check((const uint8_t *)text.ptr, text.len))
		return "it is not valid UTF-8";
	return NULL;
}

/* The end of the comment that begins at s.ptr[0], past its ")"; 0 if it does not close. */
static size_t measure_comment(struct span s)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* RFC 5322 comments before and after the address; one in its midst stays, and is refused later. */
static struct span strip_comments(struct span text)
{
	size_t len;

	text = span_trim(text);
	while (text.len && text.ptr[0] == '(' && (len = measure_comment(text)))
		text = span_trim_left(span_skip(text, len));
	size_t from = text.len && text.ptr[0] == '"' ? span_find_char(text, '@', 0) : 0;
	size_t open = from == SIZE_MAX ? SIZE_MAX : span_find_char(text, '(', from);
	if (open != SIZE_MAX && measure_comment(span_skip(text, open)) == text.len - open)
		text = span_trim_right(span_slice(text, 0, open));
	return text;
}

/* RFC 5321 section 4.1.2: "@one,@two:user@domain" */
static struct span strip_route(struct span text)
{
	size_t colon = text.len && text.ptr[0] == '@' ? span_find_char(text, ':', 0) : SIZE_MAX;

	if (colon == SIZE_MAX || span_find_char(text, '@', colon) == SIZE_MAX)
		return text;
	return span_skip(text, colon + 1);
}

static bool is_local_char(char c)
{
	return ascii_is_alnum(c) || (c & 0x80) || (c && strchr(".!#$%&'*+-/=?^_`{|}~", c));
}

/* Dots may stand anywhere: docomo and au gave out such mailboxes, and reports write them with and without quotes. */
static bool is_plain_local(struct span local)
{
	for (size_t i = 0; i < local.len; i++) {
		if (!is_local_char(local.ptr[i]))
			return false;
	}
	return local.len > 0;
}

/* The content of a quoted string, without quotes and backslashes; false if it is not one. */
static bool unquote(struct span local, char out[static INPUT_MAX], size_t *ret_len)
{
	size_t len = 0;

	if (local.len < 2 || local.ptr[0] != '"' || local.ptr[local.len - 1] != '"')
		return false;
	for (size_t i = 1; i < local.len - 1; i++) {
		if (local.ptr[i] == '"')
			return false;
		if (local.ptr[i] == '\\' && ++i == local.len - 1)
			return false;
		out[len++] = local.ptr[i];
	}
	*ret_len = len;
	return true;
}

struct span address_drop_quotes(struct span text, struct arena *arena)
{
	char content[INPUT_MAX];
	size_t at = text.len && text.ptr[0] == '"' ? span_find(text, SPAN_LIT("\"@"), 1) : SIZE_MAX, len;
	struct span plain;

	if (at == SIZE_MAX || at >= INPUT_MAX || !unquote(span_slice(text, 0, at + 1), content, &len) ||
	    !is_plain_local(span_make(content, len)))
		return text;
	plain = arena_printf(arena, "%.*s%.*s", (int)len, content, (int)(text.len - at - 1), text.ptr + at + 1);
	return span_is_known(plain) ? plain : text;
}

static size_t requote(struct span content, char out[static INPUT_MAX * 2 + 2])
{
	size_t len = 0;

	out[len++] = '"';
	for (size_t i = 0; i < content.len; i++) {
		if (content.ptr[i] == '"' || content.ptr[i] == '\\')
			out[len++] = '\\';
		out[len++] = content.ptr[i];
	}
	out[len++] = '"';
	return len;
}

static bool is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] & 0x80)
			return false;
	}
	return true;
}

/* ASCII lower case and NFC into `out`; false when it does not fit. */
static bool put_local(struct span local, char out[static ADDRESS_SIZE], size_t *ret_len)
{
	char composed[INPUT_MAX];
	size_t len = sizeof(composed);

	if (!is_ascii(local)) {
		uint8_t *text = u8_normalize(UNINORM_NFC, (const uint8_t *)local.ptr, local.len, (uint8_t *)composed, &len);
		bool is_here = text == (uint8_t *)composed;
		if (text && !is_here)
			free(text);
		if (!is_here)
			return false;
		local = span_make(composed, len);
	}
	if (local.len > LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.len; i++)
		out[i] = ascii_lower(local.ptr[i]);
	*ret_len = local.len;
	return true;
}

static int fold_local(struct span local, char out[static ADDRESS_SIZE], size_t *ret_len, const char **ret_why)
{
	char content[INPUT_MAX], quoted[INPUT_MAX * 2 + 2];
	size_t len;

	if (local.len == 0)
		return refuse(ret_why, "nothing stands before the \"@\"");
	if (!is_plain_local(local)) {
		if (!unquote(local, content, &len))
			return refuse(ret_why, "the part before the \"@\" holds a character that needs quotes");
		if (len == 0)
			return refuse(ret_why, "nothing stands before the \"@\"");
		local = span_make(content, len);
		if (!is_plain_local(local))
			local = span_make(quoted, requote(local, quoted));
	}
	if (!put_local(local, out, ret_len))
		return refuse(ret_why, "the part before the \"@\" is too long");
	return 0;
}

/* Letters, digits, hyphens inside, and the underscore that real domains have; labels of 1 to 63. */
static bool is_ascii_domain(struct span domain)
{
	if (domain.len == 0 || domain.len > DOMAIN_MAX)
		return false;
	while (span_is_known(domain)) {
		struct span label = span_take(&domain, '.');
		if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++) {
			if (!ascii_is_alnum(label.ptr[i]) && label.ptr[i] != '-' && label.ptr[i] != '_')
				return false;
		}
	}
	return true;
}

/* RFC 5321 section 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]" */
static bool is_literal(struct span domain)
{
	if (domain.len < 3 || domain.len > 64 || domain.ptr[0] != '[' || domain.ptr[domain.len - 1] != ']')
		return false;
	for (size_t i = 1; i < domain.len - 1; i++) {
		char c = domain.ptr[i];
		if (!ascii_is_alnum(c) && c != '.' && c != ':' && c != '-')
			return false;
	}
	return true;
}

static void put_lower(struct span text, char out[static ADDRESS_SIZE])
{
	for (size_t i = 0; i < text.len; i++)
		out[i] = ascii_lower(text.ptr[i]);
	out[text.len] = '\0';
}

/* U-labels, and A-labels that have to prove themselves, through IDNA 2008 and UTS 46. */
static bool convert_domain(struct span domain, char out[static ADDRESS_SIZE])
{
	char input[INPUT_MAX + 1];
	char *ascii = NULL;
	bool is_good = false;

	if (domain.len > INPUT_MAX)
		return false;
	memcpy(input, domain.ptr, domain.len);
	input[domain.len] = '\0';
	if (idn2_to_ascii_8z(input, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK) {
		struct span text = span_of(ascii);
		/* UTS 46 makes dots of the ideographic full stops, so that a final one shows only now */
		if (text.len && text.ptr[text.len - 1] == '.')
			text.len--;
		is_good = is_ascii_domain(text);
		if (is_good)
			put_lower(text, out);
	}
	idn2_free(ascii);
	return is_good;
}

int domain_fold(struct span text, char text_out[static ADDRESS_SIZE])
{
	text = span_trim(text);
	if (find_fault(text))
		return -EINVAL;
	if (text.ptr[text.len - 1] == '.')
		text.len--;
	if (is_literal(text)) {
		put_lower(text, text_out);
		return 0;
	}
	if (!is_ascii(text) || span_find_nocase(text, SPAN_LIT("xn--"), 0) != SIZE_MAX)
		return convert_domain(text, text_out) ? 0 : -EINVAL;
	if (!is_ascii_domain(text))
		return -EINVAL;
	put_lower(text, text_out);
	return 0;
}

static size_t find_last_at(struct span text)
{
	for (size_t i = text.len; i > 0; i--) {
		if (text.ptr[i - 1] == '@')
			return i - 1;
	}
	return SIZE_MAX;
}

static int fold_parts(struct span local, struct span domain, struct address *ret_address, const char **ret_why)
{
	struct address address = { .at = 0 };
	char folded[ADDRESS_SIZE];
	size_t len = 0;

	if (domain.len == 0)
		return refuse(ret_why, "nothing stands after the \"@\"");
	if (local.ptr && fold_local(local, address.text, &len, ret_why) < 0)
		return -EINVAL;
	if (domain_fold(domain, folded) < 0)
		return refuse(ret_why, "the part after the \"@\" is no domain name");
	struct span name = span_of(folded);
	if (len + 1 + name.len >= ADDRESS_SIZE)
		return refuse(ret_why, "it is too long");
	address.at = (uint16_t)len;
	address.text[len] = '@';
	memcpy(address.text + len + 1, name.ptr, name.len + 1);
	address.len = (uint16_t)(len + 1 + name.len);
	*ret_address = address;
	return 0;
}

/* What bytes of ordinary addresses become; 0: it is none of those.  A domain has no plus sign. */
#define TWO(c) [c] = c, [c - 32] = c
static const char ordinary[UCHAR_MAX + 1] = {
	['-'] = '-', ['_'] = '_', ['.'] = '.', ['+'] = '+', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
	['7'] = '7', ['8'] = '8', ['9'] = '9', TWO('a'), TWO('b'), TWO('c'), TWO('d'), TWO('e'), TWO('f'), TWO('g'), TWO('h'), TWO('i'), TWO('j'),
	TWO('k'), TWO('l'), TWO('m'), TWO('n'), TWO('o'), TWO('p'), TWO('q'), TWO('r'), TWO('s'), TWO('t'), TWO('u'), TWO('v'), TWO('w'), TWO('x'),
	TWO('y'), TWO('z'),
};
#undef TWO

/*
 * Copies a domain that nothing has to be done with but lower case; false for any other.  Hyphens stand inside of labels, and
 * alone: two might be an A-label's.
 */
static bool copy_ordinary_domain(struct span domain, char *out)
{
	size_t label = 0; /* where it began */
	bool is_border = true;

	for (size_t i = 0; i < domain.len; i++) {
		char c = ordinary[(unsigned char)domain.ptr[i]];
		out[i] = c;
		if (c != '.' && c != '-' && c != '+' && c) {
			is_border = false;
			continue;
		}
		if (is_border || !c || c == '+')
			return false;
		is_border = true;
		if (c == '-')
			continue;
		if (i - label > LABEL_MAX)
			return false;
		label = i + 1;
	}
	return !is_border && domain.len <= DOMAIN_MAX && domain.len - label <= LABEL_MAX;
}

/*
 * What nearly every address is: words, dots and plus signs, "@", a domain in ASCII.  Every question about a recipient comes
 * through here, so these do not go the long way.
 */
static bool fold_ordinary(struct span text, struct address *ret_address)
{
	char out[ADDRESS_SIZE], c;
	size_t at = 0;

	if (text.len >= ADDRESS_SIZE)
		return false;
	for (; at < text.len && (c = ordinary[(unsigned char)text.ptr[at]]); at++)
		out[at] = c;
	if (at == 0 || at > LOCAL_MAX || at == text.len || text.ptr[at] != '@')
		return false;
	out[at] = '@';
	if (!copy_ordinary_domain(span_skip(text, at + 1), out + at + 1))
		return false;
	memcpy(ret_address->text, out, text.len);
	ret_address->text[text.len] = '\0';
	ret_address->at = (uint16_t)at;
	ret_address->len = (uint16_t)text.len;
	return true;
}

int address_fold(struct span text, struct address *ret_address, const char **ret_why)
{
	bool is_bracketed = text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>';

	if (fold_ordinary(is_bracketed ? span_slice(text, 1, text.len - 1) : text, ret_address))
		return 0;
	text = span_trim(text);
	const char *fault = find_fault(text);
	if (fault)
		return refuse(ret_why, fault);
	text = strip_comments(text);
	if (text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
		text = strip_comments(span_slice(text, 1, text.len - 1));
	text = strip_route(text);
	size_t at = find_last_at(text);
	if (at == SIZE_MAX)
		return refuse(ret_why, "it has no \"@\"");
	struct span local = span_slice(text, 0, at), domain = span_skip(text, at + 1);
	/* "@example.com": an entry for a whole domain */
	return fold_parts(at == 0 ? SPAN_NONE : local, domain, ret_address, ret_why);
}

struct span address_get(const struct address *address)
{
	return span_make(address->text, address->len);
}

struct span address_get_local(const struct address *address)
{
	return span_make(address->text, address->at);
}

struct span address_get_domain(const struct address *address)
{
	return span_make(address->text + address->at + 1, (size_t)address->len - address->at - 1);
}

bool address_strip_extension(const struct address *address, const char *delimiters, struct address *ret_address)
{
	struct span local = address_get_local(address), domain = address_get_domain(address);
	size_t cut = local.len;

	if (!delimiters || !*delimiters || local.len < 2 || local.ptr[0] == '"')
		return false;
	/* one memchr for each delimiter: every look-up comes through here */
	for (; *delimiters; delimiters++) {
		const char *hit = memchr(local.ptr + 1, *delimiters, cut - 1);
		cut = hit ? (size_t)(hit - local.ptr) : cut;
	}
	if (cut == local.len)
		return false;
	memcpy(ret_address->text, local.ptr, cut);
	ret_address->text[cut] = '@';
	memcpy(ret_address->text + cut + 1, domain.ptr, domain.len);
	ret_address->text[cut + 1 + domain.len] = '\0';
	ret_address->at = (uint16_t)cut;
	ret_address->len = (uint16_t)(cut + 1 + domain.len);
	return true;
}

bool domain_to_unicode(struct span folded, char text_out[static ADDRESS_SIZE])
{
	char input[ADDRESS_SIZE], *text = NULL;

	if (folded.len >= sizeof(input) || span_find(folded, SPAN_LIT("xn--"), 0) == SIZE_MAX)
		return false;
	memcpy(input, folded.ptr, folded.len);
	input[folded.len] = '\0';
	bool is_unicode = idn2_to_unicode_8z8z(input, &text, 0) == IDN2_OK && strlen(text) < ADDRESS_SIZE && strcmp(text, input) != 0;
	if (is_unicode)
		memcpy(text_out, text, strlen(text) + 1);
	idn2_free(text);
	return is_unicode;
}
