/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON objects of jansson, keys in the order in which they are put in, absent when empty.  Remote text becomes valid UTF-8
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

void json_put_number(json_t *object, const char *key, int64_t number);
void json_put_bool(json_t *object, const char *key, bool value);

/* One line; takes the object.  -ENOMEM. */
int json_write(FILE *out, json_t *object);

#endif
