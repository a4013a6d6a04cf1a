/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MIME reader: a table of messages and of what must be kept of each, read whole, byte by byte, with LF, CRLF
 * and CR; its caps; and hostile messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "evidence/mail.h"

struct mail_case {
	const char *name;
	const char *message;
	const char *wanted; /* as render() writes it */
};

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define REPORT(body) "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n\n" body

static const struct mail_case cases[] = {
	{ "nothing", "", "text/plain\ntext 0 text/plain: \n" },
	{ "header only", "From: a@example.org\n", "text/plain\nFrom=a@example.org\ntext 0 text/plain: \n" },
	{ "plain text without MIME", "Subject: x\n\none\ntwo\n", "text/plain\nSubject=x\ntext 0 text/plain: one|two|\n" },
	{ "last line without an end", "Subject: x\n\none\ntwo", "text/plain\nSubject=x\ntext 0 text/plain: one|two\n" },
	{ "empty lines before the header", "\n\nSubject: x\n\none\n", "text/plain\nSubject=x\ntext 0 text/plain: one|\n" },
	{ "folded and padded field", "Subject:   a\n b\n\tc  \n\n", "text/plain\nSubject=a b c\ntext 0 text/plain: \n" },
	{ "no blank after the colon, blank before it", "Subject:x\nTo : y@example.org\n\n",
	  "text/plain\nSubject=x\nTo=y@example.org\ntext 0 text/plain: \n" },
	{ "garbage within the header is passed over", "Subject: x\nthis is no field\n (nor this)\nTo: y\n\nz\n",
	  "text/plain\nSubject=x\nTo=y\ntext 0 text/plain: z|\n" },
	{ "mbox line names the sender", "From MAILER-DAEMON Sat Nov 21 20:45:42 2026\nSubject: x\n\n",
	  "text/plain sender=MAILER-DAEMON\nSubject=x\ntext 0 text/plain: \n" },
	{ "Return-Path names the sender", "Return-Path: <a@example.org>\n\n",
	  "text/plain sender=a@example.org\nReturn-Path=<a@example.org>\ntext 0 text/plain: \n" },
	{ "empty Return-Path is the null sender", "Return-Path: <>\n\n", "text/plain sender=\nReturn-Path=<>\ntext 0 text/plain: \n" },
	{ "odd Return-Path tells nothing", "Return-Path: x\n\n", "text/plain\nReturn-Path=x\ntext 0 text/plain: \n" },
	{ "type that is no type", "Content-Type: text\n\nx\n", "text/plain\nContent-Type=text\ntext 0 text/plain: x|\n" },
	{ "type in capitals with a comment", "Content-Type: TEXT/HTML (x); charset=us-ascii\n\n<b>x</b>\n",
	  "text/html\nContent-Type=TEXT/HTML (x); charset=us-ascii\ntext 0 text/html: x|\n" },
	{ "type without a semicolon before its parameter", "Content-Type: text/html charset=utf-8\n\n<b>x</b>\n",
	  "text/html\nContent-Type=text/html charset=utf-8\ntext 0 text/html: x|\n" },
	{ "type without a subtype", "Content-Type: text/;\n\nx\n", "text/plain\nContent-Type=text/;\ntext 0 text/plain: x|\n" },
	{ "first Content-Type counts", "Content-Type: text/plain\nContent-Type: image/png\n\nx\n",
	  "text/plain\nContent-Type=text/plain\nContent-Type=image/png\ntext 0 text/plain: x|\n" },
	{ "other types are seen, not kept", "Content-Type: image/png\n\nx\n", "image/png\nContent-Type=image/png\nother 0 image/png: \n" },

	{ "a report",
	  REPORT("preamble\n--b1\nContent-Description: Notification\n\nhello\n--b1\nContent-Type: message/delivery-status\n\n"
		 "Reporting-MTA: dns; x\n\nAction: failed\n--b1\nContent-Type: message/rfc822\n\nSubject: y\nTo: z\n\nbody\n--b1--\nepilogue\n"),
	  "multipart/report report=delivery-status\ntext 1 text/plain (Notification): hello\n"
	  "status 1 message/delivery-status: Reporting-MTA: dns; x||Action: failed\noriginal 1 message/rfc822: Subject=y To=z\n" },
	{ "a part without header", REPORT("--b1\n\nhello\n\n--b1--\n"), "multipart/report report=delivery-status\ntext 1 text/plain: hello|\n" },
	{ "a part without an empty line", REPORT("--b1\nContent-Type: text/plain\n--b1\n\nx\n--b1--\n"),
	  "multipart/report report=delivery-status\ntext 1 text/plain: \ntext 1 text/plain: x\n" },
	{ "the original ends in its header", REPORT("--b1\nContent-Type: text/rfc822-headers\n\nSubject: y\nMessage-Id: <1>\n--b1--\n"),
	  "multipart/report report=delivery-status\noriginal 1 text/rfc822-headers: Subject=y Message-Id=<1>\n" },
	{ "empty line before the original's header", REPORT("--b1\nContent-Type: message/rfc822\n\n\nSubject: y\n\nx\n--b1--\n"),
	  "multipart/report report=delivery-status\noriginal 1 message/rfc822: Subject=y\n" },
	{ "boundary never closes", REPORT("--b1\n\nhello\n"), "multipart/report report=delivery-status\ntext 1 text/plain: hello|\n" },
	{ "blanks after the boundary", REPORT("--b1 \t\n\nhello\n--b1--  \n"), "multipart/report report=delivery-status\ntext 1 text/plain: hello\n" },
	{ "lines that begin as the boundary does", REPORT("--b1\n\n--b12\n--b\n--b1 x\n--b1-\nx\n--b1--\n"),
	  "multipart/report report=delivery-status\ntext 1 text/plain: --b12|--b|--b1 x|--b1-|x\n" },
	{ "no boundary parameter", "Content-Type: multipart/mixed\n\n--xyzzy42\nContent-Type: text/plain\n\none\n--xyzzy42\n\ntwo\n--xyzzy42--\n",
	  "multipart/mixed\nContent-Type=multipart/mixed\ntext 1 text/plain: one\ntext 1 text/plain: two\n" },
	{ "wrong boundary parameter",
	  "Content-Type: multipart/mixed; boundary=other\n\n--xyzzy42.1795\nContent-Type: text/plain\n\none\n--xyzzy42.1795\n\ntwo\n--xyzzy42.1795--\n",
	  "multipart/mixed\nContent-Type=multipart/mixed; boundary=other\ntext 1 text/plain: one\ntext 1 text/plain: two\n" },
	{ "no boundary at all: text", "Content-Type: multipart/mixed; boundary=other\n\none\n----------\n\ntwo\n",
	  "multipart/mixed\nContent-Type=multipart/mixed; boundary=other\ntext 0 text/plain: one|----------||two|\n" },
	{ "unquoted boundary with signs", "Content-Type: multipart/mixed; boundary=a=_b/c:d\n\n--a=_b/c:d\n\none\n--a=_b/c:d--\n",
	  "multipart/mixed\nContent-Type=multipart/mixed; boundary=a=_b/c:d\ntext 1 text/plain: one\n" },
	{ "boundary in sections (RFC 2231)", "Content-Type: multipart/mixed; boundary*0=ab;\n boundary*1=\"cd\"\n\n--abcd\n\none\n--abcd--\n",
	  "multipart/mixed\nContent-Type=multipart/mixed; boundary*0=ab; boundary*1=\"cd\"\ntext 1 text/plain: one\n" },
	{ "multiparts within, closed by the outer one",
	  "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\none\n--i\nContent-Type: text/html\n\n"
	  "<p>two\n--o\n\nthree\n--o--\n",
	  "multipart/mixed\nContent-Type=multipart/mixed; boundary=o\ntext 2 text/plain: one\ntext 2 text/html: two|\ntext 1 text/plain: three\n" },
	{ "a report within the returned message is not looked at",
	  REPORT("--b1\nContent-Type: message/rfc822\n\nContent-Type: multipart/report; boundary=b2\n\n--b2\nContent-Type: message/delivery-status\n\n"
		 "Action: failed\n--b2--\n--b1--\n"),
	  "multipart/report report=delivery-status\noriginal 1 message/rfc822: Content-Type=multipart/report; boundary=b2\n" },
	{ "a message as the whole body", "Content-Type: message/rfc822\n\nSubject: y\n\nbody\n",
	  "message/rfc822\nContent-Type=message/rfc822\noriginal 0 message/rfc822: Subject=y\n" },
	{ "digest", "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: y\n\nx\n--d--\n",
	  "multipart/digest\nContent-Type=multipart/digest; boundary=d\noriginal 1 message/rfc822: Subject=y\n" },

	{ "base64", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nw6TDtsO8\nIG9r\n",
	  "text/plain\nContent-Type=text/plain; charset=utf-8\nContent-Transfer-Encoding=base64\ntext 0 text/plain: \u00e4\u00f6\u00fc ok\n" },
	{ "base64 without padding, with rubbish", "Content-Transfer-Encoding: BASE64\n\naGVs*bG8\n",
	  "text/plain\nContent-Transfer-Encoding=BASE64\ntext 0 text/plain: hello\n" },
	{ "quoted-printable",
	  "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nM=FCller=20=\n(soft)   \nb=3d=ZZ=\n",
	  "text/plain\nContent-Type=text/plain; charset=iso-8859-1\nContent-Transfer-Encoding=quoted-printable\n"
	  "text 0 text/plain: M\u00fcller (soft)|b==ZZ\n" },
	{ "a report in base64", REPORT("--b1\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\nQWN0aW9uOiBmYWlsZWQK\n--b1--\n"),
	  "multipart/report report=delivery-status\nstatus 1 message/delivery-status: Action: failed|\n" },
	{ "an original in base64", REPORT("--b1\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeQoKYm9keQo=\n--b1--\n"),
	  "multipart/report report=delivery-status\noriginal 1 message/rfc822: Subject=y\n" },
	{ "an original in quoted-printable",
	  REPORT("--b1\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: quoted-printable\n\nSubject: =3D?utf-8?Q?=3DC3=3DA4?=3D\nTo: x=\ny\n--b1--\n"),
	  "multipart/report report=delivery-status\noriginal 1 text/rfc822-headers: Subject=\u00e4 To=xy\n" },
	{ "UTF-8 report (RFC 6533)", REPORT("--b1\nContent-Type: message/global-delivery-status\n\nX: \u00e4\n--b1\nContent-Type: message/global-headers\n\nSubject: \u00e4\n--b1--\n"),
	  "multipart/report report=delivery-status\nstatus 1 message/global-delivery-status: X: \u00e4\noriginal 1 message/global-headers: Subject=\u00e4\n" },
	{ "ISO-2022-JP", "Content-Type: text/plain; charset=ISO-2022-JP\n\n\x1b$B$\"\x1b(B\n",
	  "text/plain\nContent-Type=text/plain; charset=ISO-2022-JP\ntext 0 text/plain: \u3042|\n" },
	{ "ISO-2022-JP that nobody named", "Subject: x\n\n\x1b$B$\"\x1b(B\n", "text/plain\nSubject=x\ntext 0 text/plain: \u3042|\n" },
	{ "Shift_JIS", "Content-Type: text/plain; charset=\"Shift_JIS\"\n\n\x82\xa0\n",
	  "text/plain\nContent-Type=text/plain; charset=\"Shift_JIS\"\ntext 0 text/plain: \u3042|\n" },
	{ "EUC-JP", "Content-Type: text/plain; charset=euc-jp\n\n\xa4\xa2\n", "text/plain\nContent-Type=text/plain; charset=euc-jp\ntext 0 text/plain: \u3042|\n" },
	{ "ISO-2022-JP in name alone", "Content-Type: text/plain; charset=ISO-2022-JP\n\n\xa4\xa2\x8e\xb1\n",
	  "text/plain\nContent-Type=text/plain; charset=ISO-2022-JP\ntext 0 text/plain: \u3042\uff71|\n" },
	{ "UTF-7 without a shift", "Content-Type: text/plain; charset=unicode-1-1-utf-7\n\na~b\n",
	  "text/plain\nContent-Type=text/plain; charset=unicode-1-1-utf-7\ntext 0 text/plain: a~b|\n" },
	{ "UTF-7 with a shift", "Content-Type: text/plain; charset=utf-7\n\na+AOQ-b\n",
	  "text/plain\nContent-Type=text/plain; charset=utf-7\ntext 0 text/plain: a\u00e4b|\n" },
	{ "quoted-printable: a line longer than the decoder's piece, with an escape at its end", "Content-Transfer-Encoding: quoted-printable\n\n"
	  X100 X100 X100 X100 X100 "0123456789=3D=\nx=\n",
	  "text/plain\nContent-Transfer-Encoding=quoted-printable\ntext 0 text/plain: " X100 X100 X100 X100 X100 "0123456789=x\n" },
	{ "KOI8-R", "Content-Type: text/plain; charset=koi8-r\n\n\xc1\n", "text/plain\nContent-Type=text/plain; charset=koi8-r\ntext 0 text/plain: \u0430|\n" },
	{ "GB18030", "Content-Type: text/plain; charset=gb2312\n\n\xb0\xa1\n", "text/plain\nContent-Type=text/plain; charset=gb2312\ntext 0 text/plain: \u554a|\n" },
	{ "Big5", "Content-Type: text/plain; charset=big5\n\n\xa4\xa4\n", "text/plain\nContent-Type=text/plain; charset=big5\ntext 0 text/plain: \u4e2d|\n" },
	{ "invalid bytes are replaced", "Content-Type: text/plain; charset=utf-8\n\na\xff" "b\xc3\n",
	  "text/plain\nContent-Type=text/plain; charset=utf-8\ntext 0 text/plain: a\ufffd" "b\ufffd|\n" },
	{ "an unknown character set", "Content-Type: text/plain; charset=x-no-such\n\na\u00e4\xff\n",
	  "text/plain\nContent-Type=text/plain; charset=x-no-such\ntext 0 text/plain: a\u00e4\ufffd|\n" },
	{ "a character set's name with a path in it", "Content-Type: text/plain; charset=\"../../x//TRANSLIT\"\n\na\n",
	  "text/plain\nContent-Type=text/plain; charset=\"../../x//TRANSLIT\"\ntext 0 text/plain: a|\n" },
	{ "HTML", "Content-Type: text/html; charset=utf-8\n\n<html><head><title>t</title><style>p{}</style></head><body><p>User\n &lt;a@example.org&gt;&nbsp;unknown<br>\n"
		  "<script>x()</script>&#228;&#xE4; &bogus; 1 < 2 <b@example.org></body></html>\n",
	  "text/html\nContent-Type=text/html; charset=utf-8\ntext 0 text/html: User <a@example.org> unknown|\u00e4\u00e4 &bogus; 1 < 2 <b@example.org>|\n" },

	{ "encoded words", "Subject: =?UTF-8?Q?a=C3=A4_b?= and =?iso-8859-1*de?b?5A==?= =?x?=\n\n",
	  "text/plain\nSubject=a\u00e4 b and \u00e4 =?x?=\ntext 0 text/plain: \n" },
	{ "a character cut between encoded words", "Subject: =?utf-8?B?w6Q=?= =?utf-8?B?w6TD?=\n =?utf-8?B?pA==?=\n\n",
	  "text/plain\nSubject=\u00e4\u00e4\u00e4\ntext 0 text/plain: \n" },
	{ "encoded words of different sets", "Subject: =?utf-8?Q?=C3=A4?= =?iso-2022-jp?B?GyRCJCIbKEI=?=\n\n",
	  "text/plain\nSubject=\u00e4\u3042\ntext 0 text/plain: \n" },
	{ "a question mark in an encoded word", "Subject: =?utf-8?Q?who?is?=\n\n", "text/plain\nSubject=who?is\ntext 0 text/plain: \n" },
	{ "raw bytes in a field", "Subject: a\xff\xc3\xa4\n\n", "text/plain\nSubject=a\ufffd\u00e4\ntext 0 text/plain: \n" },
};

