"""What went wrong, by whom it was noticed, when, with what evidence: one file each, and a list in memory.

Every node keeps its own, in its data directory, so that they outlive the process, and only so many (`kept.py`). Any
thread may record.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from devnet.proving.kept import Bounds, KeptFiles
from devnet.timestamps import timestamp

log = logging.getLogger(__name__)


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

    def __init__(self, directory: Path, node: str, role: str, bounds: Bounds) -> None:
        self._node = node
        self._role = role
        self._lock = threading.Lock()
        self._files = KeptFiles(directory, bounds)
        self._known: list[Incident] = _load(self._files.paths())

    def record(
        self, kind: str, block: int, what: str, evidence: dict[str, Any], source: str = ""
    ) -> Incident:
        """Keep one, with its evidence, and say so in the log."""
        now = timestamp()

        def incident_at(path: Path) -> Incident:
            return Incident(kind, block, self._node, self._role, now, what, str(path), source)

        with self._lock:
            path = self._files.add(
                kind,
                block,
                lambda path: json.dumps({**asdict(incident_at(path)), "proof": evidence}, indent=2),
            )
            incident = incident_at(path)
            kept = {str(path) for path in self._files.paths()}
            self._known = [one for one in (*self._known, incident) if one.evidence in kept]
        log.error("%s, block %d: %s (evidence: %s)", kind, block, what, path)
        return incident

    @property
    def dropped(self) -> int:
        """How many are no longer kept."""
        return self._files.dropped

    def since(self, at: str = "") -> list[Incident]:
        """Those at or after a moment, oldest first."""
        with self._lock:
            return [incident for incident in self._known if incident.at >= at]

    def __len__(self) -> int:
        """All that were noticed, those no longer kept too."""
        return len(self._known) + self.dropped


def _load(paths: list[Path]) -> list[Incident]:
    found = []
    for path in paths:
        try:
            found.append(Incident.from_json(json.loads(path.read_text())))
        except (OSError, ValueError, TypeError, KeyError):
            log.warning("%s is no incident", path)
    return found
