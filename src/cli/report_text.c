/* SPDX-License-Identifier: BSD-2-Clause */
/* The report for people: sections of rows with bars, as wide as the terminal.  No contract.  One thread; hostile texts. */
#include <inttypes.h>

#include "base/timestamp.h"
#include "cli/outcome_json.h"
#include "cli/report.h"
#include "cli/terminal.h"

enum { NUMBER_COLUMNS = 11, NAME_COLUMNS = 20, BAR_MAX = 40, NUMBER_SIZE = 32, DAYS_SHOWN = 60 };

/* "1,234,567" */
static const char *format_number(uint64_t number, char text[static NUMBER_SIZE])
{
	char digits[NUMBER_SIZE];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, number), to = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[to++] = ',';
		text[to++] = digits[i];
	}
	text[to] = '\0';
	return text;
}

static void print_number(FILE *out, uint64_t number)
{
	char text[NUMBER_SIZE];

	fprintf(out, "%*s", NUMBER_COLUMNS, format_number(number, text));
}

static void print_share(FILE *out, uint64_t part, uint64_t whole)
{
	fprintf(out, "%6.1f %%", whole ? 100.0 * (double)part / (double)whole : 0.0);
}

static void print_title(FILE *out, const char *title, uint64_t shown, uint64_t total)
{
	char first[NUMBER_SIZE], second[NUMBER_SIZE];

	fputc('\n', out);
	terminal_print_text(out, STYLE_BOLD, title);
	if (shown < total)
		fprintf(out, " (%s of %s)", format_number(shown, first), format_number(total, second));
	fputc('\n', out);
}

/* What is left of the line for a bar, behind so many columns. */
static unsigned get_bar_width(unsigned taken)
{
	unsigned width = terminal_get_width();

	if (width < taken + 4)
		return 0;
	return width - taken > BAR_MAX ? BAR_MAX : width - taken;
}

static uint64_t get_total(const struct report_counts *counts)
{
	return counts->delivered + counts->failed;
}

/* --- the head */

static void print_period(FILE *out, const struct report *report)
{
	char first[TIMESTAMP_SIZE], last[TIMESTAMP_SIZE], lines[NUMBER_SIZE], unreadable[NUMBER_SIZE];

	if (report->first_s)
		fprintf(out, "%s to %s", timestamp_format(report->first_s, first), timestamp_format(report->last_s, last));
	else
		fputs("no delivery in it", out);
	if (report->lines)
		fprintf(out, ", %s lines", format_number(report->lines, lines));
	if (report->unreadable)
		fprintf(out, ", %s of them unreadable", format_number(report->unreadable, unreadable));
	fputc('\n', out);
}

static void print_overview_row(FILE *out, const char *name, enum style style, uint64_t part, uint64_t whole)
{
	fprintf(out, "  %-10s", name);
	print_number(out, part);
	print_share(out, part, whole);
	fputs("  ", out);
	terminal_print_bar(out, style, part, whole, get_bar_width(2 + 10 + NUMBER_COLUMNS + 8 + 2));
	fputc('\n', out);
}

static void print_overview(FILE *out, const struct report *report)
{
	uint64_t whole = get_total(&report->counts);
	char text[NUMBER_SIZE];

	fputc('\n', out);
	print_overview_row(out, "delivered", STYLE_GREEN, report->counts.delivered, whole);
	print_overview_row(out, "failed", STYLE_RED, report->counts.failed, whole);
	if (report->expired)
		fprintf(out, "  %*s of them because their time was over\n", 10 + NUMBER_COLUMNS, format_number(report->expired, text));
	fprintf(out, "  %-10s", "deferred");
	print_number(out, report->counts.deferred);
	fputs("  attempts that will be made again\n", out);
}

/* --- lists */

