"""Where each node of a devnet is found, how it proves who it is, and whom it follows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from devnet.config import Config, RpcSettings, VerifyMode
from devnet.role_config import NetworkPlace
from devnet.session import Role
from devnet.supervision.launch import Launch, RoleSpec
from devnet.supervision.node import Node
from devnet.supervision.pki import Pki
from devnet.supervision.ports import host_and_port, refused


class Placement:
    """Ports, peers and certificates of one devnet."""

    def __init__(
        self, launch: Launch, roles: Mapping[Role, RoleSpec], candidates: tuple[str, ...], lease: str
    ) -> None:
        """`candidates`: who may lead, if there are several, and `lease` where that is given out; both empty else."""
        self._launch = launch
        self._roles = roles
        self._candidates = candidates
        self._lease = lease
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
        near = rpc.port + self._step(node)
        return 0 if refused(rpc.host, near) else near

    def config(self, node: Node) -> Config:
        """The devnet's settings as they are for a node: its ports, and what else its role asks for."""
        config = self._launch.config
        network = config.network
        if node.plan.name in self._candidates:
            # Who may have to lead has the trie, and nothing comes late to it.
            is_enough = network.verify is not VerifyMode.PROOFS
            verify = network.verify if is_enough else VerifyMode.ROOTS
            network = replace(network, verify=verify, replica_lag_ms=0)
        return replace(config, rpc=self._rpc(node), network=network)

    def _rpc(self, node: Node) -> RpcSettings:
        rpc = self._launch.config.rpc
        return replace(rpc, port=self.port(node), gateway_port=self._gateway_port(node))

    def _gateway_port(self, node: Node) -> int:
        """Where the public endpoint before a node shall answer: where it did before, else beside those of others."""
        if (before := node.endpoints.get("gateway")) is not None:
            return host_and_port(before.removeprefix("http://"))[1]
        rpc = self._launch.config.rpc
        step = self._step(node)
        near = rpc.gateway_port + step
        return 0 if rpc.gateway_port == 0 or (step and refused(rpc.host, near)) else near

    def _step(self, node: Node) -> int:
        """How many ports after the settings' a node's lie: standbys' come first, then full nodes'."""
        number = node.plan.number
        return number + self._launch.config.network.standbys if node.plan.role is Role.FULL_NODE else number

    def place(self, node: Node, nodes: Sequence[Node], leader: str) -> NetworkPlace | None:
        """A node among its peers, one of which leads."""
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
        # Another candidate knows the chain as well, and will know who leads.
        able = [other for other in others if other.plan.name in (leader, *self._candidates)]
        leading = min(able, key=lambda other: other.plan.name != leader, default=None)
        return self._pki.place(
            node.plan.name,
            node.plan.role,
            leading.endpoints["http"] if leading is not None else "",
            tuple(peers),
            node.peer_port,
            has_provers=any(each.plan.role is Role.PROVER for each in nodes),
            candidates=self._candidates,
            lease=self._lease,
        )

    def certify(self, node: Node) -> None:
        """Issue the certificate of a node that has a place. Slow: while the node starts, which waits for it."""
        if self._pki is not None and self._roles[node.plan.role].networked:
            self._pki.issue(node.plan.name, node.plan.role)
