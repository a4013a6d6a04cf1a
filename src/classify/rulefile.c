/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule files (kodama.rules(5)) to drafts.  Loading only. */
#include "classify/rulefile.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quick.h"
#include "classify/optfile.h"

/*
 * The options of a section stand in the order of enum draft_text, then of enum draft_list; looked up by name, they would be
 * most of the work.
 */
enum { OPTION_LISTS = (int)DRAFT_TEXTS, OPTION_PRIORITY = OPTION_LISTS + (int)DRAFT_LISTS, OPTION_ENABLED, OPTION_COUNT };

void drafts_done(struct drafts *drafts)
{
	free(drafts->items);
	free(drafts->hashes);
	*drafts = (struct drafts){ .count = 0 };
}

/* The files are the operator's: nobody chooses ids for their hashes. */
static uint64_t hash_id(const char *id)
{
	static const struct siphash_key key = { { 0x6b6f64616d61, 0x72756c6573 } };

	return quickhash(&key, span_of(id));
}

static struct draft *drafts_find(struct drafts *drafts, const char *id)
{
	uint64_t hash = hash_id(id);

	for (size_t i = 0; i < drafts->count; i++) {
		if (drafts->hashes[i] == hash && strcmp(drafts->items[i].id, id) == 0)
			return &drafts->items[i];
	}
	return NULL;
}

static int drafts_grow(struct drafts *drafts)
{
	size_t size = drafts->size ? drafts->size * 2 : 512;
	struct draft *items = realloc(drafts->items, size * sizeof(*items));
	uint64_t *hashes;

	if (!items)
		return -ENOMEM;
	drafts->items = items;
	hashes = realloc(drafts->hashes, size * sizeof(*hashes));
	if (!hashes)
		return -ENOMEM;
	drafts->hashes = hashes;
	drafts->size = size;
	return 0;
}

/* id: the drafts' from now on. */
static struct draft *drafts_add(struct drafts *drafts, const char *id)
{
	if (!id || (drafts->count == drafts->size && drafts_grow(drafts) < 0))
		return NULL;
	drafts->hashes[drafts->count] = hash_id(id);
	drafts->items[drafts->count] = (struct draft){ .id = id, .is_enabled = true };
	return &drafts->items[drafts->count++];
}

static const char *copy(struct arena *arena, const char *text)
{
	return arena_copy(arena, span_of(text)).ptr;
}

static bool is_named(const cfg_opt_t *option)
{
	return option->flags & CFGF_MODIFIED;
}

