# SPDX-License-Identifier: BSD-2-Clause
"""The fixtures of the system tests: one Postfix, one Sendmail and one remote side for all, a daemon with an empty store for each test."""
import itertools
import pathlib
from dataclasses import dataclass

import pytest

from harness.kodamad import Kodamad
from harness.paths import reachable
from harness.postfix import Postfix
from harness.remote import Remote
from harness.sendmail import Sendmail

NUMBER = itertools.count(1)
GOLDEN = pathlib.Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def remote():
    with Remote() as server:
        yield server


@pytest.fixture(scope="session")
def postfix(tmp_path_factory, remote):
    with Postfix(reachable(tmp_path_factory.mktemp("p")), remote.port, settings="maximal_queue_lifetime = 0\n") as mta:
        yield mta


@pytest.fixture(scope="session")
def sendmail(tmp_path_factory, remote):
    with Sendmail(reachable(tmp_path_factory.mktemp("s")), remote.port) as mta:
        yield mta


@dataclass
class System:
    """Postfix, Kodama and the rest of the world."""
    postfix: Postfix
    kodamad: Kodamad
    remote: Remote


@pytest.fixture
def system(scratch, postfix, remote):
    with Kodamad(scratch / "kodama", postfix.sockets) as daemon:
        daemon.start()
        yield System(postfix, daemon, remote)


@dataclass
class SendmailSystem:
    """The same with Sendmail."""
    sendmail: Sendmail
    kodamad: Kodamad
    remote: Remote


@pytest.fixture
def sendmail_system(scratch, sendmail, remote):
    with Kodamad(scratch / "kodama", sendmail.sockets) as daemon:
        daemon.start()
        yield SendmailSystem(sendmail, daemon, remote)


@pytest.fixture
def address():
    """Makes addresses that no other test uses: the word picks the reply of the remote side."""
    return lambda word="user": f"{word}.{next(NUMBER)}@example.com"


@pytest.fixture
def golden(update):
    """Compares text with the file of that name, or writes it with --update."""
    def compare(name, text):
        path = GOLDEN / name
        if update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"golden file {name}"
    return compare
