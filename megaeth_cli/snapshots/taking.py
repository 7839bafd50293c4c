"""A snapshot of a chain that runs: what its node gives out, in a file that is whole or not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from devnet import __version__
from devnet.errors import UnavailableError
from devnet.files import write_aside
from devnet.snapshots.counts import Counts
from devnet.snapshots.file import Frame, write
from devnet.snapshots.manifest import Manifest, Part, Place, SnapshotError
from megaeth_cli.errors import CliError, ExitStatus

if TYPE_CHECKING:
    from megaeth_cli.chain.rpc_client import RpcClient

TIMEOUT_S: Final = 600.0
"""Before the first frame a node folds what its own snapshot doesn't have yet."""

Progress = Callable[[int], None]
"""Is told how many rows there are so far."""


@dataclass(frozen=True)
class Taken:
    """A file that is written and has no name yet."""

    aside: Path
    manifest: Manifest


def take(node: RpcClient, path: Path, *, history: bool, progress: Progress = lambda _: None) -> Taken:
    """Writes beside `path`, whose place the file can take. UnavailableError: it can't be written; nothing is left."""
    told = node.call("mega_openSnapshot", {"history": history})
    place = _place(node, told)
    counts = Counts()
    manifests: list[Manifest] = []

    def frames() -> Iterator[Frame]:
        while (given := node.call("mega_readSnapshot", told["id"])) is not None:
            frame = _frame(node, given)
            counts.add(_rows(node, frame))
            progress(counts.rows)
            yield frame

    def manifest(parts: tuple[Part, ...]) -> Manifest:
        made = Manifest(
            *(place, counts.accounts, counts.slots, counts.codes, counts.rows, int(time.time())),
            __version__,
            parts,
        )
        manifests.append(made)
        return made

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = write_aside(path, write(frames(), manifest), fsync=True)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}", error.strerror or str(error)) from None
    return Taken(aside, manifests[0])


def _place(node: RpcClient, told: Any) -> Place:  # noqa: ANN401 whatever the node answers
    try:
        return Place.read(told["place"])
    except (SnapshotError, KeyError, TypeError) as error:
        raise _strange(node, str(error)) from None


def _frame(node: RpcClient, given: Any) -> Frame:  # noqa: ANN401 likewise
    try:
        return Frame(bytes.fromhex(given["frame"][2:]), given["contentBytes"])
    except (KeyError, TypeError, ValueError) as error:
        raise _strange(node, repr(error)) from None


def _rows(node: RpcClient, frame: Frame) -> list[tuple[bytes, bytes]]:
    try:
        return frame.rows()
    except (SnapshotError, TypeError) as error:
        raise _strange(node, str(error)) from None


def _strange(node: RpcClient, why: str) -> CliError:
    return CliError(
        f"{node.url} gives something else than a snapshot", why, "check --rpc-url", ExitStatus.RPC
    )
