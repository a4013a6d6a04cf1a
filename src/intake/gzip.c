/* SPDX-License-Identifier: BSD-2-Clause */
/* zlib stays here. */
#include "intake/gzip.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* RFC 1952 section 2.3: what it begins with, and what it ends with (ISIZE) */
static const unsigned char magic[] = { 0x1f, 0x8b, 8 };

bool gzip_is(int fd)
{
	unsigned char begin[sizeof(magic)];

	return pread(fd, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) && memcmp(begin, magic, sizeof(magic)) == 0;
}

int gzip_open(int fd, struct gzip **ret_gzip)
{
	gzFile file;
	int own;

	if (!gzip_is(fd))
		return -EINVAL;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	if (lseek(own, 0, SEEK_SET) < 0 || !(file = gzdopen(own, "rb"))) {
		close(own);
		return -ENOMEM;
	}
	*ret_gzip = (struct gzip *)file;
	return 0;
}

void gzip_close(struct gzip *gzip)
{
	if (gzip)
		gzclose((gzFile)gzip);
}

ssize_t gzip_read(struct gzip *gzip, void *to, size_t size, uint64_t offset)
{
	gzFile file = (gzFile)gzip;

	if (gztell(file) != (z_off_t)offset && gzseek(file, (z_off_t)offset, SEEK_SET) != (z_off_t)offset)
		return -EIO;
	int got = gzread(file, to, (unsigned)size), error;
	/* cut off: what there was has been given, and the end is none */
	if (got == 0 && gzerror(file, &error) && error != Z_OK)
		return -EIO;
	return got < 0 ? -EIO : got;
}

uint64_t gzip_get_size(int fd)
{
	struct stat info;
	uint32_t size;

	if (!gzip_is(fd) || fstat(fd, &info) < 0 || pread(fd, &size, sizeof(size), info.st_size - (off_t)sizeof(size)) != (ssize_t)sizeof(size))
		return 0;
	return le32toh(size);
}
