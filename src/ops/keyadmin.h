/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people ask of the keys that sign tokens; as ops/admin.h, and never with a secret in it:
 *   key-list      -> rows {"row":"key","id","created","retired","accepted_until","state":"signs|accepted|over"}, {"ok":true}
 *   key-rotate    -> {"row":"rotated","id"}, {"ok":true}
 *   key-revoke    id -> {"ok":true}
 * Any thread.
 */
#ifndef KODAMA_OPS_KEYADMIN_H
#define KODAMA_OPS_KEYADMIN_H

#include <jansson.h>

#include "store/keysource.h"

enum { KEYADMIN_CHANGED = 1 };

bool keyadmin_knows(const char *name);

/*
 * KEYADMIN_CHANGED: done, and the closing {"ok":true} is the caller's to give when the change is in force.  0: answered,
 * what is wrong has been told; negative: emit's own.
 */
int keyadmin_handle(const struct keysource_options *options, const json_t *request, int64_t now_s, int (*emit)(void *data, json_t *row), void *data)
	__attribute__((warn_unused_result));

#endif
