/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-up tables for the MTA by socketmap_table(5): "MAP KEY" in a netstring, answered in one.  The maps:
 *   status     the key is a delivery result, "5.5.0 host x said: ..."; answers what its status should be, with the same words
 *   recipient  the key is an address; answers "550 5.1.1 ..." for a suppressed one
 *   sendmail   the same in quotes, for a map of Sendmail
 *   transport  the same, as "error:5.1.1 ..." for transport_maps
 * All else is not found, and so the MTA goes on as without us.  On the loop; the input is hostile.
 */
#ifndef KODAMA_INTAKE_SOCKETMAP_H
#define KODAMA_INTAKE_SOCKETMAP_H

#include <sys/types.h>

#include "base/buffer.h"
#include "intake/intake.h"

/* When anything fails inside, or nobody knows the map, mail flows.  The blank belongs to it. */
#define SOCKETMAP_FAIL_OPEN "NOTFOUND "

/* Postfix sends at most 10,000 bytes and takes at most 100,000. */
enum { SOCKETMAP_REQUEST_MAX = 16 * 1024, SOCKETMAP_ANSWER_MAX = 1024 * 1024 };

struct socketmap;

struct socketmap *socketmap_new(const struct intake *intake); /* NULL when out of memory */
void socketmap_free(struct socketmap *socketmap);

/* Takes whole requests, answers each: the `take` of loop/server.h, data is the socketmap. */
ssize_t socketmap_take(void *socketmap, struct span input, struct buffer *output);

#endif
