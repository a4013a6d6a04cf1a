# SPDX-License-Identifier: BSD-2-Clause
"""MTAs that are old, broken, or many: what is agreed with each, and that none of them holds up another."""
import json
import re
import struct

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.link import connect
from harness.milter import ACCEPT, CONTINUE, REPLYCODE, SKIP, Milter, packet, refuses, split_fields
from harness.paths import KODAMAD, reachable, run
from harness.wait import until

HOST = "mx.example.jp"
GONE = "gone@example.com"

# protocol bits (mfdef.h of libmilter)
NO_REPLIES = 0xFF080
SKIP_BIT = 0x400
OLD_STEPS, NEWER_STEPS = 0x7F, 0x37F
ALL = 0x1FFFFF
ACTIONS_V2 = 0x3F

# what an MTA offers: version, actions, protocol
OFFERS = {
    "v2": (2, ACTIONS_V2, OLD_STEPS),
    "v3": (3, ACTIONS_V2, OLD_STEPS | 0x100),
    "v4": (4, ACTIONS_V2, NEWER_STEPS),
    "v6-waits-for-every-reply": (6, 0x1FF, ALL & ~NO_REPLIES),
    "v6-without-skip": (6, 0x1FF, ALL & ~SKIP_BIT),
    "v6-no-symlist": (6, 0xFF, ALL),
    "v6": (6, 0x1FF, ALL),
}
OFFERS_NUMBER = {offer: number for number, offer in enumerate(OFFERS.values())}
offers = pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A daemon for the tests that leave nothing behind which others could mind."""
    with Kodamad(reachable(tmp_path_factory.mktemp("m"))) as daemon:
        daemon.start()
        daemon.add(GONE)
        yield daemon


def session_of(daemon, offer):
    version, actions, protocol = offer
    return Milter(daemon.milter, actions, protocol, version=version)


def get_counters(daemon):
    return json.loads(daemon.kodama("status", "--format=json").stdout)["milter"]


def begin_smtp(session, recipients, sender="<sender@example.jp>"):
    session.open_session(HOST, "mail.example.org", "192.0.2.25", 41234, "mail.example.org")
    session.mail(sender)
    return [session.recipient(recipient) for recipient in recipients]


# --- what is agreed

def test_all_that_need_no_reply_get_none(kodamad):
    with Milter(kodamad.milter) as session:
        wanted = {"no-helo": 0x2, "no-data": 0x200, "no-unknown": 0x100, "nr-connect": 0x1000, "nr-mail": 0x4000, "nr-header": 0x80, "skip": 0x400}
        assert {name for name, bit in wanted.items() if session.protocol & bit} == set(wanted)
        # these are waited for: a refusal, the end of what we need, a body to be skipped
        assert not session.protocol & (0x8000 | 0x40000 | 0x80000)
        # the macros that are asked for, and no more
        asked = {stage: set(names.split()) for stage, names in session.symbols.items()}
        assert asked[0] >= {"j", "v"} and asked[5] >= {"i"}
        assert sum(len(names) for names in asked.values()) <= 10


@offers
def test_nothing_is_asked_that_was_not_offered(shared, offer):
    with session_of(shared, offer) as session:
        assert session.protocol & ~offer[2] == 0
        assert session.actions & ~offer[1] == 0


@offers
def test_every_mta_gets_the_same_service(shared, offer):
    dead = f"dead.{OFFERS_NUMBER[offer]}@example.com"
    with session_of(shared, offer) as session:
        answers = begin_smtp(session, ["<here@example.com>", f"<{GONE}>"])
        assert [code for code, _ in answers] == [CONTINUE, REPLYCODE] and answers[1][1].startswith(b"550 5.1.1 ")
        assert session.message(mails.plain("x").encode())[0] in (CONTINUE, ACCEPT) and session.edits == []
        # forged fields go, from a mail that is no bounce
        session.mail("<user@example.org>")
        session.recipient("<here@example.com>")
        session.message(mails.plain("x", headers="X-Bounce-Result: x\n").encode())
        assert [name for name, _ in session.get_removed_fields()] == ["X-Bounce-Result"]
    with session_of(shared, offer) as session:
        session.open_session(HOST)
        session.mail("", queue_id="4jX3rL40xpz1cMcR")
        session.recipient("sender@example.jp")
        assert session.message(mails.report(dead, queue_id=f"4jX3rL3M9mz1cMd{OFFERS_NUMBER[offer]}").encode())[0] in (CONTINUE, ACCEPT)
        assert "class=user-unknown" in session.get_added("X-Bounce-Result")[0]
        session.edits = []
        session.mail("sender@example.jp", queue_id="4jX3rL40xpz1cMcS")
        for recipient in ("here@example.com", GONE):
            assert session.recipient(recipient)[0] == CONTINUE
        session.message(mails.plain("cron").encode())
        assert [name.strip("<>") for name in session.get_removed_recipients()] == [GONE]
    assert dead in shared.get_suppressed()


def test_mta_that_lets_nothing_be_edited_loses_no_mail(kodamad):
    # but for the quarantine, which is never asked for; nothing at all would mean the first version of the protocol
    with Milter(kodamad.milter, actions=0x20, protocol=ALL) as session:
        session.open_session(HOST)
        session.mail("", queue_id="4jX3rL40xpz1cMcR")
        session.recipient("sender@example.jp")
        assert session.message(mails.report("dead@example.com").encode())[0] in (CONTINUE, ACCEPT)
        assert session.edits == []
    assert kodamad.get_suppressed() == ["dead@example.com"]


def test_body_is_not_wanted_once_it_is_known_to_be_no_bounce(kodamad):
    with Milter(kodamad.milter) as session:
        begin_smtp(session, ["<here@example.com>"])
        session.command(b"L", b"Subject\0hello\0")
        assert session.command(b"N")[0] == ACCEPT
        # the end is needed for an edit, the body still is not
        session.mail("<user@example.org>")
        session.recipient("<here@example.com>")
        session.command(b"L", b"X-Bounce-Result\0x\0")
        assert session.command(b"N")[0] == CONTINUE
        assert session.command(b"B", b"hello\r\n")[0] == SKIP
        assert session.end_of_message()[0] in (CONTINUE, ACCEPT)
        assert len(session.get_removed_fields()) == 1


# --- what breaks off, and what comes that should not

STEPS = {
    "negotiation": lambda s: s.negotiate(),
    "connect": lambda s: s.open_session(HOST),
    "mail": lambda s: s.mail(""),
    "recipient": lambda s: s.recipient("sender@example.jp"),
    "header": lambda s: s.command(b"L", b"Content-Type\0multipart/report; boundary=b\0"),
    "headers-end": lambda s: s.command(b"N"),
    "body": lambda s: s.command(b"B", b"--b\r\n\r\nbody\r\n"),
    "end": lambda s: s.end_of_message(),
}
ENDS = {
    "hangs-up": b"", "half-a-length": b"\0\0", "half-a-command": b"\0\0\0\x20L" + b"Subject\0",
    "aborts": packet(b"A"), "quits": packet(b"Q"), "half-macros": packet(b"D", b"Mi\0")[:-2],
    "no-such-command": packet(b"?"), "nothing-at-all": b"\0\0\0\0", "too-long": b"\xff\xff\xff\xffL", "rather-long": struct.pack(">I", 64 << 20) + b"B" + b"x" * 4096,
    "no-end-of-text": packet(b"L", b"Subject"), "sender-without-end": packet(b"M", b"<a@example.jp>"), "nobody": packet(b"R", b"\0"), "no-sender": packet(b"M", b""),
}


@pytest.mark.parametrize("waits", [False, True], ids=["silent", "replies"])
def test_every_way_to_break_off_at_every_step(kodamad, waits):
    protocol = ALL & ~NO_REPLIES if waits else ALL
    for count in range(len(STEPS) + 1):
        for end in ENDS.values():
            with Milter(kodamad.milter, negotiate=False) as session:
                for name, step in list(STEPS.items())[:count]:
                    session.negotiate(protocol=protocol) if name == "negotiation" else step(session)
                session.link.sendall(end)
    until(lambda: get_counters(kodamad)["open"] == 0, lambda: f"no session to be left open: {get_counters(kodamad)}")
    assert kodamad.get_suppressed() == []
    with Milter(kodamad.milter) as session:
        session.open_session(HOST)
        session.mail("")
        session.recipient("sender@example.jp")
        session.message(mails.report(GONE).encode())
    assert kodamad.get_suppressed() == [GONE]


LATE = {
    "recipient": packet(b"R", b"<late@example.com>\0"), "header": packet(b"L", b"Subject\0late\0"), "headers-end": packet(b"N"),
    "body": packet(b"B", b"late\r\n"), "end": packet(b"E"), "abort": packet(b"A"),
    "mail-twice": packet(b"M", b"<a@example.jp>\0") + packet(b"M", b"<b@example.jp>\0"),
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_callbacks_after_an_abort(shared, late):
    """libmilter hangs up or says nothing where it knows better; nothing of the aborted bounce is left, and others are served."""
    with Milter(shared.milter, protocol=ALL & ~NO_REPLIES) as session:
        session.open_session(HOST)
        session.mail("")
        session.recipient("sender@example.jp")
        head, _, body = mails.report("aborted@example.com").partition("\n\n")
        for name, value in split_fields(head.encode()):
            session.command(b"L", name + b"\0" + value + b"\0")
        session.command(b"N")
        session.command(b"B", body.replace("\n", "\r\n").encode())
        session.link.sendall(packet(b"A") + late)
    until(lambda: get_counters(shared)["open"] == 0, lambda: f"the session to be closed: {get_counters(shared)}")
    assert "aborted@example.com" not in shared.get_suppressed()
    with Milter(shared.milter) as session:
        assert [code for code, _ in begin_smtp(session, ["<here@example.com>"])] == [CONTINUE]
        assert session.message(mails.plain("next").encode())[0] in (CONTINUE, ACCEPT)


def test_a_connection_may_serve_one_client_after_another(kodamad):
    """SMFIC_QUIT_NC: the MTA keeps the connection, and a client of other rights comes."""
    kodamad.add(GONE)
    with Milter(kodamad.milter) as session:
        for _ in range(3):
            answers = begin_smtp(session, [f"<{GONE}>"])
            assert refuses(answers[0])
            session.link.sendall(packet(b"A") + packet(b"K"))
            session.open_session(HOST)
            session.mail("", queue_id="4jX3rL40xpz1cMcR")
            assert session.recipient(GONE)[0] == CONTINUE
            session.link.sendall(packet(b"A") + packet(b"K"))


def test_a_thousand_mails_in_one_connection_cost_no_memory(kodamad):
    with Milter(kodamad.milter) as session:
        session.open_session(HOST, "mail.example.org", "192.0.2.25", 41234, "mail.example.org")
        sizes = []
        for number in range(1000):
            session.mail("<>")
            session.recipient("<sender@example.jp>")
            session.message(mails.report(f"u{number}@example.com").encode())
            session.edits = []
            if number in (500, 999):
                sizes.append(get_memory_kib(kodamad))
    # what is freed is kept for a while by a sanitizer
    assert is_sanitized() or sizes[1] - sizes[0] < 2048


# --- many at once

def get_memory_kib(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as status:
        return int(re.search(r"RssAnon:\s+(\d+)", status.read())[1])


def get_resident_kib(daemon):
    """All that is in memory, libraries that others use, too; and how much of it is SQLite's library."""
    total = store = 0
    with open(f"/proc/{daemon.pid}/smaps", encoding="utf-8") as maps:
        for line in maps:
            if re.match("[0-9a-f]+-", line):
                is_store = re.search(r"/lib(sqlite3|m)\.so", line)
            elif line.startswith("Rss:"):
                total += int(line.split()[1])
                store += int(line.split()[1]) if is_store else 0
    return total, store


