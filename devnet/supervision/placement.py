"""Where each node of a devnet is found, and how it proves who it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from devnet.config import RpcSettings
from devnet.role_config import NetworkPlace
from devnet.session import Role
from devnet.supervision.launch import Launch, RoleSpec
from devnet.supervision.node import Node
from devnet.supervision.pki import Pki
from devnet.supervision.ports import host_and_port, refused


class Placement:
    """Ports, peers and certificates of one devnet."""

    def __init__(self, launch: Launch, roles: Mapping[Role, RoleSpec]) -> None:
        self._launch = launch
        self._roles = roles
        self._pki: Pki | None = None

    def port(self, node: Node) -> int:
        """Where a node shall answer JSON-RPC: where it did before, else as its role says."""
        if node.port is not None:
            return node.port
        rpc, choice = self._launch.config.rpc, self._roles[node.plan.role].port
        if choice == "any" or rpc.port == 0:
            return 0
        if choice == "configured":
            return rpc.port
        near = rpc.port + node.plan.number
        return 0 if refused(rpc.host, near) else near

    def rpc(self, node: Node) -> RpcSettings:
        """The settings of a node's JSON-RPC server."""
        rpc = self._launch.config.rpc
        return replace(rpc, port=self.port(node), gateway_port=self._gateway_port(node))

    def _gateway_port(self, node: Node) -> int:
        """Where the public endpoint before a node shall answer: where it did before, else beside those of others."""
        if (before := node.endpoints.get("gateway")) is not None:
            return host_and_port(before.removeprefix("http://"))[1]
        rpc = self._launch.config.rpc
        near = rpc.gateway_port + node.plan.number
        return 0 if rpc.gateway_port == 0 or (node.plan.number and refused(rpc.host, near)) else near

    def place(self, node: Node, nodes: Sequence[Node]) -> NetworkPlace | None:
        """A node among its peers."""
        if not self._roles[node.plan.role].networked:
            return None
        if self._pki is None:
            chain_id = self._launch.config.chain.chain_id
            self._pki = Pki(self._launch.data_dir / "network", chain_id)
        others = [other for other in nodes if other is not node and other.state == "running"]
        peers = [
            (other.plan.name, *host_and_port(other.endpoints["sync"]))
            for other in others
            if "sync" in other.endpoints
        ]
        sequencer = next((other for other in others if other.plan.role is Role.SEQUENCER), None)
        url = sequencer.endpoints["http"] if sequencer is not None else ""
        has_provers = any(each.plan.role is Role.PROVER for each in nodes)
        return self._pki.place(node.plan.name, node.plan.role, url, tuple(peers), node.peer_port, has_provers)

    def certify(self, node: Node) -> None:
        """Issue the certificate of a node that has a place. Slow: while the node starts, which waits for it."""
        if self._pki is not None and self._roles[node.plan.role].networked:
            self._pki.issue(node.plan.name, node.plan.role)
