"""The words that peers exchange, and their one strict encoding. No sockets, no state of a connection.

A connection begins, in both directions, with the PREAMBLE (magic and version, uncompressed). What follows is one zstd
stream per direction (`compress.py`) of frames:

    type u8 | length u32 | payload

All numbers are big-endian, texts are UTF-8 with a length byte. A frame is decoded only when all of it is there, only
if its length is within its type's cap, and only if every byte of it is accounted for. `FrameReader` checks a length
before it keeps a byte, so that nobody can make it allocate more than he may.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from devnet.sync.log_offset import GENESIS, EntryKind, LogEntry, LogOffset

VERSION = 2
PREAMBLE = b"megasync" + struct.pack(">H", VERSION)

HEADER = struct.Struct(">BI")
_U8 = struct.Struct(">B")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_ITEM = struct.Struct(">BQQQ")

KIB = 1024
MIB = 1024 * KIB
MAX_TEXT_BYTES = 255
MAX_PATH = 32
"""Nodes between the sequencer and a full node, at most."""
MAX_ENDPOINTS = 32
MAX_RECORD_BYTES = 64 * MIB
"""A mini-block may hold a whole block's data (12.5 MiB), its results and its diff."""
MAX_GOSSIP_BYTES = 256 * KIB
MAX_CHUNK_BYTES = 2 * MIB
MAX_MANIFEST_BYTES = 16 * MIB
MAX_GENESIS_BYTES = 64 * MIB


class Malformed(Exception):
    """These bytes are no frame, or not one that may stand here: the connection is of no use any more."""


class Channel(IntEnum):
    """Frames of one channel share one credit; control frames need none, and are few and small."""

    CONTROL = 0
    DATA = 1
    NEWS = 2


@dataclass(frozen=True)
class Endpoint:
    """Where a node listens for peers."""

    node: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.node} at {self.host}:{self.port}"


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def u8(self, value: int) -> None:
        self.parts.append(_U8.pack(value))

    def u16(self, value: int) -> None:
        self.parts.append(_U16.pack(value))

    def u32(self, value: int) -> None:
        self.parts.append(_U32.pack(value))

    def u64(self, value: int) -> None:
        self.parts.append(_U64.pack(value))

    def raw(self, value: bytes) -> None:
        self.parts.append(value)

    def text(self, value: str) -> None:
        data = value.encode()
        if len(data) > MAX_TEXT_BYTES:
            raise ValueError(f"a text of {len(data)} bytes")
        self.u8(len(data))
        self.raw(data)

    def position(self, value: LogOffset) -> None:
        self.u64(value.minis)
        self.u64(value.blocks)
        self.u64(value.rollbacks)

    def endpoints(self, values: tuple[Endpoint, ...]) -> None:
        self.u8(len(values))
        for each in values:
            self.text(each.node)
            self.text(each.host)
            self.u16(each.port)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) != size:
            raise Malformed("a frame ends too early")
        self._at += size
        return piece

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def text(self) -> str:
        try:
            return self.take(self.u8()).decode()
        except UnicodeDecodeError:
            raise Malformed("a text is not UTF-8") from None

    def position(self) -> LogOffset:
        return LogOffset(self.u64(), self.u64(), self.u64())

    def endpoints(self) -> tuple[Endpoint, ...]:
        count = self.u8()
        if count > MAX_ENDPOINTS:
            raise Malformed(f"{count} endpoints in one frame")
        return tuple(Endpoint(self.text(), self.text(), self.u16()) for _ in range(count))

    def rest(self) -> bytes:
        piece = self._data[self._at :]
        self._at = len(self._data)
        return piece

    def done(self) -> None:
        if self._at != len(self._data):
            raise Malformed("a frame goes on after its end")


@dataclass(frozen=True)
class Frame:
    """One word. `encode` gives the frame with its header."""

    payload_bytes: ClassVar[int] = 0
    """Of a received frame: how long it was (set on the instance by `decode`)."""

    TYPE: ClassVar[int] = 0
    CHANNEL: ClassVar[Channel] = Channel.CONTROL
    CAP: ClassVar[int] = 256
    """The longest payload, bytes."""

    def write(self, to: _Writer) -> None:
        """Writes the payload."""

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls()

    def encode(self) -> bytes:
        """Header and payload."""
        writer = _Writer()
        self.write(writer)
        payload = b"".join(writer.parts)
        if len(payload) > self.CAP:
            raise ValueError(f"{type(self).__name__} of {len(payload)} bytes; the cap is {self.CAP}")
        return HEADER.pack(self.TYPE, len(payload)) + payload


