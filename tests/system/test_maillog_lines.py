# SPDX-License-Identifier: BSD-2-Clause
"""What kodamad makes of a log: lines that a test writes, because no MTA writes them when a test wants it."""
import os
import random
import shutil
import sqlite3

import pytest

from harness import mails
from harness.follower import BUSY, FULL, SENT, UNKNOWN, Follower, LogFile, follow, said
from harness.milter import Milter
from harness.paths import run
from harness.wait import until


@pytest.fixture
def log(scratch):
    return LogFile(scratch / "mail.log")


@pytest.fixture
def daemon(scratch, log):
    with Follower(scratch / "kodama", extra=follow(log.path, start="beginning")) as follower:
        yield follower.start()


def read(daemon, log):
    daemon.wait_read(log.path)
    return daemon


def test_failures_deferrals_and_deliveries(daemon, log, address):
    dead, full, busy, good = address(), address(), address(), address()
    log.message((dead, "bounced", UNKNOWN), (full, "bounced", FULL), (busy, "deferred", BUSY), (good, "sent", SENT))
    read(daemon, log)
    assert daemon.get_outcomes(dead) == [("user-unknown", "suppressed", "log", "log")]
    assert daemon.get_outcomes(full) == [("mailbox-full", "counted", "log", "log")]
    assert daemon.get_outcomes(busy) == daemon.get_outcomes(good) == []
    assert daemon.get_counts() == {"user-unknown": 1, "mailbox-full": 1, "delayed": 1, "delivered": 1}
    assert daemon.get_suppressed() == [dead]


def test_deferral_never_counts(daemon, log, address):
    recipient, queue_id = address(), log.make_id()
    for _ in range(20):
        log.message((recipient, "deferred", said("452 4.2.2 Mailbox full")), queue_id=queue_id, removed=False)
    read(daemon, log)
    assert daemon.get_outcomes(recipient) == [] and daemon.query("SELECT * FROM addresses") == []


def expire(log, queue_id):
    log.write(log.line(f"{queue_id}: from=<sender@example.jp>, status=expired, returned to sender", "postfix/qmgr"),
              log.line(f"{queue_id}: removed", "postfix/qmgr"))


@pytest.mark.parametrize("reply, class_name", [
    (said("452 4.2.2 Mailbox full"), "mailbox-full"),
    ("connect to mx.example.com[192.0.2.1]:25: Connection timed out", None),
    ("qqq zzz", "expired"),
], ids=["full", "no answer", "unknown words"])
def test_expired_message_counts_with_its_last_reason(daemon, log, address, reply, class_name):
    late, good = address(), address()
    queue_id = log.message((late, "deferred", BUSY), (good, "sent", SENT), removed=False)
    log.message((late, "deferred", reply), queue_id=queue_id, removed=False)
    expire(log, queue_id)
    read(daemon, log)
    (outcome,) = daemon.get_outcomes(late)
    assert outcome[1:] == ("counted", "log", "log")
    assert outcome[0] == (class_name or "host-unreachable")
    assert daemon.get_outcomes(good) == []


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("rotate", [False, True], ids=["one file", "rotated"])
def test_what_was_open_is_known_after_a_restart(daemon, log, address, end, rotate):
    """Sender, Message-ID and recipients stand before the place; the expiry behind it names none of them."""
    late = address()
    queue_id = log.message((late, "deferred", said("452 4.2.2 Mailbox full")), removed=False, message_id="kept@example.jp")
    read(daemon, log)
    getattr(daemon, end)()
    if rotate:
        os.utime(log.path, (1, 1))
        log.path.rename(log.path.with_suffix(".log.1"))
        log.path.touch(mode=0o644)
    expire(log, queue_id)
    daemon.start()
    read(daemon, log)
    assert daemon.query("SELECT address, class, sender, message_id FROM outcomes") == [(late, "mailbox-full", "sender@example.jp", "kept@example.jp")]
    assert daemon.get_counts() == {"delayed": 1, "mailbox-full": 1}


