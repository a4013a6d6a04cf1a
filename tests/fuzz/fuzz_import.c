/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a list of another system, in pieces whose size is the first byte.  All of it is taken, what is taken is an
 * address that folds to itself, and no line is numbered twice backwards.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/utf8.h"
#include "cli/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_text(struct span text)
{
	check(utf8_is_valid(text));
	for (size_t i = 0; i < text.len; i++)
		check((unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
}

static void check_row(const struct import_row *row)
{
	struct address address;

	check(address_fold(row->address, &address, NULL) == 0 && span_is_equal(address_get(&address), row->address));
	check_text(row->note);
	check_text(row->stream);
	check_text(row->rule);
	check_text(row->origin);
	check_text(row->since);
	check_text(row->until);
}

static void read_all(struct import *import, struct span text, size_t step)
{
	struct import_row row;
	size_t start = 0, end = 0;
	uint64_t line = 0;
	enum import_result result;

	do {
		end = text.len - end > step ? end + step : text.len;
		struct span window = span_slice(text, start, end);
		while ((result = import_take(import, &window, end == text.len, &row)) != IMPORT_MORE) {
			check(row.line >= line);
			line = row.line;
			if (result == IMPORT_ROW)
				check_row(&row);
			else
				check(row.why[0] != '\0');
		}
		start = end - window.len;
	} while (end < text.len);
	check(start == text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct import *import = import_new((enum import_form)(data[1] % IMPORT_FORM_COUNT));
	check(import != NULL);
	read_all(import, span_make((const char *)data + 2, size - 2), (size_t)data[0] * 16 + 1);
	import_free(import);
	return 0;
}
