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

/* How many columns there are: the terminal's, else COLUMNS, else 80; 40 to 200. */
unsigned terminal_get_width(void);

/* Can the locale show more than ASCII? */
bool terminal_has_utf8(void);

/* How many columns `text` takes: two for wide characters, none for combining ones; and as much of it as fits into so many. */
size_t terminal_measure(struct span text);
struct span terminal_cut(struct span text, size_t columns);

/*
 * Takes the next line of at most so many columns off *text: broken at a blank, or between wide characters as Japanese has it
 * (no line begins with its comma, full stop, closing bracket or small letter).  Known and empty at the end.
 */
struct span terminal_take_line(struct span *text, size_t columns);

/* `text` in at most so many columns, with "…" at the end where it is longer; a field has blanks behind what is shorter. */
void terminal_print_cut(FILE *out, enum style style, struct span text, size_t columns);
void terminal_print_field(FILE *out, enum style style, struct span text, size_t columns);

/* A bar of part / whole of so many columns; something is always seen of what is not 0. */
void terminal_print_bar(FILE *out, enum style style, uint64_t part, uint64_t whole, unsigned columns);

/* "    label   text", nothing when the text is empty. */
void terminal_print_row(FILE *out, const char *label, struct span text);

#endif
