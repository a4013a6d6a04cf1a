# SPDX-License-Identifier: BSD-2-Clause
"""The look-up table on a real Sendmail, with the lines of contrib/sendmail/kodama-map.mc and nothing else of ours."""
import re

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.paths import TOP
from harness.sendmail import SOCKETS, Sendmail
from harness.wait import until

DOCUMENTED = TOP / "contrib/sendmail/kodama-map.mc"


def rules(sockets):
    return DOCUMENTED.read_text().replace(SOCKETS, str(sockets))


@pytest.fixture
def beside(scratch, remote):
    home = scratch / "s"
    with Sendmail(home, remote.port, kodama=False, settings=rules(home / "sockets")) as mta, Kodamad(scratch / "k", mta.sockets) as daemon:
        daemon.start()
        yield mta, daemon


def test_suppressed_recipient_is_refused_alone_and_mail_flows_without_kodamad(beside, remote, address):
    mta, daemon = beside
    good, gone, quoted = address("user"), address("user"), '"b\\"c"@example.com'
    daemon.add(gone)
    daemon.add(quoted)
    refused = mta.send([good, gone, quoted], mails.plain("map", good))
    assert sorted(refused) == sorted([gone, quoted])
    said = rf"5\.1\.1 <{re.escape(gone)}>\.\.\. <{re.escape(gone)}>: suppressed since \d{{4}}-\d\d-\d\d: unclassified \(kodama-suppressed\)"
    assert refused[gone][0] == 550 and re.fullmatch(said, refused[gone][1])
    assert refused[quoted][0] == 550 and refused[quoted][1].endswith("(kodama-suppressed)")
    until(lambda: remote.get_recipients(good.encode()) == [good], lambda: f"the good one's mail\n{mta.log}")
    # the null sender's mail is asked about like any other: a map does not know the sender
    assert list(mta.send([gone], mails.report("user@example.net"), sender="")) == [gone]
    daemon.stop()
    assert mta.send([gone], mails.plain("without", gone)) == {}
    until(lambda: remote.get_recipients(b"Subject: without") == [gone], lambda: f"it to be sent\n{mta.log}")
