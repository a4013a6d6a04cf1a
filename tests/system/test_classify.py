# SPDX-License-Identifier: BSD-2-Clause
"""kodama classify: its output to the letter, what it reads, what it says of what it cannot read, and what it costs."""
import json
import os
import pathlib
import pty
import subprocess

import pytest

from harness import mails
from harness.paths import DEADLINE_S, KODAMA, kodama, run
from harness.wait import until

GOLDEN = pathlib.Path(__file__).parent / "golden"
RULES = """\
rule gone   { class = user-unknown  text = {'does not exist'}  matches = {'550 5.1.1 it does not exist'} }
rule listed { class = blocklisted   text = {'blocked by zen'}  matches = {'550 5.7.1 blocked by zen'} }
rule sent   { class = delivered     reply = {"250"} }
"""
ADVICE = """\
advice user-unknown { en = 'Remove the address.' ja = 'アドレスを外してください。' }
advice blocklisted  { en = 'Get off the list.' ja = 'リストから外してもらってください。' }
"""
GONE = "550 5.1.1 <{rcpt}> does not exist"
FROM_LINE = "From MAILER-DAEMON Sat Nov 21 20:36:02 2026\n"


@pytest.fixture(scope="session")
def etc(tmp_path_factory):
    """A few rules of our own: what is compared here is the form, not the shipped rules."""
    folder = tmp_path_factory.mktemp("etc")
    (folder / "rules.d").mkdir()
    (folder / "advice").mkdir()
    (folder / "rules.d/test.rules").write_text(RULES)
    (folder / "advice/test.advice").write_text(ADVICE)
    (folder / "providers.conf").write_text('provider google { mx = {"google.com"} recipient = {"gmail.com"} text = {"gsmtp"} }\n')
    return folder


def outcomes_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def recipients_of(done):
    return [outcome["recipient"] for outcome in outcomes_of(done)]


def counts_of(done):
    """The summary: {"read": 1, "bounces": 1, ...}."""
    numbers = done.stderr.splitlines()[-1].removeprefix("kodama: ").split(", ")
    return {name: int(number) for number, name in (part.split(" ") for part in numbers)}


# --- the contract

@pytest.mark.parametrize("name, arguments", [
    ("report.eml", []),
    ("report.eml", ["--lang=ja"]),
    ("responses.txt", ["--input=response"]),
    ("bounces.mbox", []),
    ("mail.log", ["--input=maillog"]),
], ids=lambda value: "".join(value) if isinstance(value, list) else value)
def test_json_to_the_letter(name, arguments, etc, update):
    done = run(KODAMA, "classify", "--etc", etc, "--format=json", *arguments, name, cwd=GOLDEN, check=False)
    wanted = GOLDEN / (name + "".join(arguments).replace("--", ".").replace("=", "-") + ".json")
    if update:
        wanted.write_text(done.stdout)
    assert done.stdout == wanted.read_text()


def test_mail_that_is_no_bounce_prints_nothing(etc, scratch):
    path = scratch / "mail.eml"
    path.write_text(mails.plain("hello", body="550 5.1.1 <a@example.com> does not exist\n"))
    done = kodama("classify", "--format=json", path, etc=etc)
    assert done.stdout == ""
    assert counts_of(done) == {"read": 1, "bounces": 0, "outcomes": 0, "unreadable": 0}


@pytest.mark.parametrize("line, wanted", [
    ("\t550\t\t", "failed"), ("\t451\t\t", "delayed"), ("\t250\t\t", "delivered"),
    ("\t\t5.1.1\t", "failed"), ("\t\t4.2.1\t", "delayed"), ("\t\t2.0.0\t", "delivered"),
    ("\t451\t5.1.1\t", "delayed"), ("words alone", "failed"), ("\t\t\tshe does not exist", "failed"),
])
def test_action_of_a_response(line, wanted, etc):
    done = kodama("classify", "--input=response", "--format=json", etc=etc, input=line + "\n")
    assert [outcome["action"] for outcome in outcomes_of(done)] == [wanted]


