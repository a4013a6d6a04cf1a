/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people ask of the suppression list and change in it: one request, rows, one answer, as JSON.  The daemon's
 * control socket and the command without a daemon both come here.  One thread at a time (an admin has its own handle).
 *
 * Requests, {"do": ..., "address": ..., "stream": ""}:
 *   suppress-add     until ("forever", RFC 3339, or a duration "30d"; default forever), note, class
 *   suppress-remove  note                              -> {"ok":true,"removed":1}, with "match" and "match_stream" of the entry
 *                                                         that mail to it runs into still
 *   suppress-remove, suppress-release   without "address", of what evidence brought: any of since, until (a time, or a
 *                    duration ago), rule, class, provider, domain, stream; dry_run; "all":true for no condition
 *                                                      -> rows "suppression", {"ok":true,"removed|released":n}
 *   suppress-release with address                      -> the same for one address that the surge guard holds
 *   suppress-import  rows: [{line, address, stream, until, since, class, rule, provider, note, origin, decision}, ...]
 *                    of at most 5000, in one transaction; what lasts as long already is left as it is
 *                                                      -> rows "refused", {"ok":true,"added":3,"unchanged":1,"refused":0}
 *   suppress-list                                      -> rows "suppression"
 *   suppress-check                                     -> a row "check" (as "mail" below)
 *   why                                                -> rows "outcome" and "audit", oldest first, then what nothing
 *                                                         proved, as long as the daemon remembers it; "state"; "mail"
 *   forget                                             -> {"ok":true,"rows":7}
 *   report           since (default 7d), top           -> rows "day" and "provider", "suppression" of what was suppressed
 *                                                         since, the last first; {"ok":true,"since":...,"until":...}
 *
 * Rows, keys in this order, absent when unknown; times RFC 3339, until may be "forever":
 *   {"row":"suppression","address","stream","origin":"evidence|manual","decision":"suppressed|held","class","rule",
 *    "provider","since","until","note"}
 *   {"row":"refused","line","error"}
 *   {"row":"day","time","class","count"} {"row":"provider","provider","class","count"}: of a class of failures, "delivered",
 *    "delayed", "relayed"; providers that we do not know go by their domain
 *   {"row":"outcome","time","received","stream","action","class","suppress","basis","rule","provider","reply","status",
 *    "text","remote_mta","source","kind","proof","proof_reason","queue_id","message_id","decision","until","why"}
 *   {"row":"audit","time","by","change":"add|remove","stream","until","note"}
 *   {"row":"state","address","stream","origin","decision":"suppressed|held|none","class","rule","provider","section",
 *    "since","until","times","last_failure","last_success","counts":[{"section","count","first","last"}],"note"}
 *   {"row":"mail"|"check","address","stream","suppressed":true|false,"enforced":true|false,"match":the entry's address,
 *    "match_stream":the entry's,"origin","class","since","until","text":"what would happen to a mail now"}
 */
#ifndef KODAMA_OPS_ADMIN_H
#define KODAMA_OPS_ADMIN_H

#include <jansson.h>

#include "store/writer.h"

struct admin {
	struct store *store;              /* this thread's own handle, for reading; for writing too without a writer */
	struct writer *writer;            /* NULL: no daemon runs */
	bool enforce;                     /* limits.enforce */
	const char *extension_delimiters; /* "" for none; may be NULL */
	int64_t (*get_time)(void);        /* NULL: time(2) */
};

/* Is `name` a request for admin_handle? */
bool admin_knows(const char *name);
/* One that changes nothing: a store that may only be read will do. */
bool admin_is_reading(const char *name);

/*
 * Takes a request; hands each row and at last the answer, {"ok":true,...} or {"ok":false,"error":"..."}, to emit, which
 * owns what it gets and stops by a negative errno.  by: who asks, for the audit ("uid 0").
 * 0 ok, -EINVAL refused (told through emit), other errno: the store's (told too), emit's own.
 */
int admin_handle(struct admin *admin, const json_t *request, const char *by, int (*emit)(void *data, json_t *row), void *data)
	__attribute__((warn_unused_result));

#endif