@pytest.mark.parametrize("name", ["mail.log.1", "mail.log-20261122"])
def test_what_was_compressed_while_the_daemon_was_down_is_read(daemon, log, address, name):
    """Rotation without delaycompress, twice: nothing is lost, and nothing counts twice."""
    before, open_one, inside, between, after = (address() for _ in range(5))
    queue_id = log.message((before, "bounced", UNKNOWN), (open_one, "deferred", said("452 4.2.2 Mailbox full")), removed=False)
    read(daemon, log)
    daemon.kill()
    for recipient, age_s, archive in ((inside, 200, log.path.with_name(name)), (between, 100, log.path.with_name("mail.log.0"))):
        log.message((recipient, "bounced", UNKNOWN))
        os.utime(log.path, (log.path.stat().st_mtime - age_s,) * 2)
        log.path.rename(archive)
        run("gzip", archive)
        log.path.touch(mode=0o644)
    expire(log, queue_id)
    log.message((after, "bounced", UNKNOWN))
    daemon.start()
    read(daemon, log)
    assert daemon.get_suppressed() == sorted([before, inside, between, after])
    assert [row[0] for row in daemon.get_outcomes(open_one)] == ["mailbox-full"]
    assert daemon.get_counts() == {"user-unknown": 4, "delayed": 1, "mailbox-full": 1}
    assert daemon.get_status()["gaps"] == 0


# --- whom it counts against, and whom not

def test_the_address_that_was_mailed_counts(daemon, log, address):
    alias, target = address("alias"), address("target")
    log.message((target, "bounced", UNKNOWN, {"orig_to": alias}))
    read(daemon, log)
    assert daemon.get_suppressed() == [target]


NOT_THE_RECIPIENT = {
    "our own refusal": ("bounced", "host mx[192.0.2.1] said: 550 5.1.1 <x>: suppressed since 2026-11-21: user-unknown (kodama-suppressed)", {}),
    "our address is blocked": ("bounced", said("550 5.2.1 Your IP address is blacklisted"), {}),
    "spam": ("bounced", said("550 5.7.1 Message refused as spam", "end of DATA"), {}),
    "probe": ("undeliverable", UNKNOWN, {}),
    "local user": ("bounced", 'unknown user: "nosuch"', {"program": "postfix/local", "relay": "local", "dsn": "5.1.1"}),
    "pipe": ("bounced", "user unknown", {"program": "postfix/pipe", "relay": "dovecot", "dsn": "5.1.1"}),
    "operator's map": ("bounced", "5.1.1 user unknown", {"program": "postfix/error", "relay": "none"}),
    "mailboxes behind a socket": ("bounced", UNKNOWN, {"program": "postfix/lmtp", "relay": "mx.example.jp[private/dovecot-lmtp]"}),
}


@pytest.mark.parametrize("status, text, more", NOT_THE_RECIPIENT.values(), ids=NOT_THE_RECIPIENT)
def test_what_says_nothing_of_the_recipient_changes_nothing(daemon, log, address, status, text, more):
    recipient, dead = address(), address()
    log.message((recipient, status, text, more), (dead, "bounced", UNKNOWN))
    read(daemon, log)
    assert daemon.get_suppressed() == [dead]
    assert daemon.query("SELECT kind FROM addresses WHERE address = ?", recipient) == []


