/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue's own file, torn and damaged, and the events in it. */
#include "writer_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/queue.h"
#include "store/wire.h"

static void append_text(struct queue *queue, const char *text)
{
	assert_int_equal(queue_append(queue, span_of(text)), 0);
}

static void read_all(struct queue *queue, char *out, size_t size)
{
	struct buffer record;
	uint64_t offset = queue_get_offset(queue);

	out[0] = '\0';
	buffer_init(&record, QUEUE_RECORD_MAX);
	while (queue_read(queue, &offset, &record) > 0)
		snprintf(out + strlen(out), size - strlen(out), "%s,", buffer_get_text(&record));
	buffer_done(&record);
}

static void test_every_torn_tail_leaves_the_whole_records(void **state)
{
	struct fixture *f = *state;
	struct queue *queue;
	struct stat st;
	char path[256], seen[64];

	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	append_text(queue, "one");
	append_text(queue, "two");
	uint64_t whole = queue_get_size(queue);
	append_text(queue, "three");
	uint64_t all = queue_get_size(queue);
	queue_close(queue);
	snprintf(path, sizeof(path), "%.120s/outcomes.queue", f->queue);
	for (uint64_t size = all - 1; size >= whole; size--) {
		assert_int_equal(truncate(path, (off_t)size), 0);
		assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
		read_all(queue, seen, sizeof(seen));
		assert_string_equal(seen, "one,two,");
		append_text(queue, "four");
		read_all(queue, seen, sizeof(seen));
		assert_string_equal(seen, "one,two,four,");
		queue_close(queue);
	}
	assert_int_equal(stat(path, &st), 0);
}

/* rm -r of the folder under a daemon: what it acknowledges later must not end with it. */
static void test_a_file_that_was_removed_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct queue *queue;
	char path[256], seen[64];

	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	append_text(queue, "one");
	snprintf(path, sizeof(path), "%.120s/outcomes.queue", f->queue);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(f->queue), 0);
	append_text(queue, "two");
	queue_close(queue);
	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	read_all(queue, seen, sizeof(seen));
	assert_string_equal(seen, "one,two,");
	queue_close(queue);
}

/* A disk that is full when the file is made anew leaves no other file with its name: the next that is told is taken. */
static void test_a_file_that_cannot_be_made_anew_is_made_later(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, none;
	struct queue *queue;
	char path[256], seen[64];

	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	append_text(queue, "one");
	snprintf(path, sizeof(path), "%.120s/outcomes.queue", f->queue);
	assert_int_equal(unlink(path), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 4;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(queue_append(queue, SPAN_LIT("two")), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	append_text(queue, "three");
	queue_close(queue);
	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	read_all(queue, seen, sizeof(seen));
	assert_string_equal(seen, "one,three,");
	queue_close(queue);
}

static void test_damage_in_the_midst_costs_only_what_it_hit(void **state)
{
	struct fixture *f = *state;
	struct queue *queue;
	char path[256], seen[64];

	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	append_text(queue, "one");
	uint64_t first = queue_get_size(queue);
	append_text(queue, "two");
	append_text(queue, "three");
	queue_close(queue);
	snprintf(path, sizeof(path), "%.120s/outcomes.queue", f->queue);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, (off_t)first + 17), 1);
	close(fd);
	assert_int_equal(queue_open(f->queue, 4096, &queue), 0);
	read_all(queue, seen, sizeof(seen));
	assert_string_equal(seen, "one,three,");
	assert_true(queue_get_damage(queue) > 0);
	queue_close(queue);
}

static void test_events_cross_the_wire_whole_and_nothing_shorter_does(void **state)
{
	struct fixture *f = *state;
	struct sample_event e;
	struct wire_event back;
	struct buffer buffer;

	sample_make(&(struct sample){ .recipient = "a@example.com", .queue_id = "Q", .token_recipient = "b@example.com", .stream = "s" }, &e);
	struct ruling ruling = ruling_make(&f->limits, &e.event);
	buffer_init(&buffer, WIRE_SIZE_MAX);
	wire_put(&buffer, &e.event, &ruling);
	struct span rest = buffer_get(&buffer);
	assert_int_equal(wire_take(&rest, &back), 0);
	assert_int_equal(rest.len, 0);
	assert_true(span_is_equal(back.outcome.recipient, e.outcome.recipient));
	assert_true(span_is_equal(back.event.token_recipient, SPAN_LIT("b@example.com")));
	assert_false(span_is_known(back.outcome.message_id));
	assert_string_equal(back.verdict.rule, "test.rule");
	assert_string_equal(back.ruling.section, ruling.section);
	assert_string_equal(back.ruling.address.text, ruling.address.text);
	assert_true(back.ruling.for_s == ruling.for_s && back.event.received_s == NOW);
	for (size_t len = 0; len < buffer.len; len++) {
		char *cut = malloc(len ? len : 1);
		memcpy(cut, buffer.bytes, len);
		rest = span_make(cut, len);
		assert_int_equal(wire_take(&rest, &back), -EINVAL);
		free(cut);
	}
	buffer_done(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_every_torn_tail_leaves_the_whole_records),
		CASE(test_a_file_that_was_removed_is_made_anew),
		CASE(test_a_file_that_cannot_be_made_anew_is_made_later),
		CASE(test_damage_in_the_midst_costs_only_what_it_hit),
		CASE(test_events_cross_the_wire_whole_and_nothing_shorter_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
