"""What `--state`, `--load-state` and `--dump-state` ask of the node that leads from the start.

A file is loaded into a chain that begins, and into no other: what a client has a receipt for is not taken back by an
older file. A load that was cut short, by whatever, is made again at the next start (`PENDING`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Final

from devnet._engine import StateContents
from devnet.config import StorageSettings
from devnet.errors import UnavailableError
from devnet.files import write_atomically
from devnet.rpc.state_files import StateFiles
from devnet.state_file import Form, read_file
from devnet.storage import Store

log = logging.getLogger(__name__)

PENDING: Final = "state-to-load"
"""In the node's directory, from before the chain begins until the file is loaded: the file's path."""
GZIP_SUFFIX: Final = ".gz"


class StateToLoad:
    """A file that a chain is to begin with."""

    def __init__(self, directory: Path) -> None:
        self._mark = directory / PENDING
        self._contents: StateContents | None = None

    def read(self, settings: StorageSettings, store: Store) -> None:
        """Before the chain is made: what is to be loaded, if anything is. ConfigError: it can't be; nothing has
        changed."""
        path = file_to_load(settings)
        if path is None:
            self._mark.unlink(missing_ok=True)
        elif store.tip is not None and not self._mark.exists():
            log.info("the chain is there already: %s is not loaded", path)
        else:
            self._contents = read_file(path)
            write_atomically(self._mark, str(path))

    async def load(self, files: StateFiles) -> None:
        """Once the node leads. Raises `UserError`."""
        if self._contents is not None:
            contents, self._contents = self._contents, None
            await files.load(contents)
            self._mark.unlink(missing_ok=True)


def file_to_load(settings: StorageSettings) -> Path | None:
    """What a new chain begins with; a file of `--state` need not be there yet."""
    if settings.load_state is not None:
        return Path(settings.load_state)
    if settings.state is not None and Path(settings.state).exists():
        return Path(settings.state)
    return None


async def save_again(files: StateFiles, settings: StorageSettings, stopping: asyncio.Event) -> None:
    """While the chain goes on, after each interval, if there is one. What can't be written is told, and tried again."""
    while settings.state_interval_s and not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), settings.state_interval_s)
            return
        try:
            await asyncio.to_thread(save, files, settings)
        except UnavailableError as error:
            log.warning("%s", error)


def save(files: StateFiles, settings: StorageSettings) -> None:
    """In any thread: the file as a whole. UnavailableError: it can't be written, and what was there still is."""
    chosen = settings.dump_state or settings.state
    if chosen is None:
        return
    path = Path(chosen)
    pieces = files.write(Form.of(path), gzip=path.suffix == GZIP_SUFFIX)
    try:
        write_atomically(path, pieces, fsync=True)
    except OSError as error:
        raise UnavailableError(f"cannot save the state to {path}", error.strerror or str(error)) from None
    log.info("saved the state to %s", path)
