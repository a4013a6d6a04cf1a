/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vocabulary of failures: 38 classes in 6 scopes, each with its default effect on suppression.
 * The names are the output's contract; the order is not.  Pure; any thread.
 */
#ifndef KODAMA_CLASSIFY_TAXONOMY_H
#define KODAMA_CLASSIFY_TAXONOMY_H

#include "base/span.h"

enum scope { SCOPE_NONE, SCOPE_RECIPIENT, SCOPE_DOMAIN, SCOPE_SENDER, SCOPE_MESSAGE, SCOPE_SUBMISSION, SCOPE_COUNT };

/* What one such outcome does to the recipient's state. */
enum effect { EFFECT_NEVER, EFFECT_COUNT, EFFECT_NOW, EFFECT_RESET, EFFECTS };

enum class {
	CLASS_UNCLASSIFIED,
	CLASS_USER_UNKNOWN,
	CLASS_MAILBOX_DISABLED,
	CLASS_MOVED,
	CLASS_MAILBOX_FULL,
	CLASS_MAILBOX_UNAVAILABLE,
	CLASS_RECIPIENT_REFUSED,
	CLASS_COMPLAINT,
	CLASS_SUPPRESSED_UPSTREAM,
	CLASS_DOMAIN_UNKNOWN,
	CLASS_NOT_ACCEPTING,
	CLASS_HOST_UNREACHABLE,
	CLASS_EXPIRED,
	CLASS_REMOTE_ERROR,
	CLASS_SYSTEM_FULL,
	CLASS_BLOCKLISTED,
	CLASS_REPUTATION,
	CLASS_RATE_LIMITED,
	CLASS_CONNECTION_LIMIT,
	CLASS_GREYLISTED,
	CLASS_PTR_REQUIRED,
	CLASS_AUTHENTICATION_FAILED,
	CLASS_SENDER_REFUSED,
	CLASS_SPAM,
	CLASS_VIRUS,
	CLASS_CONTENT_REFUSED,
	CLASS_TOO_LARGE,
	CLASS_TOO_MANY_RECIPIENTS,
	CLASS_POLICY,
	CLASS_LOOP,
	CLASS_RELAY_DENIED,
	CLASS_LOGIN_FAILED,
	CLASS_TLS_REQUIRED,
	CLASS_SENDING_QUOTA,
	CLASS_PROTOCOL_ERROR,
	CLASS_LOCAL_ERROR,
	CLASS_AUTO_REPLY,
	CLASS_DELIVERED,
	CLASS_COUNT
};

struct class_info {
	const char *name; /* "user-unknown" */
	enum scope scope;
	enum effect effect;
	const char *meaning; /* one English sentence */
};

/* Static; never NULL. */
const struct class_info *class_get_info(enum class class_id);
const char *class_get_name(enum class class_id);
const char *scope_get_name(enum scope scope);   /* "recipient" */
const char *effect_get_name(enum effect effect); /* "now" */

/* By exact name; false if there is none, *ret untouched. */
bool class_find(struct span name, enum class *ret_class);
bool effect_find(struct span name, enum effect *ret_effect);

#endif
