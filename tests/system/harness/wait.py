# SPDX-License-Identifier: BSD-2-Clause
"""The one place that waits: for an event, with a deadline, never for a time."""
import threading
import time

from .paths import DEADLINE_S


def until(condition, what, deadline_s=DEADLINE_S):
    """Waits until condition() is true and returns what it returned; says `what` was waited for when it never is."""
    end = time.monotonic() + deadline_s
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain for: {what() if callable(what) else what}")
        pause.wait(0.01)
