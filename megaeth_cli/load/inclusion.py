"""Whether and when transactions were included: by the nonces of their senders, which any node tells.

A watching connection asks for the nonces of a few senders again and again while the load runs. It sees a sender's i-th
transaction included in the first answer whose nonce is past it, so it is exact to the time between two questions. What
the load's end leaves to be seen, the drain's answers show: whatever was included has a latency, however fast it was.
"""

from __future__ import annotations

import json
import re
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from devnet._engine import keccak256
from megaeth_cli.load.connections import Connection, Transport
from megaeth_cli.load.senders import Sender
from megaeth_cli.load.wire import LoadError, batch, call

WATCHED: Final = 8
EVERY_S: Final = 0.005
PROGRESS_TIMEOUT_S: Final = 10.0
_RAW: Final = re.compile(rb'"0x([0-9a-f]+)"')
_FAILED: Final = re.compile(rb'"status":\s*"0x0"')
_NONCE: Final = re.compile(rb'"result":\s*"0x([0-9a-fA-F]+)"')


def nonces_request(senders: Sequence[Sender]) -> bytes:
    """Asks for the nonces as of the newest block."""
    return batch(
        [
            call("eth_getTransactionCount", b'["0x%b","latest"]' % one.address.hex().encode(), index)
            for index, one in enumerate(senders)
        ]
    )


def read_nonces(body: bytes, senders: int) -> list[int]:
    """In the order of the request."""
    answers = json.loads(body)
    answers = [answers] if isinstance(answers, dict) else answers
    try:
        found = {one["id"]: int(one["result"], 16) for one in answers}
        return [found[index] for index in range(senders)]
    except (KeyError, TypeError, ValueError):
        raise LoadError(f"no nonces: {body[:300]!r}") from None


class Watch(Connection):
    """Asks for the nonces of some senders as long as the load runs."""

    def __init__(self, transport: Transport, senders: Sequence[Sender], first: Sequence[int]) -> None:
        message = transport.message(nonces_request(senders))
        super().__init__(transport, iter(lambda: message, None), due=_every(EVERY_S))
        self._seen = list(first)
        self.included: list[array[float]] = [array("d") for _ in senders]
        """For each sender, when each of its transactions was seen included."""

    def answered(self, body: bytes, now: float) -> None:
        """Marks what is included now."""
        found = [int(nonce, 16) for nonce in _NONCE.findall(body)]
        if len(found) != len(self._seen):
            raise LoadError(f"no nonces: {body[:300]!r}")
        self.saw(found, now)

    def saw(self, nonces: Sequence[int], now: float) -> None:
        """Takes the senders' nonces, whoever asked for them."""
        for index, nonce in enumerate(nonces):
            if (more := nonce - self._seen[index]) > 0:
                self.included[index].extend([now] * more)
                self._seen[index] = nonce


class Drain(Connection):
    """Asks for the nonces of all senders until all transactions are in, or none comes in any more."""

    def __init__(
        self,
        transport: Transport,
        senders: Sequence[Sender],
        refused: int = 0,
        told: Callable[[Sequence[int], float], None] | None = None,
    ) -> None:
        self._message = transport.message(nonces_request(senders))
        super().__init__(transport, iter(()), due=_every(EVERY_S))
        self._told = told
        self._senders = len(senders)
        self._wanted = sum(sender.nonce for sender in senders) - refused
        self._over = False
        self.missing = self._wanted
        self.changed_at = time.perf_counter()
        """When the last one was seen included."""

    def next(self, now: float) -> bytes | None:
        """The same question, until it is settled."""
        return None if self._over else self._message

    def answered(self, body: bytes, now: float) -> None:
        """Compares with what should be."""
        nonces = read_nonces(body, self._senders)
        if self._told is not None:
            self._told(nonces, now)
        missing = self._wanted - sum(nonces)
        if missing < self.missing:
            self.missing, self.changed_at = max(0, missing), now
        self._over = missing <= 0 or now - self.changed_at > PROGRESS_TIMEOUT_S


class Receipts(Connection):
    """Looks whether transactions did what they should: one out of each of some requests, which are included."""

    def __init__(self, transport: Transport, sent: Sequence[bytes]) -> None:
        raws = [bytes.fromhex(found[1].decode()) for one in sent if (found := _RAW.search(one))]
        asked = [
            call("eth_getTransactionReceipt", b'["0x%b"]' % keccak256(raw).hex().encode(), index)
            for index, raw in enumerate(raws)
        ]
        super().__init__(transport, iter([transport.message(batch(asked))]))

    def answered(self, body: bytes, now: float) -> None:
        """Voids the load when they failed: reverting is another kind of work."""
        super().answered(body, now)
        if _FAILED.search(body):
            raise LoadError("transactions of the load are included, but they fail")


def watched(groups: Sequence[Sequence[Sender]]) -> list[tuple[int, int]]:
    """A few senders, spread over the connections: (connection, place in the connection)."""
    connections = range(0, len(groups), max(1, len(groups) // WATCHED))
    return [(connection, 0) for connection in connections if groups[connection]][:WATCHED]


def latencies(connection: Connection, place: int, group: int, included: Sequence[float]) -> Iterator[float]:
    """Seconds from sending to inclusion of one sender of a connection's group, whose transactions take turns."""
    for number, at in enumerate(included):
        request = (place + number * group) // connection.weight
        if request >= len(connection.began):
            return
        yield at - connection.began[request]


def _every(seconds: float) -> Iterator[float]:
    """A pause after each answer, whatever it took."""
    began = time.perf_counter()
    while True:
        yield time.perf_counter() - began + seconds
