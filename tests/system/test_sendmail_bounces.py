# SPDX-License-Identifier: BSD-2-Clause
"""Sendmail's own bounces, which no milter sees: by an alias to kodama ingest, by the log, and by both, each failure once."""
import email
import re

import pytest

from harness import mails
from harness.follower import Follower, follow
from harness.sendmail import Sendmail, install_program
from harness.wait import until

OUTBOUND = 'outbound-networks = {"127.0.0.1/32"}\n'


class Bouncing:
    """A Sendmail whose senders are aliases, and a daemon; `bounces` are those whose bounce goes to kodama ingest."""

    def __init__(self, scratch, remote, extra="", trust="yes", log=False):
        self.program = install_program(scratch)
        home = scratch / "k"
        alias = f'"|{self.program} ingest --socket=unix:{home}/run/ingest.sock", sender'
        self.mta = Sendmail(scratch / "s", remote.port, aliases={"bounces": alias})
        self.remote = remote
        extra = OUTBOUND + extra + (follow(self.mta.home / "mail.log", trust=trust) if log else "")
        self.daemon = Follower(home, self.mta.sockets, extra=extra)

    def __enter__(self):
        self.mta.__enter__()
        until(lambda: self.mta.log, "Sendmail's log")
        (self.mta.home / "mail.log").chmod(0o644)
        self.daemon.start()
        return self

    def __exit__(self, *why):
        self.daemon.__exit__(*why)
        self.mta.__exit__(*why)
        # whatever happens, the program ends with a status that Sendmail knows
        assert why[0] or not self.mta.get_log_lines("unknown mailer error|DSN: .*mailer"), self.mta.log

    def send(self, recipients, subject="x", **options):
        assert self.mta.send(recipients, mails.plain(subject, "user@example.com"), sender="bounces@example.jp", **options) == {}


@pytest.fixture
def bouncing(scratch, remote):
    with Bouncing(scratch, remote) as system:
        yield system


def show(bouncing):
    return f"{bouncing.mta.log}\n{bouncing.daemon.log}"


def test_token_goes_out_comes_back_and_proves(bouncing, address):
    dead = address("gmail")
    bouncing.send(dead)
    until(lambda: bouncing.daemon.get_suppressed() == [dead], lambda: show(bouncing))
    assert bouncing.daemon.get_outcomes(dead) == [("user-unknown", "suppressed", "token", "ingest")]
    bouncing.mta.wait_empty()
    # and those who read bounces have it, too: the token came back in it
    bounce = bouncing.mta.wait_bounce(dead).as_string()
    assert "X-Kodama-Token: v=1;" in bounce and re.search(r"^Original-Envelope-Id: \S+", bounce, re.M)
    refused = bouncing.mta.send(dead, mails.plain("again"), sender="bounces@example.jp")
    assert refused[dead][0] == 550


def test_token_for_many_never_suppresses_alone(bouncing, address):
    dead, full, good = address("gmail"), address("full"), address("ok")
    bouncing.send([dead, full, good], "many")
    until(lambda: bouncing.daemon.get_outcomes(full) and bouncing.daemon.get_outcomes(dead), lambda: show(bouncing))
    assert bouncing.daemon.get_outcomes(dead)[0][2:] == ("shared", "ingest") and bouncing.daemon.get_suppressed() == []
    until(lambda: bouncing.remote.get_recipients(b"Subject: many\r\n") == [good], "the good one's mail")


def test_bounce_of_mail_without_token_proves_nothing(bouncing, address):
    """Past the milter: the alias alone believes nobody, not even the mailer that runs it."""
    dead = address("gmail")
    bouncing.send(dead, port=bouncing.mta.plain_port)
    bouncing.daemon.wait_log(f"front=ingest queue_id=- recipient={dead} class=user-unknown action=unproved")
    assert bouncing.daemon.get_suppressed() == []


