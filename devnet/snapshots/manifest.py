"""What a snapshot's file says of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

import orjson

FORMAT: Final = 1
HASH_DIGITS: Final = 64


class SnapshotError(ValueError):
    """A file is no whole snapshot that this version can read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One frame of a file."""

    bytes: int
    content_bytes: int
    """Once it is unpacked."""
    sha256: str
    """Of the frame as it lies in the file."""


@dataclass(frozen=True, slots=True)
class Place:
    """Of which chain, and where in it: what the node says that the rows come from."""

    chain_id: int
    spec: str
    genesis_hash: str
    settings: dict[str, Any]
    """Those that make another chain when changed (`storage.Identity`)."""
    block: int
    mini_block: int
    """The block's last one."""
    block_hash: str
    state_root: str
    timestamp: int
    """The block's, in seconds."""
    rollbacks: int
    """How often the chain was rolled back before."""
    history: bool
    """Whether earlier blocks are in it, with transactions and receipts."""
    log_begins_after: tuple[int, int] | None
    """Mini-block and block; None: the log is here from the chain's beginning on."""

    @classmethod
    def read(cls, given: object) -> Self:
        """From JSON. Raises `SnapshotError`."""
        told = _fields(cls, given)
        begins = told["log_begins_after"]
        try:
            place = cls(**told | {"log_begins_after": None if begins is None else tuple(begins)})
            counts = (place.chain_id, place.block, place.mini_block, place.timestamp, place.rollbacks)
            pair = place.log_begins_after or (0, 0)
            hashes = (place.genesis_hash, place.block_hash, place.state_root)
            is_well_formed = (
                all(isinstance(count, int) and 0 <= count < 1 << 64 for count in (*counts, *pair))
                and all(len(bytes.fromhex(text.removeprefix("0x"))) * 2 == HASH_DIGITS for text in hashes)
                and len(pair) == 2
                and isinstance(place.spec, str)
                and isinstance(place.settings, dict)
                and (place.settings.get("chain_id"), place.settings.get("spec"))
                == (place.chain_id, place.spec)
                and isinstance(place.history, bool)
                and place.block > 0
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise SnapshotError(f"its manifest can't be read: {error}") from None
        if not is_well_formed:
            raise SnapshotError("its manifest says something that no chain has")
        return place


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a file says of itself."""

    place: Place
    accounts: int
    slots: int
    codes: int
    rows: int
    created: int
    """When it was taken, in seconds since 1970."""
    made_by: str
    """The version that made it."""
    parts: tuple[Part, ...]

    @property
    def content_bytes(self) -> int:
        """Of all parts, unpacked."""
        return sum(part.content_bytes for part in self.parts)

    def encode(self) -> bytes:
        """As it lies in the file."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `SnapshotError`."""
        try:
            given = orjson.loads(data)
        except ValueError as error:
            raise SnapshotError(f"its manifest is no JSON: {error}") from None
        told = _fields(cls, given)
        parts = told["parts"] if isinstance(told["parts"], list) else []
        manifest = cls(
            **told
            | {
                "place": Place.read(told["place"]),
                "parts": tuple(Part(**_fields(Part, part)) for part in parts),
            }
        )
        counts = [manifest.accounts, manifest.slots, manifest.codes, manifest.rows, manifest.created]
        counts += [count for part in manifest.parts for count in (part.bytes, part.content_bytes)]
        if not all(isinstance(count, int) and count >= 0 for count in counts) or not manifest.parts:
            raise SnapshotError("its manifest says something that no file has")
        return manifest


def _fields(kind: type[Place] | type[Part] | type[Manifest], given: object) -> dict[str, Any]:
    """The members that a dataclass has; others may come with later versions."""
    names = [field.name for field in fields(kind)]
    if not isinstance(given, dict) or (missing := [name for name in names if name not in given]):
        raise SnapshotError(
            f"its manifest does not say {missing[0]}"
            if isinstance(given, dict)
            else "its manifest is no object"
        )
    return {name: given[name] for name in names}