/* --- rendering */

static void add_text(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buffer_add_char(out, text.ptr[i] == '\n' ? '|' : text.ptr[i]);
}

static void add_fields(struct buffer *out, const struct fields *fields, const char *separator)
{
	for (size_t i = 0; i < fields->count; i++) {
		add_text(out, fields->items[i].name);
		buffer_add_char(out, '=');
		add_text(out, fields_get_value(fields, i));
		if (*separator == '\n' || i + 1 < fields->count)
			buffer_add(out, span_of(separator));
	}
}

/* The report's own Content-Type is left out: every report has the same. */
static void render(const struct mail *mail, struct buffer *out)
{
	static const char *const kinds[] = { "text", "status", "feedback", "original", "other" };

	buffer_clear(out);
	add_text(out, mail->type);
	if (mail->report_type.len)
		buffer_printf(out, " report=%.*s", SPAN_ARG(mail->report_type));
	if (span_is_known(mail->sender))
		buffer_printf(out, " sender=%.*s", SPAN_ARG(mail->sender));
	if (mail->cut)
		buffer_printf(out, " cut=%u", mail->cut);
	buffer_add_char(out, '\n');
	if (!mail->report_type.len)
		add_fields(out, &mail->fields, "\n");
	for (size_t i = 0; i < mail->part_count; i++) {
		struct part *part = &mail->parts[i];
		buffer_printf(out, "%s %u %.*s", kinds[part->kind], part->depth, SPAN_ARG(part->type));
		if (part->description.len)
			buffer_printf(out, " (%.*s)", SPAN_ARG(part->description));
		buffer_add(out, SPAN_LIT(": "));
		add_text(out, part_get_text(part));
		add_fields(out, &part->fields, " ");
		buffer_add_char(out, '\n');
	}
}

