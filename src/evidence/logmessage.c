/* SPDX-License-Identifier: BSD-2-Clause */
/* The open messages of a log.  Pure; one thread; queue ids and texts are hostile. */
#include "evidence/logmessage.h"

#include <errno.h>
#include <stdlib.h>

#include "base/quick.h"

enum {
	OPEN_MAX_DEFAULT = 1000000,
	DEFERRED_MAX_DEFAULT = 1000000,
	LIFETIME_DEFAULT_S = 10 * 86400,
	DONE_LIFETIME_S = 300,
	SLOTS_FIRST = 1024,
	BYTES_KEPT_MAX = 1024 /* of a message that is free */
};

/* --- the lists */

static void unlink_message(struct logjoin *join, struct message *message)
{
	struct message_ends *ends = &join->lists[message->list];

	if (message->newer != NO_MESSAGE)
		join->messages[message->newer].older = message->older;
	else
		ends->newest = message->older;
	if (message->older != NO_MESSAGE)
		join->messages[message->older].newer = message->newer;
	else
		ends->oldest = message->newer;
}

static void link_message(struct logjoin *join, struct message *message, enum message_list list)
{
	struct message_ends *ends = &join->lists[list];
	uint32_t index = (uint32_t)(message - join->messages);

	message->list = (uint8_t)list;
	message->newer = NO_MESSAGE;
	message->older = ends->newest;
	if (ends->newest != NO_MESSAGE)
		join->messages[ends->newest].newer = index;
	else
		ends->oldest = index;
	ends->newest = index;
}

void messages_touch(struct logjoin *join, struct message *message)
{
	/* of those that were touched in one second nobody asks which was the last */
	if (message->touched_s == join->age.now_s && message->list == MESSAGES_OPEN)
		return;
	message->touched_s = join->age.now_s;
	if (message->newer == NO_MESSAGE && message->list == MESSAGES_OPEN)
		return;
	unlink_message(join, message);
	link_message(join, message, message->list);
}

/* --- the table */

static uint32_t get_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

/* By what a message is found. */
struct message_key {
	uint64_t hash, instance;
	struct span id;
	enum log_mta mta;
};

static inline struct message_key key_of_line(const struct logjoin *join, const struct logline *line)
{
	return (struct message_key){ quickhash(&join->options.key, line->queue_id) ^ line->origin.host, line->origin.instance, line->queue_id,
				     line->mta };
}

/* Long ids are unique on their host, under whatever name a service of it logs. */
static inline bool message_is(const struct message *message, const struct message_key *key)
{
	return message->hash == key->hash && message->mta == key->mta && (message->is_long_id || message->instance == key->instance) &&
	       quick_is_equal(span_make(message->id, message->id_len), key->id);
}

/* Its place, or a free one. */
static inline struct slot *find_slot(const struct logjoin *join, const struct message_key *key)
{
	size_t mask = join->slot_size - 1;

	for (size_t at = key->hash & mask;; at = (at + 1) & mask) {
		struct slot *slot = &join->slots[at];
		if (slot->index == 0 || (slot->tag == get_tag(key->hash) && message_is(&join->messages[slot->index - 1], key)))
			return slot;
	}
}

static struct slot *get_slot(const struct logjoin *join, const struct message *message)
{
	size_t mask = join->slot_size - 1, at = message->hash & mask;

	while (join->slots[at].index != (uint32_t)(message - join->messages) + 1)
		at = (at + 1) & mask;
	return &join->slots[at];
}

/* The slots behind it that it kept from their place move up. */
static void free_slot(struct logjoin *join, struct slot *slot)
{
	size_t mask = join->slot_size - 1, hole = (size_t)(slot - join->slots);

	for (size_t at = (hole + 1) & mask; join->slots[at].index; at = (at + 1) & mask) {
		size_t home = join->messages[join->slots[at].index - 1].hash & mask;
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			join->slots[hole] = join->slots[at];
			hole = at;
		}
	}
	join->slots[hole] = (struct slot){ 0 };
}

static int grow_slots(struct logjoin *join)
{
	size_t size = join->slot_size * 2, mask = size - 1;
	struct slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < join->slot_size; i++) {
		if (!join->slots[i].index)
			continue;
		size_t at = join->messages[join->slots[i].index - 1].hash & mask;
		while (slots[at].index)
			at = (at + 1) & mask;
		slots[at] = join->slots[i];
	}
	free(join->slots);
	join->slots = slots;
	join->slot_size = size;
	return 0;
}

/* --- deferred recipients */

static uint32_t hash_recipient(const struct logjoin *join, struct span recipient)
{
	return (uint32_t)quickhash(&join->options.key, recipient);
}

struct deferred *messages_take_deferred(struct logjoin *join, struct message *message)
{
	struct deferred *taken = deferred_take_any(&message->deferred);

	join->counts.deferred -= taken != NULL;
	return taken;
}

static void drop_deferred(struct logjoin *join, struct message *message, struct span recipient, uint32_t hash)
{
	struct deferred *taken = deferred_take(&message->deferred, recipient, hash);

	join->counts.deferred -= taken != NULL;
	deferred_free(taken);
}

