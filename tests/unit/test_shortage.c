/* SPDX-License-Identifier: BSD-2-Clause */
/* The system has no memory while a bounce is read: whoever brought it keeps it, by every way in.  Linked with --wrap=malloc and realloc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "intake/ingest.h"
#include "intake/session.h"

/* What is larger is refused; small pieces are there as ever.  Atomic. */
enum { REFUSED_FROM = 8000 };
static bool is_short;

void *__real_malloc(size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *bytes, size_t size);

static bool is_refused(size_t size)
{
	return size >= REFUSED_FROM && __atomic_load_n(&is_short, __ATOMIC_RELAXED);
}

void *__wrap_malloc(size_t size)
{
	return is_refused(size) ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
	return is_refused(size) ? NULL : __real_realloc(bytes, size);
}

static void set_short(bool is)
{
	__atomic_store_n(&is_short, is, __ATOMIC_RELAXED);
}

static const char head[] =
	"From: MAILER-DAEMON@mx.example.org\r\n"
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n";
static const char body[] =
	"--b\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n"
	"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
	"Final-Recipient: rfc822; gone@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 ";
enum { WORDS = 60000 };

struct world {
	struct intake intake;
	char words[WORDS + 1]; /* more than there is memory for */
};

static int set_up(void **state)
{
	static struct world world;
	struct snapshot *snapshot = snapshot_new();
	struct complaint complaint = { 0 };
	char etc[4096];

	assert_non_null(snapshot);
	snprintf(etc, sizeof(etc), "%s/etc", getenv("top_srcdir"));
	assert_int_equal(ruleset_load(etc, &snapshot->ruleset, &complaint), 0);
	snapshot->host = "mx.example.jp";
	snapshot->extension_delimiters = "+";
	snapshot->limits.enforce = snapshot->limits.is_proof_required = true;
	world.intake.current = current_new(snapshot);
	world.intake.index = index_new();
	for (size_t i = 0; i < WORDS; i++)
		world.words[i] = i % 60 == 0 ? '\n' : i % 60 == 1 ? ' ' : 'x';
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	set_short(false);
	index_free(world->intake.index);
	current_free(world->intake.current);
	return 0;
}

/* --- the milter */

/* The queue id is there from the first command on in cleanup alone. */
static const char *get_macro(void *data, const char *name)
{
	const bool *is_smtp = data;

	if (strcmp(name, "v") == 0)
		return "Postfix 3.7.11";
	if (strcmp(name, "j") == 0)
		return "mx.example.jp";
	return strcmp(name, "i") == 0 && !*is_smtp ? "4jX3rL40xpz1cMcR" : NULL;
}

static void assert_session(struct world *world, bool is_smtp, enum session_reply expected)
{
	struct session_pool *pool = session_pool_new(&world->intake, true);
	struct session *session = session_new(pool, (struct session_macros){ get_macro, &is_smtp });
	struct sockaddr_in client = { .sin_family = AF_INET, .sin_port = htons(is_smtp ? 41234 : 0) };
	const struct edits *edits;

	assert_int_equal(inet_pton(AF_INET, is_smtp ? "192.0.2.7" : "127.0.0.1", &client.sin_addr), 1);
	session_connect(session, (struct sockaddr *)&client);
	assert_int_equal(session_mail(session, is_smtp ? "<>" : ""), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(session, "<sender@example.jp>"), SESSION_CONTINUE);
	session_header(session, "From", "MAILER-DAEMON@mx.example.org");
	session_header(session, "Content-Type", "multipart/report; report-type=delivery-status; boundary=b");
	assert_int_equal(session_end_headers(session), SESSION_CONTINUE);
	assert_int_equal(session_body(session, span_of(body)), SESSION_CONTINUE);
	set_short(true);
	assert_int_equal(session_body(session, span_of(world->words)), SESSION_CONTINUE);
	set_short(false);
	assert_int_equal(session_body(session, SPAN_LIT("\r\n--b--\r\n")), SESSION_CONTINUE);
	assert_int_equal(session_end(session, &edits), expected);
	session_free(session);
	session_pool_free(pool);
}

static void remotes_keep_their_bounce(void **state)
{
	assert_session(*state, true, SESSION_TEMPFAIL);
}

/* ... and our own MTA's passes: it would be tried again for days */
static void our_own_bounce_passes(void **state)
{
	assert_session(*state, false, SESSION_ACCEPT);
}

/* --- what a program hands in */

struct client {
	struct world *world;
	struct loop *loop;
	int fd;
	bool runs_short;
	char answer[200];
};

static void put(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(fd, text, len), (ssize_t)len);
}

static void *hand_in(void *data)
{
	struct client *client = data;
	ssize_t got, len = 0;

	dprintf(client->fd, "%zu:", strlen(head) + strlen(body) + WORDS + strlen("\r\n--b--\r\n"));
	put(client->fd, head);
	put(client->fd, body);
	/* the first of it has been read: the reader is there */
	for (int left = 1; left > 0;)
		assert_int_equal(ioctl(client->fd, SIOCOUTQ, &left), 0);
	set_short(client->runs_short);
	put(client->fd, client->world->words);
	put(client->fd, "\r\n--b--\r\n,");
	while ((got = read(client->fd, client->answer + len, sizeof(client->answer) - 1 - (size_t)len)) > 0)
		len += got;
	set_short(false);
	loop_wake(client->loop);
	return NULL;
}

static void stop(void *data)
{
	loop_stop(data);
}

static void hand_in_once(struct world *world, bool runs_short, char answer[static 200])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct ingest_options options = { 10, 60, 60 };
	struct client client = { .world = world, .loop = loop_new(), .runs_short = runs_short };
	struct ingest *ingest;
	pthread_t thread;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	/* a name that the kernel gives, in no folder */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(loop_add_wake(client.loop, stop, client.loop), 0);
	assert_int_equal(ingest_start(&world->intake, client.loop, fd, &options, &ingest), 0);
	client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client.fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(pthread_create(&thread, NULL, hand_in, &client), 0);
	loop_run(client.loop);
	pthread_join(thread, NULL);
	close(client.fd);
	ingest_stop(ingest);
	loop_free(client.loop);
	memcpy(answer, client.answer, sizeof(client.answer));
}

static void handed_in_means_come_again(void **state)
{
	char answer[200];

	hand_in_once(*state, true, answer);
	assert_non_null(strstr(answer, ":tempfail there is no memory"));
	hand_in_once(*state, false, answer);
	assert_non_null(strstr(answer, ":ok\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(remotes_keep_their_bounce, set_up, tear_down),
		cmocka_unit_test_setup_teardown(our_own_bounce_passes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(handed_in_means_come_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
