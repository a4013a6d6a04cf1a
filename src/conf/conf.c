/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading kodama.conf.  libconfuse reads words; each word is checked by its row while the parser still knows the line,
 * and stored afterwards.  libconfuse's error function has no argument of its own: the complaint travels in a
 * thread-local pointer.
 */
#include "conf/conf.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/plainfile.h"
#include "conf/options.h"

enum { CONF_ARENA_MAX = 64 << 20, SECTIONS_MAX = 16 };

struct loading {
	struct config *config;
	struct complaint *complaint;
};

static _Thread_local const struct loading *current;

/* The first complaint is the cause; what follows it is consequence. */
static void take_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[sizeof(current->complaint->text)];

	if (!current || current->complaint->text[0])
		return;
	vsnprintf(text, sizeof(text), format, args);
	complaint_set(current->complaint, current->config->path, cfg ? (unsigned)cfg->line : 0, "%s", text);
}

static const struct option *find_row(cfg_t *cfg, const cfg_opt_t *opt)
{
	const char *section = cfg_name(cfg);

	return option_find(strcmp(section, "root") == 0 ? "" : section, cfg_opt_name((cfg_opt_t *)opt));
}

/* Runs for each word as it is read. */
static int check_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct option *option = find_row(cfg, opt);
	struct arena *arena = arena_new(0);
	union option_value value;
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	char why[300] = "";
	int error;

	if (!arena || !option) {
		arena_free(arena);
		return -1;
	}
	error = option_parse(option, text, arena, &value, why, sizeof(why));
	arena_free(arena);
	if (error == 0)
		return 0;
	/* of a URI no more than its kind: the rest may hold a password */
	int len = option->kind == OPTION_URI ? (int)strcspn(text, ":/@") : 100;
	cfg_error(cfg, "%s%s%s: \"%.*s%s\" %s", option->section, option->section[0] ? " " : "", option->name, len, text,
		  strlen(text) > (size_t)len ? "..." : "", error == -ENOMEM ? "is too long" : why);
	return -1;
}

/* The default as libconfuse wants it: a list's in braces, anything else as it is. */
static cfg_opt_t make_opt(const struct option *option)
{
	cfg_opt_t scalar = CFG_STR(option->name, option->initial, CFGF_NONE);
	cfg_opt_t list = CFG_STR_LIST(option->name, (char *)option->initial, CFGF_NONE);
	cfg_opt_t opt = option_is_list(option) ? list : scalar;

	opt.validcb = check_value;
	return opt;
}

/* The parser's own table, made from ours. */
struct grammar {
	cfg_opt_t *top;                    /* option_count + SECTIONS_MAX + 1 */
	cfg_opt_t *sections[SECTIONS_MAX]; /* option_count + 1 each */
	size_t section_count;
};

static void grammar_free(struct grammar *grammar)
{
	for (size_t i = 0; i < grammar->section_count; i++)
		free(grammar->sections[i]);
	free(grammar->top);
}

/* The rows of one section follow one another. */
static cfg_opt_t *grammar_add_section(struct grammar *grammar, const struct option *first)
{
	static const cfg_opt_t end = CFG_END();
	cfg_opt_t *opts = calloc(option_count + 1, sizeof(*opts));
	size_t count = 0;

	if (!opts)
		return NULL;
	for (const struct option *option = first; option < options + option_count && strcmp(option->section, first->section) == 0; option++)
		opts[count++] = make_opt(option);
	opts[count] = end;
	grammar->sections[grammar->section_count++] = opts;
	return opts;
}

static int grammar_init(struct grammar *grammar)
{
	static const cfg_opt_t end = CFG_END();
	size_t count = 0;

	*grammar = (struct grammar){ .top = calloc(option_count + SECTIONS_MAX + 1, sizeof(cfg_opt_t)) };
	if (!grammar->top)
		return -ENOMEM;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		if (option->section[0] == '\0') {
			grammar->top[count++] = make_opt(option);
		} else if (strcmp(option->section, options[i - 1].section) != 0) {
			cfg_opt_t *opts = grammar_add_section(grammar, option);
			cfg_flag_t flags = option_is_limit(option) ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;
			cfg_opt_t section = CFG_SEC(option->section, opts, flags);
			if (!opts) {
				grammar_free(grammar);
				return -ENOMEM;
			}
			grammar->top[count++] = section;
		}
	}
	grammar->top[count] = end;
	return 0;
}

