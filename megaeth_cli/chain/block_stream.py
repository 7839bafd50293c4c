"""A line per EVM block for `megaeth devnet up`, pushed by the node over WebSocket. Own thread; ends with the node."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from devnet.errors import UserError
from devnet.session import Session
from devnet.threads import start_thread
from megaeth_cli.chain.rpc_client import RpcClient


@dataclass(frozen=True)
class BlockLine:
    """What is worth a line about a block."""

    number: int
    transactions: int
    gas_used: int
    mini_blocks: int


def follow_blocks(
    session: Session, show: Callable[[BlockLine], None], died: Callable[[BaseException], None]
) -> None:
    """Call `show` for each block from now on, in a thread of its own, until the node is gone; `died` if that fails."""
    start_thread(lambda: _follow(session, show), "blocks", died)


def _follow(session: Session, show: Callable[[BlockLine], None]) -> None:
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    endpoint = session.nodes[0].endpoints["ws"]
    try:
        with connect(endpoint, max_size=None, open_timeout=5) as feed, RpcClient(session.rpc_url) as node:
            feed.send(
                json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            )
            for message in feed:
                head = json.loads(message).get("params", {}).get("result")
                if isinstance(head, dict):
                    count = node.call("eth_getBlockTransactionCountByHash", head["hash"]) or "0x0"
                    show(
                        BlockLine(
                            int(head["number"], 16),
                            int(count, 16),
                            int(head["gasUsed"], 16),
                            int(head.get("miniBlockCount", "0x0"), 16),
                        )
                    )
    except (OSError, WebSocketException, UserError):
        return  # the node has stopped; the supervisor says so
