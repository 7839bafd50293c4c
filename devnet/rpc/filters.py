"""Filters of subscriptions and of who polls, checked; those of subscriptions brought into one form, so that equal ones
share their work.

Not here: matching logs with a filter, which is the engine's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import orjson

from devnet.rpc.errors import RpcFault, invalid_params

MAX_TOPICS: Final = 4
MAX_ALTERNATIVES: Final = 1_000
MAX_WATCHED: Final = 256
"""Accounts of one `stateChanges` subscription, as on MegaETH."""
TAGS: Final = frozenset({"latest", "pending", "safe", "finalized", "earliest"})
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TOPIC = re.compile(r"0x[0-9a-fA-F]{64}")
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}")


def log_filter(value: object) -> tuple[bytes, bool]:
    """Return the filter in canonical form, and whether it asks for logs of blocks that are still open.

    What is a filter is what `eth_getLogs` takes for one (`engine/src/rpc/methods/log_filter.rs`), but for `blockHash`:
    news is never of a block that is known already.
    """
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise invalid_params("the log filter must be an object")
    if value.get("blockHash") is not None:
        raise invalid_params(
            "blockHash: a subscription is to blocks that come; eth_getLogs has the logs of a block"
        )
    canonical: dict[str, object] = {}
    addresses = value.get("address")
    if addresses is not None:
        canonical["address"] = _alternatives(addresses, _ADDRESS, "address")
    topics = value.get("topics")
    if topics is not None:
        canonical["topics"] = _topics(topics)
    first, last = block_range(value)
    return orjson.dumps(canonical), first in ("pending", "latest") or last == "pending"


def block_range(value: Mapping[str, object]) -> tuple[str | int | None, str | int | None]:
    """Return where a filter's blocks begin and end: tags, numbers, or nothing."""
    first, last = (_block(value.get(name), name) for name in ("fromBlock", "toBlock"))
    if isinstance(first, int) and isinstance(last, int) and first > last:
        raise invalid_params(f"invalid block range params: fromBlock {first} is after toBlock {last}")
    return first, last


def addresses(value: object) -> list[bytes]:
    """Return the accounts of a `stateChanges` subscription; none in particular means all there are."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid_params("stateChanges takes a list of addresses, or nothing for all accounts")
    if len(value) > MAX_WATCHED:
        raise invalid_params(f"too many addresses: {len(value)}, the limit is {MAX_WATCHED}")
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
    return [_topic(topic) for topic in value]


def _topic(value: object) -> list[str] | None:
    """The alternatives at one place; None, which is any, also where that is one of them."""
    if value is None or value == []:
        return None
    if isinstance(value, list) and None in value:
        _alternatives([item for item in value if item is not None], _TOPIC, "topic")
        return None
    return _alternatives(value, _TOPIC, "topic")


def _block(value: object, name: str) -> str | int | None:
    """A block's tag or number."""
    if value is None or (isinstance(value, str) and value in TAGS):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and _NUMBER.fullmatch(value):
        number = int(value, 16)
    else:
        raise _bad(name, value)
    if not 0 <= number < 1 << 64:
        raise invalid_params(f"{name}: block number larger than 64 bits, or negative")
    return number


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
