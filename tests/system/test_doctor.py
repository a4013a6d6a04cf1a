# SPDX-License-Identifier: BSD-2-Clause
"""kodama doctor: a test mail through the real Postfix, and who saw it."""
import json
import re

from harness.kodamad import Kodamad


def doctor(system, *arguments, port=None):
    return system.kodamad.kodama("doctor", f"--smtp=inet:{port or system.postfix.port}@127.0.0.1", "--from=operator@example.jp", *arguments, check=False)


def seen(result):
    return {name for name, is_seen in json.loads(result.stdout)["seen"].items() if is_seen}


def test_every_front_that_is_on_has_seen_the_mail(system, address):
    recipient = address("exchange")
    result = doctor(system, f"--to={recipient}", "--format=json")
    assert result.returncode == 0, result.stderr
    assert seen(result) >= {"milter", "policy", "bounce"}
    assert json.loads(result.stdout)["last"]["milter"]
    # its sender has the bounce
    system.postfix.wait_bounce(recipient)
    assert "saw the bounce" in doctor(system, f"--to={address('exchange')}").stdout


def test_an_mta_that_passes_kodama_is_told_apart(system, address):
    # the listener without milters and restrictions
    result = doctor(system, f"--to={address('exchange')}", port=system.postfix.plain_port)
    assert result.returncode == 1
    assert "does smtpd_milters" in result.stdout and "was not asked" in result.stdout


def test_another_recipient_s_mail_is_not_taken_for_the_test_mail(system, address):
    system.postfix.send(address("exchange"), "Subject: x\n\nx\n")
    result = doctor(system, f"--to={address('exchange')}", "--format=json", port=1)
    assert result.returncode == 1 and seen(result) == set()
    assert "inet:1@127.0.0.1: Connection refused" in json.loads(result.stdout)["reply"]


def test_nothing_stays_of_an_address_that_is_nobody_s(system):
    recipient = json.loads(doctor(system, "--format=json", port=1).stdout)["recipient"]
    assert recipient.endswith("@kodama-doctor.invalid")
    assert "kodama-doctor.invalid" not in "".join(system.kodamad.get_suppressed())


def test_without_a_daemon_it_says_so(system):
    system.kodamad.stop()
    result = doctor(system)
    assert result.returncode == 1 and "no daemon answers" in result.stderr


def test_the_line_in_the_log_is_seen_and_its_age_told(scratch, postfix, address):
    log = postfix.home / "mail.log"
    log.chmod(0o644)
    with Kodamad(scratch / "kodama", postfix.sockets, extra=f'maillog {{ file = "{log}" }}\n') as daemon:
        daemon.start()
        result = daemon.kodama("doctor", f"--smtp=inet:{postfix.port}@127.0.0.1", "--from=operator@example.jp", f"--to={address('exchange')}")
        assert "read the failure in the log" in result.stdout
        assert re.search(r"^  log +\d+ s ago$", result.stdout, re.M)


def test_bounces_that_prove_nothing_are_a_fault(scratch, postfix, address):
    """All fronts see the mail and its bounce, and nobody would ever be suppressed: the operator has to be told."""
    with Kodamad(scratch / "unproved", postfix.sockets, extra="local-submission = untrusted\n") as daemon:
        daemon.start()

        def examine(*options):
            return daemon.kodama("doctor", f"--smtp=inet:{postfix.port}@127.0.0.1", "--from=operator@example.jp", *options, check=False)

        result = examine(f"--to={address('exchange')}")
        assert result.returncode == 1
        assert "saw the bounce" in result.stdout and "such a failure changes nothing" in result.stdout and "outbound-networks" in result.stdout

        with daemon.configuration.open("a") as configuration:
            configuration.write('outbound-networks = {"127.0.0.1/32"}\n')
        daemon.kodama("reload")
        recipient = address("exchange")
        result = examine(f"--to={recipient}", "--format=json")
        told = json.loads(result.stdout)
        assert (result.returncode, told["proof"], told["decision"]) == (0, "token", "suppressed")

        # once more: it is Kodama that refuses, and no front is blamed for what it could not see
        result = examine(f"--to={recipient}")
        assert result.returncode == 1 and "Kodama refused it" in result.stdout
        assert "internal_mail_filter_classes" not in result.stdout
