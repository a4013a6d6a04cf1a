# SPDX-License-Identifier: BSD-2-Clause
"""Real traffic in small on Sendmail: milter, alias and log at once, and kodamad killed in its midst."""
import threading

from harness import load
from harness.follower import Follower, follow
from harness.sendmail import Sendmail, install_program
from harness.wait import until

ROUNDS, GOOD_COUNT, DEAD_COUNT = 4, 27, 3


def test_killed_under_load_every_mail_arrives_and_every_failure_is_found_once(scratch):
    program = install_program(scratch)
    alias = f'"|{program} ingest --socket=unix:{scratch}/k/run/ingest.sock", postmaster'
    rounds = range(ROUNDS)
    good, dead = (load.get_recipients(word, rounds, count) for word, count in ((load.GOOD, GOOD_COUNT), (load.DEAD, DEAD_COUNT)))
    with load.CountingRemote() as remote, \
            Sendmail(scratch / "s", remote.port, aliases={"sender": alias, "postmaster": "reader"}) as mta:
        log = mta.home / "mail.log"
        until(lambda: mta.log, "Sendmail's log")
        log.chmod(0o644)
        with Follower(scratch / "k", mta.sockets, extra=follow(log, extra='outbound-networks = {"127.0.0.1/32"}\n')) as daemon:
            daemon.start()

            def work():
                for number in rounds:
                    load.send_round(mta, number, GOOD_COUNT, DEAD_COUNT)
            sender = threading.Thread(target=work)
            sender.start()
            until(lambda: len(remote.arrived) > GOOD_COUNT, "the first mails")
            daemon.kill()
            daemon.start()
            sender.join()
            load.wait_done(mta, remote, len(good))
            assert set(remote.arrived) == good and set(remote.arrived.values()) == {1}
            until(lambda: dead <= set(daemon.get_suppressed()), lambda: f"{dead - set(daemon.get_suppressed())}\n{mta.log}")
            daemon.wait_read(log)
            assert load.count_outcomes(daemon) == dict.fromkeys(dead, 1)
            assert daemon.get_suppressed() == sorted(dead)
            # and each bounce came back to its reader, whoever was dead meanwhile
            assert len(mta.find_spooled("<reader@example.jp>")) == len(dead)
