# SPDX-License-Identifier: BSD-2-Clause
"""kodama report --input=maillog: what it tells from a log alone, for people and as JSON, whatever way the log comes."""
import gzip
import json
import os
import pty
import random
import re
import resource
import shutil
import subprocess

import pytest

from harness.paths import DEADLINE_S, ETC, KODAMA, kodama, run

DAY = "Nov {day:2d} 20:30:{second:02d} mx1 postfix/"
MX = "relay={host}[192.0.2.1]:25, delay=1, delays=0/0/0/1, "
GMAIL = "gmail-smtp-in.l.google.com"
GONE = "550-5.1.1 The email account that you tried to reach does not exist. 550 5.1.1 https://support.google.com/mail/?p=NoSuchUser {id} - gsmtp"
FULL = "452-4.2.2 The email account that you tried to reach is over quota. 452 4.2.2 https://support.google.com/mail/?p=OverQuotaTemp {id} - gsmtp"
WRITTEN = 1795305600  # 2026-11-22T00:00:00Z


class Log:
    """An invented log, written line by line."""

    def __init__(self):
        self.lines, self.random = [], random.Random(1)

    def say(self, day, program, text, second=0):
        self.lines.append(DAY.format(day=day, second=second) + f"{program}[1]: {text}\n")

    def begin(self, day, queue_id):
        self.say(day, "smtpd", f"{queue_id}: client=pc.example.org[192.0.2.9]")
        self.say(day, "cleanup", f"{queue_id}: message-id=<{queue_id}@example.org>")
        self.say(day, "qmgr", f"{queue_id}: from=<news@example.org>, size=399, nrcpt=1 (queue active)")

    def attempt(self, day, queue_id, recipient, status, dsn, text, host=GMAIL):
        said = text if status == "sent" else f"host {host}[192.0.2.1] said: {text} (in reply to RCPT TO command)"
        self.say(day, "smtp", f"{queue_id}: to=<{recipient}>, {MX.format(host=host)}dsn={dsn}, status={status} ({said})", 1)

    def message(self, day, recipient, status, dsn, text, host=GMAIL):
        queue_id = f"4j{self.random.getrandbits(40):010d}z1cMg1"
        self.begin(day, queue_id)
        self.attempt(day, queue_id, recipient, status, dsn, text.format(id=f"a{self.random.getrandbits(60)}b"), host)
        if status != "deferred":
            self.say(day, "qmgr", f"{queue_id}: removed", 2)
        return queue_id

    def expire(self, day, queue_id):
        self.say(day, "qmgr", f"{queue_id}: from=<news@example.org>, status=expired, returned to sender", 3)
        self.say(day, "qmgr", f"{queue_id}: removed", 3)

    def write(self, path):
        path.write_text("".join(self.lines))
        os.utime(path, (WRITTEN, WRITTEN))
        return path


def make_log():
    log = Log()
    for i in range(6):
        log.message(18, f"ok{i}@gmail.com", "sent", "2.0.0", "250 2.0.0 OK {id} - gsmtp")
    log.message(18, "gone@gmail.com", "bounced", "5.1.1", GONE)
    log.message(19, "away@gmail.com", "bounced", "5.1.1", GONE)
    log.message(19, "back@gmail.com", "bounced", "5.1.1", GONE)
    log.message(20, "back@gmail.com", "sent", "2.0.0", "250 2.0.0 OK {id} - gsmtp")
    late = log.message(19, "full@gmail.com", "deferred", "4.2.2", FULL)
    log.expire(20, late)
    log.message(20, "a@example.com", "bounced", "5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.5] blocked using zen.spamhaus.org", "mx.example.com")
    log.message(20, "probe@example.net", "undeliverable", "5.1.1", GONE)
    log.lines.append("nobody's line\n")
    return log


@pytest.fixture(name="log", scope="module")
def make(tmp_path_factory):
    return make_log().write(tmp_path_factory.mktemp("logs") / "mail.log")


def report(*arguments, **options):
    return json.loads(kodama("report", "--input=maillog", "--format=json", *arguments, **options).stdout)