/* --- from the parser's tree into the struct */

static int parse_stored(const struct loading *loading, const struct option *option, const char *text, union option_value *ret_value)
{
	char why[300] = "";
	int error = option_parse(option, text, loading->config->arena, ret_value, why, sizeof(why));

	if (error == -EINVAL)
		complaint_set(loading->complaint, loading->config->path, 0, "%s: %s", option->name, why);
	return error;
}

static int store_scalar(const struct loading *loading, const struct option *option, const char *text, char *at)
{
	union option_value value;
	int error = parse_stored(loading, option, text, &value);

	if (error < 0)
		return error;
	switch (option->kind) {
	case OPTION_BOOL:
		*(bool *)at = value.flag;
		break;
	case OPTION_DURATION:
		*(int64_t *)at = strcmp(option->unit, "ms") == 0 ? value.number * 1000 : value.number;
		break;
	case OPTION_NUMBER:
	case OPTION_SIZE:
		*(int64_t *)at = value.number;
		break;
	case OPTION_COUNT:
		*(unsigned *)at = (unsigned)value.number;
		break;
	case OPTION_CHOICE:
		*(int *)at = value.choice;
		break;
	default:
		*(const char **)at = value.text;
	}
	return 0;
}

/* All elements of a list, read; they are in the arena. */
static int parse_list(const struct loading *loading, const struct option *option, cfg_opt_t *opt, union option_value **ret_values)
{
	unsigned count = cfg_opt_size(opt);
	union option_value *values = arena_alloc(loading->config->arena, (count + 1) * sizeof(*values));
	int error = values ? 0 : -ENOMEM;

	for (unsigned i = 0; i < count && !error; i++)
		error = parse_stored(loading, option, cfg_opt_getnstr(opt, i), &values[i]);
	*ret_values = values;
	return error;
}

static void store_set(const struct option *option, const union option_value *values, unsigned count, char *at)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < count; i++)
		bits |= values[i].bit;
	if (option->kind == OPTION_SET)
		*(uint64_t *)at = bits;
	else
		*(unsigned *)at = (unsigned)bits;
}

