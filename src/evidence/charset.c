/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iconv behind a small cache.  The table names the supersets that senders mean by a smaller set's name;
 * the rest goes to iconv as it is named.  One struct charsets a thread; names and bytes are hostile.
 */
#include "evidence/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "base/utf8.h"

enum {
	NAME_MAX = 40,
	CACHE_SIZE = 12,   /* open descriptors; the one that was unused for longest makes room */
	PIECE_SIZE = 2048, /* converted at a time */
};

#define REPLACEMENT SPAN_LIT("\xef\xbf\xbd")

/* What a mail's name for a set stands for, where iconv does not know the name or a superset is meant. */
static const struct {
	const char *name, *meant;
} meanings[] = {
	{ "iso-8859-1", "WINDOWS-1252" },
	{ "latin1", "WINDOWS-1252" },
	{ "iso8859-1", "WINDOWS-1252" },
	{ "iso-8859-9", "WINDOWS-1254" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "sjis", "CP932" },
	{ "windows-31j", "CP932" },
	{ "ms_kanji", "CP932" },
	{ "x-euc-jp", "EUC-JP" },
	{ "eucjp", "EUC-JP" },
	{ "iso-2022-jp", "ISO-2022-JP-2" },
	{ "cp50220", "ISO-2022-JP-2" },
	{ "cp50221", "ISO-2022-JP-2" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "x-gbk", "GB18030" },
	{ "ks_c_5601-1987", "CP949" },
	{ "euc-kr", "CP949" },
	{ "x-big5", "BIG5-HKSCS" },
	{ "big5", "BIG5-HKSCS" },
	{ "x-mac-roman", "MACINTOSH" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "ansi_x3.110-1983", "WINDOWS-1252" },
	{ "x-unknown", "" },
	{ "unknown", "" },
	{ "unknown-8bit", "" },
	{ "default", "" },
	{ "us-ascii", "" },
	{ "ascii", "" },
	{ "ansi_x3.4-1968", "" },
	{ "utf-8", "" },
	{ "utf8", "" },
	/* out-of-bounds write in glibc before 2.39 (CVE-2024-2961), and no mail uses it */
	{ "iso-2022-cn-ext", "" },
	{ "iso2022cnext", "" },
};

struct descriptor {
	char name[NAME_MAX + 1]; /* as asked for, lower case */
	iconv_t handle;          /* (iconv_t)-1: there is no such set, or UTF-8 will do */
	uint64_t used;           /* the clock of the cache when it last served */
};

struct charsets {
	struct descriptor items[CACHE_SIZE];
	size_t count;
	uint64_t clock;
};

struct charsets *charsets_new(void)
{
	return calloc(1, sizeof(struct charsets));
}

static void descriptor_close(struct descriptor *descriptor)
{
	if (descriptor->handle != (iconv_t)-1)
		iconv_close(descriptor->handle);
}

void charsets_free(struct charsets *charsets)
{
	if (!charsets)
		return;
	for (size_t i = 0; i < charsets->count; i++)
		descriptor_close(&charsets->items[i]);
	free(charsets);
}

/* Into lower case; false for what is no name.  iconv gives "/" and "," a meaning of their own. */
static bool name_fold(struct span name, char folded[static NAME_MAX + 1])
{
	name = span_trim(name);
	if (name.len == 0 || name.len > NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!ascii_is_alnum(c) && !memchr("-_.:+()", c, 7))
			return false;
		folded[i] = ascii_lower(c);
	}
	folded[name.len] = '\0';
	return true;
}

static iconv_t handle_open(const char *folded)
{
	const char *meant = folded;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(folded, meanings[i].name) == 0)
			meant = meanings[i].meant;
	return *meant ? iconv_open("UTF-8", meant) : (iconv_t)-1;
}

static iconv_t handle_find(struct charsets *charsets, const char *folded)
{
	struct descriptor *oldest = charsets->items;

	charsets->clock++;
	for (size_t i = 0; i < charsets->count; i++) {
		struct descriptor *item = &charsets->items[i];
		if (strcmp(item->name, folded) == 0) {
			item->used = charsets->clock;
			return item->handle;
		}
		if (item->used < oldest->used)
			oldest = item;
	}
	if (charsets->count < CACHE_SIZE)
		oldest = &charsets->items[charsets->count++];
	else
		descriptor_close(oldest);
	memcpy(oldest->name, folded, strlen(folded) + 1);
	oldest->handle = handle_open(folded);
	oldest->used = charsets->clock;
	return oldest->handle;
}