@pytest.mark.parametrize("mailer", ["local", "prog", "error", "virtual"])
def test_users_whom_sendmail_itself_does_not_know(daemon, log, address, mailer):
    """A mailbox of a domain that is hosted here may be made tomorrow; nobody has to name the domain in local-domains."""
    here, dead = "nosuch@hosted.test", address()
    said_by_us = f"to=<{here}>, delay=00:00:00, mailer={mailer}, pri=30000, dsn=5.1.1, stat=User unknown"
    said_by_them = (f"to=<{dead}>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30000, relay=mx.example.com. [192.0.2.1], dsn=5.1.1, "
                    "reply=550 5.1.1 No such user here, stat=User unknown")
    for number, text in enumerate((said_by_us, said_by_them)):
        queue_id = f"6ALKjgGN02797{number}"
        log.write(log.line(f"{queue_id}: from=<sender@example.jp>, size=399, class=0, nrcpts=1, msgid=<{queue_id}@example.jp>", "sm-mta"),
                  log.line(f"{queue_id}: {text}", "sm-mta"))
    read(daemon, log)
    assert daemon.get_suppressed() == [dead] and daemon.get_outcomes(here) == []


def test_our_own_domains_are_never_suppressed(daemon, log):
    log.message(("gone@example.jp", "bounced", UNKNOWN))
    read(daemon, log)
    assert daemon.get_outcomes("gone@example.jp") == [("user-unknown", "exempt", "log", "log")]
    assert daemon.get_suppressed() == []


@pytest.mark.parametrize("sender", ["", "double-bounce@mx.example.jp"])
def test_bounces_of_ours_that_are_refused_say_nothing(daemon, log, address, sender):
    recipient = address()
    log.message((recipient, "bounced", UNKNOWN), sender=sender)
    read(daemon, log)
    assert daemon.query("SELECT * FROM outcomes") == [] and daemon.get_suppressed() == []


def test_words_of_the_remote_are_no_fields(daemon, log, address):
    victim, other, dead, late = address("victim"), address("other"), address("dead"), address("late")
    whole = said(f"550 5.1.1 no) to=<{victim}>, relay=mx[192.0.2.4]:25, dsn=5.1.1, status=bounced (User unknown")
    log.message((dead, "bounced", said(f"550 5.1.1 User unknown (to=<{victim}>")), (other, "bounced", whole))
    log.message((late, "deferred", said(f"451 4.3.2 later)\\n4jX0000002z1cMMW: to=<{victim}>, status=bounced (550 5.1.1 User unknown")))
    read(daemon, log)
    # a line that could be read in two ways proves nothing; one that cannot proves what it says
    assert dead in daemon.get_suppressed() and victim not in daemon.get_suppressed()
    assert daemon.query("SELECT * FROM addresses WHERE address = ?", victim) == []


# --- success

def test_delivery_lifts_what_was_counted(daemon, log, address):
    recipient = address()
    log.message((recipient, "bounced", FULL), age_s=300)
    log.message((recipient, "bounced", FULL), age_s=240)
    log.message((recipient, "sent", SENT), age_s=180)
    log.message((recipient, "bounced", FULL), age_s=120)
    read(daemon, log)
    assert [row[1] for row in daemon.get_outcomes(recipient)] == ["counted", "counted", "counted"]
    assert daemon.get_suppressed() == []


def test_delivery_that_comes_back_was_none(daemon, log, address):
    """The relay takes the third mail, and gives it back: three failures in a row."""
    recipient, queue_id = address(), log.make_id()
    log.message((recipient, "bounced", FULL), age_s=300)
    log.message((recipient, "bounced", FULL), age_s=240)
    log.message((recipient, "sent", SENT), age_s=180, queue_id=queue_id)
    read(daemon, log)
    assert daemon.query("SELECT tallies FROM addresses WHERE address = ? AND origin = 0", recipient) == [("",)]
    log.message((recipient, "bounced", FULL), age_s=120, queue_id=queue_id)
    read(daemon, log)
    assert daemon.get_outcomes(recipient)[-1][1] == "suppressed" and daemon.get_suppressed() == [recipient]


