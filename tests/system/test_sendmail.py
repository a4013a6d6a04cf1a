# SPDX-License-Identifier: BSD-2-Clause
"""Kodama on a real Sendmail, with the lines of contrib/sendmail."""
import os
import re
import signal
import time

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.paths import KODAMA, TOP, run
from harness.sendmail import CF, SOCKETS, Sendmail
from harness.wait import until

# Sendmail puts the recipient in front of what a milter says of it
REFUSAL = r"5\.1\.1 <{0}>\.\.\. <{0}>: suppressed since \d{{4}}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)"


def is_refused(refused, recipient):
    return recipient in refused and refused[recipient][0] == 550 and re.fullmatch(
        REFUSAL.format(re.escape(recipient)), refused[recipient][1]) is not None


def unfold(value):
    return re.sub(r"\s*\n\s+", " ", value)


def test_exactly_the_suppressed_recipients_are_refused(sendmail_system, address):
    mta, daemon, remote = sendmail_system.sendmail, sendmail_system.kodamad, sendmail_system.remote
    dead, gone, good, other = (address("ok") for _ in range(4))
    daemon.add(dead)
    daemon.add(gone)
    refused = mta.send([good, dead, other, gone], mails.plain("exactly"))
    assert sorted(refused) == sorted([dead, gone]) and is_refused(refused, dead) and is_refused(refused, gone)
    until(lambda: remote.get_recipients(b"Subject: exactly\r\n") == sorted([good, other]), lambda: f"the good ones' mail\n{mta.log}")
    mta.wait_empty()


def test_bounce_that_comes_by_smtp_is_annotated_and_proves_nothing(sendmail_system, address):
    mta, dead = sendmail_system.sendmail, address("gmail")
    assert mta.send("sender@example.jp", mails.report(dead, host="mx.example.org"), sender="", source="127.0.0.66") == {}
    bounce = mta.wait_bounce(dead)
    assert f"rcpt=<{dead}>" in bounce["X-Bounce-Result"] and "proof=none" in unfold(bounce["X-Bounce-Result"])
    assert sendmail_system.kodamad.get_suppressed() == []


def test_sendmails_own_bounce_comes_back(sendmail_system, address):
    mta, dead = sendmail_system.sendmail, address("gmail")
    assert mta.send(dead, mails.plain("own")) == {}
    assert mta.wait_bounce(dead)["Auto-Submitted"] == "auto-generated (failure)"
    mta.wait_empty()


# --- what happens to a suppressed recipient

def react(daemon, reaction):
    text = daemon.configuration.read_text()
    daemon.configuration.write_text(text.replace('milter.sock" }', f'milter.sock"  on-suppressed = {reaction} }}'))
    daemon.reload()


def wait_sent(system, subject, recipients):
    until(lambda: system.remote.get_recipients(f"Subject: {subject}\r\n".encode()) == sorted(recipients),
          lambda: f"{subject} at {recipients}\n{system.sendmail.log}")


def test_tempfail(sendmail_system, address):
    dead, good = address("ok"), address("ok")
    react(sendmail_system.kodamad, "tempfail")
    sendmail_system.kodamad.add(dead)
    refused = sendmail_system.sendmail.send([dead, good], mails.plain("tempfail"))
    assert list(refused) == [dead] and refused[dead][0] == 450 and refused[dead][1].startswith("4.1.1 ")
    wait_sent(sendmail_system, "tempfail", [good])


def test_remove(sendmail_system, address):
    dead, gone, good, other = (address("ok") for _ in range(4))
    react(sendmail_system.kodamad, "remove")
    sendmail_system.kodamad.add(dead)
    sendmail_system.kodamad.add(gone)
    assert sendmail_system.sendmail.send([good, dead, other, gone], mails.plain("remove")) == {}
    wait_sent(sendmail_system, "remove", [good, other])
    sendmail_system.sendmail.wait_empty()
    wait_sent(sendmail_system, "remove", [good, other])


