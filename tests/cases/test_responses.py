# SPDX-License-Identifier: BSD-2-Clause
"""What the shipped rules make of single responses: tables of facts (responses/*.tsv), and, where KODAMA_CORPUS names the
folder of the corpus, the larger tables beside it, as they are and after a seeded mutation."""
import csv
import json
import os
import pathlib
import random
import re

import pytest

from harness.paths import kodama

TABLES = sorted((pathlib.Path(__file__).parent / "responses").glob("*.tsv"))
CORPUS = os.environ.get("KODAMA_CORPUS")


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("# "))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def play(responses):
    """(provider, reply, status, text) each; their verdicts in the same order."""
    lines = "".join("\t".join(re.sub(r"[\t\n]", " ", field) for field in response) + "\n" for response in responses)
    done = kodama("classify", "--input=response", "--format=json", "-", input=lines)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [verdict["line"] for verdict in verdicts] == list(range(1, len(responses) + 1))
    return verdicts


def get_status(row):
    """A range of statuses stands for any of them: its first."""
    return re.sub(r"(\d+)-\d+$", r"\1", row["status"])


def is_right(row, verdict):
    if row.get("kind") == "signature":
        return verdict.get("provider") == row["provider"]
    if row.get("kind") == "phrase" and row["class"] == "unclassified":
        return verdict["class"] == "unclassified"
    return (verdict["class"], verdict["suppress"]) == (row["class"], row["suppress"])


def is_dangerous(row, verdict):
    return verdict["suppress"] == "now" and row["suppress"] != "now"


def tell(row, response, verdict):
    return (f"{response}: {row['class']}/{row['suppress']} wanted, {verdict['class']}/{verdict['suppress']} given "
            f"by {verdict.get('rule', 'no rule')}")


def judge(rows, responses):
    """What went wrong, and what of it would suppress a good address."""
    verdicts = play(responses)
    played = list(zip(rows, responses, verdicts))
    return ([tell(*one) for one in played if not is_right(one[0], one[2])],
            [tell(*one) for one in played if is_dangerous(one[0], one[2])])


@pytest.mark.parametrize("path", TABLES, ids=[path.stem for path in TABLES])
def test_table(path):
    rows = read(path)
    wrong, dangerous = judge(rows, [(row["provider"], row["reply"], row["status"], row["text"]) for row in rows])
    assert wrong == []
    assert dangerous == []


