/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys from a file or the store, and the thread that keeps them current; it owns the store handle that it reads by. */
#include "store/keysource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "store/keyfile.h"
#include "store/keytable.h"
#include "store/thread.h"

/* REFRESH_MIN_MS: whoever invents key ids makes us read this often, and no more */
enum { INTERVAL_MS = 5000, REFRESH_MIN_MS = 1000, REFRESH_WAIT_MS = 500 };

struct keysource {
	struct keysource_options options;
	struct keys *keys;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	bool is_wanted, is_stopping;
	uint64_t reads;           /* finished */
	int64_t last_ms;
	bool has_failed;          /* the last read did, and has been said */
	struct key_records known; /* the thread's own */
};

/* --- the changes, wherever the keys are */

static int make_first(void *data, struct key_records *records)
{
	int64_t now_s = *(const int64_t *)data;
	int error = key_records_add(records, KEY_STREAM, now_s);

	return error < 0 ? error : key_records_add(records, NULL, now_s);
}

struct rotation {
	int64_t now_s, accept_s;
	char *ret_id;
};

static bool is_stream(const struct key_record *record)
{
	return strcmp(record->id, KEY_STREAM) == 0;
}

static int rotate(void *data, struct key_records *records)
{
	const struct rotation *rotation = data;
	size_t kept = 0;

	for (size_t i = 0; i < records->count; i++) {
		struct key_record *record = &records->items[i];
		if (!is_stream(record) && record->retired_s && rotation->now_s - record->retired_s > rotation->accept_s)
			continue;
		if (!is_stream(record) && !record->retired_s)
			record->retired_s = rotation->now_s;
		if (kept != i)
			records->items[kept] = *record;
		kept++;
	}
	records->count = kept;
	int error = key_records_add(records, NULL, rotation->now_s);
	if (error == 0)
		memcpy(rotation->ret_id, records->items[records->count - 1].id, KEY_ID_SIZE);
	return error;
}

static int revoke(void *data, struct key_records *records)
{
	struct key_record *record = key_records_find(records, *(const struct span *)data);

	if (!record || is_stream(record))
		return -ENOENT;
	if (!record->retired_s)
		return -EBUSY;
	*record = records->items[--records->count];
	return 0;
}

/* --- file or store */

static bool is_in_file(const struct keysource_options *options)
{
	return options->file && options->file[0];
}

static int complain_of_store(int error, struct complaint *complaint)
{
	if (error < 0 && complaint && !complaint->text[0])
		complaint_set(complaint, "", 0, "the keys in the database: %s", store_get_error(NULL)[0] ? store_get_error(NULL) : strerror(-error));
	return error;
}

static int change(const struct keysource_options *options, bool is_new, keyfile_change *apply, void *data, struct complaint *complaint)
{
	struct store *store;

	if (is_in_file(options))
		return keyfile_change_all(options->file, is_new, apply, data, complaint);
	int error = store_open(&options->store, &store);
	if (error == 0) {
		error = keytable_change_all(store, is_new, apply, data);
		store_close(store);
	}
	return error == -EEXIST && is_new ? error : complain_of_store(error, complaint);
}

int keysource_read(const struct keysource_options *options, struct key_records *ret_records, struct complaint *complaint)
{
	struct store *store;

	if (is_in_file(options))
		return keyfile_read(options->file, ret_records, complaint);
	struct store_options store_options = options->store;
	store_options.is_read_only = true;
	int error = store_open(&store_options, &store);
	if (error == 0) {
		error = keytable_read(store, ret_records);
		store_close(store);
	}
	return complain_of_store(error, complaint);
}

int keysource_create(const struct keysource_options *options, int64_t now_s, struct complaint *complaint)
{
	struct key_records records = { .count = 0 };
	int error = is_in_file(options) ? keyfile_read(options->file, &records, complaint) : 0;

	secret_wipe(&records, sizeof(records));
	if (is_in_file(options) && error != -ENOENT)
		return error;
	error = change(options, true, make_first, &now_s, complaint);
	/* somebody else was first */
	return error == -EEXIST ? 0 : error;
}

int keysource_rotate(const struct keysource_options *options, int64_t now_s, char ret_id[static KEY_ID_SIZE], struct complaint *complaint)
{
	struct rotation rotation = { now_s, options->accept_s, ret_id };

	return change(options, false, rotate, &rotation, complaint);
}

int keysource_revoke(const struct keysource_options *options, struct span id, struct complaint *complaint)
{
	return change(options, false, revoke, &id, complaint);
}

/* --- the thread */

