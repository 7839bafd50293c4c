"""What a real sequencer writes under load: its log, for those who measure what becomes of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.contracts import genesis_alloc
from bench.load import checked, endpoint
from bench.loads import Load
from bench.targets import Megaeth
from devnet._engine import keccak256
from devnet.storage import Store
from devnet.sync.log_offset import GENESIS, EntryKind, LogEntry
from devnet.sync.log_reader import StoreLog
from megaeth_cli.load.requests import Calls
from megaeth_cli.load.run import Shape, send
from megaeth_cli.load.wire import LoadError

CONNECTIONS, BATCH = 4, 100
SAMPLES = 20
READ_BYTES = 16 * 2**20
SLOT_BYTES, ACCOUNT_BYTES = 52 + 32, 20 + 40


@dataclass(frozen=True)
class Recording:
    """A sequencer's log, and what is known of the load in it."""

    genesis: bytes
    """The genesis document."""
    before: list[LogEntry]
    """The log up to the load."""
    entries: list[LogEntry]
    """The log from the load's first mini-block to its last."""
    transactions: int
    raw_bytes: int
    """All transactions as they were signed."""
    lone_diff_bytes: float
    """Plain keys and values that one transaction changes when nothing is shared with others."""

    @property
    def mini_blocks(self) -> int:
        """How many mini-blocks the load filled."""
        return sum(entry.kind is EntryKind.MINI for entry in self.entries)


def record(load: Load, count: int) -> Recording:
    """A fresh sequencer under about `count` transactions."""
    with LoadedSequencer(load) as sequencer:
        return sequencer.recording(sequencer.put(count))


class LoadedSequencer(Megaeth):
    """Our devnet with tokens and a market in block 0, to be put under a load."""

    name = "sequencer"

    def __init__(self, load: Load) -> None:
        super().__init__()
        self._load = load
        self._raw_bytes = 0
        self._data = self._directory / "data"
        self._genesis = self._directory / "genesis.json"
        self._genesis.write_text(json.dumps(genesis_alloc(load.holders)))

    def command(self) -> Sequence[str]:
        """Keeps what it writes where we find it."""
        return [*super().command(), "--genesis", str(self._genesis), "--data-dir", str(self._data)]

    def put(self, count: int) -> list[bytes]:
        """Puts about `count` transactions on and returns their hashes; all are included then."""
        for raw in self._load.prepare(self.chain_id):
            self._succeeded(self.rpc(self.sync_method, "0x" + raw.hex()))
        shape = Shape(batch=BATCH, count=count)
        groups = self._load.groups(CONNECTIONS, shape.each(CONNECTIONS), self.chain_id)
        raws = [raw for calls in groups for raw in _signed(calls)]
        checked(self, send(endpoint(self), groups, shape, watch=False))
        self._raw_bytes = sum(map(len, raws))
        return [keccak256(raw) for raw in raws]

    def recording(self, hashes: list[bytes]) -> Recording:
        """Stops, and reads the log."""
        lone = [self._lone_diff(one) for one in random.Random(0).sample(hashes, SAMPLES)]
        self.stop()
        (card,) = self._data.rglob("chain.json")
        with Store.open(card.parent) as store:
            minis = [place[0] for one in hashes if (place := store.tx_location(one)) is not None]
            log, genesis = list(_read(store)), store.genesis
        if len(minis) != len(hashes):
            raise LoadError(f"the log has {len(minis)} of {len(hashes)} transactions")
        first, end = min(minis), max(minis) + 1
        return Recording(
            genesis=genesis,
            before=[entry for entry in log if entry.after.minis <= first],
            entries=[entry for entry in log if first < entry.after.minis <= end],
            transactions=len(hashes),
            raw_bytes=self._raw_bytes,
            lone_diff_bytes=sum(lone) / len(lone),
        )

    def _lone_diff(self, transaction: bytes) -> int:
        given = "0x" + transaction.hex()
        self._succeeded(self.rpc("eth_getTransactionReceipt", given))
        return sum(
            SLOT_BYTES * len(account["storage"]) + ACCOUNT_BYTES * (account["before"] != account["after"])
            for account in self.rpc("mega_getStateDiff", given)["accounts"]
        )

    def _succeeded(self, receipt: dict[str, object]) -> None:
        if receipt["status"] != "0x1":
            raise LoadError(f"a transaction failed: {receipt}")


def _signed(calls: Calls) -> list[bytes]:
    """What these calls will be once they are signed; their senders don't notice."""
    return replace(calls, senders=[replace(one) for one in calls.senders]).raws(len(calls.data))


def _read(store: Store) -> Iterator[LogEntry]:
    log, place = StoreLog(store), GENESIS
    while entries := log.read(place, READ_BYTES):
        yield from entries
        place = entries[-1].after
