/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules, forms and working memory: what classifying needs, loaded from one folder.  One thread. */
#ifndef KODAMA_CLI_CLASSIFIER_H
#define KODAMA_CLI_CLASSIFIER_H

#include "base/complaint.h"
#include "classify/classify.h"
#include "evidence/formats.h"

struct classifier {
	struct ruleset *ruleset;
	struct formats *formats; /* NULL: the folder has none */
	struct scratch *scratch;
};

/* -EINVAL, -errno with *complaint, -ENOMEM. */
int classifier_load(const char *etc, struct classifier *ret_classifier, struct complaint *complaint) __attribute__((warn_unused_result));

/* The rules alone, at least one; the caller's.  is_lazy: ruleset_load_lazy. */
int classifier_load_rules(const char *etc, bool is_lazy, struct ruleset **ret_ruleset, struct complaint *complaint) __attribute__((warn_unused_result));
void classifier_done(struct classifier *classifier);

#endif
