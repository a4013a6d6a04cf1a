/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of options: from the words in the file and back.  The text is the operator's. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/address.h"
#include "base/timestamp.h"
#include "conf/options.h"

/* A reply line has 512 bytes; recipient, date and mark want some of them. */
enum { REFUSAL_TEXT_MAX = 400 };

struct parse {
	const struct option *option;
	struct span text;
	struct arena *arena;
	char *why;
	size_t why_size;
};

static int __attribute__((format(printf, 2, 3))) refuse(const struct parse *parse, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parse->why, parse->why_size, format, args);
	va_end(args);
	return -EINVAL;
}

static int keep_text(const struct parse *parse, struct span text, union option_value *ret_value)
{
	struct span copy = arena_copy(parse->arena, text);

	if (!copy.ptr)
		return -ENOMEM;
	ret_value->text = copy.ptr;
	return 0;
}

static const char *bool_word(const struct option *option, unsigned value)
{
	static const char *const words[] = { "no", "yes" };

	return option->get_name ? option->get_name(value) : words[value];
}

static int parse_bool(const struct parse *parse, union option_value *ret_value)
{
	static const struct { const char *word; bool flag; } others[] = { { "true", true }, { "on", true }, { "false", false }, { "off", false } };

	for (unsigned i = 0; i < 2; i++)
		if (span_is_equal_nocase(parse->text, span_of(bool_word(parse->option, i))))
			return ret_value->flag = i, 0;
	for (size_t i = 0; !parse->option->get_name && i < sizeof(others) / sizeof(others[0]); i++)
		if (span_is_equal_nocase(parse->text, span_of(others[i].word)))
			return ret_value->flag = others[i].flag, 0;
	return refuse(parse, "must be %s or %s", bool_word(parse->option, 1), bool_word(parse->option, 0));
}

