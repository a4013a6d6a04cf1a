/* SPDX-License-Identifier: BSD-2-Clause */
/* The vocabulary of failures.  Pure; any thread. */
#include "classify/taxonomy.h"

#include <assert.h>

static const char *const scope_names[] = { "none", "recipient", "domain", "sender", "message", "submission" };
static const char *const effect_names[] = { "never", "count", "now", "reset" };

static_assert(sizeof(scope_names) / sizeof(*scope_names) == SCOPE_COUNT, "one name per scope");
static_assert(sizeof(effect_names) / sizeof(*effect_names) == EFFECTS, "one name per effect");

#define RECIPIENT(effect) SCOPE_RECIPIENT, EFFECT_##effect
#define DOMAIN_OF(effect) SCOPE_DOMAIN, EFFECT_##effect
#define SENDER SCOPE_SENDER, EFFECT_NEVER
#define MESSAGE SCOPE_MESSAGE, EFFECT_NEVER
#define SUBMISSION SCOPE_SUBMISSION, EFFECT_NEVER

static const struct class_info classes[] = {
	[CLASS_UNCLASSIFIED] = { "unclassified", SCOPE_NONE, EFFECT_NEVER, "It failed, and nothing says why." },
	[CLASS_USER_UNKNOWN] = { "user-unknown", RECIPIENT(NOW), "There is no such mailbox, or the address is not valid." },
	[CLASS_MAILBOX_DISABLED] = { "mailbox-disabled", RECIPIENT(NOW), "The mailbox is there but has been closed." },
	[CLASS_MOVED] = { "moved", RECIPIENT(NOW), "The mailbox has moved, and its old address is dead." },
	[CLASS_MAILBOX_FULL] = { "mailbox-full", RECIPIENT(COUNT), "The mailbox has no room left." },
	[CLASS_MAILBOX_UNAVAILABLE] = { "mailbox-unavailable", RECIPIENT(COUNT), "The mailbox cannot take mail just now." },
	[CLASS_RECIPIENT_REFUSED] = { "recipient-refused", RECIPIENT(COUNT), "The recipient, or a filter of theirs, wants no mail from this sender." },
	[CLASS_COMPLAINT] = { "complaint", RECIPIENT(NOW), "The recipient reported the mail as abuse." },
	[CLASS_SUPPRESSED_UPSTREAM] = { "suppressed-upstream", RECIPIENT(NOW), "The relay that we hand mail to has this recipient on its own suppression list." },
	[CLASS_DOMAIN_UNKNOWN] = { "domain-unknown", DOMAIN_OF(NOW), "The domain does not exist, or no host takes its mail." },
	[CLASS_NOT_ACCEPTING] = { "not-accepting", DOMAIN_OF(NOW), "The domain declares that it takes no mail." },
	[CLASS_HOST_UNREACHABLE] = { "host-unreachable", DOMAIN_OF(COUNT), "No connection to the recipient's host could be made or kept." },
	[CLASS_EXPIRED] = { "expired", DOMAIN_OF(COUNT), "The mail waited in the queue until its time ran out." },
	[CLASS_REMOTE_ERROR] = { "remote-error", DOMAIN_OF(COUNT), "The recipient's system is in trouble." },
	[CLASS_SYSTEM_FULL] = { "system-full", DOMAIN_OF(COUNT), "The recipient's system has run out of storage." },
	[CLASS_BLOCKLISTED] = { "blocklisted", SENDER, "The sending address or domain is on a block list." },
	[CLASS_REPUTATION] = { "reputation", SENDER, "The sending address or domain is not trusted." },
	[CLASS_RATE_LIMITED] = { "rate-limited", SENDER, "The receiver finds that the sender sends too much or too fast." },
	[CLASS_CONNECTION_LIMIT] = { "connection-limit", SENDER, "Too many connections, or too much mail over one of them." },
	[CLASS_GREYLISTED] = { "greylisted", SENDER, "A first contact is put off: trying again later is the answer." },
	[CLASS_PTR_REQUIRED] = { "ptr-required", SENDER, "The client's reverse DNS or HELO name is missing or does not fit." },
	[CLASS_AUTHENTICATION_FAILED] = { "authentication-failed", SENDER, "SPF, DKIM, DMARC or ARC did not pass." },
	[CLASS_SENDER_REFUSED] = { "sender-refused", SENDER, "The sender's address is refused." },
	[CLASS_SPAM] = { "spam", MESSAGE, "The content was taken for spam or phishing." },
	[CLASS_VIRUS] = { "virus", MESSAGE, "The content was taken for malware." },
	[CLASS_CONTENT_REFUSED] = { "content-refused", MESSAGE, "The form of the message is refused." },
	[CLASS_TOO_LARGE] = { "too-large", MESSAGE, "The message is larger than a limit." },
	[CLASS_TOO_MANY_RECIPIENTS] = { "too-many-recipients", MESSAGE, "One transaction named too many recipients or domains." },
	[CLASS_POLICY] = { "policy", MESSAGE, "A policy of the receiver refuses the mail and says no more." },
	[CLASS_LOOP] = { "loop", MESSAGE, "The mail runs in circles." },
	[CLASS_RELAY_DENIED] = { "relay-denied", SUBMISSION, "The server does not relay for this client or to this domain." },
	[CLASS_LOGIN_FAILED] = { "login-failed", SUBMISSION, "SMTP authentication is missing or failed." },
	[CLASS_TLS_REQUIRED] = { "tls-required", SUBMISSION, "TLS is required, missing or failed." },
	[CLASS_SENDING_QUOTA] = { "sending-quota", SUBMISSION, "The account at the relay has used up its own sending quota." },
	[CLASS_PROTOCOL_ERROR] = { "protocol-error", SUBMISSION, "The SMTP dialogue went wrong." },
	[CLASS_LOCAL_ERROR] = { "local-error", SUBMISSION, "The sending system itself is at fault." },
	[CLASS_AUTO_REPLY] = { "auto-reply", SCOPE_NONE, EFFECT_NEVER, "No failure: an automatic answer." },
	[CLASS_DELIVERED] = { "delivered", SCOPE_NONE, EFFECT_RESET, "No failure: the mail went through." },
};

static_assert(sizeof(classes) / sizeof(*classes) == CLASS_COUNT, "one row per class");

const struct class_info *class_get_info(enum class class_id)
{
	return &classes[(unsigned)class_id < CLASS_COUNT ? class_id : CLASS_UNCLASSIFIED];
}

const char *class_get_name(enum class class_id)
{
	return class_get_info(class_id)->name;
}

const char *scope_get_name(enum scope scope)
{
	return scope_names[(unsigned)scope < SCOPE_COUNT ? scope : SCOPE_NONE];
}

const char *effect_get_name(enum effect effect)
{
	return effect_names[(unsigned)effect < EFFECTS ? effect : EFFECT_NEVER];
}

bool class_find(struct span name, enum class *ret_class)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		if (span_is_equal(name, span_of(classes[i].name))) {
			*ret_class = (enum class)i;
			return true;
		}
	}
	return false;
}

bool effect_find(struct span name, enum effect *ret_effect)
{
	for (unsigned i = 0; i < EFFECTS; i++) {
		if (span_is_equal(name, span_of(effect_names[i]))) {
			*ret_effect = (enum effect)i;
			return true;
		}
	}
	return false;
}
