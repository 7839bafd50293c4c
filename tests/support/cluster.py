"""Real processes of several nodes, wired as a test wants them: who knows whom, and by which address. No supervisor.

(`network.py` has devnets as a person runs them.)
"""

from pathlib import Path

from devnet.session import Role
from devnet.supervision.pki import Pki
from devnet.sync import Credentials
from tests.support.node import Node

CHAIN_ID = 6343


class Cluster:
    """`with Cluster(tmp_path, section__name=value) as cluster:` with settings for all; its nodes are reaped."""

    node_type = Node

    def __init__(self, directory, **settings):
        self._directory = directory
        self._settings = settings
        self._pki = Pki(directory / "network", CHAIN_ID)
        self.nodes = {}

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for node in reversed(self.nodes.values()):
            node.reap()
        if failure == (None, None, None):
            for node in self.nodes.values():
                assert "Traceback" not in node.log(), node.log()

    def sequencer(self, **settings):
        return self._start("sequencer", Role.SEQUENCER, self.place("sequencer", Role.SEQUENCER), settings)

    def full_node(self, name, peers, sequencer="", **settings):
        """`peers`: nodes, or (name, host, port). `sequencer`: where its HTTP is, if not where it says itself."""
        return self._start(name, Role.FULL_NODE, self.place(name, Role.FULL_NODE, peers, sequencer), settings)

    def prover(self, name, peers, **settings):
        return self._start(name, Role.PROVER, self.place(name, Role.PROVER, peers), settings)

    def credentials(self, name, role):
        """For a node that is none of these processes."""
        place = self.place(name, Role(role))
        return Credentials(Path(place.ca), Path(place.certificate), Path(place.key))

    def place(self, name, role, peers=(), sequencer=""):
        """A node's place in the network, with its certificate."""
        self._pki.issue(name, role)
        known = tuple(peer if isinstance(peer, tuple) else (peer.name, *sync_place(peer)) for peer in peers)
        if not sequencer and "sequencer" in self.nodes:
            sequencer = self.nodes["sequencer"].url
        has_provers = self._settings.get("network__provers", 0) > 0
        return self._pki.place(name, role, sequencer, known, has_provers=has_provers)

    def _start(self, name, role, place, settings):
        node = self.node_type(
            self._directory / name,
            name=name,
            role=role,
            network=place,
            native=self._directory / "native",
            **{**self._settings, **settings},
        )
        self.nodes[name] = node
        return node.start()


def sync_place(node):
    """Where a node listens for its peers: host and port."""
    host, _, port = node.endpoints["sync"].rpartition(":")
    return host, int(port)
