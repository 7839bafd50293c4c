"""The lease as the supervisor gives it out: who holds it, until when, and for whom it is kept. No sockets, no clock.

    free --acquire--> held --renew--> held ...
      ^                 |
      +-----------------+  its time is over, its holder gives it back, or its holder's process has ended

A holder that renews late keeps it if nobody was faster: it is still the only one. What was given out is kept before
anybody hears of it, so that no term is given out twice, whatever happens to the supervisor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from devnet.errors import UnavailableError
from devnet.files import write_atomically
from devnet.succession.lease import TTL_S, LeaseState

FILE: Final = "lease.json"
"""In the devnet's directory for the network, beside its secret."""
PRECEDENCE_S: Final = 10.0
"""After a start of the devnet: for so long only who led last may lead. Whose log ends earlier must not."""
RESERVED_S: Final = 0.5
"""For so long it is kept for whom its holder has named."""
LONGEST_VALUE: Final = 4_096
"""Bytes of a leadership's record, at most."""


@dataclass(frozen=True)
class Given:
    """What was given out last; kept on disk."""

    term: int = 0
    holder: str = ""
    value: str = ""
    """In hex."""
    in_sync: tuple[str, ...] = ()
    """Who may be given it next, beside the holder; empty: everybody."""

    @classmethod
    def read(cls, path: Path) -> Given:
        """From the file; what it is before the first term if there is none. UnavailableError: it can't be read."""
        try:
            tree = json.loads(path.read_text())
            in_sync = tuple(map(str, tree["in_sync"]))
            given = cls(int(tree["term"]), str(tree["holder"]), str(tree["value"]), in_sync)
            bytes.fromhex(given.value)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnavailableError(
                f"cannot read who led the devnet last, in {path}",
                str(error),
                "restore it; or remove the file, and the sequencer leads first: what only others have is lost then",
            ) from error
        return given

    def write(self, path: Path, *, fsync: bool) -> None:
        """As a whole; raises OSError."""
        write_atomically(path, json.dumps(asdict(self)), fsync=fsync, private=True)


class Book:
    """One lease. Times are seconds of the caller's clock, which does not jump."""

    def __init__(self, given: Given, first: str, keep: Callable[[Given], None]) -> None:
        """`first`: the node that alone may acquire it until `others_may`. `keep`: returns when that is on disk, or
        raises OSError."""
        self.given = given
        self._keep = keep
        self._held_until: float | None = None
        """None while it is held by nobody."""
        self._kept_for = first
        self._kept_until = float("inf")
        self._is_reserved = False
        """It is kept for whom its holder has named, and not for who led last."""

    def others_may(self, now: float) -> None:
        """The others are there as well, and wait for a while."""
        if self._kept_until == float("inf"):
            self._kept_until = now + PRECEDENCE_S

    def state(self, node: str, now: float) -> LeaseState:
        """For a node that asks."""
        given = self.given
        value = bytes.fromhex(given.value)
        return LeaseState(given.term, given.holder, self._is_free(node, now), value, given.in_sync)

    def changes_at(self) -> float:
        """When it will be free, or free for others, if nothing happens."""
        held = self._held_until if self._held_until is not None else 0.0
        return max(held, self._kept_until if self._kept_for else 0.0)

    def acquire(self, node: str, above: int, clock: Callable[[], float]) -> int | None:
        """A new term from now on, if it is free; raises OSError, and then nobody has got it."""
        if not self._is_free(node, clock()):
            return None
        given = Given(max(self.given.term, above) + 1, node, in_sync=self.given.in_sync)
        self._keep(given)
        self.given = given
        self._held_until = (
            clock() + TTL_S
        )  # as late as the answer: the holder counts from before its question
        self._kept_for = ""
        return given.term

    def renew(self, node: str, term: int, value: str, now: float, in_sync: tuple[str, ...] = ()) -> bool:
        """Whether it is this node's for another while; raises OSError when what is new can't be kept."""
        if not self._is_of(node, term) or self._held_until is None:
            return False
        given = replace(self.given, value=value, in_sync=in_sync)
        if given != self.given:
            self._keep(given)
            self.given = given
        self._held_until = now + TTL_S
        return True

    def release(self, node: str, term: int, to: str, now: float) -> bool:
        """Give it back, kept for that node if it may lead; whether it was this node's."""
        if not self._is_of(node, term) or self._held_until is None:
            return False
        self._held_until = None
        self._kept_for = to if self._is_in_sync(to) else ""
        self._kept_until, self._is_reserved = now + RESERVED_S, True
        return True

    def ended(self, node: str) -> None:
        """A node's process is gone: what it held is free, and nothing is kept for it, but for its precedence."""
        if node == self.given.holder:
            self._held_until = None
        if node == self._kept_for and self._is_reserved:
            self._kept_for = ""

    def _is_of(self, node: str, term: int) -> bool:
        return (self.given.holder, self.given.term) == (node, term)

    def _is_in_sync(self, node: str) -> bool:
        return not self.given.in_sync or node in (self.given.holder, *self.given.in_sync)

    def _is_free(self, node: str, now: float) -> bool:
        if not self._is_in_sync(node):
            return False
        if self._held_until is not None and now < self._held_until:
            return False
        return self._kept_for in ("", node) or now >= self._kept_until
