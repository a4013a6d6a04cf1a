/* SPDX-License-Identifier: BSD-2-Clause */
/* What `kodama status` tells an operator to look at, and when it is silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ops/attention.h"

static const struct {
	const char *name, *status;
	const char *words; /* of the only remark; NULL: there is none */
} cases[] = {
	{ "all is well",
	  "{'enforce':true,'uptime-seconds':90000,'milter':{'sessions':5,'failed-open':0},'policy':{'requests':9},"
	  "'outcomes':{'lost':0,'decisions':{'suppressed':2,'unproved':70}},'store':{'queue-bytes':0,'held':0},'problems':[]}",
	  NULL },
	{ "just started", "{'enforce':true,'uptime-seconds':30,'milter':{'sessions':0},'policy':{'requests':0}}", NULL },
	{ "a front that is off", "{'enforce':true,'uptime-seconds':90000,'milter':{'sessions':1}}", NULL },
	{ "dry run", "{'enforce':false,'daemon':{'dry-run':12}}", "12 refusals kept back" },
	{ "nobody comes to the milter", "{'enforce':true,'uptime-seconds':90000,'milter':{'sessions':0}}", "come to the milter" },
	{ "nobody asks", "{'enforce':true,'uptime-seconds':90000,'policy':{'requests':0}}", "policy service" },
	{ "nothing is believed", "{'enforce':true,'outcomes':{'decisions':{'unproved':3,'none':9}}}", "any of the 3 failures" },
	{ "two strays", "{'enforce':true,'outcomes':{'decisions':{'unproved':2}}}", NULL },
	{ "something is believed", "{'enforce':true,'outcomes':{'decisions':{'unproved':300,'counted':1}}}", NULL },
	{ "database away", "{'enforce':true,'store':{'last-error':'connection refused'}}", "connection refused" },
	{ "queue", "{'enforce':true,'store':{'queue-bytes':4096}}", "4096 bytes wait" },
	{ "lost", "{'enforce':true,'outcomes':{'lost':1}}", "kept nowhere" },
	{ "surge", "{'enforce':true,'store':{'held':61}}", "61 suppressions were held" },
	{ "unreadable log", "{'enforce':true,'maillog':{'last-error':'Permission denied'}}", "not read: Permission denied" },
	{ "log of everybody", "{'enforce':true,'maillog':{'proves-nothing-because':'others may write it'}}", "proves nothing: others may write it" },
	{ "a log that is not to prove", "{'enforce':true,'maillog':{'proves-nothing-because':'maillog trust is no'}}", NULL },
	{ "failed reload", "{'enforce':true,'daemon':{'reloads-failed':1}}", "kodama config check" },
};

static json_t *parse(const char *text)
{
	char quoted[1000];
	size_t i = 0;

	for (; text[i] && i < sizeof(quoted) - 1; i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	quoted[i] = '\0';
	json_t *status = json_loads(quoted, 0, NULL);
	assert_non_null(status);
	return status;
}

static void test_remarks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *status = parse(cases[i].status), *remarks = attention_describe(status);
		const char *first = json_string_value(json_array_get(remarks, 0));
		if (json_array_size(remarks) != (cases[i].words ? 1 : 0) || (cases[i].words && !strstr(first, cases[i].words)))
			fail_msg("%s: %zu remarks, \"%s\"", cases[i].name, json_array_size(remarks), first ? first : "");
		json_decref(remarks);
		json_decref(status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_remarks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
