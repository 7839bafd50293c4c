"""The network that is driven: a sequencer, a full node of each `--verify` mode, two provers that both have to agree."""

import os
import time
from pathlib import Path
from typing import Any, Final

from devnet.config import VerifyMode
from tests.support.cluster import Cluster
from tests.support.node import Node
from tests.support.raw_http import RawHttp, request
from tests.torture.chain.world import SENDERS

BLOCK_TIME_S: Final = 0.25
"""On a free machine; one core then has half of its time left."""
MAX_BUSY: Final = 8.0
DATA_BUCKETS: Final = 8
"""Few, so that they outgrow their first 256 slots soon, and some of them several times."""
PROVERS: Final = 2
PATIENCE_S: Final = 120.0
IDLE_S: Final = 10.0
"""Nodes close connections that are idle for long."""
MAX_CALLS, MAX_BYTES = 500, 4_000_000
"""In one batch."""

Json = Any


def block_time_s() -> float:
    """As short as this machine can prove blocks at the moment: longer when others use it too."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return BLOCK_TIME_S * min(max(1.0, busy), MAX_BUSY)


class Network(Cluster):
    """`with Network(directory) as network:`; its nodes are reaped."""

    def __init__(self, directory: Path, block_time_s: float, **settings: Any) -> None:
        super().__init__(
            directory,
            **{
                "blocks__block_time_s": block_time_s,
                "chain__salt_data_buckets": DATA_BUCKETS,
                "accounts__count": SENDERS,
                "network__provers": PROVERS,
                "network__quorum": PROVERS,
                **settings,
            },
        )
        self._directory.mkdir(parents=True, exist_ok=True)

    def __exit__(self, *_: object) -> None:
        """Ends all of them. What they have logged is for `watch` to judge."""
        for node in reversed(self.nodes.values()):
            node.reap()

    def start(self) -> None:
        """All of them."""
        sequencer = self.sequencer()
        for mode in VerifyMode:
            self.full_node(f"full-node-{mode}", [sequencer], network__verify=mode)
        for number in range(PROVERS):
            self.prover(f"prover-{number + 1}", self.chain_nodes)

    @property
    def chain_nodes(self) -> list[Node]:
        """Those that have the chain: the sequencer first, then the full nodes."""
        return [node for node in self.nodes.values() if node.role != "prover"]


class Asking:
    """A node's RPC, over a connection that is made anew when it has been idle. Errors are answers too."""

    def __init__(self, node: Node) -> None:
        self.name = node.name
        self._port = node.port
        self._http = RawHttp(node.port, timeout=PATIENCE_S)
        self._used_at = time.monotonic()

    def ask(self, method: str, *params: Json) -> Json:
        """One result; an error fails the program."""
        [answer] = self.answers([(method, list(params))])
        return _result(method, answer)

    def all(self, calls: list[tuple[str, list[Json]]]) -> list[Json]:
        """The results of many, in their order."""
        return [
            _result(method, answer) for (method, _), answer in zip(calls, self.answers(calls), strict=True)
        ]

    def answers(self, calls: list[tuple[str, list[Json]]]) -> list[Json]:
        """The answer objects of many, in their order."""
        found: list[Json] = []
        piece: list[Json] = []
        size = 0
        for method, params in calls:
            length = sum(len(one) for one in params if isinstance(one, str))
            if piece and (len(piece) >= MAX_CALLS or size + length > MAX_BYTES):
                found += self._post(piece)
                piece, size = [], 0
            piece.append(request(method, *params, id=len(piece)))
            size += length
        return found + (self._post(piece) if piece else [])

    def _post(self, requests: list[Json]) -> list[Json]:
        import orjson

        if time.monotonic() - self._used_at > IDLE_S:
            self._http.socket.close()
            self._http = RawHttp(self._port, timeout=PATIENCE_S)
        status, _, body = self._http.post(orjson.dumps(requests))
        self._used_at = time.monotonic()
        assert status == 200, (status, body[:300])
        by_id = {answer["id"]: answer for answer in orjson.loads(body)}
        return [by_id[number] for number in range(len(requests))]


def _result(method: str, answer: Json) -> Json:
    assert "error" not in answer, (method, answer["error"])
    return answer["result"]