static void print_days(FILE *out, const struct report *report)
{
	size_t from = report->day_count > DAYS_SHOWN ? report->day_count - DAYS_SHOWN : 0;
	unsigned bar = get_bar_width(2 + 10 + 3 * NUMBER_COLUMNS + 2);
	uint64_t most = 0;

	if (!report->day_count)
		return;
	for (size_t i = from; i < report->day_count; i++)
		most = report->days[i].counts.failed > most ? report->days[i].counts.failed : most;
	print_title(out, "Days", report->day_count - from, report->day_count);
	fprintf(out, "  %-10s%*s%*s%*s\n", "", NUMBER_COLUMNS, "delivered", NUMBER_COLUMNS, "deferred", NUMBER_COLUMNS, "failed");
	for (size_t i = from; i < report->day_count; i++) {
		const struct report_day *day = &report->days[i];
		char text[TIMESTAMP_SIZE];
		fprintf(out, "  %-10s", timestamp_format_date(day->day * 86400, text));
		print_number(out, day->counts.delivered);
		print_number(out, day->counts.deferred);
		print_number(out, day->counts.failed);
		fputs("  ", out);
		terminal_print_bar(out, STYLE_RED, day->counts.failed, most, bar);
		fputc('\n', out);
	}
}

static void print_classes(FILE *out, const struct report *report)
{
	unsigned bar = get_bar_width(2 + NAME_COLUMNS + 8 + 2 * NUMBER_COLUMNS + 2);
	uint64_t most = 0;

	if (!report->class_count)
		return;
	for (size_t i = 0; i < report->class_count; i++)
		most = report->classes[i].failed > most ? report->classes[i].failed : most;
	print_title(out, "Why", report->class_count, report->totals.classes);
	fprintf(out, "  %-*s%*s%*s\n", NAME_COLUMNS + 8, "", NUMBER_COLUMNS, "deferred", NUMBER_COLUMNS, "failed");
	for (size_t i = 0; i < report->class_count; i++) {
		const struct report_class *class = &report->classes[i];
		fputs("  ", out);
		terminal_print_field(out, STYLE_PLAIN, span_of(class_get_name(class->class_id)), NAME_COLUMNS + 8);
		print_number(out, class->deferred);
		print_number(out, class->failed);
		fputs("  ", out);
		terminal_print_bar(out, STYLE_RED, class->failed, most, bar);
		fputc('\n', out);
	}
}

static void print_providers(FILE *out, const struct report *report)
{
	unsigned bar = get_bar_width(2 + NAME_COLUMNS + 3 * NUMBER_COLUMNS + 8 + 2);

	if (!report->provider_count)
		return;
	print_title(out, "Providers", report->provider_count, report->totals.providers);
	fprintf(out, "  %-*s%*s%*s%*s\n", NAME_COLUMNS, "", NUMBER_COLUMNS, "delivered", NUMBER_COLUMNS, "deferred", NUMBER_COLUMNS, "failed");
	for (size_t i = 0; i < report->provider_count; i++) {
		const struct report_provider *provider = &report->providers[i];
		fputs("  ", out);
		terminal_print_field(out, STYLE_PLAIN, provider->name.len ? provider->name : SPAN_LIT("(others)"), NAME_COLUMNS);
		print_number(out, provider->counts.delivered);
		print_number(out, provider->counts.deferred);
		print_number(out, provider->counts.failed);
		print_share(out, provider->counts.failed, get_total(&provider->counts));
		fputs("  ", out);
		terminal_print_bar(out, STYLE_RED, provider->counts.failed, get_total(&provider->counts), bar);
		fputc('\n', out);
	}
}

/* Text of any length, in lines of the terminal's width behind a margin. */
static void print_wrapped(FILE *out, enum style style, struct span text, unsigned margin)
{
	unsigned width = terminal_get_width() - margin;

	while (text.len) {
		fprintf(out, "%*s", (int)margin, "");
		terminal_print(out, style, terminal_take_line(&text, width));
		fputc('\n', out);
	}
}

static enum style get_style(const struct verdict *verdict)
{
	if (verdict->effect == EFFECT_NOW)
		return STYLE_RED;
	return verdict->effect == EFFECT_COUNT ? STYLE_YELLOW : STYLE_PLAIN;
}

