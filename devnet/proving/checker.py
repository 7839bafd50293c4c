"""What a check found, with types: the engine's report of a block or of a proof."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devnet.errors import UserError
from devnet.proving.claim import NAMES


@dataclass(frozen=True)
class Check:
    """One thing that was compared."""

    name: str
    ok: bool
    expected: str = ""
    """What checking it gave."""
    actual: str = ""
    """What the block says."""


@dataclass(frozen=True)
class Report:
    """All checks of one block, in the order in which they were made."""

    number: int
    hash: str
    checks: tuple[Check, ...]
    effort: Mapping[str, Any] = field(default_factory=dict)
    """What a stateless check was given, and how many microseconds its parts took."""
    claim: Mapping[str, str] = field(default_factory=dict)
    """What of a `Claim` the check has found out itself, by the names of its parts."""

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    @property
    def first_difference(self) -> Check | None:
        """The first check that failed."""
        return next((check for check in self.checks if not check.ok), None)


class UncheckableError(UserError):
    """What was given is no block, witness or proof, so nothing could be checked."""


def read_report(report: Mapping[str, Any]) -> Report:
    """The engine's report."""
    return Report(
        int(str(report["block"]), 0),
        str(report.get("hash", "")),
        tuple(
            Check(str(one["name"]), bool(one["ok"]), _text(one.get("expected")), _text(one.get("actual")))
            for one in report["checks"]
        ),
        report.get("effort") or {},
        {
            name: str(value)
            for name in NAMES
            if (value := report.get("hash" if name == "blockHash" else name)) is not None
        },
    )


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