static bool is_same(const struct key_records *a, const struct key_records *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].id, b->items[i].id) != 0 || a->items[i].retired_s != b->items[i].retired_s ||
		    a->items[i].created_s != b->items[i].created_s ||
		    !secret_is_equal(a->items[i].secret, b->items[i].secret, KEY_SECRET_SIZE))
			return false;
	return true;
}

/* What cannot be read leaves the ring as it is: mail goes on being signed. */
static void read_again(struct keysource *source)
{
	struct complaint complaint = { .line = 0 };
	struct key_records records = { .count = 0 };
	struct keyring *ring;
	int error = keysource_read(&source->options, &records, &complaint);

	if (error < 0 && !source->has_failed)
		log_event(LOG_LEVEL_WARNING, "keys-unread", "error=\"%s\"", complaint.text[0] ? complaint.text : strerror(-error));
	source->has_failed = error < 0;
	if (error == 0 && records.count > 0 && !is_same(&records, &source->known)) {
		ring = keyring_new(&records, source->options.accept_s);
		if (ring) {
			source->known = records;
			keys_set(source->keys, ring);
			log_event(LOG_LEVEL_INFO, "keys-changed", "keys=%zu signer=%s", ring->count, ring->signer ? ring->signer->id : "-");
		}
	}
	secret_wipe(&records, sizeof(records));
}

static void *run(void *data)
{
	struct keysource *source = data;

	pthread_mutex_lock(&source->lock);
	while (!source->is_stopping) {
		struct timespec until = monotonic_at(monotonic_get_ms() + INTERVAL_MS);
		int result = 0;
		while (!source->is_wanted && !source->is_stopping && result != ETIMEDOUT)
			result = pthread_cond_timedwait(&source->asked, &source->lock, &until);
		if (source->is_stopping)
			break;
		source->is_wanted = false;
		pthread_mutex_unlock(&source->lock);
		read_again(source);
		pthread_mutex_lock(&source->lock);
		source->reads++;
		source->last_ms = monotonic_get_ms();
		pthread_cond_broadcast(&source->answered);
	}
	pthread_mutex_unlock(&source->lock);
	return NULL;
}

static bool ask(struct keysource *source, bool is_at_once)
{
	struct timespec until = monotonic_at(monotonic_get_ms() + REFRESH_WAIT_MS);
	int result = 0;

	pthread_mutex_lock(&source->lock);
	uint64_t before = source->reads;
	bool is_asked = is_at_once || monotonic_get_ms() - source->last_ms >= REFRESH_MIN_MS;
	if (is_asked) {
		source->is_wanted = true;
		pthread_cond_signal(&source->asked);
		while (source->reads == before && result != ETIMEDOUT)
			result = pthread_cond_timedwait(&source->answered, &source->lock, &until);
	}
	bool is_read = source->reads != before;
	pthread_mutex_unlock(&source->lock);
	return is_read;
}

bool keysource_refresh(struct keysource *source)
{
	return ask(source, true);
}

static bool read_more(void *data)
{
	return ask(data, false);
}

static int read_first(struct keysource *source, struct complaint *complaint)
{
	int error = keysource_create(&source->options, time(NULL), complaint);
	struct keyring *ring;

	if (error == 0)
		error = keysource_read(&source->options, &source->known, complaint);
	if (error < 0)
		return error;
	ring = keyring_new(&source->known, source->options.accept_s);
	source->keys = ring ? keys_new(ring) : NULL;
	if (source->keys)
		return 0;
	keyring_unref(ring);
	return -ENOMEM;
}

int keysource_start(const struct keysource_options *options, struct keys **ret_keys, struct keysource **ret_source, struct complaint *complaint)
{
	struct keysource *source = calloc(1, sizeof(*source));
	int error;

	if (!source)
		return -ENOMEM;
	source->options = *options;
	pthread_mutex_init(&source->lock, NULL);
	monotonic_cond_init(&source->asked);
	monotonic_cond_init(&source->answered);
	error = read_first(source, complaint);
	if (error == 0) {
		keys_set_reader(source->keys, read_more, source);
		error = thread_start(&source->thread, run, source);
	}
	if (error < 0) {
		keys_free(source->keys);
		free(source);
		return error;
	}
	*ret_keys = source->keys;
	*ret_source = source;
	return 0;
}

void keysource_stop(struct keysource *source)
{
	if (!source)
		return;
	pthread_mutex_lock(&source->lock);
	source->is_stopping = true;
	pthread_cond_signal(&source->asked);
	pthread_mutex_unlock(&source->lock);
	pthread_join(source->thread, NULL);
	keys_set_reader(source->keys, NULL, NULL);
	secret_wipe(source, sizeof(*source));
	free(source);
}
