/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message is its connection's while it is read, a thread's while it is decided, and its connection's again for the
 * answer.  A connection that ends meanwhile leaves it to the thread.  All but decide() and below is the loop's thread.
 */
#include "intake/ingest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shortage.h"
#include "flow/counter.h"
#include "intake/netstring.h"
#include "intake/workspace.h"
#include "store/thread.h"

/*
 * MESSAGES_MAX: past it peers wait, so long; each may cost what a mail_reader may keep.  PER_USER: of one user but root, who is not to
 * keep the mailer's from it.
 */
enum { MESSAGES_MAX = 64, MESSAGES_PER_USER = 16, CONNECTIONS_PER_USER = 4 /* one part in */, THREADS_MAX = 8, WAIT_S = 60 };

struct message {
	struct ingest *ingest;
	struct connection *connection; /* NULL: it has ended */
	struct ingest_frame frame;
	struct workspace *work;
	struct snapshot *snapshot;
	struct buffer answer;
	uid_t user;
	uint64_t shortages; /* before it began */
	bool is_away; /* with a thread */
	struct message *next;
	struct message *previous_open, *next_open;
};

struct messages {
	struct message *first, *last;
};

struct ingest {
	struct intake intake;
	struct server *server;
	struct workspace_pool *workspaces;
	struct message *open; /* all */
	unsigned message_count;
	bool is_stopping;

	int done_fd; /* counts up when `done` has something */
	struct watch *done_watch;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t ended;
	struct messages ready, done;
	unsigned threads;
};

static void messages_append(struct messages *messages, struct message *message)
{
	message->next = NULL;
	*(messages->last ? &messages->last->next : &messages->first) = message;
	messages->last = message;
}

static struct message *messages_take(struct messages *messages)
{
	struct message *message = messages->first;

	if (message) {
		messages->first = message->next;
		if (!messages->first)
			messages->last = NULL;
	}
	return message;
}

/* --- what comes of a message; in a thread */

static void say(struct message *message, const char *word, const char *why)
{
	buffer_clear(&message->answer);
	buffer_printf(&message->answer, "%s%s%s\n", word, why[0] ? " " : "", why);
}

static void say_fields(struct message *message, const struct edits *edits)
{
	for (const struct edit *edit = edits->first; edit; edit = edit->next)
		if (edit->kind == EDIT_ADD_HEADER)
			buffer_printf(&message->answer, "%s: %s\n", edit->name, edit->value);
}

/* Nothing was kept: the MTA is to keep the bounce and to bring it again. */
static void say_later(struct message *message, const char *why)
{
	counter_add(COUNTER_INGEST_TEMPFAILED, 1);
	say(message, INGEST_FAIL_OPEN, why);
}

static void log_failed(const char *what, int error)
{
	log_event(LOG_LEVEL_ERROR, what, "front=ingest error=\"%s\"", strerror(-error));
}

/* What the system had no memory for is not in the message: it may have been what counts. */
static bool has_run_short(const struct message *message)
{
	return shortage_get_count() != message->shortages;
}

static bool is_candidate(const struct message *message)
{
	const struct formats *formats = message->snapshot->formats;

	return mail_is_candidate(message->work->reader) || (formats && formats_is_candidate(formats, mail_get(message->work->reader)));
}

