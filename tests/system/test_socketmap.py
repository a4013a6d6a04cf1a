# SPDX-License-Identifier: BSD-2-Clause
"""The look-up tables: their answers, and whatever a peer may send."""
import contextlib
import json
import re

import pytest

from harness.kodamad import Kodamad
from harness.mta import free_port
from harness.paths import reachable
from harness.socketmap import SocketMap, netstring
from harness.wait import until

GONE = "gone@example.com"
REFUSAL = r"<gone@example\.com>: suppressed since \d{4}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)"
NOTFOUND = "NOTFOUND "

# a status that is not what the words say -> what the table answers
WRONG = {
    "5.5.0": "5.5.0 host mx.example.com[192.0.2.1] said: 550 5.5.0 <neko@example.com>: User unknown (in reply to RCPT TO command)",
    "none": "5.0.0 host mx.example.com[192.0.2.1] said: 550 <neko@example.com>... User unknown (in reply to RCPT TO command)",
    "5.7.1": "5.7.1 host mx.example.com[192.0.2.1] said: 554 5.7.1 <neko@example.com>: Recipient address rejected: User unknown in "
             "virtual mailbox table (in reply to RCPT TO command)",
    "5.2.0": "5.2.0 host mx.example.com[192.0.2.1] said: 550-5.2.0 No such user here; 550 5.2.0 see http://example.com/x "
             "(in reply to RCPT TO command)",
    "microsoft": "5.5.0 host example-com.olc.protection.outlook.com[192.0.2.1] said: 550 5.5.0 Requested action not taken: mailbox "
                 "unavailable (S2017062302). (in reply to RCPT TO command)",
}

RIGHT = {
    "success": "2.0.0 250 2.0.0 Ok: queued as 4jX3kx65r7z1cMMW",
    "success-with-bad-words": "2.1.5 250 2.1.5 550 5.5.0 User unknown",
    "unknown-user": "5.1.1 host mx.example.com[192.0.2.1] said: 550 5.1.1 <neko@example.com>: User unknown (in reply to RCPT TO command)",
    "spam": "5.7.1 host mx.example.com[192.0.2.1] said: 554 5.7.1 Message rejected as spam (in reply to end of DATA command)",
    "blocked": "5.7.1 host mx.example.com[192.0.2.1] said: 550 5.7.1 Client host blocked using zen.spamhaus.org, user unknown "
               "(in reply to RCPT TO command)",
    "deferral": "4.2.0 host mx.example.com[192.0.2.1] said: 450 4.2.0 <neko@example.com>: User unknown (in reply to RCPT TO command)",
    "no-words": "4.4.1 connect to mx.example.com[192.0.2.1]:25: Connection refused",
    "ours": "5.7.1 host mx.example.com[192.0.2.1] said: 550 5.7.1 <neko@example.com>: suppressed since 2026-11-21: user-unknown "
            "(kodama-suppressed)",
    "filter-says-unknown": "5.0.0 host mfsmax.docomo.ne.jp[192.0.2.1] said: 550 Unknown user neko@docomo.ne.jp (in reply to end of DATA command)",
    "nothing": "", "no-status": "550 User unknown", "bad-status": "5.5 User unknown", "class-3": "3.5.0 User unknown", "blank": " ",
}

