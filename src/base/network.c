/* SPDX-License-Identifier: BSD-2-Clause */
/* IP networks.  Pure; any thread. */
#include "base/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static int parse_bytes(struct span text, uint8_t bytes[static 16], unsigned *ret_width)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len))
		return -EINVAL;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET6, copy, bytes) == 1) {
		*ret_width = 128;
		return 0;
	}
	memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
	*ret_width = 32;
	return inet_pton(AF_INET, copy, bytes + 12) == 1 ? 0 : -EINVAL;
}

/* Do the first `bits` bits agree? */
static bool is_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool has_host_bits(const struct network *network)
{
	for (unsigned i = network->bits; i < 128; i++)
		if (network->bytes[i / 8] >> (7 - i % 8) & 1)
			return true;
	return false;
}

int network_parse(struct span text, struct network *ret_network)
{
	struct span rest = text, address = span_take(&rest, '/');
	struct network network;
	unsigned width;
	uint64_t bits;

	/* Postfix writes [2001:db8::]/32 */
	if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
		address = span_slice(address, 1, address.len - 1);
	if (parse_bytes(address, network.bytes, &width) < 0)
		return -EINVAL;
	bits = width;
	if (span_is_known(rest) && span_parse_unsigned(rest, width, &bits) < 0)
		return -EINVAL;
	network.bits = (uint8_t)(128 - width + bits);
	if (has_host_bits(&network))
		return -EINVAL;
	*ret_network = network;
	return 0;
}

const char *network_format(const struct network *network, char text[static NETWORK_SIZE])
{
	bool is_v4 = network->bits >= 96 && memcmp(network->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(is_v4 ? AF_INET : AF_INET6, network->bytes + (is_v4 ? 12 : 0), address, sizeof(address));
	if (network->bits == 128)
		snprintf(text, NETWORK_SIZE, "%s", address);
	else
		snprintf(text, NETWORK_SIZE, "%s/%u", address, network->bits - (is_v4 ? 96U : 0U));
	return text;
}

bool networks_has(const struct networks *networks, const struct sockaddr *address)
{
	uint8_t bytes[16];

	if (!address)
		return false;
	if (address->sa_family == AF_INET) {
		memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
		memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	} else {
		return false;
	}
	for (size_t i = 0; i < networks->count; i++)
		if (is_prefix(bytes, networks->items[i].bytes, networks->items[i].bits))
			return true;
	return false;
}
