"""The runner of state tests: every way of executing a fixture's transactions is tried, and all agree."""

import json
import sys
from pathlib import Path

import pytest

from tests.conformance.__main__ import main

SENDER = "0xcd3b766ccdd6ae721141f452c550ca635964ce71"
CONTRACT = "0x" + "c0" * 20
COINBASE = "0x" + "2a" * 20


def _fixture(code: str) -> dict[str, object]:
    """A test of one transaction that calls a contract, with two choices of calldata."""
    return {
        "env": {
            "currentNumber": "0x10",
            "currentTimestamp": "0x3e8",
            "currentCoinbase": COINBASE,
            "currentGasLimit": "0x5f5e100",
            "currentBaseFee": "0xa",
        },
        "pre": {
            SENDER: {"balance": "0xde0b6b3a7640000", "nonce": "0x0", "code": "0x", "storage": {}},
            COINBASE: {"balance": "0x1", "nonce": "0x0", "code": "0x", "storage": {}},
            CONTRACT: {"balance": "0x5", "nonce": "0x1", "code": code, "storage": {"0x00": "0x07"}},
        },
        "transaction": {
            "data": ["0x", "0x" + "01" * 32],
            "gasLimit": ["0x30d40"],
            "gasPrice": "0x14",
            "nonce": "0x0",
            "sender": SENDER,
            "to": CONTRACT,
            "value": ["0x0"],
        },
        "post": {
            "Cancun": [
                {"indexes": {"data": data, "gas": 0, "value": 0}, "hash": "", "logs": ""} for data in (0, 1)
            ]
        },
    }


@pytest.mark.parametrize(
    ("code", "held", "in_vain"),
    [
        ("0x5f35335500", 8, 0),  # SSTORE(CALLER, calldata[0])
        ("0x5f546001015f5500", 6, 2),  # SSTORE(0, SLOAD(0) + 1): the one after it must see it
        ("0x41315f5500", 0, 0),  # SSTORE(0, BALANCE(COINBASE)): only in its turn
        ("0x5f5fa060015ffd", 8, 0),  # a log, and a revert
    ],
)
def test_a_fixture_runs_in_every_way(
    code: str,
    held: int,
    in_vain: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "one.json").write_text(json.dumps({"one": _fixture(code)}))
    monkeypatch.setattr(sys, "argv", ["conformance", "--fixtures", str(tmp_path)])
    assert main() == 0
    told = capsys.readouterr().out
    assert "2 cases" in told
    assert f"{held} held when executed ahead" in told
    assert f"{in_vain} executed ahead in vain" in told
    assert "disagreement" not in told
