"""One node of a devnet as its supervisor sees it: what it shall be, what it is, and who waits for it. Data only."""

from dataclasses import dataclass, field

from devnet.session import NodeSession, NodeState, ProcessId
from devnet.supervision.control import Command
from devnet.supervision.launch import NodePlan
from devnet.supervision.process import RoleProcess


@dataclass
class Node:
    """A node that the supervisor looks after."""

    plan: NodePlan
    state: NodeState = "stopped"
    process: RoleProcess | None = None
    id: ProcessId | None = None
    """Of its newest process, also when that is gone."""
    endpoints: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    """Where it was bound first; a restarted node comes back there."""
    restarts: tuple[float, ...] = ()
    start_again: bool = False
    """It is being stopped only to be started."""
    start_due: bool = False
    """It could not be started, and will be tried again."""
    asked: list[Command] = field(default_factory=list)
    """Who waits until it runs, or has stopped."""

    @property
    def peer_port(self) -> int:
        """Where its peers found it; a restarted node comes back there."""
        return int(self.endpoints["sync"].rpartition(":")[2]) if "sync" in self.endpoints else 0

    @property
    def session(self) -> NodeSession | None:
        """Itself, as the session file has it."""
        if self.id is None:
            return None
        return NodeSession(self.plan.name, self.plan.role, self.id, dict(self.endpoints), self.state)
