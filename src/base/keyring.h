/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that sign tokens, in memory: a ring is immutable, counted, and exchanged as one when keys change.  What
 * a key is never leaves this module and its file but in hmac_key, from which it cannot be had back.
 *
 * A key file, one a line: "ID CREATED RETIRED SECRET", "#" begins a comment.  RETIRED is "-" while the key may sign;
 * times are seconds since the epoch.  The line with the id "stream" is what stream ids are made with: it never changes.
 */
#ifndef KODAMA_BASE_KEYRING_H
#define KODAMA_BASE_KEYRING_H

#include "base/buffer.h"
#include "base/hmac.h"
#include "base/siphash.h"

enum { KEY_ID_SIZE = 9, KEY_SECRET_SIZE = 32, KEYS_MAX = 64 };

#define KEY_STREAM "stream"

/* One as it stands in the file or the table. */
struct key_record {
	char id[KEY_ID_SIZE]; /* eight hex digits, or KEY_STREAM */
	int64_t created_s, retired_s; /* retired_s 0: in use */
	uint8_t secret[KEY_SECRET_SIZE];
};

struct key_records {
	struct key_record items[KEYS_MAX];
	size_t count;
};

struct key {
	char id[KEY_ID_SIZE];
	int64_t created_s, retired_s;
	struct hmac_key token;        /* two keys made of one secret, one for each use */
	struct siphash_key recipient;
};

struct keyring {
	struct key items[KEYS_MAX];
	size_t count;
	struct siphash_key stream;
	const struct key *signer; /* the newest in use; NULL: none */
	int64_t accept_s;         /* so long after its end a retired key is still good for what it signed */
	unsigned references;      /* atomic */
};

/* With one reference; NULL when out of memory.  The records may be wiped afterwards. */
struct keyring *keyring_new(const struct key_records *records, int64_t accept_s);
struct keyring *keyring_ref(struct keyring *ring);
void keyring_unref(struct keyring *ring);

/* NULL: unknown, or out of its time. */
const struct key *keyring_find(const struct keyring *ring, struct span id, int64_t now_s);

/* A new one of random bytes, added at the end; id NULL: a random one.  -E2BIG, -EIO. */
int key_records_add(struct key_records *records, const char *id, int64_t now_s) __attribute__((warn_unused_result));
struct key_record *key_records_find(struct key_records *records, struct span id);

/* -EINVAL with *ret_line where it is no key file, -E2BIG. */
int key_records_parse(struct span text, struct key_records *ret_records, unsigned *ret_line) __attribute__((warn_unused_result));
/* With the secrets: for the file alone. */
void key_records_write(const struct key_records *records, struct buffer *out);

/* The ring in force.  Any thread. */
struct keys;
struct keys *keys_new(struct keyring *ring); /* takes over the reference; NULL when out of memory */
void keys_free(struct keys *keys);
struct keyring *keys_get(struct keys *keys); /* a reference of the caller's */
void keys_set(struct keys *keys, struct keyring *ring); /* takes over the reference */

/*
 * A key was asked for that the ring does not have: another host may have made it just now.  Calls what was set, which
 * reads them anew if it has not done so within a second; true: there may be more keys now.
 */
bool keys_want_more(struct keys *keys);
void keys_set_reader(struct keys *keys, bool (*read)(void *data), void *data);

#endif
