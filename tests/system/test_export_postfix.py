# SPDX-License-Identifier: BSD-2-Clause
"""The access map for hosts that run no daemon, built by postmap(1) and asked by a real Postfix."""
import socket

import pytest

from harness.kodamad import Kodamad
from harness.paths import reachable, run
from harness.postfix import Postfix

# as it is suppressed; as clients write it
SUPPRESSED = ["gone@example.com", "Full.Box+list@Example.COM", "@closed.example.net", '"two words"@example.com', '"a\\"b"@example.com', "o'neil#1@example.com",
              "#hash@example.com", "müller@bücher.example", "plain@例え.jp"]
REFUSED = ["gone@example.com", "GONE@EXAMPLE.COM", "full.box+list@example.com", "anyone@closed.example.net", "o'neil#1@example.com",
           '"gone"@example.com', '"two words"@example.com', '"a\\"b"@example.com', "müller@bücher.example", "MÜLLER@bücher.example",
           "müller@xn--bcher-kva.example", "plain@例え.jp", "plain@xn--r8jz45g.jp"]
ACCEPTED = ["other@example.com", "full.box@example.com", "two@example.com", "anyone@example.net", "müller@example.com"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory, remote):
    home = reachable(tmp_path_factory.mktemp("x"))
    table = home / "suppressed"
    settings = f"smtpd_recipient_restrictions = check_recipient_access hash:{table}, permit_mynetworks\nsmtputf8_enable = yes\n"
    with Kodamad(home / "kodama") as daemon:
        for address in SUPPRESSED:
            daemon.kodama("suppress", "add", address)
        done = daemon.kodama("export", "postfix")
        # a line that begins with "#" is a comment to postmap
        assert "1 entries are of a stream, or cannot stand in a map" in done.stderr
        table.write_bytes(done.stdout.encode())
    mta = Postfix(home / "postfix", remote.port, kodama=False, settings=settings)
    assert "warning" not in run("postmap", "-c", mta.etc, f"hash:{table}").stderr
    with mta:
        yield mta, table


def ask(mta, recipient):
    """What smtpd answers at RCPT."""
    with socket.create_connection(("127.0.0.1", mta.port), timeout=20) as link:
        stream = link.makefile("rwb")

        def say(line):
            if line is not None:
                stream.write(line.encode() + b"\r\n")
                stream.flush()
            while (answer := stream.readline().decode())[3:4] == "-":
                pass
            return answer.strip()
        say(None)
        say("EHLO client.example.org")
        say("MAIL FROM:<sender@example.org>" + ("" if recipient.isascii() else " SMTPUTF8"))
        return say(f"RCPT TO:<{recipient}>")


@pytest.mark.parametrize("recipient", REFUSED)
def test_suppressed_is_refused(listed, recipient):
    answer = ask(listed[0], recipient)
    assert answer.startswith("550 5.1.1 ") and answer.endswith("(kodama-suppressed)")


@pytest.mark.parametrize("recipient", ACCEPTED)
def test_others_are_not(listed, recipient):
    assert ask(listed[0], recipient).startswith("250 ")


def test_postmap_finds_it(listed):
    mta, table = listed
    assert "(kodama-suppressed)" in run("postmap", "-c", mta.etc, "-q", "gone@example.com", f"hash:{table}").stdout
    assert run("postmap", "-c", mta.etc, "-q", "other@example.com", f"hash:{table}", check=False).stdout == ""