@pytest.mark.parametrize("relay, extra, lifts", [
    ("mx.example.com[192.0.2.1]:25", "", True),
    ("filter[127.0.0.1]:10024", "", False),
    ("smarthost[10.0.0.1]:25", "", False),
    ("smarthost[fd00::1]:25", "", False),
    ("smtp.example.net[192.0.2.9]:587", 'relays = {"example.net"}\n', False),
    ("smtp.example.net[192.0.2.9]:587", 'relays = {"192.0.2.8/31"}\n', False),
    ("mx.inside[10.0.0.1]:25", 'delivers = {"10.0.0.1"}\n', True),
    ("mx.inside[10.0.0.1]:25", 'delivers = {"inside"}\nrelays = {"10.0.0.0/8"}\n', True),
], ids=lambda value: str(value)[:20])
def test_only_a_relay_that_delivers_lifts(scratch, log, address, relay, extra, lifts):
    recipient = address()
    log.message((recipient, "bounced", FULL), age_s=300)
    log.message((recipient, "sent", SENT, {"relay": relay}), age_s=180)
    configuration = follow(log.path, start="beginning").replace('delivers = {"127.0.0.1"}\n', "") + extra
    with Follower(scratch / "kodama", extra=configuration) as daemon:
        daemon.start()
        daemon.wait_read(log.path)
        (tallies,) = daemon.query("SELECT tallies FROM addresses WHERE address = ? AND origin = 0", recipient)
        assert (tallies == ("",)) == lifts
        assert daemon.get_counts() == {"mailbox-full": 1, "delivered" if lifts else "relayed": 1}


@pytest.mark.parametrize("other", ["itself", "another domain", "another"])
def test_careful_counts_a_bare_code_where_another_was_accepted(daemon, log, address, other):
    """That the provider took the address's own mail is no proof that the address is what is wrong."""
    recipient = address()
    accepted = {"itself": recipient, "another domain": "neko@example.net", "another": address()}[other]
    log.message((accepted, "sent", SENT), age_s=300)
    log.message((accepted, "sent", SENT), age_s=290)
    log.message((recipient, "bounced", said("552 zzz")), age_s=240)
    read(daemon, log)
    # the batch of lines is one transaction, and so is the next one
    log.message((accepted, "sent", SENT), age_s=180)
    log.message((recipient, "bounced", said("552 zzz")), age_s=120)
    read(daemon, log)
    assert [row[1] for row in daemon.get_outcomes(recipient)] == ["counted" if other == "another" else "none"] * 2


@pytest.mark.parametrize("delivered, held", [(0, True), (400, False), (30, True)], ids=["failures alone", "among deliveries", "more than a fifth"])
def test_surge_guard_weighs_failures_against_deliveries(daemon, log, address, delivered, held):
    """A provider that refuses seventy addresses within minutes, and what else it took in that time."""
    gone = [address("gone") for _ in range(70)]
    good = [address("good") for _ in range(delivered)]
    log.message(*[(recipient, "sent", SENT) for recipient in good], *[(recipient, "bounced", UNKNOWN) for recipient in gone])
    read(daemon, log)
    kinds = [kind for kind, in daemon.query("SELECT decision FROM outcomes ORDER BY id")]
    assert kinds.count("held") == (20 if held else 0) and kinds.count("suppressed") == 70 - kinds.count("held")
    # told as an error, each with its recipient
    until(lambda: len([line for line in daemon.log.splitlines() if "error" in line and " action=held " in line]) == kinds.count("held"),
          "an error for each that is held")


# --- trust

@pytest.mark.parametrize("why", ["trust is no", "others may write it", "its folder is another's"])
def test_log_that_others_could_have_written_proves_nothing(scratch, log, address, why):
    dead = address()
    configuration = follow(log.path, start="beginning", trust="no" if why == "trust is no" else "yes")
    if why == "others may write it":
        log.path.chmod(0o666)
    if why == "its folder is another's":
        (scratch / "theirs").mkdir(mode=0o755)
        log = LogFile(scratch / "theirs/mail.log")
        configuration = follow(log.path, start="beginning")
        shutil.chown(scratch / "theirs", "nobody")
    log.message((dead, "bounced", UNKNOWN), (address("ok"), "sent", SENT))
    with Follower(scratch / "kodama", extra=configuration) as daemon:
        daemon.start()
        daemon.wait_read(log.path)
        assert daemon.get_suppressed() == [] and daemon.query("SELECT * FROM outcomes") == []
        daemon.wait_log(f"recipient={dead} class=user-unknown action=unproved")
        assert "maillog-untrusted" in daemon.log and daemon.get_status()["proves-nothing-because"]