/* Without proof of its own: what the evidence itself proves is the flow's to find. */
static void decide(struct message *message)
{
	const struct mail *mail = mail_end(message->work->reader);
	struct origin_facts facts = { .source = SOURCE_INGEST, .proof = PROOF_NONE, .host = SPAN_LIT(""), .stream = SPAN_LIT(""),
				      .may_be_ours = true, .now_s = time(NULL) };
	struct failures failures = { .count = 0 };
	struct edits edits = { .first = NULL };
	int error;

	say(message, INGEST_OK, "");
	error = is_candidate(message) ? flow_read(message->snapshot, mail, &facts, &failures) : 0;
	bool can_classify = failures.count == 0 || workspace_take_scratch(message->ingest->workspaces, message->work);
	if (!can_classify || has_run_short(message)) {
		log_failed("bounce-unread", -ENOMEM);
		say_later(message, "there is no memory to read this bounce now");
		return;
	}
	/* more than we take of any message: coming again would change nothing */
	if (error < 0)
		log_failed("bounce-unread", error);
	if (error < 0 || failures.count == 0)
		return;
	counter_add(COUNTER_INGEST_BOUNCES, 1);
	flow_classify(message->snapshot, message->work->scratch, &failures);
	error = flow_decide(message->snapshot, message->ingest->intake.writer, &facts, &failures);
	if (error < 0 && error != -EINPROGRESS) {
		log_failed("outcomes-unkept", error);
		say_later(message, "the outcomes of this bounce cannot be kept now");
		return;
	}
	intake_log_failures("ingest", SPAN_LIT(""), &failures);
	error = flow_reply(message->snapshot, &facts, &failures, message->work->arena, &edits);
	if (error < 0)
		log_failed("headers-unwritten", error);
	else
		say_fields(message, &edits);
}

static void *run(void *data)
{
	struct ingest *ingest = data;
	struct message *message;

	pthread_mutex_lock(&ingest->lock);
	while ((message = messages_take(&ingest->ready))) {
		uint64_t one = 1;
		pthread_mutex_unlock(&ingest->lock);
		decide(message);
		pthread_mutex_lock(&ingest->lock);
		messages_append(&ingest->done, message);
		/* never full: there are fewer messages than it can count */
		(void)!write(ingest->done_fd, &one, sizeof(one));
	}
	ingest->threads--;
	pthread_cond_signal(&ingest->ended);
	pthread_mutex_unlock(&ingest->lock);
	return NULL;
}

/* --- messages */

static void message_free(struct message *message)
{
	struct ingest *ingest = message->ingest;

	ingest->message_count--;
	*(message->previous_open ? &message->previous_open->next_open : &ingest->open) = message->next_open;
	if (message->next_open)
		message->next_open->previous_open = message->previous_open;
	workspace_give(ingest->workspaces, message->work);
	snapshot_unref(message->snapshot);
	buffer_done(&message->answer);
	free(message);
	if (!ingest->is_stopping)
		server_retry(ingest->server);
}

static void answer(struct message *message)
{
	struct buffer framed;

	buffer_init(&framed, INGEST_ANSWER_MAX + 16);
	netstring_add(&framed, buffer_get(&message->answer));
	server_answer(message->connection, buffer_get(&framed));
	buffer_done(&framed);
}

/* A thread more when there may be one; without any, nobody would come for the message. */
static int hand_over(struct message *message)
{
	struct ingest *ingest = message->ingest;
	pthread_t thread;
	int error = 0;

	pthread_mutex_lock(&ingest->lock);
	if (ingest->threads < THREADS_MAX && (error = thread_start(&thread, run, ingest)) == 0) {
		pthread_detach(thread);
		ingest->threads++;
	}
	if (ingest->threads > 0) {
		messages_append(&ingest->ready, message);
		message->is_away = true;
		error = 0;
	}
	pthread_mutex_unlock(&ingest->lock);
	return error;
}

static void on_done(void *data)
{
	struct ingest *ingest = data;
	struct message *message;
	uint64_t count;

	(void)!read(ingest->done_fd, &count, sizeof(count));
	for (;;) {
		pthread_mutex_lock(&ingest->lock);
		message = messages_take(&ingest->done);
		pthread_mutex_unlock(&ingest->lock);
		if (!message)
			return;
		message->is_away = false;
		if (message->connection)
			answer(message);
		else
			message_free(message);
	}
}

/* --- the stream of loop/server.h */

static bool has_room_for(const struct ingest *ingest, uid_t user)
{
	unsigned count = 0;

	if (ingest->is_stopping || ingest->message_count >= MESSAGES_MAX)
		return false;
	for (const struct message *message = ingest->open; message; message = message->next_open)
		count += message->user == user;
	return user == 0 || count < MESSAGES_PER_USER;
}