/* NULL stands behind the last one. */
static int store_texts(const struct loading *loading, const union option_value *values, unsigned count, char *at)
{
	const char **items = arena_alloc(loading->config->arena, (count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		items[i] = values[i].text;
	*(const char *const **)at = items;
	return 0;
}

static int store_networks(const struct loading *loading, const union option_value *values, unsigned count, char *at)
{
	struct network *items = arena_alloc(loading->config->arena, (count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		items[i] = values[i].network;
	*(struct networks *)at = (struct networks){ items, count };
	return 0;
}

static int store_option(const struct loading *loading, const struct option *option, cfg_t *section, void *base)
{
	cfg_opt_t *opt = cfg_getopt(section, option->name);
	char *at = (char *)base + option->offset;
	union option_value *values;
	int error;

	if (!option_is_list(option))
		return store_scalar(loading, option, cfg_opt_getnstr(opt, 0), at);
	error = parse_list(loading, option, opt, &values);
	if (error < 0)
		return error;
	switch (option->kind) {
	case OPTION_NETWORKS:
		return store_networks(loading, values, cfg_opt_size(opt), at);
	case OPTION_SET:
	case OPTION_SET_SMALL:
		store_set(option, values, cfg_opt_size(opt), at);
		return 0;
	default:
		return store_texts(loading, values, cfg_opt_size(opt), at);
	}
}

static int store_limit(const struct loading *loading, cfg_t *section, struct limit *limit)
{
	struct span name = arena_copy(loading->config->arena, span_of(cfg_title(section)));

	if (!name.ptr)
		return -ENOMEM;
	limit->name = name.ptr;
	for (size_t i = 0; i < option_count; i++) {
		int error = option_is_limit(&options[i]) ? store_option(loading, &options[i], section, limit) : 0;
		if (error < 0)
			return error;
	}
	return 0;
}

/* The preset's own sections stand behind the file's; one of the same name gives way. */
static void add_defaults(struct limits *limits, size_t own)
{
	size_t count;
	const struct limit *defaults = limits_get_defaults(limits->preset, &count);

	for (size_t i = 0; i < count; i++) {
		bool is_replaced = false;
		for (size_t j = 0; j < own; j++)
			is_replaced = is_replaced || strcmp(limits->items[j].name, defaults[i].name) == 0;
		if (!is_replaced)
			limits->items[limits->count++] = defaults[i];
	}
}

static int store_limits(const struct loading *loading, cfg_t *cfg)
{
	struct limits *limits = &loading->config->limits;
	unsigned own = cfg_size(cfg, "suppress");
	char why[300];
	size_t count;
	int error;

	limits_get_defaults(limits->preset, &count);
	limits->items = arena_alloc(loading->config->arena, (own + count) * sizeof(*limits->items));
	if (!limits->items)
		return -ENOMEM;
	for (unsigned i = 0; i < own; i++) {
		error = store_limit(loading, cfg_getnsec(cfg, "suppress", i), &limits->items[limits->count++]);
		if (error < 0)
			return error;
	}
	add_defaults(limits, own);
	if (limits_check(limits, why, sizeof(why)))
		return 0;
	complaint_set(loading->complaint, loading->config->path, own > 0 ? (unsigned)cfg_getnsec(cfg, "suppress", own - 1)->line : 0, "%s", why);
	return -EINVAL;
}

static int check_maillog(const struct loading *loading)
{
	struct config *config = loading->config;
	const char *file = config->maillog.file, *why = NULL;

	config->maillog.is_enabled = file[0] || config->maillog.has_journal;
	if (file[0] && config->maillog.has_journal)
		why = "cannot be read beside the journal: the same failures stand in both";
	if (!why)
		return 0;
	complaint_set(loading->complaint, config->path, 0, "maillog file: \"%.200s\" %s", file, why);
	return -EINVAL;
}

/* Two fronts on one socket: the second could not listen. */
static int check_sockets(const struct loading *loading)
{
	const struct config *config = loading->config;
	const struct { const char *name, *address; } sockets[] = {
		{ "milter socket", config->milter.socket.address }, { "policy listen", config->policy.socket.address },
		{ "socketmap listen", config->socketmap.socket.address }, { "ingest listen", config->ingest.socket.address },
		{ "control socket", config->control.socket.address },
	};

	for (size_t i = 1; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		for (size_t j = 0; j < i; j++)
			if (sockets[i].address[0] && strcmp(sockets[i].address, sockets[j].address) == 0) {
				complaint_set(loading->complaint, config->path, 0, "%s: \"%s\" is that of %s already", sockets[i].name, sockets[i].address,
					      sockets[j].name);
				return -EINVAL;
			}
	return 0;
}

/* Beside the SQLite database, so that one folder holds what is secret; a PostgreSQL holds them itself. */
static int choose_key_file(const struct config *config, const char **ret_path)
{
	static const char scheme[] = "sqlite:";
	const char *file = config->keys.file, *database = config->store.uri + sizeof(scheme) - 1, *slash;
	struct span path = span_of(file);

	if (strcmp(file, "store") == 0 || (!file[0] && strncmp(config->store.uri, scheme, sizeof(scheme) - 1) != 0)) {
		path = SPAN_LIT("");
	} else if (!file[0]) {
		slash = strrchr(database, '/');
		path = arena_printf(config->arena, "%.*skeys", slash ? (int)(slash - database + 1) : 0, database);
	}
	*ret_path = arena_copy(config->arena, path).ptr;
	return *ret_path ? 0 : -ENOMEM;
}

static int store_all(const struct loading *loading, cfg_t *cfg)
{
	int error;

	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		cfg_t *section = option->section[0] && !option_is_limit(option) ? cfg_getsec(cfg, option->section) : cfg;
		error = option_is_limit(option) ? 0 : store_option(loading, option, section, loading->config);
		if (error < 0)
			return error;
	}
	error = store_limits(loading, cfg);
	if (error == 0)
		error = choose_key_file(loading->config, &loading->config->keys.path);
	loading->config->milter.is_enabled = loading->config->milter.socket.address[0] != '\0';
	loading->config->policy.is_enabled = loading->config->policy.socket.address[0] != '\0';
	loading->config->ingest.is_enabled = loading->config->ingest.socket.address[0] != '\0';
	loading->config->ingest.socket.is_public = true;
	loading->config->socketmap.is_enabled = loading->config->socketmap.socket.address[0] != '\0';
	if (error == 0)
		error = check_sockets(loading);
	return error < 0 ? error : check_maillog(loading);
}

/* --- the file */

static int parse_file(const struct loading *loading, cfg_t *cfg)
{
	const char *path = loading->config->path;
	FILE *file;
	int error = plainfile_open(path, &file, loading->complaint), result;

	if (error < 0)
		return error;
	current = loading;
	loading->complaint->text[0] = '\0';
	cfg_set_error_function(cfg, take_error);
	result = cfg_parse_fp(cfg, file);
	current = NULL;
	fclose(file);
	if (result == CFG_SUCCESS)
		return 0;
	if (loading->complaint->text[0] == '\0')
		complaint_set(loading->complaint, path, 0, "cannot be read");
	return -EINVAL;
}

static struct config *config_new(const char *path, const char *etc)
{
	struct arena *arena = arena_new(CONF_ARENA_MAX);
	struct config *config = arena ? arena_alloc(arena, sizeof(*config)) : NULL;
	const char *slash = strrchr(path, '/');
	struct span folder = slash ? span_make(path, (size_t)(slash - path)) : SPAN_LIT(".");

	if (!config) {
		arena_free(arena);
		return NULL;
	}
	config->arena = arena;
	config->path = arena_copy(arena, span_of(path)).ptr;
	config->etc = arena_copy(arena, etc ? span_of(etc) : folder).ptr;
	return config->path && config->etc ? config : NULL;
}

int conf_load(const char *path, const char *etc, struct config **ret_config, struct complaint *complaint)
{
	struct complaint unread;
	struct loading loading = { config_new(path, etc), complaint ? complaint : &unread };
	struct grammar grammar;
	int error = -ENOMEM;
	cfg_t *cfg;

	if (!loading.config)
		return -ENOMEM;
	if (grammar_init(&grammar) == 0) {
		cfg = cfg_init(grammar.top, CFGF_NONE);
		error = cfg ? parse_file(&loading, cfg) : -ENOMEM;
		if (error == 0)
			error = store_all(&loading, cfg);
		if (cfg)
			cfg_free(cfg);
		grammar_free(&grammar);
	}
	if (error < 0)
		conf_free(loading.config);
	else
		*ret_config = loading.config;
	return error;
}

void conf_free(struct config *config)
{
	if (config)
		arena_free(config->arena);
}

const char *conf_get_etc(const char *option)
{
	const char *environment = getenv("KODAMA_ETC");

	if (option)
		return option;
	return environment && environment[0] ? environment : SYSCONFDIR "/kodama";
}

const char *conf_get_default(const char *section, const char *name)
{
	return option_find(section, name)->initial;
}

struct store_options conf_get_store_options(const struct config *config)
{
	return (struct store_options){
		.uri = config->store.uri,
		.retention_s = config->store.retention_s,
		.busy_ms = (unsigned)config->store.busy_ms,
		.has_past = config->keys.path[0] && access(config->keys.path, F_OK) == 0,
	};
}

struct writer_options conf_get_writer_options(const struct config *config)
{
	return (struct writer_options){
		.store = conf_get_store_options(config),
		.queue_dir = config->queue.dir,
		.queue_max = (uint64_t)config->queue.size,
		.deadline_ms = (unsigned)config->queue.deadline_ms,
	};
}

struct keysource_options conf_get_keysource_options(const struct config *config)
{
	return (struct keysource_options){
		.file = config->keys.path,
		.store = conf_get_store_options(config),
		.accept_s = config->keys.accept_s,
	};
}
