/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read first: the path of one failure, one function per arrow of DESIGN section 2.
 *
 *   intake  --flow_read-->  outcomes  --flow_classify-->  verdicts  --flow_decide-->  decisions  --flow_reply-->  edits
 *   policy, milter RCPT  --flow_ask-->  answer
 *
 * The fronts call these and nothing behind them.  Any thread; a snapshot is frozen and held by reference for a session.
 */
#ifndef KODAMA_FLOW_FLOW_H
#define KODAMA_FLOW_FLOW_H

#include "base/network.h"
#include "classify/classify.h"
#include "decide/limits.h"
#include "decide/relay.h"
#include "evidence/evidence.h"
#include "evidence/formats.h"
#include "evidence/token.h"
#include "reply/header.h"
#include "flow/watch.h"
#include "store/writer.h"

/* What a front does with a suppressed recipient. */
enum reaction { REACTION_REJECT, REACTION_TEMPFAIL, REACTION_REMOVE, REACTION_MARK };

/* Whose failures are counted apart. */
enum stream_kind { STREAM_NONE, STREAM_SENDER_DOMAIN, STREAM_LOGIN, STREAM_POLICY_CONTEXT, STREAM_COUNT };

/* What is done with a bounce of mail that we did not send, when it comes from outside. */
enum backscatter { BACKSCATTER_MARK, BACKSCATTER_REJECT, BACKSCATTER_QUARANTINE };

/* What a reload exchanges as one: rules, forms and the operator's word.  Immutable but for the count. */
struct snapshot {
	struct ruleset *ruleset;
	struct formats *formats;    /* may be NULL */
	struct limits limits;
	const char *host;           /* our name in headers; "" for the MTA's */
	enum language language;
	const char *refusal;        /* template; NULL for the default */
	const char *extension_delimiters;
	struct networks trusted_networks;  /* whose header fields of ours are passed as they are */
	struct networks outbound_networks; /* whose mail is ours without a login */
	struct relays relays;              /* whose `sent` is a delivery */
	bool is_log_trusted;               /* the operator's word that the MTA alone writes the log file */
	bool is_local_submission_trusted;  /* the MTA's own bounces prove */
	bool writes_headers;
	bool tells_removed;                /* in the header of the mail, who was taken out */
	enum reaction milter_reaction, policy_reaction, socketmap_reaction;
	bool signs_mail;                    /* outbound mail gets a token */
	bool sets_envelope_id;              /* ... in its envelope id, too */
	const char *const *token_senders;   /* ... of these senders and "@domain"s, folded */
	const char *const *token_logins;    /* ... and these logins; both empty: all */
	enum stream_kind stream_kind;
	enum backscatter backscatter;
	struct keys *keys;                  /* borrowed from the daemon; NULL: tokens prove nothing and are not made */
	bool softens;              /* a delivery result may become a deferral: see correct.h */
	struct arena *arena;        /* owns the texts above */
	unsigned references;        /* atomic */
};

struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* A new one with one reference and an empty arena; NULL when out of memory. */
struct snapshot *snapshot_new(void);

/* The snapshot in force: sessions take theirs from here, a reload exchanges it.  Any thread. */
struct current;
struct current *current_new(struct snapshot *snapshot); /* takes over the reference; NULL when out of memory */
void current_free(struct current *current);
struct snapshot *current_get(struct current *current);  /* a reference of the caller's */
void current_set(struct current *current, struct snapshot *snapshot); /* takes over the reference */

/* For who asks often: *held (may be NULL at first) is exchanged only when there is a newer one. */
void current_refresh(struct current *current, struct snapshot **held);

/* One failure on its way. */
struct failure {
	struct outcome outcome;
	struct verdict verdict;
	struct decision decision;
	bool is_decided;
	/* what its token told */
	struct span bound_recipient; /* the address that it binds */
	struct span token_id, stream;
	bool is_exempt_login;
};

struct failures {
	struct failure *items;
	size_t count;
	bool is_backscatter_likely; /* of mail that we did not send, by all that it shows */
	bool is_cut; /* the mail had more than OUTCOMES_MAX */
};