static void check(const char *name, const char *how, const struct mail *mail, const char *wanted)
{
	struct buffer out;

	buffer_init(&out, 1 << 20);
	render(mail, &out);
	if (strcmp(buffer_get_text(&out), wanted) != 0)
		fail_msg("%s, %s:\n%s\nwanted:\n%s", name, how, buffer_get_text(&out), wanted);
	buffer_done(&out);
}

/* Copies with other line ends; the caller frees. */
static struct span with_line_ends(const char *message, const char *end)
{
	char *copy = malloc(strlen(message) * 2 + 1);
	size_t len = 0;

	assert_non_null(copy);
	for (; *message; message++) {
		if (*message == '\n')
			for (const char *e = end; *e; e++)
				copy[len++] = *e;
		else
			copy[len++] = *message;
	}
	return span_make(copy, len);
}

static const struct mail *read_in_pieces(struct mail_reader *reader, struct span message, size_t piece)
{
	mail_begin(reader, SPAN_NONE);
	for (size_t i = 0; i < message.len; i += piece)
		mail_add_bytes(reader, span_slice(message, i, i + piece));
	return mail_end(reader);
}

/* --- tests */

static void test_messages_are_read_the_same_however_they_come(void **state)
{
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	struct mail_reader *reader = mail_reader_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t e = 0; e < 3; e++) {
			struct span message = with_line_ends(cases[i].message, ends[e]);
			const char *how = e == 0 ? "LF" : e == 1 ? "CRLF" : "CR";

			check(cases[i].name, how, mail_read(reader, message, SPAN_NONE), cases[i].wanted);
			for (size_t piece = 1; piece <= 7; piece += 3)
				check(cases[i].name, how, read_in_pieces(reader, message, piece), cases[i].wanted);
			free((char *)(uintptr_t)message.ptr);
		}
	}
	mail_reader_free(reader);
}

