# SPDX-License-Identifier: BSD-2-Clause
"""The command: what it prints, how it ends, and that the daemon sees what it changes within a second."""
import json
import os
import re
import signal
import time

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.milter import Milter
from harness.paths import KODAMA, KODAMAD, kodama, run
from harness.policy import Policy
from harness.wait import until

GONE = "gone@example.com"
KEYS = ("file index line recipient original_recipient sender action reply status text command remote_mta reporting_mta queue_id "
        "envelope_id message_id time source kind class scope bounce suppress basis rule provider advice proof confidence").split()
GMAIL = "550 5.1.1 The email account that you tried to reach does not exist. - gsmtp"


def fail(daemon, recipient, diagnostic=GMAIL, **options):
    with Milter(daemon.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        session.message(mails.report(recipient, diagnostic, **options).encode())


def classify(*arguments, **options):
    done = kodama("classify", "--format=json", *arguments, **options)
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- the list, while the daemon runs and while it does not

@pytest.fixture(params=["running", "stopped"])
def daemon(kodamad, request):
    if request.param == "stopped":
        kodamad.stop()
    yield kodamad
    if request.param == "stopped":
        # what root's command left behind must be the daemon's to open
        kodamad.start()
        fail(kodamad, "after@example.com")
        assert "after@example.com" in kodamad.get_suppressed()


def test_add_list_check_remove(daemon):
    assert daemon.get_suppressed() == []
    daemon.add(GONE)
    daemon.add("Other@Example.COM")
    assert daemon.get_suppressed() == [GONE, "other@example.com"]
    assert GONE in daemon.kodama("suppress", "list").stdout
    assert GONE in daemon.kodama("suppress", "check", GONE).stdout
    daemon.kodama("suppress", "remove", GONE)
    assert daemon.get_suppressed() == ["other@example.com"]


def test_what_still_refuses_is_told(daemon):
    daemon.kodama("suppress", "add", "@example.com")
    daemon.kodama("suppress", "add", GONE)
    undo = "kodama suppress remove @example.com\n"
    done = daemon.kodama("suppress", "remove", GONE).stdout
    assert done.startswith(f"{GONE} is off the list\n") and "@example.com is on it" in done and done.endswith(undo)
    again = daemon.kodama("suppress", "remove", GONE, check=False)
    assert again.returncode == 1 and "@example.com is, which covers it" in again.stderr
    why = daemon.kodama("why", GONE).stdout
    assert "@example.com was put on the list by hand" in why and why.endswith(undo)
    assert "as @example.com" in daemon.kodama("suppress", "check", GONE).stdout
    assert daemon.kodama("suppress", "remove", "@example.com").stdout == "@example.com is off the list\n"


def test_the_undo_names_the_stream_of_the_entry(daemon):
    daemon.kodama("suppress", "add", GONE)
    daemon.kodama("suppress", "add", "other@example.com", "--stream=shop")
    assert daemon.kodama("why", GONE, "--stream=shop").stdout.endswith(f"kodama suppress remove {GONE}\n")
    assert daemon.kodama("why", "other@example.com", "--stream=shop").stdout.endswith("remove other@example.com --stream shop\n")
    assert " stream " not in daemon.kodama("suppress", "check", GONE, "--stream=shop").stdout


def test_why_tells_of_the_manual_entry(daemon):
    daemon.kodama("suppress", "add", GONE, "--note", "asked by phone")
    text = daemon.kodama("why", GONE).stdout
    assert GONE in text and "asked by phone" in text


def test_why_of_an_unknown_address_says_so(daemon):
    done = daemon.kodama("why", "never.seen@example.com", check=False)
    assert "never.seen@example.com" in done.stdout + done.stderr


@pytest.mark.parametrize("bad", ["no-address", "@", "a@", "", "a b@example.com", "x" * 10000 + "@example.com", "a@exa\nmple.com"],
                         ids=["word", "at", "no-domain", "empty", "blank", "long", "newline"])
def test_bad_address_is_refused_with_the_reason(daemon, bad):
    done = daemon.kodama("suppress", "add", bad, check=False)
    assert done.returncode != 0 and done.stderr.strip()
    assert daemon.get_suppressed() == []


def test_change_is_seen_within_a_second(kodamad):
    with Policy(kodamad.policy) as policy:
        assert policy.ask(GONE) == "DUNNO"
        kodamad.add(GONE)
        start = time.monotonic()
        until(lambda: policy.ask(GONE) != "DUNNO", "the refusal")
        assert time.monotonic() - start < 1
        kodamad.kodama("suppress", "remove", GONE)
        start = time.monotonic()
        until(lambda: policy.ask(GONE) == "DUNNO", "the mail flowing again")
        assert time.monotonic() - start < 1


def test_why_tells_the_story_of_a_dead_address(kodamad):
    fail(kodamad, GONE)
    text = kodamad.kodama("why", GONE).stdout
    for word in (GONE, "user-unknown", "google", "does not exist", "local", "our MTA reports it in a session of its own (mta-session)", "kodama suppress remove"):
        assert word in text, text
    assert time.strftime("%Y-", time.gmtime()) in text


def test_why_tells_why_not(kodamad):
    fail(kodamad, GONE, "550 5.7.1 Message rejected due to spam content", status="5.7.1")
    text = kodamad.kodama("why", GONE).stdout
    assert "spam" in text
    assert kodamad.get_suppressed() == []


def test_removed_address_gets_mail_again_and_may_fail_again(kodamad):
    fail(kodamad, GONE)
    assert kodamad.get_suppressed() == [GONE]
    kodamad.kodama("suppress", "remove", GONE)
    assert kodamad.get_suppressed() == []
    fail(kodamad, GONE, queue_id="4jX9zZ9Z9Zz9zZzZ")
    assert kodamad.get_suppressed() == [GONE]


def test_status_counts_what_each_front_did(kodamad):
    fail(kodamad, GONE)
    with Policy(kodamad.policy) as policy:
        assert policy.ask(GONE).startswith("550 ")
        assert policy.ask("here@example.com") == "DUNNO"
        status = json.loads(kodamad.kodama("status", "--format=json").stdout)
    assert status["suppressed"] == 1
    milter, policy, outcomes = status["milter"], status["policy"], status["outcomes"]
    assert (milter["sessions"], milter["messages"], milter["candidates"], milter["bounces"]) == (1, 1, 1, 1)
    assert (policy["open"], policy["requests"], policy["refused"]) == (1, 2, 1)
    assert (outcomes["read"], outcomes["classes"], outcomes["decisions"]) == (1, {"user-unknown": 1}, {"suppressed": 1})
    assert (status["store"]["committed"], status["store"]["queue-bytes"], status["log"]["lines-dropped"]) == (1, 0, 0)
    assert status["problems"] == [] and status["attention"] == []
    assert status["memory-bytes"] > 1 << 20 and status["uptime-seconds"] < 60
    assert set(status["last-evidence"]) == {"milter"}


def test_status_is_readable_and_remembers_what_went_wrong(kodamad):
    text = kodamad.kodama("status").stdout
    assert text.endswith("\nattention\n  nothing\n") and "\nlast-evidence\n" not in text
    kodamad.configure("colour = red\n")
    kodamad.signal(signal.SIGUSR1)
    kodamad.wait_log("reload-failed")
    kodamad.configure()
    text = kodamad.kodama("status").stdout
    groups = [line for line in text.splitlines() if line and line[0] != " " and " " not in line]
    assert groups[:2] == ["milter", "policy"] and "store" in groups
    assert re.search(r"^  reloads-failed +1$", text, re.M)
    # the last lines of the screen are what to look at
    assert re.search(r"^attention\n  1 reloads failed .*kodama config check\n\Z", text, re.M), text
    assert re.search(r"^  \S+Z error reload-failed .*kodama\.conf", text.partition("\nproblems\n")[2], re.M), text


def test_reload_without_a_daemon_says_so(kodamad):
    kodamad.stop()
    done = kodamad.kodama("reload", check=False)
    assert done.returncode == 1 and done.stderr.strip()


# --- classify and explain

def test_keys_stand_in_the_order_of_the_contract(scratch):
    path = scratch / "bounce.eml"
    path.write_text(mails.report(["a@example.com", "b@example.com"], GMAIL))
    outcomes = classify(path)
    assert [outcome["index"] for outcome in outcomes] == [1, 2]
    for outcome in outcomes:
        assert list(outcome) == [key for key in KEYS if key in outcome]
        assert outcome["file"] == str(path)
        assert (outcome["reply"], outcome["status"], outcome["class"]) == ("550", "5.1.1", "user-unknown")


def test_standard_input_and_advice_in_both_languages():
    english = classify("-", input=mails.report(GONE, GMAIL))
    japanese = classify("--lang=ja", "-", input=mails.report(GONE, GMAIL))
    assert english[0]["advice"].isascii() and not japanese[0]["advice"].isascii()


def test_responses_one_a_line():
    lines = "google\t550\t5.1.1\tno such user\nsomething odd\n\t\t5.2.2\t\n\t550\t5.1.1\tunknown\ta@example.com\tmx.example.com\n"
    outcomes = classify("--input=response", "-", input=lines)
    assert [outcome["line"] for outcome in outcomes] == [1, 2, 3, 4]
    assert outcomes[0]["provider"] == "google" and outcomes[2]["class"] == "mailbox-full"
    assert outcomes[3]["recipient"] == "a@example.com"
    assert all(outcome["action"] == "failed" for outcome in outcomes)


def test_summary_and_unreadable_files(scratch):
    good = scratch / "good.eml"
    good.write_text(mails.report(GONE, GMAIL))
    (scratch / "plain.eml").write_text(mails.plain("hello"))
    done = kodama("classify", "--format=json", scratch / "missing.eml", good, scratch / "plain.eml", check=False)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert str(scratch / "missing.eml") in done.stderr


def test_text_is_for_people(scratch):
    path = scratch / "bounce.eml"
    path.write_text(mails.report(GONE, GMAIL))
    text = kodama("classify", path).stdout
    assert GONE in text and "user-unknown" in text


@pytest.mark.parametrize("text, wanted", [
    ("550-5.1.1 The email account that you tried to reach does not exist. - gsmtp", "user-unknown"),
    ("host mx.example.com[192.0.2.1] said: 552 5.2.2 Mailbox full (in reply to RCPT TO command)", "mailbox-full"),
])
def test_explain(text, wanted):
    assert wanted in kodama("explain", text).stdout
    assert wanted in json.dumps(json.loads(kodama("explain", "--format=json", text).stdout))


def test_shipped_rules_prove_themselves():
    done = kodama("rules", "check")
    assert "0 errors" in done.stdout + done.stderr or done.returncode == 0


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["classify", "--format=yaml", "-"], ["suppress"], ["suppress", "add"], ["why"], ["classify", "--no-such-option"],
], ids=str)
def test_wrong_usage_is_two_and_says_how(arguments):
    done = run(KODAMA, *arguments, check=False, input="")
    assert done.returncode == 2 and ("sage" in done.stderr or "--help" in done.stderr)


