"""Which methods a node of each role serves: the engine's lines and Python's in one table.

Not here: serving them (`chain_node.py`, `prover.py`, `rpc/server.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devnet.roles.going_back import GoingBackNamespace
from devnet.roles.node_methods import (
    ConsoleNamespace,
    DevnetNamespace,
    JitNamespace,
    LogNamespace,
    ModeNamespace,
)
from devnet.roles.pruning import PruneNamespace
from devnet.roles.snapshot_reads import SnapshotReadNamespace
from devnet.rpc.call_after import CallAfterNamespace
from devnet.rpc.eth import EthNamespace
from devnet.rpc.impersonation import ImpersonationNamespace
from devnet.rpc.interventions import InterventionNamespace
from devnet.rpc.methods import ENGINE, Line, lines
from devnet.rpc.mine_detailed import MineDetailedNamespace
from devnet.rpc.net import NetNamespace
from devnet.rpc.polled_filters import FilterNamespace
from devnet.rpc.rpc_modules import RpcNamespace
from devnet.rpc.state_files import StateFileNamespace
from devnet.rpc.subscriptions import Hub
from devnet.rpc.tools import ToolNamespace
from devnet.rpc.web3 import Web3Namespace
from devnet.session import Role

_EVERYWHERE: Final = (NetNamespace, Web3Namespace, RpcNamespace, DevnetNamespace)
_WITH_CHAIN: Final = (
    *_EVERYWHERE,
    EthNamespace,
    CallAfterNamespace,
    MineDetailedNamespace,
    InterventionNamespace,
    ImpersonationNamespace,
    ToolNamespace,
    StateFileNamespace,
    SnapshotReadNamespace,
    PruneNamespace,
    Hub,
    FilterNamespace,
    LogNamespace,
    JitNamespace,
    ConsoleNamespace,
    ModeNamespace,
    GoingBackNamespace,
)

NAMESPACES: Final[Mapping[Role, tuple[type, ...]]] = {
    Role.SEQUENCER: _WITH_CHAIN,
    Role.STANDBY: _WITH_CHAIN,
    Role.FULL_NODE: _WITH_CHAIN,
    Role.PROVER: _EVERYWHERE,
}
"""Python's. `devnet_` is only there in a network of several nodes, but for `devnet_prune`."""


def served(role: Role) -> dict[str, Line]:
    """Return the methods that a node of this role answers, or has the sequencer answer."""
    engine = {} if role is Role.PROVER else dict(ENGINE)
    return engine | {name: line for space in NAMESPACES[role] for name, line in lines(space).items()}


def all_methods() -> dict[str, Line]:
    """Return every method that some node answers, by name."""
    found = {name: line for role in Role for name, line in served(role).items()}
    return dict(sorted(found.items()))