/* As a milter hands it out: fields with their folds, "Name" and value apart, then the body in chunks. */
static void test_a_milters_way_is_the_same(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	const char *wanted = "multipart/report report=delivery-status sender=\ntext 1 text/plain: hello\nstatus 1 message/delivery-status: A: b\n";
	struct span body = SPAN_LIT("x\r\n--b 1\r\n\r\nhello\r\n--b 1\r\nContent-Type: message/delivery-status\r\n\r\nA: b\r\n--b 1--\r\n");

	(void)state;
	for (size_t piece = 1; piece < 20; piece++) {
		mail_begin(reader, SPAN_LIT(""));
		mail_add_header(reader, SPAN_LIT("From"), SPAN_LIT(" x@example.org"));
		mail_add_header(reader, SPAN_LIT("Content-Type"), SPAN_LIT("multipart/report;\n\tboundary=\"b 1\"; report-type=Delivery-Status"));
		mail_end_headers(reader);
		assert_true(mail_is_candidate(reader));
		for (size_t i = 0; i < body.len; i += piece)
			mail_add_body(reader, span_slice(body, i, i + piece));
		check("milter", "in pieces", mail_end(reader), wanted);
	}
	mail_reader_free(reader);
}

static void test_nul_and_control_bytes_come_out_as_valid_text(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	const struct mail *mail = mail_read(reader, SPAN_LIT("Subject: a\0b\nCc: =?utf-8?Q?=00?=\n\nx\0y\x01\n"), SPAN_NONE);

	(void)state;
	assert_true(span_is_equal(fields_get(&mail->fields, "SUBJECT"), SPAN_LIT("a\ufffd" "b")));
	assert_true(span_is_equal(fields_get(&mail->fields, "cc"), SPAN_LIT("\ufffd")));
	assert_true(span_is_equal(part_get_text(&mail->parts[0]), SPAN_LIT("x\ufffdy\x01\n")));
	mail_reader_free(reader);
}

