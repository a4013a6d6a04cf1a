/* SPDX-License-Identifier: BSD-2-Clause */
/* Two nodes on one PostgreSQL: what one learns the other refuses; and both go on while the database is away. */
#include "store_help.h"

#include <errno.h>

#include "pgsql_help.h"
#include "store/writer.h"

struct node {
	char queue[100];
	struct index *index;
	struct index_follower *follower;
	struct writer *writer;
};

static const struct store_options options = { .uri = postgres_uri, .busy_ms = 2000 };
static struct node nodes[2];
static struct limits limits;

static int start_nodes(void **state)
{
	(void)state;
	postgres_empty();
	limits = sample_limits(PRESET_STRICT);
	for (size_t i = 0; i < 2; i++) {
		struct node *node = &nodes[i];
		snprintf(node->queue, sizeof(node->queue), "%s/queue%zu", postgres_folder, i);
		const struct writer_options writer_options = { .store = options, .queue_dir = node->queue };
		node->index = index_new();
		if (!node->index || writer_start(&writer_options, node->index, &node->writer) < 0 ||
		    index_follow(node->index, &options, 0, &node->follower) < 0)
			return -1;
	}
	return 0;
}

static int stop_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		index_follower_stop(nodes[i].follower);
		writer_stop(nodes[i].writer);
		index_free(nodes[i].index);
	}
	return 0;
}

static int record(struct node *node, struct sample sample)
{
	struct sample_event e;
	struct decision decision;

	sample_make(&sample, &e);
	return writer_record(node->writer, &limits, &e.event, 1, &decision);
}

static bool refuses(struct node *node, const char *text)
{
	struct address address;
	struct index_hit hit;

	assert_int_equal(address_fold(span_of(text), &address, NULL), 0);
	return index_find(node->index, &address, SPAN_LIT(""), "", NOW, &hit);
}

static bool refuses_within(struct node *node, const char *text, unsigned limit_ms)
{
	struct timespec nap = { .tv_nsec = 10000000 };

	for (unsigned waited = 0; waited < limit_ms; waited += 10) {
		if (refuses(node, text))
			return true;
		nanosleep(&nap, NULL);
	}
	return refuses(node, text);
}

static void wait_for_drain(struct node *node)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	struct writer_stats stats;

	for (int i = 0; i < 3000; i++) {
		writer_get_stats(node->writer, &stats);
		if (stats.queue_bytes == 0)
			return;
		nanosleep(&nap, NULL);
	}
	fail_msg("the queue is not drained: %s", stats.last_error);
}

static bool take_tally(void *data, const struct suppression *row)
{
	*(unsigned *)data = row->tally_count ? row->tallies[0].count : 0;
	return false;
}

static unsigned get_tally(const char *address)
{
	struct store *store;
	unsigned count = 0;

	assert_int_equal(store_open(&options, &store), 0);
	assert_true(store_find(store, span_of(address), SPAN_LIT(""), take_tally, &count) >= 0);
	store_close(store);
	return count;
}

static void test_learned_on_one_refused_on_the_other(void **state)
{
	(void)state;
	assert_int_equal(record(&nodes[0], (struct sample){ .queue_id = "4XyzA" }), 0);
	assert_true(refuses(&nodes[0], "user@example.com"));
	assert_true(refuses_within(&nodes[1], "user@example.com", 1000));
}

/* A node that would look once an hour hears of it all the same. */
static void test_a_node_is_woken(void **state)
{
	struct node sleeper = { .index = index_new() };

	(void)state;
	assert_int_equal(index_follow(sleeper.index, &options, 3600 * 1000, &sleeper.follower), 0);
	assert_int_equal(record(&nodes[0], (struct sample){ .queue_id = "4XyzA" }), 0);
	assert_true(refuses_within(&sleeper, "user@example.com", 5000));
	assert_int_equal(record(&nodes[1], (struct sample){ .queue_id = "4XyzB", .recipient = "b@example.com" }), 0);
	assert_true(refuses_within(&sleeper, "b@example.com", 5000));
	index_follower_stop(sleeper.follower);
	index_free(sleeper.index);
}

static void test_both_go_on_while_the_database_is_away(void **state)
{
	char queue_id[32];

	(void)state;
	assert_int_equal(record(&nodes[0], (struct sample){ .queue_id = "4XyzA", .recipient = "known@example.com" }), 0);
	assert_true(refuses_within(&nodes[1], "known@example.com", 5000));
	postgres_down();
	for (size_t i = 0; i < 20; i++) {
		snprintf(queue_id, sizeof(queue_id), "4Xyz%zuZ%zu", i % 2, i);
		assert_int_equal(record(&nodes[i % 2], (struct sample){ .queue_id = queue_id, .class_id = CLASS_MAILBOX_FULL }), -EINPROGRESS);
	}
	/* one failure that both nodes hear of, and one that nothing names */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(record(&nodes[i], (struct sample){ .message_id = "same@example.com", .class_id = CLASS_MAILBOX_FULL }), -EINPROGRESS);
	assert_int_equal(record(&nodes[0], (struct sample){ .class_id = CLASS_MAILBOX_FULL }), -EINPROGRESS);
	assert_true(refuses(&nodes[0], "known@example.com"));
	assert_true(refuses(&nodes[1], "known@example.com"));
	postgres_up();
	wait_for_drain(&nodes[0]);
	wait_for_drain(&nodes[1]);
	assert_int_equal(get_tally("user@example.com"), 22);
	assert_true(refuses_within(&nodes[0], "user@example.com", 5000));
	assert_true(refuses_within(&nodes[1], "user@example.com", 5000));
	assert_int_equal(record(&nodes[1], (struct sample){ .queue_id = "4XyzB", .recipient = "b@example.com" }), 0);
	assert_true(refuses_within(&nodes[0], "b@example.com", 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learned_on_one_refused_on_the_other, start_nodes, stop_nodes),
		cmocka_unit_test_setup_teardown(test_a_node_is_woken, start_nodes, stop_nodes),
		cmocka_unit_test_setup_teardown(test_both_go_on_while_the_database_is_away, start_nodes, stop_nodes),
	};

	return cmocka_run_group_tests(tests, postgres_start, postgres_stop);
}
