"""What a transaction or call changed, as a state diff that `inspect.diff` names variables in."""

from collections.abc import Iterator
from typing import Any

from megaeth_cli.chain.rpc_client import RpcError
from megaeth_cli.contracts.network import Network
from megaeth_cli.inspect.diff import EMPTY_CODE, AccountChange, changes, keys_of
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.subject import Subject, changed_state
from megaeth_cli.units import keccak

Json = Any


def changed(network: Network, subject: Subject, root: Frame) -> list[AccountChange]:
    """The accounts whose storage or code changed, with their variables."""
    diff = _of_transaction(network, subject) or _traced(network, subject)
    transactions = [_as_transaction(frame) for frame in root.walk()]
    logs = [log.to_rpc() for frame in root.walk() for log in frame.logs]
    keys = keys_of(transactions, [{"logs": logs}], diff, network.interface_at)
    found = changes(diff, lambda address: network.known(address).layout, keys)
    return [one for one in found if one.slots or one.before.code_hash != one.after.code_hash]


def _of_transaction(network: Network, subject: Subject) -> Json:
    """With all that was hashed, which says which keys the slots of mappings belong to; nothing of calls."""
    if subject.hash is None:
        return None
    try:
        return network.node.call("mega_getStateDiff", subject.hash, {"preimages": True})
    except RpcError:
        return None


def _traced(network: Network, subject: Subject) -> Json:
    """`prestateTracer`'s two sides as one diff."""
    answer = changed_state(network, subject)
    before, after = answer.get("pre") or {}, answer.get("post") or {}
    return {"accounts": list(_accounts(before, after))}


def _accounts(before: Json, after: Json) -> Iterator[Json]:
    for address in dict.fromkeys([*before, *after]):
        old, new = before.get(address), after.get(address)
        # What did not change is told before, and not after.
        merged = {**(old or {}), **(new or {})} if address in after or old is None else None
        slots = {**((old or {}).get("storage") or {})}
        news = (new or {}).get("storage") or {}
        yield {
            "address": address,
            "before": _account(old),
            "after": _account(merged),
            "storage": [
                {"slot": slot, "before": slots.get(slot, "0x0"), "after": news.get(slot, "0x0")}
                for slot in dict.fromkeys([*slots, *news])
                if int(slots.get(slot, "0x0"), 16) != int(news.get(slot, "0x0"), 16)
            ],
        }


def _account(body: Json) -> Json:
    if body is None:
        return None
    code = body.get("code") or "0x"
    return {
        "nonce": hex(body.get("nonce") or 0),
        "balance": body.get("balance") or "0x0",
        "codeHash": f"0x{keccak(bytes.fromhex(code[2:])).hex()}" if code != "0x" else EMPTY_CODE,
    }


def _as_transaction(frame: Frame) -> Json:
    """A call in the form of a transaction: its sender, its callee and its arguments may all be keys."""
    return {
        "from": f"0x{frame.caller.hex()}",
        "to": f"0x{frame.to.hex()}" if frame.to is not None else None,
        "input": f"0x{frame.input.hex()}",
    }
