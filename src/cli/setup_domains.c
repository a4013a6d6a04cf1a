/* SPDX-License-Identifier: BSD-2-Clause */
/* Postfix's own domains, from main.cf and from the tables that can be listed.  One thread. */
#include "cli/setup_domains.h"

#include <errno.h>

#include "cli/program.h"
#include "cli/setup_list.h"

enum { VALUES_MAX = 1024 * 1024, TABLE_MAX = 16 * 1024 * 1024 };

static const char *const parameters[] = { "mydestination", "relay_domains", "virtual_mailbox_domains", "virtual_alias_domains" };

/* Tables whose keys postmap -s lists. */
static const char *const listed_types[] = { "hash:", "btree:", "lmdb:", "cdb:", "sdbm:", "dbm:", "texthash:", "inline:" };

/* A name that can be a domain: with a dot, of letters, digits, dots and hyphens. */
static bool is_domain(struct span name)
{
	bool has_dot = false;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (c == '.' && i > 0)
			has_dot = true;
		else if (!ascii_is_alnum(c) && c != '-' && c != '_')
			return false;
	}
	return has_dot && name.len <= 255;
}

static bool has(const struct domains *domains, struct span name)
{
	for (size_t i = 0; i < domains->count; i++)
		if (span_is_equal_nocase(domains->items[i], name))
			return true;
	return false;
}

static void put(struct domains *domains, struct span name, struct arena *arena)
{
	if (!is_domain(name) || has(domains, name))
		return;
	struct span copy = domains->count < DOMAINS_MAX ? arena_copy(arena, name) : SPAN_NONE;
	if (span_is_known(copy))
		domains->items[domains->count++] = copy;
	else
		domains->is_cut = true;
}

static bool can_be_listed(struct span table)
{
	for (size_t i = 0; i < sizeof(listed_types) / sizeof(listed_types[0]); i++)
		if (span_has_prefix(table, span_of(listed_types[i])))
			return true;
	return false;
}

/* The keys of a table are domains, and, in virtual_alias_maps, addresses, which are passed over. */
static void put_table(struct domains *domains, const char *postfix, struct span table, struct arena *arena)
{
	struct buffer keys;
	const char *name = arena_copy(arena, table).ptr;
	const char *argv[] = { "postmap", "-c", postfix, "-s", name, NULL };
	const char *default_argv[] = { "postmap", "-s", name, NULL };

	buffer_init(&keys, TABLE_MAX);
	if (!name || !can_be_listed(table) || program_run(postfix ? argv : default_argv, SPAN_NONE, &keys) != 0)
		buffer_printf(&domains->unread, "%s%.*s", domains->unread.len ? ", " : "", SPAN_ARG(table));
	struct span rest = buffer_get(&keys);
	while (span_is_known(rest)) {
		struct span line = span_take(&rest, '\n');
		put(domains, span_take(&line, '\t'), arena);
	}
	buffer_done(&keys);
}

static void put_value(struct domains *domains, const char *postfix, struct span value, struct arena *arena)
{
	struct span item;

	while (span_is_known(item = list_take(&value))) {
		if (item.ptr[0] == '/' || item.ptr[0] == '!')
			buffer_printf(&domains->unread, "%s%.*s", domains->unread.len ? ", " : "", SPAN_ARG(item));
		else if (span_find_char(item, ':', 0) != SIZE_MAX)
			put_table(domains, postfix, item, arena);
		else
			put(domains, item, arena);
	}
}

int domains_find(const char *postfix, struct arena *arena, struct domains *ret_domains)
{
	enum { COUNT = sizeof(parameters) / sizeof(parameters[0]) };
	const char *argv[COUNT + 5] = { "postconf", "-xh" };
	size_t at = 2;
	struct buffer values;
	struct domains domains = { .items = arena_alloc(arena, DOMAINS_MAX * sizeof(struct span)) };

	if (!domains.items)
		return -ENOMEM;
	if (postfix) {
		argv[at++] = "-c";
		argv[at++] = postfix;
	}
	for (size_t i = 0; i < COUNT; i++)
		argv[at++] = parameters[i];
	buffer_init(&values, VALUES_MAX);
	buffer_init(&domains.unread, 4096);
	int status = program_run(argv, SPAN_NONE, &values);
	if (status != 0) {
		buffer_done(&values);
		buffer_done(&domains.unread);
		return status < 0 ? status : -EIO;
	}
	struct span rest = buffer_get(&values);
	while (span_is_known(rest))
		put_value(&domains, postfix, span_take(&rest, '\n'), arena);
	buffer_done(&values);
	*ret_domains = domains;
	return 0;
}

void domains_done(struct domains *domains)
{
	buffer_done(&domains->unread);
}

void domains_write(const struct domains *domains, struct buffer *out)
{
	buffer_printf(out, "local-domains = {");
	for (size_t i = 0; i < domains->count; i++)
		buffer_printf(out, "%s\"%.*s\"", i ? ", " : "", SPAN_ARG(domains->items[i]));
	buffer_printf(out, "}");
}

static bool is_option(struct span line, bool is_commented)
{
	line = span_trim_left(line);
	if (is_commented != (line.len && line.ptr[0] == '#'))
		return false;
	return span_has_prefix(span_trim_left(span_skip(line, is_commented)), SPAN_LIT("local-domains"));
}

int domains_put(const struct domains *domains, struct span file, struct buffer *out)
{
	struct span rest = file;
	bool is_put = false;

	while (span_is_known(rest))
		if (is_option(span_take(&rest, '\n'), false))
			return -EEXIST;
	for (rest = file; span_is_known(rest) && rest.len;) {
		struct span line = span_take(&rest, '\n');
		bool is_place = !is_put && is_option(line, true);
		if (is_place)
			domains_write(domains, out);
		else
			buffer_add(out, line);
		buffer_add_char(out, '\n');
		is_put = is_put || is_place;
	}
	if (!is_put) {
		domains_write(domains, out);
		buffer_add_char(out, '\n');
	}
	return out->is_cut ? -EFBIG : 0;
}
