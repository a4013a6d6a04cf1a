/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the tally ask of each other: tally.c counts, tally_hosts.c knows domains and the hosts that answer for
 * them, tally_responses.c what these said.  For them alone.  One thread.
 */
#ifndef KODAMA_CLI_TALLY_PARTS_H
#define KODAMA_CLI_TALLY_PARTS_H

#include "cli/tally.h"

/* Of a response. */
enum { COUNT_FAILED, COUNT_DEFERRED };

/* False: no memory, which the tally knows then. */
bool tally_copy_text(struct tally *tally, struct span text, struct span *ret_copy);

static inline void tally_free_text(struct span text)
{
	free((void *)(uintptr_t)text.ptr);
}

/* The tally's number of the rule set's provider. */
uint16_t tally_get_provider(struct tally *tally, const char *name);
/* Asked as classifying asks: by host, then by the recipient's domain. */
uint16_t tally_find_provider(struct tally *tally, struct span host, struct span domain);

void tally_sum_counts(struct report_counts *to, const struct report_counts *from);

/* name: in lower case.  NULL: no memory. */
struct tally_domain *tally_get_domain(struct tally *tally, struct span name);
/* The host that answered, by relay=; NULL: none did. */
const struct tally_relay *tally_get_relay(struct tally *tally, struct tally_domain *domain, struct span relay);
/* The provider of the host that answered, else the domain's. */
uint16_t tally_get_domain_provider(struct tally *tally, struct tally_domain *domain, const struct tally_relay *relay);
void tally_note_deferral(struct tally_domain *domain, const struct log_delivery *delivery, enum class class_id);
void tally_merge_domains(struct tally *tally, const struct tally *from);
void tally_free_domains(struct tally *tally);

/* What was said, and the verdict on it.  *judged: working memory for a text that is not remembered.  NULL: no memory. */
struct tally_response *tally_get_response(struct tally *tally, const struct log_delivery *delivery, uint16_t provider,
					  const struct tally_relay *relay, struct tally_response *judged);
void tally_merge_responses(struct tally *tally, const struct tally *from);
void tally_free_responses(struct tally *tally);

#endif
