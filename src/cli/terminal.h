/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for people on standard output: colours only on a terminal that wants them (NO_COLOR, TERM=dumb), and remote text
 * that cannot move the cursor or hide itself.  One thread.
 */
#ifndef KODAMA_CLI_TERMINAL_H
#define KODAMA_CLI_TERMINAL_H

#include <stdio.h>

#include "base/span.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_YELLOW, STYLE_GREEN };

/* Asks the environment once. */
bool terminal_has_colour(void);

/* `text` made harmless: control characters, C1 and directional ones as "?", white space as blanks. */
void terminal_print(FILE *out, enum style style, struct span text);
void terminal_print_text(FILE *out, enum style style, const char *text);

/* "    label   text", nothing when the text is empty. */
void terminal_print_row(FILE *out, const char *label, struct span text);

#endif
