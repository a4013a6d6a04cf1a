# SPDX-License-Identifier: BSD-2-Clause
"""Tokens among other programs on a real Postfix: OpenDKIM before and after Kodama, PostSRSd, and a content filter that gives mail back."""
import smtplib
import socket
import socketserver
import struct
import subprocess
import threading
from contextlib import contextmanager

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.mta import free_port
from harness.paths import reachable, run
from harness.postfix import Postfix
from harness.remote import Remote
from harness.wait import until
from test_proof import DAEMON, OUTSIDE, SETTINGS, System, get_pairs, get_token, make_report

KODAMA = "unix:kodama/milter.sock"


@contextmanager
def program(port, *command):
    """Runs it until the end; it is there when it answers on its port."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL)
    try:
        def is_there():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        until(is_there, f"{command[0]} on its port")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def start(folder, remote, settings, milters="", master=""):
    """A Postfix with these settings, and a daemon for which nothing but tokens proves."""
    reachable(folder)
    mta = Postfix(folder / "p", remote.port, settings=SETTINGS + settings.format(milters=milters))
    with open(mta.etc / "master.cf", "a", encoding="ascii") as out:
        out.write(master)
    with Kodamad(folder / "k", mta.sockets, extra=DAEMON) as daemon:
        daemon.configuration.write_text(daemon.configuration.read_text().replace("local-submission = trusted", ""))
        daemon.start()
        with mta:
            yield System(mta, daemon, remote)


# --- OpenDKIM

SIGNER = """\
Mode sv
Socket inet:{port}@127.0.0.1
Domain example.jp
Selector s
KeyFile {folder}/key.pem
TestPublicKeys {folder}/dns
InternalHosts {folder}/hosts
Canonicalization relaxed/simple
OversignHeaders From
RequireSafeKeys no
Background no
"""


def verify(folder, mail):
    """OpenDKIM's own word on a mail."""
    path = folder / "mail.eml"
    path.write_bytes(mail)
    return run("opendkim", "-x", folder / "verify.conf", "-t", path).stdout


@pytest.fixture(scope="module")
def dkim(tmp_path_factory):
    folder, port = reachable(tmp_path_factory.mktemp("dk")), free_port()
    run("openssl", "genrsa", "-out", folder / "key.pem", "2048")
    public = run("openssl", "rsa", "-in", folder / "key.pem", "-pubout").stdout
    key = "".join(line for line in public.splitlines() if not line.startswith("-"))
    (folder / "dns").write_text(f"s._domainkey.example.jp v=DKIM1; k=rsa; p={key}\n")
    (folder / "hosts").write_text("198.51.100.0/24\n")
    (folder / "signer.conf").write_text(SIGNER.format(port=port, folder=folder))
    (folder / "verify.conf").write_text(f"Mode v\nTestPublicKeys {folder}/dns\n")
    with program(port, "opendkim", "-f", "-x", folder / "signer.conf"):
        yield folder, f"inet:127.0.0.1:{port}"


@pytest.mark.parametrize("first", ["opendkim", "kodama"])
def test_signatures_still_verify(tmp_path, remote, dkim, address, first):
    folder, signer = dkim
    milters = [signer, KODAMA] if first == "opendkim" else [KODAMA, signer]
    with start(tmp_path, remote, "smtpd_milters = {milters}\nnon_smtpd_milters = {milters}\n", ", ".join(milters)) as system:
        late, dead = address(), address("gmail")
        system.send([late], mails.plain(f"signed {first}", late))
        sender, _, mail = system.get_mail(f"signed {first}")
        assert sender == "sender@example.jp" and get_token(mail)
        raw = remote.find(f"Subject: signed {first}\r\n".encode())[0][2]
        assert "d=example.jp" in verify(folder, raw) and "succeeded" in verify(folder, raw)
        # a signed mail that comes in, with a field of ours that was not ours to sign, verifies as it did
        system.send(["sender@example.jp"], raw.replace(b"Subject: signed", b"X-Bounce-Result: x; proof=token\r\nSubject: signed").replace(b"\r\n", b"\n"),
                    "someone@example.org", address=OUTSIDE)
        came = system.postfix.wait_spooled("X-Envelope: <someone@example.org>", f"Subject: signed {first}")
        assert "X-Bounce-Result" not in came
        assert "succeeded" in verify(folder, came.partition("\n")[2].replace("\n", "\r\n").encode())
        # and what comes back proves itself
        system.send(["sender@example.jp"], make_report(mail, late), "", address=OUTSIDE)
        assert get_pairs(system.postfix.wait_bounce(late))["proof"] == "token"
        system.send([dead], mails.plain("dead", dead))
        assert get_pairs(system.postfix.wait_bounce(dead))["decision"] == "suppressed"


# --- a milter that changes the sender