@dataclass(frozen=True)
class Status:
    """Where a node stands; part of several frames."""

    position: LogOffset = GENESIS
    oldest: LogOffset = GENESIS
    """Its log begins here."""
    path: tuple[str, ...] = ()
    """The nodes by which data comes to it, the sequencer first and itself last; empty: no data comes."""
    free: int = 0
    """How many more nodes it could feed."""

    def write(self, to: _Writer) -> None:
        """Writes its part of a payload."""
        to.position(self.position)
        to.position(self.oldest)
        to.u8(min(self.free, 255))
        to.u8(len(self.path))
        for node in self.path:
            to.text(node)

    @classmethod
    def read(cls, data: _Reader) -> Status:
        """Reads its part of a payload."""
        position, oldest, free, count = data.position(), data.position(), data.u8(), data.u8()
        if count > MAX_PATH:
            raise Malformed(f"a path of {count} nodes")
        return cls(position, oldest, tuple(data.text() for _ in range(count)), free)


MAX_STATUS_BYTES = 50 + MAX_PATH * (MAX_TEXT_BYTES + 1)


@dataclass(frozen=True)
class Hello(Frame):
    """The first frame of either side."""

    TYPE = 1
    CAP = 1024 + MAX_STATUS_BYTES
    chain_id: int
    genesis_hash: bytes
    """Zeros: a newcomer who does not know it yet, and may ask for the genesis and a snapshot only."""
    node: str
    role: str
    host: str
    port: int
    """Where it listens; 0: it doesn't."""
    status: Status

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u64(self.chain_id)
        to.raw(self.genesis_hash)
        to.text(self.node)
        to.text(self.role)
        to.text(self.host)
        to.u16(self.port)
        self.status.write(to)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        chain_id, genesis_hash, node, role = data.u64(), data.take(32), data.text(), data.text()
        return cls(chain_id, genesis_hash, node, role, data.text(), data.u16(), Status.read(data))


@dataclass(frozen=True)
class Ping(Frame):
    """I am here, and stand there; answer with the token."""

    TYPE = 2
    CAP = 8 + MAX_STATUS_BYTES
    token: int
    status: Status

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u64(self.token)
        self.status.write(to)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u64(), Status.read(data))


@dataclass(frozen=True)
class Pong(Frame):
    """The answer to a ping."""

    TYPE = 3
    token: int

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u64(self.token)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u64())


@dataclass(frozen=True)
class Credit(Frame):
    """So many more bytes of a channel may be sent."""

    TYPE = 4
    channel: int
    amount: int

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u8(self.channel)
        to.u32(self.amount)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u8(), data.u32())


@dataclass(frozen=True)
class Subscribe(Frame):
    """Send me the log from here on."""

    TYPE = 5
    serial: int
    """Repeated in the answer."""
    position: LogOffset

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u32(self.serial)
        to.position(self.position)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u32(), data.position())


@dataclass(frozen=True)
class Accepted(Frame):
    """The log comes."""

    TYPE = 6
    serial: int

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u32(self.serial)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u32())


@dataclass(frozen=True)
class Declined(Frame):
    """The log does not come (or no longer); ask these."""

    TYPE = 7
    CAP = 512 + MAX_ENDPOINTS * (2 * MAX_TEXT_BYTES + 4)
    serial: int
    reason: str
    instead: tuple[Endpoint, ...] = ()

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u32(self.serial)
        to.text(self.reason)
        to.endpoints(self.instead)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u32(), data.text(), data.endpoints())


@dataclass(frozen=True)
class Unsubscribe(Frame):
    """Send me no more of the log."""

    TYPE = 8


@dataclass(frozen=True)
class EntryFrame(Frame):
    """The next record of the log."""

    TYPE = 9
    CHANNEL = Channel.DATA
    CAP = _ITEM.size + MAX_RECORD_BYTES
    entry: LogEntry

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.raw(_ITEM.pack(self.entry.kind, *self.entry.after))
        to.raw(self.entry.record)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        kind, after, record = data.u8(), data.position(), data.rest()
        if kind > EntryKind.ROLLBACK:
            raise Malformed(f"an entry of kind {kind}")
        counted = {
            EntryKind.MINI: after.minis,
            EntryKind.BLOCK: after.blocks,
            EntryKind.ROLLBACK: after.rollbacks,
        }
        if counted[EntryKind(kind)] == 0:
            raise Malformed("an entry before the log's beginning")
        return cls(LogEntry(EntryKind(kind), after, record))


@dataclass(frozen=True)
class Gossip(Frame):
    """Something that everyone should hear."""

    TYPE = 10
    CHANNEL = Channel.NEWS
    CAP = 1 + MAX_GOSSIP_BYTES
    kind: int
    payload: bytes

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u8(self.kind)
        to.raw(self.payload)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u8(), data.rest())


@dataclass(frozen=True)
class Peers(Frame):
    """Where others listen."""

    TYPE = 11
    CAP = 1 + MAX_ENDPOINTS * (2 * MAX_TEXT_BYTES + 4)
    endpoints: tuple[Endpoint, ...]

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.endpoints(self.endpoints)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.endpoints())


@dataclass(frozen=True)
class Bye(Frame):
    """I close this connection, because."""

    TYPE = 12
    reason: str

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.text(self.reason)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.text())


@dataclass(frozen=True)
class GenesisRequest(Frame):
    """What does the chain begin with?"""

    TYPE = 13


