/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule files (kodama.rules(5)) to drafts.  Loading only. */
#include "classify/rulefile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/quick.h"
#include "classify/optfile.h"

/* In the order of enum draft_text, then of enum draft_list, then the rest. */
enum { OPTION_LISTS = DRAFT_TEXTS, OPTION_PRIORITY = OPTION_LISTS + (int)DRAFT_LISTS, OPTION_ENABLED, OPTION_COUNT };

static const struct optfile_option options[] = {
	{ "class", false },   { "provider", false }, { "suppress", false }, { "advice", false },   { "status-as", false }, { "instead-of", false },
	{ "reply", true },    { "status", true },    { "command", true },   { "tag", true },       { "text", true },
	{ "word", true },     { "matches", true },   { "differs", true },   { "priority", false }, { "enabled", false },
};

static const struct optfile_form form = { "rule", options, OPTION_COUNT, "provider" };

static_assert(sizeof(options) / sizeof(*options) == OPTION_COUNT, "one row for each option");
static_assert(sizeof(options) / sizeof(*options) <= OPTFILE_OPTIONS_MAX, "no more than a section has room for");

/* Where the sections of a file go. */
struct taker {
	struct drafts *drafts;
	struct complaint *complaint;
	const char *path; /* as long as the drafts */
	bool is_local;
};

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

static int refuse(const struct taker *taker, const struct optfile_section *section, const char *why, const char *value)
{
	complaint_set(taker->complaint, taker->path, section->line, "rule '%s': %s, not '%s'", section->title, why, value);
	return -EINVAL;
}

static int take_priority(const struct taker *taker, const struct optfile_section *section, struct draft *draft)
{
	const char *text = optfile_get_text(&section->values[OPTION_PRIORITY]);
	bool is_negative = text && *text == '-';
	uint64_t value;

	if (!text)
		return 0;
	if (span_parse_unsigned(span_skip(span_of(text), is_negative), INT32_MAX, &value) < 0)
		return refuse(taker, section, "the priority is a number", text);
	draft->priority = is_negative ? -(long)value : (long)value;
	return 0;
}

static int take_enabled(const struct taker *taker, const struct optfile_section *section, struct draft *draft)
{
	static const char *const words[] = { "no", "off", "false", "yes", "on", "true" };
	const char *text = optfile_get_text(&section->values[OPTION_ENABLED]);

	if (!text)
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (span_is_equal_nocase(span_of(text), span_of(words[i]))) {
			draft->is_enabled = i >= 3;
			return 0;
		}
	}
	return refuse(taker, section, "enabled is yes or no", text);
}

/* Every field that the section names; the others stay as they are. */
static int take_fields(const struct taker *taker, const struct optfile_section *section, struct draft *draft)
{
	int rc;

	for (unsigned i = 0; i < DRAFT_TEXTS; i++) {
		if (section->values[i].is_named)
			draft->texts[i] = optfile_get_text(&section->values[i]);
	}
	for (unsigned i = 0; i < DRAFT_LISTS; i++) {
		const struct optfile_values *values = &section->values[OPTION_LISTS + i];
		if (values->is_named)
			draft->lists[i] = (struct draft_values){ values->items, values->count };
	}
	rc = take_priority(taker, section, draft);
	return rc == 0 ? take_enabled(taker, section, draft) : rc;
}

static int take_rule(void *data, const struct optfile_section *section)
{
	const struct taker *taker = data;
	struct draft *draft = drafts_find(taker->drafts, section->title);

	if (draft && (!taker->is_local || draft->path == taker->path)) {
		complaint_set(taker->complaint, taker->path, section->line, "rule '%s' is there already (%s, line %u)", draft->id, draft->path,
			      draft->line);
		return -EINVAL;
	}
	if (!draft)
		draft = drafts_add(taker->drafts, section->title);
	if (!draft)
		return -ENOMEM;
	draft->path = taker->path; /* where the operator has to look when something of it is wrong now */
	draft->line = section->line;
	return take_fields(taker, section, draft);
}

int rulefile_read(const char *path, bool is_local, struct arena *arena, struct drafts *drafts, struct complaint *complaint)
{
	struct taker taker = { drafts, complaint, arena_copy(arena, span_of(path)).ptr, is_local };
	size_t count = drafts->count;
	const char *provider;
	int rc = taker.path ? optfile_read(taker.path, &form, arena, take_rule, &taker, &provider, complaint) : -ENOMEM;

	for (size_t i = count; rc == 0 && i < drafts->count; i++) {
		if (!drafts->items[i].texts[DRAFT_PROVIDER])
			drafts->items[i].texts[DRAFT_PROVIDER] = provider;
	}
	return rc;
}
