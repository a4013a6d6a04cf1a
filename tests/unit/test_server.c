/* SPDX-License-Identifier: BSD-2-Clause */
/* The server of short questions: pieces, answers that nobody takes, too much, too many, too slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/server.h"

enum { CLIENTS = 8, INPUT_MAX = 64, OUTPUT_MAX = 4 << 20 };

struct world {
	struct loop *loop;
	struct server *server;
	struct sockaddr_un address;
	unsigned ticks;
	bool (*is_done)(struct world *world);
	int clients[CLIENTS];
	size_t answer_size; /* bytes of one answer */
};

/* A request is a line; "bad" is nonsense; the answer is the line, or so many bytes. */
static ssize_t take(void *data, struct span input, struct buffer *output)
{
	const struct world *world = data;
	size_t taken = 0;

	for (size_t end; (end = span_find_char(input, '\n', taken)) != SIZE_MAX; taken = end + 1) {
		struct span line = span_slice(input, taken, end);
		if (span_is_equal(line, SPAN_LIT("bad")))
			return -EINVAL;
		for (size_t i = line.len + 1; i < world->answer_size; i++)
			buffer_add_char(output, '.');
		buffer_add(output, line);
		buffer_add_char(output, '\n');
	}
	return (ssize_t)taken;
}

static void on_tick(void *data)
{
	struct world *world = data;

	world->ticks++;
	/* five seconds are for ever here */
	if (world->is_done(world) || world->ticks > 1000)
		loop_stop(world->loop);
}

static void run_until(struct world *world, bool (*is_done)(struct world *world))
{
	world->is_done = is_done;
	world->ticks = 0;
	loop_run(world->loop);
	assert_true(world->ticks <= 1000);
}

static void open_world(struct world *world, unsigned connections, unsigned idle_s, unsigned request_s)
{
	struct server_options options = { .name = "test", .connections = connections, .idle_s = idle_s, .request_s = request_s,
					  .input_max = INPUT_MAX, .output_max = OUTPUT_MAX, .take = take, .data = world };
	socklen_t size = sizeof(sa_family_t);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*world = (struct world){ .address = { .sun_family = AF_UNIX } };
	/* a name that the kernel makes up, in no folder */
	assert_int_equal(bind(fd, (struct sockaddr *)&world->address, size), 0);
	size = sizeof(world->address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&world->address, &size), 0);
	assert_int_equal(listen(fd, 64), 0);
	world->loop = loop_new();
	assert_non_null(world->loop);
	assert_int_equal(loop_add_tick(world->loop, 5, on_tick, world), 0);
	assert_int_equal(server_start(world->loop, fd, &options, &world->server), 0);
	for (int i = 0; i < CLIENTS; i++) {
		world->clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(world->clients[i], (struct sockaddr *)&world->address, (socklen_t)(sizeof(sa_family_t) + 6)), 0);
	}
}

static void close_world(struct world *world)
{
	for (int i = 0; i < CLIENTS; i++)
		close(world->clients[i]);
	server_stop(world->server);
	loop_free(world->loop);
}

static void say(struct world *world, int client, const char *text)
{
	assert_int_equal(send(world->clients[client], text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What has come, all of it; "" also when the server has hung up. */
static const char *hear(struct world *world, int client)
{
	static char text[1024];
	ssize_t got = recv(world->clients[client], text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static bool has_hung_up(const struct world *world, int client)
{
	char c;

	return recv(world->clients[client], &c, 1, MSG_PEEK) == 0;
}

static bool has_answer(struct world *world)
{
	char c;

	return recv(world->clients[0], &c, 1, MSG_PEEK) == 1;
}

static bool first_is_closed(struct world *world)
{
	return has_hung_up(world, 0);
}

static void test_pieces(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 100, 60, 60);
	say(&world, 1, "o");
	say(&world, 1, "ne\ntwo\nthr");
	say(&world, 0, "go\n");
	run_until(&world, has_answer);
	hear(&world, 0);
	say(&world, 1, "ee\n");
	say(&world, 0, "go\n");
	run_until(&world, has_answer);
	assert_string_equal(hear(&world, 1), "one\ntwo\nthree\n");
	close_world(&world);
}

static void test_nonsense_ends_one_connection(void **state)
{
	struct world world;
	struct server_stats stats;

	(void)state;
	open_world(&world, 100, 60, 60);
	say(&world, 0, "good\nbad\n");
	run_until(&world, has_answer);
	assert_string_equal(hear(&world, 0), "good\n");
	assert_true(has_hung_up(&world, 0));
	server_get_stats(world.server, &stats);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.open, CLIENTS - 1);
	close_world(&world);
}

static void test_too_large(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 100, 60, 60);
	for (int i = 0; i < 8; i++)
		say(&world, 0, "0123456789");
	run_until(&world, first_is_closed);
	close_world(&world);
}

/* Whoever trickles is not waited for, and idle ones are not meant. */
static void test_too_slow(void **state)
{
	struct world world;
	struct server_stats stats;

	(void)state;
	open_world(&world, 100, 60, 1);
	say(&world, 0, "half");
	run_until(&world, first_is_closed);
	server_get_stats(world.server, &stats);
	assert_int_equal(stats.timed_out, 1);
	assert_int_equal(stats.open, CLIENTS - 1);
	close_world(&world);
}

static void test_idle(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 100, 1, 60);
	run_until(&world, first_is_closed);
	close_world(&world);
}

static void test_too_many(void **state)
{
	struct world world;
	struct server_stats stats;

	(void)state;
	open_world(&world, 3, 60, 60);
	run_until(&world, first_is_closed);
	server_get_stats(world.server, &stats);
	assert_int_equal(stats.accepted, CLIENTS);
	assert_int_equal(stats.open, 3);
	assert_int_equal(stats.evicted, CLIENTS - 3);
	assert_true(has_hung_up(&world, 4));
	assert_false(has_hung_up(&world, 5));
	close_world(&world);
}

/* A megabyte of answer to a peer that does not read: it waits, others are served, and it is whole in the end. */
static void test_deaf_peer(void **state)
{
	struct world world;
	size_t heard = 0;

	(void)state;
	open_world(&world, 100, 60, 60);
	world.answer_size = 1 << 20;
	say(&world, 1, "big\n");
	say(&world, 0, "go\n");
	run_until(&world, has_answer);
	world.answer_size = 0;
	say(&world, 2, "small\n");
	close(world.clients[0]);
	world.clients[0] = dup(world.clients[2]);
	run_until(&world, has_answer);
	assert_string_equal(hear(&world, 2), "small\n");
	close(world.clients[0]);
	world.clients[0] = dup(world.clients[1]);
	while (heard < 1 << 20) {
		run_until(&world, has_answer);
		heard += strlen(hear(&world, 1));
	}
	assert_int_equal(heard, 1 << 20);
	say(&world, 1, "again\n");
	run_until(&world, has_answer);
	assert_string_equal(hear(&world, 1), "again\n");
	close_world(&world);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),	 cmocka_unit_test(test_nonsense_ends_one_connection), cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_too_slow), cmocka_unit_test(test_idle),			      cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_deaf_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
