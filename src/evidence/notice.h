/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounce as people read it: the text of its parts, up to the original, and what is returned of the original,
 * as a part of its own or quoted in the text.  Pure; one thread at a time; all of it is hostile.
 */
#ifndef KODAMA_EVIDENCE_NOTICE_H
#define KODAMA_EVIDENCE_NOTICE_H

#include "evidence/mail.h"
#include "evidence/outcome.h"

struct notice {
	const struct mail *mail;
	struct span text;       /* the text parts, one after the other, up to the original */
	struct fields original; /* its header; count 0 when nothing is returned */
	size_t budget;          /* steps of matching that are left for this mail */
	size_t header;          /* where notice_find_header found it; valid once it has searched this text */
	bool is_searched;
};

/* 0, -ENOMEM past the arena's limit. */
int notice_init(struct notice *notice, const struct mail *mail) __attribute__((warn_unused_result));

/* The original begins at `at` of the text: its header is read, unless a part holds one, and the text ends there. */
int notice_cut(struct notice *notice, size_t at) __attribute__((warn_unused_result));

/* Where in the text lines begin that are a header and no prose ("Received: from ..."); SIZE_MAX for nowhere. */
size_t notice_find_header(struct notice *notice);

/* Does it show what a server answered: "550 5.1.1", "550-5.1.1", "450 #4.2.2" somewhere, a line "550 words"? */
bool notice_has_reply(struct span text);

/* Did a mail system send it, by its envelope and its From? */
bool notice_is_from_mailer(const struct mail *mail);

/* Programs that send mail, by the words of their From; for those that are no mailer by their address. */
bool notice_is_from_robot(const struct mail *mail);

/* By its From alone: programs of people have the null sender, too. */
bool notice_is_named_mailer(const struct mail *mail);

/* The same for a guess: not what an answering program sends for a person. */
bool notice_is_written_by_mailer(const struct mail *mail);

/* What the mail and the original say: kind, time, sender, Message-ID, token.  What is there already is kept. */
void notice_complete(const struct notice *notice, struct outcome *outcome);

#endif