def env(**values):
    return {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8", "KODAMA_ETC": str(ETC), **values}


def test_what_it_tells(log):
    told = report(log, env=env())
    assert {key: told[key] for key in ("first", "last", "lines", "unreadable", "messages", "delivered", "deferred", "failed", "expired")} == {
        "first": "2026-11-18T20:30:01Z", "last": "2026-11-20T20:30:03Z", "lines": len(make_log().lines), "unreadable": 1, "messages": 13,
        "delivered": 7, "deferred": 1, "failed": 5, "expired": 1}
    assert told["days"] == [{"day": "2026-11-18", "delivered": 6, "deferred": 0, "failed": 1},
                            {"day": "2026-11-19", "delivered": 0, "deferred": 1, "failed": 2},
                            {"day": "2026-11-20", "delivered": 1, "deferred": 0, "failed": 2}]
    assert {row["class"]: (row["deferred"], row["failed"]) for row in told["classes"]} == {
        "user-unknown": (0, 3), "mailbox-full": (1, 1), "blocklisted": (0, 1)}
    assert told["providers"][0] == {"provider": "google", "delivered": 7, "deferred": 1, "failed": 4}
    # three recipients with an id each are one response
    top = told["responses"][0]
    assert (top["count"], top["class"], top["rule"], top["provider"], top["suppress"]) == (3, "user-unknown", "google.no-such-user", "google", "now")
    assert "does not exist" in top["text"] and top["advice"]
    assert [(row["domain"], row["deferred"], row["class"]) for row in told["domains"]] == [("gmail.com", 1, "mailbox-full")]
    # who took mail again is not suppressed, nor is who was refused for our own fault
    assert sorted(row["address"] for row in told["addresses"]) == ["away@gmail.com", "gone@gmail.com"]


@pytest.mark.parametrize("accepted, listed", [(None, False), ("odd@gmail.com", False), ("other@gmail.com", True)])
def test_a_bare_code_suppresses_where_another_was_accepted(scratch, accepted, listed):
    log = Log()
    for _ in range(2):
        if accepted:
            log.message(17, accepted, "sent", "2.0.0", "250 2.0.0 OK {id} - gsmtp")
    for day in (18, 19, 20):
        log.message(day, "odd@gmail.com", "bounced", "5.0.0", "552 zzz")
    path = log.write(scratch / "mail.log")
    for threads in (1, 2):
        assert [row["address"] for row in report(f"--threads={threads}", path, env=env())["addresses"]] == ["odd@gmail.com"] * listed


def test_top_and_since(log):
    told = report("--top=1", log, env=env())
    assert [len(told[key]) for key in ("classes", "providers", "responses", "addresses")] == [1, 1, 1, 1]
    assert told["totals"]["addresses"] == 2 and told["totals"]["classes"] == 3
    assert len(report("--top=0", log, env=env())["responses"]) == told["totals"]["responses"]
    late = report("--since=2026-11-20", log, env=env())
    assert (late["delivered"], late["failed"], [row["day"] for row in late["days"]]) == (1, 2, ["2026-11-20"])


@pytest.mark.parametrize("option", ["--since=soon", "--top=few", "--top=-1", "--threads=0", "--threads=99", "--input=mail"])
def test_wrong_usage(log, option):
    assert kodama("report", "--input=maillog", option, log, check=False).returncode == 2


def test_without_an_input_it_says_what_it_wants(log):
    done = kodama("report", log, check=False)
    assert done.returncode == 2 and "--input=maillog" in done.stderr


def read_samples():
    """What the rules say that they match, where it reads like a server's reply."""
    for path in sorted((ETC / "rules.d").glob("*.rules")):
        for sample in re.findall(r"'((?:[^'\\]|\\.)*)'", path.read_text(encoding="utf-8")):
            if re.match(r"[45]\d\d[ -]", sample):
                yield re.sub(r"\\(.)", r"\1", sample)


def test_one_verdict_for_many_is_each_ones_own(scratch):
    log = Log()
    for i, text in enumerate(read_samples()):
        status = "bounced" if text[0] == "5" else "deferred"
        log.attempt(18, f"3F25{i:06X}", f"u{i}@domain{i}.example", status, f"{text[0]}.0.0", text, f"mx{i}.example")
    assert len(log.lines) > 500
    path = log.write(scratch / "mail.log")
    counts = {}
    for line in kodama("classify", "--input=maillog", "--format=json", path, env=env()).stdout.splitlines():
        told = json.loads(line)
        count = counts.setdefault(told["class"], [0, 0])
        count[told["action"] == "failed"] += 1
    assert {row["class"]: [row["deferred"], row["failed"]] for row in report("--top=0", path, env=env())["classes"]} == counts


def test_pipes_and_many_files_tell_the_same(log, scratch):
    """The message that expires begins in another file than it ends in."""
    lines = log.read_text().splitlines(keepends=True)
    old, new = scratch / "mail.log.1", scratch / "mail.log"
    old.write_text("".join(lines[:30]))
    new.write_text("".join(lines[30:]))
    for path in (old, new):
        os.utime(path, (WRITTEN, WRITTEN))
    wanted = report(log, env=env())
    assert report(old, new, env=env()) == wanted
    piped = gzip.decompress(gzip.compress(old.read_bytes()))
    with subprocess.Popen([KODAMA, "report", "--input=maillog", "--format=json", "-", new], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=env()) as child:
        # a pipe has no time of its own: its stamps are of the last twelve months
        told = json.loads(child.communicate(piped, timeout=DEADLINE_S)[0])
    assert (told["delivered"], told["failed"], told["expired"]) == (wanted["delivered"], wanted["failed"], wanted["expired"])


def test_threads_tell_the_same(scratch):
    """Some parts' worth of messages, retried over parts, cut anywhere."""
    log, source, late = Log(), random.Random(2), []
    for i in range(40000):
        if late and source.random() < 0.2:
            log.expire(20, late.pop(source.randrange(len(late))))
        status, dsn, text = source.choice([("sent", "2.0.0", "250 2.0.0 OK"), ("sent", "2.0.0", "250 2.0.0 OK"), ("bounced", "5.1.1", GONE),
                                           ("deferred", "4.2.2", FULL)])
        queue_id = log.message(10 + i // 5000, f"u{source.randrange(5000)}@d{source.randrange(99)}.example", status, dsn, text, "mx.example.com")
        if status == "deferred":
            late.append(queue_id)
    path = log.write(scratch / "mail.log")
    assert path.stat().st_size > 17 << 20
    one, three = report("--threads=1", "--top=0", path, env=env()), report("--threads=3", "--top=0", path, env=env())
    assert one["expired"] > 1000 and one["totals"]["addresses"] > 1000
    assert one == three
    for threads in (1, 3):
        refuse_bad_rules(scratch, path, threads)


def test_examples_of_several_files(scratch):
    """Of two answers of one second that of the first file is shown, however many parts either was read in."""
    paths = []
    for name in "first", "second":
        log = Log()
        if name == "first":
            for _ in range(6000):
                log.message(10, "a@example.com", "sent", "2.0.0", "250 2.0.0 OK", "mx.example.com")
        log.message(21, f"{name}@example.com", "bounced", "5.1.1", f"550 5.1.1 <{name}@example.com>: Recipient address rejected", "mx.example.com")
        if name == "second":
            for _ in range(6000):
                log.message(22, "a@example.com", "sent", "2.0.0", "250 2.0.0 OK", "mx.example.com")
        paths.append(log.write(scratch / name))
        assert paths[-1].stat().st_size > 2 << 20
    for threads in (1, 2):
        (response,) = report(f"--threads={threads}", *paths, env=env())["responses"]
        assert "<first@example.com>" in response["text"] and response["failed"] == 2


def measure(path, threads):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = report(f"--threads={threads}", path, env=env())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_line_without_end_is_read_once(scratch):
    """What a log begins with that was emptied under a writer who goes on behind: NULs, as many as there were bytes."""
    path = scratch / "mail.log"
    log = Log()
    log.message(10, "gone@gmail.com", "bounced", "5.1.1", GONE)
    with open(path, "wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(("\n" + "".join(log.lines)).encode())
    os.utime(path, (WRITTEN, WRITTEN))
    (one, one_s), (two, two_s) = measure(path, 1), measure(path, 2)
    assert one == two and one["failed"] == 1
    assert two_s < 4 * one_s + 0.5


def test_a_line_of_all_recipients(scratch):
    """What was said is looked at for each of them: of a line that is longer than the daemon takes nothing is told but its beginning."""
    to = ",".join(f"<a{i}@b.example>" for i in range(6000))
    rest = "relay=mx.example.com. [192.0.2.1], dsn=4.2.2, stat=Deferred: 452 4.2.2 "
    path = scratch / "mail.log"
    with open(path, "w") as file:
        for queue_id, names in ("6ALKkKGX028501", to), ("6ALKkKGX028502", to[:14999].rpartition(",")[0]):
            file.write(f"Nov 21 20:30:21 mx1 sm-mta[1]: {queue_id}: to={names}, delay=00:00:01, mailer=esmtp, {rest}{'full ' * 24000}\n")
    os.utime(path, (WRITTEN, WRITTEN))
    assert report(path, env=env())["deferred"] == to[:14999].count(",")


def refuse_bad_rules(scratch, path, threads):
    """One thread finds it out while the others read: nothing is told, nobody waits for ever."""
    folder = scratch / "etc"
    if not folder.exists():
        shutil.copytree(ETC, folder)
        (folder / "rules.d" / "local.rules").write_text("rule bad { class = nonsense }\n")
    done = kodama("report", "--input=maillog", f"--threads={threads}", "--etc", folder, path, check=False, env=env())
    assert done.returncode == 1 and "local.rules:1: rule 'bad'" in done.stderr and not done.stdout


def test_broken_pattern_that_a_log_needs_is_named(log, scratch):
    """Patterns are compiled when a text needs them: the others are for the daemon and for rules check to find."""
    folder = scratch / "etc"
    shutil.copytree(ETC, folder, dirs_exist_ok=True)
    rules = folder / "rules.d" / "local.rules"
    rules.write_text("rule bad { class = spam text = {'nobody says [z-a] this'} }\n")
    done = kodama("report", "--input=maillog", "--etc", folder, log, env=env())
    assert done.returncode == 0 and done.stdout
    rules.write_text("rule bad { class = spam text = {'said[z-a]', '[z-a]'} }\n")
    done = kodama("report", "--input=maillog", "--etc", folder, log, check=False, env=env())
    assert done.returncode == 1 and "local.rules:1: rule 'bad'" in done.stderr and "out of order" in done.stderr and done.stdout


def test_files_that_cannot_be_read_are_named(log, scratch):
    binary = scratch / "mail.log.gz"
    binary.write_bytes(gzip.compress(b"x" * 5000))
    done = kodama("report", "--input=maillog", "--format=json", scratch / "none", binary, log, check=False, env=env())
    assert done.returncode == 1
    assert f"{scratch / 'none'}: No such file" in done.stderr
    assert f"{binary}: no line of it is a mail log's" in done.stderr
    assert json.loads(done.stdout)["delivered"] == 7


def test_lines_of_any_length(log, scratch):
    path = scratch / "mail.log"
    path.write_bytes(b"x" * (1 << 20) + b"\n" + b"\0" * 5000 + b"\n" + log.read_bytes() + b"Nov 20 20:30:02 mx1 postfix/smtp[1]: 3F2504E04F: to=<last@"
                     b"example.com>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (" + b"y" * (1 << 20))
    os.utime(path, (WRITTEN, WRITTEN))
    told = report(path, env=env())
    assert (told["delivered"], told["failed"], told["deferred"], told["unreadable"]) == (7, 5, 2, 3)


# --- for people

def text_of(log, **values):
    return run(KODAMA, "report", "--input=maillog", log, env=env(**values)).stdout


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_text_is_as_wide_as_it_may_be(log, columns):
    text = text_of(log, COLUMNS=str(columns))
    for words in ("delivered", "Days", "Why", "Providers", "What was said most", "Domains that defer", "Addresses to suppress"):
        assert words in text
    assert "away@gmail.com" in text and "user-unknown" in text and "\u2588" in text and "\033" not in text
    # a table is no wider than what is in it
    assert not re.search(r"@gmail.com {25}", text)
    if columns >= 80:
        assert max(len(line) for line in text.splitlines()) <= columns


def test_text_without_utf8_has_plain_bars(log):
    text = text_of(log, LC_ALL="C")
    assert text.isascii() and "###" in text


def test_advice_in_japanese(log):
    done = run(KODAMA, "report", "--input=maillog", "--lang=ja", log, env=env())
    assert "\u3057\u3066" in done.stdout


def test_hostile_words_do_not_steer_the_terminal(scratch):
    log = Log()
    log.message(20, "a\033[2J@example.com", "bounced", "5.1.1", "550 5.1.1 \033[2J\u202eno such user")
    text = text_of(log.write(scratch / "mail.log"))
    assert "\033" not in text and "\u202e" not in text


def test_progress_and_colours_on_a_terminal(log):
    master, slave = pty.openpty()
    with subprocess.Popen([KODAMA, "report", "--input=maillog", log], stdout=slave, stderr=slave, env=env(TERM="xterm", NO_COLOR="")) as child:
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 65536):
                text += piece
        except OSError:
            pass
        assert child.wait(DEADLINE_S) == 0
    os.close(master)
    assert b"\033[31m" in text and b"away@gmail.com" in text
