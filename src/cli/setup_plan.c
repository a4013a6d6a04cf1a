/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for Postfix: what to add beside what is there.  One thread. */
#include "cli/setup_plan.h"

#include "cli/setup_list.h"

const char *const setup_parameters[] = {
	"mail_version", "compatibility_level", "queue_directory", "smtpd_milters", "non_smtpd_milters", "internal_mail_filter_classes",
	"smtpd_recipient_restrictions", "enable_long_queue_ids", "milter_default_action", "default_delivery_status_filter",
	"transport_maps", "header_checks", "mime_header_checks", "nested_header_checks", "body_checks", "content_filter",
	"multi_instance_directories", "soft_bounce", "recipient_delimiter", "maillog_file", "mynetworks", "inet_protocols", "mail_owner",
};
const size_t setup_parameter_count = sizeof(setup_parameters) / sizeof(setup_parameters[0]);

bool settings_take(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	while (span_is_known(*rest)) {
		struct span line = span_take(rest, '\n');
		size_t equals = span_find_char(line, '=', 0);
		if (equals == SIZE_MAX)
			continue;
		*ret_name = span_trim(span_slice(line, 0, equals));
		*ret_value = span_trim(span_skip(line, equals + 1));
		return true;
	}
	return false;
}

static struct span find_setting(const struct settings *settings, struct span wanted)
{
	struct span rest = settings->text, name, value;

	while (settings_take(&rest, &name, &value))
		if (span_is_equal(name, wanted))
			return value;
	return SPAN_NONE;
}

struct span settings_get(const struct settings *settings, const char *name)
{
	return find_setting(settings, span_of(name));
}

struct span settings_find_in_file(struct span file, const char *name, struct arena *arena)
{
	struct span found = SPAN_NONE;
	bool is_ours = false;

	while (span_is_known(file)) {
		struct span line = span_take_line(&file), trimmed = span_trim(line);
		if (!trimmed.len || trimmed.ptr[0] == '#')
			continue;
		if (ascii_is_space(line.ptr[0])) {
			if (is_ours)
				found = arena_printf(arena, "%.*s%s%.*s", SPAN_ARG(found), found.len ? " " : "", SPAN_ARG(trimmed));
			continue;
		}
		size_t equals = span_find_char(line, '=', 0);
		is_ours = equals != SIZE_MAX && span_is_equal(span_trim(span_slice(line, 0, equals)), span_of(name));
		if (is_ours)
			found = span_trim(span_skip(line, equals + 1));
	}
	return found;
}

/* --- what a plan works with */

/* One of our fronts in Postfix's words: the name that we give it, and the other one that means the same. */
struct endpoint {
	const char *names[2];
	bool is_outside; /* a unix socket that a chrooted process cannot reach */
};

struct work {
	struct setup_plan *plan;
	const struct settings *settings;
	const struct setup_wish *wish;
	struct endpoint milter, policy, status_map, recipient_map, transport_map;
	struct span queue;
};

static void warn(struct work *work, struct span text)
{
	struct setup_plan *plan = work->plan;

	if (text.len && plan->warning_count < SETUP_WARNINGS_MAX)
		plan->warnings[plan->warning_count++] = text;
}

static struct span get(const struct work *work, const char *name)
{
	return settings_get(work->settings, name);
}

static void edit(struct work *work, const char *name, struct span value, const char *why)
{
	struct setup_plan *plan = work->plan;
	struct span old = get(work, name);

	if (!span_is_equal(old, value) && plan->edit_count < SETUP_EDITS_MAX)
		plan->edits[plan->edit_count++] = (struct setup_edit){ name, old, value, why };
}

/* "inet:8741@host" is "inet:host:8741" to Postfix. */
static void make_inet(struct endpoint *endpoint, struct span address, const char *prefix, const char *suffix, struct arena *arena)
{
	struct span host = span_skip(address, SPAN_LIT("inet:").len), port = span_take(&host, '@');
	bool is_ipv6 = span_find_char(host, ':', 0) != SIZE_MAX && host.ptr[0] != '[';

	endpoint->names[0] =
		arena_printf(arena, "%sinet:%s%.*s%s:%.*s%s", prefix, is_ipv6 ? "[" : "", SPAN_ARG(host), is_ipv6 ? "]" : "", SPAN_ARG(port), suffix).ptr;
}

