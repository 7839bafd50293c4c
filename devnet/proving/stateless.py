"""The stateless check as provers and `megaeth verify` use it: the engine's report, with types.

What is checked, and how, is the engine's (`engine/checker/src/verify/stateless/`): the witness against the parent's
state root, replay with the witness as the only state, then everything that the block claims.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from devnet import _engine
from devnet.proving.checker import UncheckableError
from devnet.proving.claim import Claim, read_hex
from devnet.proving.material import WITNESS_VERSION, VerificationInput

OF_THE_WITNESS: Final = frozenset(
    {
        "witness",
        "state witness",
        "withdrawals witness",
        "witness completeness",
        "contract code",
    }
)
"""Checks that say nothing about the block, only about the witness and the code that came with it."""
OF_THE_SOURCE: Final = OF_THE_WITNESS | frozenset(
    {
        "mini-block records",
        "mini-block order",
        "mini-block timestamps",
        "mini-block transactions",
        "mini-block signatures",
        "mini-block roots",
        "seals",
        "gas sums",
        "status",
        "gas used",
        "compute gas",
        "storage gas",
        "data size",
        "KV updates",
        "state growth",
        "detention",
        "halt reasons",
        "logs",
        "other results",
        "state diffs",
    }
)
"""Checks that say nothing about the block, only about what a node gave with it. A header commits to no mini-blocks."""
MAX_TEXT: Final = 2_000


@dataclass(frozen=True)
class Difference:
    """The first thing that is not as it should be."""

    check: str
    expected: str
    """What is claimed."""
    actual: str
    """What checking it gave."""

    @property
    def is_of_the_source(self) -> bool:
        """Whether another node may have better."""
        return self.check in OF_THE_SOURCE

    @property
    def is_of_the_witness(self) -> bool:
        """Whether another witness may be better."""
        return self.check in OF_THE_WITNESS


@dataclass(frozen=True)
class StatelessReport:
    """What checking one block gave."""

    claim: Claim
    """What to attest to; only of worth when there is no difference."""
    difference: Difference | None
    witness_bytes: int
    transactions: int
    raw: Mapping[str, Any]
    """The whole report, for people."""


def packed_witness(text: str) -> bytes:
    """What `mega_getBlockWitness` answers, without its version and base64."""
    if not text.startswith(WITNESS_VERSION):
        raise UncheckableError("the witness cannot be read", f"it does not begin with {WITNESS_VERSION}")
    try:
        return base64.b64decode(text[len(WITNESS_VERSION) :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UncheckableError("the witness cannot be read", f"not base64: {error}") from error


def code_hashes(witness: str) -> list[bytes]:
    """The code that a check may need: that of all accounts in the witness."""
    try:
        return _engine.witness_code_hashes(packed_witness(witness))
    except (_engine.EngineError, ValueError) as error:
        raise UncheckableError("the witness cannot be read", str(error)) from error


def check(
    material: VerificationInput,
    codes: list[tuple[bytes, bytes]],
    rules: Mapping[str, Any],
    *,
    by_diffs: bool = False,
) -> StatelessReport:
    """Check a block; what can't even be read raises UncheckableError. `by_diffs`: the records' state diffs are
    compared, and the state root that they lead to is not computed: for who has applied them to a state of its own."""
    try:
        raw = json.loads(
            _engine.verify_stateless(
                material.block,
                material.parent,
                packed_witness(material.witness),
                codes,
                list(material.records),
                json.dumps(rules).encode(),
                by_diffs=by_diffs,
            )
        )
    except (_engine.EngineError, ValueError) as error:
        raise UncheckableError("the block cannot be checked", str(error)) from error
    return read_report(raw)


def read_report(raw: Mapping[str, Any]) -> StatelessReport:
    """The engine's report."""
    failed = next((one for one in raw["checks"] if not one["ok"]), None)
    difference = None
    if failed is not None or not raw["ok"]:
        one = failed or {"name": "execution"}
        # The engine expects what checking gives; a fault report is told from the block's side.
        difference = Difference(
            str(one["name"]), str(one.get("actual", ""))[:MAX_TEXT], str(one.get("expected", ""))[:MAX_TEXT]
        )
    effort = raw.get("effort") or {}
    return StatelessReport(
        _claim(raw),
        difference,
        int(effort.get("witnessBytes", 0)),
        int(effort.get("transactions", 0)),
        raw,
    )


def _claim(raw: Mapping[str, Any]) -> Claim:
    names = ("hash", "parentStateRoot", "stateRoot", "diffDigest")
    zero = "0x" + "00" * 32
    return Claim(*(read_hex(raw.get(name) or zero, 32) for name in names))
