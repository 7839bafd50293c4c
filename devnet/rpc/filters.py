"""Parameters of `eth_subscribe`, checked and brought into one form, so that equal subscriptions share their
work.

Not here: matching logs with a filter, which is the engine's.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from devnet.rpc.errors import RpcFault, invalid_params

MAX_TOPICS: Final = 4
MAX_ALTERNATIVES: Final = 1_000
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TOPIC = re.compile(r"0x[0-9a-fA-F]{64}")


def log_filter(value: object) -> tuple[bytes, bool]:
    """Return the filter in canonical form, and whether it asks for logs of blocks that are still open."""
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise invalid_params("the log filter must be an object")
    canonical: dict[str, object] = {}
    addresses = value.get("address")
    if addresses is not None:
        canonical["address"] = _alternatives(addresses, _ADDRESS, "address")
    topics = value.get("topics")
    if topics is not None:
        canonical["topics"] = _topics(topics)
    pending = "pending" in (value.get("fromBlock"), value.get("toBlock"))
    return orjson.dumps(canonical), pending


def addresses(value: object) -> list[bytes]:
    """Return the accounts of a `stateChanges` subscription."""
    if not isinstance(value, list) or not value:
        raise invalid_params("stateChanges needs a list of addresses")
    return [bytes.fromhex(text[2:]) for text in _alternatives(value, _ADDRESS, "address")]


def flag(value: object, name: str) -> bool:
    """Return an optional boolean parameter."""
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid_params(f"{name} must be true or false")


def _topics(value: object) -> list[object]:
    if not isinstance(value, list):
        raise invalid_params("topics must be a list")
    if len(value) > MAX_TOPICS:
        raise invalid_params(f"a log has at most {MAX_TOPICS} topics, the filter names {len(value)}")
    return [None if topic in (None, []) else _alternatives(topic, _TOPIC, "topic") for topic in value]


def _alternatives(value: object, form: re.Pattern[str], name: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_ALTERNATIVES:
        raise invalid_params(f"too many alternatives: {len(values)}, the limit is {MAX_ALTERNATIVES}")
    return sorted({_hex(item, form, name) for item in values})


def _hex(value: object, form: re.Pattern[str], name: str) -> str:
    if isinstance(value, str) and form.fullmatch(value):
        return value.lower()
    raise _bad(name, value)


def _bad(name: str, value: object) -> RpcFault:
    shown = orjson.dumps(value).decode()
    return invalid_params(f"invalid {name}: {shown if len(shown) <= 100 else shown[:100] + '...'}")
