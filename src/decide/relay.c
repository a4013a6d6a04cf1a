/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays that deliver, and those that only take.  Pure. */
#include "decide/relay.h"

#include <netinet/in.h>

static bool is_below(struct span host, struct span name)
{
	if (name.len == 0 || !span_has_suffix_nocase(host, name))
		return false;
	return host.len == name.len || host.ptr[host.len - name.len - 1] == '.';
}

static bool has_network(const struct networks *networks, const struct network *address)
{
	struct sockaddr_in6 socket_address = { .sin6_family = AF_INET6 };

	memcpy(&socket_address.sin6_addr, address->bytes, sizeof(address->bytes));
	return networks_has(networks, (const struct sockaddr *)(const void *)&socket_address);
}

static bool list_has(const struct relay_list *list, struct span host, const struct network *address)
{
	if (address && has_network(&list->networks, address))
		return true;
	for (const char *const *name = list->names; name && *name; name++)
		if (is_below(host, span_of(*name)))
			return true;
	return false;
}

/* RFC 1918, 4193, 4291, 6598, 1122, 3927: nobody's mailbox in the world is there. */
static bool is_private(const struct network *address)
{
	static const char *const texts[] = { "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
					     "0.0.0.0/8", "::1", "::", "fc00::/7", "fe80::/10" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct network network;
		struct networks one = { &network, 1 };
		if (network_parse(span_of(texts[i]), &network) == 0 && has_network(&one, address))
			return true;
	}
	return false;
}

bool relays_deliver(const struct relays *relays, struct span host, struct span address_text)
{
	struct network address;
	bool has_address = span_is_known(address_text) && network_parse(address_text, &address) == 0;

	if (list_has(&relays->delivering, host, has_address ? &address : NULL))
		return true;
	return has_address && !list_has(&relays->passing, host, &address) && !is_private(&address);
}
