"""Starts, watches and stops the role processes of one devnet.

One thread owns everything here: it waits for events in one queue (a process became healthy, a process
ended, a command came in, a signal arrived) and is the only one that starts or stops processes and writes
the session file.

    lock data dir -> start roles -> all healthy -> session "running" -> events ... -> stop roles -> session
    removed

An essential node (the sequencer) starts before the others and ends the devnet when it dies. The others start together
and are started again when they die, unless they do so all the time or a person has stopped them. With standbys no node
is essential, and who led last starts before the others (`succession`).

What people ask for (`commands`) is done by the same thread. The supervisor decides about processes only. What a role
does is the role's business; what a person sees is the observer's.
"""

import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from devnet.errors import UnavailableError, UserError
from devnet.role_config import START_AGAIN_EXIT, USER_ERROR_EXIT, RoleConfig, ready_file
from devnet.session import (
    ProcessId,
    Role,
    Session,
)
from devnet.stalls import watch
from devnet.supervision.commands import Commands
from devnet.supervision.control import Command, ControlServer, failure
from devnet.supervision.events import Event, Observer, Overdue, StartDue, StopSignal, stop_signals
from devnet.supervision.launch import ROLES, Launch, NodePlan, RoleSpec
from devnet.supervision.lease_desk import Led
from devnet.supervision.node import Node
from devnet.supervision.placement import Placement
from devnet.supervision.premises import Premises, config_file
from devnet.supervision.process import Exited, Healthy, RoleProcess, Trouble
from devnet.supervision.session_file import SessionFile
from devnet.supervision.succession import Succession
from devnet.threads import report_deaths, start_timer

__all__ = ["ROLES", "Launch", "NodePlan", "Observer", "RoleSpec", "Supervisor"]

READY_TIMEOUT_S = 300.0
"""Replaying a long chain log takes time; a process that died is noticed at once, not by this."""
STOP_TIMEOUT_S = 1.6
"""After this a process that was asked to stop is killed. What it acknowledged is on disk already."""
SAVE_TIMEOUT_S = 120.0
"""So much longer for a devnet that writes a state file when it stops."""
KILL_TIMEOUT_S = 2.0
RESTARTS_ALLOWED = 5
ANEW_ALLOWED = 20
"""Of a node that asks for it, as it has refused a block."""
RESTART_WINDOW_S = 60.0
START_RETRY_S = 2.0
"""Until a node is tried again that could not be started: the disk may have space again."""