static void test_raw_is_not_decoded(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	const struct mail *mail = mail_read(reader, SPAN_LIT("Subject: =?utf-8?Q?a?=\n b\n\n"), SPAN_NONE);
	const struct field *field = fields_find(&mail->fields, "subject");

	(void)state;
	assert_true(span_is_equal(field->raw, SPAN_LIT("=?utf-8?Q?a?=\n b")));
	assert_true(span_is_equal(fields_get(&mail->fields, "subject"), SPAN_LIT("a b")));
	assert_null(fields_find(&mail->fields, "subjec"));
	mail_reader_free(reader);
}

struct cap_case {
	const char *name;
	const char *head, *repeated, *tail;
	unsigned count;
	unsigned cut;
	size_t parts_max;
};

static const struct cap_case cap_cases[] = {
	{ "100,000 header fields", "Content-Type: text/plain\n", "X-Junk: y\n", "\nbody\n", 100000, CUT_FIELDS, 1 },
	{ "a field of 10 MiB", "Subject: ", "0123456789abcdef", "\nTo: x\n\nbody\n", 655360, CUT_LINE, 1 },
	{ "a field of 10 MiB in folded lines", "Subject: x", "\n 0123456789abcde", "\nTo: x\n\nbody\n", 655360, CUT_FIELD_SIZE, 1 },
	{ "a header of 10 MiB", "Subject: x\n", "X-Junk: 0123456789012345678901234567890123456789\n", "\nbody\n", 209715, CUT_FIELDS, 1 },
	{ "50,000 nested multiparts", "Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: multipart/mixed; boundary=b\n\n", "", 50000,
	  CUT_PARTS | CUT_DEPTH, 256 },
	{ "10,000 nested messages", "Content-Type: message/rfc822\n\n", "Content-Type: message/rfc822\n\n", "", 10000, 0, 1 },
	{ "100,000 parts", "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", "--b--\n", 100000, CUT_PARTS, 256 },
	{ "a line of 10 MiB", "Subject: x\n\n", "0123456789abcdef", "\n", 655360, CUT_LINE, 1 },
	{ "a text of 10 MiB", "Subject: x\n\n", "0123456789abcde\n", "", 655360, CUT_TEXT, 1 },
	{ "10 MiB of base64 in one line", "Content-Transfer-Encoding: base64\n\n", "YWJjZGVm", "\n", 1310720, CUT_LINE, 1 },
	{ "100,000 encoded words", "Subject:", "\n =?utf-8?Q?=C3=A4?=", "\n\nbody\n", 100000, CUT_FIELD_SIZE, 1 },
	{ "half encoded words", "Subject: ", "=?a?q?x ", "?=\n\nbody\n", 8000, 0, 1 },
	{ "100,000 open tags", "Content-Type: text/html\n\n", "<a", "\n", 100000, CUT_LINE, 1 },
	{ "100,000 character sets", "Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: text/plain; charset=x-none\n\n\xff\n", "", 100000, CUT_PARTS, 256 },
};