static void *begin(void *data, struct connection *connection)
{
	struct ingest *ingest = data;
	uid_t user = connection_get_user(connection);
	struct message *message = has_room_for(ingest, user) ? calloc(1, sizeof(*message)) : NULL;

	if (!message)
		return NULL;
	message->shortages = shortage_get_count();
	message->work = workspace_take(ingest->workspaces);
	if (!message->work) {
		free(message);
		return NULL;
	}
	message->ingest = ingest;
	message->connection = connection;
	message->user = user;
	message->next_open = ingest->open;
	if (ingest->open)
		ingest->open->previous_open = message;
	ingest->open = message;
	message->snapshot = current_get(ingest->intake.current);
	buffer_init(&message->answer, INGEST_ANSWER_MAX);
	mail_begin(message->work->reader, SPAN_NONE);
	ingest->message_count++;
	return message;
}

static int feed(void *request, struct span input)
{
	struct message *message = request;
	struct span content;
	int result = ingest_frame_take(&message->frame, input, &content);

	if (result < 0) {
		counter_add(COUNTER_INGEST_REFUSED, 1);
		say(message, INGEST_REFUSED, result == -EMSGSIZE ? "the message is larger than 64 MiB" : "this is no netstring");
		answer(message);
		return 1;
	}
	mail_add_bytes(message->work->reader, content);
	if (result == 0)
		return 0;
	counter_add(COUNTER_INGEST_MESSAGES, 1);
	result = hand_over(message);
	if (result < 0) {
		log_failed("thread-unstarted", result);
		say_later(message, "there is no thread for it");
		answer(message);
	}
	return 1;
}

static void end(void *request)
{
	struct message *message = request;

	message->connection = NULL;
	if (!message->is_away)
		message_free(message);
}

static const struct server_stream stream = { WAIT_S, begin, feed, end };

/* --- start and stop */

static void ingest_free(struct ingest *ingest)
{
	watch_free(ingest->done_watch);
	if (ingest->done_fd >= 0)
		close(ingest->done_fd);
	workspace_pool_free(ingest->workspaces);
	pthread_cond_destroy(&ingest->ended);
	pthread_mutex_destroy(&ingest->lock);
	free(ingest);
}

int ingest_start(const struct intake *intake, struct loop *loop, int fd, const struct ingest_options *options, struct ingest **ret_ingest)
{
	struct ingest *ingest = calloc(1, sizeof(*ingest));
	struct server_options server_options = {
		.name = "ingest",
		.connections = options->connections,
		.per_user = options->connections / CONNECTIONS_PER_USER + 1,
		.idle_s = options->idle_s,
		.request_s = options->request_s,
		.output_max = INGEST_ANSWER_MAX + 16,
		.data = ingest,
		.stream = &stream,
	};
	int error = -ENOMEM;

	if (!ingest)
		return -ENOMEM;
	ingest->intake = *intake;
	pthread_mutex_init(&ingest->lock, NULL);
	pthread_cond_init(&ingest->ended, NULL);
	ingest->workspaces = workspace_pool_new();
	ingest->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ingest->done_fd >= 0)
		ingest->done_watch = loop_watch_read(loop, ingest->done_fd, on_done, ingest);
	if (ingest->workspaces && ingest->done_watch)
		error = server_start(loop, fd, &server_options, &ingest->server);
	if (error < 0)
		ingest_free(ingest);
	else
		*ret_ingest = ingest;
	return error;
}

void ingest_stop(struct ingest *ingest)
{
	if (!ingest)
		return;
	ingest->is_stopping = true;
	server_stop(ingest->server);
	/* what is with a thread is committed; who brought it learns nothing, and brings it again */
	pthread_mutex_lock(&ingest->lock);
	while (ingest->threads > 0)
		pthread_cond_wait(&ingest->ended, &ingest->lock);
	pthread_mutex_unlock(&ingest->lock);
	on_done(ingest);
	ingest_free(ingest);
}

const struct server *ingest_get_server(const struct ingest *ingest)
{
	return ingest ? ingest->server : NULL;
}
