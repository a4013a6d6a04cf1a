/* SPDX-License-Identifier: BSD-2-Clause */
/* One line a host: its hash, the second, and the hashes of what came in it. */
#include "flow/mark.h"

#include <inttypes.h>

#include "base/siphash.h"

static uint64_t get_hash(struct span text)
{
	static const struct siphash_key key = { { 0x6c61737474, 0x696d65 } };
	uint64_t hash = siphash(&key, text);

	return hash ? hash : 1;
}

static struct mark_host *find_host(struct mark *mark, uint64_t hash)
{
	struct mark_host *stalest = &mark->hosts[0];

	for (size_t i = 0; i < MARK_HOSTS; i++) {
		if (mark->hosts[i].host == hash)
			return &mark->hosts[i];
		if (mark->hosts[i].time_s < stalest->time_s)
			stalest = &mark->hosts[i];
	}
	*stalest = (struct mark_host){ .host = hash };
	return stalest;
}

bool mark_take(struct mark *mark, struct span host_name, int64_t time_s, struct span what)
{
	struct mark_host *host = find_host(mark, get_hash(host_name));
	uint64_t hash = get_hash(what);

	if (time_s < host->time_s)
		return false;
	if (time_s > host->time_s) {
		host->time_s = time_s;
		host->count = 0;
	}
	for (unsigned i = 0; i < host->count && i < MARK_RECENT; i++)
		if (host->recent[i] == hash)
			return false;
	host->recent[host->count++ % MARK_RECENT] = hash;
	return true;
}

void mark_write(const struct mark *mark, struct buffer *out)
{
	for (size_t i = 0; i < MARK_HOSTS; i++) {
		const struct mark_host *host = &mark->hosts[i];
		if (!host->host)
			continue;
		buffer_printf(out, "%s%" PRIu64 " %" PRId64, out->len > 0 ? "\n" : "", host->host, host->time_s);
		for (unsigned j = 0; j < host->count && j < MARK_RECENT; j++)
			buffer_printf(out, " %" PRIu64, host->recent[j]);
	}
}

static bool take_number(struct span *line, uint64_t max, uint64_t *ret_number)
{
	return span_is_known(*line) && span_parse_unsigned(span_take(line, ' '), max, ret_number) == 0;
}

static bool read_host(struct span line, struct mark_host *ret_host)
{
	struct mark_host host = { .host = 0 };
	uint64_t time_s;

	if (!take_number(&line, UINT64_MAX, &host.host) || !take_number(&line, INT64_MAX, &time_s))
		return false;
	host.time_s = (int64_t)time_s;
	while (host.count < MARK_RECENT && take_number(&line, UINT64_MAX, &host.recent[host.count]))
		host.count++;
	*ret_host = host;
	return true;
}

void mark_read(struct span text, struct mark *ret_mark)
{
	size_t count = 0;

	*ret_mark = (struct mark){ .hosts = { { .host = 0 } } };
	while (span_is_known(text) && count < MARK_HOSTS) {
		struct span line = span_take(&text, '\n');
		if (read_host(line, &ret_mark->hosts[count]))
			count++;
	}
}