/* What the front knows about where the evidence came from. */
struct origin_facts {
	enum source source;
	enum proof proof;          /* log or local when the front proved it; else none: flow looks at the token itself */
	struct span host;          /* our MTA's name (milter macro j) */
	struct span stream;        /* flow_make_stream's, of the mail that failed, where a log knows who sent it; else "" */
	struct span login;         /* of the mail that failed, where a log knows it, for exempt-logins */
	struct span bounced_to;    /* whom the bounce is for, by its envelope: SPAN_NONE where it is not known */
	bool is_from_our_mta;      /* made by the MTA that we serve, as far as one can see from outside */
	bool may_be_ours;          /* ... or it could be: nobody can tell */
	int64_t now_s;
};

/* mail -> outcomes, in mail->arena. */
int flow_read(const struct snapshot *snapshot, const struct mail *mail, const struct origin_facts *facts, struct failures *ret_failures)
	__attribute__((warn_unused_result));

/* outcomes -> verdicts. */
void flow_classify(const struct snapshot *snapshot, struct scratch *scratch, struct failures *failures);

/* verdicts -> decisions, durably.  As writer_record; is_decided is false where the answer is -EINPROGRESS. */
int flow_decide(const struct snapshot *snapshot, struct writer *writer, const struct origin_facts *facts, struct failures *failures)
	__attribute__((warn_unused_result));

/* decisions -> header edits. */
int flow_reply(const struct snapshot *snapshot, const struct origin_facts *facts, const struct failures *failures, struct arena *arena,
	       struct edits *edits)
	__attribute__((warn_unused_result));

/* Who hands us a mail. */
struct submission {
	struct span sender;  /* of the envelope, brackets on or off */
	struct span login;   /* SASL; "" or unknown: none */
	struct span context; /* policy_context, or the milter's {daemon_name} */
	bool is_smtp;        /* by smtpd; else from the host itself */
	bool is_outbound;    /* of outbound-networks */
};

/* Its stream: "" where streams are not in use, "*" where it cannot be known. */
void flow_make_stream(const struct snapshot *snapshot, const struct submission *submission, char ret_stream[static TOKEN_STREAM_SIZE]);

/* Does the mail get a token (DESIGN section 6)? */
bool flow_signs(const struct snapshot *snapshot, const struct submission *submission);

struct signature {
	const char *header;      /* the value of X-Kodama-Token, folded */
	const char *envelope_id;
};

/* Of an envelope, as they stand there: the first TOKEN_HASHES_MAX, and how many there are. */
struct recipients {
	struct span items[TOKEN_HASHES_MAX];
	size_t count, total;
};

/* The token for a mail to these.  In the arena; -ENOMEM, -ENOKEY. */
int flow_sign(const struct snapshot *snapshot, const struct submission *submission, const struct recipients *recipients, int64_t now_us,
	      struct arena *arena, struct signature *ret_signature)
	__attribute__((warn_unused_result));

/* Is this token of a mail, signed before, ours, in its time, and for all of these recipients? */
bool flow_covers(const struct snapshot *snapshot, struct span token, const struct recipients *recipients, int64_t now_s);

/* May mail go to this recipient? */
struct answer {
	bool is_suppressed;
	bool is_dry_run;     /* suppressed, but enforce = no: say so in the log, refuse nothing */
	struct address recipient;
	struct index_hit hit;
	char text[512];      /* of the refusal, ends in the mark */
};

struct question {
	enum sighting front;    /* who asks */
	struct span recipient; /* brackets on or off */
	struct span sender;    /* the same; "" and "<>" are the null sender: its mail always goes */
	bool is_sender_unknown; /* who asks cannot know it */
	struct span login;     /* SASL; "" or unknown: none */
	struct span stream;
	int64_t now_s;
};
void flow_ask(const struct snapshot *snapshot, const struct index *index, const struct question *question, struct answer *ret_answer);

/* "" or "<>", or double-bounce@: mail of an MTA, to whom nothing can be returned. */
bool flow_is_null_sender(struct span sender);

#endif
