"""The session file: what runs, where it answers, and whether it is alive.

The supervisor writes it (mode 0600: it holds the devnet's token); every other tool only reads it.
Alive means both: the process with that pid is the one that was started (pids are reused, start times are
not), and its `/healthz` answers. Standard library only, because every command reads it first.
"""

import http.client
import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from devnet.files import write_atomically

SESSION_VERSION = 1
HEALTH_TIMEOUT_S = 2.0


class Role(StrEnum):
    """What a node is in its devnet; it says how the node begins."""

    SEQUENCER = "sequencer"
    STANDBY = "standby"
    FULL_NODE = "full_node"
    PROVER = "prover"

    @property
    def hyphenated(self) -> str:
        """As names, certificates and flags have it: `full-node`."""
        return self.value.replace("_", "-")


CANDIDATES = (Role.SEQUENCER, Role.STANDBY)
"""Whose nodes may lead."""

DevnetState = Literal["starting", "running", "stopping"]
NodeState = Literal["starting", "running", "stopping", "stopped", "failed"]


@dataclass(frozen=True)
class ProcessId:
    """A process beyond mistake: pid and the moment it started."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The identity of a process that runs now."""
        started = start_time(pid)
        return cls(pid, started if started is not None else 0.0)

    def runs(self) -> bool:
        """Whether this very process still runs."""
        return start_time(self.pid) == self.started


@dataclass(frozen=True)
class NodeSession:
    """One process of the devnet."""

    name: str
    role: Role
    process: ProcessId
    endpoints: dict[str, str] = field(default_factory=dict)
    """`http`, `ws` and what else the role serves; `sync` is where its peers reach it, `host:port`."""
    state: NodeState = "running"


@dataclass(frozen=True)
class Session:
    """A running devnet."""

    name: str
    supervisor: ProcessId
    token: str
    chain_id: int
    spec: str
    data_dir: str
    log_dir: str
    ephemeral: bool
    control_port: int
    """Where the supervisor takes commands (`devnet.supervision.control`)."""
    mnemonic: str
    accounts: int
    """How many accounts of the mnemonic are funded."""
    leader: str = ""
    """The node that leads; empty where no standby can: then the sequencer does."""
    term: int = 0
    """Of the leader."""
    state: DevnetState = "starting"
    nodes: tuple[NodeSession, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether it is up and all processes that should run do (asks no health check)."""
        return self.state == "running" and all(
            node.process.runs() for node in self.nodes if node.state != "stopped"
        )

    @property
    def rpc_url(self) -> str:
        """The HTTP endpoint of the node that leads, or of the first that has one."""
        return next(iter(self.rpc_urls), "")

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """That one, and after it those of the nodes that may take over."""
        nodes = [node for node in self.nodes if "http" in node.endpoints]
        if self.leader:
            nodes = [node for node in nodes if node.role in CANDIDATES]
            nodes.sort(key=lambda node: node.name != self.leader)
        else:
            nodes = nodes[:1]
        return tuple(node.endpoints["http"] for node in nodes)

    def node(self, name: str) -> NodeSession | None:
        """The node of that name."""
        return next((node for node in self.nodes if node.name == name), None)

    def with_node(self, node: NodeSession) -> "Session":
        """The same session with one node added or replaced, order kept."""
        nodes = list(self.nodes)
        for index, known in enumerate(nodes):
            if known.name == node.name:
                nodes[index] = node
                break
        else:
            nodes.append(node)
        return replace(self, nodes=tuple(nodes))


def write_session(path: Path, session: Session) -> None:
    """Replace the session file in one step; nobody else can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": SESSION_VERSION, **asdict(session)}, indent=2)
    write_atomically(path, text, private=True)


def read_session(path: Path) -> Session | None:
    """The session of a devnet that runs; None when there is none, or when the file was left behind."""
    session = _load(path)
    return session if session is not None and session.supervisor.runs() else None


def running_sessions(home: Path) -> list[Session]:
    """Every devnet of this user that runs, by name."""
    found = (read_session(path) for path in sorted(home.glob("*/session.json")))
    return [session for session in found if session is not None]


def _load(path: Path) -> Session | None:
    try:
        fields: dict[str, Any] = json.loads(path.read_text())
        if fields.pop("version") != SESSION_VERSION:
            return None
        nodes = tuple(
            NodeSession(**{**node, "role": Role(node["role"]), "process": ProcessId(**node["process"])})
            for node in fields.pop("nodes")
        )
        return Session(**{**fields, "supervisor": ProcessId(**fields["supervisor"]), "nodes": nodes})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def start_time(pid: int) -> float | None:
    """When the process started, in a clock that does not jump; None when it does not run (or is a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _start_time_elsewhere(pid)
    except OSError:
        return None
    # proc(5): fields after the parenthesised command name; state is the 3rd field, starttime the 22nd.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else float(fields[19])


def _start_time_elsewhere(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def health(url: str, timeout_s: float = HEALTH_TIMEOUT_S) -> dict[str, Any] | None:
    """What `/healthz` of a node answers; None when it does not answer or is not well."""
    return page(url, "/healthz", timeout_s)


def page(url: str, path: str, timeout_s: float = HEALTH_TIMEOUT_S) -> dict[str, Any] | None:
    """A JSON page of a node; None when there is none."""
    host = url.split("://", 1)[-1].split("/", 1)[0]
    connection = http.client.HTTPConnection(host, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status != http.HTTPStatus.OK:
            return None
        answer = json.loads(body) if body else {}
        return answer if isinstance(answer, dict) else {}
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