def count_threads(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as status:
        return int(re.search(r"Threads:\s+(\d+)", status.read())[1])


def is_sanitized():
    return "asan" in run("ldd", KODAMAD).stdout


# of the store's own: its writer, and those who follow the list and the keys
STORE_THREADS = 3


@pytest.mark.parametrize("count", [400, 2000])
def test_idle_connections_are_held(kodamad, count):
    before = get_memory_kib(kodamad)
    sessions = []
    try:
        for _ in range(count):
            sessions.append(Milter(kodamad.milter))
            sessions[-1].open_session(HOST, "mail.example.org", "192.0.2.25", 41234, "mail.example.org")
        assert get_counters(kodamad)["open"] == count
        until(lambda: count_threads(kodamad) <= 8 + STORE_THREADS, lambda: f"few threads; there are {count_threads(kodamad)}")
        memory = get_memory_kib(kodamad)
        assert memory - before < (40 if is_sanitized() else 10) * 1024
        assert is_sanitized() or memory < 8 * 1024
        resident, store = get_resident_kib(kodamad)
        print(f"{count} idle connections: {count_threads(kodamad)} threads, {STORE_THREADS} of them the store's; {resident} KiB, {store} of them SQLite's")
        # 10.8 to 11.1 MiB with 400 of them, by how much of the libraries the system maps at once
        assert is_sanitized() or count > 400 or resident - store < 12 * 1024
        # every one of them still speaks
        for session in sessions[:: count // 100]:
            session.mail("<user@example.org>")
            session.recipient("<here@example.com>")
            assert session.message(mails.plain("late").encode())[0] in (CONTINUE, ACCEPT)
    finally:
        for session in sessions:
            session.link.close()
    until(lambda: get_counters(kodamad)["open"] == 0, lambda: f"all to be closed: {get_counters(kodamad)}")


def test_who_says_nothing_holds_up_nobody(kodamad):
    silent = [connect(kodamad.milter) for _ in range(300)]
    try:
        with Milter(kodamad.milter) as session:
            assert [code for code, _ in begin_smtp(session, ["<here@example.com>"])] == [CONTINUE]
            assert session.message(mails.plain("x").encode())[0] in (CONTINUE, ACCEPT)
    finally:
        for link in silent:
            link.close()
