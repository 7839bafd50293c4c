"""Starts, watches and stops the role processes of one devnet.

One thread owns everything here: it waits for events in one queue (a process became healthy, a process
ended, a command came in, a signal arrived) and is the only one that starts or stops processes and writes
the session file.

    lock data dir -> start roles -> all healthy -> session "running" -> events ... -> stop roles -> session
    removed

The supervisor decides about processes only. What a role does is the role's business; what a person sees is
the observer's.
"""

import contextlib
import enum
import json
import os
import queue
import secrets
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Protocol

from devnet.config import Config
from devnet.control import Command, ControlServer, failure
from devnet.errors import UnavailableError, UserError
from devnet.lock import DataDirLock, Locked
from devnet.paths import NetworkPaths
from devnet.process import Exited, Healthy, RoleProcess
from devnet.role_config import RoleConfig, ready_file
from devnet.session import NodeSession, ProcessId, Role, Session, read_session, write_session
from devnet.settings import config_from_json, config_to_json

READY_TIMEOUT_S = 300.0
"""Replaying a long chain log takes time; a process that died is noticed at once, not by this."""
STOP_TIMEOUT_S = 1.6
"""After this a process that was asked to stop is killed. What it acknowledged is on disk already."""
KILL_TIMEOUT_S = 2.0
TAKEOVER_TIMEOUT_S = 5.0
"""How long `up` waits for the data directory of a devnet that is on its way out."""
TAKEOVER_RETRY_S = 0.02
RESTARTS_ALLOWED = 5
RESTART_WINDOW_S = 60.0


class NodeState(enum.StrEnum):
    """The life of a node."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class RoleSpec:
    """How a role is run."""

    module: str
    essential: bool
    """Without it there is no chain: its unexpected end is the devnet's. Others are started again."""


ROLES: Mapping[Role, RoleSpec] = MappingProxyType(
    {"sequencer": RoleSpec("devnet.roles.sequencer", essential=True)}
)


@dataclass(frozen=True)
class NodePlan:
    """A node that the devnet shall have."""

    name: str
    role: Role


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

    def plan(self) -> tuple[NodePlan, ...]:
        """The nodes, in the order in which they start; they stop in the opposite one."""
        return (NodePlan("sequencer", "sequencer"),)

    def to_json(self) -> str:
        """For a detached supervisor."""
        return json.dumps({"name": self.name, "root": str(self.root), "config": config_to_json(self.config)})

    @classmethod
    def from_json(cls, text: str) -> "Launch":
        """The opposite of `to_json`."""
        fields = json.loads(text)
        return cls(fields["name"], Path(fields["root"]), config_from_json(fields["config"]))


class Observer(Protocol):
    """Who wants to know what happens."""

    def starting(self, session: Session) -> None:
        """Processes are being started."""

    def ready(self, session: Session) -> None:
        """Every process answers its health check."""

    def trouble(self, message: str) -> None:
        """A process ended that should not have."""

    def stopping(self) -> None:
        """Processes are being stopped."""


@dataclass(frozen=True)
class StopSignal:
    """SIGINT, SIGTERM or SIGHUP arrived."""

    number: int


Event = Healthy | Exited | Command | StopSignal


@dataclass
class _Node:
    plan: NodePlan
    state: NodeState = NodeState.STOPPED
    process: RoleProcess | None = None
    port: int | None = None
    """Where it was bound first; a restarted node comes back there."""
    restarts: tuple[float, ...] = ()


