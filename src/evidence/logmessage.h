/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The open messages of a log: the memory behind logjoin.h, for logjoin.c alone.  Messages are found by host, instance and queue
 * id, and lie in the order in which they were last touched.  Pure; one thread.
 */
#ifndef KODAMA_EVIDENCE_LOGMESSAGE_H
#define KODAMA_EVIDENCE_LOGMESSAGE_H

#include "base/utf8.h"
#include "evidence/logage.h"
#include "evidence/logdeferred.h"
#include "evidence/logfield.h"
#include "evidence/logjoin.h"

enum message_field { MESSAGE_SENDER, MESSAGE_ID, MESSAGE_LOGIN, MESSAGE_FIELDS };

enum { MESSAGE_UNKNOWN = UINT16_MAX, FIELD_MAX = 2048, NO_MESSAGE = UINT32_MAX };

/* Open ones wait for their end; done ones (Sendmail says no end) are kept for lines that come late. */
enum message_list { MESSAGES_OPEN, MESSAGES_DONE, MESSAGE_LISTS };

struct message {
	uint64_t hash;                 /* of the queue id and its host */
	uint64_t instance;             /* whose short queue id it is (log_origin) */
	int64_t touched_s;             /* by logage.h */
	uint32_t newer, older;         /* in its list */
	uint8_t list;                  /* enum message_list */
	uint8_t mta;                   /* enum log_mta */
	bool is_long_id;
	bool has_sender;               /* the queue manager has seen it, so that a Message-ID that comes now is another message's */
	uint8_t id_len;
	char id[QUEUE_ID_MAX];
	uint32_t recipient_count, final_count;
	struct deferred_ring deferred;
	char *bytes;                   /* the fields, one after the other */
	uint32_t size;
	uint16_t lengths[MESSAGE_FIELDS]; /* MESSAGE_UNKNOWN */
};

struct slot {
	uint32_t tag;   /* of the hash */
	uint32_t index; /* plus 1; 0: free */
};

struct message_ends {
	uint32_t newest, oldest;
};

struct logjoin {
	struct logjoin_options options;
	struct logjoin_counts counts;
	struct logage age;
	struct message *messages;
	size_t message_size, message_count; /* count: so many were ever in use */
	uint32_t free_message;              /* chained by `older` */
	struct message_ends lists[MESSAGE_LISTS];
	size_t done;                        /* how many */
	struct slot *slots;
	size_t slot_size;                   /* a power of two */
	uint64_t found_hash;                /* of the last messages_find */
};

/* NULL if nothing is known of the queue id. */
struct message *messages_find(struct logjoin *join, const struct logline *line);

/* It is now the one that was untouched for the shortest time. */
void messages_touch(struct logjoin *join, struct message *message);

/* A new one in place of the old one, which messages_find has just found for the line, or not.  NULL: out of memory. */
struct message *messages_begin(struct logjoin *join, const struct logline *line, struct message *old);
void messages_remove(struct logjoin *join, struct message *message);

/* All recipients have had their last word, and nobody will say "removed". */
void messages_close_if_done(struct logjoin *join, struct message *message);

/* Forgets what was untouched for too long. */
void messages_age(struct logjoin *join);

/* SPAN_NONE for an unknown field.  A text that is too long is unknown, for cut it would be another one. */
struct span message_get(const struct message *message, enum message_field field);
int message_set(struct message *message, enum message_field field, struct span text) __attribute__((warn_unused_result));

/* Remembers the reason; it is the last one. */
int messages_defer(struct logjoin *join, struct message *message, const struct log_delivery *delivery) __attribute__((warn_unused_result));

/* The recipient is deferred no longer. */
void messages_settle(struct logjoin *join, struct message *message, struct span recipient);

/* The next of its deferred recipients, the caller's from now on; NULL. */
struct deferred *messages_take_deferred(struct logjoin *join, struct message *message);

#endif