# what is asked for -> what is wrong, and what to do, on standard error
MISTAKES = {
    "option-before-the-command": (["--etc=/x", "status"], 2, "options stand behind the command: kodama COMMAND --etc=/x"),
    "no-daemon": (["status"], 1, "control.sock: is kodamad running?"),
    "no-keys-to-list": (["key", "list"], 1, "there are no keys: kodamad makes them when it starts"),
    "no-keys-to-rotate": (["key", "rotate"], 1, "state/keys: there are no keys"),
    "no-such-key": (["key", "revoke", "0badc0de"], 1, "there is no such key: kodama key list"),
    "no-such-socket": (["ingest", "--socket=/run/kodama"], 75, "must be unix:/path or inet:port@host"),
    "no-such-file": (["classify", "nothing.eml"], 1, "nothing.eml: No such file or directory"),
    "no-such-configuration": (["why", "--config=nothing.conf", GONE], 1, "nothing.conf: No such file or directory"),
    "no-rules": (["explain", "--etc=/var/empty", "550"], 1, "/var/empty: there are no rules in rules.d"),
    "no-address": (["why", "nobody"], 1, 'nobody: no address: it has no "@"'),
    "no-time": (["suppress", "add", GONE, "--until=yesterday"], 1, "2027-01-31"),
    "option-of-another-verb": (["suppress", "list", "--provider=google"], 2, "list takes no --provider"),
    "option-of-another-mta": (["setup", "sendmail", "--status-map"], 2, "sendmail takes no --status-map"),
    "text-alone": (["rules", "check", "--format=json"], 2, "check takes no --format"),
    "no-number": (["report", "--input=maillog", "--top=ten", "-"], 2, "--top is a number, not 'ten'"),
}


