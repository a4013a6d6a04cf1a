/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast bounces are read, as ratios within one interleaved run: our MIME reader against a memchr line scan, against
 * GMime (parse, walk, decode the same parts) and on two threads against one; and the whole path, from bytes in memory
 * to verdicts.  usage: evidence [FOLDER OF MESSAGES]; without one, messages of its own.  KODAMA_ETC: rules and forms.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef HAVE_GMIME
#include <gmime/gmime.h>
#endif

#include "base/buffer.h"
#include "classify/classify.h"
#include "evidence/evidence.h"
#include "evidence/formats.h"

enum { MESSAGES_MAX = 20000, ROUNDS = 9, OWN_MESSAGES = 400 };
static const double ROUND_S = 0.15;

static struct span messages[MESSAGES_MAX];
static size_t message_count, byte_count;
static volatile size_t sink;

/* Of the processor for one thread's work, so that a busy machine changes little; of the wall for two threads'. */
static double read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- messages */

static void add_message(struct span message)
{
	if (message_count == MESSAGES_MAX)
		return;
	messages[message_count++] = message;
	byte_count += message.len;
}

static void load_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	if (!folder) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(folder))) {
		char name[4096];
		struct buffer bytes;
		char piece[65536];
		size_t got;

		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "rb");
		if (!file)
			continue;
		buffer_init(&bytes, 64 << 20);
		while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
			buffer_add(&bytes, span_make(piece, got));
		fclose(file);
		add_message(buffer_get(&bytes));
	}
	closedir(folder);
}

/* Postfix's report about a newsletter, in the sizes that are usual. */
static void make_messages(void)
{
	static const char *const replies[] = {
		"550-5.1.1 The email account that you tried to reach does not exist. Please try\n    550-5.1.1 double-checking the address 550 5.1.1 - gsmtp",
		"452 4.2.2 Mailbox full",
		"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using dnsbl.example",
		"550 5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy",
	};

	for (unsigned i = 0; i < OWN_MESSAGES; i++) {
		struct buffer m;

		buffer_init(&m, 1 << 20);
		buffer_printf(&m, "Return-Path: <>\nReceived: by mx.example.jp (Postfix)\n\tid 4jX3rL%uxpz1cMcR; Sat, 21 Nov 2026 20:36:02 +0000 (UTC)\n"
			      "Date: Sat, 21 Nov 2026 20:36:02 +0000 (UTC)\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.jp>\n"
			      "Subject: Undelivered Mail Returned to Sender\nTo: bounce@example.jp\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
			      "Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"4jX3rL%u.1795293362/mx.example.jp\"\n\n"
			      "This is a MIME-encapsulated message.\n\n", i, i);
		buffer_printf(&m, "--4jX3rL%u.1795293362/mx.example.jp\nContent-Description: Notification\nContent-Type: text/plain; charset=utf-8\n\n"
			      "This is the mail system at host mx.example.jp.\n\nI'm sorry to have to inform you that your message could not\n"
			      "be delivered to one or more recipients. It's attached below.\n\n                   The mail system\n\n"
			      "<user%u@example.org>: host mx.example.org[192.0.2.80] said: %s\n    (in reply to RCPT TO command)\n\n", i, i, replies[i % 4]);
		buffer_printf(&m, "--4jX3rL%u.1795293362/mx.example.jp\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n"
			      "Reporting-MTA: dns; mx.example.jp\nX-Postfix-Queue-ID: 4jX3rL%u\nX-Postfix-Sender: rfc822; bounce@example.jp\n"
			      "Arrival-Date: Sat, 21 Nov 2026 20:36:01 +0000 (UTC)\n\nFinal-Recipient: rfc822; user%u@example.org\n"
			      "Original-Recipient: rfc822;user%u@example.org\nAction: failed\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.org\n"
			      "Diagnostic-Code: smtp; %s\n\n", i, i, i, i, replies[i % 4]);
		buffer_printf(&m, "--4jX3rL%u.1795293362/mx.example.jp\nContent-Description: Undelivered Message\nContent-Type: message/rfc822\n\n"
			      "Return-Path: <bounce@example.jp>\nReceived: from app.example.jp (app.example.jp [192.0.2.7])\n\tby mx.example.jp (Postfix) with ESMTP id 4jX3rL%u\n"
			      "From: =?utf-8?B?44GK55+l44KJ44Gb?= <news@example.jp>\nTo: user%u@example.org\nSubject: =?utf-8?Q?=E3=81=8A=E7=9F=A5=E3=82=89=E3=81=9B?= %u\n"
			      "Message-ID: <%u.news@example.jp>\nDate: Sat, 21 Nov 2026 20:36:01 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n", i, i, i, i, i);
		for (unsigned k = 0; k < 10 + i % 50; k++)
			buffer_printf(&m, "Line %u of a newsletter that nobody will read, with words up to the usual length.\n", k);
		buffer_printf(&m, "\n--4jX3rL%u.1795293362/mx.example.jp--\n", i);
		add_message(buffer_get(&m));
	}
}

