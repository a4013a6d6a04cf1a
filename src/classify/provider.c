/* SPDX-License-Identifier: BSD-2-Clause */
/* Providers.  Pure; any thread once it is built. */
#include "classify/provider.h"

#include <errno.h>
#include <stdlib.h>

enum { NAME_MAX_LEN = 255 };

int providers_init(struct providers *providers)
{
	uint16_t none;

	*providers = (struct providers){ .count = 0 };
	return providers_add(providers, "", &none);
}

static void suffix_table_done(struct suffix_table *table)
{
	free(table->keys);
	free(table->providers);
}

void providers_done(struct providers *providers)
{
	free(providers->names);
	suffix_table_done(&providers->mx);
	suffix_table_done(&providers->recipient);
}

int providers_add(struct providers *providers, const char *name, uint16_t *ret_provider)
{
	const char **grown;

	for (size_t i = 0; i < providers->count; i++) {
		if (strcmp(providers->names[i], name) == 0) {
			*ret_provider = (uint16_t)i;
			return 0;
		}
	}
	if (providers->count == PROVIDERS_MAX)
		return -ERANGE;
	if (providers->count == providers->size) {
		size_t size = providers->size ? providers->size * 2 : 128;
		grown = realloc(providers->names, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		providers->names = grown;
		providers->size = size;
	}
	providers->names[providers->count] = name;
	*ret_provider = (uint16_t)providers->count++;
	return 0;
}

uint16_t providers_find(const struct providers *providers, struct span name)
{
	for (size_t i = 1; i < providers->count; i++) {
		if (span_is_equal_nocase(name, span_of(providers->names[i])))
			return (uint16_t)i;
	}
	return PROVIDER_NONE;
}

/* FNV-1a: the keys are the operator's, an attacker only asks. */
static size_t hash(struct span key)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (unsigned char)key.ptr[i]) * 16777619u;
	return h;
}

/* The cell that has the key, or the free one where it would go. */
static size_t find_cell(const struct suffix_table *table, struct span key)
{
	size_t cell = hash(key) & (table->size - 1);

	while (table->keys[cell].ptr && !span_is_equal(table->keys[cell], key))
		cell = (cell + 1) & (table->size - 1);
	return cell;
}

static int grow(struct suffix_table *table)
{
	struct suffix_table larger = { .size = table->size ? table->size * 2 : 256, .count = table->count };

	larger.keys = calloc(larger.size, sizeof(*larger.keys));
	larger.providers = calloc(larger.size, sizeof(*larger.providers));
	if (!larger.keys || !larger.providers) {
		suffix_table_done(&larger);
		return -ENOMEM;
	}
	for (size_t i = 0; i < table->size; i++) {
		if (table->keys[i].ptr) {
			size_t cell = find_cell(&larger, table->keys[i]);
			larger.keys[cell] = table->keys[i];
			larger.providers[cell] = table->providers[i];
		}
	}
	suffix_table_done(table);
	*table = larger;
	return 0;
}

int suffix_table_add(struct suffix_table *table, struct span value, uint16_t provider)
{
	size_t cell;

	if (table->count * 2 >= table->size && grow(table) < 0)
		return -ENOMEM;
	cell = find_cell(table, value);
	if (table->keys[cell].ptr)
		return table->providers[cell] == provider ? 0 : -EEXIST;
	table->keys[cell] = value;
	table->providers[cell] = provider;
	table->count++;
	return 0;
}

uint16_t suffix_table_find(const struct suffix_table *table, struct span name)
{
	char lower[NAME_MAX_LEN];
	struct span rest;

	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > sizeof(lower) || table->count == 0)
		return PROVIDER_NONE;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = ascii_lower(name.ptr[i]);
	rest = span_make(lower, name.len);
	while (span_is_known(rest)) {
		size_t cell = find_cell(table, rest);
		if (table->keys[cell].ptr)
			return table->providers[cell];
		(void)span_take(&rest, '.');
	}
	return PROVIDER_NONE;
}