class Changer(socketserver.StreamRequestHandler):
    """Asks for nothing and says nothing, until the end of the message: then it gives the mail another sender."""

    def handle(self):
        while head := self.rfile.read(4):
            body = self.rfile.read(struct.unpack(">I", head)[0])
            if body[:1] == b"O":
                # no step but MAIL and the end; no answer to MAIL
                self.say(b"O" + struct.pack(">III", 6, 0x40, 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x4000))
            elif body[:1] == b"E":
                self.say(b"echanged@example.jp\0")
                self.say(b"c")

    def say(self, packet):
        self.wfile.write(struct.pack(">I", len(packet)) + packet)


@pytest.mark.parametrize("first", ["changer", "kodama"])
def test_sender_that_another_milter_changes(tmp_path, remote, address, first):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Changer) as changer:
        changer.daemon_threads = True
        threading.Thread(target=changer.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        other = f"inet:127.0.0.1:{changer.server_address[1]}"
        milters = [other, KODAMA] if first == "changer" else [KODAMA, other]
        with start(tmp_path, remote, "smtpd_milters = {milters}\n", ", ".join(milters)) as system:
            if first == "changer":
                # Postfix does not tell what the one before has done
                text = system.kodamad.configuration.read_text()
                system.kodamad.configuration.write_text(text.replace('milter.sock" }', 'milter.sock"  envelope-id = no }'))
                system.kodamad.reload()
            system.send([address()], mails.plain(f"changed {first}"))
            sender, _, mail = system.get_mail(f"changed {first}")
            assert sender == "changed@example.jp" and get_token(mail)
        changer.shutdown()


# --- PostSRSd

def test_sender_that_is_rewritten_for_spf(tmp_path, remote, address):
    """Mail that a host of ours hands on for somebody else leaves with a sender of PostSRSd's; its bounce finds the way back and is proved."""
    forward, back = free_port(), free_port()
    secret = reachable(tmp_path) / "secret"
    secret.write_text("not a secret in a test\n")
    settings = (f"sender_canonical_maps = tcp:127.0.0.1:{forward}\nsender_canonical_classes = envelope_sender\n"
                f"recipient_canonical_maps = tcp:127.0.0.1:{back}\nrecipient_canonical_classes = envelope_recipient, header_recipient\n")
    with program(forward, "postsrsd", "-s", secret, "-d", "example.jp", "-f", forward, "-r", back), \
            start(tmp_path, remote, settings) as system:
        late = address()
        system.send([late], mails.plain("forwarded", late), "someone@example.org")
        sender, _, mail = system.get_mail("forwarded")
        assert sender.startswith("SRS0=") and sender.endswith("=example.org=someone@example.jp") and get_token(mail)
        line = next(line for line in remote.commands if sender in line)
        assert "ENVID=kdm1." in line
        system.send([sender], make_report(mail, late), "", address=OUTSIDE)
        system.get_mail("Undelivered Mail Returned to Sender")
        until(lambda: late in system.kodamad.get_suppressed(), lambda: system.kodamad.log)


# --- a content filter

FILTERED = """
127.0.0.1:{again} inet n - n - - smtpd
  -o content_filter=
  -o smtpd_authorized_xclient_hosts=
"""


class Filter(Remote):
    """Takes mail and gives it back, as a virus scanner does."""

    def __init__(self, again):
        super().__init__()
        self.again = again

    def take(self, sender, recipients, body):
        super().take(sender, recipients, body)
        with smtplib.SMTP("127.0.0.1", self.again, timeout=60) as client:
            client.sendmail(sender, recipients, body)


def test_content_filter_that_gives_mail_back(tmp_path, remote, address):
    """The listener that takes it back runs milters again: the mail has one token, and outsiders' mail has none."""
    again = free_port()
    with Filter(again) as scanner, start(tmp_path, remote, f"content_filter = smtp:[127.0.0.1]:{scanner.port}\n",
                                         master=FILTERED.format(again=again)) as system:
        late = address()
        system.send([late], mails.plain("scanned", late))
        _, _, mail = system.get_mail("scanned")
        assert len(scanner.find(b"Subject: scanned\r\n")) == len(get_token(mail)) == 1
        system.postfix.sendmail(address(), mails.plain("scanned from the host"))
        _, _, local = system.get_mail("scanned from the host")
        assert len(get_token(local)) == 1
        system.send([address()], mails.plain("scanned from outside"), "someone@example.org", address=OUTSIDE)
        _, _, foreign = system.get_mail("scanned from outside")
        assert not get_token(foreign)
        # a bounce passes the filter, too: it is handled once, and its results stay
        system.send(["sender@example.jp"], make_report(mail, late), "", address=OUTSIDE)
        bounce = system.postfix.wait_bounce(late)
        assert len(bounce.get_all("X-Bounce-Result")) == 1 and get_pairs(bounce)["proof"] == "token"
        assert late in system.kodamad.get_suppressed()
