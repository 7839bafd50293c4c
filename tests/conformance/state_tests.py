"""Reads GeneralStateTests: each file's cases as requests that `run_code` takes.

A case is one choice of calldata, gas limit and value of a test's transaction. Tests of consensus things that a call
can't express (blobs, prices beyond 64 bits, malformed numbers) are left out and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devnet._engine import address_of

VAULTS = ("19", "1a", "1b")
"""How the addresses of the fee vaults end: they are there on every chain, and no transaction makes them."""


class Inexpressible(Exception):
    """A case that a call can't express; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One transaction of a test."""

    name: str
    request: dict[str, Any]
    codes: tuple[bytes, ...]
    """The code of every contract there is before the transaction."""
    is_refused: bool | None = None
    """Whether the test says that no block can have it; None if there is no test to say."""
    logs_hash: str = ""
    """The hash of all logs that the test states."""


def cases(path: Path, spec: str) -> Iterator[Case | Inexpressible]:
    """All cases of a file, to be run under a spec. None if it is no file of state tests."""
    tests = json.loads(path.read_bytes())
    for name, test in tests.items() if isinstance(tests, dict) else ():
        if not isinstance(test, dict) or not {"env", "pre", "transaction", "post"} <= test.keys():
            continue
        for indexes, stated in _choices(test["post"]):
            label = f"{path.stem}:{name.rsplit('::', 1)[-1]}[{','.join(map(str, indexes))}]"
            try:
                yield _case(label, test, stated, spec, *indexes)
            except Inexpressible as why:
                yield why


def _choices(post: dict[str, list[dict[str, Any]]]) -> list[tuple[tuple[int, int, int], dict[str, Any]]]:
    """The choices of calldata, gas and value of the newest fork that the test knows, and what it states of each."""
    newest = next(reversed(post.values()), [])
    found = {tuple(one["indexes"][key] for key in ("data", "gas", "value")): one for one in newest}
    return [((data, gas, value), one) for (data, gas, value), one in sorted(found.items())]


def _case(
    name: str, test: dict[str, Any], stated: dict[str, Any], spec: str, data: int, gas: int, value: int
) -> Case:
    env, sent = test["env"], test["transaction"]
    if "blobVersionedHashes" in sent:
        raise Inexpressible("a blob transaction")
    if "authorizationList" in sent:
        raise Inexpressible("an authorization list")
    vaults = {f"0x42{'0' * 36}{vault}": {"balance": "0x1"} for vault in VAULTS}
    accounts = vaults | {
        address: {
            "balance": hex(_number(account["balance"])),
            "nonce": _u64(account["nonce"]),
            "code": account["code"],
            "storage": {hex(_number(slot)): hex(_number(word)) for slot, word in account["storage"].items()},
        }
        for address, account in test["pre"].items()
    }
    request: dict[str, Any] = {
        "spec": spec,
        "from": sent.get("sender") or f"0x{address_of(bytes.fromhex(sent['secretKey'][2:])).hex()}",
        "calldata": sent["data"][data],
        "gas": _u64(sent["gasLimit"][gas]),
        "value": hex(_number(sent["value"][value])),
        "accounts": accounts,
        "block": {
            "number": hex(_number(env["currentNumber"])),
            "timestamp": hex(_number(env["currentTimestamp"])),
            "coinbase": env["currentCoinbase"],
            "gasLimit": _u64(env["currentGasLimit"]),
            "baseFee": _u64(env.get("currentBaseFee", "0x0")),
            "prevRandao": f"0x{_number(env.get('currentRandom', '0x0')):064x}",
        },
    }
    if sent.get("to"):
        request["to"] = sent["to"]
    else:
        request["create"] = True
    for key in ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"):
        if key in sent:
            request[key] = _u64(sent[key])
    if (lists := sent.get("accessLists")) and lists[data] is not None:
        request["accessList"] = lists[data]
    codes = {account["code"] for account in test["pre"].values()} - {"0x", ""}
    return Case(
        name,
        request,
        tuple(sorted(bytes.fromhex(code[2:]) for code in codes)),
        is_refused="expectException" in stated,
        logs_hash=stated["logs"],
    )


def _number(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Inexpressible("a malformed number") from None


def _u64(text: str) -> int:
    number = _number(text)
    if number >= 1 << 64:
        raise Inexpressible("a number beyond 64 bits")
    return number