@pytest.mark.parametrize("arguments, status, words", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_what_to_do(scratch, arguments, status, words):
    daemon = Kodamad(scratch / "kodama")
    if not any(argument.startswith(("--etc", "--config")) for argument in arguments):
        arguments = [arguments[0], "--etc", daemon.etc, *arguments[1:]]
    done = run(KODAMA, *arguments, check=False, input="From: x\n\nx\n")
    assert done.returncode == status and words in done.stderr, done.stderr
    assert done.stderr.startswith("kodama"), done.stderr


@pytest.mark.parametrize("command", ["rules list", "suppress list", "config show", "report --input=maillog -"], ids=str)
def test_a_pipe_that_is_closed_and_a_disk_that_is_full(scratch, command):
    """Whoever reads no further ends the command, silently; what could not be written is no success."""
    daemon = Kodamad(scratch / "kodama")
    name, *arguments = command.split()
    shown = f"{KODAMA} {name} --etc {daemon.etc} {' '.join(arguments)} </dev/null"
    closed = run("bash", "-c", f"set -o pipefail; {shown} | true", check=False)
    assert closed.returncode in (0, 128 + signal.SIGPIPE) and "Sanitizer" not in closed.stderr
    if command != "suppress list":  # which is empty
        full = run("bash", "-c", f"{shown} >/dev/full", check=False)
        assert full.returncode == 1 and "standard output: No space left on device" in full.stderr


@pytest.mark.parametrize("option", ["--help", "--version", "--test"])
def test_what_the_daemon_prints_is_there_or_it_fails(kodamad, option):
    done = run("bash", "-c", f"{KODAMAD} --etc {kodamad.etc} {option} >/dev/full", check=False)
    assert done.returncode == 1 and "standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_help_is_as_wide_as_the_terminal(columns):
    """Paragraphs are filled, usage and options stand in columns; what is to be copied stays a line."""
    overview = run(KODAMA, "--help", env={**os.environ, "COLUMNS": str(columns)}).stdout
    names = re.findall(r"^  (\w+) ", overview, re.M)
    assert {"classify", "doctor"} <= set(names)
    for name in names:
        text = run(KODAMA, "help", name, env={**os.environ, "COLUMNS": str(columns)}).stdout
        long = [line for line in text.splitlines() if len(line) > min(columns, 100) and not line.startswith(("      ", "  provider"))]
        assert text.startswith(f"Usage: kodama {name}") and not [line for line in long if " " in line.strip()]
    if columns == 80:
        assert "\nremove   take it off the list, whoever put it there; or all that evidence put\n         there" in run(
            KODAMA, "help", "suppress", env={**os.environ, "COLUMNS": "80"}).stdout
        assert "Usage: kodama suppress list | check ADDRESS" in run(KODAMA, "help", "suppress").stdout


@pytest.mark.parametrize("arguments", [["--help"], ["classify", "--help"], ["suppress", "--help"]], ids=str)
def test_help(arguments):
    done = run(KODAMA, *arguments)
    assert "sage" in done.stdout


def test_version_of_both():
    from harness.paths import KODAMAD
    for program in (KODAMA, KODAMAD):
        assert any(character.isdigit() for character in run(program, "--version").stdout)
