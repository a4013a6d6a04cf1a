/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages and lines out of a file, a pipe or an mbox, through one buffer of a fixed size: what is longer than the
 * buffer streams through it.  An mbox is known by the "From " that it begins with; ">From " is unquoted.
 * One thread; every byte is hostile.
 */
#ifndef KODAMA_CLI_READER_H
#define KODAMA_CLI_READER_H

#include "evidence/mail.h"

enum { READER_MAIL_SIZE = 256 * 1024, READER_LINE_SIZE = 2 * 1024 * 1024 };

struct reader {
	int fd;
	char *bytes;
	size_t size;
	size_t start, end;   /* what is read and not yet taken */
	bool is_over;        /* the file has no more */
	bool is_begun;       /* the first bytes were looked at */
	bool is_mbox;
	uint64_t taken;      /* bytes taken so far, for a progress bar */
	uint64_t line;       /* lines taken so far */
};

/* size: of the buffer.  -ENOMEM. */
int reader_init(struct reader *reader, size_t size) __attribute__((warn_unused_result));
void reader_done(struct reader *reader);

/* Another file, from its first byte.  The descriptor stays the caller's. */
void reader_open(struct reader *reader, int fd);

/* What the file begins with, as much as comes at once; borrowed, and still to be taken.  Before anything is taken. */
struct span reader_peek(struct reader *reader);

/* The next message: 1 and *ret_mail (borrowed from both readers until the next message), 0 at the end, -errno. */
int reader_take_mail(struct reader *reader, struct mail_reader *mail_reader, const struct mail **ret_mail)
	__attribute__((warn_unused_result));

/* The next line without its end (LF or CRLF), borrowed until the next call; what passes the buffer's size is dropped.
 * 1, 0 at the end, -errno. */
int reader_take_line(struct reader *reader, struct span *ret_line) __attribute__((warn_unused_result));

#endif
