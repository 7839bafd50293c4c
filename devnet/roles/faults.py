"""Faults that are played on request (`megaeth devnet inject KIND`), for teaching and for tests of those who notice.

The sequencer's log stays true. What it tells its peers is changed on the way out, signed with the sequencer's own key
as a lying sequencer would; therefore everything can be mended by asking again. A prover's faults happen at its edge of
the network: what it fetched arrives spoilt, or its word leaves late.

| kind         | who plays it | what peers get                                | who notices                      |
|--------------|--------------|-----------------------------------------------|----------------------------------|
| bad-diff     | sequencer    | a mini-block with a diff that nothing causes  | full nodes, by the provers' word |
| bad-receipt  | sequencer    | a receipt that is not true, in the header too | provers; then full nodes         |
| bad-root     | sequencer    | a block with another state root               | provers; then full nodes         |
| equivocation | sequencer    | another mini-block than the one that it keeps | full nodes, comparing their logs |
| bad-witness  | prover (*)   | (it gets) a witness that proves nothing       | who plays it                     |
| late-proof   | prover       | an attestation after its time                 | sequencer and full nodes         |

(*) Or a full node with a validator of its own (`validation.py`).
"""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import zstandard

from devnet import _engine, rlp
from devnet._engine import SealedBlock, SealedMini
from devnet.proving.checker import UncheckableError
from devnet.proving.material import WITNESS_VERSION, VerificationInput
from devnet.proving.stateless import code_hashes, packed_witness

log = logging.getLogger(__name__)

Sealed = list[SealedMini | SealedBlock]

SEQUENCER_KINDS: Final = ("bad-diff", "bad-receipt", "bad-root", "equivocation")
PROVER_KINDS: Final = ("bad-witness", "late-proof")
_MINI_LIES: Final[Mapping[str, Literal["diff", "receipt", "equivocation"]]] = {
    "bad-diff": "diff",
    "bad-receipt": "receipt",
    "equivocation": "equivocation",
}
LIE_S: Final = 20.0
"""A changed chain of headers is kept up for so long, unless it is noticed before."""
RECORD_LIE_S: Final = 0.6
"""A single false record has reached everyone by then; who asks for it again gets the true one."""
_HEADER_LIES: Final = ("bad-receipt", "bad-root")
NOTICED_S: Final = 0.5
"""So long after a prover's fault report, or a full node's refusal."""
LATE_S: Final = 12.0
MAX_WITNESS_BYTES: Final = 256 * 1024 * 1024


@dataclass
class _Armed:
    kind: str
    told: asyncio.Future[dict[str, Any]]


