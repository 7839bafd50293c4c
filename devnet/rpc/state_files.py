"""A chain's accounts out of it and into it, under anvil's names and ours.

    anvil_dumpState --> StateFiles.dump --> Engine.dump_state, which stands still --> bytes          a thread
    anvil_loadState --> StateFiles.load --> read and checked as a whole --> what differs             a thread
                                        --> pieces --> Interventions.set_accounts, a few at a time   transactions

Where nobody else checks the blocks, a load is few and large interventions: receipts and the log are written once for
many accounts, and the state root takes them in as one batch. While one executes nothing else does. Whoever looks
between two of them sees some of the file. One dump and one load at a time.

Not here: what the files look like (`devnet/state_file.py`).
"""

from __future__ import annotations

import asyncio
import logging
from binascii import hexlify
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import orjson

from devnet import state_file
from devnet._engine import RpcError, StateContents, StateDump
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import RpcFault, invalid_params, limit_exceeded
from devnet.rpc.interventions import Interventions
from devnet.rpc.methods import Home, method
from devnet.state_file import Form, StateFileError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Portions:
    """How a load is divided among interventions."""

    writes: int
    """Accounts and slots in one, at most."""
    bytes: int
    """Of calldata, at most."""
    at_once: int
    """So many wait for the builder."""


LARGE: Final = Portions(1 << 18, 12 << 20, 2)
"""A mini-block's record, with the accounts in the transaction and in the diff, stays below the 64 MiB that nodes take
from each other. While one executes, the next is read."""
SMALL: Final = Portions(1_000, 128 << 10, 8)
"""Many blocks, each with a witness that can be made and checked: of one account more it takes some 30 KB of memory. And
over a fork, who executes needs every account from the remote, and begins anew with each that it has to wait for."""
PIECES_AT_ONCE: Final = max(LARGE.at_once, SMALL.at_once)
SLICE: Final = 1 << 18
"""Bytes turned into digits, or back, without a pause for other threads."""


class StateEngine(Protocol):
    """What is asked of `devnet._engine.Engine`."""

    def dump_state(self) -> StateDump:
        """The newest visible state."""

    def differing(self, contents: StateContents, /) -> tuple[StateContents, list[str]]:
        """What of it is not there yet, and whose accounts the chain itself needs otherwise."""

    def head_json(self, block: int, /) -> bytes:
        """A block's header."""


@dataclass(frozen=True)
class Loaded:
    """What became of a file."""

    accounts: int
    """In the file."""
    slots: int
    written: int
    """Accounts that were not as they are in the file."""
    transactions: int
    kept: list[str]
    """Accounts that stay as the chain itself needs them, whatever the file says."""


