/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON object on one line, written key by key into a buffer that is used again: for outcomes by the hundred thousand,
 * where building objects costs more than finding out what stands in them.  Keys are absent when unknown; text becomes
 * valid UTF-8 (U+FFFD for what is not).  One thread; the texts are hostile, the keys are ours.
 */
#ifndef KODAMA_CLI_JSON_LINE_H
#define KODAMA_CLI_JSON_LINE_H

#include "base/buffer.h"

struct json_line {
	struct buffer buffer;
	struct buffer valid; /* a text while it is made valid */
};

void json_line_init(struct json_line *line);
void json_line_done(struct json_line *line);

void json_line_begin(struct json_line *line);

/* Absent when empty. */
void json_line_put(struct json_line *line, const char *key, struct span text);
void json_line_put_text(struct json_line *line, const char *key, const char *text);

/* Absent when not known; an empty text that is known is there. */
void json_line_put_known(struct json_line *line, const char *key, struct span text);

void json_line_put_number(struct json_line *line, const char *key, uint64_t number);

/* The whole line, LF at its end; borrowed until the next begin.  SPAN_NONE: it did not fit into memory. */
struct span json_line_end(struct json_line *line);

#endif
