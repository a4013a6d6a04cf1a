/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading a rule set: files to drafts, drafts to rules, providers and advice.  Afterwards frozen; any thread. */
#include "classify/ruleset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "classify/compile.h"
#include "classify/index.h"
#include "classify/optfile.h"

struct loader {
	struct ruleset *ruleset;
	struct drafts drafts;
	struct complaint *complaint;
	size_t advice_size;
};

static int load_rules(void *data, const char *path)
{
	struct loader *loader = data;

	return rulefile_read(path, false, &loader->drafts, loader->complaint);
}

static int load_local_rules(struct loader *loader, const char *etc)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/local.rules", etc);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return rulefile_read(path, true, &loader->drafts, loader->complaint);
}

static const char *copy_lower(struct arena *arena, const char *text)
{
	size_t len = strlen(text);
	char *lower = arena_alloc(arena, len + 1);

	for (size_t i = 0; lower && i < len; i++)
		lower[i] = ascii_lower(text[i]);
	return lower;
}

/* One list of endings; a complaint when two providers claim the same one. */
static int add_suffixes(struct loader *loader, cfg_t *section, const char *name, const char *path, struct suffix_table *table, uint16_t provider)
{
	for (unsigned i = 0; i < cfg_size(section, name); i++) {
		const char *value = copy_lower(loader->ruleset->arena, cfg_getnstr(section, name, i));
		int rc = value ? suffix_table_add(table, span_of(value), provider) : -ENOMEM;
		if (rc == -EEXIST) {
			complaint_set(loader->complaint, path, optfile_find_line(path, 1, value), "'%s' belongs to two providers (%s = %s)",
				      value, cfg_title(section), name);
			return -EINVAL;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_provider(struct loader *loader, cfg_t *section, const char *path)
{
	struct ruleset *ruleset = loader->ruleset;
	uint16_t provider;
	const char *name = copy_lower(ruleset->arena, cfg_title(section));
	int rc = name ? providers_add(&ruleset->providers, name, &provider) : -ENOMEM;

	if (rc == 0)
		rc = add_suffixes(loader, section, "mx", path, &ruleset->providers.mx, provider);
	if (rc == 0)
		rc = add_suffixes(loader, section, "recipient", path, &ruleset->providers.recipient, provider);
	for (unsigned i = 0; rc == 0 && i < cfg_size(section, "text"); i++) {
		const char *text = copy_lower(ruleset->arena, cfg_getnstr(section, "text", i));
		rc = text ? compile_literal(ruleset, TEST_SIGNATURE, provider, text) : -ENOMEM;
	}
	if (rc == -EINVAL && loader->complaint && loader->complaint->path[0] == '\0')
		complaint_set(loader->complaint, path, (unsigned)section->line, "provider '%s': a text has at least two characters", name);
	return rc;
}

static int load_providers(struct loader *loader, const char *etc)
{
	cfg_opt_t provider_options[] = { CFG_STR_LIST("mx", NULL, CFGF_NODEFAULT), CFG_STR_LIST("recipient", NULL, CFGF_NODEFAULT),
					 CFG_STR_LIST("text", NULL, CFGF_NODEFAULT), CFG_END() };
	cfg_opt_t options[] = { CFG_SEC("provider", provider_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END() };
	char path[4096];
	cfg_t *cfg;
	int rc;

	snprintf(path, sizeof(path), "%s/providers.conf", etc);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	rc = optfile_read(path, options, &cfg, loader->complaint);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; rc == 0 && i < cfg_size(cfg, "provider"); i++)
		rc = add_provider(loader, cfg_getnsec(cfg, "provider", i), path);
	cfg_free(cfg);
	return rc;
}

static struct advice *find_advice(const struct ruleset *ruleset, const char *name)
{
	for (size_t i = 0; i < ruleset->advice_count; i++) {
		if (strcmp(ruleset->advice[i].name, name) == 0)
			return &ruleset->advice[i];
	}
	return NULL;
}

static int add_advice(struct loader *loader, const char *name, const char *const text[LANGUAGE_COUNT])
{
	struct ruleset *ruleset = loader->ruleset;
	struct advice *advice;

	if (ruleset->advice_count == loader->advice_size) {
		size_t size = loader->advice_size ? loader->advice_size * 2 : 256;
		struct advice *grown = realloc(ruleset->advice, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		ruleset->advice = grown;
		loader->advice_size = size;
	}
	advice = &ruleset->advice[ruleset->advice_count];
	*advice = (struct advice){ .name = arena_copy(ruleset->arena, span_of(name)).ptr };
	for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
		advice->text[i] = text[i] && *text[i] ? arena_copy(ruleset->arena, span_of(text[i])).ptr : NULL;
	ruleset->advice_count++;
	return advice->name ? 0 : -ENOMEM;
}

static int load_advice(void *data, const char *path)
{
	cfg_opt_t advice_options[] = { CFG_STR("en", NULL, CFGF_NODEFAULT), CFG_STR("ja", NULL, CFGF_NODEFAULT), CFG_END() };
	cfg_opt_t options[] = { CFG_SEC("advice", advice_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END() };
	struct loader *loader = data;
	cfg_t *cfg;
	int rc = optfile_read(path, options, &cfg, loader->complaint);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; rc == 0 && i < cfg_size(cfg, "advice"); i++) {
		cfg_t *section = cfg_getnsec(cfg, "advice", i);
		const char *text[LANGUAGE_COUNT] = { cfg_getstr(section, "en"), cfg_getstr(section, "ja") };
		if (find_advice(loader->ruleset, cfg_title(section))) {
			complaint_set(loader->complaint, path, (unsigned)section->line, "advice '%s' is there already", cfg_title(section));
			rc = -EINVAL;
		} else {
			rc = add_advice(loader, cfg_title(section), text);
		}
	}
	cfg_free(cfg);
	return rc;
}

/* The class's meaning serves where the files have no advice; what one language lacks comes from `fallback`. */
static void fill_advice(struct advice *advice, const struct advice *fallback)
{
	for (unsigned i = 0; i < LANGUAGE_COUNT; i++) {
		if (!advice->text[i])
			advice->text[i] = fallback->text[i];
	}
}

static int index_advice_of_class(struct loader *loader, enum class class_id, uint16_t *ret_index)
{
	const struct class_info *info = class_get_info(class_id);
	const char *meaning[LANGUAGE_COUNT] = { info->meaning, info->meaning };
	struct advice spare = { info->name, { info->meaning, info->meaning } };
	struct advice *advice = find_advice(loader->ruleset, info->name);

	if (!advice) {
		*ret_index = (uint16_t)loader->ruleset->advice_count;
		return add_advice(loader, info->name, meaning);
	}
	fill_advice(advice, &spare);
	*ret_index = (uint16_t)(advice - loader->ruleset->advice);
	return 0;
}

/* advice_of: "PROVIDER.CLASS", else "CLASS". */
static int index_advice(struct loader *loader)
{
	struct ruleset *ruleset = loader->ruleset;
	size_t providers = ruleset->providers.count;
	char name[160];

	ruleset->advice_of = calloc(providers * CLASS_COUNT, sizeof(*ruleset->advice_of));
	if (!ruleset->advice_of)
		return -ENOMEM;
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		if (index_advice_of_class(loader, (enum class)i, &ruleset->advice_of[i]) < 0)
			return -ENOMEM;
	}
	for (size_t i = CLASS_COUNT; i < providers * CLASS_COUNT; i++)
		ruleset->advice_of[i] = ruleset->advice_of[i % CLASS_COUNT];
	for (size_t i = 0; i < ruleset->advice_count; i++) {
		struct advice *advice = &ruleset->advice[i];
		for (size_t j = 0; j < CLASS_COUNT; j++) {
			const char *class_name = class_get_name((enum class)j);
			size_t len = strlen(advice->name), class_len = strlen(class_name);
			uint16_t provider;
			if (len <= class_len + 1 || len >= sizeof(name) || strcmp(advice->name + len - class_len, class_name) != 0 ||
			    advice->name[len - class_len - 1] != '.')
				continue;
			provider = providers_find(&ruleset->providers, span_make(advice->name, len - class_len - 1));
			fill_advice(advice, &ruleset->advice[ruleset->advice_of[j]]);
			if (provider != PROVIDER_NONE)
				ruleset->advice_of[provider * CLASS_COUNT + j] = (uint16_t)i;
		}
	}
	return 0;
}

/* A rule that names an advice must name one that is there. */
static int resolve_advice(struct loader *loader)
{
	struct ruleset *ruleset = loader->ruleset;

	for (size_t i = 0; i < loader->drafts.count; i++) {
		const struct draft *draft = &loader->drafts.items[i];
		const char *name = draft->texts[DRAFT_ADVICE];
		struct advice *advice;
		if (!name || !*name || !draft->is_enabled)
			continue;
		advice = find_advice(ruleset, name);
		if (!advice) {
			complaint_set(loader->complaint, draft->path, optfile_find_line(draft->path, draft->line, name),
				      "rule '%s': there is no advice '%s'", draft->id, name);
			return -EINVAL;
		}
		for (size_t j = 0; j < ruleset->rule_count; j++) {
			struct rule *rule = &ruleset->rules[j];
			if (strcmp(rule->id, draft->id) != 0)
				continue;
			rule->advice = (uint16_t)(advice - ruleset->advice);
			fill_advice(advice, &ruleset->advice[ruleset->advice_of[rule->class_id]]);
		}
	}
	return 0;
}

static int load(struct loader *loader, const char *etc)
{
	struct ruleset *ruleset = loader->ruleset;
	char dir[4096];
	int rc;

	snprintf(dir, sizeof(dir), "%s/rules.d", etc);
	rc = optfile_for_each(dir, ".rules", load_rules, loader, loader->complaint);
	if (rc == 0)
		rc = load_local_rules(loader, etc);
	if (rc == 0)
		rc = load_providers(loader, etc);
	if (rc == 0)
		rc = compile_rules(ruleset, &loader->drafts, loader->complaint);
	snprintf(dir, sizeof(dir), "%s/advice", etc);
	if (rc == 0)
		rc = optfile_for_each(dir, ".advice", load_advice, loader, loader->complaint);
	if (rc == 0)
		rc = index_advice(loader);
	if (rc == 0)
		rc = resolve_advice(loader);
	if (rc == 0)
		rc = compile_literal(ruleset, TEST_MARK, 0, OWN_MARK);
	return rc == 0 ? index_build(ruleset) : rc;
}

/* The tests run the interpreter by this; where JIT is forbidden it is found out by itself. */
static bool is_jit_wanted(void)
{
	const char *jit = getenv("KODAMA_JIT");

	return !jit || strcmp(jit, "no") != 0;
}

static int make(const char *etc, bool is_lazy, struct ruleset **ret_ruleset, struct complaint *complaint)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	struct complaint scrap;
	struct loader loader = { .ruleset = ruleset, .complaint = complaint ? complaint : &scrap };
	int rc;

	complaint_set(loader.complaint, "", 0, "%s", "");
	if (!ruleset)
		return -ENOMEM;
	ruleset->is_jit = is_jit_wanted() && pattern_may_jit();
	ruleset->is_lazy = is_lazy;
	ruleset->arena = loader.drafts.arena = arena_new(0);
	ruleset->samples = loader.drafts.samples = arena_new(0);
	rc = ruleset->arena && ruleset->samples ? providers_init(&ruleset->providers) : -ENOMEM;
	if (rc == 0)
		rc = load(&loader, etc);
	drafts_done(&loader.drafts);
	if (rc < 0) {
		ruleset_free(ruleset);
		return rc;
	}
	*ret_ruleset = ruleset;
	return 0;
}

int ruleset_load(const char *etc, struct ruleset **ret_ruleset, struct complaint *complaint)
{
	return make(etc, false, ret_ruleset, complaint);
}

int ruleset_load_lazy(const char *etc, struct ruleset **ret_ruleset, struct complaint *complaint)
{
	return make(etc, true, ret_ruleset, complaint);
}

bool ruleset_find_broken(const struct ruleset *ruleset, struct complaint *complaint)
{
	for (size_t i = 0; i < ruleset->test_count; i++) {
		const struct test *test = &ruleset->tests[i];
		const struct rule *rule = &ruleset->rules[test->rule];
		char reason[PATTERN_REASON_SIZE];
		if (!test->pattern || !pattern_is_broken(test->pattern, reason))
			continue;
		complaint_set(complaint, rule->path, rule->line, "rule '%s': '%.*s': %s", rule->id, SPAN_ARG(test->text), reason);
		return true;
	}
	return false;
}

void ruleset_free(struct ruleset *ruleset)
{
	if (!ruleset)
		return;
	for (size_t i = 0; i < ruleset->test_count; i++)
		pattern_free(ruleset->tests[i].pattern);
	free(ruleset->tests);
	free(ruleset->rules);
	free(ruleset->advice);
	free(ruleset->advice_of);
	prefilter_free(ruleset->prefilter);
	free(ruleset->needs);
	free(ruleset->groups);
	free(ruleset->filed);
	free(ruleset->others);
	providers_done(&ruleset->providers);
	arena_free(ruleset->arena);
	arena_free(ruleset->samples);
	free(ruleset);
}

void ruleset_forget_samples(struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule_count; i++)
		ruleset->rules[i].matches = ruleset->rules[i].differs = (struct samples){ NULL, 0 };
	arena_free(ruleset->samples);
	ruleset->samples = NULL;
}

size_t ruleset_get_count(const struct ruleset *ruleset)
{
	return ruleset->rule_count;
}

bool ruleset_is_jit(const struct ruleset *ruleset)
{
	return ruleset->is_jit;
}

const struct advice *ruleset_get_advice(const struct ruleset *ruleset, const struct rule *rule, uint16_t provider, enum class class_id)
{
	if (rule && rule->advice != ADVICE_BY_CLASS)
		return &ruleset->advice[rule->advice];
	if (rule && rule->provider != PROVIDER_NONE)
		provider = rule->provider;
	return &ruleset->advice[ruleset->advice_of[provider * CLASS_COUNT + class_id]];
}