def test_alias_that_reaches_nobody_waits_in_the_queue(scratch, remote, address):
    """The daemon serves the milter, so that the mail has its token, and not yet the socket that the alias knows."""
    dead, full = address("gmail"), address("full")
    with Bouncing(scratch, remote) as system:
        configuration = system.daemon.configuration
        right = configuration.read_text()
        system.daemon.stop()
        configuration.write_text(right.replace("ingest.sock", "elsewhere.sock"))
        system.daemon.start()
        system.send(dead)
        system.send(full)
        until(lambda: len(system.mta.get_log_lines(r'to="\|.*stat=Deferred')) >= 2, lambda: show(system))
        # the program's recipient waits, the other one has his copy
        system.mta.wait_bounce(dead)
        until(lambda: len(system.mta.get_queue()) == 2, lambda: f"the two bounces in the queue\n{show(system)}")
        assert system.daemon.get_suppressed() == []
        system.daemon.stop()
        # nobody answers at all, and Sendmail begins anew
        system.mta.stop()
        system.mta.start()
        until(lambda: len(system.mta.get_log_lines(r'to="\|.*stat=Deferred')) >= 4, lambda: show(system))
        configuration.write_text(right)
        system.daemon.start()
        system.mta.wait_empty()
        assert system.daemon.get_suppressed() == [dead]
        assert system.daemon.get_outcomes(dead) == [("user-unknown", "suppressed", "token", "ingest")]
        assert system.daemon.get_outcomes(full) == [("mailbox-full", "counted", "token", "ingest")]
        assert len(system.mta.find_spooled(f"Final-Recipient: RFC822; {dead}")) == 1
        assert "savemail panic" not in system.mta.log


@pytest.mark.parametrize("trust", ["yes", "no"])
def test_each_failure_once_by_alias_and_log(scratch, remote, address, trust):
    full, dead, good = address("full"), address("gmail"), address("ok")
    with Bouncing(scratch, remote, log=True, trust=trust) as system:
        for recipient in (full, dead, good):
            system.send(recipient)
        system.mta.wait_empty()
        until(lambda: system.daemon.get_suppressed() == [dead], lambda: show(system))
        # both ways have been read to their end
        system.daemon.wait_read(system.mta.home / "mail.log")
        until(lambda: len(re.findall(r"decision front=ingest", system.daemon.log)) == 2, lambda: show(system))
        # the second word on a failure may raise its proof, and is no outcome of its own
        assert [row[:2] for row in system.daemon.get_outcomes(full)] == [("mailbox-full", "counted")]
        assert [row[:2] for row in system.daemon.get_outcomes(dead)] == [("user-unknown", "suppressed")]
        assert system.daemon.query("SELECT count FROM outcomes WHERE address = ?", full) == [(1,)]


def test_annotated_copy_for_people(scratch, remote, address):
    """An alias that hands the annotated bounce on, by a file between the two programs."""
    dead = address("gmail")
    with Bouncing(scratch, remote) as system:
        script = system.mta.home / "annotate.sh"
        script.write_text(f"""\
#!/bin/sh
out=$(mktemp {system.mta.spool}/.XXXXXXXXXX) || exit 75
trap 'rm -f "$out"' EXIT
{system.program} ingest --annotate --socket=unix:{system.daemon.ingest} >"$out" || exit
{system.mta.home}/spool.sh {system.mta.spool} '' annotated@example.jp <"$out"
""")
        script.chmod(0o755)
        system.mta.set_aliases({"bounces": f'"|{script}"'})
        system.send(dead)
        text = system.mta.wait_spooled("annotated@example.jp", dead)
        bounce = email.message_from_string(text.split("\n", 1)[1].split("\n", 1)[1])
        assert re.sub(r"\s*\n\s+", " ", bounce["X-Bounce-Result"]).count("proof=token; suppress=now; decision=suppressed; until=forever") == 1
        assert system.daemon.get_suppressed() == [dead]


def test_forged_bounce_to_the_alias_by_smtp_changes_nothing(bouncing, address):
    """A stranger writes to the address of the bounces; milter and alias both see it, and neither believes it."""
    victim = address("ok")
    report = mails.report(victim)
    assert bouncing.mta.send("bounces@example.jp", report, sender="", source="127.0.0.66") == {}
    bouncing.daemon.wait_log(f"front=ingest queue_id=- recipient={victim} class=user-unknown action=unproved")
    assert bouncing.daemon.get_suppressed() == []
    assert "proof=none" in re.sub(r"\s*\n\s+", " ", bouncing.mta.wait_bounce(victim)["X-Bounce-Result"])
