/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What leads from a text to the rules that come into question: the prefilter's literals with the tests behind each, and
 * rules by status and reply.  Loading only.
 */
#ifndef KODAMA_CLASSIFY_INDEX_H
#define KODAMA_CLASSIFY_INDEX_H

#include "classify/rules.h"

/* After the last test.  -ENOMEM. */
int index_build(struct ruleset *ruleset) __attribute__((warn_unused_result));

#endif
