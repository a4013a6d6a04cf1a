# SPDX-License-Identifier: BSD-2-Clause
"""Real traffic: smtp-source through a real Postfix to a remote side that knows only the living, and what came of each mail."""
import collections
import os
import pathlib
import re
import subprocess

from .remote import Remote, Session
from .wait import until

SENDER = "sender@example.jp"
GOOD, DEAD = "good", "dead"
SESSIONS = 5


class Knowing(Session):
    """Refuses the dead at RCPT."""

    def on_rcpt(self, line):
        recipient = re.search(r"<(.*?)>", line).group(1)
        if DEAD in recipient:
            self.say(f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown")
        else:
            super().on_rcpt(line)


class CountingRemote(Remote):
    """Keeps no mail, only how often each recipient got one."""

    def __init__(self):
        super().__init__(session=Knowing)
        self.arrived = collections.Counter()

    def take(self, sender, recipients, body):
        with self.lock:
            self.arrived.update(recipients)


def make_settings(log_name="kodama"):
    """Every front of Kodama at once; the milter and policy lines are the documented ones."""
    return f"default_delivery_status_filter = socketmap:unix:{log_name}/map.sock:status\n"


def get_domain(number):
    return f"d{number}.example.com"


def get_recipients(word, rounds, count):
    """As smtp-source -N numbers them."""
    return {f"{n}{word}@{get_domain(number)}" for number in rounds for n in range(1, count + 1)}


def send_round(postfix, number, good, dead, length=4000):
    """One domain's mails, both kinds at once; returns when the last is taken."""
    sources = [subprocess.Popen(["smtp-source", "-N", "-s", str(SESSIONS), "-m", str(count), "-l", str(length), "-f", SENDER,
                                 "-t", f"{word}@{get_domain(number)}", f"127.0.0.1:{postfix.port}"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
               for word, count in ((GOOD, good), (DEAD, dead)) if count]
    for source in sources:
        assert source.wait(timeout=600) == 0, f"smtp-source ended with {source.returncode}"


def wait_done(postfix, remote, good, deadline_s=120):
    """All the good have arrived, and nothing is left in the queue."""
    until(lambda: len(remote.arrived) >= good, lambda: f"{good} mails, {len(remote.arrived)} are there", deadline_s)
    until(lambda: not postfix.get_queue(), lambda: f"an empty queue: {len(postfix.get_queue())} left", deadline_s)


def get_delays(log):
    """Of each delivery to the remote side, seconds: until the queue had the mail whole, and until it was delivered."""
    return [(float(taken), float(whole)) for whole, taken in
            re.findall(r"to=<[^>]*@d\d+\.example\.com>.*? delay=([0-9.]+), delays=([0-9.]+)/", log)]


def get_cpu_s(pid):
    """Of the process and the children that it has seen end."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(word) for word in words[11:15]) / os.sysconf("SC_CLK_TCK")


def get_rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def get_postfix_cpu_s(postfix):
    """Of the whole Postfix: the master, those who have ended under it, and those who have not."""
    master = int((postfix.queue / "pid/master.pid").read_text())
    children = subprocess.run(["pgrep", "-P", str(master)], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    total = get_cpu_s(master)
    for child in children:
        try:
            total += get_cpu_s(child)
        except FileNotFoundError:
            pass
    return total


def count_outcomes(daemon):
    """{recipient: how many failures of it the store has}"""
    import sqlite3
    link = sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True)
    try:
        return dict(link.execute("SELECT address, COUNT(*) FROM outcomes GROUP BY address").fetchall())
    finally:
        link.close()
