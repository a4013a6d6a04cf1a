/* SPDX-License-Identifier: BSD-2-Clause */
/* The server with long requests: pieces, answers that come later, no room, peers that stop half-way or go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/server.h"

enum { CLIENTS = 4 };

struct request {
	struct world *world;
	struct connection *connection;
	struct buffer text;
};

struct world {
	struct loop *loop;
	struct server *server;
	unsigned ticks, room, begun, ended;
	bool is_late;           /* answers are given by the test */
	struct request *whole;  /* the last one that is */
	int awaited;            /* the client that is to have something to read, or the end */
	int clients[CLIENTS];
};

static void *begin(void *data, struct connection *connection)
{
	struct world *world = data;
	struct request *request;

	if (world->begun - world->ended >= world->room)
		return NULL;
	request = calloc(1, sizeof(*request));
	assert_non_null(request);
	*request = (struct request){ .world = world, .connection = connection };
	buffer_init(&request->text, 1000);
	world->begun++;
	return request;
}

/* A request ends with a dot; its answer is itself. */
static int feed(void *data, struct span input)
{
	struct request *request = data;

	buffer_add(&request->text, input);
	if (span_find_char(input, '.', 0) == SIZE_MAX)
		return 0;
	request->world->whole = request;
	if (!request->world->is_late)
		server_answer(request->connection, buffer_get(&request->text));
	return 1;
}

static void end(void *data)
{
	struct request *request = data;
	struct world *world = request->world;

	world->ended++;
	if (world->whole == request)
		world->whole = NULL;
	buffer_done(&request->text);
	free(request);
	server_retry(world->server);
}

static void on_tick(void *data)
{
	struct world *world = data;
	char c;

	world->ticks++;
	/* five seconds are for ever here */
	if (world->ticks > 1000 || (world->awaited < 0 ? world->whole != NULL : recv(world->clients[world->awaited], &c, 1, MSG_PEEK) >= 0))
		loop_stop(world->loop);
}

/* Until that client has something to read, or its end; -1: until a request is whole. */
static void run_until(struct world *world, int awaited)
{
	world->awaited = awaited;
	world->ticks = 0;
	loop_run(world->loop);
	assert_true(world->ticks <= 1000);
}

static void open_world(struct world *world, unsigned room, unsigned request_s)
{
	static const struct server_stream stream = { 60, begin, feed, end };
	struct server_options options = { .name = "test", .connections = 100, .idle_s = 60, .request_s = request_s, .output_max = 1000,
					  .data = world, .stream = &stream };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(sa_family_t);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*world = (struct world){ .room = room };
	/* a name that the kernel makes up, in no folder */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	size = sizeof(address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(fd, 64), 0);
	world->loop = loop_new();
	assert_non_null(world->loop);
	assert_int_equal(loop_add_tick(world->loop, 5, on_tick, world), 0);
	assert_int_equal(server_start(world->loop, fd, &options, &world->server), 0);
	for (int i = 0; i < CLIENTS; i++) {
		world->clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(world->clients[i], (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + 6)), 0);
	}
}

static void close_world(struct world *world)
{
	for (int i = 0; i < CLIENTS; i++)
		close(world->clients[i]);
	world->room = 0;
	server_stop(world->server);
	loop_free(world->loop);
	assert_int_equal(world->begun, world->ended);
}

static void say(struct world *world, int client, const char *text)
{
	assert_int_equal(send(world->clients[client], text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char *hear(struct world *world, int client)
{
	static char text[1024];
	ssize_t got = recv(world->clients[client], text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static void test_pieces(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 10, 60);
	say(&world, 0, "on");
	say(&world, 1, "two.");
	run_until(&world, 1);
	assert_string_equal(hear(&world, 1), "two.");
	/* one request a connection */
	run_until(&world, 1);
	assert_int_equal(recv(world.clients[1], (char[1]){ 0 }, 1, 0), 0);
	say(&world, 0, "e.");
	run_until(&world, 0);
	assert_string_equal(hear(&world, 0), "one.");
	close_world(&world);
}

static void test_answer_later(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 10, 60);
	world.is_late = true;
	say(&world, 0, "slow.");
	run_until(&world, -1);
	world.is_late = false;
	say(&world, 1, "quick.");
	struct connection *slow = world.whole->connection;
	run_until(&world, 1);
	assert_string_equal(hear(&world, 1), "quick.");
	server_answer(slow, SPAN_LIT("done"));
	run_until(&world, 0);
	assert_string_equal(hear(&world, 0), "done");
	close_world(&world);
}

static void test_no_room(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1, 60);
	world.is_late = true;
	say(&world, 0, "first.");
	run_until(&world, -1);
	world.is_late = false;
	struct connection *first = world.whole->connection;
	for (int i = 1; i < CLIENTS; i++)
		say(&world, i, "next.");
	server_answer(first, SPAN_LIT("done"));
	for (int i = 0; i < CLIENTS; i++) {
		run_until(&world, i);
		assert_string_equal(hear(&world, i), i ? "next." : "done");
	}
	assert_int_equal(world.begun, CLIENTS);
	close_world(&world);
}

/* Who stops half-way loses his place to one that waits. */
static void test_half_way(void **state)
{
	struct world world;
	struct server_stats stats;

	(void)state;
	open_world(&world, 1, 1);
	say(&world, 0, "half");
	run_until(&world, 0);
	assert_string_equal(hear(&world, 0), "");
	say(&world, 1, "whole.");
	run_until(&world, 1);
	assert_string_equal(hear(&world, 1), "whole.");
	server_get_stats(world.server, &stats);
	assert_int_equal(stats.timed_out, 1);
	close_world(&world);
}

/* Gone before the answer: it goes nowhere, and the request ends once. */
static void test_gone(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, 1, 60);
	world.is_late = true;
	say(&world, 0, "late.");
	run_until(&world, -1);
	close(world.clients[0]);
	world.clients[0] = dup(world.clients[1]);
	world.is_late = false;
	say(&world, 1, "next.");
	server_answer(world.whole->connection, SPAN_LIT("done"));
	run_until(&world, 1);
	assert_string_equal(hear(&world, 1), "next.");
	close_world(&world);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),	 cmocka_unit_test(test_answer_later), cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_half_way), cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
