"""JSON Schemas of what goes in and out: the parameters by their names in the table of methods, and the components.

Objects name the members that are always there; more may come. Which method answers what is in `results.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Point at a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """Describe a list."""
    return {"type": "array", "items": items}


def either(*schemas: Schema) -> Schema:
    """Describe what has one of several forms."""
    return {"anyOf": list(schemas)}


def nullable(schema: Schema) -> Schema:
    """Describe what may be missing."""
    return either(schema, NULL)


def record(**members: Schema) -> Schema:
    """Describe an object by the members that it always has."""
    return {"type": "object", "required": list(members), "properties": members}


def pattern(expression: str) -> Schema:
    """Describe a text by a regular expression."""
    return {"type": "string", "pattern": expression}


NULL: Final[Schema] = {"type": "null"}
TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
NUMBER: Final[Schema] = {"type": "integer"}
OBJECT: Final[Schema] = {"type": "object"}
QUANTITY, DATA, HASH, ADDRESS = (ref(name) for name in ("Quantity", "Data", "Hash", "Address"))
NUMERIC: Final = either(NUMBER, QUANTITY)
BLOCK: Final = ref("BlockId")
CALL: Final = ref("TransactionRequest")
NAMED_BLOCK: Final[Schema] = {"type": "array", "prefixItems": [NUMERIC, HASH], "minItems": 2, "maxItems": 2}

_TRANSACTION: Final[Schema] = {
    "hash": HASH, "type": QUANTITY, "from": ADDRESS, "to": nullable(ADDRESS), "nonce": QUANTITY, "gas": QUANTITY,
    "value": QUANTITY, "input": DATA, "blockHash": nullable(HASH), "blockNumber": nullable(QUANTITY),
    "transactionIndex": nullable(QUANTITY),
}  # fmt: skip
_RECEIPT: Final[Schema] = {
    "transactionHash": HASH, "transactionIndex": QUANTITY, "blockHash": HASH, "blockNumber": QUANTITY,
    "from": ADDRESS, "to": nullable(ADDRESS), "cumulativeGasUsed": QUANTITY, "gasUsed": QUANTITY,
    "effectiveGasPrice": QUANTITY, "contractAddress": nullable(ADDRESS), "logs": array(ref("Log")), "logsBloom": DATA,
    "status": QUANTITY, "type": QUANTITY, "mega": OBJECT,
}  # fmt: skip
_ANY_HEADER: Final[Schema] = {
    "hash": HASH, "parentHash": HASH, "number": QUANTITY, "timestamp": QUANTITY, "miner": ADDRESS, "stateRoot": HASH,
    "transactionsRoot": HASH, "receiptsRoot": HASH, "logsBloom": DATA, "gasLimit": QUANTITY, "gasUsed": QUANTITY,
    "baseFeePerGas": QUANTITY, "extraData": DATA, "mixHash": HASH,
}  # fmt: skip
_HEADER: Final[Schema] = {**_ANY_HEADER, "miniBlockCount": QUANTITY, "miniBlockOffset": QUANTITY}
_BODY: Final[Schema] = {
    "size": QUANTITY, "transactions": array(either(HASH, ref("Transaction"))), "uncles": array(HASH),
}  # fmt: skip
_MINI_BLOCK: Final[Schema] = dict.fromkeys(
    ("block_number", "block_timestamp", "index", "mini_block_number", "mini_block_timestamp", "gas_used"),
    QUANTITY,
)

COMPONENTS: Final[Mapping[str, Schema]] = {
    "Quantity": pattern("^0x(0|[1-9a-f][0-9a-f]*)$"),
    "Data": pattern("^0x([0-9a-fA-F]{2})*$"),
    "Hash": pattern("^0x[0-9a-fA-F]{64}$"),
    "Address": pattern("^0x[0-9a-fA-F]{40}$"),
    "BlockTag": either({"enum": ["latest", "pending", "safe", "finalized", "earliest"]}, NUMERIC),
    "BlockId": either(ref("BlockTag"), HASH, OBJECT),
    "Log": record(
        address=ADDRESS,
        topics=array(HASH),
        data=DATA,
        blockNumber=QUANTITY,
        blockHash=HASH,
        transactionHash=HASH,
        transactionIndex=QUANTITY,
        logIndex=QUANTITY,
        removed=FLAG,
    ),
    "LogFilter": {
        "type": "object",
        "properties": {
            "fromBlock": nullable(ref("BlockTag")),
            "toBlock": nullable(ref("BlockTag")),
            "blockHash": nullable(HASH),
            "address": nullable(either(ADDRESS, array(ADDRESS))),
            "topics": nullable(array(nullable(either(HASH, array(nullable(HASH)))))),
            "cursor": nullable(DATA),
        },
    },
    "TransactionRequest": {
        "type": "object",
        "properties": {
            "from": nullable(ADDRESS),
            "to": nullable(ADDRESS),
            "value": nullable(QUANTITY),
            "gas": nullable(QUANTITY),
            "input": nullable(DATA),
            "data": nullable(DATA),
        },
    },
    "Transaction": record(**_TRANSACTION),
    "Receipt": record(**_RECEIPT),
    "Header": record(**_HEADER),
    "Block": record(**_HEADER, **_BODY),
    "SimulatedBlock": record(**_ANY_HEADER, **_BODY, calls=array(ref("SimulatedCall"))),
    "SimulatedCall": record(
        returnData=DATA,
        logs=array(ref("Log")),
        gasUsed=QUANTITY,
        maxUsedGas=QUANTITY,
        status=QUANTITY,
        mega=OBJECT,
    ),
    "MiniBlock": record(**_MINI_BLOCK, transactions=array(either(HASH, ref("Transaction")))),
    "Syncing": either(
        {"const": False}, record(startingBlock=QUANTITY, currentBlock=QUANTITY, highestBlock=QUANTITY)
    ),
    "Account": record(balance=QUANTITY, nonce=QUANTITY, code=DATA),
    "Proof": record(
        address=ADDRESS,
        accountProof=array(DATA),
        balance=QUANTITY,
        codeHash=HASH,
        nonce=QUANTITY,
        storageHash=HASH,
        storageProof=array(OBJECT),
        saltProof=OBJECT,
    ),
}

PARAMS: Final[Mapping[str, Schema]] = {
    "address": ADDRESS,
    "besides": OBJECT,
    "block": either(BLOCK, OBJECT),
    "block number": NUMERIC,
    "block overrides": OBJECT,
    "bundles": array(OBJECT),
    "call": CALL,
    "context": OBJECT,
    "contract": either(ADDRESS, HASH),
    "count": NUMERIC,
    "data": DATA,
    "deposit": OBJECT,
    "filter": either(ref("LogFilter"), FLAG, array(ADDRESS)),
    "filter id": QUANTITY,
    "filter with cursor": ref("LogFilter"),
    "first": NAMED_BLOCK,
    "first block": QUANTITY,
    "first mini-block": QUANTITY,
    "full": FLAG,
    "hash": HASH,
    "index": NUMERIC,
    "kind": TEXT,
    "last": NAMED_BLOCK,
    "last block": QUANTITY,
    "last mini-block": QUANTITY,
    "message": DATA,
    "newest block": ref("BlockTag"),
    "nonce": NUMERIC,
    "nonce condition": record(account=ADDRESS, nonce=NUMERIC),
    "number": either(NUMERIC, {"const": "latest"}),
    "number or tag": ref("BlockTag"),
    "options": OBJECT,
    "password": TEXT,
    "percentiles": array({"type": "number"}),
    "raw transaction": DATA,
    "sequencer": TEXT,
    "signature": DATA,
    "simulation": record(blockStateCalls=array(OBJECT)),
    "since": TEXT,
    "slot": either(QUANTITY, HASH),
    "slots": array(either(QUANTITY, HASH)),
    "slots by address": OBJECT,
    "snapshot": TEXT,
    "state": DATA,
    "state overrides": OBJECT,
    "subscription": TEXT,
    "timeout": NUMERIC,
    "token": TEXT,
    "transaction": CALL,
    "transaction hash, block or mini-block": either(HASH, BLOCK, OBJECT),
    "typed data": either(OBJECT, TEXT),
}
"""By the name that a parameter has in the table of methods, without the question mark."""
