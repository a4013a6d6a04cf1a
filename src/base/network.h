/* SPDX-License-Identifier: BSD-2-Clause */
/* IP networks in the form "192.0.2.0/24", "2001:db8::/32", "192.0.2.1": lists that say who is trusted.  Pure; any thread. */
#ifndef KODAMA_BASE_NETWORK_H
#define KODAMA_BASE_NETWORK_H

#include "base/span.h"

struct sockaddr;

/* IPv4 is kept mapped (RFC 4291 section 2.5.5.2), so that ::ffff:192.0.2.1 and 192.0.2.1 are the same client. */
struct network {
	uint8_t bytes[16];
	uint8_t bits; /* of the 128 that count */
};

struct networks {
	struct network *items;
	size_t count;
};

enum { NETWORK_SIZE = 64 };

/* -EINVAL: no address, or bits set behind the prefix. */
int network_parse(struct span text, struct network *ret_network) __attribute__((warn_unused_result));

/* "192.0.2.0/24"; an address alone where all bits count.  Returns `text`. */
const char *network_format(const struct network *network, char text[static NETWORK_SIZE]);

/* false for a NULL address and for families that are not IP. */
bool networks_has(const struct networks *networks, const struct sockaddr *address);

#endif
