/* SPDX-License-Identifier: BSD-2-Clause */
/* Disclaimers under a text.  Pure; any thread; hostile input, linear time. */
#include "evidence/disclaimer.h"

#include <string.h>

bool disclaimer_is_ruler(struct span line)
{
	line = span_trim(line);
	if (line.len < 20 || !strchr("_-=*~#", line.ptr[0]))
		return false;
	for (size_t i = 1; i < line.len; i++)
		if (line.ptr[i] != line.ptr[0])
			return false;
	return true;
}

size_t disclaimer_find(struct span text)
{
	static const struct span words[] = { SPAN_LIT("disclaimer"), SPAN_LIT("intended recipient"), SPAN_LIT("scanned"),
					     SPAN_LIT("vertraulich"), SPAN_LIT("confidenti") };
	struct span rest = text;
	size_t ruler = SIZE_MAX;

	while (span_is_known(rest) && rest.len) {
		struct span line = span_take_line(&rest);
		if (disclaimer_is_ruler(line)) {
			ruler = (size_t)(line.ptr - text.ptr);
			continue;
		}
		for (size_t i = 0; ruler != SIZE_MAX && i < sizeof(words) / sizeof(words[0]); i++)
			if (span_find_nocase(line, words[i], 0) != SIZE_MAX)
				return ruler;
		if (span_trim(line).len)
			ruler = SIZE_MAX;
	}
	return text.len;
}
