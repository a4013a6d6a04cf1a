/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses in running text.  Pure; any thread; hostile input. */
#include "evidence/mailbox.h"

/* RFC 5321 section 4.5.3.1, with room for what servers accept beyond it */
enum { LOCAL_MAX = 320, DOMAIN_MAX = 255 };

/* RFC 5322 atext and dot, and UTF-8 (RFC 6531) */
static bool is_local_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c)) || (unsigned char)c >= 0x80;
}

static bool is_domain_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || (unsigned char)c >= 0x80;
}

/*
 * The signs that Japanese, Chinese and Korean set right before and behind an address, without a blank: U+3000 to U+303F and
 * the full-width signs of U+FF00 to U+FF20.  The length in bytes; 0 for anything else.
 */
static size_t measure_mark(struct span text, size_t at)
{
	const unsigned char *c = (const unsigned char *)text.ptr + at;

	if (at >= text.len || text.len - at < 3)
		return 0;
	if (c[0] == 0xe3 && c[1] == 0x80)
		return 3;
	return c[0] == 0xef && c[1] == 0xbc && (c[2] <= 0x8f || (c[2] >= 0x9a && c[2] <= 0xa0)) ? 3 : 0;
}

/* "example.jp" of "example.jp\u306f...": no top-level domain goes on in another script. */
static size_t trim_prose(struct span domain, size_t len)
{
	size_t label = len, at;

	while (label > 0 && domain.ptr[label - 1] != '.')
		label--;
	at = label;
	while (at < len && !((unsigned char)domain.ptr[at] & 0x80))
		at++;
	return at > label ? at : len;
}

static size_t take_quoted(struct span text)
{
	size_t at = 1;

	while (at < text.len && at < LOCAL_MAX && text.ptr[at] != '"' && (unsigned char)text.ptr[at] >= ' ')
		at += text.ptr[at] == '\\' ? 2 : 1;
	return at < text.len && text.ptr[at] == '"' ? at + 1 : 0;
}

static size_t take_local(struct span text)
{
	size_t len = 0;

	/* in the midst of a character: no address begins here */
	if (text.len && ((unsigned char)text.ptr[0] & 0xc0) == 0x80)
		return 0;
	if (text.len && text.ptr[0] == '"')
		return take_quoted(text);
	while (len < text.len && len < LOCAL_MAX && is_local_char(text.ptr[len]) && !measure_mark(text, len))
		len++;
	return len;
}

static size_t take_domain(struct span text)
{
	size_t len = 0;

	if (text.len && text.ptr[0] == '[') {
		size_t end = span_find_char(span_slice(text, 0, 64), ']', 0);
		return end == SIZE_MAX ? 0 : end + 1;
	}
	while (len < text.len && len < DOMAIN_MAX && is_domain_char(text.ptr[len]) && !measure_mark(text, len))
		len++;
	len = trim_prose(text, len);
	while (len && (text.ptr[len - 1] == '.' || text.ptr[len - 1] == '-' || text.ptr[len - 1] == '_'))
		len--;
	return len;
}

/* local "@" domain, nothing around it */
static size_t take_address(struct span text)
{
	size_t local = take_local(text);

	if (!local || local >= text.len || text.ptr[local] != '@')
		return 0;
	size_t domain = take_domain(span_skip(text, local + 1));
	return domain ? local + 1 + domain : 0;
}

/* "rfc822;", "mailto:", "SMTP:" before an address; 0 if there is none. */
static size_t take_scheme(struct span text)
{
	static const char *const schemes[] = { "rfc822;", "utf-8;", "mailto:", "smtp:", "smtp=", "internet:" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (span_has_prefix_nocase(text, span_of(schemes[i])))
			return strlen(schemes[i]);
	}
	return 0;
}

/* The sign that ends an address which begins with this one; 0 for none. */
static char get_closing(char opening)
{
	static const char pairs[] = "<>()[]''\"\"";

	for (size_t i = 0; pairs[i]; i += 2) {
		if (pairs[i] == opening)
			return pairs[i + 1];
	}
	return '\0';
}

/* "<@relay:user@domain>": the obsolete route is passed over. */
static size_t skip_route(struct span text)
{
	size_t colon;

	if (text.len == 0 || text.ptr[0] != '@')
		return 0;
	colon = span_find_char(span_slice(text, 0, DOMAIN_MAX), ':', 0);
	return colon == SIZE_MAX ? 0 : colon + 1;
}

size_t mailbox_take(struct span text, struct span *ret_address)
{
	char closing = text.len ? get_closing(text.ptr[0]) : '\0';
	size_t len = take_address(text);
	size_t at = 0;

	if (!len && closing)
		at++;
	at += take_scheme(span_skip(text, at));
	if (at && at < text.len && text.ptr[at] == ' ')
		at++;
	at += skip_route(span_skip(text, at));
	if (!len || at)
		len = take_address(span_skip(text, at));
	/* '"user@example.com"' and "'user@example.com'": the signs are not of the local part */
	if (len > 1 && text.ptr[at] == '\'' && at == 0) {
		closing = '\'';
		at++;
		len--;
	}
	if (!len)
		return 0;
	*ret_address = span_slice(text, at, at + len);
	size_t end = at + len;
	if (at && closing && end < text.len && text.ptr[end] == closing)
		end++;
	return end;
}

size_t mailbox_take_local(struct span text, struct span *ret_local)
{
	size_t at = text.len && text.ptr[0] == '<' ? 1 : 0;
	size_t len = take_local(span_skip(text, at));

	if (!len)
		return 0;
	*ret_local = span_slice(text, at, at + len);
	at += len;
	return at < text.len && text.ptr[at] == '>' ? at + 1 : at;
}

/* Goes from one "@" to the next and back to where its local part begins: linear, since runs do not overlap. */
struct span mailbox_find(struct span text, size_t *at)
{
	size_t from = *at;

	for (;;) {
		size_t sign = span_find_char(text, '@', from), start, len = 0;
		struct span address;

		if (sign == SIZE_MAX)
			return SPAN_NONE;
		start = sign;
		while (start > from && sign - start < LOCAL_MAX && is_local_char(text.ptr[start - 1]))
			start--;
		for (size_t i = start; i < sign; i++)
			if (measure_mark(text, i))
				start = i + 3;
		if (start == sign && sign > from + 1 && text.ptr[sign - 1] == '"') {
			for (start = sign - 1; start > from && sign - start < LOCAL_MAX && text.ptr[start - 1] != '"';)
				start--;
			start = start > from ? start - 1 : sign;
		}
		if (start < sign)
			len = mailbox_take(span_skip(text, start), &address);
		if (len) {
			*at = start + len;
			return address;
		}
		from = sign + 1;
	}
}

struct span mailbox_get_local(struct span address)
{
	for (size_t at = address.len; at > 0; at--) {
		if (address.ptr[at - 1] == '@')
			return span_slice(address, 0, at - 1);
	}
	return SPAN_NONE;
}

struct span mailbox_get_domain(struct span address)
{
	for (size_t at = address.len; at > 0; at--) {
		if (address.ptr[at - 1] == '@')
			return span_skip(address, at);
	}
	return SPAN_NONE;
}

bool mailbox_is_system(struct span address)
{
	static const char *const names[] = {
		"mailer-daemon", "postmaster", "post_master",          "mail-daemon",   "maildaemon", "mail.delivery.system",
		"mailerdaemon",  "mdaemon",    "mail-delivery-system", "double-bounce",
	};
	struct span local = mailbox_get_local(address);

	if (!span_is_known(local))
		local = address;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_is_equal_nocase(local, span_of(names[i])))
			return true;
	}
	return false;
}
