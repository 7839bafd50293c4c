"""Transactions and receipts, for people and for programs. Rendering only."""

from collections.abc import Callable, Mapping
from typing import Any

from megaeth_cli.abi import DecodingError, Interface, to_json, to_text
from megaeth_cli.chain.allowance import Allowed, newest
from megaeth_cli.inspect.reasons import Reason, detention_hint
from megaeth_cli.inspect.well_known import well_known
from megaeth_cli.units import ether, quantity

Json = Any
Find = Callable[[str], Interface | None]
"""The interface of the contract at an address."""
Label = Callable[[str], str]
"""An address for people: with its contract's name, and behind which proxy that is."""

PENDING_HASH = "0x" + "ff" * 32
"""`blockHash` of a transaction whose EVM block is still open."""


def cost_wei(receipt: Json) -> int:
    """What the sender paid for gas."""
    return quantity(receipt["gasUsed"]) * quantity(receipt.get("effectiveGasPrice")) + quantity(
        receipt.get("l1Fee")
    )


def receipt_rows(
    receipt: Json, reason: Reason | None = None, allowed: Allowed = newest
) -> list[tuple[str, str]]:
    """Where it is and what it cost; `reason` is why it failed, which is shown elsewhere. `allowed`: what the chain's
    rules allow."""
    mega: Mapping[str, Any] = receipt.get("mega") or {}
    number = f"{quantity(receipt['blockNumber']):,}"
    block = f"{number} (mini-block {quantity(mega['miniBlock']):,})" if "miniBlock" in mega else number
    return [
        ("block", block),
        ("gas used", _gas(receipt, mega)),
        ("cost", f"{ether(cost_wei(receipt))} ETH"),
        ("detained", _detention(receipt, mega, reason, allowed)),
    ]


def resource_rows(receipt: Json) -> list[tuple[str, str]]:
    """The other dimensions that MegaETH meters."""
    mega = receipt.get("mega") or {}
    names = (("data size", "dataSize"), ("KV updates", "kvUpdates"), ("state growth", "stateGrowth"))
    return [(label, f"{quantity(mega[key]):,}") for label, key in names if key in mega]


def receipt_json(
    receipt: Json, latency_ms: float | None, reason: Reason | None, find: Find
) -> dict[str, Json]:
    """The receipt with numbers as numbers."""
    mega: Mapping[str, Any] = receipt.get("mega") or {}
    body: dict[str, Json] = {
        "transactionHash": receipt["transactionHash"],
        "status": quantity(receipt.get("status", "0x1")),
        "blockNumber": quantity(receipt["blockNumber"]),
        "miniBlock": quantity(mega["miniBlock"]) if "miniBlock" in mega else None,
        "from": receipt["from"],
        "to": receipt.get("to"),
        "contractAddress": receipt.get("contractAddress"),
        "gasUsed": quantity(receipt["gasUsed"]),
        "computeGas": quantity(mega["computeGas"]) if mega else None,
        "storageGas": quantity(mega["storageGas"]) if mega else None,
        "effectiveGasPrice": quantity(receipt.get("effectiveGasPrice")),
        "costWei": str(cost_wei(receipt)),
        "mega": {key: _plain(value) for key, value in mega.items()} or None,
        "logs": [log_json(log, find) for log in receipt.get("logs", ())],
    }
    if latency_ms is not None:
        body["latencyMs"] = round(latency_ms, 2)
    if reason is not None:
        body["failure"] = reason.to_json()
    return body


def emitted_text(log: Json, label: Label, find: Find) -> str:
    """Who emitted a log, and below it the log."""
    return f"{label(log['address'])}\n{log_text(log, find)}"


def log_text(log: Json, find: Find) -> str:
    """A log as `Event(name: value, ...)`, or its topics and data where the event is not known."""
    decoded = _decoded(log, find)
    if decoded is None:
        topics = "\n".join(f"topic {n}  {topic}" for n, topic in enumerate(log["topics"]))
        return "\n".join(part for part in ("unknown event", topics, f"data     {log['data']}") if part)
    name, _, pairs = decoded
    shown = (
        f"{one.name}: {to_text(one, value)}" if one.name else to_text(one, value) for one, value in pairs
    )
    return f"{name}({', '.join(shown)})"


def log_json(log: Json, find: Find) -> dict[str, Json]:
    """A log with its event, where known."""
    body: dict[str, Json] = {"address": log["address"], "topics": log["topics"], "data": log["data"]}
    if (decoded := _decoded(log, find)) is not None:
        name, signature, pairs = decoded
        arguments = {one.name or str(n): to_json(one.type, value) for n, (one, value) in enumerate(pairs)}
        body |= {"event": name, "signature": signature, "arguments": arguments}
    return body


def _decoded(log: Json, find: Find) -> tuple[str, str, list[tuple[Any, Any]]] | None:
    """By the emitter's ABI, else by what such an event always means."""
    topics, data = [bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:])
    for interface in (find(log["address"]), well_known()):
        event = interface.event(topics) if interface is not None else None
        if event is None:
            continue
        try:
            values = event.decode_log(topics, data)
        except DecodingError:
            continue
        return event.name, event.signature, list(zip(event.log_parameters(), values, strict=True))
    return None


def _detention(receipt: Json, mega: Mapping[str, Any], reason: Reason | None, allowed: Allowed) -> str:
    """Advice only for what failed, as who succeeded had gas enough; and only once."""
    if not mega.get("detained") or quantity(receipt.get("status", "0x1")):
        return ""
    hint = detention_hint(allowed())
    return hint if reason is None or reason.hint != hint else ""


def _gas(receipt: Json, mega: Mapping[str, Any]) -> str:
    used = f"{quantity(receipt['gasUsed']):,}"
    if not mega:
        return used
    return f"{used} = {quantity(mega['computeGas']):,} compute + {quantity(mega['storageGas']):,} storage"


def _plain(value: Json) -> Json:
    """Quantities as numbers, in nested objects as well."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    # Quantities have no leading zeroes and fit 64 bits here; everything longer is data.
    is_quantity = isinstance(value, str) and value.startswith("0x") and len(value) <= 18
    return int(value, 16) if is_quantity and len(value) > 2 else value
