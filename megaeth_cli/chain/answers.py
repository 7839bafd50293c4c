"""The form that a node's answers must have before a command believes them.

A node may be anybody's: what it answers is checked here, once, so that commands can take it apart without fear. A shape
is a function that gives the first place where a value is wrong, or None. Only what commands read is demanded; further
members are let through. Source of the forms: ethereum/execution-apis, and `docs/json-rpc.md` for `mega_` methods.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
Shape = Callable[[Json], str | None]

MAX_QUANTITY_DIGITS = 64
_SHOWN = 60


def fault(method: str, answer: Json) -> str | None:
    """Where an answer is not of its method's form; None when it is, or when the form is not known."""
    shape = _SHAPES.get(method)
    return shape(answer) if shape is not None else None


def _matching(pattern: str, what: str) -> Shape:
    expression = re.compile(pattern, re.ASCII)

    def shape(value: Json) -> str | None:
        if isinstance(value, str) and expression.fullmatch(value):
            return None
        return f"is {_shown(value)}, not {what}"

    return shape


def _kind(kind: type, what: str) -> Shape:
    return lambda value: None if type(value) is kind else f"is {_shown(value)}, not {what}"


def _maybe(shape: Shape) -> Shape:
    return lambda value: None if value is None else shape(value)


def _either(*shapes: Shape) -> Shape:
    def shape(value: Json) -> str | None:
        faults = [one(value) for one in shapes]
        return None if None in faults else faults[-1]

    return shape


def _list(shape: Shape, most: int | None = None) -> Shape:
    def whole(value: Json) -> str | None:
        if not isinstance(value, list):
            return f"is {_shown(value)}, not a list"
        if most is not None and len(value) > most:
            return f"has {len(value)} members, {most} at most make sense"
        for number, item in enumerate(value):
            if (why := shape(item)) is not None:
                return f"[{number}]{_joined(why)}"
        return None

    return whole


def _fields(optional: Mapping[str, Shape] | None = None, /, **required: Shape) -> Shape:
    def whole(value: Json) -> str | None:
        if not isinstance(value, dict):
            return f"is {_shown(value)}, not an object"
        for name, shape in required.items():
            if name not in value:
                return f"has no '{name}'"
            if (why := shape(value[name])) is not None:
                return f".{name}{_joined(why)}"
        for name, shape in (optional or {}).items():
            if value.get(name) is not None and (why := shape(value[name])) is not None:
                return f".{name}{_joined(why)}"
        return None

    return whole


def _members(shape: Shape) -> Shape:
    """An object whose members, whatever they are called, have one form."""

    def whole(value: Json) -> str | None:
        if not isinstance(value, dict):
            return f"is {_shown(value)}, not an object"
        for name, item in value.items():
            if (why := shape(item)) is not None:
                return f".{name}{_joined(why)}"
        return None

    return whole


def _joined(why: str) -> str:
    return why if why[0] in ".[" else f" {why}"


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_quantity = _matching(rf"0x[0-9a-fA-F]{{1,{MAX_QUANTITY_DIGITS}}}", "a quantity in hex")
_data = _matching(r"0x(?:[0-9a-fA-F]{2})*", "bytes in hex")
_hash = _matching(r"0x[0-9a-fA-F]{64}", "32 bytes in hex")
_address = _matching(r"0x[0-9a-fA-F]{40}", "an address")
_text = _kind(str, "a text")
_flag = _kind(bool, "true or false")
_number = _kind(int, "a number")

