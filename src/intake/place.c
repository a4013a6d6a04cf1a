/* SPDX-License-Identifier: BSD-2-Clause */
/* Places as text, and the files that they are in. */
#include "intake/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/siphash.h"

enum { FIELDS_MAX = 7 };

/* Of a trusted log in the words of version 1, which older ones read, too. */
const char *place_format(const struct place *place, char text[static PLACE_TEXT_SIZE])
{
	int len = snprintf(text, PLACE_TEXT_SIZE, "%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %" PRId64, place->distrusted ? 2 : 1, place->inode,
			   place->offset, place->hash, place->head_len, place->written_ns);

	if (place->distrusted)
		snprintf(text + len, PLACE_TEXT_SIZE - (size_t)len, " %" PRIu64, place->distrusted);
	return text;
}

int place_parse(struct span text, struct place *ret_place)
{
	uint64_t numbers[FIELDS_MAX] = { 0 };
	size_t count = 0;

	for (; count < FIELDS_MAX && span_is_known(text); count++)
		if (span_parse_unsigned(span_take(&text, ' '), UINT64_MAX, &numbers[count]) < 0)
			return -EINVAL;
	if (span_is_known(text) || !((numbers[0] == 1 && count == 6) || (numbers[0] == 2 && count == 7)))
		return -EINVAL;
	if (numbers[2] > INT64_MAX || numbers[4] > PLACE_HEAD_MAX || numbers[5] > INT64_MAX)
		return -EINVAL;
	*ret_place = (struct place){ numbers[1], numbers[2], numbers[3], (unsigned)numbers[4], (int64_t)numbers[5], numbers[6] };
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