def test_empty_lines_are_passed_over_and_counted_as_lines(etc):
    done = kodama("classify", "--input=response", "--format=json", "-", etc=etc, input="one\n\n\r\ntwo")
    assert [(outcome["index"], outcome["line"], outcome["text"]) for outcome in outcomes_of(done)] == [(1, 1, "one"), (2, 4, "two")]


def test_unreadable_lines_are_named_and_the_rest_is_done(etc):
    done = kodama("classify", "--input=response", "--format=json", "-", etc=etc, check=False,
                  input="a\tb\n550 it does not exist\n\t\t\t\t\t\t\n\tx50\t\twords\n")
    assert done.returncode == 1
    assert [outcome["line"] for outcome in outcomes_of(done)] == [2]
    assert counts_of(done)["unreadable"] == 3
    for number in (1, 3, 4):
        assert f"kodama: -:{number}: " in done.stderr


def test_provider_of_the_caller_and_of_the_text(etc):
    done = kodama("classify", "--input=response", "--format=json", etc=etc,
                  input="shanon\t\t\t42521\ngeneric\t550\t\tgone\n\t550\t\tgone - gsmtp\n\t550\t\tgone\ta@gmail.com\n\t550\t\tgone\t\tmx.google.com\n")
    assert [outcome.get("provider") for outcome in outcomes_of(done)] == ["shanon", None, "google", "google", "google"]


# --- what it reads

def test_mbox_with_quoted_from_lines(etc, scratch):
    path = scratch / "mbox"
    body = "From Mars at 20:36:02 in 2026 I write\n\n>From here\n"
    path.write_text("\n".join(FROM_LINE + mail for mail in (
        mails.report("a@example.com", GONE), mails.plain("x", body=body.replace("From Mars", ">From Mars")),
        mails.report("b@example.com", GONE), mails.report(["c@example.com", "d@example.com"], GONE))))
    done = kodama("classify", "--format=json", path, etc=etc)
    assert recipients_of(done) == ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    assert [outcome["index"] for outcome in outcomes_of(done)] == [1, 2, 3, 4]
    assert counts_of(done) == {"read": 4, "bounces": 3, "outcomes": 4, "unreadable": 0}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends(ends, etc, scratch):
    path = scratch / "mail.eml"
    path.write_bytes(mails.report("a@example.com", GONE).replace("\n", ends).encode())
    assert recipients_of(kodama("classify", "--format=json", path, etc=etc)) == ["a@example.com"]


def test_maildir(etc, scratch):
    box = scratch / "Maildir"
    for folder in ("cur", "new", "tmp", ".Bounces/cur", ".Bounces/new", ".Bounces/tmp"):
        (box / folder).mkdir(parents=True)
    for place in ("cur/1:2,S", "new/2", "tmp/3", ".Bounces/cur/4:2,", "dovecot.index", ".Bounces/maildirfolder"):
        (box / place).write_text(mails.report(f"{place[-1]}-{place[0]}@example.com", GONE))
    done = kodama("classify", "--format=json", box, etc=etc)
    assert {outcome["file"].removeprefix(f"{box}/") for outcome in outcomes_of(done)} == {"cur/1:2,S", "new/2", ".Bounces/cur/4:2,"}


def test_folder_is_walked_in_order_and_what_is_no_file_is_left_alone(etc, scratch):
    top = scratch / "bounces"
    (top / "sub/deeper").mkdir(parents=True)
    for place in ("b.eml", "a.eml", "sub/c.eml", "sub/deeper/d.eml", ".hidden"):
        (top / place).write_text(mails.report(f"{pathlib.Path(place).stem}@example.com", GONE))
    os.mkfifo(top / "pipe")
    (top / "loop").symlink_to(top)
    (top / "e.eml").symlink_to(top / "sub/c.eml")
    (top / "dangling").symlink_to("nowhere")
    done = kodama("classify", "--format=json", top, etc=etc)
    assert [outcome["file"].removeprefix(f"{top}/") for outcome in outcomes_of(done)] == [
        "a.eml", "b.eml", "e.eml", "sub/c.eml", "sub/deeper/d.eml"]