void messages_settle(struct logjoin *join, struct message *message, struct span recipient)
{
	message->final_count++;
	if (message->deferred.last)
		drop_deferred(join, message, recipient, hash_recipient(join, recipient));
}

static void forget_oldest(struct logjoin *join, enum message_list list)
{
	struct message *message = &join->messages[join->lists[list].oldest];
	size_t deferred = join->counts.deferred;

	join->counts.aged += list == MESSAGES_OPEN;
	messages_remove(join, message);
	join->counts.deferred_forgotten += deferred - join->counts.deferred;
}

/* Room for one more, at the cost of messages that were untouched the longest, never of this one's. */
static bool make_room_for_deferred(struct logjoin *join, const struct message *message)
{
	while (join->counts.deferred >= join->options.deferred_max) {
		uint32_t oldest = join->lists[MESSAGES_OPEN].oldest;
		if (oldest == NO_MESSAGE || &join->messages[oldest] == message)
			return false;
		forget_oldest(join, MESSAGES_OPEN);
	}
	return true;
}

int messages_defer(struct logjoin *join, struct message *message, const struct log_delivery *delivery)
{
	struct span texts[DEFERRED_FIELDS] = { [DEFERRED_RECIPIENT] = delivery->recipient, [DEFERRED_ORIG_TO] = delivery->orig_to,
					       [DEFERRED_RELAY] = delivery->relay,
					       [DEFERRED_TEXT] = span_slice(delivery->text, 0, DEFERRED_FIELD_MAX) };
	uint32_t hash = hash_recipient(join, delivery->recipient);
	bool is_long;
	struct deferred *deferred = deferred_new(texts, hash, &is_long);

	/* no address: nobody can be held to it */
	if (is_long)
		return 0;
	drop_deferred(join, message, delivery->recipient, hash);
	if (!deferred)
		return -ENOMEM;
	if (!make_room_for_deferred(join, message)) {
		deferred_free(deferred);
		join->counts.deferred_forgotten++;
		return 0;
	}
	deferred->status = delivery->status;
	deferred->is_doubtful = delivery->is_doubtful;
	deferred_add(&message->deferred, deferred);
	join->counts.deferred++;
	return 0;
}

/* --- messages */

static void clear_message(struct logjoin *join, struct message *message)
{
	struct deferred *one;

	while ((one = messages_take_deferred(join, message)))
		deferred_free(one);
	for (unsigned i = 0; i < MESSAGE_FIELDS; i++)
		message->lengths[i] = MESSAGE_UNKNOWN;
	message->has_sender = false;
	message->recipient_count = message->final_count = 0;
}

static void count_lists(struct logjoin *join, enum message_list list, int by)
{
	if (list == MESSAGES_OPEN)
		join->counts.open += (size_t)by;
	else
		join->done += (size_t)by;
}

void messages_remove(struct logjoin *join, struct message *message)
{
	uint32_t index = (uint32_t)(message - join->messages);

	free_slot(join, get_slot(join, message));
	unlink_message(join, message);
	count_lists(join, message->list, -1);
	clear_message(join, message);
	if (message->size > BYTES_KEPT_MAX) {
		free(message->bytes);
		message->bytes = NULL;
		message->size = 0;
	}
	message->older = join->free_message;
	join->free_message = index;
}

