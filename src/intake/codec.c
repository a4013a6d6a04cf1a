/* SPDX-License-Identifier: BSD-2-Clause */
/* zlib, libbz2, liblzma and libzstd stay here. */
#include "intake/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/library.h"
#include "base/log.h"

/* What zlib, libbz2 and liblzma call the same: their stream takes our pointers, and gives them back moved on. */
#define GIVE(stream, data) \
	do { \
		(stream)->next_in = (void *)(data)->in; \
		(stream)->next_out = (void *)(data)->out; \
	} while (0)
#define TAKE_BACK(stream, data) \
	do { \
		(data)->in = (const void *)(stream)->next_in; \
		(data)->out = (void *)(stream)->next_out; \
		(data)->in_len = (stream)->avail_in; \
		(data)->out_room = (stream)->avail_out; \
	} while (0)

/* --- gzip: RFC 1952 */

#define FUNCTIONS(F) F(inflateInit2_) F(inflate) F(inflateEnd)
static struct {
	FUNCTIONS(LIBRARY_DECLARE)
} libz;
#define LIBRARY_OBJECT libz
static const struct library_function gzip_functions[] = { FUNCTIONS(LIBRARY_ROW) };
#undef LIBRARY_OBJECT
#undef FUNCTIONS

static void *begin_gzip(void)
{
	z_stream *stream = calloc(1, sizeof(*stream));

	/* 16: with gzip's header */
	if (stream && libz.inflateInit2_(stream, MAX_WBITS + 16, ZLIB_VERSION, (int)sizeof(*stream)) == Z_OK)
		return stream;
	free(stream);
	return NULL;
}

static int step_gzip(void *decoder, struct codec_data *data)
{
	z_stream *stream = decoder;
	int result;

	GIVE(stream, data);
	stream->avail_in = (uInt)data->in_len;
	stream->avail_out = (uInt)data->out_room;
	result = libz.inflate(stream, Z_NO_FLUSH);
	TAKE_BACK(stream, data);
	return result == Z_STREAM_END ? 1 : result == Z_OK || result == Z_BUF_ERROR ? 0 : -EIO;
}

static void end_gzip(void *decoder)
{
	libz.inflateEnd(decoder);
	free(decoder);
}

/* --- bzip2 */

#ifdef HAVE_BZIP2
#define FUNCTIONS(F) F(BZ2_bzDecompressInit) F(BZ2_bzDecompress) F(BZ2_bzDecompressEnd)
static struct {
	FUNCTIONS(LIBRARY_DECLARE)
} libbz2;
#define LIBRARY_OBJECT libbz2
static const struct library_function bzip2_functions[] = { FUNCTIONS(LIBRARY_ROW) };
#undef LIBRARY_OBJECT
#undef FUNCTIONS

static void *begin_bzip2(void)
{
	bz_stream *stream = calloc(1, sizeof(*stream));

	if (stream && libbz2.BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK)
		return stream;
	free(stream);
	return NULL;
}

static int step_bzip2(void *decoder, struct codec_data *data)
{
	bz_stream *stream = decoder;
	int result;

	GIVE(stream, data);
	stream->avail_in = (unsigned)data->in_len;
	stream->avail_out = (unsigned)data->out_room;
	result = libbz2.BZ2_bzDecompress(stream);
	TAKE_BACK(stream, data);
	return result == BZ_STREAM_END ? 1 : result == BZ_OK ? 0 : -EIO;
}

static void end_bzip2(void *decoder)
{
	libbz2.BZ2_bzDecompressEnd(decoder);
	free(decoder);
}
#endif

/* --- xz */

#ifdef HAVE_LZMA
#define FUNCTIONS(F) F(lzma_stream_decoder) F(lzma_code) F(lzma_end)
static struct {
	FUNCTIONS(LIBRARY_DECLARE)
} liblzma;
#define LIBRARY_OBJECT liblzma
static const struct library_function lzma_functions[] = { FUNCTIONS(LIBRARY_ROW) };
#undef LIBRARY_OBJECT
#undef FUNCTIONS

/* xz -9 needs 65 MiB to be read; what wants more was not made for logs. */
#define LZMA_MEMORY_MAX (UINT64_C(80) << 20)

