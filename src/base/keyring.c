/* SPDX-License-Identifier: BSD-2-Clause */
/* Key rings: parsed, frozen, counted.  Any thread. */
#include "base/keyring.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct keys {
	pthread_mutex_t lock;
	struct keyring *ring;
	bool (*read)(void *data);
	void *data;
};

/* --- rings */

/* One secret, several uses: a code made for one is never good for another. */
static void derive(const struct key_record *record, struct span use, uint8_t ret_secret[static HMAC_SIZE])
{
	struct hmac_key whole = hmac_key_make(span_make((const char *)record->secret, sizeof(record->secret)));

	hmac_make(&whole, use, ret_secret);
	secret_wipe(&whole, sizeof(whole));
}

static struct hmac_key derive_hmac(const struct key_record *record, struct span use)
{
	uint8_t secret[HMAC_SIZE];

	derive(record, use, secret);
	struct hmac_key key = hmac_key_make(span_make((const char *)secret, sizeof(secret)));
	secret_wipe(secret, sizeof(secret));
	return key;
}

/* For what is no code: it is inside what is signed, and only has to hide a name. */
static struct siphash_key derive_siphash(const struct key_record *record, struct span use)
{
	uint8_t secret[HMAC_SIZE];
	struct siphash_key key;

	derive(record, use, secret);
	memcpy(&key, secret, sizeof(key));
	secret_wipe(secret, sizeof(secret));
	return key;
}

static void add_key(struct keyring *ring, const struct key_record *record)
{
	struct key *key = &ring->items[ring->count++];

	*key = (struct key){ .created_s = record->created_s, .retired_s = record->retired_s };
	snprintf(key->id, sizeof(key->id), "%s", record->id);
	key->token = derive_hmac(record, SPAN_LIT("kodama token"));
	key->recipient = derive_siphash(record, SPAN_LIT("kodama recipient"));
	if (!key->retired_s && (!ring->signer || key->created_s >= ring->signer->created_s))
		ring->signer = key;
}

struct keyring *keyring_new(const struct key_records *records, int64_t accept_s)
{
	struct keyring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->references = 1;
	ring->accept_s = accept_s;
	for (size_t i = 0; i < records->count; i++) {
		if (strcmp(records->items[i].id, KEY_STREAM) == 0)
			ring->stream = derive_siphash(&records->items[i], SPAN_LIT("kodama stream"));
		else
			add_key(ring, &records->items[i]);
	}
	return ring;
}

struct keyring *keyring_ref(struct keyring *ring)
{
	__atomic_add_fetch(&ring->references, 1, __ATOMIC_RELAXED);
	return ring;
}

void keyring_unref(struct keyring *ring)
{
	if (!ring || __atomic_sub_fetch(&ring->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	secret_wipe(ring, sizeof(*ring));
	free(ring);
}

const struct key *keyring_find(const struct keyring *ring, struct span id, int64_t now_s)
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct key *key = &ring->items[i];
		if (!span_is_equal(span_of(key->id), id))
			continue;
		return key->retired_s && now_s - key->retired_s > ring->accept_s ? NULL : key;
	}
	return NULL;
}

/* --- records */

struct key_record *key_records_find(struct key_records *records, struct span id)
{
	for (size_t i = 0; i < records->count; i++)
		if (span_is_equal(span_of(records->items[i].id), id))
			return &records->items[i];
	return NULL;
}

int key_records_add(struct key_records *records, const char *id, int64_t now_s)
{
	struct key_record record = { .created_s = now_s };
	uint8_t name[4];
	int error;

	if (records->count == KEYS_MAX)
		return -E2BIG;
	do {
		error = random_fill(name, sizeof(name));
		if (error < 0)
			return error;
		if (id)
			snprintf(record.id, sizeof(record.id), "%s", id);
		else
			hex_write(name, sizeof(name), record.id);
	} while (!id && key_records_find(records, span_of(record.id)));
	error = random_fill(record.secret, sizeof(record.secret));
	if (error < 0)
		return error;
	records->items[records->count++] = record;
	secret_wipe(&record, sizeof(record));
	return 0;
}