def test_log_that_others_may_write_from_now_on_proves_nothing_more(daemon, log, address):
    """Until the next one begins: who had it open may write into it whatever its mode is now, after a restart, too."""
    first, second, third, fourth, fifth = (address() for _ in range(5))
    log.message((first, "bounced", UNKNOWN))
    read(daemon, log)
    log.path.chmod(0o666)
    log.message((second, "bounced", UNKNOWN))
    read(daemon, log)
    log.path.chmod(0o644)
    log.message((third, "bounced", UNKNOWN))
    read(daemon, log)
    assert daemon.get_suppressed() == [first] and daemon.get_status()["proves-nothing-because"]
    daemon.stop()
    log.message((fifth, "bounced", UNKNOWN))
    daemon.start()
    read(daemon, log)
    assert daemon.get_suppressed() == [first] and "rotate it" in daemon.get_status()["proves-nothing-because"]
    os.utime(log.path, (1, 1))
    log.path.rename(log.path.with_suffix(".log.1"))
    log.path.touch(mode=0o644)
    log.message((fourth, "bounced", UNKNOWN))
    read(daemon, log)
    assert daemon.get_suppressed() == sorted([first, fourth]) and "proves-nothing-because" not in daemon.get_status()
    daemon.wait_log("maillog-trusted")


def test_log_that_was_opened_up_while_nothing_came_proves_nothing_more(daemon, log, address):
    """Whoever took it meanwhile may write into it whenever he likes; a restart does not forget it, either."""
    first, second, third = address(), address(), address()
    log.message((first, "bounced", UNKNOWN))
    read(daemon, log)
    log.path.chmod(0o666)
    daemon.wait_log("may be written by everybody")
    log.path.chmod(0o644)
    daemon.wait_log("rotate it")
    log.message((second, "bounced", UNKNOWN))
    read(daemon, log)
    daemon.stop()
    daemon.start()
    log.message((third, "bounced", UNKNOWN))
    read(daemon, log)
    assert daemon.get_suppressed() == [first] and "rotate it" in daemon.get_status()["proves-nothing-because"]


def test_trust_is_taken_back_by_a_reload(daemon, log, address):
    first, second = address(), address()
    log.message((first, "bounced", UNKNOWN))
    read(daemon, log)
    daemon.configure(follow(log.path, trust="no", start="beginning"))
    daemon.reload()
    log.message((second, "bounced", UNKNOWN))
    read(daemon, log)
    assert daemon.get_suppressed() == [first]


# --- streams

def test_login_of_the_message_is_its_stream(scratch, log, address):
    """Smtpd's line names the login; three failures of three logins are no row."""
    recipient = address()
    for number in range(3):
        queue_id = log.make_id()
        log.write(log.line(f"{queue_id}: client=c[192.0.2.7], sasl_method=PLAIN, sasl_username=customer{number}", "postfix/submission/smtpd"))
        log.write(log.line(f"{queue_id}: from=<sender@example.jp>, size=399, nrcpt=1 (queue active)", "postfix/qmgr"),
                  log.delivery(queue_id, recipient, "bounced", FULL))
    with Follower(scratch / "kodama", extra=follow(log.path, start="beginning", extra="stream = login\n")) as daemon:
        daemon.start()
        daemon.wait_read(log.path)
        streams = [row[0] for row in daemon.query("SELECT stream FROM outcomes WHERE address = ?", recipient)]
        assert len(set(streams)) == 3 and "" not in streams and "*" not in streams
        assert [row[1] for row in daemon.get_outcomes(recipient)] == ["counted"] * 3
        assert daemon.get_suppressed() == []