static void print_responses(FILE *out, const struct report *report, enum language language)
{
	enum { MARGIN = 2 + NUMBER_COLUMNS + 2 };
	unsigned width = terminal_get_width();

	if (!report->response_count)
		return;
	print_title(out, "What was said most", report->response_count, report->totals.responses);
	for (size_t i = 0; i < report->response_count; i++) {
		const struct report_response *response = &report->responses[i];
		char reply[REPLY_CODE_SIZE], status[STATUS_TEXT_SIZE];
		int taken;
		fputs("  ", out);
		print_number(out, response->failed + response->deferred);
		reply_code_format(response->reply, reply);
		status_format(response->status, status);
		taken = fprintf(out, "  %s%s%s%s", reply, reply[0] ? " " : "", status, status[0] ? " " : "");
		terminal_print_cut(out, STYLE_PLAIN, response->text, width - (unsigned)(2 + NUMBER_COLUMNS + taken));
		fprintf(out, "\n%*s", MARGIN, "");
		terminal_print_text(out, get_style(&response->verdict), class_get_name(response->verdict.class_id));
		if (response->verdict.provider[0])
			fprintf(out, ", %s", response->verdict.provider);
		fprintf(out, ", suppress: %s\n", effect_get_name(response->verdict.effect));
		print_wrapped(out, STYLE_DIM, span_of(response->verdict.advice[language]), MARGIN);
	}
}

static void print_domains(FILE *out, const struct report *report)
{
	enum { CLASS_COLUMNS = 20, DOMAIN_COLUMNS = 26 };
	unsigned taken = 2 + DOMAIN_COLUMNS + 2 * NUMBER_COLUMNS + 2 + CLASS_COLUMNS, width = terminal_get_width();

	if (!report->domain_count)
		return;
	print_title(out, "Domains that defer", report->domain_count, report->totals.domains);
	fprintf(out, "  %-*s%*s%*s  %s\n", DOMAIN_COLUMNS, "", NUMBER_COLUMNS, "deferred", NUMBER_COLUMNS, "delivered", "the last time");
	for (size_t i = 0; i < report->domain_count; i++) {
		const struct report_domain *domain = &report->domains[i];
		fputs("  ", out);
		terminal_print_field(out, STYLE_PLAIN, domain->name.len ? domain->name : SPAN_LIT("(none)"), DOMAIN_COLUMNS);
		print_number(out, domain->counts.deferred);
		print_number(out, domain->counts.delivered);
		fputs("  ", out);
		terminal_print_field(out, STYLE_PLAIN, span_of(class_get_name(domain->class_id)), CLASS_COLUMNS);
		if (width > taken + 10)
			terminal_print_cut(out, STYLE_DIM, domain->text, width - taken);
		fputc('\n', out);
	}
}

/* The longest of them, as far as there is room beside so many other columns. */
static unsigned get_address_columns(const struct report *report, unsigned taken)
{
	enum { ADDRESS_MIN = 20 };
	unsigned width = terminal_get_width(), room = width > taken + ADDRESS_MIN ? width - taken : ADDRESS_MIN;
	size_t longest = ADDRESS_MIN;

	for (size_t i = 0; i < report->address_count; i++) {
		size_t columns = terminal_measure(report->addresses[i].address) + 2;
		longest = columns > longest ? columns : longest;
	}
	return longest < room ? (unsigned)longest : room;
}

static void print_addresses(FILE *out, const struct report *report)
{
	enum { CLASS_COLUMNS = 20 };
	unsigned columns = get_address_columns(report, 2 + CLASS_COLUMNS + 8 + 12);

	if (!report->address_count)
		return;
	print_title(out, "Addresses to suppress", report->address_count, report->totals.addresses);
	fprintf(out, "  %-*s%-*s%*s  %s\n", (int)columns, "", CLASS_COLUMNS, "", 8, "failed", "last");
	for (size_t i = 0; i < report->address_count; i++) {
		const struct report_address *address = &report->addresses[i];
		char last[TIMESTAMP_SIZE];
		fputs("  ", out);
		terminal_print_field(out, STYLE_PLAIN, address->address, columns - 1);
		fputc(' ', out);
		terminal_print_field(out, STYLE_PLAIN, span_of(class_get_name(address->class_id)), CLASS_COLUMNS);
		fprintf(out, "%8" PRIu64 "  %s\n", address->failed, timestamp_format_date(address->last_s, last));
	}
}

void report_print(FILE *out, const struct report *report, enum language language)
{
	print_period(out, report);
	if (!report->first_s)
		return;
	print_overview(out, report);
	print_days(out, report);
	print_classes(out, report);
	print_providers(out, report);
	print_responses(out, report, language);
	print_domains(out, report);
	print_addresses(out, report);
}
