"""The state in a snapshot's file, on an engine of this program's own: its root computed, its accounts told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from devnet._engine import Engine, EngineError
from devnet.config import Config
from devnet.roles.chain_config import INTERVENTIONS, engine_config
from devnet.snapshots.counts import Counts
from devnet.snapshots.installing import checked_rows, genesis_of
from devnet.snapshots.manifest import SnapshotError
from devnet.snapshots.rules import with_rules
from devnet.storage import tables
from megaeth_cli.chain.no_archive import NothingArchived

if TYPE_CHECKING:
    from devnet.snapshots.file import SnapshotFile

Account = dict[str, Any]
"""`{"nonce", "balance", "code", "storage"}`, as anvil's dumps have them."""


class OpenedState:
    """Of one file, checked by its checksums. Raises `SnapshotError`."""

    def __init__(self, file: SnapshotFile, *, computes_root: bool = True) -> None:
        """Reads all of the file. `computes_root`: and checks that the block's root is the state's, which takes some 35
        us for each account and slot."""
        place = file.manifest.place
        config = with_rules(Config(), place.settings, str(file.path))
        interventions = bool(place.settings.get(INTERVENTIONS, False))
        counts = Counts()
        try:
            document = genesis_of(file)
            engine = Engine(engine_config(config, document, computes_root, interventions), NothingArchived())
            if engine.genesis_hash().hex() != place.genesis_hash.removeprefix("0x"):
                raise SnapshotError("its genesis is another one than it says")
            counts.add([(tables.META_GENESIS, document)])
            record = _load(engine, file, counts)
            engine.load_tip(record)
        except (EngineError, ValueError) as error:
            if isinstance(error, SnapshotError):
                raise
            raise SnapshotError(str(error)) from None
        head = orjson.loads(engine.head_json(place.block))
        for name, said in (("hash", place.block_hash), ("stateRoot", place.state_root)):
            if head[name] != said:
                raise SnapshotError(
                    f"its block {place.block} has the {name} {head[name]}, and it says {said}"
                )
        counts.require(file.manifest)
        self.root = f"0x{engine.state_root().hex()}" if computes_root else place.state_root
        self._engine = engine

    def accounts(self) -> Iterator[tuple[str, Account]]:
        """All of them, by address in its order."""
        dump = self._engine.dump_state()
        while (members := dump.json(True)) is not None:
            yield from orjson.loads(b"{%b}" % members).items()


def _load(engine: Engine, file: SnapshotFile, counts: Counts) -> bytes:
    """All values; the record of the block that they are of."""
    place, record = file.manifest.place, None
    for rows in checked_rows(file):
        counts.add(rows)
        values = [(key[1:], value) for key, value in rows if key[:1] == tables.STATE]
        codes = [value for key, value in rows if key[:1] == tables.CODE]
        engine.load_state(values, codes)
        for key, value in rows:
            if key == tables.block_key(place.block):
                record = value[8:]
    if record is None:
        raise SnapshotError(f"block {place.block}, where it stands, is not in it")
    return record