/* Below the queue directory the relative name serves chrooted and other processes alike. */
static void make_unix(struct endpoint *endpoint, struct span address, struct span queue, const char *prefix, const char *suffix, struct arena *arena)
{
	struct span path = span_skip(address, SPAN_LIT("unix:").len);
	bool is_inside = queue.len && span_has_prefix(path, queue) && path.len > queue.len && path.ptr[queue.len] == '/';
	const char *absolute = arena_printf(arena, "%sunix:%.*s%s", prefix, SPAN_ARG(path), suffix).ptr;

	endpoint->is_outside = !is_inside;
	endpoint->names[0] = is_inside ? arena_printf(arena, "%sunix:%.*s%s", prefix, SPAN_ARG(span_skip(path, queue.len + 1)), suffix).ptr : absolute;
	endpoint->names[1] = is_inside ? absolute : NULL;
}

static void make_endpoint(const struct work *work, struct endpoint *endpoint, const char *address, const char *prefix, const char *suffix)
{
	struct span text = span_of(address);

	*endpoint = (struct endpoint){ 0 };
	if (span_has_prefix(text, SPAN_LIT("inet:")))
		make_inet(endpoint, text, prefix, suffix, work->plan->arena);
	else if (span_has_prefix(text, SPAN_LIT("unix:")))
		make_unix(endpoint, text, work->queue, prefix, suffix, work->plan->arena);
}

static struct work make_work(struct setup_plan *plan, const struct settings *settings, const struct setup_wish *wish)
{
	struct work work = { .plan = plan, .settings = settings, .wish = wish };

	work.queue = get(&work, "queue_directory");
	make_endpoint(&work, &work.milter, wish->milter, "", "");
	make_endpoint(&work, &work.policy, wish->policy, "", "");
	make_endpoint(&work, &work.status_map, wish->status_map, "socketmap:", ":status");
	make_endpoint(&work, &work.recipient_map, wish->recipient_map, "socketmap:", ":recipient");
	make_endpoint(&work, &work.transport_map, wish->transport_map, "socketmap:", ":transport");
	return work;
}

static bool has_endpoint(struct span list, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < 2; i++)
		if (endpoint->names[i] && list_has(list, span_of(endpoint->names[i])))
			return true;
	return false;
}

static struct span without(const struct work *work, struct span list, const struct endpoint *endpoint, bool with_keyword, size_t *ret_count)
{
	return list_without(work->plan->arena, list, endpoint->names, 2, with_keyword, ret_count);
}

/* --- what to add */

static struct span make_milter(const struct work *work)
{
	return arena_printf(work->plan->arena, "{ %s, connect_timeout=2s, command_timeout=2s, content_timeout=4s, default_action=accept }",
			    work->milter.names[0]);
}

/* Is the item there, as we would write it? */
static bool has_item(struct span list, struct span wanted)
{
	struct span item;

	while (span_is_known(item = list_take(&list)))
		if (span_is_equal(item, wanted))
			return true;
	return false;
}

static void add_milter(struct work *work)
{
	struct span list = get(work, "smtpd_milters"), ours = make_milter(work);
	size_t count;

	if (!has_item(list, ours))
		edit(work, "smtpd_milters", list_join(work->plan->arena, without(work, list, &work->milter, false, &count), ours),
		     "what comes by SMTP: outbound mail, and bounces from outside; behind other milters, so that it sees what they add");
}

static void add_internal_milter(struct work *work)
{
	struct span list = get(work, "non_smtpd_milters");

	if (list_has(list, SPAN_LIT("$smtpd_milters")) || list_has(list, SPAN_LIT("${smtpd_milters}")) || has_endpoint(list, &work->milter))
		return;
	edit(work, "non_smtpd_milters",
	     list.len ? list_join(work->plan->arena, list, make_milter(work)) : SPAN_LIT("$smtpd_milters"), "mail of sendmail(1), and Postfix's own bounces");
}

