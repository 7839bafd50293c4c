"""The states that a command means: of a snapshot's file, or of the devnet that runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devnet.snapshots.manifest import SnapshotError
from megaeth_cli.snapshots.library import bad_file, opened
from megaeth_cli.snapshots.opened import OpenedState
from megaeth_cli.snapshots.taking import take

if TYPE_CHECKING:
    from devnet.snapshots.file import SnapshotFile
    from megaeth_cli.chain.rpc_client import RpcClient


def state_of(file: SnapshotFile, *, computes_root: bool = True) -> OpenedState:
    """Checked as a whole. ConfigError: it is damaged, or another state than its block says, where that is looked at."""
    try:
        return OpenedState(file, computes_root=computes_root)
    except SnapshotError as error:
        raise bad_file(file.path, str(error)) from None


@contextmanager
def running_state(node: RpcClient) -> Iterator[OpenedState]:
    """Of a chain that runs, as `snapshot save` would keep it now."""
    with tempfile.TemporaryDirectory(prefix="megaeth-") as directory:
        taken = take(node, Path(directory) / "now", history=False)
        with opened(taken.aside) as file:
            state = state_of(file, computes_root=False)
        yield state
