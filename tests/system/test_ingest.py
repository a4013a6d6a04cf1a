# SPDX-License-Identifier: BSD-2-Clause
"""kodama ingest and its socket: what it answers, whom it serves, and that nothing is lost on the way."""
import contextlib
import os
import pathlib
import pwd
import signal
import socket
import sqlite3
import stat
import subprocess

import pytest

from harness import mails
from harness.link import connect
from harness.paths import BUILD, KODAMA
from harness.wait import until

EX_OK, EX_USAGE, EX_DATAERR, EX_TEMPFAIL = 0, 64, 65, 75
GONE = "gone@example.com"
MIB = 1 << 20


def ingest(daemon, message, *arguments, address=None, **options):
    """The command, as a mailer runs it; the message in bytes or as text."""
    message = message.encode() if isinstance(message, str) else message
    return subprocess.run([str(KODAMA), "ingest", f"--socket=unix:{address or daemon.ingest}", *arguments], input=message,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **options)


def takes(daemon, message, *arguments, **options):
    done = ingest(daemon, message, *arguments, **options)
    assert (done.returncode, done.stderr) == (EX_OK, b""), done
    return done.stdout


def frame(message):
    return b"%d:%s," % (len(message), message)


def talk(link, data=b""):
    """The answer of a connection of our own; b"" when it was closed without one."""
    if data:
        link.sendall(data)
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while more := link.recv(65536):
            answer += more
    return answer


def count(daemon, name):
    import json
    return json.loads(daemon.kodama("status", "--format=json").stdout)["ingest"][name]


@pytest.fixture
def believing(kodamad):
    """A daemon that believes every bounce: then what comes in changes something, and has to be kept."""
    kodamad.configure("proof = any\n")
    kodamad.reload()
    return kodamad


# --- what it writes

