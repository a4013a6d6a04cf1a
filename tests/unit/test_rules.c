/* SPDX-License-Identifier: BSD-2-Clause */
/* The shipped rules load, and prove themselves by their own samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "classify/check.h"

static struct ruleset *load(void)
{
	char etc[4096];
	const char *top = getenv("top_srcdir");
	struct ruleset *ruleset = NULL;
	struct complaint complaint;

	snprintf(etc, sizeof(etc), "%s/etc", top ? top : ".");
	if (ruleset_load(etc, &ruleset, &complaint) < 0)
		fail_msg("%s:%u: %s", complaint.path, complaint.line, complaint.text);
	return ruleset;
}

static void print_finding(void *data, const struct finding *finding)
{
	(void)data;
	if (finding->level == FINDING_ERROR)
		print_error("%s:%u: %s: %s\n", finding->path, finding->line, finding->rule, finding->text);
}

static void test_shipped_rules_end_where_their_samples_say(void **state)
{
	struct ruleset *ruleset = load();

	(void)state;
	assert_int_equal(ruleset_check(ruleset, print_finding, NULL), 0);
	ruleset_unref(ruleset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped_rules_end_where_their_samples_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