@pytest.mark.parametrize("count", [1, 3])
def test_remove_with_nobody_left_is_refused_at_the_end(sendmail_system, address, count):
    dead, subject = [address("ok") for _ in range(count)], f"nobody {count}"
    react(sendmail_system.kodamad, "remove")
    for recipient in dead:
        sendmail_system.kodamad.add(recipient)
    with sendmail_system.sendmail.client() as client:
        client.ehlo()
        client.mail("sender@example.jp")
        assert [client.rcpt(recipient)[0] for recipient in dead] == [250] * count
        code, text = client.data(mails.plain(subject))
        assert code == 550 and text.startswith(b"5.1.1 ") and text.endswith(b"(kodama-suppressed)")
    sendmail_system.sendmail.wait_empty()
    assert sendmail_system.remote.find(f"Subject: {subject}\r\n".encode()) == []


def test_mark(sendmail_system, address):
    dead, good = address("ok"), address("ok")
    react(sendmail_system.kodamad, "mark")
    sendmail_system.kodamad.add(dead)
    assert sendmail_system.sendmail.send([dead, good], mails.plain("mark")) == {}
    wait_sent(sendmail_system, "mark", [dead, good])
    sendmail_system.kodamad.wait_log("action=marked")


def test_mail_of_sendmail_1(sendmail_system, address):
    """It comes by SMTP, from the submission program: the dead one is refused, its sender is told, the others are served."""
    dead, good, other = address("ok"), address("ok"), address("ok")
    sendmail_system.kodamad.add(dead)
    assert sendmail_system.sendmail.submit([good, dead, other], "Subject: submitted\n\nhello\n") != 0
    wait_sent(sendmail_system, "submitted", [good, other])
    assert "(kodama-suppressed)" in sendmail_system.sendmail.wait_bounce(dead).as_string()
    sendmail_system.sendmail.wait_empty()
    sendmail_system.sendmail.submit(dead, "Subject: submitted-to-nobody\n\nhello\n")
    until(lambda: len(sendmail_system.sendmail.find_spooled(f"Final-Recipient: RFC822; {dead}")) == 2, "the second bounce")
    sendmail_system.sendmail.wait_empty()
    assert sendmail_system.remote.find(b"Subject: submitted-to-nobody") == []


def test_bounce_to_a_suppressed_address_passes(sendmail_system, address):
    sendmail_system.kodamad.add("sender@example.jp")
    assert sendmail_system.sendmail.send("sender@example.jp", mails.report(address("x")), sender="", source="127.0.0.66") == {}


# --- when Kodama fails, mail flows

FAILURES = {"stopped": Kodamad.stop, "killed": Kodamad.kill, "hung": lambda daemon: daemon.signal(signal.SIGSTOP)}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_mail_flows_without_kodamad(sendmail_system, address, fail):
    """Even to a suppressed address: better one mail to a dead address than one lost."""
    dead, subject = address("ok"), f"kodamad away {address()}"
    sendmail_system.kodamad.add(dead)
    fail(sendmail_system.kodamad)
    start = time.monotonic()
    assert sendmail_system.sendmail.send(dead, mails.plain(subject)) == {}
    # the reply's timeout of the documented line, and some
    assert time.monotonic() - start < 6
    wait_sent(sendmail_system, subject, [dead])


# --- contrib/sendmail/kodama.m4, kodama setup sendmail

def feature(arguments):
    """Its place is Sendmail's own folder, which is not ours to write to."""
    return f"FEATURE(`{os.path.relpath(TOP / 'contrib/sendmail/kodama', CF / 'feature')}'{arguments})dnl\n"


def make_cf(scratch, mc):
    path = scratch / "test.mc"
    path.write_text(f"divert(-1)\ninclude(`{CF}/m4/cf.m4')\ndivert(0)dnl\nOSTYPE(`linux')dnl\n{mc}MAILER(`local')dnl\nMAILER(`smtp')dnl\n")
    done = run("m4", f"-D_CF_DIR_={CF}/", path)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if re.match(r"O InputMailFilters|Xkodama|Ksendmail|R\$[*+]\t\$[:#]", line)]