static void add_bounces(struct work *work)
{
	struct span list = get(work, "internal_mail_filter_classes");

	if (!list_has(list, SPAN_LIT("bounce")))
		edit(work, "internal_mail_filter_classes", list_join(work->plan->arena, list, SPAN_LIT("bounce")),
		     "without it Postfix shows its own bounces to no milter");
}

/* The restrictions with ours in front; the short form has no white space, as master.cf wants it. */
static struct span put_policy_in_front(const struct work *work, struct span list, bool is_short)
{
	struct arena *arena = work->plan->arena;
	size_t count;

	struct span ours = is_short ? arena_printf(arena, "check_policy_service,{%s,timeout=2s,default_action=DUNNO,try_limit=1}", work->policy.names[0])
				    : arena_printf(arena, "check_policy_service { %s, timeout=2s, default_action=DUNNO, try_limit=1 }", work->policy.names[0]);
	struct span others = without(work, list, &work->policy, true, &count);
	return is_short && others.len ? arena_printf(arena, "%.*s,%.*s", SPAN_ARG(ours), SPAN_ARG(others)) : list_join(arena, ours, others);
}

/* Is ours the first that is asked? */
static bool is_policy_first(const struct work *work, struct span list)
{
	struct span keyword = list_take(&list), item = list_take(&list);

	return span_is_equal(keyword, SPAN_LIT("check_policy_service")) && item.len && item.ptr[0] == '{' && has_endpoint(item, &work->policy);
}

static void add_policy(struct work *work)
{
	struct span list = get(work, "smtpd_recipient_restrictions");

	if (!is_policy_first(work, list))
		edit(work, "smtpd_recipient_restrictions", put_policy_in_front(work, list, false),
		     "refuses a suppressed recipient, and that one only; in front, because behind permit_mynetworks it would not be asked");
}

static void add_status_map(struct work *work)
{
	struct span there = get(work, "default_delivery_status_filter");

	if (there.len && !has_endpoint(there, &work->status_map))
		warn(work, arena_printf(work->plan->arena, "default_delivery_status_filter is %.*s already, and Postfix takes one only: it stays as it is.",
					SPAN_ARG(there)));
	else
		edit(work, "default_delivery_status_filter", span_of(work->status_map.names[0]), "corrects status codes that a provider is known to get wrong");
}

static void add_recipient_map(struct work *work)
{
	/* the value that is there, or that an edit before this one gave it */
	struct setup_plan *plan = work->plan;
	struct setup_edit *last = plan->edit_count ? &plan->edits[plan->edit_count - 1] : NULL;
	bool is_edited = last && strcmp(last->name, "smtpd_recipient_restrictions") == 0;
	struct span list = is_edited ? last->value : get(work, "smtpd_recipient_restrictions");

	if (has_endpoint(list, &work->recipient_map))
		return;
	struct span value = list_join(plan->arena, arena_printf(plan->arena, "check_recipient_access %s", work->recipient_map.names[0]), list);
	if (is_edited)
		last->value = value;
	else
		edit(work, "smtpd_recipient_restrictions", value, "refuses a suppressed recipient; while Kodama is down, every recipient is answered 451");
}

static void add_transport_map(struct work *work)
{
	struct span list = get(work, "transport_maps");

	if (!has_endpoint(list, &work->transport_map))
		edit(work, "transport_maps", list_join(work->plan->arena, span_of(work->transport_map.names[0]), list),
		     "stops mail to suppressed recipients from sendmail(1) too; while Kodama is down, all mail waits in the queue");
}

/* --- what would defeat it */

/* Is the chroot of a service on?  "-" is no since compatibility_level 1, and yes before. */
static bool is_chrooted(const struct work *work, struct span service)
{
	struct span value = find_setting(work->settings, arena_printf(work->plan->arena, "%.*s/chroot", SPAN_ARG(service)));
	struct span level = get(work, "compatibility_level");

	if (span_is_equal(value, SPAN_LIT("-")))
		return !level.len || level.ptr[0] == '0';
	return span_is_equal(value, SPAN_LIT("y"));
}