static void write_duration(int64_t seconds, struct buffer *out)
{
	static const struct { int64_t seconds; char unit; } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	if (seconds == TIME_FOREVER) {
		buffer_add(out, SPAN_LIT("forever"));
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= units[i].seconds && seconds % units[i].seconds == 0) {
			buffer_printf(out, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
			return;
		}
	buffer_printf(out, "%" PRId64 "s", seconds);
}

static void write_size(int64_t size, struct buffer *out)
{
	static const char units[] = "KMGT";
	size_t i = 0;

	while (i < 4 && size >= 1024 && size % 1024 == 0) {
		size /= 1024;
		i++;
	}
	buffer_printf(out, "%" PRId64, size);
	if (i > 0)
		buffer_add_char(out, units[i - 1]);
}

static void write_number(const struct option *option, int64_t number, struct buffer *out)
{
	if (option->kind == OPTION_DURATION)
		write_duration(number, out);
	else if (option->kind == OPTION_SIZE)
		write_size(number, out);
	else
		buffer_printf(out, "%" PRId64, number);
}

static int check_bounds(const struct parse *parse, int64_t number)
{
	const struct option *option = parse->option;
	struct buffer bounds;

	if (number >= option->min && number <= option->max)
		return 0;
	buffer_init(&bounds, 200);
	buffer_add(&bounds, span_of(option->max == TIME_FOREVER ? "at least " : "between "));
	write_number(option, option->min, &bounds);
	if (option->max != TIME_FOREVER) {
		buffer_add(&bounds, SPAN_LIT(" and "));
		write_number(option, option->max, &bounds);
	}
	int error = refuse(parse, "must be %.200s", buffer_get_text(&bounds));
	buffer_done(&bounds);
	return error;
}

static int parse_number(const struct parse *parse, union option_value *ret_value)
{
	uint64_t number;

	if (span_parse_unsigned(parse->text, INT64_MAX, &number) < 0)
		return refuse(parse, "must be a number");
	ret_value->number = (int64_t)number;
	return check_bounds(parse, ret_value->number);
}

static int parse_size(const struct parse *parse, union option_value *ret_value)
{
	static const char units[] = "KMGT";
	struct span digits = parse->text;
	unsigned shift = 0;
	uint64_t number;

	if (digits.len > 0) {
		char unit = (char)(digits.ptr[digits.len - 1] & ~0x20);
		const char *found = unit ? strchr(units, unit) : NULL;
		if (found) {
			shift = (unsigned)(found - units + 1) * 10;
			digits.len--;
		}
	}
	if (span_parse_unsigned(digits, (uint64_t)INT64_MAX >> shift, &number) < 0)
		return refuse(parse, "must be a size in bytes, as 64M");
	ret_value->number = (int64_t)(number << shift);
	return check_bounds(parse, ret_value->number);
}

static int parse_duration(const struct parse *parse, union option_value *ret_value)
{
	if (duration_parse(parse->text, &ret_value->number) < 0)
		return refuse(parse, "must be a duration, as 90s, 12h, 30d%s", parse->option->max == TIME_FOREVER ? " or forever" : "");
	return check_bounds(parse, ret_value->number);
}

/* "a, b, c": what can be chosen. */
static void write_names(const struct option *option, struct buffer *out)
{
	const char *separator = "";

	for (unsigned i = 0; option->get_name(i); i++) {
		if (!option->get_name(i)[0])
			continue;
		buffer_printf(out, "%s%s", separator, option->get_name(i));
		separator = ", ";
	}
}

static int refuse_name(const struct parse *parse, const char *how)
{
	struct buffer names;

	buffer_init(&names, 2000);
	write_names(parse->option, &names);
	int error = refuse(parse, "must %s %.280s", how, buffer_get_text(&names));
	buffer_done(&names);
	return error;
}

static int parse_name(const struct parse *parse, union option_value *ret_value)
{
	for (unsigned i = 0; parse->text.len && parse->option->get_name(i); i++) {
		if (!span_is_equal_nocase(parse->text, span_of(parse->option->get_name(i))))
			continue;
		if (parse->option->kind == OPTION_CHOICE)
			ret_value->choice = (int)i;
		else
			ret_value->bit = UINT64_C(1) << i;
		return 0;
	}
	return refuse_name(parse, "be one of");
}

static int parse_path(const struct parse *parse, union option_value *ret_value)
{
	const struct option *option = parse->option;
	bool is_taken = span_has_prefix(parse->text, SPAN_LIT("/")) || (!parse->text.len && !option->initial[0]);

	for (unsigned i = 0; option->get_name && option->get_name(i); i++)
		is_taken = is_taken || span_is_equal(parse->text, span_of(option->get_name(i)));
	if (!is_taken)
		return option->get_name ? refuse_name(parse, "be an absolute path, or") : refuse(parse, "must be an absolute path");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_uri(const struct parse *parse, union option_value *ret_value)
{
	for (unsigned i = 0; parse->option->get_name(i); i++)
		if (span_has_prefix(parse->text, span_of(parse->option->get_name(i))))
			return keep_text(parse, parse->text, ret_value);
	return refuse_name(parse, "begin with one of");
}

static int parse_account(const struct parse *parse, union option_value *ret_value)
{
	if (parse->text.len < (size_t)parse->option->min)
		return refuse(parse, "must name a %s", strcmp(parse->option->name, "user") == 0 ? "user" : "group");
	for (size_t i = 0; i < parse->text.len; i++)
		if (!ascii_is_alnum(parse->text.ptr[i]) && !memchr("._-$", parse->text.ptr[i], 4))
			return refuse(parse, "is no name of a user or a group");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_refusal(const struct parse *parse, union option_value *ret_value)
{
	struct span text = parse->text;

	if (text.len > REFUSAL_TEXT_MAX)
		return refuse(parse, "must have at most %d letters", REFUSAL_TEXT_MAX);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return refuse(parse, "must be ASCII, as all that is said in SMTP");
		if (text.ptr[i] != '%')
			continue;
		i++;
		if (i == text.len || !memchr("rdc%", text.ptr[i], 4))
			return refuse(parse, "may hold %%r (the recipient), %%d (the date), %%c (the class) and %%%%, and no other %%");
	}
	return keep_text(parse, text, ret_value);
}

static int parse_delimiters(const struct parse *parse, union option_value *ret_value)
{
	for (size_t i = 0; i < parse->text.len; i++) {
		char c = parse->text.ptr[i];
		if (c <= ' ' || c > '~' || ascii_is_alnum(c) || c == '@' || c == '"')
			return refuse(parse, "must be marks as + or -, none of them a letter, a digit, a blank, @ or a quote");
	}
	return keep_text(parse, parse->text, ret_value);
}

static int parse_socket(const struct parse *parse, union option_value *ret_value)
{
	if (parse->text.len > 0 && socket_check_address(parse->text) < 0)
		return refuse(parse, "must be \"unix:/path\" (at most 107 bytes) or \"inet:port@host\"");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_unix(const struct parse *parse, union option_value *ret_value)
{
	if (!span_has_prefix(parse->text, SPAN_LIT("unix:")) || socket_check_address(parse->text) < 0)
		return refuse(parse, "must be a unix socket, \"unix:/path\" (at most 107 bytes)");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_host(const struct parse *parse, union option_value *ret_value)
{
	for (size_t i = 0; i < parse->text.len; i++)
		if (!ascii_is_alnum(parse->text.ptr[i]) && !memchr(".-_", parse->text.ptr[i], 3))
			return refuse(parse, "is no host name");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_domain(const struct parse *parse, union option_value *ret_value)
{
	char folded[ADDRESS_SIZE];

	if (domain_fold(parse->text, folded) < 0)
		return refuse(parse, "is no domain");
	return keep_text(parse, span_of(folded), ret_value);
}

static int parse_address(const struct parse *parse, union option_value *ret_value)
{
	const char *why = "is no address";
	struct address address;

	if (address_fold(parse->text, &address, &why) < 0)
		return refuse(parse, "is no address: %s", why);
	return keep_text(parse, address_get(&address), ret_value);
}

/* A name that is looked for as it is. */
static int parse_text(const struct parse *parse, union option_value *ret_value)
{
	bool is_printable = parse->text.len > 0;

	for (size_t i = 0; i < parse->text.len; i++)
		is_printable = is_printable && (unsigned char)parse->text.ptr[i] >= ' ' && parse->text.ptr[i] != 0x7f;
	if (!is_printable)
		return refuse(parse, "is no name: it is empty, or holds what cannot be printed");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_relay(const struct parse *parse, union option_value *ret_value)
{
	struct network network;
	char folded[ADDRESS_SIZE];

	if (network_parse(parse->text, &network) < 0 && (span_find_char(parse->text, '/', 0) != SIZE_MAX || domain_fold(parse->text, folded) < 0))
		return refuse(parse, "is neither a network, as 192.0.2.0/24, nor the name of a host");
	return keep_text(parse, parse->text, ret_value);
}

static int parse_network(const struct parse *parse, union option_value *ret_value)
{
	if (network_parse(parse->text, &ret_value->network) < 0)
		return refuse(parse, "is no network, as 192.0.2.0/24 or 2001:db8::/32");
	return 0;
}

int option_parse(const struct option *option, const char *text, struct arena *arena, union option_value *ret_value, char *why, size_t why_size)
{
	static int (*const parsers[])(const struct parse *, union option_value *) = {
		[OPTION_BOOL] = parse_bool,	      [OPTION_NUMBER] = parse_number,	  [OPTION_COUNT] = parse_number,
		[OPTION_SIZE] = parse_size,	      [OPTION_DURATION] = parse_duration, [OPTION_ACCOUNT] = parse_account,
		[OPTION_URI] = parse_uri,	      [OPTION_REFUSAL] = parse_refusal,	  [OPTION_DELIMITERS] = parse_delimiters,
		[OPTION_PATH] = parse_path,	      [OPTION_SOCKET] = parse_socket,	  [OPTION_UNIX] = parse_unix,
		[OPTION_CHOICE] = parse_name,	      [OPTION_SET] = parse_name,	  [OPTION_SET_SMALL] = parse_name,
		[OPTION_DOMAINS] = parse_domain,      [OPTION_ADDRESSES] = parse_address, [OPTION_TEXTS] = parse_text,
		[OPTION_RELAYS] = parse_relay,	      [OPTION_NETWORKS] = parse_network,  [OPTION_HOST] = parse_host,
	};
	struct parse parse = { option, span_of(text), arena, why, why_size };

	return parsers[option->kind](&parse, ret_value);
}

/* In double quotes, as libconfuse reads it back. */
static void write_quoted(const char *text, struct buffer *out)
{
	buffer_add_char(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || *text == '$')
			buffer_add_char(out, '\\');
		buffer_add_char(out, *text);
	}
	buffer_add_char(out, '"');
}

static void write_set(const struct option *option, uint64_t bits, struct buffer *out)
{
	const char *separator = "";

	buffer_add_char(out, '{');
	for (unsigned i = 0; option->get_name(i); i++)
		if (bits >> i & 1) {
			buffer_printf(out, "%s%s", separator, option->get_name(i));
			separator = ", ";
		}
	buffer_add_char(out, '}');
}

static void write_list(const char *const *items, struct buffer *out)
{
	buffer_add_char(out, '{');
	for (size_t i = 0; items && items[i]; i++) {
		buffer_add(out, span_of(i ? ", " : ""));
		write_quoted(items[i], out);
	}
	buffer_add_char(out, '}');
}

static void write_networks(const struct networks *networks, struct buffer *out)
{
	char text[NETWORK_SIZE];

	buffer_add_char(out, '{');
	for (size_t i = 0; i < networks->count; i++)
		buffer_printf(out, "%s\"%s\"", i ? ", " : "", network_format(&networks->items[i], text));
	buffer_add_char(out, '}');
}

void option_write(const struct option *option, const void *base, struct buffer *out)
{
	const char *at = (const char *)base + option->offset;
	uint64_t bits = 0;
	int64_t number = 0;

	switch (option->kind) {
	case OPTION_BOOL:
		buffer_add(out, span_of(bool_word(option, *(const bool *)at)));
		break;
	case OPTION_NUMBER:
	case OPTION_COUNT:
		number = option->kind == OPTION_COUNT ? *(const unsigned *)at : *(const int64_t *)at;
		buffer_printf(out, "%" PRId64, number);
		break;
	case OPTION_SIZE:
		write_size(*(const int64_t *)at, out);
		break;
	case OPTION_DURATION:
		number = *(const int64_t *)at;
		write_duration(strcmp(option->unit, "ms") == 0 ? number / 1000 : number, out);
		break;
	case OPTION_ACCOUNT:
	case OPTION_URI:
	case OPTION_REFUSAL:
	case OPTION_DELIMITERS:
	case OPTION_PATH:
	case OPTION_HOST:
	case OPTION_SOCKET:
	case OPTION_UNIX:
		write_quoted(*(const char *const *)at, out);
		break;
	case OPTION_CHOICE:
		buffer_add(out, span_of(option->get_name(*(const unsigned *)at)));
		break;
	case OPTION_SET:
	case OPTION_SET_SMALL:
		bits = option->kind == OPTION_SET ? *(const uint64_t *)at : *(const unsigned *)at;
		write_set(option, bits, out);
		break;
	case OPTION_DOMAINS:
	case OPTION_ADDRESSES:
	case OPTION_TEXTS:
	case OPTION_RELAYS:
		write_list(*(const char *const *const *)at, out);
		break;
	case OPTION_NETWORKS:
		write_networks((const struct networks *)at, out);
		break;
	}
}

void option_write_allowed(const struct option *option, struct buffer *out)
{
	switch (option->kind) {
	case OPTION_BOOL:
		if (option->get_name)
			buffer_printf(out, "One of %s, %s.", bool_word(option, 0), bool_word(option, 1));
		break;
	case OPTION_CHOICE:
	case OPTION_SET:
	case OPTION_SET_SMALL:
		buffer_add(out, span_of(option->kind == OPTION_CHOICE ? "One of " : "A list of "));
		write_names(option, out);
		buffer_add_char(out, '.');
		break;
	case OPTION_NUMBER:
	case OPTION_COUNT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		buffer_add(out, SPAN_LIT("From "));
		write_number(option, option->min, out);
		buffer_add(out, SPAN_LIT(" to "));
		write_number(option, option->max, out);
		buffer_add_char(out, '.');
		break;
	default:
		break;
	}
}
