"""Several nodes of one network in one process, over real TLS sockets, on one event loop."""

import asyncio
import time

from devnet.sync import Authority, Endpoint, Local, SyncNode, SyncSettings
from tests.support.chain_log import MemoryLog, sealed
from tests.support.waiting import DEADLINE_S

CHAIN_ID = 6343
GENESIS_HASH = bytes(range(32))


async def eventually(look, what, deadline_s=DEADLINE_S):
    """Return the first true value of `look()`."""
    end = time.monotonic() + deadline_s
    while not (value := look()):
        assert time.monotonic() < end, f"waited {deadline_s} s for {what}"
        await asyncio.sleep(0.01)
    return value


class Net:
    """`async with Net(tmp_path) as net:`; nodes are stopped at its end."""

    def __init__(self, directory):
        self.authority = Authority.open(directory / "tls")
        self.nodes = {}
        self.logs = {}
        self.refused = []
        self.failures = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await asyncio.gather(*(node.stop() for node in self.nodes.values()))
        assert not self.failures

    def local(self, name, role, **changed):
        return Local(
            **{"node": name, "role": role, "chain_id": CHAIN_ID, "genesis_hash": GENESIS_HASH} | changed
        )

    async def node(
        self, name, role="full-node", log=None, peers=(), local=None, on_stored=lambda *_: None, **settings
    ):
        """Start a node; `peers` are names of nodes, or endpoints."""
        log = log if log is not None else MemoryLog()
        places = tuple(self.endpoint(peer) if isinstance(peer, str) else peer for peer in peers)
        node = SyncNode(
            local or self.local(name, role),
            self.authority.issue(name, role),
            SyncSettings(bootstrap=places, **settings),
            log=log if role != "prover" else None,
            sink=log if role == "full-node" else None,
            on_refused=lambda refused, source: self.refused.append((name, source, refused)),
            on_failure=self.failures.append,
            on_stored=on_stored,
        )
        await node.start()
        if role == "sequencer":
            await node.lead()
        elif role == "full-node":
            await node.follow()
        self.nodes[name], self.logs[name] = node, log
        return node

    def endpoint(self, name):
        node = self.nodes[name]
        host, port = node._mesh._settings.advertised or (node.endpoint.host, node.endpoint.port)
        return Endpoint(name, host, port)

    async def sequencer(self, length=0, **settings):
        return await self.node("seq", "sequencer", MemoryLog(length), **settings)

    async def behind(self, link, name, *args, **settings):
        """Start a node that can be reached by the shaped link only."""
        node = await self.node(name, *args, advertised=("127.0.0.1", link.port), **settings)
        link.target_port = node.endpoint.port
        return node

    def seal(self, count=1, size=40):
        """The sequencer goes on."""
        self.nodes["seq"].publish([sealed(entry) for entry in self.logs["seq"].extend(count, size)])

    async def kill(self, name):
        """Drop a node without a word, as the death of its process would."""
        node = self.nodes.pop(name)
        for session in list(node._mesh._all):
            session.abort("killed")
        await node.stop()

    def level(self, *names):
        """Whether these (all) nodes stand where the sequencer stands."""
        return all(
            self.logs[name].end == self.logs["seq"].end
            for name in names or self.nodes
            if self.nodes[name]._local.role != "prover"
        )

    def paths(self):
        """By which nodes data comes to each; empty for one to which none comes just now."""
        return [node.status().path for node in self.nodes.values()]

    async def until_path(self, name, *path):
        await eventually(lambda: self.nodes[name].status().path == path, f"{name} to be fed by {path}")

    async def child(self, name):
        """Whom a node feeds, once it feeds somebody."""
        children = await eventually(lambda: self.nodes[name].status().children, f"a child of {name}")
        return children[0].node

    async def all_level(self, *names):
        await eventually(lambda: self.level(*names), f"{names or 'all'} to be level")


def moved(endpoint, port):
    """The same node, as seen through a proxy."""
    return Endpoint(endpoint.node, endpoint.host, port)
