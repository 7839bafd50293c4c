"""`eth_subscribe`: who wants to hear of what, and the rendering of each piece of news once for all who do.

    log thread: mini-blocks are on disk --> Hub.publish --call_soon_threadsafe--> Hub.on_durable
                                                                        |
    each subscriber <-- head + payload + tail -- the engine renders, topic by topic, if anybody listens

| subscription             | parameter         | news                                                     |
|--------------------------|-------------------|----------------------------------------------------------|
| `newHeads`               |                   | each sealed block's header                               |
| `logs`                   | filter            | each sealed block's logs; with `fromBlock` `latest` or   |
|                          |                   | `pending` each mini-block's, before its block is sealed  |
| `newPendingTransactions` | full bodies?      | each transaction that enters the pool: of who leads, if  |
|                          |                   | another node does                                        |
| `miniBlocks`             |                   | each mini-block with its transactions and receipts       |
| `stateChanges`           | addresses?        | each mini-block's effect on each of the accounts         |
| `consoleLogs`            |                   | each call of `console.log`, decoded                      |
| `syncing`                |                   | at once, and then whenever the node falls behind the     |
|                          |                   | chain or has caught up with it: what `eth_syncing` says  |

Everything runs on the event loop's thread but `publish`, which the log thread calls.

Not here: the sockets (`ws.py`), the payloads (the engine).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from devnet._engine import SealedBlock, SealedMini
from devnet.rpc import filters
from devnet.rpc.engine_bridge import Call, Notified
from devnet.rpc.engine_rpc import ChainRpc
from devnet.rpc.errors import Code, RpcFault, invalid_params, refused
from devnet.rpc.jsonrpc import NOTIFICATION_TAIL, notification_head
from devnet.rpc.leader import Leader
from devnet.rpc.methods import method
from devnet.rpc.pending_relay import PendingRelay
from devnet.rpc.sync_status import NOT_SYNCING, SyncStatus

if TYPE_CHECKING:
    from devnet._engine import Rewind

log = logging.getLogger(__name__)

_STANDS: Final = b'"removed":false'
_REMOVED: Final = b'"removed":true'
NOT_SUPPORTED: Final = "notifications not supported: eth_subscribe needs a WebSocket connection"


class Kind(Enum):
    """What there is to hear of."""

    HEADS = "newHeads"
    SEALED_LOGS = "logs"
    MINI_LOGS = "logs of mini-blocks"
    PENDING_HASHES = "newPendingTransactions"
    PENDING_BODIES = "newPendingTransactions with bodies"
    MINI_BLOCKS = "miniBlocks"
    STATE_CHANGES = "stateChanges"
    CONSOLE_LOGS = "consoleLogs"
    SYNCING = "syncing"


_PENDING: Final = (Kind.PENDING_HASHES, Kind.PENDING_BODIES)


@dataclass(eq=False, slots=True)
class Subscription:
    """One client's wish. Silent until the client knows its id."""

    id: str
    head: bytes
    notified: Notified
    topic: Topic
    active: bool = False


@dataclass(eq=False, slots=True)
class Topic:
    """Equal wishes of any number of clients; `key` tells topics of one kind apart."""

    kind: Kind
    key: bytes
    addresses: list[bytes] = field(default_factory=list)
    subscribers: dict[str, Subscription] = field(default_factory=dict)

    def publish(self, payload: bytes) -> None:
        """Send one payload to all."""
        for subscription in list(self.subscribers.values()):
            if subscription.active:
                subscription.notified.notify(subscription.head, payload, NOTIFICATION_TAIL)