/* Is this line of postconf -F the command of a service that runs `program`?  Options may follow it. */
static bool is_command(struct span name, struct span value, struct span program, struct span *ret_service)
{
	static const struct span field = { "/command", sizeof("/command") - 1 };

	if (!span_has_suffix_nocase(name, field) || !span_is_equal(span_take(&value, ' '), program))
		return false;
	*ret_service = span_slice(name, 0, name.len - field.len);
	return true;
}

static void check_chroot(struct work *work)
{
	const struct endpoint *endpoints[] = { &work->milter, &work->policy };
	struct span rest = work->settings->text, name, value, service;

	while (settings_take(&rest, &name, &value)) {
		bool is_smtpd = is_command(name, value, SPAN_LIT("smtpd"), &service);
		if ((!is_smtpd && !is_command(name, value, SPAN_LIT("cleanup"), &service)) || !is_chrooted(work, service))
			continue;
		for (size_t i = 0; i < 2; i++)
			if (endpoints[i]->is_outside && (is_smtpd || i == 0))
				warn(work, arena_printf(work->plan->arena,
							"%.*s runs chrooted in %.*s and cannot reach %s: let kodamad listen below that folder, or on an inet socket.",
							SPAN_ARG(service), SPAN_ARG(work->queue), endpoints[i]->names[0]));
	}
}

static void check_filters_of_bounces(struct work *work)
{
	static const char *const names[] = { "header_checks", "mime_header_checks", "nested_header_checks", "body_checks", "content_filter" };

	if (list_has(get(work, "internal_mail_filter_classes"), SPAN_LIT("bounce")))
		return; /* they see bounces already */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct span value = get(work, names[i]);
		if (value.len && value.ptr[0] != '$')
			warn(work, arena_printf(work->plan->arena,
						"%s = %.*s will be applied to Postfix's own bounces too (internal_mail_filter_classes = bounce): make sure that it "
						"neither rejects nor discards them; a bounce that is rejected waits in the queue.",
						names[i], SPAN_ARG(value)));
	}
}

static void check_other_milters(struct work *work)
{
	struct span action = get(work, "milter_default_action"), list = get(work, "smtpd_milters");
	size_t count;

	if (span_is_equal(action, SPAN_LIT("accept")))
		return;
	struct span others = without(work, list, &work->milter, false, &count), item;
	while (span_is_known(item = list_take(&others)))
		if (span_find(item, SPAN_LIT("default_action"), 0) == SIZE_MAX && item.ptr[0] != '$')
			warn(work, arena_printf(work->plan->arena,
						"The milter %.*s will see Postfix's own bounces too, and while it is down milter_default_action = %.*s keeps them in the "
						"queue: give it a default_action=accept of its own, if mail may pass without it.",
						SPAN_ARG(list_get_endpoint(item)), SPAN_ARG(action)));
}

/* The services of master.cf, each with what it overrides. */
static struct span get_override(const struct work *work, struct span service, const char *name)
{
	return find_setting(work->settings, arena_printf(work->plan->arena, "%.*s/%s", SPAN_ARG(service), name));
}

