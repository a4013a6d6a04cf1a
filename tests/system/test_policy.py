# SPDX-License-Identifier: BSD-2-Clause
"""The policy service: its answers, and whatever a peer may send."""
import contextlib
import re

import pytest

from harness.policy import ATTRIBUTES, Policy, request

GONE = "gone@example.com"
REFUSAL = r"550 5\.1\.1 <{}>: suppressed since \d{{4}}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)"


@pytest.fixture
def daemon(kodamad):
    kodamad.add(GONE)
    return kodamad


@pytest.fixture
def policy(daemon):
    with Policy(daemon.policy) as connection:
        yield connection


def is_refused(answer, recipient=GONE):
    return answer is not None and re.fullmatch(REFUSAL.format(re.escape(recipient)), answer) is not None


def test_suppressed_recipient_is_refused_and_others_are_not(policy):
    assert is_refused(policy.ask(GONE))
    assert policy.ask("here@example.com") == "DUNNO"
    assert is_refused(policy.ask(GONE))


@pytest.mark.parametrize("spelling", ["GONE@Example.COM", '"gone"@example.com', "gone+news@example.com", "gone@example.com."])
def test_other_spellings_of_the_same_mailbox_are_refused(policy, spelling):
    assert policy.ask(spelling).startswith("550 5.1.1 ")


@pytest.mark.parametrize("sender", ["", "<>", "double-bounce@mx.example.jp"])
def test_bounces_are_never_refused(policy, sender):
    assert policy.ask(GONE, sender=sender) == "DUNNO"


@pytest.mark.parametrize("state", ["DATA", "END-OF-MESSAGE", "CONNECT", "VRFY", "ETRN"])
def test_only_rcpt_is_answered_with_a_refusal(policy, state):
    assert policy.ask(GONE, protocol_state=state) == "DUNNO"


def test_dry_run_refuses_nothing(daemon, policy):
    daemon.configure("enforce = no\n")
    daemon.reload()
    assert policy.ask(GONE) == "DUNNO"


def test_request_in_single_bytes(policy):
    for byte in request(recipient=GONE):
        policy.send(bytes([byte]))
    assert is_refused(policy.read())


def test_many_requests_in_one_write_are_answered_in_order(policy):
    policy.send(request(recipient=GONE) + request(recipient="here@example.com") + request(recipient=GONE)[:40])
    assert is_refused(policy.read())
    assert policy.read() == "DUNNO"
    policy.send(request(recipient=GONE)[40:])
    assert is_refused(policy.read())


def test_unknown_attributes_and_other_orders_are_fine(policy):
    lines = [f"{name}={value}" for name, value in {**ATTRIBUTES, "recipient": GONE, "new_in_postfix_9": "a=b=c"}.items()]
    policy.send(("\n".join(reversed(lines)) + "\n\n").encode())
    assert is_refused(policy.read())


@pytest.mark.parametrize("attributes", [
    {"recipient": ""}, {"recipient": None}, {"recipient": "no-address"}, {"recipient": "@"}, {"recipient": "a" * 2000 + "@example.com"},
    {"recipient": "g\u00f6ne@example.com"}, {"recipient": "x" * 64 + "@" + "y." * 120 + "com"}, {"protocol_state": None},
    {"sender": "a" * 3000}, {"request": None}, {"request": "something_else"},
], ids=str)
def test_odd_requests_get_the_answer_that_lets_mail_flow(policy, attributes):
    policy.send(request(**attributes))
    assert policy.read() == "DUNNO"
    assert is_refused(policy.ask(GONE))


@pytest.mark.parametrize("data", [
    b"recipient=" + b"a" * (1 << 20), b"a" * (1 << 20), (b"x=" + b"y" * 500 + b"\n") * 4000, b"\n" * 1000, b"no equals sign\n\n",
    b"\0" * 5000, bytes(range(256)) * 64, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"recipient=\xff\xfe@\xff\n\n",
], ids=["long-value", "no-newline", "many-lines", "empty-lines", "no-equals", "nul", "bytes", "http", "bad-utf8"])
def test_garbage_harms_nobody_else(daemon, data):
    with Policy(daemon.policy) as bad, Policy(daemon.policy) as good:
        # the daemon may hang up in the middle of it
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            bad.send(data)
        assert is_refused(good.ask(GONE))


def test_oversized_request_is_bounded_and_ends_the_connection(daemon, policy):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(64):
            policy.send(b"x" * (1 << 20))
    assert policy.read() in (None, "DUNNO")
    with Policy(daemon.policy) as good:
        assert is_refused(good.ask(GONE))


def test_many_connections_are_served_at_once(daemon):
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(Policy(daemon.policy)) for _ in range(800)]
        for connection in connections:
            connection.send(request(recipient=GONE)[:-10])
        for connection in connections:
            connection.send(request(recipient=GONE)[-10:])
        assert all(is_refused(connection.read()) for connection in connections)


def test_connections_past_the_limit_take_the_place_of_idle_ones(daemon, scratch):
    daemon.stop()
    daemon.configure("policy { connections = 50 }\n")
    daemon.start()
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Policy(daemon.policy)) for _ in range(60)]
        with Policy(daemon.policy) as fresh:
            assert is_refused(fresh.ask(GONE))
        answers = [connection.read() for connection in idle[:10]]
        assert answers == [None] * 10


def test_half_a_request_and_a_hang_up_is_forgotten(daemon):
    for _ in range(50):
        with Policy(daemon.policy) as half:
            half.send(request(recipient=GONE)[:-1])
    with Policy(daemon.policy) as good:
        assert is_refused(good.ask(GONE))


def test_peer_that_never_reads_blocks_nobody(daemon):
    with Policy(daemon.policy) as deaf, Policy(daemon.policy) as good:
        deaf.link.setblocking(False)
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            for _ in range(100_000):
                deaf.send(request(recipient=GONE) * 20)
        assert is_refused(good.ask(GONE))


@pytest.mark.parametrize("stream", ["sender-domain", "login", "policy-context"])
def test_what_is_suppressed_for_all_is_refused_in_every_stream(daemon, policy, stream):
    daemon.configure(f"stream = {stream}\n")
    daemon.reload()
    assert is_refused(policy.ask(GONE, sasl_username="someone", policy_context="there"))
    assert is_refused(policy.ask(GONE, sender="user@no_domain..", sasl_username="", policy_context=""))
    assert policy.ask("here@example.com", sasl_username="someone", policy_context="there") == "DUNNO"
