"""What went wrong, by whom it was noticed, when, with what evidence: one file each, and a list in memory.

Every node keeps its own, in its data directory, so that they outlive the process. Any thread may record.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from devnet.moment import moment

log = logging.getLogger(__name__)

MOST_KEPT = 500
"""The oldest are removed; a flood of faults must not fill the disk."""


@dataclass(frozen=True)
class Incident:
    """Something that should not have happened."""

    kind: str
    """What is wrong: `diff`, `state root`, `equivocation`, `witness`, `late proof` ..."""
    block: int
    detected_by: str
    role: str
    at: str
    """ISO 8601, UTC."""
    what: str
    """One sentence."""
    evidence: str
    """The file that proves it."""
    source: str = ""
    """The node it came from, where known."""

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The opposite of `asdict`; unknown fields are left out."""
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__ if name in fields})


class Incidents:
    """Of one node."""

    def __init__(self, directory: Path, node: str, role: str) -> None:
        self._directory = directory
        self._node = node
        self._role = role
        self._lock = threading.Lock()
        self._known: list[Incident] = _load(directory)

    def record(
        self, kind: str, block: int, what: str, evidence: dict[str, Any], source: str = ""
    ) -> Incident:
        """Keep one, with its evidence, and say so in the log."""
        now = moment()
        stamp = re.sub(r"[-:]", "", now)
        name = f"{stamp}-{re.sub(r'[^a-z0-9]+', '-', kind.lower())}-block-{block}"
        with self._lock:
            path = self._directory / f"{name}.json"
            while path.exists():
                path = path.with_name(f"{path.stem}+.json")
            incident = Incident(kind, block, self._node, self._role, now, what, str(path), source)
            self._known.append(incident)
            removed, self._known = self._known[:-MOST_KEPT], self._known[-MOST_KEPT:]
            self._directory.mkdir(parents=True, exist_ok=True)
            text = json.dumps({**asdict(incident), "proof": evidence}, indent=2)
            temporary = path.with_suffix(".new")
            temporary.write_text(text)
            temporary.replace(path)
            for old in removed:
                Path(old.evidence).unlink(missing_ok=True)
        log.error("%s, block %d: %s (evidence: %s)", kind, block, what, path)
        return incident

    def since(self, at: str = "") -> list[Incident]:
        """Those at or after a moment, oldest first."""
        with self._lock:
            return [incident for incident in self._known if incident.at >= at]

    def __len__(self) -> int:
        return len(self._known)


def _load(directory: Path) -> list[Incident]:
    found = []
    for path in sorted(directory.glob("*.json")):
        try:
            found.append(Incident.from_json(json.loads(path.read_text())))
        except (OSError, ValueError, TypeError, KeyError):
            log.warning("%s is no incident", path)
    return found