static void check_service(struct work *work, struct span service)
{
	struct arena *arena = work->plan->arena;
	struct span restrictions = get_override(work, service, "smtpd_recipient_restrictions"), milters = get_override(work, service, "smtpd_milters");
	struct span filter = get_override(work, service, "content_filter"), overrides = get_override(work, service, "receive_override_options");
	bool is_reinjection = span_is_known(filter) && !filter.len;

	if (is_reinjection) {
		if (!span_is_known(milters) && !list_has(overrides, SPAN_LIT("no_milters")))
			warn(work, arena_printf(arena,
						"%.*s takes mail back from a content filter and runs the milters a second time: postconf -P '%.*s/smtpd_milters='",
						SPAN_ARG(service), SPAN_ARG(service)));
		return;
	}
	if (work->wish->policy && span_is_known(restrictions) && !is_policy_first(work, restrictions))
		warn(work, arena_printf(arena,
					"%.*s has restrictions of its own in master.cf, so that what comes there is not asked about: "
					"postconf -P '%.*s/smtpd_recipient_restrictions=%.*s'",
					SPAN_ARG(service), SPAN_ARG(service), SPAN_ARG(put_policy_in_front(work, restrictions, true))));
	if (work->wish->milter && span_is_known(milters) && !list_has(milters, SPAN_LIT("$smtpd_milters")) && !has_endpoint(milters, &work->milter))
		warn(work, arena_printf(arena, "%.*s has smtpd_milters = %.*s of its own in master.cf: its mail passes without Kodama.", SPAN_ARG(service),
					SPAN_ARG(milters)));
}

static void check_services(struct work *work)
{
	struct span rest = work->settings->text, name, value, service;

	while (settings_take(&rest, &name, &value))
		if (is_command(name, value, SPAN_LIT("smtpd"), &service))
			check_service(work, service);
}

static void check_instances(struct work *work)
{
	struct span value = get(work, "multi_instance_directories");

	if (value.len)
		warn(work, arena_printf(work->plan->arena, "There are other instances of Postfix (%.*s): give each its lines, with --postfix=DIR.", SPAN_ARG(value)));
}

static void check_soft_bounce(struct work *work)
{
	if (span_is_equal(get(work, "soft_bounce"), SPAN_LIT("yes")))
		warn(work, SPAN_LIT("soft_bounce = yes turns every final failure into a deferral: nothing will be suppressed until it is no."));
}

/* Postfix writes one file by itself, or leaves it to syslog, whose files we cannot know. */
static void check_log(struct work *work)
{
	struct span file = get(work, "maillog_file");

	if (work->wish->log && file.len && !span_is_equal(file, span_of(work->wish->log)))
		warn(work, arena_printf(work->plan->arena, "Postfix writes its log to %.*s (maillog_file), and kodamad reads %s: maillog file of kodama.conf.",
					SPAN_ARG(file), work->wish->log));
}

/* Postfix speaks to milters, policy services and tables as to the world: by these protocols only. */
static void check_protocol(struct work *work, const char *address)
{
	struct span protocols = get(work, "inet_protocols"), rest = span_of(address);
	const char *missing;

	if (!address || !span_has_prefix(rest, SPAN_LIT("inet:")) || !protocols.len || span_find(protocols, SPAN_LIT("all"), 0) != SIZE_MAX)
		return;
	(void)span_take(&rest, '@');
	missing = span_find_char(rest, ':', 0) != SIZE_MAX ? "ipv6" : "ipv4";
	/* a name may have addresses of both kinds */
	if (rest.len && (ascii_is_digit(rest.ptr[0]) || missing[3] == '6') && span_find(protocols, span_of(missing), 0) == SIZE_MAX)
		warn(work, arena_printf(work->plan->arena, "Postfix will not reach %s with inet_protocols = %.*s: listen on a unix socket, or on %s, in kodama.conf.",
					address, SPAN_ARG(protocols), missing[3] == '4' ? "::1" : "127.0.0.1"));
}

static void check_version(struct work *work)
{
	struct span version = get(work, "mail_version");

	if (version.len > 1 && version.ptr[1] == '.' && version.ptr[0] < '3')
		warn(work, arena_printf(work->plan->arena, "Postfix %.*s knows no settings of a single milter ({ ... }): 3.0 or later is wanted.", SPAN_ARG(version)));
}