/* Sets in which bytes below 128 without an escape or a shift are ASCII; UTF-16, UTF-7, HZ, EBCDIC are not. */
static bool is_ascii_compatible(const char *folded)
{
	static const struct span prefixes[] = {
		SPAN_LIT("us-ascii"), SPAN_LIT("utf-8"),  SPAN_LIT("utf8"), SPAN_LIT("iso-8859"), SPAN_LIT("iso8859"),
		SPAN_LIT("latin"),    SPAN_LIT("windows-12"), SPAN_LIT("cp125"), SPAN_LIT("iso-2022-"), SPAN_LIT("euc"),
		SPAN_LIT("shift"),    SPAN_LIT("x-sjis"), SPAN_LIT("sjis"), SPAN_LIT("cp932"),	  SPAN_LIT("koi8"),
		SPAN_LIT("gb"),	      SPAN_LIT("big5"),	  SPAN_LIT("ks_c"), SPAN_LIT("ansi_x3.4"),
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (folded[0] == prefixes[i].ptr[0] && strncmp(folded, prefixes[i].ptr, prefixes[i].len) == 0)
			return true;
	return false;
}

/* ESC, SO, SI: what shifts the ISO 2022 sets. */
static bool has_shift(struct span text)
{
	return memchr(text.ptr, 0x1b, text.len) || memchr(text.ptr, 0x0e, text.len) || memchr(text.ptr, 0x0f, text.len);
}

static bool is_iso_2022(const char *folded)
{
	return strncmp(folded, "iso-2022-", 9) == 0;
}

static bool is_euc_byte(char c)
{
	return (unsigned char)c >= 0xa1 && (unsigned char)c != 0xff;
}

/* EUC-JP: every character that is not ASCII has two such bytes, or SS2 and one. */
static bool is_euc_jp(struct span text)
{
	size_t i = 0;

	while (i < text.len) {
		if ((unsigned char)text.ptr[i] < 0x80) {
			i++;
			continue;
		}
		if (i + 1 == text.len || !is_euc_byte(text.ptr[i + 1]) || !(is_euc_byte(text.ptr[i]) || text.ptr[i] == '\x8e'))
			return false;
		i += 2;
	}
	return true;
}

/* The set that a text is in that is not in the one which it names; NULL: it may well be. */
static const char *find_real_name(const char *folded, struct span text)
{
	bool has_escape = memchr(text.ptr, 0x1b, text.len);

	/* old Japanese systems name no set, or ASCII: the escapes are proof enough */
	if ((!*folded || (is_ascii_compatible(folded) && !is_iso_2022(folded))) && has_escape && text_is_ascii(text) &&
	    span_find(text, SPAN_LIT("\x1b$"), 0) != SIZE_MAX)
		return "iso-2022-jp";
	/* EZweb: seven bits in name alone */
	if (strncmp(folded, "iso-2022-jp", 11) == 0 && !has_escape)
		return utf8_is_valid(text) ? "utf-8" : is_euc_jp(text) ? "euc-jp" : NULL;
	return NULL;
}

/* Converts until the input ends; every byte that the set does not know costs one U+FFFD. */
static void convert(iconv_t handle, struct span text, struct buffer *out)
{
	char *from = (char *)(uintptr_t)text.ptr;
	size_t left = text.len;

	iconv(handle, NULL, NULL, NULL, NULL);
	while (left && !out->is_cut) {
		char piece[PIECE_SIZE], *to = piece;
		size_t room = sizeof(piece), before = left;
		size_t result = iconv(handle, &from, &left, &to, &room);
		int error = result == (size_t)-1 ? errno : 0;

		utf8_add_valid(out, span_make(piece, sizeof(piece) - room));
		if (error == E2BIG && (before != left || room != sizeof(piece)))
			continue;
		if (error) { /* EILSEQ, EINVAL at the end, or a converter that does not move */
			buffer_add(out, REPLACEMENT);
			from++;
			left--;
		}
	}
}

/* By a folded name, "" where there is none. */
static bool is_plain(const char *folded, struct span text)
{
	if (*folded && !is_ascii_compatible(folded))
		return strstr(folded, "utf-7") && text_is_plain(text) && !memchr(text.ptr, '+', text.len);
	return text_is_plain(text) || (text_is_ascii(text) && !has_shift(text) && !memchr(text.ptr, '\0', text.len));
}

bool charset_is_plain(struct span name, struct span text)
{
	char folded[NAME_MAX + 1] = "";

	return text.len == 0 || is_plain(name_fold(name, folded) ? folded : "", text);
}

void charset_convert(struct charsets *charsets, struct span name, struct span text, struct buffer *out)
{
	char folded[NAME_MAX + 1] = "";
	const char *name_used = name_fold(name, folded) ? folded : "", *real_name;
	iconv_t handle = (iconv_t)-1;

	if (text.len == 0)
		return;
	if (is_plain(name_used, text)) {
		buffer_add(out, text);
		return;
	}
	real_name = find_real_name(name_used, text);
	if (real_name)
		name_used = real_name;
	if (*name_used)
		handle = handle_find(charsets, name_used);
	if (handle == (iconv_t)-1)
		utf8_add_valid(out, text);
	else
		convert(handle, text, out);
}