class SequencerFaults:
    """The lies of one sequencer. `change` is called by the log's thread, everything else on the event loop."""

    def __init__(self, forget: Callable[[], None]) -> None:
        """`forget`: from now on peers that ask again get what is in the log."""
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._armed: _Armed | None = None
        self._parent_hash: bytes | None = None
        """What the next header has to name as its parent, while a chain of false headers is kept up."""
        self._lying = False
        self._receipts_lie = False
        """A receipt of the open block is false, and so will its header be."""
        self._open: list[bytes] = []
        """The open block's mini-blocks as peers were given them."""
        self._open_transactions = 0
        self._secretly = False
        """Announcements name what is in the log, not what peers were given."""
        self._end: asyncio.TimerHandle | None = None

    async def inject(self, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Arm a fault; returns when it has happened."""
        if kind not in SEQUENCER_KINDS:
            raise ValueError(f"a sequencer cannot play '{kind}'; it can: {', '.join(SEQUENCER_KINDS)}")
        told: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        with self._lock:
            if self._armed is not None:
                raise ValueError(f"'{self._armed.kind}' is waiting to happen")
            self._armed = _Armed(kind, told)
        log.warning("armed to play '%s'", kind)
        try:
            async with asyncio.timeout(float(options.get("timeout_s", 30.0))):
                return await told
        except TimeoutError:
            raise ValueError(f"nothing came by that '{kind}' could be played on") from None
        finally:
            with self._lock:
                if self._armed is not None and self._armed.told is told:
                    self._armed = None

    def truth_again(self) -> None:
        """What is asked for from now on is answered from the log."""
        with self._lock:
            was_lying = self._lying or self._parent_hash is not None
            self._lying, self._secretly, self._receipts_lie, self._parent_hash = False, False, False, None
        if was_lying:
            log.warning("the played fault is over: peers are given what is in the log")
            self._forget()

    def change(self, sealed: Sealed) -> tuple[Sealed, Sealed]:
        """What peers are given, and what is announced, instead of what is in the log."""
        with self._lock:
            try:
                given = [
                    self._mini(item) if isinstance(item, SealedMini) else self._block(item) for item in sealed
                ]
            except Exception as error:  # a fault that can't be played must not become a real one
                log.exception("the fault could not be played")
                self._failed(error)
                return sealed, sealed
            return given, sealed if self._secretly else given

    def _failed(self, error: Exception) -> None:
        armed, self._armed = self._armed, None
        self._parent_hash, self._receipts_lie, self._secretly = None, False, False

        def tell() -> None:
            if armed is not None and not armed.told.done():
                armed.told.set_exception(ValueError(f"it could not be played: {error}"))

        self._loop.call_soon_threadsafe(tell)

    def _mini(self, mini: SealedMini) -> SealedMini:
        given = self._false_mini(mini) or mini
        if mini.index == 0:
            self._open, self._open_transactions = [], 0
        self._open.append(given.record)
        self._open_transactions += mini.tx_count
        return given

    def _false_mini(self, mini: SealedMini) -> SealedMini | None:
        armed = self._armed
        if armed is None or armed.kind not in _MINI_LIES:
            return None
        if armed.kind == "bad-receipt" and (
            not mini.tx_count or self._open_transactions or (mini.index and not self._open)
        ):
            return (
                None  # a receipt counts the gas before it: the block's first ones are the easiest to falsify
            )
        record = _engine.forge(_MINI_LIES[armed.kind], mini.record)
        self._secretly = armed.kind == "equivocation"
        self._receipts_lie = armed.kind == "bad-receipt"
        self._happened(armed, {"mini_block": mini.number, "block": mini.block})
        return SealedMini(mini.number, mini.block, mini.index, mini.timestamp_us, record, mini.tx_hashes)

    def _block(self, block: SealedBlock) -> SealedBlock:
        armed = self._armed
        record = block.record
        if self._receipts_lie:
            record = _engine.forge("receipt", record, minis=self._open, parent_hash=self._parent_hash)
            self._receipts_lie = False
        elif self._parent_hash is not None:
            record = _engine.forge("relink", record, parent_hash=self._parent_hash)
        elif armed is not None and armed.kind == "bad-root":
            record = _engine.forge("root", record)
            self._happened(armed, {"block": block.number})
        self._open, self._open_transactions = [], 0
        if record == block.record:
            return block
        self._parent_hash = header_hash(record)
        return SealedBlock(block.number, self._parent_hash, record, [], block.nodes)

    def noticed(self) -> None:
        """A prover has reported a fault, or a peer refuses what it was given: enough of it."""
        if self._lying:
            self._end_in(NOTICED_S)

    def _end_in(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = self._loop.call_later(seconds, self.truth_again)

    def _happened(self, armed: _Armed, where: dict[str, Any]) -> None:
        self._armed = None
        self._lying = True
        log.warning("played '%s' on %s", armed.kind, where)

        def tell() -> None:
            if not armed.told.done():
                armed.told.set_result({"kind": armed.kind, **where})
            self._end_in(LIE_S if armed.kind in _HEADER_LIES else RECORD_LIE_S)

        self._loop.call_soon_threadsafe(tell)


class ProverFaults:
    """What happens at one prover's edge of the network. Workers call `spoil` and `delay`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._armed: _Armed | None = None
        self._late_s = LATE_S

    async def inject(self, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Arm a fault; returns when it has happened."""
        if kind not in PROVER_KINDS:
            raise ValueError(f"a prover cannot play '{kind}'; it can: {', '.join(PROVER_KINDS)}")
        told: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        with self._lock:
            if self._armed is not None:
                raise ValueError(f"'{self._armed.kind}' is waiting to happen")
            self._armed = _Armed(kind, told)
            self._late_s = float(options.get("late_s", LATE_S))
        try:
            async with asyncio.timeout(float(options.get("timeout_s", 30.0))):
                return await told
        except TimeoutError:
            raise ValueError("no block came by") from None
        finally:
            with self._lock:
                if self._armed is not None and self._armed.told is told:
                    self._armed = None

    def spoil(self, material: VerificationInput) -> VerificationInput:
        """What arrives instead of what was fetched."""
        if not self._take("bad-witness", {"block": material.number}):
            return material
        return replace(material, witness=spoilt_witness(material.witness))

    def delay(self, block: int) -> float:
        """How many seconds late an attestation to this block leaves."""
        return self._late_s if self._take("late-proof", {"block": block}) else 0.0

    def _take(self, kind: str, where: dict[str, Any]) -> bool:
        with self._lock:
            armed = self._armed
            if armed is None or armed.kind != kind:
                return False
            self._armed = None
        log.warning("played '%s' on %s", kind, where)

        def tell() -> None:
            if not armed.told.done():
                armed.told.set_result({"kind": kind, **where})

        self._loop.call_soon_threadsafe(tell)
        return True


def spoilt_witness(witness: str, first: int | None = None) -> str:
    """The same with one bit of its content turned round, at that byte or soon after it, which names the same code: else
    what nobody has would be asked for, and the block be tried again without a word."""
    content = bytearray(
        zstandard.ZstdDecompressor().stream_reader(packed_witness(witness)).read(MAX_WITNESS_BYTES)
    )
    true_codes = code_hashes(witness)
    for place in range(len(content) // 3 if first is None else first, len(content)):
        content[place] ^= 1
        spoilt = (
            WITNESS_VERSION + base64.b64encode(zstandard.ZstdCompressor().compress(bytes(content))).decode()
        )
        try:
            if code_hashes(spoilt) == true_codes:
                return spoilt
        except UncheckableError:
            return spoilt
        content[place] ^= 1
    raise ValueError("the witness holds nothing but code hashes")


def header_hash(record: bytes) -> bytes:
    """The hash of the block in a block record: its header is the record's second item."""
    return _engine.keccak256(rlp.members(record)[1])