static struct span build(const struct cap_case *c)
{
	struct buffer message;

	buffer_init(&message, SIZE_MAX / 4);
	buffer_add(&message, span_of(c->head));
	for (unsigned i = 0; i < c->count; i++)
		buffer_add(&message, span_of(c->repeated));
	buffer_add(&message, span_of(c->tail));
	return buffer_get(&message);
}

static void test_caps_cut_and_say_so(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cap_cases) / sizeof(cap_cases[0]); i++) {
		struct span message = build(&cap_cases[i]);
		const struct mail *mail = mail_read(reader, message, SPAN_NONE);

		if ((mail->cut & cap_cases[i].cut) != cap_cases[i].cut || (!cap_cases[i].cut && mail->cut))
			fail_msg("%s: cut is %u", cap_cases[i].name, mail->cut);
		if (mail->part_count > cap_cases[i].parts_max)
			fail_msg("%s: %zu parts", cap_cases[i].name, mail->part_count);
		if (arena_get_used(mail->arena) > 4 * 1024 * 1024)
			fail_msg("%s: %zu bytes are kept", cap_cases[i].name, arena_get_used(mail->arena));
		free((char *)(uintptr_t)message.ptr);
	}
	mail_reader_free(reader);
}

/* What follows a field that is too long is still read. */
static void test_fields_after_a_long_one_are_there(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	struct span message = build(&cap_cases[2]);
	const struct mail *mail = mail_read(reader, message, SPAN_NONE);

	(void)state;
	assert_true(span_is_equal(fields_get(&mail->fields, "to"), SPAN_LIT("x")));
	assert_true(span_is_equal(part_get_text(&mail->parts[0]), SPAN_LIT("body\n")));
	free((char *)(uintptr_t)message.ptr);
	mail_reader_free(reader);
}

