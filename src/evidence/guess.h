/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who an address in a text may be, for readers that guess.  The headers are hostile, as the text is, and both may hold
 * thousands of addresses: those of the headers are read once for all of the text.  Pure; any thread.
 */
#ifndef KODAMA_EVIDENCE_GUESS_H
#define KODAMA_EVIDENCE_GUESS_H

#include "evidence/notice.h"

enum { ADDRESSEES_MAX = 1000, BYSTANDERS_MAX = 10 };

/* The addresses of a notice's headers; borrowed from it. */
struct people {
	struct span addressees[ADDRESSEES_MAX]; /* of the original's To and Cc */
	size_t addressee_count;
	struct span bystanders[BYSTANDERS_MAX]; /* the sender, and those who help him */
	size_t bystander_count;
	struct span reporter; /* the domain that the notice is from */
};

/* The notice's text is cut already, and its original known. */
void people_read(const struct notice *notice, struct people *ret_people);

/* Was the original addressed to it? */
bool people_is_addressee(const struct people *people, struct span address);

/* A guess must not take the sender, or those who help him, for a recipient. */
bool people_is_bystander(const struct people *people, struct span address);

/* One of the mailboxes that texts name for questions, and to which the original was not addressed. */
bool people_is_helper(const struct people *people, struct span address);

/* One of those who wrote the notice, of the same domain: where else somebody is named, the questions go there. */
bool people_is_reporters_helper(const struct people *people, struct span address);

/* Does the line speak of who sent the mail? */
bool guess_is_about_sender(struct span line);

#endif