class Supervisor:
    """Runs one devnet from `run` until it is told to stop."""

    def __init__(self, launch: Launch, observer: Observer, roles: Mapping[Role, RoleSpec] = ROLES) -> None:
        self._launch = launch
        self._observer = observer
        self._roles = roles
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._nodes = [_Node(plan) for plan in launch.plan()]
        self._stop_replies: list[Command] = []

    def run(self) -> None:
        """Run the devnet. Returns after an ordered stop; raises UserError when it cannot start or go on."""
        with self._signals(), self._lock() as lock:
            self._lock_handle = lock.handle
            self._prepare()
            control = ControlServer(token := secrets.token_hex(16), self._events.put)
            config = self._launch.config
            self._session = Session(
                name=self._launch.name,
                supervisor=ProcessId.of(os.getpid()),
                token=token,
                chain_id=config.chain.chain_id,
                spec=config.chain.spec,
                data_dir=str(self._launch.data_dir),
                log_dir=str(self._launch.paths.logs),
                ephemeral=config.storage.ephemeral,
                control_port=control.port,
                mnemonic=config.accounts.mnemonic,
                accounts=config.accounts.count,
            )
            failed = True
            try:
                if self._start_all():
                    self._watch()
                failed = False
            finally:
                self._update(state="stopping")
                self._observer.stopping()
                self._stop_all()
                control.close()
                self._clean_up(keep_logs=failed or not config.storage.ephemeral)

    # Start

    @contextlib.contextmanager
    def _lock(self) -> Iterator[DataDirLock]:
        """The data directory, waiting for a devnet that is about to leave it, but not for one that is well."""
        deadline = time.monotonic() + TAKEOVER_TIMEOUT_S
        while True:
            try:
                lock = DataDirLock(self._launch.data_dir)
                break
            except Locked:
                session = read_session(self._launch.paths.session)
                if time.monotonic() > deadline or (session is not None and session.healthy):
                    raise
                time.sleep(TAKEOVER_RETRY_S)
        try:
            yield lock
        finally:
            lock.release()

    def _prepare(self) -> None:
        paths, data_dir = self._launch.paths, self._launch.data_dir
        other = read_session(paths.session)
        if other is not None:
            raise UnavailableError(
                f"a devnet named '{self._launch.name}' is already running",
                f"pid {other.supervisor.pid}, data directory {other.data_dir}",
                "megaeth devnet down, or --name for a second one",
            )
        try:
            if self._launch.config.storage.ephemeral:
                # What a killed devnet of the same name may have left.
                for part in ("nodes", "artifacts"):
                    shutil.rmtree(data_dir / part, ignore_errors=True)
            elif self._launch.config.storage.reset:
                self._reset(data_dir)
            paths.run.mkdir(parents=True, exist_ok=True)
            paths.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(f"cannot write to {paths.root}", str(error), "set MEGAETH_HOME") from error

    def _reset(self, data_dir: Path) -> None:
        """Delete this devnet's chain and what was deployed on it, and nothing else that may lie there."""
        from devnet.storage import reset

        for node in self._nodes:
            reset(data_dir / "nodes" / node.plan.name, TAKEOVER_TIMEOUT_S)
        shutil.rmtree(data_dir / "artifacts", ignore_errors=True)

    def _start_all(self) -> bool:
        """Start every node and wait until all are healthy; False when told to stop before that."""
        self._observer.starting(self._session)
        self._update()
        deadline = time.monotonic() + READY_TIMEOUT_S
        for node in self._nodes:
            self._start(node)
            while node.state is not NodeState.RUNNING:
                try:
                    event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    raise UnavailableError(
                        f"{node.plan.name} did not answer its health check in {READY_TIMEOUT_S:g} s",
                        f"see {self._launch.paths.log(node.plan.name)}",
                    ) from None
                if isinstance(event, Exited):
                    raise self._failure(event)
                if self._handle(event):
                    return False
        self._update(state="running")
        self._observer.ready(self._session)
        return True

    def _start(self, node: _Node) -> None:
        paths, name = self._launch.paths, node.plan.name
        config = self._launch.config
        if node.port is not None:
            config = replace(config, rpc=replace(config.rpc, port=node.port))
        role = RoleConfig(
            node=name,
            role=node.plan.role,
            run_dir=str(paths.run),
            data_dir=str(self._launch.data_dir / "nodes" / name),
            token=self._session.token,
            config=config,
        )
        file = paths.run / f"{name}.config.json"
        role.save(file)
        ready_file(paths.run, name).unlink(missing_ok=True)
        node.state = NodeState.STARTING
        node.process = RoleProcess(
            name,
            self._roles[node.plan.role].module,
            file,
            paths.log(name),
            self._events.put,
            # The lock lives as long as any process of this devnet, even when the supervisor is killed.
            keep_open=(self._lock_handle,),
        )

    # Watch

    def _watch(self) -> None:
        while not self._handle(self._events.get()):
            pass

    def _handle(self, event: Event) -> bool:
        """Deal with one event; True when it is time to stop."""
        match event:
            case StopSignal():
                return True
            case Command():
                return self._obey(event)
            case Healthy():
                node = self._node_of(event.process)
                if node is not None:
                    node.state, node.port = NodeState.RUNNING, event.bound.port
                    self._update(
                        NodeSession(node.plan.name, node.plan.role, event.process.id, event.bound.endpoints)
                    )
                return False
            case Exited():
                self._exited(event)
                return False

    def _exited(self, event: Exited) -> None:
        node = self._node_of(event.process)
        if node is None:
            return
        error = self._failure(event)
        node.process, node.state = None, NodeState.FAILED
        if self._roles[node.plan.role].essential:
            raise error
        now = time.monotonic()
        node.restarts = (*(then for then in node.restarts if now - then < RESTART_WINDOW_S), now)
        if len(node.restarts) > RESTARTS_ALLOWED:
            self._observer.trouble(f"{error.what} too often and stays down; see {self._log_of(node)}")
            return
        self._observer.trouble(f"{error.what}; starting it again")
        self._start(node)

    def _obey(self, command: Command) -> bool:
        match command.command:
            case "stop":
                command.reply({"ok": True, "until_gone": True})
                # Kept, so that the connection closes with this process and not before.
                self._stop_replies.append(command)
                return True
            case "status":
                command.reply({"ok": True, "nodes": {n.plan.name: n.state for n in self._nodes}})
            case "settings":
                command.reply({"ok": True, "settings": config_to_json(self._launch.config)})
            case _:
                known = "stop, status, settings"
                command.reply(failure(UserError(f"unknown command '{command.command}'", f"known: {known}")))
        return False

    # Stop

    def _stop_all(self) -> None:
        """Ask all to stop, in the opposite order of their start; kill who takes too long."""
        running = [node for node in reversed(self._nodes) if node.process is not None]
        for node in running:
            node.state = NodeState.STOPPING
            if node.process is not None:
                node.process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for node in running:
            process = node.process
            if process is not None and not process.wait_gone(max(0.0, deadline - time.monotonic())):
                self._observer.trouble(f"{node.plan.name} did not stop in time and is killed")
                process.kill()
                process.wait_gone(KILL_TIMEOUT_S)
            node.state = NodeState.STOPPED

    def _clean_up(self, *, keep_logs: bool) -> None:
        paths = self._launch.paths
        for node in self._nodes:
            ready_file(paths.run, node.plan.name).unlink(missing_ok=True)
            (paths.run / f"{node.plan.name}.config.json").unlink(missing_ok=True)
        if self._launch.config.storage.ephemeral:
            shutil.rmtree(self._launch.data_dir, ignore_errors=True)
        paths.session.unlink(missing_ok=True)
        if not keep_logs:
            shutil.rmtree(paths.root, ignore_errors=True)

    # Small things

    def _node_of(self, process: RoleProcess) -> _Node | None:
        return next((node for node in self._nodes if node.process is process), None)

    def _log_of(self, node: _Node) -> Path:
        return self._launch.paths.log(node.plan.name)

    def _failure(self, event: Exited) -> UnavailableError:
        error = event.process.failure(event.code)
        if not error.hint:
            error.hint = f"its log is {self._launch.paths.log(event.process.node)}"
        return error

    def _update(self, node: NodeSession | None = None, **changes: str) -> None:
        session = self._session if node is None else self._session.with_node(node)
        self._session = replace(session, **changes)  # type: ignore[arg-type]
        try:
            write_session(self._launch.paths.session, self._session)
        except OSError as error:
            raise UnavailableError(f"cannot write {self._launch.paths.session}", str(error)) from error

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self._events.put(StopSignal(number))

        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, note) for number in wanted]
        try:
            yield
        finally:
            for number, handler in zip(wanted, before, strict=True):
                signal.signal(number, handler)