static int take_list(cfg_opt_t *option, struct arena *arena, struct draft_values *values)
{
	unsigned count = cfg_opt_size(option);
	const char **items = arena_alloc(arena, (count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		items[i] = copy(arena, cfg_opt_getnstr(option, i));
		if (!items[i])
			return -ENOMEM;
	}
	*values = (struct draft_values){ items, count };
	return 0;
}

/* Every field that the section names; the others stay as they are. */
static int take_fields(cfg_t *section, const struct drafts *drafts, struct draft *draft)
{
	cfg_opt_t *options = section->opts;

	for (unsigned i = 0; i < DRAFT_TEXTS; i++) {
		if (!is_named(&options[i]))
			continue;
		draft->texts[i] = copy(drafts->arena, cfg_opt_getstr(&options[i]));
		if (!draft->texts[i])
			return -ENOMEM;
	}
	for (unsigned i = 0; i < DRAFT_LISTS; i++) {
		cfg_opt_t *option = &options[OPTION_LISTS + i];
		struct arena *arena = i == DRAFT_MATCHES || i == DRAFT_DIFFERS ? drafts->samples : drafts->arena;
		if (is_named(option) && take_list(option, arena, &draft->lists[i]) < 0)
			return -ENOMEM;
	}
	if (is_named(&options[OPTION_PRIORITY]))
		draft->priority = cfg_opt_getnint(&options[OPTION_PRIORITY], 0);
	if (is_named(&options[OPTION_ENABLED]))
		draft->is_enabled = cfg_opt_getnbool(&options[OPTION_ENABLED], 0) == cfg_true;
	return 0;
}

/* Where each section of the file begins: libconfuse knows only where it ends. */
static unsigned find_title(FILE *file, const char *title, unsigned *line)
{
	char *row = NULL;
	size_t size = 0;
	unsigned found = 0;

	while (!found && getline(&row, &size, file) >= 0) {
		struct span rest = span_trim_left(span_of(row));
		++*line;
		if (!span_has_prefix(rest, SPAN_LIT("rule")) || rest.len < 5 || !ascii_is_space(rest.ptr[4]))
			continue;
		rest = span_trim_left(span_skip(rest, 4));
		if (rest.len > 0 && strchr("\"'", rest.ptr[0]))
			rest = span_skip(rest, 1);
		if (span_has_prefix(rest, span_of(title)))
			found = *line;
	}
	free(row);
	return found;
}

static int take_rule(cfg_t *section, const char *path, unsigned line, bool is_local, const char *provider, struct drafts *drafts,
		     struct complaint *complaint)
{
	struct draft *draft = drafts_find(drafts, cfg_title(section));

	if (draft && !is_local) {
		complaint_set(complaint, path, line, "rule '%s' is there already (%s, line %u)", draft->id, draft->path, draft->line);
		return -EINVAL;
	}
	if (!draft) {
		draft = drafts_add(drafts, copy(drafts->arena, cfg_title(section)));
		if (!draft)
			return -ENOMEM;
		draft->texts[DRAFT_PROVIDER] = provider;
	}
	draft->path = path; /* where the operator has to look when something of it is wrong now */
	draft->line = line;
	return take_fields(section, drafts, draft);
}

static int take_rules(cfg_t *cfg, const char *path, bool is_local, struct drafts *drafts, struct complaint *complaint)
{
	FILE *file = fopen(path, "re");
	const char *kept_path = copy(drafts->arena, path), *provider = copy(drafts->arena, cfg_getstr(cfg, "provider"));
	unsigned line = 0;
	int rc = file && kept_path && provider ? 0 : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < cfg_size(cfg, "rule"); i++) {
		cfg_t *section = cfg_getnsec(cfg, "rule", i);
		unsigned begins = find_title(file, cfg_title(section), &line);
		rc = take_rule(section, kept_path, begins ? begins : (unsigned)section->line, is_local, provider, drafts, complaint);
	}
	if (file)
		fclose(file);
	return rc;
}

int rulefile_read(const char *path, bool is_local, struct drafts *drafts, struct complaint *complaint)
{
	cfg_opt_t rule_options[] = {
		CFG_STR("class", NULL, CFGF_NODEFAULT), CFG_STR("provider", NULL, CFGF_NODEFAULT),
		CFG_STR("suppress", NULL, CFGF_NODEFAULT), CFG_STR("advice", NULL, CFGF_NODEFAULT),
		CFG_STR("status-as", NULL, CFGF_NODEFAULT), CFG_STR("instead-of", NULL, CFGF_NODEFAULT), CFG_STR_LIST("reply", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("status", NULL, CFGF_NODEFAULT), CFG_STR_LIST("command", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("tag", NULL, CFGF_NODEFAULT), CFG_STR_LIST("text", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("word", NULL, CFGF_NODEFAULT), CFG_STR_LIST("matches", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("differs", NULL, CFGF_NODEFAULT), CFG_INT("priority", 0, CFGF_NODEFAULT),
		CFG_BOOL("enabled", cfg_true, CFGF_NODEFAULT), CFG_END()
	};
	static_assert(sizeof(rule_options) / sizeof(*rule_options) == OPTION_COUNT + 1, "one row for each option, and the end");
	cfg_opt_t options[] = { CFG_STR("provider", "", CFGF_NONE),
				CFG_SEC("rule", rule_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END() };
	cfg_t *cfg;
	int rc = optfile_read(path, options, &cfg, complaint);

	if (rc < 0)
		return rc;
	rc = take_rules(cfg, path, is_local, drafts, complaint);
	cfg_free(cfg);
	return rc;
}
