"""Who led which part of the chain: what the records of all its rollbacks and successions come to.

A succession to so many mini-blocks has its leader seal all that follow; what was to follow there before is gone. A
rollback leaves the leader in office, also where it goes back to before its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from devnet.storage import Store
from devnet.succession.keys import is_vouched
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.leadership import Leadership


class Led(NamedTuple):
    """A part of the chain, up to where the next one begins."""

    first_mini: int
    term: int
    key: bytes
    """The address of the key that its mini-blocks are sealed with."""


class Leaders:
    """Of one chain, as far as its log goes. No thread of its own: who appends to the log adds here."""

    def __init__(self, rollbacks: Iterable[ChainRollback] = ()) -> None:
        self.parts: list[Led] = []
        self.newest: ChainRollback | None = None
        """The last succession; None: the chain has no standbys."""
        for rollback in rollbacks:
            self.add(rollback)

    @classmethod
    def of(cls, store: Store) -> Leaders:
        """By the records in a store."""
        return cls(ChainRollback.decode(record) for record in store.rollback_records())

    @property
    def leadership(self) -> Leadership | None:
        """Who leads, as far as the log tells."""
        return self.newest.leadership if self.newest is not None else None

    @property
    def term(self) -> int:
        """Its term; 0: nobody's."""
        return self.leadership.term if self.leadership is not None else 0

    def for_engine(self) -> list[tuple[int, int, bytes]]:
        """The parts, as `Engine.set_leaders` takes them."""
        return [(part.first_mini, part.term, part.key) for part in self.parts]

    def add(self, rollback: ChainRollback) -> None:
        """The log goes on with it."""
        if rollback.leadership is not None:
            self.newest = rollback
        leadership = self.leadership
        if leadership is None:
            return
        self.parts = [part for part in self.parts if part.first_mini < rollback.minis]
        now = Led(rollback.minis, leadership.term, leadership.key)
        if not self.parts or self.parts[-1][1:] != now[1:]:
            self.parts.append(now)


def require_leadership(
    succession: ChainRollback, genesis_hash: bytes, chain_id: int, authority: bytes, after_term: int
) -> Leadership:
    """Who leads by that record, if the key that it names has signed it, the authority (an address) vouches for that,
    and its term is beyond another one's. Raises `InvalidRollback`."""
    leadership = succession.leadership
    if leadership is None:
        raise InvalidRollback("it names no leader")
    if succession.signer(genesis_hash) != leadership.key:
        raise InvalidRollback(f"{leadership.node} has not signed it with the key that it names")
    if not is_vouched(authority, chain_id, leadership.node, leadership.key, leadership.voucher):
        raise InvalidRollback(f"nobody vouches for {leadership.node}")
    if leadership.term <= after_term:
        raise InvalidRollback(f"its term is {leadership.term}, but that of another one is {after_term}")
    return leadership
