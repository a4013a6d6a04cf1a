/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose word is a log: owners, modes and folders, now and before. */
#include "follow_help.h"

#include <endian.h>
#include <sys/xattr.h>

#include "intake/trust.h"

static bool trusts(const char *path, char why[static 600])
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	bool is_trusted = trust_check_log(fd, path, why, 600);

	close(fd);
	return is_trusted;
}

static void only_what_nobody_else_writes_is_trusted(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/var/tmp/kodama-trust.XXXXXX", path[64], link_path[64], why[600];

	(void)f;
	if (geteuid() != 0) {
		/* what another user owns proves nothing, whatever its mode */
		append(f, "");
		assert_false(trusts(f->path, why));
		return;
	}
	/* below a sticky folder, as below /tmp */
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mail.log", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	add_to(path, "", 0, O_CREAT);
	assert_true(trusts(path, why));
	static const struct {
		mode_t file, folder;
		uid_t owner, folder_owner;
		gid_t group;
		const char *why; /* NULL: trusted */
	} rows[] = {
		{ 0640, 0755, 0, 0, 4, NULL },
		{ 0660, 0755, 0, 0, 0, NULL },
		{ 0602, 0755, 0, 0, 0, "everybody" },
		{ 0660, 0755, 0, 0, 65534, "group" },
		{ 0640, 0755, 65534, 0, 0, "neither root" },
		{ 0640, 0777, 0, 0, 0, "everybody" },
		{ 0640, 01777, 0, 0, 0, "everybody" },
		{ 0640, 0755, 0, 65534, 0, "neither root" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(chown(path, rows[i].owner, rows[i].group), 0);
		assert_int_equal(chmod(path, rows[i].file), 0);
		assert_int_equal(chown(folder, rows[i].folder_owner, 0), 0);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		assert_int_equal(trusts(path, why), rows[i].why == NULL);
		if (rows[i].why)
			assert_non_null(strstr(why, rows[i].why));
	}
	assert_int_equal(chown(folder, 0, 0), 0);
	assert_int_equal(link(path, link_path), 0);
	assert_false(trusts(path, why));
	unlink(link_path);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

static bool is_believed(const struct fixture *f)
{
	const char *why;

	return follow_is_trusted(f->follow, &why);
}

/* Opened up while it is read: what comes then proves nothing, nor what comes later by whoever has it open; the next file does. */
static void trust_ends_when_others_may_write(void **state)
{
	static const struct {
		mode_t file, folder;
	} rows[] = { { 0666, 0755 }, { 0600, 0777 } };
	struct fixture *f = *state;
	char folder[] = "/var/tmp/kodama-trust.XXXXXX", old[128];

	if (geteuid() != 0)
		return;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", folder);
	snprintf(old, sizeof(old), "%s/mail.log.1", folder);
	append(f, "first\n");
	begin(f, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		append(f, "one\n");
		assert_non_null(strstr(lines(f), "one|"));
		assert_true(is_believed(f));
		assert_int_equal(chmod(f->path, rows[i].file), 0);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		append(f, "two\n");
		assert_string_equal(lines(f), "two|");
		assert_false(is_believed(f));
		assert_int_equal(chmod(f->path, 0600), 0);
		assert_int_equal(chmod(folder, 0755), 0);
		append(f, "three\n");
		assert_string_equal(lines(f), "three|");
		assert_false(is_believed(f));
		set_age(f->path, 100);
		assert_int_equal(rename(f->path, old), 0);
		append(f, "four\n");
		assert_string_equal(lines(f), "four|");
		assert_true(is_believed(f));
		/* under another name, and nothing under its own: it is the same file */
		assert_int_equal(rename(f->path, old), 0);
		add_to(old, "five\n", 5, O_APPEND);
		assert_string_equal(lines(f), "five|");
		assert_true(is_believed(f));
		assert_int_equal(rename(old, f->path), 0);
	}
	unlink(f->path);
	assert_int_equal(rmdir(folder), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", f->folder);
}

/* A log of root's below a sticky folder, as below /tmp, instead of the fixture's; false: we are not root. */
static bool set_up_trusted(struct fixture *f)
{
	char folder[] = "/var/tmp/kodama-trust.XXXXXX";

	if (geteuid() != 0)
		return false;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", folder);
	return true;
}

static void tear_down_trusted(struct fixture *f)
{
	char folder[sizeof(f->path)];

	for (const char *const *end_of = (const char *const[]){ "", ".1", ".2", NULL }; *end_of; end_of++)
		unlink(name(f, *end_of));
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(f->path, '/') - f->path), f->path);
	assert_int_equal(rmdir(folder), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", f->folder);
}

/* Open to others for a while, and read meanwhile. */
static void lose_trust(struct fixture *f)
{
	append(f, "first\n");
	begin(f, true);
	assert_string_equal(lines(f), "first|");
	assert_true(is_believed(f));
	assert_int_equal(chmod(f->path, 0666), 0);
	append(f, "forged\n");
	assert_string_equal(lines(f), "forged|");
	assert_int_equal(chmod(f->path, 0600), 0);
	append(f, "two\n");
	assert_string_equal(lines(f), "two|");
	assert_false(is_believed(f));
}

/* Who has it open still does not let go because we were started again. */
static void trust_does_not_come_back_with_a_restart(void **state)
{
	struct fixture *f = *state;
	const char *why;

	if (!set_up_trusted(f))
		return;
	lose_trust(f);
	for (unsigned i = 0; i < 3; i++) {
		end(f);
		if (i == 1)
			append(f, "three\n");
		begin(f, false);
		assert_string_equal(lines(f), i == 1 ? "three|" : "");
		assert_false(follow_is_trusted(f->follow, &why));
		assert_non_null(strstr(why, "rotate it"));
	}
	/* while we are away: its rest is no better under another name, what comes after it is */
	end(f);
	append(f, "four\n");
	set_age(f->path, 100);
	assert_int_equal(rename(f->path, name(f, ".1")), 0);
	append(f, "five\n");
	begin(f, false);
	struct span line;
	assert_int_equal(follow_read_line(f->follow, &line), 1);
	assert_true(span_is_equal(line, SPAN_LIT("four")));
	assert_false(is_believed(f));
	assert_string_equal(lines(f), "five|");
	assert_true(is_believed(f));
	end(f);
	begin(f, false);
	assert_true(is_believed(f));
	tear_down_trusted(f);
}

/* copytruncate: the copy holds what others may have written, and the file is the same one. */
static void trust_does_not_come_back_with_a_copy(void **state)
{
	struct fixture *f = *state;
	struct span line;

	if (!set_up_trusted(f))
		return;
	lose_trust(f);
	append(f, "three\n");
	copy(f->path, name(f, ".1"));
	assert_int_equal(truncate(f->path, 0), 0);
	append(f, "four\n");
	assert_int_equal(follow_read_line(f->follow, &line), 1);
	assert_true(span_is_equal(line, SPAN_LIT("three")));
	assert_false(is_believed(f));
	end(f);
	begin(f, false);
	assert_string_equal(lines(f), "four|");
	assert_false(is_believed(f));
	end(f);
	begin(f, false);
	assert_false(is_believed(f));
	unlink(f->path);
	copy(name(f, ".1"), name(f, ".2"));
	append(f, "five\n");
	assert_non_null(strstr(lines(f), "five|"));
	assert_true(is_believed(f));
	tear_down_trusted(f);
}

/* A log that postlogd alone writes is everybody's where everybody can speak to postlogd. */
static void set_group_id_postlog_makes_the_log_everybodys(void **state)
{
	static const struct {
		mode_t mode;
		bool is_trusted;
	} rows[] = { { 0755, true }, { 02755, false }, { 02555, false }, { 02750, true }, { 0777, true } };
	char path[] = "/var/tmp/kodama-postlog.XXXXXX", why[600];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_true(trust_check_postlog("/var/tmp/kodama-no-such-postlog", why, sizeof(why)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fchmod(fd, rows[i].mode), 0);
		assert_int_equal(trust_check_postlog(path, why, sizeof(why)), rows[i].is_trusted);
	}
	assert_int_equal(fchmod(fd, 02755), 0);
	assert_false(trust_check_postlog(path, why, sizeof(why)));
	assert_non_null(strstr(why, "set-group-ID"));
	close(fd);
	unlink(path);
}

/* Is there something to take, now or soon? */
static bool is_warned(const struct fixture *f)
{
	struct pollfd polled = { .fd = follow_get_guard_fd(f->follow), .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

/* Opened up and closed again while no line came: whoever took the log meanwhile may write into it whenever he likes. */
static void what_is_opened_up_between_two_lines_is_seen(void **state)
{
	struct fixture *f = *state;

	if (!set_up_trusted(f))
		return;
	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	assert_true(follow_is_guarded(f->follow));
	append(f, "two\n");
	add_to(name(f, ".1"), "", 0, O_CREAT);
	assert_int_equal(chmod(name(f, ".1"), 0644), 0);
	follow_take_warnings(f->follow);
	assert_false(is_warned(f));
	assert_string_equal(lines(f), "two|");
	assert_true(is_believed(f));
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_true(is_warned(f));
	follow_take_warnings(f->follow);
	assert_int_equal(chmod(f->path, 0600), 0);
	follow_take_warnings(f->follow);
	assert_false(is_believed(f));
	append(f, "three\n");
	assert_string_equal(lines(f), "three|");
	assert_false(is_believed(f));
	tear_down_trusted(f);
}

/* Each folder above a log, where it lies now as where it lay at first. */
static void folders_above_are_guarded(void **state)
{
	struct fixture *f = *state;
	char top[64], inner[80], moved[80];

	if (!set_up_trusted(f))
		return;
	snprintf(top, sizeof(top), "%.*s", (int)(strrchr(f->path, '/') - f->path), f->path);
	snprintf(inner, sizeof(inner), "%s/inner", top);
	snprintf(moved, sizeof(moved), "%s/moved", top);
	assert_int_equal(mkdir(inner, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", inner);
	append(f, "one\n");
	begin(f, true);
	assert_string_equal(lines(f), "one|");
	assert_true(is_believed(f));
	assert_int_equal(rename(inner, moved), 0);
	assert_true(is_warned(f));
	assert_int_equal(rename(moved, inner), 0);
	follow_take_warnings(f->follow);
	assert_true(is_believed(f));
	assert_true(follow_is_guarded(f->follow));
	assert_int_equal(chmod(top, 0777), 0);
	assert_true(is_warned(f));
	follow_take_warnings(f->follow);
	assert_int_equal(chmod(top, 0755), 0);
	assert_false(is_believed(f));
	unlink(f->path);
	assert_int_equal(rmdir(inner), 0);
	snprintf(f->path, sizeof(f->path), "%s/mail.log", top);
	tear_down_trusted(f);
}

/* acl(5) as the kernel stores it: read and write for the owner and for uid 65534, within a mask. */
static void give_to_nobody(const char *path, uint16_t mask)
{
	struct entry {
		uint16_t tag, permissions;
		uint32_t id;
	} __attribute__((packed));
	struct {
		uint32_t version;
		struct entry entries[5];
	} __attribute__((packed)) list = {
		htole32(2),
		{ { htole16(1), htole16(6), UINT32_MAX }, { htole16(2), htole16(6), htole32(65534) }, { htole16(4), htole16(4), UINT32_MAX },
		  { htole16(16), htole16(mask), UINT32_MAX }, { htole16(32), 0, UINT32_MAX } },
	};

	assert_int_equal(setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0), 0);
}

/* The group that the mode names is root's; whom the list names is another matter. */
static void access_lists_are_seen(void **state)
{
	struct fixture *f = *state;
	char why[600];

	if (!set_up_trusted(f))
		return;
	append(f, "");
	give_to_nobody(f->path, 4);
	assert_true(trusts(f->path, why));
	give_to_nobody(f->path, 6);
	assert_false(trusts(f->path, why));
	assert_non_null(strstr(why, "access control list"));
	tear_down_trusted(f);
}

/* A folder of root's, found by a link that everybody may exchange. */
static void links_on_the_way_are_looked_at(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/var/tmp/kodama-link.XXXXXX", link_path[64], path[96], why[600];

	if (!set_up_trusted(f))
		return;
	append(f, "");
	assert_non_null(mkdtemp(folder));
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	snprintf(path, sizeof(path), "%s/mail.log", link_path);
	char *target = strndup(f->path, (size_t)(strrchr(f->path, '/') - f->path));
	assert_int_equal(symlink(target, link_path), 0);
	free(target);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_true(trusts(path, why));
	assert_int_equal(chmod(folder, 0777), 0);
	assert_false(trusts(path, why));
	assert_non_null(strstr(why, folder));
	unlink(link_path);
	assert_int_equal(rmdir(folder), 0);
	tear_down_trusted(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_what_nobody_else_writes_is_trusted),
		TEST(trust_ends_when_others_may_write),
		TEST(trust_does_not_come_back_with_a_restart),
		TEST(trust_does_not_come_back_with_a_copy),
		TEST(set_group_id_postlog_makes_the_log_everybodys),
		TEST(what_is_opened_up_between_two_lines_is_seen),
		TEST(folders_above_are_guarded),
		TEST(access_lists_are_seen),
		TEST(links_on_the_way_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