static void *begin_lzma(void)
{
	lzma_stream *stream = calloc(1, sizeof(*stream));

	if (stream && liblzma.lzma_stream_decoder(stream, LZMA_MEMORY_MAX, 0) == LZMA_OK)
		return stream;
	free(stream);
	return NULL;
}

static int step_lzma(void *decoder, struct codec_data *data)
{
	lzma_stream *stream = decoder;
	lzma_ret result;

	GIVE(stream, data);
	stream->avail_in = data->in_len;
	stream->avail_out = data->out_room;
	result = liblzma.lzma_code(stream, LZMA_RUN);
	TAKE_BACK(stream, data);
	return result == LZMA_STREAM_END ? 1 : result == LZMA_OK || result == LZMA_BUF_ERROR ? 0 : -EIO;
}

static void end_lzma(void *decoder)
{
	liblzma.lzma_end(decoder);
	free(decoder);
}
#endif

/* --- zstd: RFC 8878; its window is bounded by the library (128 MiB) */

#ifdef HAVE_ZSTD
#define FUNCTIONS(F) F(ZSTD_createDStream) F(ZSTD_decompressStream) F(ZSTD_isError) F(ZSTD_freeDStream)
static struct {
	FUNCTIONS(LIBRARY_DECLARE)
} libzstd;
#define LIBRARY_OBJECT libzstd
static const struct library_function zstd_functions[] = { FUNCTIONS(LIBRARY_ROW) };
#undef LIBRARY_OBJECT
#undef FUNCTIONS

static void *begin_zstd(void)
{
	return libzstd.ZSTD_createDStream();
}

static int step_zstd(void *decoder, struct codec_data *data)
{
	ZSTD_inBuffer in = { data->in, data->in_len, 0 };
	ZSTD_outBuffer out = { data->out, data->out_room, 0 };
	size_t result = libzstd.ZSTD_decompressStream(decoder, &out, &in);

	data->in += in.pos;
	data->in_len -= in.pos;
	data->out += out.pos;
	data->out_room -= out.pos;
	return libzstd.ZSTD_isError(result) ? -EIO : result == 0;
}

static void end_zstd(void *decoder)
{
	libzstd.ZSTD_freeDStream(decoder);
}
#endif

/* --- the table */

#define LIBRARY(file, functions) file, functions, sizeof(functions) / sizeof(functions[0])

static const struct row {
	struct codec codec;
	const char *library;
	const struct library_function *functions;
	size_t function_count;
} rows[] = {
	{ { SPAN_LIT(".gz"), SPAN_LIT("\x1f\x8b\x08"), begin_gzip, step_gzip, end_gzip }, LIBRARY("libz.so.1", gzip_functions) },
#ifdef HAVE_BZIP2
	{ { SPAN_LIT(".bz2"), SPAN_LIT("BZh"), begin_bzip2, step_bzip2, end_bzip2 }, LIBRARY("libbz2.so.1.0", bzip2_functions) },
#endif
#ifdef HAVE_LZMA
	{ { SPAN_LIT(".xz"), SPAN_LIT("\xfd" "7zXZ\0"), begin_lzma, step_lzma, end_lzma }, LIBRARY("liblzma.so.5", lzma_functions) },
#endif
#ifdef HAVE_ZSTD
	{ { SPAN_LIT(".zst"), SPAN_LIT("\x28\xb5\x2f\xfd"), begin_zstd, step_zstd, end_zstd }, LIBRARY("libzstd.so.1", zstd_functions) },
#endif
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct codec *codec_find(struct span name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (span_has_suffix_nocase(name, rows[i].codec.suffix))
			return &rows[i].codec;
	return NULL;
}

bool codec_load(const struct codec *codec)
{
	/* of each row: is its library there, and has it been told that it is not? */
	static bool is_loaded[ROWS], is_told[ROWS];
	const struct row *row = (const struct row *)(const void *)codec; /* its first member */
	size_t number = (size_t)(row - rows);
	char why[256];

	if (!is_loaded[number])
		is_loaded[number] = library_load(row->library, row->functions, row->function_count, why, sizeof(why));
	if (!is_loaded[number] && !is_told[number])
		log_event(LOG_LEVEL_ERROR, "library-missing", "error=\"%s\"", why);
	is_told[number] = !is_loaded[number];
	return is_loaded[number];
}
