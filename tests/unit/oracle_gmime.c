/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MIME reader against GMime, as it is: the same parts, types and decoded texts, over the messages of
 * tests/oracle and, where KODAMA_CORPUS is set, of its folder mail.  Malformed mails of the world may be read
 * further than GMime does (a boundary that a gateway broke, bytes that are not of their charset): that is told,
 * and is no difference.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <gmime/gmime.h>

#include "base/buffer.h"
#include "evidence/mail.h"

struct comparison {
	const struct mail *mail;
	size_t at;         /* the part of ours that is next */
	bool is_different;
	bool is_more;      /* we read on where GMime gave up */
	char why[512];
};

static void tell(struct comparison *comparison, const char *what, struct span ours, const char *theirs)
{
	if (!comparison->is_different)
		snprintf(comparison->why, sizeof(comparison->why), "part %zu, %s: '%.*s', GMime: '%s'", comparison->at, what,
			 (int)(ours.len > 150 ? 150 : ours.len), ours.ptr ? ours.ptr : "", theirs ? theirs : "");
}

static void differ(struct comparison *comparison, const char *what, struct span ours, const char *theirs)
{
	tell(comparison, what, ours, theirs);
	comparison->is_different = true;
}

static void read_more(struct comparison *comparison, const char *what, struct span ours, const char *theirs)
{
	tell(comparison, what, ours, theirs);
	comparison->is_more = true;
}

/* Without white space at the end, and with LF alone: what a boundary owns is a matter of taste. */
static bool is_same_text(struct span ours, const char *theirs, size_t len)
{
	struct buffer text;

	buffer_init(&text, 1 << 24);
	for (size_t i = 0; i < len; i++)
		if (theirs[i] != '\r')
			buffer_add_char(&text, theirs[i]);
	bool is_same = span_is_equal(span_trim_right(ours), span_trim_right(buffer_get(&text)));
	buffer_done(&text);
	return is_same;
}

/* The ASCII of a text without white space and '?': what stays whatever is made of bytes that are not valid. */
static void keep_ascii(struct span text, struct buffer *out)
{
	buffer_init(out, 1 << 24);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x80 && !ascii_is_space(text.ptr[i]) && text.ptr[i] != '?')
			buffer_add_char(out, text.ptr[i]);
}

static bool is_same_ascii(struct span ours, struct span theirs)
{
	struct buffer a, b;

	keep_ascii(ours, &a);
	keep_ascii(theirs, &b);
	bool is_same = span_is_equal(buffer_get(&a), buffer_get(&b));
	buffer_done(&a);
	buffer_done(&b);
	return is_same;
}

static void compare_text(struct comparison *comparison, struct part *part, GMimeObject *object)
{
	struct span ours = part_get_text(part);
	char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(object));
	/* replaced by us, or passed over by GMime where we know the charset that is meant */
	bool has_invalid = span_find(ours, SPAN_LIT("\xef\xbf\xbd"), 0) != SIZE_MAX || (text && strlen(text) < ours.len);

	if (is_same_text(ours, text ? text : "", text ? strlen(text) : 0))
		;
	else if (has_invalid && is_same_ascii(ours, span_of(text)))
		read_more(comparison, "bytes not of the charset", ours, text);
	else
		differ(comparison, "text", ours, text);
	g_free(text);
}

static void compare_report(struct comparison *comparison, struct part *part, GMimeObject *object)
{
	GMimeStream *memory = g_mime_stream_mem_new();
	GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(object));

	if (content)
		g_mime_data_wrapper_write_to_stream(content, memory);
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
	if (!is_same_text(part_get_text(part), (const char *)bytes->data, bytes->len))
		differ(comparison, "report", part_get_text(part), "another");
	g_object_unref(memory);
}

static void compare_original(struct comparison *comparison, struct part *part, GMimeObject *object)
{
	GMimeMessage *message = GMIME_IS_MESSAGE_PART(object) ? g_mime_message_part_get_message(GMIME_MESSAGE_PART(object)) : NULL;
	const char *subject = message ? g_mime_message_get_subject(message) : NULL;
	struct span ours = fields_get(&part->fields, "subject");

	if (!subject || is_same_text(ours, subject, strlen(subject)))
		return;
	/* an encoded word with a line end in it: GMime stops there */
	if (span_has_prefix(ours, span_trim_right(span_of(subject))))
		read_more(comparison, "subject", ours, subject);
	else
		differ(comparison, "subject", ours, subject);
}

