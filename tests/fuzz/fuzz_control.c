/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: what comes over the control socket, on the real thing with a store, a writer and keys.  Each line gets one answer, and
 * all that is said is JSON of the two forms that the command knows: {"row":...} and {"ok":...}.  In pieces or whole, it is the same number.
 */
#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ops/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Below what a socket holds, so that we need not read while we write; then a store of its own again. */
enum { INPUT_MAX = 32 * 1024, RUNS_PER_STORE = 200 };

static struct daemon {
	char folder[40], uri[80], queue[80], keys_file[80], etc[80];
	struct sockaddr_un address;
	struct store_options store;
	struct keysource_options key_options;
	struct keysource *keysource;
	struct keys *keys;
	struct index *index;
	struct writer *writer;
	struct current *current;
	struct control *control;
	unsigned runs;
} daemon_state;

static int reload(void *data, struct buffer *said)
{
	struct daemon *daemon = data;

	buffer_add(said, SPAN_LIT("a \"remark\""));
	return daemon->runs % 2 ? -1 : 0;
}

static int listen_on(struct daemon *daemon)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	daemon->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(daemon->address.sun_path, sizeof(daemon->address.sun_path), "%s/control", daemon->folder);
	assert(bind(fd, (const struct sockaddr *)&daemon->address, sizeof(daemon->address)) == 0 && listen(fd, 16) == 0);
	return fd;
}

static void start(struct daemon *daemon)
{
	struct complaint complaint;
	struct snapshot *snapshot = snapshot_new();

	*daemon = (struct daemon){ .folder = "/tmp/kodama-fuzz-XXXXXX" };
	assert(snapshot && mkdtemp(daemon->folder));
	snprintf(daemon->uri, sizeof(daemon->uri), "sqlite:%s/db/kodama.db", daemon->folder);
	snprintf(daemon->queue, sizeof(daemon->queue), "%s/queue", daemon->folder);
	snprintf(daemon->keys_file, sizeof(daemon->keys_file), "%s/keys", daemon->folder);
	snprintf(daemon->etc, sizeof(daemon->etc), "%s/etc", daemon->folder);
	assert(mkdir(daemon->etc, 0700) == 0);
	daemon->store = (struct store_options){ .uri = daemon->uri, .busy_ms = 2000 };
	daemon->key_options = (struct keysource_options){ .file = daemon->keys_file, .store = daemon->store, .accept_s = 86400 };
	assert(ruleset_load(daemon->etc, &snapshot->ruleset, &complaint) == 0);
	snapshot->extension_delimiters = "+";
	daemon->current = current_new(snapshot);
	daemon->index = index_new();
	assert(daemon->current && daemon->index);
	assert(writer_start(&(struct writer_options){ .store = daemon->store, .queue_dir = daemon->queue }, daemon->index, &daemon->writer) == 0);
	assert(keysource_create(&daemon->key_options, 1800000000, &complaint) == 0);
	assert(keysource_start(&daemon->key_options, &daemon->keys, &daemon->keysource, &complaint) == 0);
	struct control_options options = {
		.fd = listen_on(daemon), .store = &daemon->store, .current = daemon->current, .key_options = &daemon->key_options,
		.sources = { .writer = daemon->writer, .index = daemon->index }, .keysource = daemon->keysource, .reload = reload, .data = daemon,
	};
	assert(control_start(&options, &daemon->control) == 0);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path);
}

static void stop(void)
{
	struct daemon *daemon = &daemon_state;

	control_stop(daemon->control);
	keysource_stop(daemon->keysource);
	keys_free(daemon->keys);
	writer_stop(daemon->writer);
	index_free(daemon->index);
	current_free(daemon->current);
	nftw(daemon->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct daemon *get_daemon(void)
{
	struct daemon *daemon = &daemon_state;

	if (!daemon->control) {
		start(daemon);
		assert(atexit(stop) == 0);
	} else if (daemon->runs == RUNS_PER_STORE) {
		stop();
		start(daemon);
	}
	daemon->runs++;
	return daemon;
}

/* How many requests a line of the answers ends: 1 or 0. */
static size_t check_line(struct span line)
{
	json_t *row = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	bool is_answer = json_is_boolean(json_object_get(row, "ok"));

	assert(is_answer != json_is_string(json_object_get(row, "row")));
	assert(!is_answer || json_is_true(json_object_get(row, "ok")) != json_is_string(json_object_get(row, "error")));
	json_decref(row);
	return is_answer;
}

static size_t count_lines(struct span text, size_t (*count)(struct span line))
{
	size_t at = 0, total = 0;

	for (size_t end; (end = span_find_char(text, '\n', at)) != SIZE_MAX; at = end + 1)
		total += count ? count(span_slice(text, at, end)) : 1;
	assert(!count || at == text.len);
	return total;
}

/* What it says to all of it, sent in pieces of that size. */
static size_t ask(const struct daemon *daemon, struct span input, size_t piece)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char chunk[32 * 1024];
	struct buffer said;
	ssize_t got;
	size_t answers;

	assert(fd >= 0 && connect(fd, (const struct sockaddr *)&daemon->address, sizeof(daemon->address)) == 0);
	for (; input.len > 0; input = span_skip(input, piece)) {
		struct span part = span_slice(input, 0, piece);
		assert(send(fd, part.ptr, part.len, MSG_NOSIGNAL) == (ssize_t)part.len);
	}
	assert(shutdown(fd, SHUT_WR) == 0);
	buffer_init(&said, 64 << 20);
	/* libFuzzer's alarm interrupts */
	while ((got = recv(fd, chunk, sizeof(chunk), 0)) > 0 || (got < 0 && errno == EINTR))
		buffer_add(&said, span_make(chunk, got > 0 ? (size_t)got : 0));
	assert(got == 0 && !said.is_cut);
	close(fd);
	answers = count_lines(buffer_get(&said), check_line);
	buffer_done(&said);
	return answers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct daemon *daemon = get_daemon();
	struct span input = span_make((const char *)data, size < INPUT_MAX ? size : INPUT_MAX);
	size_t requests = count_lines(input, NULL), piece = input.len / 8 + 1;

	assert(ask(daemon, input, INPUT_MAX) == requests);
	assert(ask(daemon, input, piece) == requests);
	return 0;
}
