/* SPDX-License-Identifier: BSD-2-Clause */
/* Help texts, filled to the width of the terminal.  One thread. */
#ifndef KODAMA_CLI_HELP_H
#define KODAMA_CLI_HELP_H

#include <stdio.h>

#include "base/span.h"

/*
 * Lines that follow each other are one paragraph.  A line "word  text" is an item, and what stands below its text goes on with it.
 * Other lines that begin with a blank stay as they are.
 */
void help_print(FILE *out, const char *text);

/* `text` beside a label, in a column of its own; below it where the label is too long. */
void help_print_item(FILE *out, struct span label, size_t indent, struct span text);

#endif
