/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON objects with keys in the order in which they are put in, absent when unknown.  Remote text becomes valid UTF-8
 * (U+FFFD for what is not).  One thread.  Out of memory a key is left out; json_write then still writes an object.
 */
#ifndef KODAMA_CLI_JSON_H
#define KODAMA_CLI_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "base/span.h"

/* Absent when empty. */
void json_put(json_t *object, const char *key, struct span text);
void json_put_text(json_t *object, const char *key, const char *text);

/* Absent when not known; an empty text that is known is there. */
void json_put_known(json_t *object, const char *key, struct span text);

void json_put_number(json_t *object, const char *key, int64_t number);
void json_put_bool(json_t *object, const char *key, bool value);

/* RFC 3339 in UTC; 0: absent. */
void json_put_time(json_t *object, const char *key, int64_t time_s);

/* One line; takes the object.  -ENOMEM. */
int json_write(FILE *out, json_t *object);

#endif
