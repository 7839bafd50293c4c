"""Waiting for something to become true, with a deadline that only a broken program meets."""

import time

DEADLINE_S = 60.0


def eventually(look, what, deadline_s=DEADLINE_S):
    """Return the first true value of `look()`."""
    end = time.monotonic() + deadline_s
    while not (value := look()):
        assert time.monotonic() < end, f"waited {deadline_s} s for {what}"
        time.sleep(0.005)
    return value
