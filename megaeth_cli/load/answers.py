"""What went wrong, by kind: the same complaint about another nonce or amount is the same kind."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
MAX_SHOWN = 120


def kinds(bodies: Iterable[bytes]) -> dict[str, int]:
    """How often each kind of error stands in some answers.

    >>> kinds([b'[{"id":1,"error":{"code":-32000,"message":"nonce 7 is too low"}}]'])
    {'-32000 nonce N is too low': 1}
    """
    found: Counter[str] = Counter()
    for body in bodies:
        found.update(_kind(one["error"]) for one in _answers(body) if one.get("error") is not None)
    return dict(found.most_common())


def _answers(body: bytes) -> list[dict[str, Any]]:
    try:
        read = json.loads(body)
    except ValueError:
        return [{"error": {"message": f"not JSON: {body[:40]!r}"}}]
    return [one for one in (read if isinstance(read, list) else [read]) if isinstance(one, dict)]


def _kind(error: object) -> str:
    fields = error if isinstance(error, dict) else {"message": str(error)}
    message = _NUMBER.sub("N", str(fields.get("message", "")))[:MAX_SHOWN]
    code = fields.get("code")
    return message if code is None else f"{code} {message}"