class Supervisor:
    """Runs one devnet from `run` until it is told to stop."""

    def __init__(self, launch: Launch, observer: Observer, roles: Mapping[Role, RoleSpec] = ROLES) -> None:
        self._launch = launch
        self._observer = observer
        self._roles = roles
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._nodes = [Node(plan) for plan in launch.plan()]
        self._stop_replies: list[Command] = []
        self._undone: list[UserError] = []
        """What nodes could not do before they ended, such as saving the state."""
        self._save_s = SAVE_TIMEOUT_S if launch.config.storage.saves_state else 0.0
        self._premises = Premises(launch)
        self._commands = Commands(self._nodes, launch.config, roles, self)

    def run(self) -> None:
        """Run the devnet. Returns after an ordered stop; raises UserError when it cannot start or go on, or when a node
        could not do what was to be done at the stop."""
        with stop_signals(self._events.put), self._premises.locked() as lock:
            self._lock_handle = lock.handle
            self._premises.prepare()
            report_deaths(self._thread_died)
            watch(lambda message: self._events.put(Trouble(message)), self._thread_died)
            self._succession = Succession(self._launch, self._premises.network_dir, self._events.put)
            control = ControlServer(
                token := secrets.token_hex(16), self._events.put, self._thread_died, self._succession.desk
            )
            config, candidates = self._launch.config, self._succession.candidates
            lease = _lease_at(control) if candidates else ""
            self._placement = Placement(self._launch, self._roles, candidates, lease)
            session = Session(
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
            self._session_file = SessionFile(self._launch.paths.session, session, self._observer.trouble)
            failed = True
            try:
                if self._start_all():
                    self._watch()
                failed = False
            finally:
                self._succession.close()
                self.update(state="stopping")
                self._observer.stopping()
                self._stop_all()
                control.close()
                names = [node.plan.name for node in self._nodes]
                self._premises.clean_up(names, keep_logs=failed or not config.storage.ephemeral)
            if self._undone:
                raise self._undone[0]

    # Start

    def _start_all(self) -> bool:
        """Start every node and wait until all are healthy; False when told to stop before that."""
        self._observer.starting(self._session_file.session)
        self.update()
        for group in self._groups():
            for node in group:
                self.start(node)
            if not self._await(group):
                return False
        if not self._await_leader():
            return False
        self.update(state="running")
        self._observer.ready(self._session_file.session)
        return True

    def _groups(self) -> Iterator[list[Node]]:
        """Each node without which there is no chain by itself, then all the others at once."""
        alone = [
            node
            for node in self._nodes
            if self._is_essential(node) or node.plan.name == self._succession.first
        ]
        yield from ([node] for node in alone)
        self._succession.others_may()
        yield [node for node in self._nodes if node not in alone]

    def _await(self, nodes: list[Node]) -> bool:
        def lacks() -> str:
            waiting = (node.plan.name for node in nodes if node.state != "running")
            return next((f"{name} did not answer its health check" for name in waiting), "")

        return self._await_all(lacks)

    def _await_leader(self) -> bool:
        return self._await_all(lambda: "" if self._succession.is_led else "no node has begun to lead")

    def _await_all(self, lacks: Callable[[], str]) -> bool:
        """Until nothing is lacking any more; False when told to stop before that."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while lacking := lacks():
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise UnavailableError(
                    f"{lacking} in {READY_TIMEOUT_S:g} s", f"see {self._launch.paths.logs}"
                ) from None
            if isinstance(event, Exited) and event.code != START_AGAIN_EXIT:
                raise self._failure(event)
            if self._handle(event):
                return False
        return True

    def _is_essential(self, node: Node) -> bool:
        return self._roles[node.plan.role].essential and not self._succession.may_lead(node)

    def start(self, node: Node) -> None:
        """Start a node's process."""
        paths, name = self._launch.paths, node.plan.name
        node.start_due = False
        role = RoleConfig(
            node=name,
            role=node.plan.role,
            run_dir=str(paths.run),
            data_dir=str(self._launch.node_dir(name)),
            native_dir=str(self._launch.data_dir / "native"),
            token=self._session_file.session.token,
            config=self._placement.config(node),
            network=self._placement.place(node, self._nodes, self._succession.leader),
        )
        file = config_file(paths.run, name)
        role.save(file)
        ready_file(paths.run, name).unlink(missing_ok=True)
        node.process = RoleProcess(
            name,
            self._roles[node.plan.role].module,
            file,
            paths.log(name),
            self._events.put,
            # The lock lives as long as any process of this devnet, even when the supervisor is killed.
            keep_open=(self._lock_handle,),
            gone=self._succession.ended,
        )
        node.state, node.id = "starting", node.process.id
        self.update(node)
        self._placement.certify(node)

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
                self._healthy(event)
            case Overdue():
                if self._node_of(event.process) is not None:
                    self._observer.trouble(f"{event.process.node} did not stop in time and is killed")
                    event.process.kill()
            case StartDue():
                self._try_again(event)
            case Led():
                self._succession.led(event)
                self.update(leader=event.node, term=event.term)
            case Trouble():
                self._observer.trouble(event.message)
            case Exited():
                self._exited(event)
        return False

    def _healthy(self, event: Healthy) -> None:
        node = self._node_of(event.process)
        if node is None or node.state != "starting":
            return
        node.state, node.port, node.endpoints = "running", event.bound.port, event.bound.endpoints
        self.update(node)
        self._answer(node, {"ok": True, "node": node.plan.name, "endpoints": node.endpoints})

    def _exited(self, event: Exited) -> None:
        node = self._node_of(event.process)
        if node is None:
            return
        node.process = None
        if node.state == "stopping":
            self._stopped(node)
            return
        error = self._failure(event)
        if self._is_essential(node):
            node.state = "failed"
            raise error
        if event.code == START_AGAIN_EXIT:
            error = UnavailableError(f"{node.plan.name} begins anew from its disk", event.process.tail)
        if node.asked and node.state == "starting" and event.code != START_AGAIN_EXIT:
            node.state = "failed"
            self._answer(node, failure(error))
        elif self._restarts_too_often(
            node, ANEW_ALLOWED if event.code == START_AGAIN_EXIT else RESTARTS_ALLOWED
        ):
            node.state = "failed"
            self._observer.trouble(
                f"{node.plan.name} stays down, as this happens too often: {error}; {error.hint}"
            )
            self._answer(node, failure(error))
        else:
            self._observer.trouble(f"{error.what}; starting it again")
            self._start_when_possible(node)
        self.update(node)
        self._tell_if_it_stands_still()

    def _tell_if_it_stands_still(self) -> None:
        """A chain that nobody leads stands still; what else there is goes on to answer."""
        if why := self._succession.stands_still(self._nodes):
            self._observer.trouble(why)

    def _stopped(self, node: Node) -> None:
        if node.start_again:
            node.start_again = False
            self._start_when_possible(node)
            return
        node.state = "stopped"
        self.update(node)
        self._answer(node, {"ok": True, "node": node.plan.name})
        self._tell_if_it_stands_still()

    def _start_when_possible(self, node: Node) -> None:
        """Start it, now or later: what keeps one node from starting is no reason to end the others."""
        try:
            self.start(node)
        except (UserError, OSError) as error:
            self._observer.trouble(f"{node.plan.name} can't be started: {error}; it is tried again")
            if node.process is not None:  # it lacks its certificate
                node.process.kill()
                return
            node.state, node.start_due = "failed", True
            due = StartDue(node.plan.name)
            start_timer(START_RETRY_S, lambda: self._events.put(due), "start", self._thread_died)

    def _try_again(self, due: StartDue) -> None:
        for node in self._nodes:
            if node.plan.name == due.node and node.start_due and node.process is None:
                self._start_when_possible(node)
                self.update(node)

    def _restarts_too_often(self, node: Node, allowed: int) -> bool:
        now = time.monotonic()
        node.restarts = (*(then for then in node.restarts if now - then < RESTART_WINDOW_S), now)
        return len(node.restarts) > allowed

    def _answer(self, node: Node, answer: dict[str, object]) -> None:
        for command in node.asked:
            command.reply(answer)
        node.asked.clear()

    # Commands

    def _obey(self, command: Command) -> bool:
        """Carry a command out; True when it is the one to stop everything."""
        if command.command == "stop":
            command.reply({"ok": True, "until_gone": True, "longer_s": self._save_s})
            # Kept, so that the connection closes with this process and not before.
            self._stop_replies.append(command)
            return True
        self._commands.obey(command)
        return False

    def ask_to_stop(self, node: Node) -> None:
        """Have a node's process end; it is killed when its time is over."""
        process = node.process
        assert process is not None
        if node.state != "stopping":
            node.state = "stopping"
            self.update(node)
            process.terminate()
            overdue = Overdue(process)
            patience_s = STOP_TIMEOUT_S + self._save_s
            start_timer(patience_s, lambda: self._events.put(overdue), "overdue", self._thread_died)

    # Stop

    def _stop_all(self) -> None:
        """Ask all to stop, in the opposite order of their start; kill who takes too long."""
        running = [node for node in reversed(self._nodes) if node.process is not None]
        for node in running:
            node.state = "stopping"
            if node.process is not None:
                node.process.terminate()
        for node in self._still_there(running, STOP_TIMEOUT_S + self._save_s):
            assert node.process is not None
            self._observer.trouble(f"{node.plan.name} did not stop in time and is killed")
            node.process.kill()
        for node in self._still_there(running, KILL_TIMEOUT_S):
            self._observer.trouble(f"{node.plan.name} can't be killed: the system holds it")
        for node in running:
            node.state = "stopped"
            if node.process is not None and node.process.exit_code == USER_ERROR_EXIT:
                self._undone.append(node.process.failure(USER_ERROR_EXIT))
        for command in self._stop_replies:
            command.reply({"until_gone": True, "undone": [error.to_json() for error in self._undone]})

    @staticmethod
    def _still_there(nodes: list[Node], patience_s: float) -> list[Node]:
        """Those that are not gone after that time, which is the same for all."""
        deadline = time.monotonic() + patience_s
        return [
            node
            for node in nodes
            if node.process is not None and not node.process.wait_gone(max(0.0, deadline - time.monotonic()))
        ]

    # Small things

    def _node_of(self, process: RoleProcess) -> Node | None:
        return next((node for node in self._nodes if node.process is process), None)

    def _failure(self, event: Exited) -> UserError:
        error = event.process.failure(event.code)
        if not error.hint:
            error.hint = f"its log is {self._launch.paths.log(event.process.node)}"
        return error

    def update(self, node: Node | None = None, **changes: object) -> None:
        """Bring the session file up to date."""
        self._session_file.update(node, **changes)

    def _thread_died(self, error: BaseException) -> None:
        thread = threading.current_thread().name
        self._events.put(Trouble(f"the supervisor's thread {thread} failed: {error!r}"))


def _lease_at(control: ControlServer) -> str:
    """Where candidates find the lease. Imported here: asyncio comes with it, for which no other start should wait."""
    from devnet.succession.control_lease import SCHEME

    return f"{SCHEME}://{control.HOST}:{control.port}"
