/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose "sent" is a delivery; how far a log has been counted. */
#include "decide/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "flow/mark.h"

static struct network network(const char *text)
{
	struct network result;

	assert_int_equal(network_parse(span_of(text), &result), 0);
	return result;
}

static void only_hosts_in_the_world_deliver(void **state)
{
	struct network passing[] = { network("192.0.2.8/31"), network("2001:db8:1::/48") }, delivering[] = { network("10.1.2.3") };
	const char *const passing_names[] = { "filter.example", "outbound.example.net", NULL }, *const delivering_names[] = { "inside", "dovecot", NULL };
	const struct relays relays = { { { passing, 2 }, passing_names }, { { delivering, 1 }, delivering_names } };
	static const struct {
		const char *host, *address;
		bool delivers;
	} rows[] = {
		{ "mx.example.com", "192.0.2.1", true },
		{ "mx.example.com", "2001:db8::1", true },
		{ "mx.example.com", "192.0.2.9", false },
		{ "mx.example.com", "2001:db8:1::5", false },
		{ "OUTBOUND.example.net", "198.51.100.1", false },
		{ "a.outbound.example.net", "198.51.100.1", false },
		{ "notoutbound.example.net", "198.51.100.1", true },
		{ "localhost", "127.0.0.1", false },
		{ "localhost", "127.1.2.3", false },
		{ "localhost", "::1", false },
		{ "mx", "::ffff:10.0.0.1", false },
		{ "mx", "10.255.255.255", false },
		{ "mx", "172.16.0.1", false },
		{ "mx", "172.32.0.1", true },
		{ "mx", "192.168.1.1", false },
		{ "mx", "100.64.0.1", false },
		{ "mx", "169.254.1.1", false },
		{ "mx", "fd12::1", false },
		{ "mx", "fe80::1", false },
		{ "mx", "10.1.2.3", true },
		{ "mx.inside", "10.9.9.9", true },
		{ "dovecot", NULL, true },
		{ "local", NULL, false },
		{ "none", NULL, false },
		{ NULL, NULL, false },
		{ "mx.example.com", "no address", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (relays_deliver(&relays, span_of(rows[i].host), span_of(rows[i].address)) != rows[i].delivers)
			fail_msg("%s[%s]", rows[i].host, rows[i].address);
}

/* --- marks */

static void what_is_older_has_been_counted(void **state)
{
	struct mark mark = { .hosts = { { .host = 0 } } };
	struct span host = SPAN_LIT("mx");

	(void)state;
	assert_true(mark_take(&mark, host, 100, SPAN_LIT("a")));
	assert_true(mark_take(&mark, host, 100, SPAN_LIT("b")));
	assert_false(mark_take(&mark, host, 100, SPAN_LIT("a")));
	assert_true(mark_take(&mark, host, 101, SPAN_LIT("a")));
	assert_false(mark_take(&mark, host, 100, SPAN_LIT("c")));
	/* another host's clock is its own */
	assert_true(mark_take(&mark, SPAN_LIT("other"), 50, SPAN_LIT("a")));
}

static void marks_come_back_from_text(void **state)
{
	struct mark mark = { .hosts = { { .host = 0 } } }, again;
	struct buffer text;
	char what[8];

	(void)state;
	for (unsigned host = 0; host < MARK_HOSTS + 3; host++)
		for (unsigned i = 0; i < MARK_RECENT; i++) {
			char name[8];
			snprintf(name, sizeof(name), "mx%u", host);
			snprintf(what, sizeof(what), "%u", i);
			assert_true(mark_take(&mark, span_of(name), 1000 + host, span_of(what)));
		}
	buffer_init(&text, 1 << 16);
	mark_write(&mark, &text);
	assert_false(text.is_cut);
	mark_read(buffer_get(&text), &again);
	for (unsigned i = 0; i < MARK_RECENT; i++) {
		snprintf(what, sizeof(what), "%u", i);
		assert_false(mark_take(&again, SPAN_LIT("mx10"), 1010, span_of(what)));
	}
	assert_true(mark_take(&again, SPAN_LIT("mx10"), 1010, SPAN_LIT("new")));
	assert_false(mark_take(&again, SPAN_LIT("mx10"), 1009, SPAN_LIT("new")));
	mark_read(SPAN_LIT("nonsense\n1\n2 x\n99999999999999999999 1"), &again);
	assert_true(mark_take(&again, SPAN_LIT("mx10"), 1, SPAN_LIT("new")));
	buffer_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_hosts_in_the_world_deliver),
		cmocka_unit_test(what_is_older_has_been_counted),
		cmocka_unit_test(marks_come_back_from_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
