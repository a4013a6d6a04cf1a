/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mail's token is made of, gathered on the mail's way through a session; kept in the message's arena.
 * One thread at a time.
 */
#ifndef KODAMA_INTAKE_SIGNING_H
#define KODAMA_INTAKE_SIGNING_H

#include "flow/flow.h"
#include "reply/edits.h"

struct signing;

/* NULL: the mail gets no token, or there is no memory for one.  The submission's texts outlive it. */
struct signing *signing_begin(const struct snapshot *snapshot, const struct submission *submission, struct arena *arena);

/* All of these do nothing for NULL. */

/* One parameter of MAIL: "RET=HDRS" goes on with our envelope id, "ENVID=..." is the client's own and stays. */
void signing_add_parameter(struct signing *signing, const char *parameter, struct arena *arena);
/* One recipient that stays in the envelope, as it stands there. */
void signing_add_recipient(struct signing *signing, const char *recipient, struct arena *arena);
/* A token that the mail has and keeps: one of ours that covers the envelope is enough. */
void signing_add_token(struct signing *signing, const char *value, int64_t now_s);

/*
 * The edits.  sender: of MAIL, as it stood there; is_sender_kept: it is still the same at the end of the message, so that
 * setting it again with our envelope id changes nothing else.  -ENOMEM, -ENOKEY.
 */
int signing_finish(const struct signing *signing, bool is_sender_kept, int64_t now_us, struct arena *arena, struct edits *edits)
	__attribute__((warn_unused_result));

#endif
