"""Why a transaction waits, by what the pool, its sender and the newest block say. Not every node tells all."""

import re
from dataclasses import dataclass
from typing import Any

from megaeth_cli.chain.allowance import Allowed
from megaeth_cli.chain.rpc_client import RpcClient, RpcError
from megaeth_cli.inspect.reasons import DIMENSIONS, MEMBERS
from megaeth_cli.units import checksummed, quantity

Json = Any

_PRICE = re.compile(r" (\d+) wei$")
_MOST_LISTED = 20_000
"""A fuller pool is counted and not read."""
_NEARLY = 0.98
"""A block that is as full as this takes hardly any transaction more."""


@dataclass(frozen=True)
class Waiting:
    """What a transaction waits for."""

    kind: str
    """`nonce`, `price`, `limit`, `turn` or `blocks`: for programs."""
    text: str
    hint: str = ""

    def to_json(self) -> dict[str, str]:
        """For `--json`."""
        return {"kind": self.kind, "text": self.text} | ({"hint": self.hint} if self.hint else {})


def why(node: RpcClient, transaction: Json, allowed: Allowed) -> Waiting:
    """The first reason that holds, in the order in which a node looks at them. `allowed`: what the chain's rules
    allow."""
    found = _nonce(node, transaction) or _price(node, transaction) or _limit(node, transaction, allowed)
    return found or _turn(node, transaction)


def _nonce(node: RpcClient, transaction: Json) -> Waiting | None:
    sender, nonce = transaction["from"], quantity(transaction["nonce"])
    following = quantity(node.call("eth_getTransactionCount", sender, "latest"))
    if nonce <= following:
        return None
    there = _nonces(node, sender)
    missing = [one for one in range(following, nonce) if one not in there]
    if not missing:
        return None
    more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
    return Waiting(
        "nonce",
        f"nonce {nonce:,} waits for nonce {missing[0]:,}{more}, which nobody has sent",
        f"the account's next nonce is {following:,}: send what is missing, or this again with --nonce {following}",
    )


def _nonces(node: RpcClient, sender: str) -> frozenset[int]:
    """Of what waits of a sender; none where the node does not show its pool."""
    halves = (_asked(node, "txpool_contentFrom", sender) or {}).values()
    return frozenset(int(nonce) for half in halves for nonce in half if nonce.isdecimal())


def _price(node: RpcClient, transaction: Json) -> Waiting | None:
    block = node.call("eth_getBlockByNumber", "latest", False)
    base = quantity((block or {}).get("baseFeePerGas"))
    cap = quantity(transaction.get("maxFeePerGas") or transaction.get("gasPrice"))
    if cap >= base:
        return None
    return Waiting(
        "price",
        f"it pays {cap:,} wei for gas at most, and the base fee is {base:,}",
        "send it again with the same nonce and a higher fee",
    )


def _limit(node: RpcClient, transaction: Json, allowed: Allowed) -> Waiting | None:
    """Whether the newest block was full in one of MegaETH's dimensions."""
    receipts = _asked(node, "eth_getBlockReceipts", "latest")
    told = [one["mega"] for one in receipts or () if one.get("mega")]
    if not told:
        return None
    for name, member, limit in zip(DIMENSIONS, MEMBERS, allowed().block_limits, strict=True):
        used = sum(quantity(mega.get(member)) for mega in told)
        if limit is not None and used >= limit * _NEARLY:
            number = quantity(receipts[0]["blockNumber"])
            full = f"block {number:,} used {used:,} of {limit:,} {name}"
            return Waiting(
                "limit",
                f"blocks are full: {full}{_before(node, transaction)}",
                "MegaETH takes no more of that in a block; it comes with one of the next",
            )
    return None


def _turn(node: RpcClient, transaction: Json) -> Waiting:
    before = _before(node, transaction)
    by_hand = _asked(node, "anvil_getAutomine") is False and not _asked(node, "anvil_getIntervalMining")
    if by_hand:
        return Waiting("blocks", f"blocks are made only when asked for{before}", "megaeth devnet mine")
    return Waiting("turn", f"it waits for its turn{before}")


def _before(node: RpcClient, transaction: Json) -> str:
    """How many stand before it, as far as the node tells."""
    pending = quantity((_asked(node, "txpool_status") or {}).get("pending"))
    if not pending:
        return ""
    if pending > _MOST_LISTED:
        return f"; {pending:,} transactions wait"
    listed = (_asked(node, "txpool_inspect") or {}).get("pending") or {}
    price = quantity(transaction.get("maxFeePerGas") or transaction.get("gasPrice"))
    own = checksummed(bytes.fromhex(transaction["from"][2:]))
    ahead = sum(
        int(nonce) < quantity(transaction["nonce"]) if sender == own else _offered(line) > price
        for sender, lines in listed.items()
        for nonce, line in lines.items()
        if nonce.isdecimal()
    )
    return f"; {pending:,} transactions wait, {ahead:,} of them before it"


def _offered(line: str) -> int:
    found = _PRICE.search(line)
    return int(found[1]) if found else 0


def _asked(node: RpcClient, method: str, *params: Json) -> Json:
    """None where the node does not answer that."""
    try:
        return node.call(method, *params)
    except RpcError:
        return None