# --- once

def send_bounce(daemon, recipient, queue_id):
    """From outside: anybody could have written it."""
    with Milter(daemon.milter) as session:
        session.open_session(client="mx.example.org", address="192.0.2.66", port=4711)
        session.mail("<>")
        session.recipient("<sender@example.jp>")
        session.message(mails.report(recipient, FULL, queue_id=queue_id, host="mx").encode())


def test_bounce_that_proves_nothing_is_proved_by_the_log(daemon, log, address):
    """It came first, and changed nothing; the line that follows counts, once."""
    full, queue_id = address(), log.make_id()
    send_bounce(daemon, full, queue_id)
    assert daemon.get_outcomes(full) == []
    log.message((full, "bounced", FULL), queue_id=queue_id)
    read(daemon, log)
    assert daemon.get_outcomes(full) == [("mailbox-full", "counted", "log", "log")]
    send_bounce(daemon, full, queue_id)
    assert daemon.query("SELECT tallies FROM addresses WHERE address = ?", full)[0][0].startswith("1 ")


def dump(daemon):
    """All but the keyed hashes: each database has a key of its own."""
    columns = {"addresses": "address, stream, origin, kind, since_s, until_s, times, section, class, rule, last_failure_s, last_success_s, tallies",
               "seen": "time_s, proof, outcome", "outcomes": "*",
               "counts": "provider, class, hour, count, who <> 0", "changes": "*"}
    return {table: sorted(daemon.query(f"SELECT {columns[table]} FROM {table}"), key=repr) for table in columns}


def fill(log, address, count=30):
    """Messages with something of everything."""
    pick = random.Random(4)
    replies = [("sent", SENT), ("bounced", UNKNOWN), ("bounced", FULL), ("deferred", BUSY), ("bounced", said("550 5.7.1 spam"))]
    recipients = [address() for _ in range(8)]
    for i in range(count):
        log.message(*[(recipient, *pick.choice(replies)) for recipient in pick.sample(recipients, 3)], age_s=600 - i)


def test_log_that_is_read_again_changes_nothing(daemon, log, address):
    fill(log, address)
    read(daemon, log)
    before = dump(daemon)
    daemon.stop()
    link = sqlite3.connect(daemon.database)
    # the place is lost, or the log has another name now
    link.execute("DELETE FROM positions WHERE name LIKE 'log:%'")
    link.commit()
    link.close()
    daemon.start()
    read(daemon, log)
    assert dump(daemon) == before
    # ... and once more behind itself, as a log that was put together by hand
    log.write(log.path.read_bytes())
    read(daemon, log)
    assert dump(daemon) == before


def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(scratch, address):
    """The same lines, read in peace and under fire, leave the same."""
    peace, war = LogFile(scratch / "peace.log"), LogFile(scratch / "war.log")
    fill(peace, address, 60)
    with Follower(scratch / "one", extra=follow(peace.path, start="beginning")) as daemon:
        daemon.start()
        wanted = dump(read(daemon, peace))
    lines = peace.path.read_bytes().splitlines(keepends=True)
    pick = random.Random(7)
    with Follower(scratch / "two", extra=follow(war.path, start="beginning")) as daemon:
        for start in range(0, len(lines), 40):
            daemon.start()
            war.write(*lines[start:start + 40])
            # some die before a line is read, some in the middle, some after
            if pick.random() < 0.5:
                until(lambda: (daemon.get_place() or 0) > pick.randrange(war.path.stat().st_size), "some of it to be read")
            daemon.kill()
        daemon.start()
        read(daemon, war)
        got = dump(daemon)
    for table in ("addresses", "counts"):
        assert got[table] == wanted[table]
    assert [row[1:4] + row[5:20] for row in got["outcomes"]] == [row[1:4] + row[5:20] for row in wanted["outcomes"]]