@pytest.mark.parametrize("mbox", [b"", b"From MAILER-DAEMON Sun Nov 22 01:21:28 2026"], ids=["bare", "mbox"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_annotated_message_is_the_same_but_for_our_fields(kodamad, mbox, end):
    message = mails.report(GONE).encode().replace(b"\n", end)
    got = takes(kodamad, (mbox + end if mbox else b"") + message, "--annotate")
    lines = got.split(end)
    if mbox:
        assert lines.pop(0) == mbox
    ours = lines[:lines.index(b"From: Mail Delivery System <MAILER-DAEMON@mx.example.jp>")]
    assert end.join(lines[len(ours):]) == message
    text = b"\n".join(ours).decode()
    assert text.startswith(f"X-Bounce-Result: mx.example.jp; rcpt=<{GONE}>; action=failed;\n class=user-unknown;")
    assert "proof=none" in text and "\nX-Bounce-Advice: mx.example.jp;" in text and b"\r" not in b"".join(ours)


def test_nothing_is_written_that_was_not_asked_for(kodamad):
    assert takes(kodamad, mails.report(GONE)) == b""


def test_fields_of_ours_from_elsewhere_are_replaced(kodamad):
    forged = "X-Bounce-Result: mx.example.jp; rcpt=<victim@example.com>; decision=suppressed\nx-bounce-advice: mx.example.jp;\n do this\n"
    got = takes(kodamad, forged + mails.report(GONE), "--annotate").decode()
    assert "victim" not in got and "do this" not in got and got.count("X-Bounce-Result:") == 1


def test_mail_that_is_no_bounce_passes(kodamad):
    message = mails.plain("hello")
    got = takes(kodamad, message, "--annotate").decode()
    assert got.endswith(message) and "X-Bounce" not in got


def test_it_never_proves_by_itself(kodamad):
    """Not even for root, not even with local-submission = trusted."""
    takes(kodamad, mails.report(GONE))
    assert kodamad.get_suppressed() == []
    kodamad.wait_log(f"front=ingest queue_id=- recipient={GONE} class=user-unknown action=unproved")


def test_outcome_is_kept_before_the_answer(believing):
    takes(believing, mails.report(GONE))
    believing.kill()
    believing.start()
    assert believing.get_suppressed() == [GONE]


def test_the_same_bounce_counts_once(believing):
    full = mails.report("full@example.com", "552 5.2.2 <{rcpt}>: Mailbox full", status="5.2.2")
    first = takes(believing, full, "--annotate").decode()
    again = takes(believing, full, "--annotate").decode()
    other = takes(believing, full.replace("4jX3rL3M9mz1cMcN", "4jX3rL3M9mz1cMcP"), "--annotate").decode()
    assert "count=1/3" in first and "count=2/3" not in again and "count=2/3" in other


# --- what it refuses

def test_wrong_usage(kodamad):
    assert ingest(kodamad, b"x", "more").returncode == EX_USAGE
    assert ingest(kodamad, b"x", "--nonsense").returncode == EX_USAGE


def test_no_message(kodamad):
    assert ingest(kodamad, b"", "--annotate").returncode == EX_DATAERR


def test_the_largest_message_and_one_that_is_larger(kodamad):
    head = mails.report(GONE).encode()
    largest = head + b"x" * 70 + b"\n" * (64 * MIB - len(head) - 70)
    got = takes(kodamad, largest, "--annotate")
    assert got.endswith(head[-1000:] + b"x" * 70 + b"\n" * (64 * MIB - len(head) - 70)) and f"rcpt=<{GONE}>".encode() in got[:1000]
    done = ingest(kodamad, largest + b"\n", "--annotate")
    assert (done.returncode, done.stdout) == (EX_DATAERR, b"")


def test_loop_is_refused(kodamad):
    got = takes(kodamad, mails.report(GONE), "--annotate")
    done = ingest(kodamad, got, "--annotate")
    assert (done.returncode, done.stdout) == (EX_DATAERR, b"") and b"circle" in done.stderr
    hops = "Received: from a by b\n" * 101
    assert ingest(kodamad, hops + mails.report(GONE)).returncode == EX_DATAERR


@pytest.mark.parametrize("junk", [b"x", b"3;abc,", b"03:abc,", b"3:abcd", b":,", b"\0\0\0\0", b"GET / HTTP/1.0\r\n\r\n"], ids=range(7))
def test_nonsense_on_the_socket_is_refused(kodamad, junk):
    with connect(kodamad.ingest) as link:
        assert b"refused" in talk(link, junk)
    takes(kodamad, mails.report(GONE))


def test_message_that_announces_too_much_is_refused_at_once(kodamad):
    with connect(kodamad.ingest) as link:
        assert b"refused the message is larger than 64 MiB" in talk(link, b"67108865:")
    assert count(kodamad, "refused") == 1


@pytest.mark.parametrize("junk", [
    b"\n", b"\0\0\0", b"From \n", b" folded first\n\n", b"Content-Type: multipart/report; report-type=delivery-status; boundary=\"\n\n--\n",
    mails.report("\udcff\udcfe@\udc80").encode("utf-8", "surrogateescape"), mails.report("a@example.com", "550 " + "5.1.1 " * 20000).encode(),
    b"".join(b"X-%d: y\n" % i for i in range(20000)) + b"\nbody\n",
    b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 3000,
    mails.report([f"u{i}@example.com" for i in range(1200)]).encode(),
], ids=range(10))
def test_hostile_messages_are_taken_and_kill_nobody(kodamad, junk):
    got = takes(kodamad, junk, "--annotate")
    assert got.endswith(junk[-100:]) or got.startswith(junk)
    takes(kodamad, mails.report(GONE))


# --- nothing is lost

def test_no_daemon_means_come_again(kodamad):
    kodamad.stop()
    done = ingest(kodamad, mails.report(GONE), "--annotate")
    assert (done.returncode, done.stdout) == (EX_TEMPFAIL, b"") and str(kodamad.ingest).encode() in done.stderr
    kodamad.start()
    takes(kodamad, mails.report(GONE), "--annotate")


def test_switched_off_means_come_again(kodamad):
    kodamad.stop()
    text = kodamad.configuration.read_text().replace(f'"unix:{kodamad.ingest}"', '""')
    kodamad.configuration.write_text(text)
    kodamad.start()
    done = subprocess.run([str(KODAMA), "ingest", "--etc", str(kodamad.etc)], input=b"x", capture_output=True)
    assert done.returncode == EX_TEMPFAIL and not kodamad.ingest.exists()


def test_bad_configuration_means_come_again(kodamad):
    kodamad.configuration.write_text("nonsense = 1\n")
    done = subprocess.run([str(KODAMA), "ingest", "--etc", str(kodamad.etc)], input=b"x", capture_output=True)
    assert done.returncode == EX_TEMPFAIL and b"nonsense" in done.stderr


def test_database_locked_is_accepted_into_the_queue(believing):
    lock = sqlite3.connect(believing.database, isolation_level=None)
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        takes(believing, mails.report(GONE))
        lock.execute("ROLLBACK")
    until(lambda: believing.get_suppressed() == [GONE], "the queued outcome in the store")


def test_neither_committed_nor_queued_means_come_again(kodamad):
    kodamad.stop()
    kodamad.configure("proof = any\nqueue { size = 64K  deadline = 1s }\n")
    kodamad.start()
    # more than the queue on disk may hold
    addresses = [[f"u{number}.{i}@{'x' * 60}{number}.example.com" for i in range(30)] for number in range(4)]
    messages = [mails.report(some, "550 5.1.1 " + "unknown user " * 60, queue_id=f"4jX3rL3M9mz1c00{i}") for i, some in enumerate(addresses)]
    lock = sqlite3.connect(kodamad.database, isolation_level=None)
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        done = [ingest(kodamad, message, "--annotate") for message in messages]
        lock.execute("ROLLBACK")
    assert {each.returncode for each in done} == {EX_OK, EX_TEMPFAIL}
    assert all((each.returncode == EX_OK) == (each.stdout != b"") for each in done)
    assert count(kodamad, "tempfailed") == sum(each.returncode == EX_TEMPFAIL for each in done)
    # as the MTA's queue does
    for message, each in zip(messages, done):
        if each.returncode == EX_TEMPFAIL:
            until(lambda: ingest(kodamad, message).returncode == EX_OK, "a bounce that is brought again")
    until(lambda: kodamad.get_suppressed() == sorted(address for some in addresses for address in some), "all of them")


def test_stop_in_the_middle_loses_nothing(believing):
    """Who was answered is there; who was not, comes again."""
    messages = [mails.report(f"u{i}@example.com", queue_id=f"4jX3rL3M9mz1c{i:03d}") for i in range(60)]
    running = [subprocess.Popen([str(KODAMA), "ingest", f"--socket=unix:{believing.ingest}"], stdin=subprocess.PIPE,
                                stderr=subprocess.DEVNULL) for _ in messages]
    for process, message in zip(running, messages):
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(message.encode())
            process.stdin.close()
        if process is running[30]:
            believing.stop()
    codes = [process.wait(timeout=60) for process in running]
    assert set(codes) <= {EX_OK, EX_TEMPFAIL} and EX_TEMPFAIL in codes
    believing.start()
    answered = {f"u{i}@example.com" for i, code in enumerate(codes) if code == EX_OK}
    assert answered <= set(believing.get_suppressed())
    for message, code in zip(messages, codes):
        if code == EX_TEMPFAIL:
            takes(believing, message)
    assert len(believing.get_suppressed()) == len(messages)


def test_reader_of_standard_output_goes_away(kodamad):
    with subprocess.Popen([str(KODAMA), "ingest", "--annotate", f"--socket=unix:{kodamad.ingest}"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.close()
        process.stdin.write((mails.report(GONE) + "x\n" * MIB).encode())
        process.stdin.close()
        assert process.wait(timeout=60) == EX_TEMPFAIL


# --- whom it serves

def test_anybody_on_the_host_may_bring_something(kodamad):
    assert stat.S_IMODE(os.stat(kodamad.ingest).st_mode) == 0o666
    nobody = pwd.getpwnam("nobody")
    # as a mailer does: another user, no groups, no home, little environment; it cannot read kodama.conf
    kodamad.configuration.chmod(0o600)
    program = kodamad.home / "kodama"
    program.write_bytes(KODAMA.read_bytes())
    program.chmod(0o755)
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/", "env": {"AGENT": "sendmail"}}
    done = subprocess.run([program, "ingest", f"--socket=unix:{kodamad.ingest}"], input=mails.report(GONE).encode(), capture_output=True, **who)
    assert (done.returncode, done.stderr) == (EX_OK, b"")
    # without a word where the daemon is: the default, and there is none
    done = subprocess.run([program, "ingest", "--etc", str(kodamad.etc)], input=b"x\n", capture_output=True, **who)
    assert done.returncode == EX_TEMPFAIL and b"unix:/run/kodama/ingest.sock" in done.stderr


def test_thousand_idle_connections(kodamad):
    links = [connect(kodamad.ingest) for _ in range(999)]
    before = memory(kodamad)
    takes(kodamad, mails.report(GONE))
    assert count(kodamad, "open") == 999
    # one more than are allowed: the one that has been quiet longest goes
    links += [connect(kodamad.ingest) for _ in range(2)]
    until(lambda: count(kodamad, "evicted") >= 1, "an eviction")
    takes(kodamad, mails.report(GONE))
    assert memory(kodamad) - before < 16 * MIB
    for link in links:
        link.close()


def memory(daemon):
    fields = pathlib.Path(f"/proc/{daemon.pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) * 1024


def test_slow_and_half_open_clients_hold_up_nobody_for_long(kodamad):
    kodamad.stop()
    kodamad.configure("", kodamad.configuration.read_text().replace("{", "{{").replace("}", "}}")
                      .replace('ingest.sock" }}', 'ingest.sock"  request-timeout = 1s  idle-timeout = 1s }}'))
    kodamad.start()
    half = frame(mails.report(GONE).encode())[:-10]
    links = [connect(kodamad.ingest) for _ in range(200)]
    for link in links:
        link.sendall(half)
    # more of them than there is room for: whole ones wait for the time that half ones have
    takes(kodamad, mails.report(GONE))
    assert [talk(link) for link in links] == [b""] * 200
    assert count(kodamad, "timed-out") == 200 and count(kodamad, "messages") == 1
    kodamad.wait_log("peer-slow front=ingest")


def test_peer_that_does_not_wait_for_its_answer(kodamad):
    for _ in range(20):
        with connect(kodamad.ingest) as link:
            link.sendall(frame(mails.report(GONE).encode()))
    takes(kodamad, mails.report(GONE))
    until(lambda: count(kodamad, "messages") == 21, "those who did not wait")


# many connections with half a message each, held until the end of its standard input
GREEDY = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
links = [socket.socket(socket.AF_UNIX) for _ in range(400)]
for link in links:
    link.connect(sys.argv[1])
    try:
        link.sendall(b"1000:half")
    except OSError:
        pass
print("ready", flush=True)
sys.stdin.read()
"""


def test_one_user_cannot_keep_the_mailer_from_it(kodamad):
    """Neither from a connection nor from a place: two of them hold what they can get, and a third, and root, are served."""
    greedy = [subprocess.Popen(["/usr/bin/python3", "-c", GREEDY, kodamad.ingest, str(uid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
              for uid in (65531, 65532)]
    try:
        assert [process.stdout.readline() for process in greedy] == [b"ready\n"] * 2
        until(lambda: count(kodamad, "open") == 502, lambda: f"{count(kodamad, 'open')} connections")
        program = kodamad.home / "kodama"
        program.write_bytes(KODAMA.read_bytes())
        program.chmod(0o755)
        nobody = pwd.getpwnam("nobody")
        command = [program, "ingest", "--timeout=5", f"--socket=unix:{kodamad.ingest}"]
        environment = {"ASAN_OPTIONS": "detect_leaks=0"}
        for who in ({"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}, {}):
            done = subprocess.run(command, input=mails.report(GONE).encode(), capture_output=True, env=environment, **who)
            assert (done.returncode, done.stderr) == (EX_OK, b"")
        # they themselves wait, and are told to come again
        greedy_one = subprocess.run(command, input=mails.report(GONE).encode(), capture_output=True, env=environment,
                                    user=65531, group=65531, extra_groups=[])
        assert greedy_one.returncode == EX_TEMPFAIL
        kodamad.wait_log("user-connections-full front=ingest uid=6553")
    finally:
        for process in greedy:
            process.communicate(timeout=60)
    until(lambda: count(kodamad, "open") == 0, "an end of all of them")
    takes(kodamad, mails.report(GONE))


def test_daemon_that_hangs_means_come_again(believing):
    """Stopped in the middle of its work; when it goes on, what it was given counts once."""
    believing.signal(signal.SIGSTOP)
    try:
        done = ingest(believing, mails.report(GONE), "--annotate", "--timeout=1")
    finally:
        believing.signal(signal.SIGCONT)
    assert (done.returncode, done.stdout) == (EX_TEMPFAIL, b"") and b"timed out" in done.stderr
    takes(believing, mails.report(GONE))
    assert believing.get_suppressed() == [GONE]


@pytest.mark.parametrize("value", ["0", "-1", "3601", "1m", ""])
def test_timeout_is_a_number_of_seconds(kodamad, value):
    assert ingest(kodamad, mails.report(GONE), f"--timeout={value}").returncode == EX_USAGE


def test_many_at_once(believing):
    addresses = [f"u{i}@example.com" for i in range(300)]
    links = [connect(believing.ingest) for _ in addresses]
    for number, (link, address) in enumerate(zip(links, addresses)):
        link.sendall(frame(mails.report(address, queue_id=f"4jX3rL3M9mz1c{number:03d}").encode()))
    answers = [talk(link) for link in links]
    assert all(b":ok\nX-Bounce-Result: " in answer and f"rcpt=<{address}>".encode() in answer for answer, address in zip(answers, addresses))
    assert believing.get_suppressed() == sorted(addresses)


def test_byte_by_byte(kodamad):
    with connect(kodamad.ingest) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for byte in frame(mails.report(GONE).encode()):
            link.sendall(bytes([byte]))
        assert f"rcpt=<{GONE}>".encode() in talk(link)