/* --- what is measured: one pass over all messages each */

struct worker {
	struct mail_reader *reader;
	struct scratch *scratch;
	const struct formats *formats;
	const struct ruleset *ruleset;
	size_t outcomes;
};

static void scan_lines(struct worker *worker)
{
	size_t lines = 0;

	(void)worker;
	for (size_t i = 0; i < message_count; i++) {
		const char *at = messages[i].ptr, *end = at + messages[i].len;
		while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
			at++;
			lines++;
		}
	}
	sink += lines;
}

static void read_mails(struct worker *worker)
{
	for (size_t i = 0; i < message_count; i++)
		sink += mail_read(worker->reader, messages[i], SPAN_NONE)->part_count;
}

/* And every text decoded, as GMime does beside it; those who read bounces ask for few of them. */
static void read_texts(struct worker *worker)
{
	for (size_t i = 0; i < message_count; i++) {
		const struct mail *mail = mail_read(worker->reader, messages[i], SPAN_NONE);

		for (size_t k = 0; k < mail->part_count; k++)
			sink += part_get_text(&mail->parts[k]).len;
	}
}

static void judge_mails(struct worker *worker)
{
	for (size_t i = 0; i < message_count; i++) {
		const struct mail *mail = mail_read(worker->reader, messages[i], SPAN_NONE);
		struct outcomes outcomes = { 0 };

		if (evidence_read(mail, worker->formats, &outcomes) < 0)
			abort();
		for (size_t k = 0; k < outcomes.count; k++) {
			struct query query = query_of(&outcomes.items[k]);
			struct verdict verdict;
			classify(worker->ruleset, worker->scratch, &query, &verdict);
		}
		worker->outcomes += outcomes.count;
	}
}

#ifdef HAVE_GMIME
static void walk_gmime(GMimeObject *parent, GMimeObject *object, gpointer data)
{
	(void)parent;
	(void)data;
	if (GMIME_IS_TEXT_PART(object)) {
		char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(object));
		sink += text ? strlen(text) : 0;
		g_free(text);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *original = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
		if (original)
			sink += (size_t)g_mime_header_list_get_count(g_mime_object_get_header_list(GMIME_OBJECT(original)));
	} else if (GMIME_IS_PART(object) && g_mime_content_type_is_type(g_mime_object_get_content_type(object), "message", "*")) {
		GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(object));
		GMimeStream *memory = g_mime_stream_mem_new();
		sink += content ? (size_t)g_mime_data_wrapper_write_to_stream(content, memory) : 0;
		g_object_unref(memory);
	}
}

static void read_gmime(struct worker *worker)
{
	(void)worker;
	for (size_t i = 0; i < message_count; i++) {
		GMimeStream *stream = g_mime_stream_mem_new_with_buffer(messages[i].ptr, messages[i].len);
		GMimeParser *parser = g_mime_parser_new_with_stream(stream);
		GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

		if (message) {
			g_mime_message_foreach(message, walk_gmime, NULL);
			g_object_unref(message);
		}
		g_object_unref(parser);
		g_object_unref(stream);
	}
}
#endif

typedef void pass_function(struct worker *worker);

/* Seconds a pass, at least ROUND_S long. */
static double measure(pass_function *pass, struct worker *worker)
{
	double start = read_clock(CLOCK_THREAD_CPUTIME_ID), spent;
	unsigned passes = 0;

	do {
		pass(worker);
		passes++;
		spent = read_clock(CLOCK_THREAD_CPUTIME_ID) - start;
	} while (spent < ROUND_S);
	return spent / passes;
}

