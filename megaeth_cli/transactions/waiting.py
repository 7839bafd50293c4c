"""What a transaction waits for: what the node says of it, and where it says nothing, what its sender's account, the
newest block and the pool say. Not every node tells all."""

import re
from dataclasses import dataclass
from typing import Any

from megaeth_cli.chain.rpc_client import Node, RpcError
from megaeth_cli.units import checksummed, quantity

Json = Any

_PRICE = re.compile(" gas \u00d7 ([0-9]+) wei")
_MOST_LISTED = 20_000
"""A fuller pool is counted and not read."""
_HINTS = {
    "nonce": "send what is missing, or this again without --nonce",
    "limit": "MegaETH takes no more of that in a block; it comes with one of the next",
    "blocks": "megaeth devnet mine",
    "price": "send it again with the same nonce and a higher fee",
}
"""What to do, by kind."""


@dataclass(frozen=True)
class Waiting:
    """What a transaction waits for."""

    kind: str
    """`nonce`, `price`, `limit`, `state`, `turn` or `blocks`: for programs."""
    text: str

    @property
    def hint(self) -> str:
        """What to do about it, if there is anything."""
        return _HINTS.get(self.kind, "")

    def to_json(self) -> dict[str, str]:
        """For `--json`."""
        return {"kind": self.kind, "text": self.text} | ({"hint": self.hint} if self.hint else {})


def why(node: Node, transaction: Json) -> Waiting:
    """The first reason that holds, in the order in which a node looks at them."""
    told = _asked(node, "mega_txWaiting", transaction["hash"])
    if told is not None:
        return Waiting(told["kind"], told["text"])
    return _nonce(node, transaction) or _price(node, transaction) or _turn(node, transaction)


def _nonce(node: Node, transaction: Json) -> Waiting | None:
    sender, nonce = transaction["from"], quantity(transaction["nonce"])
    following = quantity(node.call("eth_getTransactionCount", sender, "latest"))
    if nonce <= following:
        return None
    there = _nonces(node, sender)
    missing = [one for one in range(following, nonce) if one not in there]
    if not missing:
        return None
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return Waiting("nonce", f"waits for nonce {missing[0]}{more}, which nobody has sent")


def _nonces(node: Node, sender: str) -> frozenset[int]:
    """Of what waits of a sender; none where the node does not show its pool."""
    halves = (_asked(node, "txpool_contentFrom", sender) or {}).values()
    return frozenset(int(nonce) for half in halves for nonce in half if nonce.isdecimal())


def _price(node: Node, transaction: Json) -> Waiting | None:
    block = node.call("eth_getBlockByNumber", "latest", False)
    base = quantity((block or {}).get("baseFeePerGas"))
    cap = quantity(transaction.get("maxFeePerGas") or transaction.get("gasPrice"))
    if cap >= base:
        return None
    return Waiting("price", f"pays {cap:,} wei for gas at most, and the base fee is {base:,}")


def _turn(node: Node, transaction: Json) -> Waiting:
    before = _before(node, transaction)
    by_hand = _asked(node, "anvil_getAutomine") is False and not _asked(node, "anvil_getIntervalMining")
    if by_hand:
        return Waiting("blocks", f"waits for a block, which is made only when asked for{before}")
    return Waiting("turn", f"waits for its turn{before}")


def _before(node: Node, transaction: Json) -> str:
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


def _asked(node: Node, method: str, *params: Json) -> Json:
    """None where the node does not answer that."""
    try:
        return node.call(method, *params)
    except RpcError:
        return None
