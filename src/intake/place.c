/* SPDX-License-Identifier: BSD-2-Clause */
/* Places as text, and the files that they are in. */
#include "intake/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/siphash.h"

const char *place_format(const struct place *place, char text[static PLACE_TEXT_SIZE])
{
	snprintf(text, PLACE_TEXT_SIZE, "1 %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %" PRId64, place->inode, place->offset, place->hash,
		 place->head_len, place->written_ns);
	return text;
}

int place_parse(struct span text, struct place *ret_place)
{
	uint64_t numbers[6];

	for (size_t i = 0; i < 6; i++)
		if (!span_is_known(text) || span_parse_unsigned(span_take(&text, ' '), UINT64_MAX, &numbers[i]) < 0)
			return -EINVAL;
	if (numbers[0] != 1 || numbers[2] > INT64_MAX || numbers[4] > PLACE_HEAD_MAX || numbers[5] > INT64_MAX || span_is_known(text))
		return -EINVAL;
	*ret_place = (struct place){ numbers[1], numbers[2], numbers[3], (unsigned)numbers[4], (int64_t)numbers[5] };
	return 0;
}

int64_t place_get_written_ns(const struct stat *info)
{
	return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

uint64_t place_hash(struct span head)
{
	static const struct siphash_key key = { { 0x6669727374, 0x6279746573 } };

	return siphash(&key, head);
}

bool place_is_in(const struct place *place, int fd)
{
	char head[PLACE_HEAD_MAX];
	struct stat info;

	if (fstat(fd, &info) < 0 || (uint64_t)info.st_size < place->offset)
		return false;
	if (place->head_len == 0)
		return true;
	return pread(fd, head, place->head_len, 0) == (ssize_t)place->head_len && place_hash(span_make(head, place->head_len)) == place->hash;
}