class StateFiles:
    """Dumps and loads, for requests and for the node itself."""

    def __init__(
        self,
        engine: StateEngine,
        backend: Backend,
        interventions: Interventions,
        chain: dict[str, Any],
        is_alone: Callable[[], bool],
    ) -> None:
        """`chain`: what a dump says of where it comes from, besides the block. `is_alone`: whether everything that it
        takes to execute and to check a block is here."""
        self._engine = engine
        self._backend = backend
        self._interventions = interventions
        self._chain = chain
        self._is_alone = is_alone
        self._dumping = asyncio.Lock()
        self._loading = asyncio.Lock()

    def write(self, form: Form, *, gzip: bool) -> Iterable[bytes]:
        """The newest visible state as a file, piece by piece; any thread."""
        dump = self._engine.dump_state()
        return state_file.write(dump, form, self._manifest(dump), gzip=gzip)

    def _manifest(self, dump: StateDump) -> dict[str, Any]:
        """Where it comes from: the newest mini-block, and the block before the one that it belongs to."""
        closed = max(dump.block - 1, 0)
        # Of a fork's newest remote block this node has no header.
        head = orjson.loads(self._engine.head_json(closed)) or {}
        return self._chain | {
            "miniBlock": dump.mini,
            "afterBlock": closed,
            "blockHash": head.get("hash"),
            "stateRoot": head.get("stateRoot"),
        }

    async def dump(self, form: Form, most_bytes: int) -> bytes:
        """The newest visible state as JSON: a file in hexadecimal. Raises `RpcFault`."""
        async with self._dumping:
            return await asyncio.to_thread(self._dump, form, most_bytes)

    def _dump(self, form: Form, most_bytes: int) -> bytes:
        text = bytearray(b'"0x')
        for piece in self.write(form, gzip=True):
            for at in range(0, len(piece), SLICE):
                text += hexlify(piece[at : at + SLICE])
            if len(text) >= most_bytes:
                raise limit_exceeded(
                    f"the state is larger than {most_bytes} bytes (--max-answer-bytes) in hexadecimal"
                )
        text += b'"'
        return bytes(text)

    async def load(self, contents: StateContents) -> Loaded:
        """Make these accounts the chain's; others, and slots that are not named, stay. Raises `RpcFault`."""
        self._interventions.require()
        async with self._loading:
            different, kept = await asyncio.to_thread(self._engine.differing, contents)
            portions = LARGE if self._is_alone() else SMALL
            size = min(portions.bytes, self._interventions.most_bytes)
            pieces = await asyncio.to_thread(different.pieces, portions.writes, size)
            await self._write_all(pieces, portions.at_once)
        if kept:
            log.warning("the state file says otherwise of what the chain itself needs: %s", ", ".join(kept))
        loaded = Loaded(contents.accounts, contents.slots, different.accounts, len(pieces), kept)
        log.info("loaded a state file: %s", loaded)
        return loaded

    async def _write_all(self, pieces: list[bytes], at_once: int) -> None:
        """Some at a time. Raises the first `RpcFault` or `RpcError`; nothing more is begun then."""
        waiting = deque(pieces)

        async def work() -> None:
            while waiting:
                try:
                    await self._interventions.set_accounts(waiting.popleft())
                except (RpcFault, RpcError):
                    waiting.clear()
                    raise

        workers = (work() for _ in range(min(at_once, len(pieces))))
        for failed in await asyncio.gather(*workers, return_exceptions=True):
            if isinstance(failed, BaseException):
                raise failed

    def close(self) -> None:
        """Let the threads go."""
        self._backend.close()


class StateFileNamespace:
    """The methods."""

    def __init__(self, files: StateFiles, max_answer_bytes: int) -> None:
        self._files = files
        self._max_answer_bytes = max_answer_bytes

    @method("anvil_dumpState", "historical states?", about="All accounts, in anvil's form.")
    @method("hardhat_dumpState", "historical states?", about="All accounts, in anvil's form.")
    async def dump(self, given: list[object], call: Call) -> bytes:
        """Gzipped JSON, in hexadecimal. Older states are not part of it."""
        return await self._files.dump(Form.ANVIL, self._max_answer_bytes)

    @method("mega_dumpState", about="All accounts, in a form that is smaller and faster than anvil's.")
    async def dump_fast(self, given: list[object], call: Call) -> bytes:
        """Our form, in hexadecimal."""
        return await self._files.dump(Form.MEGAETH, self._max_answer_bytes)

    @method("anvil_loadState", "state", home=Home.SEQUENCER, about="Takes over the accounts of a dump; true.")
    @method(
        "hardhat_loadState", "state", home=Home.SEQUENCER, about="Takes over the accounts of a dump; true."
    )
    async def load(self, given: list[object], call: Call) -> bytes:
        """Take a file in any form."""
        await self._load(given[0])
        return b"true"

    @method(
        "mega_loadState",
        "state",
        home=Home.SEQUENCER,
        about="Takes over the accounts of a dump; what became of them.",
    )
    async def load_and_tell(self, given: list[object], call: Call) -> bytes:
        """Likewise."""
        return orjson.dumps(asdict(await self._load(given[0])))

    async def _load(self, state: object) -> Loaded:
        return await self._files.load(await asyncio.to_thread(_contents, state))


def _contents(state: object) -> StateContents:
    if not isinstance(state, str) or not state.startswith("0x"):
        raise invalid_params("state must be a file in hexadecimal: 0x and an even number of digits")
    try:
        slices = range(2, len(state), SLICE)
        return state_file.read(b"".join(bytes.fromhex(state[at : at + SLICE]) for at in slices))
    except StateFileError as error:
        raise invalid_params(str(error)) from None
    except ValueError:
        raise invalid_params("state must be hexadecimal digits, an even number of them") from None