static void *run_thread(void *data)
{
	struct worker *worker = data;

	for (unsigned i = 0; i < 40; i++)
		read_texts(worker);
	return NULL;
}

/* How many times the work of one thread two do in the same time. */
static double measure_threads(struct worker workers[2])
{
	pthread_t threads[2];
	double start = read_clock(CLOCK_MONOTONIC), one, two;

	run_thread(&workers[0]);
	one = read_clock(CLOCK_MONOTONIC) - start;
	start = read_clock(CLOCK_MONOTONIC);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, run_thread, &workers[i]) != 0)
			abort();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	two = read_clock(CLOCK_MONOTONIC) - start;
	return 2 * one / two;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static void worker_init(struct worker *worker, const struct formats *formats, const struct ruleset *ruleset)
{
	*worker = (struct worker){ .reader = mail_reader_new(NULL), .scratch = scratch_new(), .formats = formats, .ruleset = ruleset };
	if (!worker->reader || !worker->scratch)
		abort();
}

static void load_rules(struct formats **ret_formats, struct ruleset **ret_ruleset)
{
	const char *etc = getenv("KODAMA_ETC");
	char dir[4096];
	struct complaint complaint = { 0 };

	snprintf(dir, sizeof(dir), "%s/formats.d", etc ? etc : SYSCONFDIR "/kodama");
	if (ruleset_load(etc ? etc : SYSCONFDIR "/kodama", ret_ruleset, &complaint) < 0 ||
	    formats_load(dir, ret_formats, &complaint) < 0) {
		fprintf(stderr, "%s:%u: %s\n", complaint.path, complaint.line, complaint.text);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	double scan[ROUNDS], read[ROUNDS], texts[ROUNDS], gmime[ROUNDS] = { 0 }, judge[ROUNDS], threads[ROUNDS];
	double scan_ratio[ROUNDS], texts_ratio[ROUNDS], gmime_ratio[ROUNDS];
	struct formats *formats = NULL;
	struct ruleset *ruleset = NULL;
	struct worker workers[2];
	size_t outcomes;

	if (argc > 1)
		load_folder(argv[1]);
	else
		make_messages();
	load_rules(&formats, &ruleset);
	worker_init(&workers[0], formats, ruleset);
	worker_init(&workers[1], formats, ruleset);
#ifdef HAVE_GMIME
	g_mime_init();
#endif
	judge_mails(&workers[0]); /* warms up, and counts */
	outcomes = workers[0].outcomes;
	for (int i = 0; i < ROUNDS; i++) {
		scan[i] = measure(scan_lines, &workers[0]);
		read[i] = measure(read_mails, &workers[0]);
		texts[i] = measure(read_texts, &workers[0]);
#ifdef HAVE_GMIME
		gmime[i] = measure(read_gmime, &workers[0]);
#endif
		judge[i] = measure(judge_mails, &workers[0]);
		threads[i] = measure_threads(workers);
		scan_ratio[i] = read[i] / scan[i];
		texts_ratio[i] = texts[i] / scan[i];
		gmime_ratio[i] = gmime[i] / texts[i];
	}
	printf("%zu messages, %zu bytes, %zu outcomes; medians of %d rounds\n", message_count, byte_count, outcomes, ROUNDS);
	printf("memchr line scan     %8.2f us a message\n", median(scan) / (double)message_count * 1e6);
	printf("MIME reader          %8.2f us a message\n", median(read) / (double)message_count * 1e6);
	printf("  times the line scan %7.2f (at most 4)\n", median(scan_ratio));
	printf("  with every text    %8.2f us a message\n", median(texts) / (double)message_count * 1e6);
	printf("  times the line scan %7.2f\n", median(texts_ratio));
#ifdef HAVE_GMIME
	printf("GMime, every text    %8.2f us a message\n", median(gmime) / (double)message_count * 1e6);
	printf("  times our reader    %7.2f (at least 20)\n", median(gmime_ratio));
#endif
	printf("two threads to one   %8.2f (at least 1.8)\n", median(threads));
	printf("bytes to verdict     %8.0f bounces a second (at least 20000)\n", (double)message_count / median(judge));
	return 0;
}
