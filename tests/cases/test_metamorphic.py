# SPDX-License-Identifier: BSD-2-Clause
"""What a bounce says does not change by how it is wrapped: every case mail, every mail of mails/*.txt, and every mail of the corpus
where KODAMA_CORPUS names it, is changed as gateways and other servers change mail (changes.py), and must give the same outcomes."""
import json
import os
import pathlib

import changes
import test_mails
from case import Case
from harness.paths import kodama

CORPUS = os.environ.get("KODAMA_CORPUS")
KEYS = ("recipient", "action", "reply", "status", "class", "suppress", "confidence", "kind", "rule", "message_id")
OF_ANOTHER = tuple(key for key in KEYS if key not in ("message_id", "rule"))


def get_mails():
    cases = [Case(path) for path in sorted(pathlib.Path(__file__).parent.glob("*.case"))]
    mails = {case.path.stem: case.message for case in cases if case.head["input"] == "mail"}
    for path in sorted((pathlib.Path(__file__).parent / "mails").glob("*.txt")):
        mails.update((name, mail.encode()) for name, (_, mail) in test_mails.read(path)[1].items())
    if CORPUS:
        for path in sorted((pathlib.Path(CORPUS) / "mail").glob("*.eml")):
            mails[path.stem] = path.read_bytes().replace(b"\r\n", b"\n")
    return mails


def classify(mails, folder):
    """{(change, name): outcomes} of all mails, in one run."""
    numbers = {}
    for number, (key, mail) in enumerate(mails.items()):
        numbers[f"{number}.eml"] = key
        (folder / f"{number}.eml").write_bytes(mail)
    done = kodama("classify", "--format=json", folder, timeout=600, errors="replace")
    outcomes = {key: [] for key in mails}
    for line in done.stdout.splitlines():
        outcome = json.loads(line)
        outcomes[numbers[pathlib.Path(outcome["file"]).name]].append(outcome)
    return outcomes


def pick(outcomes, keys):
    return [tuple(outcome.get(key) for key in keys) for outcome in outcomes]


def tell(change, name, wanted, given, keys):
    for i in range(max(len(wanted), len(given))):
        want, have = (one[i] if i < len(one) else None for one in (wanted, given))
        if want and have and want != have:
            return f"{name}, {change}: " + ", ".join(f"{key}: {a!r} -> {b!r}" for key, a, b in zip(keys, want, have) if a != b)
        if want != have:
            return f"{name}, {change}: {want} -> {have}"
    return None


def scratch_folder(path, name):
    folder = path / name
    folder.mkdir()
    return folder


def test_wrapping_changes_nothing(scratch):
    mails = get_mails()
    before = classify({("", name): mail for name, mail in mails.items()}, scratch_folder(scratch, "before"))
    changed = {(change, name): function(mail) for change, function in changes.CHANGES.items() for name, mail in mails.items()}
    # a null sender is no trace of what nobody's mail system wrote
    changed = {key: mail for key, mail in changed.items() if mail != mails[key[1]] and (before["", key[1]] or key[0] != "trace fields")}
    assert {change for change, _ in changed} == set(changes.CHANGES), "a change that changes nothing"
    after = classify(changed, scratch_folder(scratch, "after"))
    wrong = []
    for change, name in changed:
        keys = OF_ANOTHER if change == "another day" else KEYS
        wrong.append(tell(change, name, pick(before["", name], keys), pick(after[change, name], keys), keys))
    wrong = [one for one in wrong if one]
    assert not wrong, "\n".join(wrong)


def get_renamed(mails, before):
    """The mails about other people, and what they must give."""
    renamed, wanted = {}, {}
    for change, function in changes.RENAMINGS.items():
        for name, mail in mails.items():
            outcomes = before["", name]
            recipients = sorted({outcome["recipient"] for outcome in outcomes if outcome.get("recipient")}, key=len, reverse=True)
            if not all("@" in recipient for recipient in recipients):
                continue
            others = {recipient: function(*recipient.rsplit("@", 1)) for recipient in recipients}
            # who the provider is, its domain may tell; and two people are not to become one
            if ("domain" in change and any("provider" in outcome for outcome in outcomes)) or len(set(others.values())) < len(others):
                continue
            other = changes.with_recipient(mail, others)
            if others and other:
                renamed[change, name] = other
                wanted[change, name] = [{**outcome, "recipient": others.get(outcome.get("recipient"))} for outcome in outcomes]
    return renamed, wanted


def test_the_recipient_s_name_changes_nothing(scratch):
    mails = get_mails()
    before = classify({("", name): mail for name, mail in mails.items()}, scratch_folder(scratch, "before"))
    renamed, wanted = get_renamed(mails, before)
    assert {change for change, _ in renamed} == set(changes.RENAMINGS), "a change that changes nothing"
    after = classify(renamed, scratch_folder(scratch, "after"))
    wrong = [tell(change, name, pick(wanted[change, name], OF_ANOTHER), pick(after[change, name], OF_ANOTHER), OF_ANOTHER)
             for change, name in renamed]
    wrong = [one for one in wrong if one]
    assert not wrong, "\n".join(wrong)