void setup_plan_add(struct setup_plan *plan, const struct settings *settings, const struct setup_wish *wish)
{
	struct work work = make_work(plan, settings, wish);

	if (wish->milter) {
		add_milter(&work);
		add_internal_milter(&work);
		add_bounces(&work);
		check_filters_of_bounces(&work);
		check_other_milters(&work);
	}
	if (wish->policy)
		add_policy(&work);
	if (wish->recipient_map)
		add_recipient_map(&work);
	if (wish->transport_map)
		add_transport_map(&work);
	if (wish->status_map)
		add_status_map(&work);
	edit(&work, "enable_long_queue_ids", SPAN_LIT("yes"), "so that a failure that is seen twice is known for weeks to be the same");
	check_chroot(&work);
	check_services(&work);
	check_instances(&work);
	check_soft_bounce(&work);
	check_protocol(&work, wish->milter);
	check_protocol(&work, wish->policy);
	check_version(&work);
	check_log(&work);
}

/* --- what to take out */

static void remove_from(struct work *work, const char *name, const struct endpoint *endpoint, bool with_keyword)
{
	size_t count;
	struct span list = get(work, name), rest = without(work, list, endpoint, with_keyword, &count);

	if (!count)
		return;
	for (size_t i = 0; i < work->plan->edit_count; i++)
		if (strcmp(work->plan->edits[i].name, name) == 0) {
			work->plan->edits[i].value = without(work, work->plan->edits[i].value, endpoint, with_keyword, &count);
			return;
		}
	edit(work, name, rest, "without Kodama");
}

/* Back to what stood there before we came, if it is still what we made of it. */
static void restore(struct work *work, struct span before, const char *name, struct span ours)
{
	struct span old = settings_find_in_file(before, name, work->plan->arena);

	if (span_is_known(before) && span_is_equal(get(work, name), ours) && !span_is_equal(old, ours))
		edit(work, name, span_is_known(old) ? old : SPAN_LIT(""), "as it was before");
}

/* Is it one of the settings that name a front of ours, of main.cf or of a service of master.cf ("submission/inet/smtpd_milters")? */
static bool names_fronts(struct span name)
{
	static const char *const names[] = { "smtpd_milters", "non_smtpd_milters", "smtpd_recipient_restrictions", "transport_maps", "default_delivery_status_filter" };

	for (size_t at = span_find_char(name, '/', 0); at != SIZE_MAX; at = span_find_char(name, '/', 0))
		name = span_skip(name, at + 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is_equal(name, span_of(names[i])))
			return true;
	return false;
}

/* What looks like ours, by a socket that kodama.conf does not name any more: a map that nobody answers stops all mail. */
static void check_what_is_left(struct work *work)
{
	struct span rest = work->settings->text, name, value;

	while (settings_take(&rest, &name, &value)) {
		if (!names_fronts(name))
			continue;
		for (size_t i = 0; i < work->plan->edit_count; i++)
			if (span_is_equal(span_of(work->plan->edits[i].name), name))
				value = work->plan->edits[i].value;
		if (span_find(value, SPAN_LIT("kodama"), 0) != SIZE_MAX)
			warn(work, arena_printf(work->plan->arena,
						"%.*s still names what looks like Kodama's, by another socket than kodama.conf: take it out by hand: %.*s", SPAN_ARG(name),
						SPAN_ARG(value)));
	}
}

void setup_plan_remove(struct setup_plan *plan, const struct settings *settings, struct span before, const struct setup_wish *wish)
{
	struct work work = make_work(plan, settings, wish);

	remove_from(&work, "smtpd_milters", &work.milter, false);
	remove_from(&work, "non_smtpd_milters", &work.milter, false);
	remove_from(&work, "smtpd_recipient_restrictions", &work.policy, true);
	remove_from(&work, "smtpd_recipient_restrictions", &work.recipient_map, true);
	remove_from(&work, "transport_maps", &work.transport_map, false);
	remove_from(&work, "default_delivery_status_filter", &work.status_map, false);
	restore(&work, before, "non_smtpd_milters", SPAN_LIT("$smtpd_milters"));
	restore(&work, before, "internal_mail_filter_classes",
		list_join(plan->arena, settings_find_in_file(before, "internal_mail_filter_classes", plan->arena), SPAN_LIT("bounce")));
	restore(&work, before, "enable_long_queue_ids", SPAN_LIT("yes"));
	check_what_is_left(&work);
}
