/* SPDX-License-Identifier: BSD-2-Clause */
/* From the configuration to what a reload exchanges: rules, forms, limits. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"

static int copy_text(struct arena *arena, const char *text, const char **ret_copy)
{
	struct span copy = arena_copy(arena, span_of(text));

	*ret_copy = copy.ptr;
	return copy.ptr ? 0 : -ENOMEM;
}

static int copy_list(struct arena *arena, const char *const *list, const char *const **ret_copy)
{
	const char **copy;
	size_t count = 0;

	while (list && list[count])
		count++;
	copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (copy_text(arena, list[i], &copy[i]) < 0)
			return -ENOMEM;
	*ret_copy = copy;
	return 0;
}

static int copy_networks(struct arena *arena, const struct networks *networks, struct networks *ret_copy)
{
	struct network *items = arena_alloc(arena, networks->count * sizeof(*items));

	if (!items)
		return -ENOMEM;
	if (networks->count > 0)
		memcpy(items, networks->items, networks->count * sizeof(*items));
	*ret_copy = (struct networks){ items, networks->count };
	return 0;
}

static int copy_limits(struct arena *arena, const struct limits *limits, struct limits *copy)
{
	*copy = *limits;
	copy->items = arena_alloc(arena, limits->count * sizeof(*limits->items));
	if (!copy->items)
		return -ENOMEM;
	for (size_t i = 0; i < limits->count; i++) {
		copy->items[i] = limits->items[i];
		if (copy_text(arena, limits->items[i].name, &copy->items[i].name) < 0)
			return -ENOMEM;
	}
	if (copy_list(arena, limits->local_domains, &copy->local_domains) < 0 || copy_list(arena, limits->exempt_senders, &copy->exempt_senders) < 0 ||
	    copy_list(arena, limits->exempt_logins, &copy->exempt_logins) < 0 ||
	    copy_list(arena, limits->exempt_recipients, &copy->exempt_recipients) < 0 ||
	    copy_list(arena, limits->exempt_domains, &copy->exempt_domains) < 0)
		return -ENOMEM;
	return 0;
}

/* Networks, and all else as names. */
static int copy_relays(struct arena *arena, const char *const *texts, struct relay_list *copy)
{
	size_t count = 0, names = 0;

	while (texts && texts[count])
		count++;
	struct network *networks = arena_alloc(arena, count * sizeof(*networks));
	const char **list = arena_alloc(arena, (count + 1) * sizeof(*list));
	if (!networks || !list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (network_parse(span_of(texts[i]), &networks[copy->networks.count]) == 0)
			copy->networks.count++;
		else if (copy_text(arena, texts[i], &list[names++]) < 0)
			return -ENOMEM;
	}
	copy->networks.items = networks;
	copy->names = list;
	return 0;
}

static int copy_words(const struct config *config, struct snapshot *snapshot)
{
	struct arena *arena = snapshot->arena;

	snapshot->language = config->language;
	snapshot->is_local_submission_trusted = config->is_local_submission_trusted;
	snapshot->is_log_trusted = config->maillog.is_trusted;
	snapshot->writes_headers = config->milter.header;
	snapshot->tells_removed = config->milter.removed_header;
	snapshot->signs_mail = config->milter.is_enabled && config->milter.token;
	snapshot->sets_envelope_id = config->milter.envelope_id;
	snapshot->stream_kind = (enum stream_kind)config->stream;
	snapshot->backscatter = (enum backscatter)config->backscatter;
	snapshot->milter_reaction = (enum reaction)config->milter.on_suppressed;
	snapshot->policy_reaction = (enum reaction)config->policy.on_suppressed;
	snapshot->socketmap_reaction = (enum reaction)config->socketmap.on_suppressed;
	snapshot->softens = config->socketmap.softens;
	if (copy_list(arena, config->milter.token_senders, &snapshot->token_senders) < 0 ||
	    copy_list(arena, config->milter.token_logins, &snapshot->token_logins) < 0)
		return -ENOMEM;
	if (config->refusal[0] && copy_text(arena, config->refusal, &snapshot->refusal) < 0)
		return -ENOMEM;
	if (copy_text(arena, config->host, &snapshot->host) < 0 || copy_text(arena, config->extension_delimiters, &snapshot->extension_delimiters) < 0 ||
	    copy_networks(arena, &config->trusted_networks, &snapshot->trusted_networks) < 0 ||
	    copy_relays(arena, config->relays, &snapshot->relays.passing) < 0 || copy_relays(arena, config->delivers, &snapshot->relays.delivering) < 0 ||
	    copy_networks(arena, &config->outbound_networks, &snapshot->outbound_networks) < 0)
		return -ENOMEM;
	return copy_limits(arena, &config->limits, &snapshot->limits);
}

int conf_load_formats(const char *etc, struct formats **ret_formats, struct complaint *complaint)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/formats.d", etc);
	if (access(dir, F_OK) < 0)
		return 0;
	return formats_load(dir, ret_formats, complaint);
}

/*
 * Without rules each verdict rests on codes, and nothing shows that a text is about our own address: good recipients would be
 * suppressed.  It is another folder, or half an installation.
 */
static int check_not_empty(const struct config *config, const struct snapshot *snapshot, struct complaint *complaint)
{
	const char *what = ruleset_get_count(snapshot->ruleset) == 0 ? "rules.d" : formats_get_count(snapshot->formats) == 0 ? "formats.d" : NULL;
	char path[sizeof(complaint->path)];

	if (!what)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", config->etc, what);
	complaint_set(complaint, path, 0, "nothing is in it: `make install`, or the package, puts it there; --etc and KODAMA_ETC name the folder above it");
	return -ENOENT;
}

int conf_load_snapshot(const struct config *config, struct snapshot **ret_snapshot, struct complaint *complaint)
{
	struct snapshot *snapshot = snapshot_new();
	int error;

	if (!snapshot)
		return -ENOMEM;
	error = ruleset_load(config->etc, &snapshot->ruleset, complaint);
	if (error == 0)
		ruleset_forget_samples(snapshot->ruleset);
	if (error == 0)
		error = conf_load_formats(config->etc, &snapshot->formats, complaint);
	if (error == 0)
		error = check_not_empty(config, snapshot, complaint);
	if (error == 0)
		error = copy_words(config, snapshot);
	if (error < 0)
		snapshot_unref(snapshot);
	else
		*ret_snapshot = snapshot;
	return error;
}
