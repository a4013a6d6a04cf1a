/* SPDX-License-Identifier: BSD-2-Clause */
/* Any codec, from any place on: the members of a file one after the other, what is in front of the place thrown away. */
#include "intake/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intake/codec.h"

enum { INPUT_SIZE = 32 * 1024, SKIP_SIZE = 32 * 1024, MAGIC_MAX = 8 };

struct archive {
	const struct codec *codec;
	void *decoder;   /* of the member that is being read; NULL between two */
	int fd;
	off_t read_at;   /* of the file: behind the input */
	uint64_t offset; /* of what it was before: behind what was given */
	int error;       /* what it ended with: all was given before */
	size_t start, end;
	unsigned char input[INPUT_SIZE];
};

bool archive_is_name(struct span name)
{
	return codec_find(name) != NULL;
}

struct span archive_get_plain_name(struct span name)
{
	const struct codec *codec = codec_find(name);

	return span_slice(name, 0, name.len - (codec ? codec->suffix.len : 0));
}

bool archive_is(int fd, const char *path)
{
	const struct codec *codec = codec_find(span_of(path));
	char begin[MAGIC_MAX];

	return codec && pread(fd, begin, codec->magic.len, 0) == (ssize_t)codec->magic.len && memcmp(begin, codec->magic.ptr, codec->magic.len) == 0;
}

int archive_open(int fd, const char *path, struct archive **ret_archive)
{
	const struct codec *codec = codec_find(span_of(path));
	struct archive *archive;

	if (!codec || !archive_is(fd, path))
		return -EINVAL;
	if (!codec_load(codec))
		return -ENOSYS;
	archive = calloc(1, sizeof(*archive));
	if (!archive)
		return -ENOMEM;
	archive->codec = codec;
	archive->fd = fd;
	*ret_archive = archive;
	return 0;
}

static void end_member(struct archive *archive)
{
	if (archive->decoder)
		archive->codec->end(archive->decoder);
	archive->decoder = NULL;
}

void archive_close(struct archive *archive)
{
	if (!archive)
		return;
	end_member(archive);
	free(archive);
}

static void go_to_the_beginning(struct archive *archive)
{
	end_member(archive);
	archive->read_at = 0;
	archive->offset = archive->start = archive->end = 0;
	archive->error = 0;
}

/* False: the file ends here. */
static bool fill_input(struct archive *archive)
{
	ssize_t got = pread(archive->fd, archive->input, sizeof(archive->input), archive->read_at);

	archive->start = 0;
	archive->end = got > 0 ? (size_t)got : 0;
	archive->read_at += (off_t)archive->end;
	return got > 0;
}

/* Up to the next member, over the zeros that may fill what is between two.  1; 0: there is none; -ENOMEM. */
static int begin_member(struct archive *archive)
{
	do {
		while (archive->start < archive->end && archive->input[archive->start] == 0)
			archive->start++;
	} while (archive->start == archive->end && fill_input(archive));
	if (archive->start == archive->end)
		return 0;
	archive->decoder = archive->codec->begin();
	return archive->decoder ? 1 : -ENOMEM;
}

/* One step; what it makes stands in *data.  1: go on; 0: the end of the file; else what is wrong. */
static int decode_once(struct archive *archive, struct codec_data *data)
{
	size_t room = data->out_room;
	bool is_over;
	int result;

	if (!archive->decoder) {
		result = begin_member(archive);
		if (result <= 0)
			return result;
	}
	is_over = archive->start == archive->end && !fill_input(archive);
	data->in = archive->input + archive->start;
	data->in_len = archive->end - archive->start;
	result = archive->codec->step(archive->decoder, data);
	archive->start = archive->end - data->in_len;
	if (result == 1)
		end_member(archive);
	/* cut off */
	if (result == 0 && is_over && data->out_room == room)
		return -EIO;
	return result < 0 ? result : 1;
}

/* Some bytes more: how many; 0 at the end.  What is wrong is said when all that came before it has been given. */
static ssize_t decode(struct archive *archive, void *to, size_t size)
{
	struct codec_data data = { .out = to, .out_room = size };
	int result = 1;

	if (archive->error == 0 && archive->offset >= ARCHIVE_MAX)
		archive->error = -EIO;
	while (archive->error == 0 && result > 0 && data.out_room == size)
		result = decode_once(archive, &data);
	if (result < 0)
		archive->error = result;
	archive->offset += size - data.out_room;
	return data.out_room < size ? (ssize_t)(size - data.out_room) : archive->error;
}

/* Up to there, or to the end. */
static int skip_to(struct archive *archive, uint64_t offset)
{
	char skipped[SKIP_SIZE];
	ssize_t got = 1;

	if (offset < archive->offset)
		go_to_the_beginning(archive);
	while (got > 0 && archive->offset < offset) {
		uint64_t missing = offset - archive->offset;
		got = decode(archive, skipped, missing < sizeof(skipped) ? (size_t)missing : sizeof(skipped));
	}
	return got < 0 ? (int)got : 0;
}

ssize_t archive_read(struct archive *archive, void *to, size_t size, uint64_t offset)
{
	size_t count = 0;
	ssize_t got = skip_to(archive, offset);

	if (got < 0 || archive->offset < offset)
		return got;
	do {
		got = decode(archive, (char *)to + count, size - count);
		count += got > 0 ? (size_t)got : 0;
	} while (got > 0 && count < size);
	return count > 0 ? (ssize_t)count : got;
}

uint64_t archive_get_size(int fd, const char *path)
{
	struct archive *archive;
	uint64_t size;

	if (archive_open(fd, path, &archive) < 0)
		return 0;
	(void)skip_to(archive, UINT64_MAX);
	size = archive->offset;
	archive_close(archive);
	return size;
}
