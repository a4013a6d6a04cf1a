/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTML to text, light: tags out, blocks to lines, character references decoded, scripts and styles dropped.
 * Enough to read a bounce by; no more.  Pure; any thread; the text is hostile; time is linear.
 */
#ifndef KODAMA_EVIDENCE_HTML_H
#define KODAMA_EVIDENCE_HTML_H

#include "base/buffer.h"

/* Appends the text of `html` (valid UTF-8) to `out`, which stays valid UTF-8. */
void html_to_text(struct span html, struct buffer *out);

#endif