static int grow_messages(struct logjoin *join)
{
	size_t size = join->message_size ? join->message_size * 2 : 256;
	struct message *grown = realloc(join->messages, size * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	join->messages = grown;
	join->message_size = size;
	return 0;
}

/* One that is in no list and no slot. */
static struct message *get_free_message(struct logjoin *join)
{
	struct message *message;

	if (join->free_message != NO_MESSAGE) {
		message = &join->messages[join->free_message];
		join->free_message = message->older;
		return message;
	}
	if (join->message_count == join->message_size && grow_messages(join) < 0)
		return NULL;
	message = &join->messages[join->message_count++];
	*message = (struct message){ 0 };
	return message;
}

static struct message *add_message(struct logjoin *join, const struct message_key *key, bool is_long_id)
{
	struct message *message;

	while (join->done > 0 && join->counts.open + join->done >= join->options.open_max)
		forget_oldest(join, MESSAGES_DONE);
	while (join->counts.open >= join->options.open_max)
		forget_oldest(join, MESSAGES_OPEN);
	if ((join->counts.open + join->done + 1) * 2 > join->slot_size && grow_slots(join) < 0)
		return NULL;
	message = get_free_message(join);
	if (!message)
		return NULL;
	clear_message(join, message);
	message->hash = key->hash;
	message->instance = key->instance;
	message->mta = (uint8_t)key->mta;
	message->is_long_id = is_long_id;
	message->id_len = (uint8_t)key->id.len;
	memcpy(message->id, key->id.ptr, key->id.len);
	message->touched_s = join->age.now_s;
	*find_slot(join, key) = (struct slot){ get_tag(key->hash), (uint32_t)(message - join->messages) + 1 };
	link_message(join, message, MESSAGES_OPEN);
	count_lists(join, MESSAGES_OPEN, 1);
	return message;
}

static struct message *find_message(const struct logjoin *join, const struct message_key *key)
{
	const struct slot *slot = find_slot(join, key);

	return slot->index ? &join->messages[slot->index - 1] : NULL;
}

struct message *messages_find(struct logjoin *join, const struct logline *line)
{
	struct message_key key = key_of_line(join, line);

	join->found_hash = key.hash;
	return find_message(join, &key);
}

struct message *messages_begin(struct logjoin *join, const struct logline *line, struct message *old)
{
	const struct message_key key = { join->found_hash, line->origin.instance, line->queue_id, line->mta };
	struct message *message;

	if (old)
		messages_remove(join, old);
	message = add_message(join, &key, line->is_long_id);
	join->counts.messages += message != NULL;
	return message;
}

void messages_close_if_done(struct logjoin *join, struct message *message)
{
	if (message->list == MESSAGES_DONE || message->deferred.last || message->final_count < message->recipient_count)
		return;
	unlink_message(join, message);
	count_lists(join, MESSAGES_OPEN, -1);
	link_message(join, message, MESSAGES_DONE);
	count_lists(join, MESSAGES_DONE, 1);
}

static bool is_too_old(const struct logjoin *join, enum message_list list, int64_t lifetime_s)
{
	uint32_t oldest = join->lists[list].oldest;

	return oldest != NO_MESSAGE && join->messages[oldest].touched_s < join->age.now_s - lifetime_s;
}

void messages_age(struct logjoin *join)
{
	while (is_too_old(join, MESSAGES_OPEN, join->options.lifetime_s))
		forget_oldest(join, MESSAGES_OPEN);
	while (is_too_old(join, MESSAGES_DONE, DONE_LIFETIME_S))
		forget_oldest(join, MESSAGES_DONE);
}

static size_t get_known_length(const struct message *message, unsigned field)
{
	return message->lengths[field] == MESSAGE_UNKNOWN ? 0 : message->lengths[field];
}

static size_t get_offset(const struct message *message, unsigned field)
{
	size_t at = 0;

	for (unsigned i = 0; i < field; i++)
		at += get_known_length(message, i);
	return at;
}

struct span message_get(const struct message *message, enum message_field field)
{
	if (message->lengths[field] == MESSAGE_UNKNOWN)
		return SPAN_NONE;
	return message->lengths[field] ? span_make(message->bytes + get_offset(message, field), message->lengths[field]) : SPAN_LIT("");
}

int message_set(struct message *message, enum message_field field, struct span text)
{
	size_t at = get_offset(message, field), old = get_known_length(message, field), total = get_offset(message, MESSAGE_FIELDS);
	size_t behind = total - at - old;

	if (!span_is_known(text) || text.len > FIELD_MAX) {
		text.len = 0;
		text.ptr = NULL;
	}
	if (total - old + text.len > message->size) {
		size_t size = total - old + text.len + 64;
		char *grown = realloc(message->bytes, size);
		if (!grown)
			return -ENOMEM;
		message->bytes = grown;
		message->size = (uint32_t)size;
	}
	if (behind && old != text.len)
		memmove(message->bytes + at + text.len, message->bytes + at + old, behind);
	if (text.len)
		memcpy(message->bytes + at, text.ptr, text.len);
	message->lengths[field] = span_is_known(text) ? (uint16_t)text.len : MESSAGE_UNKNOWN;
	return 0;
}

/* --- the join as a whole */

struct logjoin *logjoin_new(const struct logjoin_options *options)
{
	struct logjoin *join = calloc(1, sizeof(*join));

	if (!join)
		return NULL;
	join->options = *options;
	if (!join->options.open_max)
		join->options.open_max = OPEN_MAX_DEFAULT;
	if (!join->options.deferred_max)
		join->options.deferred_max = DEFERRED_MAX_DEFAULT;
	if (!join->options.lifetime_s)
		join->options.lifetime_s = LIFETIME_DEFAULT_S;
	join->free_message = NO_MESSAGE;
	for (unsigned i = 0; i < MESSAGE_LISTS; i++)
		join->lists[i] = (struct message_ends){ NO_MESSAGE, NO_MESSAGE };
	join->slot_size = SLOTS_FIRST;
	join->slots = calloc(join->slot_size, sizeof(*join->slots));
	if (!join->slots) {
		free(join);
		return NULL;
	}
	return join;
}

static void forget_all(struct logjoin *join)
{
	for (unsigned list = 0; list < MESSAGE_LISTS; list++)
		while (join->lists[list].oldest != NO_MESSAGE)
			messages_remove(join, &join->messages[join->lists[list].oldest]);
}

void logjoin_free(struct logjoin *join)
{
	if (!join)
		return;
	forget_all(join);
	for (size_t i = 0; i < join->message_count; i++)
		free(join->messages[i].bytes);
	free(join->messages);
	free(join->slots);
	free(join);
}

const struct logjoin_counts *logjoin_get_counts(const struct logjoin *join)
{
	return &join->counts;
}
