"""The genesis document: `{"timestamp": int, "alloc": {address: {balance, nonce, code, storage}}}`.

All numbers are 0x-hex strings, addresses are lower case, so that the same inputs always give the same
document. A user's file may be geth's whole genesis (`alloc` and `timestamp` are read) or the bare allocation; it wins
over our own entries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from devnet import _engine
from devnet.errors import ConfigError
from devnet.genesis.accounts import DevAccount

Account = dict[str, Any]
Alloc = dict[str, Account]

WEI_PER_ETHER = 10**18
DEFAULT_BALANCE_WEI = 10_000 * WEI_PER_ETHER
U256_LIMIT = 2**256
U64_LIMIT = 2**64
CODE_LIMIT_BYTES = 512 * 1024  # MegaETH's contract size limit
ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
HEX = re.compile(r"(?:0[xX])?((?:[0-9a-fA-F]{2})*)")
ACCOUNT_FIELDS = {"balance", "nonce", "code", "storage", "secretKey"}
PREDEPLOY_DIR = Path(__file__).parent / "predeploys"


class GenesisError(ConfigError):
    """The genesis file can't be used; the message names the entry and says why."""


@dataclass(frozen=True)
class GenesisFile:
    """What a user's file says."""

    alloc: Alloc = field(default_factory=dict)
    timestamp: int | None = None
    """Of block 0, in seconds; None where the file leaves it open."""


def genesis(
    timestamp: int,
    accounts: Iterable[DevAccount],
    balance_wei: int,
    extra: Mapping[str, Account],
    *,
    spec: str,
) -> dict[str, Any]:
    """Joins predeploys, what the rules of `spec` take, developer accounts and a user's allocation (see
    `load_genesis`), the latter winning."""
    alloc: Alloc = {address: dict(account) for address, account in predeploys().items()}
    alloc |= json.loads(_engine.system_alloc(spec))
    for account in accounts:
        alloc.setdefault(account.address.lower(), {})["balance"] = hex(balance_wei)
    for address, entry in extra.items():
        alloc[address] = {**alloc.get(address, {}), **entry}
    return {"timestamp": timestamp, "alloc": dict(sorted(alloc.items()))}


@cache
def predeploys() -> Alloc:
    """Every contract of predeploys/*.json by address."""
    alloc: Alloc = {}
    for path in sorted(PREDEPLOY_DIR.glob("*.json")):
        artifact = json.loads(path.read_bytes())
        for address in artifact["addresses"]:
            alloc[address] = {"nonce": hex(artifact["nonce"]), "code": artifact["code"]}
    return alloc


def load_genesis(path: Path) -> GenesisFile:
    """Reads a user's file and brings it into our form."""
    try:
        data = path.read_bytes()
        orjson.loads(data)  # bounds the nesting, which json leaves to the stack
        document = json.loads(data, object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise GenesisError(f"cannot read the genesis file {path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise GenesisError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except _Duplicate as error:
        raise GenesisError(f"{path}: {error.args[0]!r} is listed twice") from None
    if not isinstance(document, dict):
        raise GenesisError(f"{path}: a genesis file is a JSON object, this is {_kind(document)}")
    entries = document.get("alloc", document)
    if not isinstance(entries, dict):
        raise GenesisError(f"{path}: alloc must be an object of addresses, not {_kind(entries)}")
    alloc: Alloc = {}
    for name, entry in entries.items():
        match = ADDRESS.fullmatch(name)
        if not match:
            hint = "" if "alloc" in document else ' (and the file has no "alloc")'
            raise GenesisError(f"{path}: alloc[{name!r}]: not an address of 20 bytes in hex{hint}")
        address = "0x" + match[1].lower()
        if address in alloc:
            raise GenesisError(f"{path}: {address} is listed twice")
        alloc[address] = _account(entry, f"{path}: alloc[{name}]")
    timestamp = document.get("timestamp") if "alloc" in document else None
    if timestamp is not None:
        timestamp = _number(timestamp, U64_LIMIT, f"{path}: timestamp")
    return GenesisFile(alloc, timestamp)


def _account(entry: object, where: str) -> Account:
    if not isinstance(entry, dict):
        raise GenesisError(f"{where}: an account is an object, not {_kind(entry)}")
    unknown = sorted(entry.keys() - ACCOUNT_FIELDS)
    if unknown:
        raise GenesisError(
            f"{where}: unknown field {unknown[0]!r}; known are balance, nonce, code and storage"
        )
    account: Account = {}
    if "balance" in entry:
        account["balance"] = hex(_number(entry["balance"], U256_LIMIT, f"{where}.balance"))
    if "nonce" in entry:
        account["nonce"] = hex(_number(entry["nonce"], U64_LIMIT, f"{where}.nonce"))
    if "code" in entry:
        code = _hex(entry["code"], f"{where}.code")
        if len(code) > CODE_LIMIT_BYTES:
            raise GenesisError(f"{where}.code: {len(code)} bytes, MegaETH's limit is {CODE_LIMIT_BYTES}")
        account["code"] = "0x" + code.hex()
    storage = entry.get("storage", {})
    if not isinstance(storage, dict):
        raise GenesisError(f"{where}.storage: must be an object of slots, not {_kind(storage)}")
    slots: dict[str, str] = {}
    for slot, value in storage.items():
        key = _word(slot, f"{where}.storage[{slot!r}]")
        if key in slots:
            raise GenesisError(f"{where}.storage: slot {key} is listed twice")
        slots[key] = _word(value, f"{where}.storage[{slot}]")
    if slots:
        account["storage"] = slots
    return account


def _number(value: object, limit: int, where: str) -> int:
    """geth writes numbers as 0x-hex, as decimal strings or, for the nonce, as JSON numbers."""
    number = -1
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and len(value) <= 80 and value.isascii():
        try:
            number = int(value, 16) if value[:2] in ("0x", "0X") else int(value, 10)
        except ValueError:
            raise GenesisError(f"{where}: {value!r} is not a number") from None
    else:
        raise GenesisError(f"{where}: must be a number, not {_kind(value)}")
    if not 0 <= number < limit:
        raise GenesisError(f"{where}: must be from 0 to 2^{limit.bit_length() - 1} - 1")
    return number


def _hex(value: object, where: str) -> bytes:
    match = HEX.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise GenesisError(f"{where}: must be bytes in hex")
    return bytes.fromhex(match[1])


def _word(value: object, where: str) -> str:
    text = value if isinstance(value, str) else ""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not digits or not re.fullmatch(r"[0-9a-fA-F]{1,64}", digits):
        raise GenesisError(f"{where}: must be up to 32 bytes in hex")
    return "0x" + digits.lower().rjust(64, "0")


class _Duplicate(Exception):
    pass


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise _Duplicate(key)
        seen[key] = value
    return seen


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return {"dict": "an object", "list": "a list", "str": "a string"}.get(type(value).__name__, "a number")
