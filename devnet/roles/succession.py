"""What a node with a chain knows of who leads it, where the chain has standbys: by its log, and by what it hears.

Not here: who may lead (`devnet/succession/candidate.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from devnet._engine import address_of, sign_hash
from devnet.role_config import RoleConfig
from devnet.storage import Store
from devnet.succession.confirmations import Confirmations
from devnet.succession.leaders import Leaders, require_leadership
from devnet.sync import LogOffset
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.leadership import Leadership

if TYPE_CHECKING:
    from devnet._engine import Engine

log = logging.getLogger(__name__)

NOBODY: Final = bytes(20)


class Succession:
    """Of one node. Written by who appends to the log, or on the event loop while nobody does."""

    def __init__(self, role: RoleConfig, store: Store, engine: Engine) -> None:
        """The engine stands where the store's log ends."""
        place = role.network
        self._node = role.node
        self._chain_id = role.config.chain.chain_id
        self._authority = bytes.fromhex(place.authority[2:]) if place is not None else NOBODY
        self._key = bytes.fromhex(place.leader_key) if place is not None else b""
        self._voucher = bytes.fromhex(place.leader_voucher) if place is not None else b""
        self._store = store
        self._engine = engine
        self._genesis_hash = engine.genesis_hash()
        self._leaders = Leaders.of(store)
        self._newest = self._leaders.leadership
        self.confirmations: Confirmations | None = None
        """While this node leads."""
        if self._leaders.parts:
            engine.set_leaders(self._leaders.for_engine())

    @property
    def leader(self) -> Leadership | None:
        """Who leads, as far as this node knows; None: the chain has no standbys, or nobody has led it yet."""
        return self._newest

    @property
    def term(self) -> int:
        """Its term, or 0."""
        return self._newest.term if self._newest is not None else 0

    def led_in(self, term: int) -> bool:
        """Whether this node led in that term, and its log knows of no later one."""
        last = self._leaders.leadership
        return last is not None and (last.node, last.term) == (self._node, term)

    def health(self) -> dict[str, Any]:
        """For `/healthz`: nothing on a chain without standbys."""
        told: dict[str, Any] = {}
        if self._newest is not None:
            told |= {"leader": self._newest.node, "term": self._newest.term, "http": self._newest.http}
            told["leads"] = self.confirmations is not None
        if self.confirmations is not None:
            told["durable_on"] = self.confirmations.disks
            told["in_sync"] = sorted([self._node, *self.confirmations.others])
            told["missing"] = self.confirmations.missing
            told["confirmed_by"] = self.confirmations.confirmed_by
        return {"leadership": told} if told else {}

    def succeed(self, term: int, http: str) -> ChainRollback:
        """Begins a leadership of this node's, with all that its log has; the record is on disk then. While the engine
        is idle."""
        position = LogOffset.of(self._store.tip or self._store.origin, self._store.rollbacks)
        leadership = Leadership(term, self._node, address_of(self._key), http, self._voucher)
        record = ChainRollback.sign(
            *(position.rollbacks + 1, position.minis, position.blocks, self._genesis_hash),
            lambda digest: sign_hash(self._key, digest),
            leadership,
        )
        self._store.note_rollback(record.encode())
        self.carried_out(record)
        self._engine.lead_as(term, self._key)
        return record

    def carried_out(self, rollback: ChainRollback) -> None:
        """The log goes on with it, and so does the engine."""
        self._leaders.add(rollback)
        self._engine.set_leaders(self._leaders.for_engine())

    def require(self, rollback: ChainRollback) -> None:
        """That a succession may follow in the log. Raises `InvalidRollback`."""
        require_leadership(rollback, self._genesis_hash, self._chain_id, self._authority, self._leaders.term)

    def hear(self, record: bytes) -> Leadership:
        """Who leads, or led, by a record that comes from anywhere. Raises `InvalidRollback`."""
        succession = ChainRollback.decode(record)
        return require_leadership(succession, self._genesis_hash, self._chain_id, self._authority, 0)

    def supersedes(self, theirs: bytes, ours: bytes) -> bool:
        """Whether a peer's record is what stands in the chain's log, and not this node's of the same number."""
        try:
            leadership, own = self.hear(theirs), ChainRollback.decode(ours).leadership
        except InvalidRollback:
            return False
        return own is None or leadership.term > own.term

    def is_news(self, leadership: Leadership) -> bool:
        """Whether somebody leads of whom this node has not heard yet; from now on it has."""
        if leadership.term <= self.term:
            return False
        self._newest = leadership
        log.info("%s leads in term %d, at %s", leadership.node, leadership.term, leadership.http)
        return True
