# SPDX-License-Identifier: BSD-2-Clause
"""kodama explain, rules and config: what an operator who writes rules and configuration gets to read."""
import json
import re

import pytest

from harness.paths import ETC, KODAMA, kodama, run

RULES = """\
rule gone   { class = user-unknown  text = {'does not exist'}  matches = {'550 5.1.1 it does not exist'} }
rule status { class = policy        status = {"5.1.1"} }
rule listed { class = blocklisted   text = {'blocked by zen'}  matches = {'550 5.7.1 blocked by zen'} }
"""
WRONG = "rule listed2 { class = spam  text = {'spam'}  matches = {'550 5.7.1 blocked by zen'} }\n"


@pytest.fixture
def etc(scratch):
    (scratch / "rules.d").mkdir()
    (scratch / "rules.d/test.rules").write_text(RULES)
    return scratch


def explain(etc, *arguments):
    return json.loads(kodama("explain", "--format=json", *arguments, etc=etc).stdout)


def test_explain_names_winner_and_losers(etc):
    story = explain(etc, "host mx.example.com[192.0.2.1] said: 550-5.1.1 It does 550 5.1.1 not exist (in reply to RCPT TO command)")
    assert (story["reply"], story["status"], story["command"], story["remote_mta"]) == ("550", "5.1.1", "rcpt", "mx.example.com")
    assert (story["class"], story["rule"], story["basis"], story["suppress"]) == ("user-unknown", "gone", "phrase", "now")
    winner, loser = story["candidates"]
    assert winner["rule"] == "gone" and "lost" not in winner
    assert story["folded"][winner["from"]:winner["to"]] == "does not exist"
    assert loser["rule"] == "status" and loser["lost"]


def test_explain_believes_its_options_more_than_the_text(etc):
    story = explain(etc, "--reply=450", "--status=4.7.1", "--provider=example", "550 5.1.1 it does not exist")
    assert (story["reply"], story["status"], story["provider"], story["suppress"]) == ("450", "4.7.1", "example", "count")
    assert story["safety"]


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--reply=55", "x"], ["--status=5.1", "x"], ["--command=fly", "x"]], ids=str)
def test_explain_wrong_usage(arguments):
    done = run(KODAMA, "explain", *arguments, check=False)
    assert done.returncode == 2 and "kodama explain --help" in done.stderr


def test_rules_check_finds_a_sample_that_ends_elsewhere(etc):
    assert kodama("rules", "check", etc=etc).returncode == 0
    (etc / "rules.d/wrong.rules").write_text("\n" + WRONG)
    done = kodama("rules", "check", etc=etc, check=False)
    assert done.returncode == 1
    assert f"{etc}/rules.d/wrong.rules:2: error: listed2: " in done.stdout
    assert "4 rules: 1 errors" in done.stdout


def test_rules_list(etc):
    assert [line.split()[0] for line in kodama("rules", "list", etc=etc).stdout.splitlines()] == ["gone", "listed", "status"]
    rows = [json.loads(line) for line in kodama("rules", "list", "--format=json", etc=etc).stdout.splitlines()]
    assert [row["rule"] for row in rows] == ["gone", "listed", "status"]
    assert rows[0]["pattern"] == "does not exist" and rows[0]["line"] == 1


def test_rules_test_names_what_comes_out_otherwise(etc, scratch):
    path = scratch / "mine.txt"
    path.write_text("# mine\nuser-unknown\t550 it does not exist\nuser-unknown/now\t\t550\t5.1.1\tit does not exist\ngone\tit does not exist\n\n")
    assert "3 right, 0 wrong" in kodama("rules", "test", path, etc=etc).stdout
    path.write_text("spam\t550 it does not exist\nno response\nuser-unknown/never\t550 5.1.1 it does not exist\nspam\ta\tb\n")
    done = kodama("rules", "test", path, etc=etc, check=False)
    assert done.returncode == 1 and "0 right, 4 wrong" in done.stdout
    assert f"{path}:1: wanted spam, is user-unknown/now by gone" in done.stdout
    assert f"{path}:2: " in done.stderr and f"{path}:4: " in done.stderr


def test_rules_test_of_a_file_that_is_not_there(etc):
    done = kodama("rules", "test", etc / "missing", etc=etc, check=False)
    assert done.returncode == 1 and str(etc / "missing") in done.stderr


def test_shipped_configuration_is_good_and_shown():
    assert "good" in kodama("config", "check").stdout
    shown = kodama("config", "show").stdout
    assert "enforce" in shown and "milter" in shown


@pytest.mark.parametrize("text, why", [("enforce = yes\nno-such-option = 1\n", ":2: "), ("enforce = perhaps\n", ":1: ")])
def test_bad_configuration_is_refused_with_file_and_line(text, why, scratch):
    path = scratch / "kodama.conf"
    path.write_text(text)
    for verb in ("check", "show"):
        done = kodama("config", verb, "--config", path, etc=ETC, check=False)
        assert done.returncode == 1 and f"{path}{why}" in done.stderr
        assert done.stdout == ""


def test_what_is_shown_can_be_read_again(scratch):
    path = scratch / "kodama.conf"
    path.write_text(kodama("config", "show").stdout)
    assert kodama("config", "show", "--config", path, etc=ETC).stdout == path.read_text()


@pytest.mark.parametrize("arguments", [["rules"], ["rules", "fly"], ["rules", "test"], ["rules", "check", "x"], ["config"], ["config", "fly"],
                                       ["status", "x"], ["reload", "x"], ["suppress", "list", "x"], ["help", "fly"]], ids=str)
def test_wrong_usage_has_a_hint(arguments):
    done = run(KODAMA, *arguments, check=False)
    assert done.returncode == 2 and "--help" in done.stderr and done.stdout == ""


def test_every_command_has_help():
    names = re.findall(r"^  (\S+)", run(KODAMA, "help").stdout, re.M)
    assert len(names) >= 8
    for name in names:
        by_word, by_option = run(KODAMA, "help", name).stdout, run(KODAMA, name, "--help").stdout
        assert by_word == by_option and by_word.startswith(f"Usage: kodama {name}")