def test_many_files_of_a_folder(etc, scratch):
    """More than one batch of names."""
    top = scratch / "many"
    top.mkdir()
    for number in range(1500):
        (top / f"{number}.eml").write_text(mails.report(f"r{number}@example.com", GONE))
    done = kodama("classify", "--format=json", top, etc=etc)
    assert sorted(recipients_of(done)) == sorted(f"r{number}@example.com" for number in range(1500))


def test_several_paths_and_standard_input(etc, scratch):
    path = scratch / "a.eml"
    path.write_text(mails.report("a@example.com", GONE))
    done = kodama("classify", "--format=json", path, "-", etc=etc, input=mails.report("b@example.com", GONE))
    assert [(outcome["file"], outcome["index"]) for outcome in outcomes_of(done)] == [(str(path), 1), ("-", 1)]


def test_unreadable_files_are_named_and_the_rest_is_done(etc, scratch):
    good = scratch / "good.eml"
    good.write_text(mails.report("a@example.com", GONE))
    done = kodama("classify", "--format=json", scratch / "missing", good, scratch / "good.eml/below", etc=etc, check=False)
    assert done.returncode == 1
    assert recipients_of(done) == ["a@example.com"]
    assert f"kodama: {scratch}/missing: No such file or directory" in done.stderr
    assert f"kodama: {scratch}/good.eml/below: Not a directory" in done.stderr
    assert counts_of(done)["unreadable"] == 2


def test_folder_that_may_not_be_read_is_named(etc, scratch):
    top = scratch / "top"
    (top / "closed").mkdir(parents=True)
    (top / "a.eml").write_text(mails.report("a@example.com", GONE))
    (top / "closed").chmod(0)
    for folder in (etc, etc.parent, etc.parent.parent):
        folder.chmod(0o755)
    done = run(KODAMA, "classify", "--etc", etc, "--format=json", top, check=False, user="nobody", group="nogroup", extra_groups=[])
    assert done.returncode == 1
    assert recipients_of(done) == ["a@example.com"]
    assert f"{top}/closed: Permission denied" in done.stderr


def test_empty_and_odd_files(etc, scratch):
    for name, content in (("empty", b""), ("newline", b"\n"), ("nul", b"\0" * 100), ("from", b"From "), ("binary", bytes(range(256)) * 50)):
        (scratch / name).write_bytes(content)
    done = kodama("classify", "--format=json", *(scratch / name for name in ("empty", "newline", "nul", "from", "binary")), etc=etc)
    assert done.stdout == ""
    assert counts_of(done)["unreadable"] == 0


# --- what it costs

REPORT_HEAD, _, REPORT_TAIL = mails.report("a@example.com", GONE).partition("\nhello\n")


