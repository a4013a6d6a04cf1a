/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of options written out: what is in force, the sample file, the manual. */
#include "conf/options.h"

enum { COLUMNS = 100 };

/* "    name = value" with the section's frame around it; rows of a section follow one another. */
static void write_options(struct buffer *out, const char *frame, void (*write)(const struct option *option, const void *data, struct buffer *out),
			  const void *data)
{
	const char *section = "";

	for (size_t i = 0; i < option_count; i++) {
		if (option_is_limit(&options[i]))
			continue;
		if (strcmp(options[i].section, section) != 0) {
			if (section[0])
				buffer_add(out, SPAN_LIT("}\n"));
			section = options[i].section;
			buffer_printf(out, "%s%s {\n", frame, section);
		}
		write(&options[i], data, out);
	}
	buffer_add(out, SPAN_LIT("}\n"));
}

/* "...?password=secret&sslpassword=secret": every value of a parameter whose name ends so. */
static void hide_parameters(struct buffer *text)
{
	static const struct span name = { "password=", sizeof("password=") - 1 };
	struct span all = buffer_get(text);

	for (size_t at = span_find(all, name, 0); at != SIZE_MAX; at = span_find(all, name, at)) {
		at += name.len;
		while (at < all.len && all.ptr[at] != '&' && all.ptr[at] != '"')
			text->bytes[at++] = '*';
	}
}

/* "postgresql://user:secret@host/name" without the secret: from the colon behind the user to the last "@". */
static void hide_password(struct buffer *text)
{
	struct span all = buffer_get(text);
	size_t start = span_find(all, SPAN_LIT("://"), 0), colon, at = SIZE_MAX;

	if (start == SIZE_MAX)
		return;
	hide_parameters(text);
	colon = span_find_char(all, ':', start + 3);
	for (size_t i = start; i < all.len; i++)
		if (all.ptr[i] == '@')
			at = i;
	if (at != SIZE_MAX && colon < at)
		memset(text->bytes + colon + 1, '*', at - colon - 1);
}

static void show_option(const struct option *option, const void *data, struct buffer *out)
{
	struct buffer value;

	buffer_init(&value, 1 << 20);
	option_write(option, data, &value);
	hide_password(&value);
	buffer_printf(out, "%s%s = %s\n", option->section[0] ? "\t" : "", option->name, buffer_get_text(&value));
	buffer_done(&value);
}

static void show_limit(const struct limit *limit, struct buffer *out)
{
	buffer_printf(out, "suppress %s {\n", limit->name);
	for (size_t i = 0; i < option_count; i++)
		if (option_is_limit(&options[i]))
			show_option(&options[i], limit, out);
	buffer_add(out, SPAN_LIT("}\n"));
}

void conf_show(const struct config *config, struct buffer *out)
{
	write_options(out, "", show_option, config);
	for (size_t i = 0; i < config->limits.count; i++)
		show_limit(&config->limits.items[i], out);
}

/* The help as comment lines of at most COLUMNS. */
static void write_comment(const char *indent, struct span text, struct buffer *out)
{
	size_t room = COLUMNS - 2 - strlen(indent) * 8;

	while (text.len > 0) {
		size_t len = text.len;
		if (len > room) {
			for (len = room; len > 0 && text.ptr[len] != ' ';)
				len--;
			if (len == 0)
				len = room;
		}
		buffer_printf(out, "%s# %.*s\n", indent, SPAN_ARG(span_trim_right(span_slice(text, 0, len))));
		text = span_trim_left(span_skip(text, len));
	}
}

/* A text default stands in quotes; words and lists as they are. */
static void write_initial(const struct option *option, struct buffer *out)
{
	bool is_text = option->kind >= OPTION_ACCOUNT && option->kind <= OPTION_UNIX;

	buffer_printf(out, is_text ? "\"%s\"" : "%s", option->initial);
}

/* With what may be said, where the words do not say it. */
static void write_help(const struct option *option, struct buffer *out)
{
	struct buffer allowed;

	buffer_init(&allowed, 1 << 12);
	option_write_allowed(option, &allowed);
	buffer_printf(out, "%s%s%s", option->help, allowed.len ? "  " : "", buffer_get_text(&allowed));
	buffer_done(&allowed);
}