THROTTLED = ("5.7.1 host example-com.mail.protection.outlook.com[192.0.2.1] said: 550 5.7.1 Unfortunately, messages from [192.0.2.9] "
             "weren't sent. The mail server IP has exceeded the rate limit allowed (RP-001). (in reply to MAIL FROM command)")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A connection to a daemon that all tests which only ask share."""
    with Kodamad(reachable(tmp_path_factory.mktemp("t")) / "kodama") as shared:
        shared.start()
        shared.add(GONE)
        with SocketMap(shared.map) as connection:
            yield connection


@pytest.fixture
def daemon(kodamad):
    kodamad.add(GONE)
    return kodamad


@pytest.fixture
def tables(daemon):
    with SocketMap(daemon.map) as connection:
        yield connection


def get_counters(daemon):
    return json.loads(daemon.kodama("status", "--format=json").stdout)["socketmap"]


def test_recipient_and_transport_refuse_a_suppressed_address_and_no_other(daemon, tables):
    assert re.fullmatch("OK 550 5\\.1\\.1 " + REFUSAL, tables.ask("recipient", GONE))
    assert re.fullmatch("OK error:5\\.1\\.1 " + REFUSAL, tables.ask("transport", GONE))
    assert tables.ask("recipient", "here@example.com") == tables.ask("transport", "here@example.com") == NOTFOUND
    counters = get_counters(daemon)
    assert (counters["requests"], counters["refused"], counters["corrected"]) == (4, 2, 0)
    assert len(re.findall(r" decision front=map-\w+ queue_id=- recipient=gone@example\.com .* action=refused ", daemon.log)) == 2


@pytest.mark.parametrize("table", ["recipient", "transport"])
@pytest.mark.parametrize("spelling", ["GONE@Example.COM", '"gone"@example.com', "gone+news@example.com", "gone@example.com.", "<gone@example.com>"])
def test_other_spellings_of_the_same_mailbox_are_refused(asked, table, spelling):
    assert asked.ask(table, spelling).startswith(("OK 550 5.1.1 <gone", "OK error:5.1.1 <gone"))


@pytest.mark.parametrize("table", ["recipient", "transport"])
@pytest.mark.parametrize("key", ["", "*", "<>", "@", "example.com", "gone", "sender@example.jp", "double-bounce@mx.example.jp", "a" * 9000,
                                 "x@y z@example.com", "g\u00f6ne@example.com", "gone@example.com,7:NOTFOUND,"])
def test_questions_about_nobody_who_is_suppressed(asked, table, key):
    assert asked.ask(table, key) == NOTFOUND


def test_whole_domain_by_hand(daemon, tables):
    daemon.add("@example.org")
    until(lambda: tables.ask("recipient", "anybody@example.org").startswith("OK 550 5.1.1 "), "the entry to be known")
    assert tables.ask("recipient", "@example.org") == tables.ask("recipient", "anybody@sub.example.org") == NOTFOUND


def test_dry_run_refuses_nothing(daemon, tables):
    daemon.configure("enforce = no\n")
    daemon.reload()
    assert tables.ask("recipient", GONE) == tables.ask("transport", GONE) == NOTFOUND
    assert "action=dry-run" in daemon.log


def test_tempfail(daemon, tables):
    daemon.configure("socketmap { on-suppressed = tempfail }\n")
    daemon.reload()
    assert re.fullmatch("OK 450 4\\.1\\.1 " + REFUSAL, tables.ask("recipient", GONE))
    assert tables.ask("transport", GONE).startswith("OK error:5.1.1 ")


@pytest.mark.parametrize("key", WRONG.values(), ids=WRONG)
def test_wrong_status_is_corrected_and_the_words_stay(asked, key):
    assert asked.ask("status", key) == "OK 5.1.1 " + key.split(" ", 1)[1]


def test_correction_is_logged_and_counted(daemon, tables):
    tables.ask("status", WRONG["5.5.0"])
    assert "status-corrected from=5.5.0 to=5.1.1 class=user-unknown rule=user-unknown.unknown" in daemon.log
    assert get_counters(daemon)["corrected"] == 1


@pytest.mark.parametrize("key", RIGHT.values(), ids=RIGHT)
def test_status_is_left_alone(asked, key):
    assert asked.ask("status", key) == NOTFOUND


def test_throttle_is_softened_only_where_the_operator_wants_it(daemon, tables):
    assert tables.ask("status", THROTTLED) == NOTFOUND
    daemon.configure("socketmap { soften = yes }\n")
    daemon.reload()
    assert tables.ask("status", THROTTLED) == "OK 4.7.28 " + THROTTLED.split(" ", 1)[1]
    # success stays success, whatever the words
    assert tables.ask("status", "2.0.0 250 exceeded the rate limit allowed (RP-001)") == NOTFOUND


def test_operators_own_status_as(daemon, tables):
    (daemon.etc / "local.rules").write_text(
        "rule here.odd { class = mailbox-full status-as = '5.2.2' text = {'cupboard is bare'} matches = {'550 5.6.0 The cupboard is bare'} }\n")
    (daemon.etc / "local.rules").chmod(0o644)
    daemon.reload()
    assert tables.ask("status", "5.6.0 host x[192.0.2.1] said: 550 5.6.0 The cupboard is bare") == (
        "OK 5.2.2 host x[192.0.2.1] said: 550 5.6.0 The cupboard is bare")


def test_status_as_of_a_success_is_refused(daemon):
    (daemon.etc / "local.rules").write_text("rule here.odd { class = mailbox-full status-as = '2.0.0' text = {'abc def'} matches = {'550 abc def'} }\n")
    (daemon.etc / "local.rules").chmod(0o644)
    checked = daemon.kodama("rules", "check", check=False)
    assert checked.returncode != 0 and "status-as" in checked.stderr + checked.stdout


def test_unknown_table_finds_nothing_and_is_logged_once(daemon, tables):
    assert [tables.ask(name, GONE) for name in ("recipients", "", "STATUS", "x" * 5000)] == [NOTFOUND] * 4
    assert daemon.log.count("map-unknown map=recipients ") == daemon.log.count("map-unknown") == 1


def test_request_in_single_bytes_and_many_in_one_write(tables):
    for byte in netstring("recipient " + GONE):
        tables.send(bytes([byte]))
    assert tables.read().startswith("OK 550 ")
    tables.send(netstring("recipient " + GONE) + netstring("recipient here@example.com") + b"4")
    assert tables.read().startswith("OK 550 ")
    assert tables.read() == NOTFOUND
    tables.send(b":abc ,")
    assert tables.read() == NOTFOUND


LIES = {
    "short": b"5:recipient " + GONE.encode() + b",", "long": b"99999999:recipient x,", "past": b"16385:", "zeros": b"007:abcdefg,", "no-length": b":,",
    "commas": b",,,,", "minus": b"-1:,", "overflow": b"9999999999999999999999", "no-netstring": b"recipient gone@example.com\n",
    "nul": b"\0" * 100, "smtp": b"EHLO x\r\n",
}


def test_lying_length_ends_that_connection_alone_and_is_logged_once(daemon, tables):
    for name, data in LIES.items():
        with SocketMap(daemon.map) as liar:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                liar.send(data)
            assert liar.read() is None, name
        assert tables.ask("recipient", GONE).startswith("OK 550 "), name
    assert daemon.log.count("peer-refused front=socketmap reason=nonsense") == 1
    assert get_counters(daemon)["malformed"] == len(LIES)


def test_slow_deaf_and_idle_peers_hold_up_nobody(daemon):
    daemon.stop()
    daemon.configure("socketmap { request-timeout = 1s }\n")
    daemon.start()
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(SocketMap(daemon.map)) for _ in range(1000)]
        slow, deaf, good = (stack.enter_context(SocketMap(daemon.map)) for _ in range(3))
        deaf.link.setblocking(False)
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            for _ in range(100_000):
                deaf.send(netstring("recipient " + GONE) * 200)

        def slow_is_left():
            # never whole, and never long silent
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                slow.send(b"9" if not slow_is_left.sent else b"1:recipient"[slow_is_left.sent % 11:][:1])
                slow_is_left.sent += 1
                slow.link.settimeout(0.2)
                try:
                    return slow.link.recv(1) == b""
                except TimeoutError:
                    assert good.ask("recipient", GONE).startswith("OK 550 ")
                    return False
            return True
        slow_is_left.sent = 0
        until(slow_is_left, "the slow one to be left")
        assert good.ask("recipient", GONE).startswith("OK 550 ")
        assert [connection.ask("recipient", GONE)[:6] for connection in idle] == ["OK 550"] * 1000
    assert daemon.log.count("peer-slow front=socketmap") == 1


def test_connections_past_the_limit_take_the_place_of_idle_ones(daemon):
    daemon.stop()
    daemon.configure("socketmap { connections = 50 }\n")
    daemon.start()
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(SocketMap(daemon.map)) for _ in range(60)]
        with SocketMap(daemon.map) as fresh:
            assert fresh.ask("recipient", GONE).startswith("OK 550 ")
        assert [connection.read() for connection in idle[:10]] == [None] * 10
    assert daemon.log.count("connections-full front=socketmap") == 1


def test_by_tcp_and_by_a_unix_socket_that_only_the_group_may_open(daemon):
    assert daemon.map.stat().st_mode & 0o777 == 0o660
    port = free_port()
    daemon.stop()
    daemon.configure(f'socketmap {{ listen = "inet:{port}@127.0.0.1" }}\n')
    daemon.start()
    with SocketMap(("127.0.0.1", port)) as tables:
        assert tables.ask("recipient", GONE).startswith("OK 550 ")


def test_no_tables_where_none_are_wanted(daemon):
    daemon.stop()
    daemon.configure('socketmap { listen = "" }\n')
    daemon.start()
    assert not daemon.map.exists()
    assert "socketmap" not in json.loads(daemon.kodama("status", "--format=json").stdout)
