"""Answers of compilers on disk, by content hash.

Losing it costs time only, so faults of the disk are not errors.
"""

import json
import logging
from pathlib import Path
from typing import Any

from devnet.files import write_atomically

log = logging.getLogger("megaeth.compile")


def load(cache: Path, key: str) -> dict[str, Any] | None:
    """What was kept under a key."""
    try:
        answer = json.loads(_path(cache, key).read_bytes())
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def store(cache: Path, key: str, answer: dict[str, Any]) -> None:
    """Keep an answer; readers see all of it or nothing."""
    path = _path(cache, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(answer), private=True)
    except OSError as error:
        log.info("the compiler's answer was not kept: %s", error)


def _path(cache: Path, key: str) -> Path:
    return cache / "compiled" / f"{key}.json"
