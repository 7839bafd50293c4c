"""What a devnet shall consist of: its name, its place on disk, its nodes and how each role is run. Data only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from devnet.config import Config
from devnet.paths import NetworkPaths
from devnet.session import Role
from devnet.settings import config_from_json, config_to_json


@dataclass(frozen=True)
class RoleSpec:
    """How a role is run."""

    module: str
    essential: bool
    """Without it there is no chain, unless a standby takes over: its unexpected end is the devnet's. Others are started
    again."""
    networked: bool = False
    """Whether it has peers."""
    port: Literal["configured", "near", "any"] = "configured"
    """Its JSON-RPC port: the one in the settings, one of the next (standbys first) if it is free, or any free one."""


ROLES: Mapping[Role, RoleSpec] = MappingProxyType(
    {
        Role.SEQUENCER: RoleSpec("devnet.roles.sequencer", essential=True, networked=True),
        Role.STANDBY: RoleSpec("devnet.roles.standby", essential=False, networked=True, port="near"),
        Role.FULL_NODE: RoleSpec("devnet.roles.full_node", essential=False, networked=True, port="near"),
        Role.PROVER: RoleSpec("devnet.roles.prover", essential=False, networked=True, port="any"),
    }
)


@dataclass(frozen=True)
class NodePlan:
    """A node that the devnet shall have."""

    name: str
    role: Role
    number: int = 0
    """Among those of its role, from 1; 0 for the only one."""

    @classmethod
    def numbered(cls, role: Role, number: int) -> "NodePlan":
        """The n-th node of a role: `full-node-2`."""
        return cls(f"{role.hyphenated}-{number}", role, number)


@dataclass(frozen=True)
class Launch:
    """Everything a supervisor needs to know."""

    name: str
    root: Path
    """The devnet's own directory: session, logs, run files."""
    config: Config

    @property
    def paths(self) -> NetworkPaths:
        """Its files."""
        return NetworkPaths(self.root)

    @property
    def data_dir(self) -> Path:
        """Where the chain is kept."""
        if self.config.storage.ephemeral:
            return self.paths.run / "data"
        chosen = self.config.storage.data_dir
        return Path(chosen) if chosen is not None else self.paths.data

    def node_dir(self, node: str) -> Path:
        """A node's own part of it."""
        return self.data_dir / "nodes" / node

    def plan(self) -> tuple[NodePlan, ...]:
        """The nodes, in the order in which they start; they stop in the opposite one."""
        network = self.config.network
        return (
            *self.candidates(),
            *(NodePlan.numbered(Role.FULL_NODE, number + 1) for number in range(network.full_nodes)),
            *(NodePlan.numbered(Role.PROVER, number + 1) for number in range(network.provers)),
        )

    def candidates(self) -> tuple[NodePlan, ...]:
        """The nodes that may lead."""
        standbys = range(self.config.network.standbys)
        return (
            NodePlan(Role.SEQUENCER.hyphenated, Role.SEQUENCER),
            *(NodePlan.numbered(Role.STANDBY, number + 1) for number in standbys),
        )

    def to_json(self) -> str:
        """For a detached supervisor."""
        return json.dumps({"name": self.name, "root": str(self.root), "config": config_to_json(self.config)})

    @classmethod
    def from_json(cls, text: str) -> "Launch":
        """The opposite of `to_json`."""
        fields = json.loads(text)
        return cls(fields["name"], Path(fields["root"]), config_from_json(fields["config"]))