_mega = _fields(
    {
        "computeGas": _quantity,
        "storageGas": _quantity,
        "dataSize": _quantity,
        "kvUpdates": _quantity,
        "stateGrowth": _quantity,
        "miniBlock": _quantity,
        "detained": _flag,
        "output": _data,
        "haltReason": _either(
            _text, _fields({"limit": _either(_quantity, _number), "actual": _either(_quantity, _number)})
        ),
        "closestLimit": _maybe(_fields({"used": _quantity, "limit": _quantity, "reached": _flag})),
        "detention": _maybe(_fields({"limit": _quantity})),
    },
    computeGas=_quantity,
    storageGas=_quantity,
)
_log = _fields(address=_address, topics=_list(_hash, most=4), data=_data)
_receipt = _fields(
    {
        "status": _quantity,
        "blockHash": _hash,
        "to": _address,
        "contractAddress": _address,
        "effectiveGasPrice": _quantity,
        "l1Fee": _quantity,
        "mega": _mega,
    },
    transactionHash=_hash,
    blockNumber=_quantity,
    gasUsed=_quantity,
    logs=_list(_log),
    **{"from": _address},
)
_transaction = _fields(
    {"to": _address, "blockNumber": _quantity, "blockHash": _hash, "gasPrice": _quantity, "type": _quantity},
    hash=_hash,
    input=_data,
    value=_quantity,
    nonce=_quantity,
    gas=_quantity,
    **{"from": _address},
)
_block = _fields(
    {"baseFeePerGas": _quantity, "gasUsed": _quantity, "timestamp": _quantity},
    number=_quantity,
    hash=_hash,
    parentHash=_hash,
    gasLimit=_quantity,
    transactions=_list(_either(_hash, _transaction)),
)
call_frame = _fields(
    {
        "to": _address,
        "value": _quantity,
        "input": _data,
        "output": _data,
        "error": _text,
        "calls": _list(_fields()),
        "logs": _list(_log),
        "mega": _mega,
    },
    type=_text,
    gas=_quantity,
    gasUsed=_quantity,
    **{"from": _address},
)
"""A call as `callTracer` tells it, without those within it, which may lie deep."""
instruction = _fields({"error": _text}, pc=_number, op=_text, gas=_number, gasCost=_number, depth=_number)
"""An instruction as the struct logger tells it."""
met_account = _fields(
    {"balance": _quantity, "nonce": _number, "code": _data, "storage": _kind(dict, "an object")}
)
"""An account as `prestateTracer` tells it."""
_account = _fields(nonce=_quantity, balance=_quantity, codeHash=_hash)
_state_diff = _fields(
    {"kind": _text, "transactionHash": _hash, "miniBlocks": _list(_quantity, most=2)},
    blockNumber=_quantity,
    blockHash=_hash,
    transactions=_list(_hash),
    accounts=_list(
        _fields(
            {"before": _account, "after": _account},
            address=_address,
            storage=_list(_fields(slot=_quantity, before=_quantity, after=_quantity)),
        )
    ),
)
_SHAPES: Mapping[str, Shape] = {
    "anvil_dumpState": _data,
    "eth_accounts": _list(_address),
    "eth_blockNumber": _quantity,
    "eth_call": _data,
    "eth_chainId": _quantity,
    "eth_createAccessList": _fields(
        accessList=_list(_fields(address=_address, storageKeys=_list(_hash))), gasUsed=_quantity
    ),
    "eth_estimateGas": _quantity,
    "eth_gasPrice": _quantity,
    "eth_getBalance": _quantity,
    "eth_getBlockByHash": _maybe(_block),
    "eth_getBlockByNumber": _maybe(_block),
    "eth_getBlockTransactionCountByHash": _maybe(_quantity),
    "eth_getBlockReceipts": _maybe(_list(_receipt)),
    "eth_getCode": _data,
    "eth_getCodeByHash": _maybe(_data),
    "eth_getLogs": _list(_log),
    "eth_getStorageAt": _quantity,
    "eth_getTransactionByHash": _maybe(_transaction),
    "eth_getTransactionCount": _quantity,
    "eth_getTransactionReceipt": _maybe(_receipt),
    "eth_maxPriorityFeePerGas": _quantity,
    "eth_sendRawTransaction": _hash,
    "mega_dumpState": _data,
    "mega_getAttestations": _maybe(_list(_fields())),
    "mega_getBlockRecords": _maybe(_fields({"parent": _maybe(_data)}, minis=_list(_data), block=_data)),
    "mega_getChainRules": _fields({"spec": _text, "config": _fields()}, chainId=_number),
    "mega_getStateDiff": _maybe(_state_diff),
    "mega_loadState": _fields(written=_number, transactions=_number, kept=_list(_address)),
    "mega_openSnapshot": _fields(id=_text, place=_fields()),
    "mega_readSnapshot": _maybe(_fields(frame=_data, contentBytes=_number)),
    "net_version": _text,
    "realtime_sendRawTransaction": _receipt,
    "txpool_contentFrom": _members(_members(_fields())),
    "txpool_inspect": _members(_members(_members(_text))),
    "txpool_status": _members(_quantity),
}