static void sample_option(const struct option *option, const void *data, struct buffer *out)
{
	const char *indent = option->section[0] ? "\t" : "";
	struct buffer help;

	(void)data;
	buffer_init(&help, 1 << 14);
	write_help(option, &help);
	write_comment(indent, buffer_get(&help), out);
	buffer_done(&help);
	buffer_printf(out, "%s#%s = ", indent, option->name);
	write_initial(option, out);
	buffer_add(out, SPAN_LIT("\n\n"));
}

void conf_write_sample(struct buffer *out)
{
	size_t count;
	const struct limit *defaults = limits_get_defaults(PRESET_CAREFUL, &count);

	buffer_add(out, SPAN_LIT("# SPDX-License-Identifier: BSD-2-Clause\n"
				 "# kodama.conf: the configuration of kodamad(8); kodama.conf(5) explains it.\n"
				 "# Every option stands here with its default, commented out.  A line that nobody knows, or a value out of\n"
				 "# bounds, stops the start.  After a change: kodama config check, kodama reload.\n"
				 "# In \"...\" a backslash quotes and ${NAME} is the environment's; '...' is taken as it is.\n\n"));
	write_options(out, "", sample_option, NULL);
	buffer_add(out, SPAN_LIT("\n# What suppresses an address, and for how long.  A section applies to the failures of its classes, effects and\n"
				 "# scopes; the most specific one wins.  These are the sections of the preset careful; one of the same name here\n"
				 "# takes its place.\n"));
	for (size_t i = 0; i < count; i++) {
		struct buffer section;
		buffer_init(&section, 4096);
		show_limit(&defaults[i], &section);
		struct span rest = buffer_get(&section);
		while (rest.len > 0) {
			struct span line = span_take_line(&rest);
			buffer_printf(out, "#%.*s\n", SPAN_ARG(line));
		}
		buffer_done(&section);
	}
}

/* Hyphens, backslashes and quotes as roff wants them; a dot at the start of a line is never written (help begins with a word). */
static void write_roff(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '-')
			buffer_add(out, SPAN_LIT("\\-"));
		else if (text.ptr[i] == '\\')
			buffer_add(out, SPAN_LIT("\\e"));
		else if (text.ptr[i] == '"')
			buffer_add(out, SPAN_LIT("\\(dq"));
		else
			buffer_add_char(out, text.ptr[i]);
	}
}

static void manual_option(const struct option *option, struct buffer *out)
{
	struct buffer help;

	buffer_add(out, SPAN_LIT(".TP\n.B "));
	if (option->section[0]) {
		write_roff(span_of(option->section), out);
		buffer_add(out, span_of(option_is_limit(option) ? " NAME " : " "));
	}
	write_roff(span_of(option->name), out);
	buffer_add(out, SPAN_LIT(" = "));
	write_roff(span_of(option->initial[0] ? option->initial : "\"\""), out);
	buffer_add_char(out, '\n');
	buffer_init(&help, 1 << 14);
	write_help(option, &help);
	write_roff(buffer_get(&help), out);
	buffer_done(&help);
	if (!option->is_reloadable)
		buffer_add(out, SPAN_LIT(" A change needs a restart."));
	buffer_add_char(out, '\n');
}

void conf_write_manual(struct buffer *out)
{
	for (size_t i = 0; i < option_count; i++)
		manual_option(&options[i], out);
}

static bool is_same(const struct option *option, const struct config *old, const struct config *new)
{
	struct buffer a, b;
	bool same;

	buffer_init(&a, 1 << 16);
	buffer_init(&b, 1 << 16);
	option_write(option, old, &a);
	option_write(option, new, &b);
	same = span_is_equal(buffer_get(&a), buffer_get(&b));
	buffer_done(&a);
	buffer_done(&b);
	return same;
}

void conf_find_restart(const struct config *old, const struct config *new, struct buffer *out)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		if (option->is_reloadable || option_is_limit(option) || is_same(option, old, new))
			continue;
		buffer_printf(out, "%s%s%s%s", out->len ? ", " : "", option->section, option->section[0] ? " " : "", option->name);
	}
}
