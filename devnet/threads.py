"""The one way in which threads are started: none dies unseen.

A thread that ends with an error has `died` called, in that thread, which does something about it: end the process
(`roles.process.Failure`), or start another one and say so. For an event loop's background tasks see `tasks.py`.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

OnDeath = Callable[[BaseException], None]
"""Told the error that ended a thread or a task."""


NICENESS: Final = 5
"""Of a thread that gives way."""


def start_thread(work: Callable[[], None], name: str, died: OnDeath) -> threading.Thread:
    """Start a thread. It ends with the process at the latest."""
    thread = threading.Thread(target=_seen, args=(work, died), name=name, daemon=True)
    thread.start()
    return thread


def start_timer(delay_s: float, work: Callable[[], None], name: str, died: OnDeath) -> threading.Timer:
    """Have something done in a thread of its own after a while, unless it is cancelled before."""
    timer = threading.Timer(delay_s, _seen, (work, died))
    timer.name, timer.daemon = name, True
    timer.start()
    return timer


def give_way() -> None:
    """Lower the priority of the thread that calls. Where the system has no such thing, nothing happens."""
    number = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, number, os.getpriority(os.PRIO_PROCESS, number) + NICENESS)


def report_deaths(died: OnDeath) -> None:
    """Also of the threads that libraries start."""

    def told(death: threading.ExceptHookArgs) -> None:
        died(death.exc_value or death.exc_type())

    threading.excepthook = told


def _seen(work: Callable[[], None], died: OnDeath) -> None:
    try:
        work()
    except BaseException as error:
        died(error)
