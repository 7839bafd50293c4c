"""Where candidates ask for the lease: commands of the control socket that are answered in its own thread.

    candidate --lease-acquire | lease-renew | lease-release | lease-watch--> control thread --> `lease.Book`

A `lease-watch` is answered later: when what was asked about has come, or its time is over. Whoever's thread brings
that about answers it: the control thread, or the one that sees a process end. The supervisor's main thread, which
may be busy with files and processes, has no part in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from devnet.errors import UnavailableError, UserError
from devnet.succession.lease import LeaseState
from devnet.supervision.control import Command, failure
from devnet.supervision.lease import FILE, LONGEST_VALUE, Book, Given

WATCH_S: Final = 5.0
"""After so long a `lease-watch` is answered in any case."""


@dataclass(frozen=True)
class Led:
    """A node leads: it has written its leadership of that term."""

    node: str
    term: int


@dataclass(frozen=True)
class _Watcher:
    """One that waits for news."""

    command: Command
    node: str
    known: tuple[int, str]
    """The term that it has named, and the value when it came."""
    until: float


class LeaseDesk:
    """The lease of one devnet. Any thread."""

    def __init__(
        self, directory: Path, candidates: Sequence[str], report: Callable[[Led], None], *, fsync: bool
    ) -> None:
        """`candidates`: who may hold it, the first of them if nobody has yet. `report`: told who leads. `fsync`:
        whether a grant waits for the disk. UnavailableError: what was given out before can't be read."""
        path = directory / FILE
        self._candidates = tuple(candidates)
        self._report = report
        self._lock = threading.Lock()
        given = Given.read(path)
        self._book = Book(
            given, given.holder or self._candidates[0], lambda kept: kept.write(path, fsync=fsync)
        )
        self._closed = False
        self._watchers: list[_Watcher] = []
        self._obeyed: dict[str, Callable[[Command, str], None]] = {
            "lease-acquire": self._acquire,
            "lease-renew": self._renew,
            "lease-release": self._release,
            "lease-watch": self._watch,
        }

    @property
    def given(self) -> Given:
        """Who holds it, or did last."""
        return self._book.given

    def others_may(self) -> None:
        """Candidates other than who led last are being started."""
        with self._lock:
            self._book.others_may(time.monotonic())

    def close(self) -> None:
        """From now on nobody is given it."""
        with self._lock:
            self._closed = True

    def ended(self, node: str) -> None:
        """The node's process is gone."""
        with self._lock:
            self._book.ended(node)
            self._answer_watchers()

    def tick(self) -> float:
        """Answer who need wait no longer; seconds until that has to be done again."""
        with self._lock:
            self._answer_watchers()
            now = time.monotonic()
            change = self._book.changes_at()
            due = [watcher.until for watcher in self._watchers] + ([change] if change > now else [])
            return max(0.0, min(due) - now) if self._watchers else WATCH_S

    def obey(self, command: Command) -> bool:
        """Carry a command out, if it is one about the lease; whether it is."""
        if (obeyed := self._obeyed.get(command.command)) is None:
            return False
        with self._lock:
            try:
                obeyed(command, self._candidate(str(command.node)))
            except UserError as error:
                command.reply(failure(error))
            except OSError as error:
                command.reply(failure(UnavailableError("the lease can't be kept on disk", str(error))))
            except (KeyError, ValueError, TypeError) as error:
                command.reply(failure(UserError(f"no such {command.command}", repr(error))))
            self._answer_watchers()
        return True

    def _candidate(self, node: str) -> str:
        if node not in self._candidates:
            raise UserError(f"{node} may not lead", f"those who may: {', '.join(self._candidates)}")
        return node

    def _acquire(self, command: Command, node: str) -> None:
        above = int(command.options["above"])
        term = self._book.acquire(node, above, time.monotonic) if not self._closed else None
        command.reply({"ok": True, "term": term})

    def _renew(self, command: Command, node: str) -> None:
        term, value = int(command.options["term"]), str(command.options["value"])
        if len(bytes.fromhex(value)) > LONGEST_VALUE:
            raise UserError("that is too long for a leadership", f"{LONGEST_VALUE} bytes is the most")
        before = self._book.given.value
        in_sync = tuple(self._candidate(str(name)) for name in command.options["in_sync"])
        renewed = self._book.renew(node, term, value, time.monotonic(), in_sync)
        command.reply({"ok": True, "renewed": renewed})
        if renewed and value and value != before:
            self._report(Led(node, term))

    def _release(self, command: Command, node: str) -> None:
        term, to = int(command.options["term"]), str(command.options["to"])
        to = self._candidate(to) if to else to
        command.reply({"ok": True, "released": self._book.release(node, term, to, time.monotonic())})

    def _watch(self, command: Command, node: str) -> None:
        known = int(command.options["term"]), self._book.given.value
        self._watchers.append(_Watcher(command, node, known, time.monotonic() + WATCH_S))

    def _answer_watchers(self) -> None:
        """With the lock. All those for whom there is news, or whose time is over."""
        now = time.monotonic()
        waiting = []
        for watcher in self._watchers:
            state = self._book.state(watcher.node, now)
            if self._closed:
                state = replace(state, is_free=False)
            is_news = state.is_free or watcher.known != (state.term, self._book.given.value)
            if is_news or now >= watcher.until:
                watcher.command.reply({"ok": True, **_told(state)})
            else:
                waiting.append(watcher)
        self._watchers = waiting


def _told(state: LeaseState) -> dict[str, Any]:
    return {
        "term": state.term,
        "holder": state.holder,
        "is_free": state.is_free,
        "value": state.value.hex(),
        "in_sync": state.in_sync,
    }