/* A report behind a text that fills its cap is still read. */
static void test_a_long_text_does_not_hide_the_report(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	struct cap_case c = { .head = REPORT("--b1\n\n"), .repeated = "0123456789abcde\n", .count = 65536,
			      .tail = "--b1\nContent-Type: message/delivery-status\n\nA: b\n--b1--\n" };
	struct span message = build(&c);
	const struct mail *mail = mail_read(reader, message, SPAN_NONE);

	(void)state;
	assert_int_equal(mail->cut, CUT_TEXT);
	assert_int_equal(mail->part_count, 2);
	assert_int_equal(mail->parts[1].kind, PART_STATUS);
	assert_true(span_is_equal(part_get_text(&mail->parts[1]), SPAN_LIT("A: b")));
	free((char *)(uintptr_t)message.ptr);
	mail_reader_free(reader);
}

/* 100 MiB of returned message cost what its header costs. */
static void test_a_returned_message_costs_no_memory(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	struct span head = SPAN_LIT(REPORT("--b1\nContent-Type: message/rfc822\n\nSubject: y\n\n"));
	char line[1024];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	mail_begin(reader, SPAN_NONE);
	mail_add_bytes(reader, head);
	for (size_t i = 0; i < 100 * 1024; i++)
		mail_add_bytes(reader, span_make(line, sizeof(line)));
	mail_add_bytes(reader, SPAN_LIT("--b1\nContent-Type: message/delivery-status\n\nA: b\n--b1--\n"));
	const struct mail *mail = mail_end(reader);
	assert_int_equal(mail->cut, 0);
	assert_int_equal(mail->part_count, 2);
	assert_true(span_is_equal(fields_get(&mail->parts[0].fields, "subject"), SPAN_LIT("y")));
	assert_true(arena_get_used(mail->arena) < 4096);
	mail_reader_free(reader);
}

static void test_one_reader_serves_one_mail_after_the_other(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);

	(void)state;
	for (size_t i = sizeof(cases) / sizeof(cases[0]); i-- > 0;)
		check(cases[i].name, "backwards", mail_read(reader, span_of(cases[i].message), SPAN_NONE), cases[i].wanted);
	mail_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_read_the_same_however_they_come),
		cmocka_unit_test(test_a_milters_way_is_the_same),
		cmocka_unit_test(test_nul_and_control_bytes_come_out_as_valid_text),
		cmocka_unit_test(test_raw_is_not_decoded),
		cmocka_unit_test(test_caps_cut_and_say_so),
		cmocka_unit_test(test_fields_after_a_long_one_are_there),
		cmocka_unit_test(test_a_long_text_does_not_hide_the_report),
		cmocka_unit_test(test_a_returned_message_costs_no_memory),
		cmocka_unit_test(test_one_reader_serves_one_mail_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
