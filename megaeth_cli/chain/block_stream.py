"""What happens on a devnet, for `megaeth devnet up`: a line per EVM block and per call of `console.log`.

Pushed by the node over WebSocket. Own thread; ends with the node, or when none is left of those that may lead.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devnet.console.lines import ConsoleLine
from devnet.errors import UserError
from devnet.session import CANDIDATES, NodeSession, Session
from devnet.threads import start_thread
from megaeth_cli.chain.rpc_client import RpcClient

HEADS, CONSOLE_LOGS = "newHeads", "consoleLogs"


@dataclass(frozen=True)
class BlockLine:
    """What is worth a line about a block."""

    number: int
    transactions: int
    gas_used: int
    mini_blocks: int


Show = Callable[[BlockLine | ConsoleLine], None]


def follow_blocks(session: Session, show: Show, died: Callable[[BaseException], None]) -> None:
    """Call `show` for each block and each line of the console from now on, in a thread of its own, until the node is
    gone; `died` if that fails. Where nodes may take over from each other, another is asked when one is gone."""
    start_thread(lambda: _follow(session, show), "blocks", died)


def _follow(session: Session, show: Show) -> None:
    if not session.leader:
        _follow_one(session.nodes[0], show)
        return
    able = [node for node in session.nodes if node.role in CANDIDATES]
    while any(_follow_one(node, show) for node in able):
        pass


def _follow_one(there: NodeSession, show: Show) -> bool:
    """Until it is gone; whether it was there."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    kinds: dict[str, str] = {}
    was_there = False
    try:
        with (
            connect(there.endpoints["ws"], max_size=None, open_timeout=5) as feed,
            RpcClient(there.endpoints["http"]) as node,
        ):
            was_there = True
            for kind in (HEADS, CONSOLE_LOGS):
                feed.send(
                    json.dumps({"jsonrpc": "2.0", "id": kind, "method": "eth_subscribe", "params": [kind]})
                )
            for text in feed:
                message = json.loads(text)
                if "id" in message:
                    kinds[message["result"]] = message["id"]
                    continue
                news = message["params"]
                if kinds[news["subscription"]] == HEADS:
                    show(_block(node, news["result"]))
                else:
                    show(_console(news["result"]))
    except (OSError, WebSocketException, UserError):
        pass  # the node has stopped; the supervisor says so
    return was_there


def _block(node: RpcClient, head: dict[str, Any]) -> BlockLine:
    count = node.call("eth_getBlockTransactionCountByHash", head["hash"]) or "0x0"
    return BlockLine(
        int(head["number"], 16),
        int(count, 16),
        int(head["gasUsed"], 16),
        int(head.get("miniBlockCount", "0x0"), 16),
    )


def _console(told: dict[str, Any]) -> ConsoleLine:
    return ConsoleLine(told["transactionHash"] or told["method"], told["contract"], told["text"])
