"""`megaeth devnet up --snapshot`: the settings of a devnet whose chain goes on from a snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from devnet.snapshots.rules import with_rules
from devnet.storage.identity import CARD, Identity
from megaeth_cli.env import Environment
from megaeth_cli.snapshots.library import meant, opened

if TYPE_CHECKING:
    from devnet.config import Config
    from devnet.supervision.launch import Launch


def going_on_from(env: Environment, launch: Launch, word: str) -> Config:
    """With the chain's rules, and the file by its path. Where the chain is there already it goes on as it is, and the
    snapshot need not be there any more."""
    config = launch.config
    directory = launch.node_dir("sequencer")
    is_new = config.storage.reset or config.storage.ephemeral or not (directory / CARD).exists()
    if not is_new:
        env.complain(
            f"the chain is there already: {word} is not opened (--reset begins anew)", "note:", "bold"
        )
        identity = Identity.decode((directory / CARD).read_bytes(), directory)
        return replace(
            with_rules(config, identity.settings, str(directory)),
            storage=replace(config.storage, snapshot=None),
        )
    path = meant(env, word)
    with opened(path) as file:
        settings = file.manifest.place.settings
    return replace(
        with_rules(config, settings, str(path)), storage=replace(config.storage, snapshot=str(path))
    )
