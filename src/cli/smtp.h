/* SPDX-License-Identifier: BSD-2-Clause */
/* One mail to one recipient by SMTP (RFC 5321), for the test mail of `kodama doctor`.  One thread; the server is the operator's own. */
#ifndef KODAMA_CLI_SMTP_H
#define KODAMA_CLI_SMTP_H

#include "base/span.h"

enum { SMTP_REPLY_SIZE = 1024 };

/*
 * address: "inet:25@127.0.0.1" or "unix:/path".  text: header and body, lines that end in CRLF, none begins with a dot.
 * reply: the last reply of the server.  0; -EPROTO: the server refused, -EIO and others: there was no conversation.
 */
int smtp_send(const char *address, const char *sender, const char *recipient, struct span text, char reply[static SMTP_REPLY_SIZE])
	__attribute__((warn_unused_result));

#endif