static struct span take_word(struct span *line)
{
	size_t end = 0;

	*line = span_trim_left(*line);
	while (end < line->len && !ascii_is_space(line->ptr[end]))
		end++;
	struct span word = span_slice(*line, 0, end);
	*line = span_skip(*line, end);
	return word;
}

static bool is_id(struct span id)
{
	uint8_t bytes[4];

	return span_is_equal(id, SPAN_LIT(KEY_STREAM)) || hex_read(id, bytes, sizeof(bytes)) == 0;
}

static int parse_record(struct span line, struct key_record *record)
{
	struct span id = take_word(&line), created = take_word(&line), retired = take_word(&line), secret = take_word(&line);
	uint64_t created_s, retired_s = 0;

	if (!is_id(id) || span_trim(line).len > 0 || hex_read(secret, record->secret, sizeof(record->secret)) < 0)
		return -EINVAL;
	if (span_parse_unsigned(created, INT64_MAX, &created_s) < 0)
		return -EINVAL;
	if (!span_is_equal(retired, SPAN_LIT("-")) && span_parse_unsigned(retired, INT64_MAX, &retired_s) < 0)
		return -EINVAL;
	snprintf(record->id, sizeof(record->id), "%.*s", SPAN_ARG(id));
	record->created_s = (int64_t)created_s;
	record->retired_s = (int64_t)retired_s;
	return 0;
}

int key_records_parse(struct span text, struct key_records *ret_records, unsigned *ret_line)
{
	ret_records->count = 0;
	*ret_line = 0;
	while (span_is_known(text) && text.len > 0) {
		struct span line = span_trim(span_take_line(&text));
		struct key_record record;
		(*ret_line)++;
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (parse_record(line, &record) < 0 || key_records_find(ret_records, span_of(record.id)))
			return -EINVAL;
		if (ret_records->count == KEYS_MAX)
			return -E2BIG;
		ret_records->items[ret_records->count++] = record;
	}
	return 0;
}

void key_records_write(const struct key_records *records, struct buffer *out)
{
	buffer_printf(out, "# the keys of Kodama's tokens: who reads this file can forge proof.  id, created, retired, secret\n");
	for (size_t i = 0; i < records->count; i++) {
		const struct key_record *record = &records->items[i];
		char secret[2 * KEY_SECRET_SIZE + 1], retired[24] = "-";
		hex_write(record->secret, sizeof(record->secret), secret);
		if (record->retired_s)
			snprintf(retired, sizeof(retired), "%lld", (long long)record->retired_s);
		buffer_printf(out, "%s %lld %s %s\n", record->id, (long long)record->created_s, retired, secret);
		secret_wipe(secret, sizeof(secret));
	}
}

/* --- the ring in force */

struct keys *keys_new(struct keyring *ring)
{
	struct keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	pthread_mutex_init(&keys->lock, NULL);
	keys->ring = ring;
	return keys;
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	keyring_unref(keys->ring);
	pthread_mutex_destroy(&keys->lock);
	free(keys);
}

struct keyring *keys_get(struct keys *keys)
{
	struct keyring *ring;

	pthread_mutex_lock(&keys->lock);
	ring = keyring_ref(keys->ring);
	pthread_mutex_unlock(&keys->lock);
	return ring;
}

void keys_set(struct keys *keys, struct keyring *ring)
{
	struct keyring *old;

	pthread_mutex_lock(&keys->lock);
	old = keys->ring;
	keys->ring = ring;
	pthread_mutex_unlock(&keys->lock);
	keyring_unref(old);
}

void keys_set_reader(struct keys *keys, bool (*read)(void *data), void *data)
{
	pthread_mutex_lock(&keys->lock);
	keys->read = read;
	keys->data = data;
	pthread_mutex_unlock(&keys->lock);
}

bool keys_want_more(struct keys *keys)
{
	bool (*read)(void *data);
	void *data;

	pthread_mutex_lock(&keys->lock);
	read = keys->read;
	data = keys->data;
	pthread_mutex_unlock(&keys->lock);
	return read && read(data);
}