@dataclass(frozen=True)
class Genesis(Frame):
    """The genesis document and the settings that make the chain this one (JSON both)."""

    TYPE = 14
    CHANNEL = Channel.DATA
    CAP = 4 + MAX_GENESIS_BYTES
    settings: bytes
    document: bytes

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u32(len(self.settings))
        to.raw(self.settings)
        to.raw(self.document)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.take(data.u32()), data.rest())


@dataclass(frozen=True)
class ManifestRequest(Frame):
    """What would a snapshot of your state consist of?"""

    TYPE = 15


@dataclass(frozen=True)
class Manifest(Frame):
    """A snapshot's place, its block's record and the digests of its chunks; all empty: there is none."""

    TYPE = 16
    CHANNEL = Channel.DATA
    CAP = 64 + MAX_MANIFEST_BYTES
    position: LogOffset
    block_record: bytes
    digests: tuple[bytes, ...]

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.position(self.position)
        to.u32(len(self.block_record))
        to.raw(self.block_record)
        to.u32(len(self.digests))
        for digest in self.digests:
            to.raw(digest)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        position, record, count, digests = data.position(), data.take(data.u32()), data.u32(), data.rest()
        if len(digests) != 32 * count:
            raise Malformed("a manifest with part of a digest")
        return cls(position, record, tuple(digests[at : at + 32] for at in range(0, len(digests), 32)))


@dataclass(frozen=True)
class ChunkRequest(Frame):
    """One chunk of the snapshot at that place."""

    TYPE = 17
    position: LogOffset
    index: int

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.position(self.position)
        to.u32(self.index)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.position(), data.u32())


@dataclass(frozen=True)
class Chunk(Frame):
    """A chunk as it was digested; empty: it is not to be had any more."""

    TYPE = 18
    CHANNEL = Channel.DATA
    CAP = 4 + MAX_CHUNK_BYTES
    index: int
    data: bytes

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u32(self.index)
        to.raw(self.data)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u32(), data.rest())


@dataclass(frozen=True)
class Stored(Frame):
    """Of a standby: everything up to here is on my disk."""

    TYPE = 19
    position: LogOffset

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.position(self.position)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.position())


@dataclass(frozen=True)
class Fence(Frame):
    """Follow nobody who leads in a term before this one, and say where you stand: I am about to lead."""

    TYPE = 20
    term: int

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u64(self.term)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u64())


@dataclass(frozen=True)
class Fenced(Frame):
    """The answer to a fence."""

    TYPE = 21
    term: int
    """0: I have promised that to a later term."""
    position: LogOffset

    def write(self, to: _Writer) -> None:
        """Writes the payload."""
        to.u64(self.term)
        to.position(self.position)

    @classmethod
    def read(cls, data: _Reader) -> Self:
        """Reads the payload."""
        return cls(data.u64(), data.position())


TYPES: dict[int, type[Frame]] = {
    cls.TYPE: cls
    for cls in (
        *(
            Hello,
            Ping,
            Pong,
            Credit,
            Subscribe,
            Accepted,
            Declined,
            Unsubscribe,
            EntryFrame,
            Gossip,
            Peers,
            Bye,
        ),
        *(GenesisRequest, Genesis, ManifestRequest, Manifest, ChunkRequest, Chunk),
        *(Stored, Fence, Fenced),
    )
}


def decode(type_: int, payload: bytes) -> Frame:
    """The frame of that type with that payload; nothing but it."""
    cls = TYPES.get(type_)
    if cls is None:
        raise Malformed(f"a frame of type {type_}")
    if len(payload) > cls.CAP:
        raise Malformed(f"{cls.__name__} of {len(payload)} bytes")
    reader = _Reader(payload)
    frame = cls.read(reader)
    reader.done()
    object.__setattr__(frame, "payload_bytes", len(payload))
    return frame


class FrameReader:
    """Cuts a stream into frames. `admit(class, size)` is asked before the first byte of a payload is kept, and may
    raise `Malformed`.
    """

    def __init__(self, admit: Callable[[type[Frame], int], None]) -> None:
        self._admit = admit
        self._buffer = bytearray()
        self._wanted = HEADER.size
        self._type: int | None = None

    @property
    def partial_bytes(self) -> int:
        """What is here of a payload that is not complete yet."""
        return len(self._buffer) if self._type is not None else 0

    def feed(self, data: bytes, deliver: Callable[[Frame], None]) -> None:
        """Takes the next bytes of the stream and hands over every frame that is complete."""
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= self._wanted:
                piece = bytes(self._buffer[at : at + self._wanted])
                at += self._wanted
                if self._type is None:
                    self._begin(*HEADER.unpack(piece))
                else:
                    frame = decode(self._type, piece)
                    self._type, self._wanted = None, HEADER.size
                    deliver(frame)
        finally:
            del self._buffer[:at]

    def _begin(self, type_: int, size: int) -> None:
        cls = TYPES.get(type_)
        if cls is None:
            raise Malformed(f"a frame of type {type_}")
        if size > cls.CAP:
            raise Malformed(f"{cls.__name__} of {size} bytes; the cap is {cls.CAP}")
        self._admit(cls, size)
        self._type, self._wanted = type_, size
