"""Which chain a database holds: the card `chain.json` beside it, which is readable without LevelDB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devnet.storage import tables
from devnet.storage.errors import Corrupted, OtherChain, TooNew

CARD: Final = "chain.json"
MAX_SHOWN: Final = 80


@dataclass(frozen=True)
class Identity:
    """Which chain a database holds. `settings` are those that make another chain when changed."""

    chain_id: int
    genesis_hash: bytes
    settings: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The JSON of chain.json."""
        return json.dumps(
            {
                "format": tables.FORMAT,
                "chain_id": self.chain_id,
                "genesis_hash": "0x" + self.genesis_hash.hex(),
                "settings": dict(self.settings),
            },
            indent=2,
            sort_keys=True,
        ).encode()

    @classmethod
    def decode(cls, data: bytes, directory: Path) -> Identity:
        """Reads chain.json; refuses a later format before looking at anything else."""
        try:
            document = json.loads(data)
            version = int(document["format"])
            if version > tables.FORMAT:
                raise TooNew(directory, version, tables.FORMAT)
            return cls(
                int(document["chain_id"]),
                bytes.fromhex(document["genesis_hash"].removeprefix("0x")),
                dict(document["settings"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Corrupted(directory, f"its chain.json can't be read ({error!r})") from None

    def require(self, settings: Mapping[str, Any], names: Mapping[str, str], directory: Path) -> None:
        """Refuses when the chain was made with other settings; `names` says them in the user's words."""
        differences = [
            f"{names.get(key, key)} is {_short(self.settings.get(key))}, not {_short(settings.get(key))}"
            for key in sorted(self.settings.keys() | settings.keys())
            if self.settings.get(key) != settings.get(key)
        ]
        if differences:
            raise OtherChain(directory, differences)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
