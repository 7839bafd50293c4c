"""What `--snapshot` asks of the node that leads from the start: that a chain which begins goes on from a snapshot.

    nothing there -> mark -> store: identity, rows -> an engine of its own: root and seal -> mark gone -> as any chain

A chain that is there is not touched. Whatever ends the process while the mark is there, the next start removes what it
left (`PENDING`).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import orjson

from devnet.errors import ConfigError
from devnet.files import write_atomically
from devnet.genesis import GenesisFile, derive
from devnet.role_config import RoleConfig
from devnet.roles import chain_config
from devnet.roles.chain import LOCK_PATIENCE_S, engine_for, open_store, restore_engine
from devnet.snapshots.file import SnapshotFile
from devnet.snapshots.installing import genesis_of, install
from devnet.snapshots.manifest import SnapshotError
from devnet.snapshots.rules import RULES
from devnet.storage import Corrupted, Identity, Store, reset
from devnet.storage.identity import CARD

log = logging.getLogger(__name__)

PENDING: Final = "snapshot-to-open"
"""In the node's directory, while a file is being opened: the file's path."""


def open_snapshot(role: RoleConfig) -> None:
    """Before the store is opened. ConfigError: the file can't be opened, and there is no chain, as before."""
    directory, chosen = Path(role.data_dir), role.config.storage.snapshot
    mark = directory / PENDING
    if mark.exists():
        reset(directory, LOCK_PATIENCE_S)
        mark.unlink()
    if chosen is None:
        return
    if (directory / CARD).exists():
        log.info("the chain is there already: %s is not opened", chosen)
        return
    try:
        with SnapshotFile(Path(chosen)) as file:
            file.check()
            directory.mkdir(parents=True, exist_ok=True)
            write_atomically(mark, chosen)
            _open(role, file)
    except OSError as error:
        raise ConfigError(f"cannot open the snapshot {chosen}", error.strerror or str(error)) from None
    except (SnapshotError, Corrupted) as error:
        why = error.why if isinstance(error, Corrupted) else str(error)
        raise ConfigError(f"the snapshot {chosen} can't be opened", why) from None
    finally:
        if mark.exists():
            reset(directory, LOCK_PATIENCE_S)
            mark.unlink()


def _open(role: RoleConfig, file: SnapshotFile) -> None:
    place = file.manifest.place
    with open_store(role) as store:
        _fill(role, store, file)
    (Path(role.data_dir) / PENDING).unlink()
    log.info("opened %s: block %d of chain %d", file.path, place.block, place.chain_id)


def _fill(role: RoleConfig, store: Store, file: SnapshotFile) -> None:
    config, place = role.config, file.manifest.place
    accounts = derive(config.accounts.mnemonic, config.accounts.count)
    settings = chain_config.identity_settings(config, accounts, GenesisFile())
    _require_rules(settings, place.settings)

    def identity(genesis_hash: bytes) -> Identity:
        if place.genesis_hash != f"0x{genesis_hash.hex()}":
            raise SnapshotError(
                f"its genesis makes 0x{genesis_hash.hex()}, and it says that that is {place.genesis_hash}"
            )
        return Identity(place.chain_id, genesis_hash, settings)

    engine = engine_for(config, store, genesis_of(file), identity)
    install(file, store)
    restore_engine(store, engine)
    head = orjson.loads(engine.head_json(place.block))
    if (head["hash"], head["stateRoot"]) != (place.block_hash, place.state_root):
        raise SnapshotError(f"its block {place.block} is {head['hash']}, and it says {place.block_hash}")


def _require_rules(here: dict[str, Any], there: dict[str, Any]) -> None:
    for name, flag in RULES.items():
        if here[name] != there.get(name, here[name]):
            raise SnapshotError(
                f"it is of a chain where {flag} is {there[name]}, and here it is {here[name]}"
            )