/* Parts of ours that GMime has not, its boundary being broken, are passed over until the types agree again. */
static void find_part(struct comparison *comparison, const char *type)
{
	for (size_t i = comparison->at; i < comparison->mail->part_count; i++) {
		if (!span_is_equal_nocase(comparison->mail->parts[i].type, span_of(type)))
			continue;
		if (i > comparison->at)
			read_more(comparison, "parts", comparison->mail->parts[comparison->at].type, type);
		comparison->at = i;
		return;
	}
}

static void compare_part(GMimeObject *object, struct comparison *comparison)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char *name = g_mime_content_type_get_mime_type(type);

	if (GMIME_IS_MULTIPART(object)) {
		int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
		for (int i = 0; i < count; i++)
			compare_part(g_mime_multipart_get_part(GMIME_MULTIPART(object), i), comparison);
		g_free(name);
		return;
	}
	if (comparison->at == comparison->mail->part_count) {
		differ(comparison, "a part too few", SPAN_NONE, name);
		g_free(name);
		return;
	}
	find_part(comparison, name);
	struct part *part = &comparison->mail->parts[comparison->at];
	if (!span_is_equal_nocase(part->type, span_of(name)))
		differ(comparison, "type", part->type, name);
	else if (part->kind == PART_ORIGINAL)
		compare_original(comparison, part, object);
	else if (GMIME_IS_TEXT_PART(object) && span_is_equal(part->type, SPAN_LIT("text/plain")))
		compare_text(comparison, part, object);
	else if (GMIME_IS_PART(object) && (part->kind == PART_STATUS || part->kind == PART_FEEDBACK))
		compare_report(comparison, part, object);
	comparison->at++;
	g_free(name);
}

static void compare_mail(struct mail_reader *reader, struct span bytes, struct comparison *comparison)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes.ptr, bytes.len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message;

	if (span_has_prefix(bytes, SPAN_LIT("From ")))
		g_mime_parser_set_format(parser, GMIME_FORMAT_MBOX);
	message = g_mime_parser_construct_message(parser, NULL);
	*comparison = (struct comparison){ .mail = mail_read(reader, bytes, SPAN_NONE) };
	if (message && g_mime_message_get_mime_part(message)) {
		compare_part(g_mime_message_get_mime_part(message), comparison);
		if (comparison->at != comparison->mail->part_count)
			read_more(comparison, "a part more", comparison->mail->parts[comparison->at].type, "");
	}
	if (message)
		g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
}

static struct span read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buffer bytes;
	char piece[65536];
	size_t got;

	if (!file) {
		perror(path);
		exit(1);
	}
	buffer_init(&bytes, 64 << 20);
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		buffer_add(&bytes, span_make(piece, got));
	fclose(file);
	return buffer_get(&bytes);
}

struct tally {
	unsigned count, more, different;
};

static struct tally compare_folder(const char *path)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	DIR *folder = opendir(path);
	struct dirent *entry;
	struct tally tally = { 0, 0, 0 };

	if (!folder || !reader) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(folder))) {
		struct comparison comparison;
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		struct span bytes = read_file(name);
		compare_mail(reader, bytes, &comparison);
		tally.count++;
		tally.different += comparison.is_different;
		tally.more += !comparison.is_different && comparison.is_more;
		if (comparison.is_different || comparison.is_more)
			printf("%s%s: %s\n", comparison.is_different ? "DIFFERENT " : "", entry->d_name, comparison.why);
		free((char *)(uintptr_t)bytes.ptr);
	}
	closedir(folder);
	mail_reader_free(reader);
	printf("%s: %u messages, %u read differently, %u read further\n", path, tally.count, tally.different, tally.more);
	return tally;
}

int main(void)
{
	const char *top = getenv("top_srcdir"), *corpus = getenv("KODAMA_CORPUS");
	struct tally own, world = { 0, 0, 0 };
	char path[4096];

	g_mime_init();
	snprintf(path, sizeof(path), "%s/tests/oracle", top ? top : ".");
	own = compare_folder(path);
	if (corpus) {
		snprintf(path, sizeof(path), "%s/mail", corpus);
		world = compare_folder(path);
	}
	return own.count == 0 || own.different > 0 || own.more > 0 || world.different > 0;
}
