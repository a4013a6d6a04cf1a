/* SPDX-License-Identifier: BSD-2-Clause */
/* Complaints about an operator's files.  Any thread. */
#include "base/complaint.h"

#include <stdarg.h>
#include <stdio.h>

void complaint_set(struct complaint *complaint, const char *path, unsigned line, const char *format, ...)
{
	va_list args;

	if (!complaint)
		return;
	snprintf(complaint->path, sizeof(complaint->path), "%s", path ? path : "");
	complaint->line = line;
	va_start(args, format);
	vsnprintf(complaint->text, sizeof(complaint->text), format, args);
	va_end(args);
}