class Hub:
    """All subscriptions of one server."""

    def __init__(
        self,
        engine: ChainRpc,
        syncing: SyncStatus,
        leader: Leader,
        max_per_connection: int,
        max_filter_bytes: int,
    ) -> None:
        """`max_filter_bytes`: of all filters of one connection together. Every mini-block is held against them."""
        self._engine = engine
        self._syncing = syncing
        self._was_syncing = False
        self._max_per_connection = max_per_connection
        self._max_filter_bytes = max_filter_bytes
        self._topics: dict[Kind, dict[bytes, Topic]] = {kind: {} for kind in Kind}
        self._by_connection: dict[Notified, dict[str, Subscription]] = {}
        self._open_minis: list[tuple[int, int]] = []
        """Block and number of the open block's mini-blocks that hold transactions."""
        self._relay = PendingRelay(leader, self._wants_pending, self._on_pending_there)
        self._pending_topics = (self._topics[Kind.PENDING_HASHES], self._topics[Kind.PENDING_BODIES])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending_cursor = 0

    def start(self) -> None:
        """Take the running loop for the one that all subscribers' sockets are on."""
        self._loop = asyncio.get_running_loop()

    # --- clients ------------------------------------------------------------------------------------------

    @method("eth_subscribe", "kind", "filter?", about="Begins a subscription; its id. Over a WebSocket only.")
    async def eth_subscribe(self, params: list[object], call: Call) -> bytes:
        """Begin a subscription and return its id."""
        notified = _notified(call)
        kind, *rest = params
        if not isinstance(kind, str):
            raise invalid_params("kind must be a text")
        topic = self._topic(kind, rest[0] if rest else None)
        subscription = self._subscribe(topic, notified)
        if topic.kind in _PENDING:
            await self._relayed(subscription)
        call.afterwards(lambda: self._activate(subscription))
        return orjson.dumps(subscription.id)

    @method("eth_unsubscribe", "subscription", about="Ends a subscription of the same connection.")
    async def eth_unsubscribe(self, params: list[object], call: Call) -> bytes:
        """End a subscription of the same connection."""
        notified = _notified(call)
        [identifier] = params
        if not isinstance(identifier, str):
            raise invalid_params("subscription must be a text, its id")
        subscription = self._by_connection.get(notified, {}).pop(identifier, None)
        if subscription is None:
            raise refused("subscription not found")
        self._remove(subscription)
        return b"true"

    async def _relayed(self, subscription: Subscription) -> None:
        """Have somebody ask the node that leads, if another one does. Raises `RpcFault`: it does not answer."""
        try:
            await self._relay.begin()
        except RpcFault:
            self._by_connection.get(subscription.notified, {}).pop(subscription.id, None)
            self._remove(subscription)
            raise

    def _topic(self, name: str, param: object) -> Topic:
        match name:
            case "newHeads":
                return self._find(Kind.HEADS)
            case "miniBlocks":
                return self._find(Kind.MINI_BLOCKS)
            case "newPendingTransactions":
                full = filters.flag(param, "the second argument")
                return self._find(Kind.PENDING_BODIES if full else Kind.PENDING_HASHES)
            case "logs":
                canonical, pending = filters.log_filter(param)
                return self._find(Kind.MINI_LOGS if pending else Kind.SEALED_LOGS, canonical)
            case "consoleLogs":
                return self._find(Kind.CONSOLE_LOGS)
            case "syncing":
                return self._find(Kind.SYNCING)
            case "stateChanges" | "stateChange":
                accounts = filters.addresses(param)
                return self._find(Kind.STATE_CHANGES, b"".join(accounts), accounts)
        raise RpcFault(Code.METHOD_NOT_FOUND, f'no "{name}" subscription in eth namespace')

    def _find(self, kind: Kind, key: bytes = b"", addresses: list[bytes] | None = None) -> Topic:
        return self._topics[kind].get(key) or Topic(kind, key, addresses or [])

    def _subscribe(self, topic: Topic, notified: Notified) -> Subscription:
        mine = self._by_connection.get(notified)
        if mine is None:
            mine = self._by_connection[notified] = {}
            notified.on_close(lambda: self._forget(notified))
        if len(mine) >= self._max_per_connection:
            raise refused(f"too many subscriptions: the limit is {self._max_per_connection}")
        if sum(len(other.topic.key) for other in mine.values()) + len(topic.key) > self._max_filter_bytes:
            raise refused(
                f"too long filters: those of one connection have {self._max_filter_bytes} bytes at most"
            )
        identifier = "0x" + secrets.token_hex(16)
        subscription = Subscription(identifier, notification_head(identifier), notified, topic)
        if topic.kind in _PENDING and not self._wants_pending():
            self._pending_cursor, _ = self._engine.pending_hashes(self._pending_cursor)
        mine[identifier] = subscription
        topic.subscribers[identifier] = subscription
        self._topics[topic.kind][topic.key] = topic
        return subscription

    def _activate(self, subscription: Subscription) -> None:
        if subscription.topic.kind is Kind.SYNCING:
            self._on_sync_status()
            subscription.notified.notify(subscription.head, self._syncing(), NOTIFICATION_TAIL)
        subscription.active = True

    def _forget(self, notified: Notified) -> None:
        for subscription in self._by_connection.pop(notified, {}).values():
            self._remove(subscription)

    def _remove(self, subscription: Subscription) -> None:
        topic = subscription.topic
        topic.subscribers.pop(subscription.id, None)
        if not topic.subscribers:
            self._topics[topic.kind].pop(topic.key, None)

    def count_of(self, notified: Notified) -> int:
        """How many a connection has."""
        return len(self._by_connection.get(notified, {}))

    @property
    def count(self) -> int:
        """How many subscriptions there are."""
        return sum(map(len, self._by_connection.values()))

    # --- news ---------------------------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        """Whether anybody is subscribed to anything. May be asked from any thread."""
        return any(self._topics.values())

    @property
    def hears_empty_minis(self) -> bool:
        """Whether anybody would hear of mini-blocks without transactions. May be asked from any thread."""
        return bool(self._topics[Kind.MINI_BLOCKS] or self._topics[Kind.STATE_CHANGES])

    def publish(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """Take news from the log thread. The loop is woken only if somebody listens, which it seldom is."""
        if self.listening and self._loop is not None:
            self._loop.call_soon_threadsafe(self.on_durable, sealed)
        else:
            self._note(sealed)

    def _note(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """Remember what a subscriber who comes within the block will hear of when it is sealed."""
        for item in sealed:
            if isinstance(item, SealedBlock):
                self._open_minis.clear()
            elif item.tx_count:
                self._open_minis.append((item.block, item.number))

    def on_durable(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """Tell subscribers of mini-blocks and blocks that have reached the disk, in their order."""
        self.on_pending()
        self._on_sync_status()
        for item in sealed:
            if isinstance(item, SealedMini):
                if self._mini(item):
                    self._engine.published(item.timestamp_us)
            else:
                self._block(item)

    def rewinding(self, plan: Rewind) -> None:
        """Take back the logs that subscribers were told of and that are about to go, the newest first."""
        sealed = {block for block, _, _ in plan.blocks}
        for mini, block in reversed(plan.busy):
            if block in sealed:
                self._publish(Kind.SEALED_LOGS, partial(self._removed, mini))
            if mini >= plan.minis:
                self._publish(Kind.MINI_LOGS, partial(self._removed, mini))

    def rewound(self, plan: Rewind) -> None:
        """The chain goes on from an earlier place; what is left of an open block there is told when it is sealed."""
        self._open_minis = [(block, mini) for mini, block in plan.busy if mini < plan.minis]

    def publish_console(self, payloads: list[bytes]) -> None:
        """Tell subscribers what contracts told the console. Called by the thread that has found it out."""
        if self._topics[Kind.CONSOLE_LOGS] and self._loop is not None:
            news = partial(self._publish, Kind.CONSOLE_LOGS, lambda _: payloads)
            self._loop.call_soon_threadsafe(news)

    def on_pending(self) -> None:
        """Tell subscribers of transactions that entered the pool since the last time."""
        if not self._wants_pending():
            return
        self._pending_cursor, hashes = self._engine.pending_hashes(self._pending_cursor)
        for transaction in hashes:
            identifier = b'"0x%b"' % transaction.hex().encode()
            self._publish(Kind.PENDING_HASHES, partial(_same, identifier))
            self._publish(Kind.PENDING_BODIES, partial(self._body, identifier))

    def _on_pending_there(self, transaction: dict[str, Any]) -> None:
        """Tell subscribers of a transaction that entered the pool of the node that leads."""
        self._publish(Kind.PENDING_HASHES, partial(_same, orjson.dumps(transaction["hash"])))
        self._publish(Kind.PENDING_BODIES, partial(_same, orjson.dumps(transaction)))

    def _on_sync_status(self) -> None:
        """Tell subscribers if the node has fallen behind or has caught up since the last time."""
        if not self._topics[Kind.SYNCING]:
            return
        status = self._syncing()
        if (status != NOT_SYNCING) != self._was_syncing:
            self._was_syncing = status != NOT_SYNCING
            self._publish(Kind.SYNCING, partial(_same, status))

    def _wants_pending(self) -> bool:
        return any(self._pending_topics)

    def _body(self, identifier: bytes, _: Topic) -> list[bytes]:
        body = self._engine.call("eth_getTransactionByHash", b"[%b]" % identifier)
        return [] if body == b"null" else [body]

    def _mini(self, mini: SealedMini) -> bool:
        """Tell of a mini-block; says whether anybody was there to be told."""
        engine, number = self._engine, mini.number
        told = self._publish(Kind.MINI_BLOCKS, lambda _: [engine.mini_json(number)])
        if mini.tx_count:
            self._open_minis.append((mini.block, number))
            told |= self._publish(Kind.MINI_LOGS, partial(self._logs, number))
        if mini.tx_count or mini.index == 0:  # index 0 carries the block's system calls
            told |= self._publish(
                Kind.STATE_CHANGES, lambda topic: engine.state_changes_json(number, topic.addresses)
            )
        return told

    def _logs(self, mini: int, topic: Topic) -> list[bytes]:
        return self._engine.logs_json(topic.key, mini)

    def _removed(self, mini: int, topic: Topic) -> list[bytes]:
        logs = reversed(self._logs(mini, topic))
        return [log.replace(_STANDS, _REMOVED) for log in logs]

    def _block(self, block: SealedBlock) -> None:
        engine, number = self._engine, block.number
        self._publish(Kind.HEADS, lambda _: [engine.head_json(number)])
        for _, mini in filter(lambda entry: entry[0] == number, self._open_minis):
            self._publish(Kind.SEALED_LOGS, partial(self._logs, mini))
        self._open_minis.clear()

    def _publish(self, kind: Kind, render: Callable[[Topic], list[bytes]]) -> bool:
        """Tell the topics of a kind; says whether there are any."""
        topics = list(self._topics[kind].values())
        for topic in topics:
            try:
                payloads = render(topic)
            except Exception:
                log.exception("news for %s could not be rendered", kind.value)
                continue
            for payload in payloads:
                topic.publish(payload)
        return bool(topics)


def _same(payload: bytes, _: Topic) -> list[bytes]:
    return [payload]


def _notified(call: Call) -> Notified:
    notified = call.client.notified
    if notified is None:
        raise refused(NOT_SUPPORTED)
    return notified
