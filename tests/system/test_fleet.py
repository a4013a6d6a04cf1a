# SPDX-License-Identifier: BSD-2-Clause
"""Two daemons on one PostgreSQL: what one learns the other refuses; counts are exact; the database may go and come."""
import json
import threading
import time

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.milter import ACCEPT, CONTINUE, Milter
from harness.policy import Policy
from harness.postgresql import PostgreSQL
from harness.wait import until

FULL = "552 5.2.2 <{rcpt}>: mailbox is full"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    home = tmp_path_factory.mktemp("g")
    for folder in (home, home.parent, home.parent.parent):
        folder.chmod(0o755)
    with PostgreSQL(home / "p") as server:
        yield server


def make_node(home, database):
    node = Kodamad(home)
    text = node.configuration.read_text()
    start = text.index("store   {")
    node.configuration.write_text(text[:start] + f'store   {{ uri = "{database.uri}" }}\n' + text[text.index("queue   {"):])
    return node


@pytest.fixture
def nodes(scratch, database):
    database.ask("drop schema public cascade; create schema public")
    with make_node(scratch / "a", database) as one, make_node(scratch / "b", database) as other:
        one.start()
        other.start()
        yield one, other


def bounce(node, recipient, queue_id, diagnostic="550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown", status="5.1.1"):
    """A bounce of the node's own MTA; how it was answered, and what was written on it."""
    with Milter(node.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        answer = session.message(mails.report(recipient, diagnostic, status, queue_id=queue_id).encode(), queue_id="9" + queue_id[1:])
        assert answer[0] in (ACCEPT, CONTINUE), answer
        return " ".join(session.get_added("X-Bounce-Result"))


def ask(node, recipient):
    with Policy(node.policy) as policy:
        return policy.ask(recipient)


def queue_id(number):
    return f"4jX3rL{number:04d}zdM9mz"


def get_count(node, address):
    """Of the row of failures that is not over."""
    rows = [json.loads(line) for line in node.kodama("why", address, "--format=json").stdout.splitlines()]
    states = [row for row in rows if row["row"] == "state"]
    return [count["count"] for row in states for count in row.get("counts", [])]


def test_learned_on_one_refused_on_the_other_within_a_second(nodes):
    one, other = nodes
    waits = []
    # three times: a busy machine may hold up one of them
    for number in range(3):
        address = f"gone.{number}@example.com"
        assert ask(other, address) == "DUNNO"
        assert "decision=suppressed" in bounce(one, address, queue_id(number))
        committed = time.monotonic()
        until(lambda address=address: ask(other, address).startswith("550 5.1.1 "), "the refusal on the other node")
        waits.append(time.monotonic() - committed)
    assert min(waits) < 1, waits


def test_undone_on_one_accepted_on_the_other(nodes):
    one, other = nodes
    bounce(one, "back@example.com", queue_id(2))
    until(lambda: ask(other, "back@example.com").startswith("550 "), "the refusal")
    other.kodama("suppress", "remove", "back@example.com")
    until(lambda: ask(one, "back@example.com") == "DUNNO", "the address in use again")


def test_imported_by_the_thousand_refused_on_both(nodes, database, scratch):
    one, other = nodes
    many = scratch / "many"
    many.write_text("".join(f"user{number}@example{number % 7}.com\n" for number in range(5000)) + "no address\n")
    told = one.kodama("suppress", "import", many, check=False)
    assert told.returncode == 1 and "many:5001: " in told.stderr, told.stderr
    assert "5001 read, 5000 added, 0 there already, 0 passed over, 1 refused" in told.stderr
    for node in nodes:
        with Policy(node.policy) as policy:
            for number in range(0, 5000, 61):
                address = f"user{number}@example{number % 7}.com"
                until(lambda policy=policy, address=address: policy.ask(address).startswith("550 "), f"the refusal of {address}")
            assert policy.ask("user5000@example2.com") == "DUNNO"
    told = other.kodama("suppress", "import", many, check=False)
    assert "5001 read, 0 added, 5000 there already, 0 passed over, 1 refused" in told.stderr
    # written down once each
    assert database.get("select count(*), count(distinct address) from audit where what = 'import'") == [["5000", "5000"]]


def test_failures_on_both_at_once_are_counted_exactly(nodes):
    addresses = [f"full{number}@example.com" for number in range(8)]

    def fail(node, number):
        for index, address in enumerate(addresses):
            bounce(node, address, queue_id(100 + 10 * index + number), FULL, "5.2.2")

    threads = [threading.Thread(target=fail, args=(node, number)) for number, node in enumerate(nodes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [get_count(nodes[0], address) for address in addresses] == [[2]] * len(addresses)
    # the third is the one that suppresses, whichever node sees it
    assert "decision=suppressed" in bounce(nodes[1], addresses[0], queue_id(190), FULL, "5.2.2")


def test_the_same_failure_on_both_counts_once(nodes):
    for node in nodes:
        bounce(node, "once@example.com", queue_id(200), FULL, "5.2.2")
    assert get_count(nodes[0], "once@example.com") == [1]


def test_without_the_database_all_go_on_and_nothing_is_lost(nodes, database):
    one, other = nodes
    bounce(one, "before@example.com", queue_id(300))
    until(lambda: ask(other, "before@example.com").startswith("550 "), "the refusal")
    database.stop()
    try:
        # what is known serves, and what is learned waits on each node's own disk
        for node in nodes:
            assert ask(node, "before@example.com").startswith("550 ")
            assert ask(node, "stranger@example.com") == "DUNNO"
        bounce(one, "during.one@example.com", queue_id(301))
        bounce(other, "during.other@example.com", queue_id(302))
        for number, node in enumerate(nodes):
            bounce(node, "during.full@example.com", queue_id(310 + number), FULL, "5.2.2")
        # seen by both
        for node in nodes:
            bounce(node, "during.same@example.com", queue_id(320), FULL, "5.2.2")
    finally:
        database.start()
    for node in nodes:
        for address in ("during.one@example.com", "during.other@example.com"):
            until(lambda node=node, address=address: ask(node, address).startswith("550 "), f"{address} on each node")
    until(lambda: get_count(one, "during.full@example.com") == [2], lambda: str(get_count(one, "during.full@example.com")))
    assert get_count(other, "during.same@example.com") == [1]
    rows = database.get("select address, count(*) from outcomes group by address")
    counted = dict(rows)
    assert counted["during.one@example.com"] == counted["during.other@example.com"] == "1"
    assert counted["during.full@example.com"] == "2"
