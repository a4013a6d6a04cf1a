/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose word is a log's "sent"?  A content filter and a smarthost take everything: only a host that may have the mailbox delivers.
 * Pure; any thread.
 */
#ifndef KODAMA_DECIDE_RELAY_H
#define KODAMA_DECIDE_RELAY_H

#include "base/network.h"

/* Frozen; filled by conf.  What is no network is a name: of a host, "example.com" with all below it, or of a transport ("dovecot"). */
struct relay_list {
	struct networks networks;
	const char *const *names; /* NULL-terminated; may be NULL */
};

struct relays {
	struct relay_list passing;    /* option `relays`: that only pass mail on */
	struct relay_list delivering; /* option `delivers`: that deliver, wherever they are */
};

/*
 * host, address: of the relay, as the log names it; unknown where it is no host.
 * `delivers` wins over all; then `relays`, addresses of loopback, private and link-local networks, and what is no host do not deliver.
 */
bool relays_deliver(const struct relays *relays, struct span host, struct span address);

#endif
