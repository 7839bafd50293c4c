"""What a client asks to have sent or signed: the transaction object, checked, with one name for each field.

Nothing that was given is left out of what is signed: a field that the transaction's type has no place for is refused.

Not here: what the transaction still lacks (`eth.py`), and signing (`accounts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devnet.rpc import params
from devnet.rpc.errors import invalid_params, refused

QUANTITIES: Final = (
    "gas",
    "gasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "value",
    "nonce",
    "chainId",
    "type",
)
FEE_CAPS: Final = frozenset({"maxFeePerGas", "maxPriorityFeePerGas"})
BLOB_FIELDS: Final = ("blobVersionedHashes", "maxFeePerBlobGas", "blobs", "commitments", "proofs", "sidecar")
BLOB_TYPE: Final = "0x3"
FIELDS_OF_TYPE: Final[Mapping[object, frozenset[str]]] = {
    "0x0": frozenset({"gasPrice"}),
    "0x1": frozenset({"gasPrice", "accessList"}),
    "0x2": FEE_CAPS | {"accessList"},
    "0x4": FEE_CAPS | {"accessList", "authorizationList"},
}
"""Of those that not every type has."""
PARTICULAR_FIELDS: Final = frozenset().union(*FIELDS_OF_TYPE.values())


def read(request: object, chain_id: int) -> dict[str, object]:
    """Return the transaction's fields that are there. Raises `RpcFault`."""
    if not isinstance(request, dict):
        raise invalid_params("the transaction must be an object")
    transaction = {name: value for name, value in request.items() if value is not None}
    _read_type(transaction)
    _refuse_blobs(transaction)
    transaction["from"] = params.address(transaction.get("from"), "from")
    if "to" in transaction:
        transaction["to"] = params.address(transaction["to"], "to")
    _unite(transaction, "gasLimit", "gas")
    for name in QUANTITIES:
        if name in transaction:
            params.quantity(transaction[name], name)
    _read_input(transaction)
    if "to" not in transaction and transaction["input"] == "0x":
        raise invalid_params("contract creation without any data provided")
    _refuse_what_has_no_place(transaction)
    have = params.quantity(transaction.get("chainId", hex(chain_id)), "chainId")
    if have != chain_id:
        raise refused(f"chainId does not match node's (have={have}, want={chain_id})")
    return transaction


def _read_type(transaction: dict[str, object]) -> None:
    """web3.py gives a plain number where it modifies a transaction that it has read."""
    kind = transaction.get("type")
    if type(kind) is int and kind >= 0:
        transaction["type"] = hex(kind)


def _refuse_blobs(transaction: Mapping[str, object]) -> None:
    for name in BLOB_FIELDS:
        if name in transaction:
            raise invalid_params(f"{name}: blob transactions are not supported")
    if transaction.get("type") == BLOB_TYPE:
        raise invalid_params("type 0x3: blob transactions are not supported")


def _unite(transaction: dict[str, object], alias: str, name: str) -> None:
    """Let a field have its own name, by whichever it was given."""
    if alias not in transaction:
        return
    given = params.quantity(transaction.pop(alias), alias)
    if params.quantity(transaction.setdefault(name, hex(given)), name) != given:
        raise invalid_params(f'"{alias}" and "{name}" are both set and not equal; use "{name}"')


def _read_input(transaction: dict[str, object]) -> None:
    given = [
        params.data(transaction.pop(name), name) for name in ("input", "data") if name in transaction
    ] or [b""]
    if given[0] != given[-1]:
        raise invalid_params('"data" and "input" are both set and not equal; use "input"')
    transaction["input"] = "0x" + given[0].hex()


def _refuse_what_has_no_place(transaction: Mapping[str, object]) -> None:
    given = {name for name in PARTICULAR_FIELDS & transaction.keys() if transaction[name] != []}
    kind = transaction.get("type")
    if kind in FIELDS_OF_TYPE:
        if strangers := given - FIELDS_OF_TYPE[kind]:
            raise invalid_params(f"a transaction of type {kind} has no {min(strangers)}")
    elif "gasPrice" in given and given & FEE_CAPS:
        raise invalid_params("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
    elif "gasPrice" in given and "authorizationList" in given:
        raise invalid_params("a transaction with an authorizationList has no gasPrice; use maxFeePerGas")
