/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report: what became of the mail of some time, filled from a log (maillog.c) or from the store, and written for
 * people or as JSON.  A value: its lists are sorted by who fills it, the largest first (days: the oldest first), cut where
 * he was asked to cut, and borrowed.  Texts are remote: hostile, UTF-8 not promised.  One thread.
 */
#ifndef KODAMA_CLI_REPORT_H
#define KODAMA_CLI_REPORT_H

#include <stdio.h>

#include "classify/verdict.h"
#include "evidence/status.h"

/* Recipients, not messages.  deferred counts attempts. */
struct report_counts {
	uint64_t delivered, deferred, failed;
};

struct report_class {
	enum class class_id;
	uint64_t failed, deferred;
};

struct report_provider {
	struct span name; /* empty: none that we know */
	struct report_counts counts;
};

struct report_day {
	int64_t day; /* since 1970-01-01, on the wall clock */
	struct report_counts counts;
};

/* What remotes said, addresses and numbers that change from one to the next out of it. */
struct report_response {
	struct span text; /* one of them */
	uint16_t reply;
	struct status status;
	struct verdict verdict;
	uint64_t failed, deferred;
};

/* A domain that makes us wait. */
struct report_domain {
	struct span name;
	struct report_counts counts;
	enum class class_id; /* of the last deferral */
	struct span text;    /* what it said */
};

/* An address that mail should no longer go to. */
struct report_address {
	struct span address;
	enum class class_id; /* of the failure that decided */
	struct span text;
	uint64_t failed;
	int64_t last_s;      /* the last failure, UTC */
};

/* How many a list would have, had it not been cut. */
struct report_totals {
	uint64_t classes, providers, responses, domains, addresses;
};

struct report {
	int64_t first_s, last_s;  /* of what was looked at, UTC; 0: nothing was */
	struct report_counts counts;
	uint64_t messages, expired;
	const struct report_class *classes;
	size_t class_count;
	const struct report_provider *providers;
	size_t provider_count;
	const struct report_day *days;
	size_t day_count;
	const struct report_response *responses;
	size_t response_count;
	const struct report_domain *domains;
	size_t domain_count;
	const struct report_address *addresses;
	size_t address_count;
	struct report_totals totals;
	/* of a log; 0 elsewhere */
	uint64_t lines, unreadable;
};

/* For people: bars as wide as the terminal is, else of 80 columns; no colours in a pipe. */
void report_print(FILE *out, const struct report *report, enum language language);

/* One JSON object on a line.  -ENOMEM. */
int report_write_json(FILE *out, const struct report *report, enum language language) __attribute__((warn_unused_result));

#endif