def mutate(row, dice):
    """The same answer another day, through another mailer: case, wrapping, an id, a frame around it, no status."""
    text, reply, status = row["key"], row["reply"], get_status(row)
    if row["kind"] == "phrase":
        text = dice.choice([str, str.upper, str.lower, str.swapcase])(text)
    text = re.sub(r"[\w.+-]+@[\w.-]+", "neko@mx.example.org", text)
    text = re.sub(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", lambda _: f"203.0.113.{dice.randrange(256)}", text)
    text = re.sub(" ", lambda _: dice.choice([" ", " ", "  ", " \r "]), text)
    text += dice.choice(["", "", f" q{dice.randrange(99)}si{dice.randrange(9999999)}.1", f" ({dice.getrandbits(32):x})"])
    is_only_sign = not reply and status.startswith("4")  # that the failure is temporary: nothing else says so
    if dice.random() < 0.3 and not is_only_sign:
        status = ""
    if dice.random() < 0.5:
        codes = "-".join(code for code in (reply, status) if code)
        frame = f"host mx{dice.randrange(9)}.example.net[203.0.113.{dice.randrange(256)}] said: "
        return row["provider"], "", "", frame + (codes + " " if codes else "") + text
    return row["provider"], reply, status, text


DEAD = ["user unknown", "no such user", "mailbox does not exist", "invalid recipient", "user not found", "account disabled",
        "mailbox closed", "address does not exist"]
FRAMES = ["Message rejected: {}", "Mail refused - {}", "Delivery denied: {}", "Rejected: {}", "Requested action not taken: {}", "Command rejected: {}",
          "Sorry, {}", "Undelivered: {}", "Recipient address rejected: {}", "{}. Message rejected", "{}; delivery refused", "{} - mail refused",
          "{}, please contact your administrator", "{}. Please check the spelling and try again", "{}. See http://support.example.com/errors/5.1.1",
          "Transaction failed: {}", "Delivery to neko@example.com failed: {}", "Message could not be delivered because {}",
          "<neko@example.com> {}", "<neko@example.com>: {}", "<neko@example.com>... {}", "{} <neko@example.com>", "{}: neko@example.com",
          "mx1.example.com {}", "{} [AbCd1234]", "{} (#5.1.1)", "{} - mx1.example.com", "{}. Connection closed", "{}, closing connection",
          "RCPT TO rejected: {}", "{} at example.com", "Mail to neko@example.com refused: {}", "{}! Please remove it from your mailing list",
          "[R1] {}", "Permanent error. {}", "mailbox unavailable: {}", "{}. If you feel this is an error contact postmaster@example.com"]
ABOUT_ANOTHER = ["From: {}", "From {}", "MAIL FROM rejected: {}", "MAIL FROM: <neko@example.org> {}", "sender {}", "Sender address rejected: {}",
                 "Sender verification failed: {}", "Return-Path {}", "Callback verification of <neko@example.org> failed: {}", "AUTH: {}",
                 "Reply-To <x@example.org>: {}", "In-Reply-To: {}", "Envelope-from: {}", "sender's mailbox: {}", "Authentication failed: {}",
                 "{} (authentication failure)", "{} in authentication", "The URL http://example.com/?q={} is listed", "{} in subject",
                 "Message contains forbidden phrase '{}'", "your IP is blocked; {}", "Blocked by spam filter: subject '{}'", "{} of sender",
                 "rejected by policy: you send too many mails to {} addresses", "Too many {} errors from your IP", "Harvest attack: {}",
                 "You have sent to too many addresses ({})", "Greylisted: {}", "SPF lookup failed: {}", "Subject: Undeliverable: {}", "backscatter: {}",
                 "Your message looks like a bounce: {}", "we do not accept bounces: {}", "This is a reply to your message '{}'", "{} (sender)",
                 "{} or blocked by policy", "{} or access denied", "{}, your IP has been blocked", "Mail from {} refused", "Relay denied, {}",
                 "{}, try again later", "{} temporarily", "LDAP error: {}", "file name contains '{}'", "{} in message body", "blacklisted: {}",
                 "sender callout to mx.example.org failed: 550 {}", "Unable to verify that {}", "cannot tell whether {}",
                 "Sender: {}", "Return path: {}", "verify sender: {}", "SASL login failed: {}", "authentication error, {}",
                 "login: {}", "IP blocked - {}", "too many recipients failed ({})", "we saw many '{}' from your host",
                 "Reputation: {} ratio too high", "DKIM: {}", "Header From: {}", "envelope sender {}",
                 "The envelope sender <neko@example.org>: {}", "the sender's address was refused by its own server: {}",
                 "Return-Path address: 550 {}", "could not verify sender: mx.example.org said: 550 5.1.1 {}",
                 "Quoted text: {} is a phrase used in spam", "{} agent", "{} sender", "{} of the sender", "{} at sender domain",
                 "{} or sender not permitted", "{} (too many errors)", "Your account: {}", "your {}", "for relay: {}",
                 "{}: relaying denied", "Proxy says: {}", "Temporary failure: {}", "database error, {}", "Content-Type: {}",
                 "Policy: {}", "attachment named '{}'", "X-Failed: {} header not allowed", "HELO {}", "client {}",
                 "client host {}", "DNS says {}", "{} in DNS", "{} in blacklist", "{} in RBL", "Spam ({})", "spam: {}",
                 "virus: {}", "Rate limit: {}", "Throttled: {}", "TLS error: {}", "certificate {}", "STARTTLS: {}",
                 "we could not check if {}", "not {}", "it is not so that {}", "this does not mean that {}",
                 "if {}, contact postmaster", "whether {} is unclear", "we do not know whether {}", "{}?", "maybe {}",
                 "perhaps {}", "possibly {}", "probably {}", "it may be that {}", "it could be that {}", "{} (possibly)",
                 "unless {}", "in case {}", "not because {}, but for another reason", "the reason is not {}",
                 "{} is not the reason", "never {}", "{} or you are blocked", "either {} or your host is listed",
                 "{} and your IP is listed", "{}; see your spam filter", "{} - spam", "{} (spam)",
                 "your server sent too many messages with {}", "{}: sender", "{}: your domain", "for the sender: {}",
                 "the sender: {}", "for sender {}", "for <sender> {}", "sending server: {}", "your account: {}", "login: {}",
                 "SMTP AUTH: {}", "SASL: {}", "auth failed, {}", "relay user: {}", "relaying denied: {}",
                 "relay not permitted, {}", "policy service: {}", "policy server says: {}", "content filter: {}",
                 "message body contains: {}", "attachment {} refused", "too many attempts: {}", "too many recipients: {}",
                 "rate exceeded: {}", "{} rate exceeded", "DNSBL: {}", "listed at example: {}", "SPF: {}", "DKIM key: {}",
                 "DMARC: {}", "TLS: {}", "HELO: {}", "EHLO: {}", "PTR: {}", "reverse DNS: {}", "client certificate: {}",
                 "postgrey: {}", "greylist: {}", "try later: {}", "{}; please retry", "{}, please retry later",
                 "{} until tomorrow", "{} at this time", "{} at the moment", "{} for now", "{} right now", "temporary: {}",
                 "temporary problem: {}", "transient: {}", "deferred: {}", "{} (database unavailable)", "{} (LDAP down)",
                 "backend error: {}", "internal error: {}", "server error: {}", "system error: {}",
                 "timeout: {}", "virus scanner: {}", "header X-Reason: {}", "header To: {}", "To: header: {}", "Message-ID: {}",
                 "Reply-To: {}", "Errors-To: {}", "Return-Path: {}", "bounce address: {}", "postmaster of your domain: {}",
                 "abuse@ of your domain: {}", "your mailbox: {}", "your address: {}", "{} for your mail", "{} for you",
                 "{} for mail from you", "{} for mails of your server", "{} for messages of this size",
                 "{} for external senders", "{} from your network", "{} from outside", "{} from the internet",
                 "{} without authentication", "{} unless you log in", "{} for bulk mail", "{} by rule", "{} by policy",
                 "{} due to policy", "{} due to your reputation", "{} because of your IP",
                 "{} because your message looks like spam", "{} because you are not on the list", "{} in your address book",
                 "{} in the sender table", "{} in sender access map", "{} in relay table for your host"]


# Whole sentences with the words of a dead address, said of somebody or something else.
OTHERS = [
    "The user you authenticate as does not exist in our directory",
    "Recipient list was not found in the message headers",
    "The address in your From line does not exist",
    "The account of the person who sent this is closed",
    "We could not find your address in the list of known senders",
    "No account of yours was found, register first",
    "Person sending this is not known to the recipient",
    "The owner of this address has not registered you as a friend",
    "Address verification: your mailbox was not found by our callback",
    "Customer number in subject not found",
    "User agent not recognised",
    "Your recipient has closed the mailbox to newsletters",
    "The mailbox has been closed to mail with attachments",
    "account for sending is not activated",
    "Address range 192.0.2.0/24 not registered for mail",
    "Recipient's address was not found in To or Cc",
    "This user was deleted from your mailing list, do not mail again",
    "the user has been removed from the list at their request",
    "Alias of sender not defined",
    "no mailbox at your domain accepts bounces",
    "The server you are using has no account here",
    "Your name is not on our list",
    "Users of unregistered networks are not known to be safe",
    "Mail to deleted or unknown users is counted: you reached the limit",
    "User's key not found: message must be encrypted",
    "Recipient not found in signed list of this bulk mailing"
]


def test_a_frame_takes_nothing_away():
    texts = [frame.format(words) for frame in FRAMES for words in DEAD]
    assert [text for text, verdict in zip(texts, play([("", "550", "", text) for text in texts])) if verdict["suppress"] != "now"] == []


def test_the_same_words_about_something_else_never_suppress():
    texts = [frame.format(words) for frame in ABOUT_ANOTHER for words in DEAD] + OTHERS
    assert [text for text, verdict in zip(texts, play([("", "550", "", text) for text in texts])) if verdict["suppress"] == "now"] == []


if CORPUS:
    FACTS = pathlib.Path(CORPUS).parent

    def test_all_seed_codes():
        rows = read(FACTS / "seed-codes.tsv")
        wrong, _ = judge(rows, [(row["system"], row["reply"], row["status"], row["text"]) for row in rows])
        assert wrong == []

    def test_provider_codes():
        rows = read(FACTS / "provider-codes.tsv")
        known = [("" if row["kind"] == "signature" else row["provider"], row["reply"], get_status(row), row["key"]) for row in rows]
        phrases = [row for row in rows if row["kind"] == "phrase"]
        unknown = [("", row["reply"], get_status(row), row["key"]) for row in phrases]
        wrong, dangerous = judge(rows + phrases, known + unknown)
        assert dangerous == []
        assert len(wrong) <= 0.03 * (len(known) + len(unknown)), "\n".join(wrong)

    def test_provider_codes_mutated():
        dice = random.Random(20261121)
        rows = [row for row in read(FACTS / "provider-codes.tsv") if row["kind"] in ("phrase", "vendor-tag")]
        wrong, dangerous = judge(rows, [mutate(row, dice) for row in rows])
        assert dangerous == []
        assert len(wrong) <= 0.05 * len(rows), "\n".join(wrong)
