/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing JSON.  One thread; the texts are hostile. */
#include "cli/json.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/utf8.h"

/* More than any text that evidence keeps. */
enum { TEXT_MAX = 4 * 1024 * 1024 };

void json_put(json_t *object, const char *key, struct span text)
{
	struct buffer valid;

	if (text.len == 0)
		return;
	json_t *value = json_stringn(text.ptr, text.len);
	if (!value) {
		buffer_init(&valid, TEXT_MAX);
		utf8_add_valid(&valid, text);
		value = json_stringn(buffer_get_text(&valid), valid.len);
		buffer_done(&valid);
	}
	json_object_set_new_nocheck(object, key, value);
}

void json_put_text(json_t *object, const char *key, const char *text)
{
	json_put(object, key, span_of(text));
}

void json_put_number(json_t *object, const char *key, int64_t number)
{
	json_object_set_new_nocheck(object, key, json_integer(number));
}

void json_put_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new_nocheck(object, key, json_boolean(value));
}

static int add_piece(const char *bytes, size_t len, void *data)
{
	buffer_add(data, span_make(bytes, len));
	return 0;
}

/* Through a buffer: jansson hands out many small pieces. */
int json_write(FILE *out, json_t *object)
{
	struct buffer line;

	buffer_init(&line, SIZE_MAX / 2);
	int error = json_dump_callback(object, add_piece, &line, JSON_COMPACT);
	buffer_add_char(&line, '\n');
	fwrite(line.bytes, 1, line.len, out);
	buffer_done(&line);
	json_decref(object);
	return error ? -ENOMEM : 0;
}
