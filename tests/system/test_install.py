# SPDX-License-Identifier: BSD-2-Clause
"""What is installed and how it runs there: files, unit, man pages, quick start."""
import contextlib
import ctypes
import errno
import os
import pathlib
import platform
import re
import signal
import struct
import subprocess

import pytest

from harness.paths import BUILD, KODAMA, TOP, run
from harness.wait import until


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    run("make", "-C", BUILD, "install", f"DESTDIR={folder}")
    return folder


def find_installed(folder, name):
    found = [path for path in folder.rglob(name) if path.is_file()]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


@pytest.mark.parametrize("name", ["kodamad", "kodama", "kodama.conf", "providers.conf", "kodamad.service",
                                  "kodamad.8", "kodama.m4", "kodama.mc", "kodama-map.mc", "kodama.1", "kodama.conf.5", "kodama.rules.5"])
def test_install_into_a_folder(installed, name):
    find_installed(installed, name)


def test_installed_sample_configuration_is_good(installed):
    etc = find_installed(installed, "kodama.conf").parent
    run(KODAMA, "config", "--etc", etc, "check")
    assert list((etc / "rules.d").glob("*.rules"))


def test_uninstall_leaves_nothing(tmp_path):
    run("make", "-C", BUILD, "install", f"DESTDIR={tmp_path}")
    run("make", "-C", BUILD, "uninstall", f"DESTDIR={tmp_path}")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_unit_is_clean(installed, tmp_path):
    unit = tmp_path / "kodamad.service"
    # the programs of the build, so that systemd finds what the unit starts
    program = BUILD / "kodamad"
    text = find_installed(installed, "kodamad.service").read_text()
    text = re.sub(r"^(Exec\w+=)\S+/kodamad(?= )", rf"\g<1>{program}", text, flags=re.M)
    text = re.sub(r"^(Exec\w+=)\S+/kodama(?= )", rf"\g<1>{KODAMA}", text, flags=re.M)
    unit.write_text(text)
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "kodamad.service" in line]
    assert done.returncode == 0 and said == []


def test_unit_is_hardened(installed):
    """systemd's own measure, which starts near 10: what is left is what it needs (network, sockets, dropping root by itself)."""
    unit = find_installed(installed, "kodamad.service")
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit, check=False)
    level = re.search(r"Overall exposure level for kodamad.service: ([\d.]+)", done.stdout)
    assert level and float(level[1]) < 2.5, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["kodamad.8", "kodama.1", "kodama.conf.5", "kodama.rules.5"])
def test_man_page_is_clean(installed, name):
    done = run("mandoc", "-T", "lint", "-W", "warning", find_installed(installed, name), check=False)
    # a page has no date of its own: it belongs to the version
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


# --- where the kernel forbids code made at run time (SELinux, PaX, MemoryDenyWriteExecute) PCRE2 interprets

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def forbid_code_made_at_run_time():
    """A seccomp filter as MemoryDenyWriteExecute sets it: no mmap with write and exec, no mprotect and pkey_mprotect with exec."""
    numbers = {"x86_64": (9, 10, 329), "aarch64": (222, 226, 288)}[platform.machine()]
    mmap, mprotect, pkey_mprotect = numbers
    load, equal, bits, ret = 0x20, 0x15, 0x54, 0x06
    prot = 16 + 2 * 8  # the low half of the third argument
    write_and_exec, execute = 6, 4
    program = [  # operation, jump if so, jump if not (both relative), value
        (load, 0, 0, 0),
        (equal, 0, 3, mmap), (load, 0, 0, prot), (bits, 0, 0, write_and_exec), (equal, 5, 6, write_and_exec),
        (equal, 1, 0, mprotect), (equal, 0, 4, pkey_mprotect),
        (load, 0, 0, prot), (bits, 0, 0, execute), (equal, 0, 1, execute),
        (ret, 0, 0, 0x00050000 | errno.EPERM), (ret, 0, 0, 0x7FFF0000),
    ]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)

    class Filter(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        os._exit(98)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Filter(len(program), ctypes.addressof(buffer))), 0, 0) != 0:
        os._exit(99)


def test_the_filter_forbids_what_it_says():
    code = "import mmap\ntry:\n mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)\nexcept PermissionError:\n print('forbidden')"
    done = subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True, preexec_fn=forbid_code_made_at_run_time)
    assert done.stdout == "forbidden\n", done.stderr


def test_rules_are_interpreted_where_no_code_can_be_made():
    texts = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp\n452 4.2.2 over quota\n"
    command = [str(KODAMA), "classify", "--etc", str(TOP / "etc"), "--input=response", "--format=json", "-"]
    free = subprocess.run(command, input=texts, capture_output=True, text=True, check=True)
    bound = subprocess.run(command, input=texts, capture_output=True, text=True, preexec_fn=forbid_code_made_at_run_time)
    assert bound.returncode == 0, bound.stderr
    assert bound.stdout == free.stdout and "user-unknown" in bound.stdout


# --- the first of the two commands

def get_quickstart_environment(folder):
    return {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1"}


def find_processes(folder):
    """Those that have the folder in their command line, and would be left over."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(path.read_bytes())
    return found


def test_quickstart_shows_the_loop_and_cleans_up(scratch):
    done = run(TOP / "contrib/quickstart", f"--build={BUILD}", env=get_quickstart_environment(scratch), timeout=300)
    for words in ("X-Bounce-Result", "class=user-unknown", "decision=suppressed", "(kodama-suppressed)", "550 5.1.1",
                  "class=authentication-failed", "class=mailbox-full", "class=blocklisted", "lineworks.nobody@example.com"):
        assert words in done.stdout, f"{words}\n{done.stdout}"
    assert "\x1b" not in done.stdout
    assert list(scratch.iterdir()) == [] and find_processes(scratch) == []


def test_quickstart_keeps_what_it_is_told_to_keep(scratch):
    done = run(TOP / "contrib/quickstart", "--keep", f"--build={BUILD}", env=get_quickstart_environment(scratch), timeout=300)
    home, = scratch.iterdir()
    status = run(KODAMA, "status", "--etc", home / "kodama/etc")
    assert status.stdout and str(home / "stop") in done.stdout
    run(home / "stop")
    until(lambda: find_processes(scratch) == [], "the end of what was left running")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("after", ["1. Build", "2. Start", "3. Mail", "4. What"])
def test_quickstart_cleans_up_after_an_interrupt(scratch, after):
    with subprocess.Popen([TOP / "contrib/quickstart", f"--build={BUILD}"], env=get_quickstart_environment(scratch), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        for line in process.stdout:
            if after in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=60) == 130, rest
    assert list(scratch.iterdir()) == []
    until(lambda: find_processes(scratch) == [], lambda: f"nothing left over: {find_processes(scratch)}")


def test_readme_shows_the_lines_that_are_tested():
    """The lines for main.cf that an operator copies are those that Postfix has in these tests."""
    readme = (TOP / "README.md").read_text()
    lines = [line for line in (TOP / "contrib/postfix/main.cf").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if line not in readme] == []