@pytest.mark.parametrize("before, filler, after", [
    (REPORT_HEAD + "\n", "x" * 75 + "\n", REPORT_TAIL),
    (REPORT_HEAD + "\n", "x" * 64, REPORT_TAIL),
    ("X-Long: ", "x" * 64, REPORT_HEAD + REPORT_TAIL),
    (FROM_LINE + REPORT_HEAD + "\n", ">From x\n", REPORT_TAIL),
], ids=["body", "line", "header", "mbox"])
def test_memory_is_bounded_whatever_the_message(before, filler, after, etc):
    """100 MiB of each: under 20 MiB."""
    process = subprocess.Popen([KODAMA, "classify", "--etc", etc, "--format=json", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        process.stdin.write(before.encode())
        for _ in range(100):
            process.stdin.write((filler * (1024 * 1024 // len(filler))).encode())
        process.stdin.write(("\n" + after).encode())
        process.stdin.flush()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert [json.loads(line)["recipient"] for line in output.splitlines()] == ["a@example.com"]
    peak_kib = int(status.partition("VmHWM:")[2].split()[0])
    assert peak_kib < 20 * 1024 or is_sanitized()


def is_sanitized():
    return "libasan" in run("ldd", KODAMA).stdout


def test_responses_are_answered_while_they_come(etc):
    """Who feeds us line by line gets each answer before the next line."""
    process = subprocess.Popen([KODAMA, "classify", "--etc", etc, "--input=response", "--format=json", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
    with process:
        for number in range(1, 4):
            process.stdin.write(f"550 number {number} does not exist\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["line"] == number
        process.stdin.close()
        assert process.wait(timeout=DEADLINE_S) == 0


def test_long_response_is_classified(etc):
    done = kodama("classify", "--input=response", "--format=json", etc=etc, input="550 does not exist " + "x" * 3_000_000 + "\n550 does not exist\n")
    assert [(outcome["line"], outcome["class"]) for outcome in outcomes_of(done)] == [(1, "user-unknown"), (2, "user-unknown")]


def test_full_disk_is_no_success(etc, scratch):
    path = scratch / "a.eml"
    path.write_text(mails.report("a@example.com", GONE))
    with open("/dev/full", "w") as full:
        done = subprocess.run([KODAMA, "classify", "--etc", etc, "--format=json", path], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr


# --- for people

def on_terminal(*arguments, stream="stdout", **environment):
    """What the command writes to a terminal, standing at `stream`."""
    master, slave = pty.openpty()
    others = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([KODAMA, *map(str, arguments)], env={**os.environ, "TERM": "xterm", **environment}, **{**others, stream: slave})
    os.close(slave)
    written = b""
    try:
        while block := os.read(master, 65536):
            written += block
    except OSError:
        pass  # the other side is closed: Linux says EIO
    process.wait(timeout=DEADLINE_S)
    os.close(master)
    return written.decode(errors="replace")


def test_colours_only_on_a_terminal_that_wants_them(etc, scratch):
    path = scratch / "a.eml"
    path.write_text(mails.report("a@example.com", GONE))
    arguments = ("classify", "--etc", etc, path)
    assert "\033[31m" in on_terminal(*arguments)
    assert "\033" not in on_terminal(*arguments, NO_COLOR="1")
    assert "\033" not in on_terminal(*arguments, TERM="dumb")
    assert "\033" not in kodama("classify", path, etc=etc).stdout


def test_remote_words_cannot_steer_a_terminal(etc, scratch):
    path = scratch / "evil\033[2J.eml"
    path.write_text(mails.report("a@example.com", "550 5.1.1 \033[2J\033]0;owned\007 \u202egnp does not exist\u009b31m"))
    done = kodama("classify", path, scratch / "mis\033[2Jsing", etc=etc, check=False)
    assert "does not exist" in done.stdout
    for bad in "\033\007\u009b\u202e":
        assert bad not in done.stdout + done.stderr


def test_progress_bar_only_on_a_terminal(etc, scratch):
    """It comes when the work is long: here, as long as nobody has seen it."""
    path = scratch / "a.eml"
    path.write_text(mails.report("a@example.com", GONE) * 1000)
    master, slave = pty.openpty()
    process = subprocess.Popen([KODAMA, "classify", "--etc", etc, "--format=json", path, "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    os.set_blocking(master, False)
    seen = []

    def fed():
        process.stdin.write((FROM_LINE + mails.plain("x") + "\n").encode() * 1000)
        try:
            seen.append(os.read(master, 65536).decode())
        except BlockingIOError:
            pass
        return "%" in "".join(seen)
    until(fed, "a progress bar")
    process.stdin.close()
    assert process.wait(timeout=DEADLINE_S) == 0
    os.close(master)
    done = kodama("classify", "--format=json", path, etc=etc)
    assert done.stderr.count("\n") == 1 and "\r" not in done.stderr


# --- wrong usage

@pytest.mark.parametrize("arguments, why", [
    (["--format=yaml", "-"], "--format is one of text|json"),
    (["--lang=de", "-"], "--lang is one of en|ja"),
    (["--input=pigeon", "-"], "--input is one of mail|response"),
    (["--etc"], "--etc needs a value"),
    (["--frobnicate", "-"], "there is no option --frobnicate"),
])
def test_wrong_usage_is_told_with_a_hint(arguments, why):
    done = run(KODAMA, "classify", *arguments, check=False, input="")
    assert done.returncode == 2
    assert why in done.stderr and "kodama classify --help" in done.stderr
    assert done.stdout == ""


def test_rules_that_do_not_load_are_named(scratch):
    done = kodama("classify", "-", etc=scratch / "nothing", check=False, input="")
    assert done.returncode == 1 and str(scratch / "nothing") in done.stderr
    (scratch / "rules.d").mkdir()
    (scratch / "rules.d/bad.rules").write_text("\nrule x { class = no-such-class  text = {'y'} }\n")
    done = kodama("classify", "-", etc=scratch, check=False, input="")
    assert done.returncode == 1 and f"{scratch}/rules.d/bad.rules:2: " in done.stderr


# --- logs

SENT = ("postfix/smtp[1]: 3F2504E04F: to=<a@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
        "status=sent (250 2.0.0 ok)\n")


def classify_log(path, etc, **options):
    return run(KODAMA, "classify", "--etc", etc, "--format=json", "--input=maillog", path, check=False, **options)


def test_the_year_of_a_stamp_is_the_files(etc, scratch):
    path = scratch / "mail.log"
    path.write_text("Dec 31 23:59:59 mx1 " + SENT + "Jan  1 00:00:01 mx1 " + SENT)
    os.utime(path, (1767225605, 1767225605))  # 2026-01-01T00:00:05Z
    done = classify_log(path, etc, env={**os.environ, "TZ": "UTC"})
    assert [outcome["time"] for outcome in outcomes_of(done)] == ["2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"]


def test_a_stamp_without_a_zone_is_the_wall_clocks(etc, scratch):
    path = scratch / "mail.log"
    path.write_text("Jul  1 12:00:00 mx1 " + SENT)
    os.utime(path, (1782907205, 1782907205))  # 2026-07-01T12:00:05Z
    done = classify_log(path, etc, env={**os.environ, "TZ": "Europe/Berlin"})
    assert [outcome["time"] for outcome in outcomes_of(done)] == ["2026-07-01T10:00:00Z"]


def test_garbage_in_a_log_is_counted_and_passed_over(etc, scratch):
    path = scratch / "mail.log"
    path.write_bytes(b"garbage\n\0\0\0\n" + b"x" * (1 << 20) + b"\n" + b"Nov 21 20:30:21 mx1 " + SENT.encode()
                     + b"Nov 21 20:30:21 mx1 " + SENT.encode().replace(b"ok", b"a\0b" + b"y" * (1 << 20)))
    done = classify_log(path, etc)
    assert done.returncode == 0
    assert recipients_of(done) == ["a@example.com", "a@example.com"]
    assert counts_of(done) == {"read": 5, "bounces": 0, "outcomes": 2, "unreadable": 3}


@pytest.mark.parametrize("before", ["", "Nov 21 20:30:20 mx1 postfix/smtpd[9]: connect from unknown[192.0.2.7]\n" * 9,
                                    "Nov 21 20:30:20 mx1 systemd[1]: Started Postfix.\n"], ids=["at once", "connections", "others"])
def test_a_log_that_is_read_as_mail_is_named(before, etc, scratch):
    path = scratch / "mail.log"
    path.write_text(before + "Nov 21 20:30:21 mx1 " + SENT)
    done = kodama("classify", path, etc=etc, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert f"kodama: {path}: looks like a mail log; use --input=maillog\n" in done.stderr
    assert recipients_of(classify_log(path, etc)) == ["a@example.com"]


@pytest.mark.parametrize("text", [
    "Nov 21 20:30:21 mx1 kernel: nothing about mail\n",
    mails.plain("the log says", body="Nov 21 20:30:21 mx1 " + SENT),
    "",
], ids=["another log", "a mail about a log", "empty"])
def test_what_is_no_mail_log_is_not_called_one(text, etc, scratch):
    path = scratch / "mail.eml"
    path.write_text(text)
    done = kodama("classify", path, etc=etc)
    assert "mail log" not in done.stderr


def test_a_file_that_is_no_log_is_named(etc, scratch):
    path = scratch / "mail.log.gz"
    path.write_bytes(b"\x1f\x8b\x08" + bytes(range(256)) * 100)
    done = classify_log(path, etc)
    assert done.returncode == 1
    assert f"kodama: {path}: no line of it is a mail log's" in done.stderr
