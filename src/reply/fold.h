/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A header field's value, word by word: folded with "\n " before the word that would pass 76 columns (RFC 5322
 * section 2.2.3), so that no word, wherever it comes from, can begin a line of its own in the header.  What is not
 * printable ASCII becomes "?": a new field cannot be injected through any of these functions.  Pure.
 */
#ifndef KODAMA_REPLY_FOLD_H
#define KODAMA_REPLY_FOLD_H

#include "base/buffer.h"

enum { FOLD_COLUMNS = 76, FOLD_WORD_MAX = 900, FOLD_VALUE_MAX = 16 * 1024 };

struct fold {
	struct buffer buffer;
	size_t column; /* of the next byte */
};

/* name: of the header field, which stands before the value. */
void fold_init(struct fold *fold, const char *name);
void fold_done(struct fold *fold);

/* One word, a blank before it unless it is the first.  Past FOLD_WORD_MAX it is cut. */
void fold_add(struct fold *fold, struct span word);

/* The next word begins a line. */
void fold_break(struct fold *fold);

/* The words of a text; as RFC 2047 encoded words ("B", UTF-8) where it is not ASCII alone. */
void fold_add_text(struct fold *fold, struct span text);

#endif
