"""Checks what `eth_getProof` answers; the engine's report, with types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devnet import _engine
from devnet.proving.checker import Report, UncheckableError, read_report
from devnet.proving.stateless import packed_witness


@dataclass(frozen=True)
class Trusted:
    """What is known of the chain without asking who gave the proof."""

    state_root: bytes | None = None
    header: Mapping[str, Any] | None = None
    """The block, as `eth_getBlockByNumber` answers."""
    data_buckets: int | None = None
    """None: as many as the network has."""


def check_proof(answer: object, trusted: Trusted) -> Report:
    """Check an answer of `eth_getProof`; what is none raises UncheckableError."""
    salt = answer.get("saltProof") if isinstance(answer, dict) else None
    witness = salt.get("witness") if isinstance(salt, dict) else None
    if not isinstance(witness, str):
        raise UncheckableError("there is nothing to check", "the answer has no `saltProof` with a `witness`")
    header = json.dumps(trusted.header).encode() if trusted.header is not None else None
    try:
        report = _engine.verify_proof(
            json.dumps(answer).encode(),
            packed_witness(witness),
            state_root=trusted.state_root,
            header=header,
            data_buckets=trusted.data_buckets,
        )
    except (_engine.EngineError, ValueError) as error:
        raise UncheckableError("the proof cannot be checked", str(error)) from error
    return read_report(json.loads(report))