def test_feature_says_what_the_lines_say(scratch):
    lines, table = (TOP / "contrib/sendmail/kodama.mc").read_text(), (TOP / "contrib/sendmail/kodama-map.mc").read_text()
    assert len(make_cf(scratch, lines)) == 2 and len(make_cf(scratch, table)) == 3
    assert make_cf(scratch, feature("")) == make_cf(scratch, lines)
    assert make_cf(scratch, feature(", `unix:/x/m.sock'")) == make_cf(scratch, lines.replace(f"{SOCKETS}/milter.sock", "/x/m.sock"))
    assert make_cf(scratch, feature(f", `none', `unix:{SOCKETS}/map.sock'")) == make_cf(scratch, table)
    assert sorted(make_cf(scratch, feature(f", `', `unix:{SOCKETS}/map.sock'"))) == sorted(make_cf(scratch, lines) + make_cf(scratch, table))


def print_setup(etc, *arguments, **options):
    return run(KODAMA, "setup", "--etc", etc, "sendmail", *arguments, **options)


def get_mc(text):
    """What goes into sendmail.mc."""
    return "".join(part.partition("\n")[2] for part in re.split(r"^# ", text, flags=re.M) if part.startswith("sendmail.mc")).replace("\n\n", "\n")


def test_lines_that_setup_prints_work(scratch, remote, address):
    """Once with the milter, once with the table, in a Sendmail that has nothing else of ours."""
    dead, good = address("ok"), address("ok")
    with Kodamad(scratch / "k") as daemon:
        daemon.start()
        daemon.add(dead)
        mc = get_mc(print_setup(daemon.etc, "--recipient-map", "--sendmail", scratch).stdout)
        milter, table = mc.split("LOCAL_CONFIG")
        assert str(daemon.milter) in milter and str(daemon.sockets / "map.sock") in table
        for number, settings in enumerate((milter, "LOCAL_CONFIG" + table)):
            with Sendmail(scratch / f"s{number}", remote.port, kodama=False, settings=settings) as mta:
                refused = mta.send([dead, good], mails.plain("setup"))
                assert list(refused) == [dead] and is_refused(refused, dead), mta.log


def test_setup_of_a_host_without_postfix(scratch):
    """The shipped defaults are Postfix's; the sockets go where Sendmail looks, and what stands in the way is told."""
    (scratch / "kodama.conf").write_text("")
    (scratch / "local-host-names").write_text("# ours\nexample.jp\n\n  mail.example.jp # too\n")
    (scratch / "sendmail.mc").write_text("INPUT_MAIL_FILTER(`opendkim', `S=inet:8891@localhost')dnl\ndnl FEATURE(`nothing')\n"
                                         "FEATURE(`smrsh')dnl\ndnl define(`confRUN_AS_USER', `x')\nSLocal_check_rcpt\n")
    text = print_setup(scratch, "--sendmail", scratch, "--recipient-map").stdout
    assert 'milter { socket = "unix:/run/kodama/milter.sock"  group = "" }' in text
    assert "INPUT_MAIL_FILTER(`kodama', `S=unix:/run/kodama/milter.sock," in text
    assert 'local-domains = {"example.jp", "mail.example.jp"}' in text
    assert re.search(r'^NAME: "\|/\S+/kodama ingest",$', text, re.M)
    minds = [line for line in text.splitlines() if line.startswith("# mind: ")]
    for words in ("other filters", "smrsh", "Local_check_rcpt", "the log tells"):
        assert any(words in line for line in minds), f"{words}: {minds}"
    assert "RUN_AS_USER" not in text
    # the part for kodama.conf is one
    part = text.split(f"# {scratch}/kodama.conf\n")[1].split("\n\n")[0]
    (scratch / "kodama.conf").write_text(part)
    run(KODAMA, "config", "--etc", scratch, "show")


def test_readme_shows_the_line_that_is_tested():
    lines = [line for line in (TOP / "contrib/sendmail/kodama.mc").read_text().splitlines() if not line.startswith("dnl")]
    assert len(lines) == 1 and lines[0] in (TOP / "README.md").read_text()


def test_setup_sendmail_changes_nothing(scratch):
    (scratch / "kodama.conf").write_text("")
    for option in ("--apply", "--remove"):
        assert print_setup(scratch, option, check=False).returncode == 2
    done = print_setup(scratch, "--sendmail", scratch / "nowhere")
    assert f"there is no {scratch}/nowhere/sendmail.mc" in done.stdout
    assert [path.name for path in scratch.iterdir()] == ["kodama.conf"]
