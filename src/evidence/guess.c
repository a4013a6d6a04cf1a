/* SPDX-License-Identifier: BSD-2-Clause */
/* Who an address in a text may be.  Pure; any thread; hostile input. */
#include "evidence/guess.h"

#include <assert.h>
#include <string.h>

#include "evidence/header.h"
#include "evidence/mailbox.h"

enum { ADDRESSES_MAX = 200 /* of one field that are looked at */ };

static void add_addressees(struct people *people, struct span rest)
{
	for (unsigned n = 0; span_is_known(rest) && n < ADDRESSES_MAX && people->addressee_count < ADDRESSEES_MAX; n++) {
		struct span address = header_take_address(&rest);
		if (address.len)
			people->addressees[people->addressee_count++] = address;
	}
}

static void add_bystander(struct people *people, struct span value)
{
	if (span_is_known(value))
		people->bystanders[people->bystander_count++] = header_take_address(&value);
}

void people_read(const struct notice *notice, struct people *ret_people)
{
	static const char *const names[] = { "From", "To", "Reply-To", "Errors-To", "Return-Path" };
	const struct fields *top = &notice->mail->fields, *original = &notice->original;
	struct span from = fields_get(top, "From");

	static_assert((size_t)BYSTANDERS_MAX == 2 * sizeof(names) / sizeof(names[0]), "room for all of them");
	ret_people->addressee_count = ret_people->bystander_count = 0;
	ret_people->reporter = span_is_known(from) ? mailbox_get_domain(header_take_address(&from)) : SPAN_NONE;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add_bystander(ret_people, fields_get(top, names[i]));
		add_bystander(ret_people, fields_get(original, names[i]));
	}
	for (size_t i = 0; i < original->count; i++) {
		struct span name = original->items[i].name;
		if (span_is_equal_nocase(name, SPAN_LIT("To")) || span_is_equal_nocase(name, SPAN_LIT("Cc")))
			add_addressees(ret_people, fields_get_value(original, i));
	}
}

static bool is_one_of(const struct span *addresses, size_t count, struct span address)
{
	for (size_t i = 0; i < count; i++)
		if (span_is_equal_nocase(addresses[i], address))
			return true;
	return false;
}

bool people_is_addressee(const struct people *people, struct span address)
{
	return is_one_of(people->addressees, people->addressee_count, address);
}

bool people_is_bystander(const struct people *people, struct span address)
{
	if (people_is_addressee(people, address))
		return false;
	return mailbox_is_system(address) || is_one_of(people->bystanders, people->bystander_count, address);
}

bool people_is_helper(const struct people *people, struct span address)
{
	static const struct span names[] = {
		SPAN_LIT("info"),    SPAN_LIT("admin"),       SPAN_LIT("administrator"), SPAN_LIT("abuse"),
		SPAN_LIT("contact"), SPAN_LIT("kontakt"),     SPAN_LIT("service"),       SPAN_LIT("servicedesk"),
		SPAN_LIT("noc"),     SPAN_LIT("hostmaster"),  SPAN_LIT("webmaster"),     SPAN_LIT("mailadmin"),
	};
	/* in the languages of those who help */
	static const struct span parts[] = { SPAN_LIT("help"),   SPAN_LIT("support"), SPAN_LIT("suport"), SPAN_LIT("soport"),
					     SPAN_LIT("assist"), SPAN_LIT("hilfe"),   SPAN_LIT("hjelp"),    SPAN_LIT("hjalp"),  SPAN_LIT("ayuda"),
					     SPAN_LIT("ajuda"),  SPAN_LIT("pomoc"),   SPAN_LIT("atend"),    SPAN_LIT("kundenservice") };
	struct span local = mailbox_get_local(address);
	bool is_named = is_one_of(names, sizeof(names) / sizeof(names[0]), local);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !is_named; i++)
		is_named = span_find_nocase(local, parts[i], 0) != SIZE_MAX;
	return is_named && !people_is_addressee(people, address);
}

bool people_is_reporters_helper(const struct people *people, struct span address)
{
	return span_is_known(people->reporter) && span_is_equal_nocase(people->reporter, mailbox_get_domain(address)) &&
	       people_is_helper(people, address);
}

/* In the languages of those who say so. */
bool guess_is_about_sender(struct span line)
{
	static const struct span words[] = {
		SPAN_LIT("mail from"), SPAN_LIT("sender"), SPAN_LIT("return-path"), SPAN_LIT("return path"), SPAN_LIT("return address"),
		SPAN_LIT("originator"), SPAN_LIT("from:"), SPAN_LIT("absender"), SPAN_LIT("exp\xc3\xa9""diteur"), SPAN_LIT("remitente"),
		SPAN_LIT("mittente"), SPAN_LIT("remetente"), SPAN_LIT("afzender"), SPAN_LIT("nadawc"), SPAN_LIT("avs\xc3\xa4ndar"),
		SPAN_LIT("\xd0\xbe\xd1\x82\xd0\xbf\xd1\x80\xd0\xb0\xd0\xb2\xd0\xb8\xd1\x82\xd0\xb5\xd0\xbb"),
		SPAN_LIT("\xe5\xb7\xae\xe5\x87\xba\xe4\xba\xba"), SPAN_LIT("\xe9\x80\x81\xe4\xbf\xa1\xe8\x80\x85"),
		SPAN_LIT("\xe5\x8f\x91\xe4\xbb\xb6\xe4\xba\xba"), SPAN_LIT("\xe5\xaf\x84\xe4\xbb\xb6"),
		SPAN_LIT("\xeb\xb3\xb4\xeb\x82\xb8"),
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t end = 0, at;
		while ((at = span_find_nocase(line, words[i], end)) != SIZE_MAX) {
			end = at + words[i].len;
			/* within an address it is a name */
			if (end == line.len || !memchr("@.-_", line.ptr[end], 4))
				return true;
		}
	}
	return false;
}
