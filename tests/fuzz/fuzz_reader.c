/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a file of messages or of responses, through a buffer so small that all of it streams.  Every byte is taken
 * once, whatever stands in it, and no mail and no line is longer than its file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/reader.h"
#include "cli/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUFFER_SIZE = 300, MEMORY_MAX = 4 * 1024 * 1024 };

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void read_mails(struct reader *reader, uint64_t size)
{
	struct mail_reader *mail_reader = mail_reader_new(NULL);
	const struct mail *mail;
	uint64_t before = 0;
	int got;

	check(mail_reader != NULL);
	while ((got = reader_take_mail(reader, mail_reader, &mail)) > 0) {
		check(reader->taken > before);
		before = reader->taken;
	}
	check(got == 0 && reader->taken == size);
	mail_reader_free(mail_reader);
}

static void read_lines(struct reader *reader, uint64_t size)
{
	struct arena *arena = arena_new(MEMORY_MAX);
	struct response response;
	struct span line;
	const char *why = NULL;
	int got;

	check(arena != NULL);
	while ((got = reader_take_line(reader, &line)) > 0) {
		check(line.len <= BUFFER_SIZE && span_find_char(line, '\n', 0) == SIZE_MAX);
		arena_reset(arena);
		check(response_parse(line, arena, &response, &why) == 0 || why);
	}
	check(got == 0 && reader->taken == size);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct reader reader;

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size && reader_init(&reader, BUFFER_SIZE) == 0);
	check(lseek(fd, 0, SEEK_SET) == 0);
	reader_open(&reader, fd);
	read_mails(&reader, size);
	check(lseek(fd, 0, SEEK_SET) == 0);
	reader_open(&reader, fd);
	read_lines(&reader, size);
	reader_done(&reader);
	close(fd);
	return 0;
}