# --- when the store is away

def test_store_that_is_locked_holds_reading_up_and_nothing_else(daemon, log, address):
    first, second = address(), address()
    log.message((first, "bounced", UNKNOWN))
    read(daemon, log)
    place = daemon.get_place()
    lock = sqlite3.connect(daemon.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    log.message((second, "bounced", UNKNOWN))
    daemon.wait_log("maillog-error")
    assert daemon.get_place() == place
    status = daemon.get_status()
    assert status["pauses"] >= 1 and "the store does not take" in status["last-error"]
    lock.execute("ROLLBACK")
    lock.close()
    read(daemon, log)
    assert daemon.get_suppressed() == sorted([first, second])
    daemon.wait_log("maillog-resumed")
    assert "last-error" not in daemon.get_status()


# --- what a log can hold

def test_garbage_is_counted_and_passed_over(daemon, log, address):
    dead, late = address(), address()
    log.write(b"\0\0\0\n", b"\xff\xfe garbage \x80\n", b"x" * (1 << 20) + b"\n", b"\n", b"Nov 99 99:99:99 mx postfix/smtp[1]: ???\n")
    log.message((dead, "bounced", UNKNOWN))
    log.write(b"y" * (1 << 20))
    log.message((late, "bounced", UNKNOWN))
    read(daemon, log)
    assert dead in daemon.get_suppressed()
    # the second long line swallowed one line of the message, not the message
    assert late in daemon.get_suppressed()
    assert daemon.get_status()["garbage"] >= 5


def test_file_that_comes_later(scratch, address):
    dead, path = address(), scratch / "later.log"
    with Follower(scratch / "kodama", extra=follow(path)) as daemon:
        daemon.start()
        until(lambda: "No such file" in daemon.get_status().get("last-error", ""), "the status to say that there is no file")
        log = LogFile(path)
        log.message((dead, "bounced", UNKNOWN))
        daemon.wait_outcomes(dead)


def test_start_at_the_end(scratch, log, address):
    old, new = address(), address()
    log.message((old, "bounced", UNKNOWN))
    with Follower(scratch / "kodama", extra=follow(log.path)) as daemon:
        daemon.start()
        read(daemon, log)
        log.message((new, "bounced", UNKNOWN))
        daemon.wait_outcomes(new)
        assert daemon.get_suppressed() == [new]


def test_multi_instance_and_short_ids_are_told_apart(daemon, log, address):
    """The same short queue id on two instances of Postfix, and on two hosts, is as many messages."""
    recipient = address()
    elsewhere = log.delivery("3F2504E04F", recipient, "bounced", FULL).replace(" mx ", " mx2 ")
    log.write(elsewhere, elsewhere)
    for program in ("postfix", "postfix-out"):
        log.write(log.line("3F2504E04F: from=<sender@example.jp>, size=1, nrcpt=1 (queue active)", f"{program}/qmgr"),
                  log.delivery("3F2504E04F", recipient, "bounced", FULL, program=f"{program}/smtp"))
    log.write(log.delivery("3F2504E04F", recipient, "bounced", FULL, program="postfix/smtp"))
    read(daemon, log)
    assert len(daemon.get_outcomes(recipient)) == 3


@pytest.mark.parametrize("text, why", [
    ('maillog { file = "mail.log" }\n', "must be an absolute path"),
    ('maillog { file = "/var/log/mail.log" journal = yes }\n', "cannot be read beside the journal"),
    ('maillog { journal = yes uids = {"nobody-has-this-name"} }\n', "there is no such user"),
], ids=["relative", "both", "uid"])
def test_configuration_that_cannot_be_meant_is_refused(scratch, text, why):
    with Follower(scratch / "kodama", extra=text) as daemon:
        daemon.spawn()
        assert daemon.wait_end() == 1
        assert why in daemon.log
