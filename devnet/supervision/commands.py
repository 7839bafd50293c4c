"""What people ask of a running devnet (`megaeth devnet status`, `add`, `stop` and so on), but for ending all of it."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from devnet.config import NOT_PROVEN, Config
from devnet.errors import UnavailableError, UserError
from devnet.session import Role
from devnet.settings import config_to_json
from devnet.supervision.control import Command, failure
from devnet.supervision.launch import NodePlan, RoleSpec
from devnet.supervision.node import Node

ADDED: Mapping[str, Role] = {role.hyphenated: role for role in (Role.FULL_NODE, Role.PROVER)}
"""What `add` may be asked for."""
AT_THE_START: Final = Role.STANDBY.hyphenated
"""What is not added to a devnet that runs."""


class Hands(Protocol):
    """What can be done with a node."""

    def start(self, node: Node) -> None:
        """Start its process."""

    def ask_to_stop(self, node: Node) -> None:
        """Have its process end, which takes its time."""

    def update(self, node: Node) -> None:
        """Write down what it has become."""


class Commands:
    """Carries out commands on the nodes, which it may add to. Who asked is answered at once, or when the node has
    become what it shall be (`Node.asked`).
    """

    def __init__(
        self, nodes: list[Node], config: Config, roles: Mapping[Role, RoleSpec], hands: Hands
    ) -> None:
        self._nodes = nodes
        self._config = config
        self._roles = roles
        self._hands = hands

    def obey(self, command: Command) -> None:
        """Carry it out, or answer why not."""
        commands: dict[str, Callable[[Command], None]] = {
            "status": self._tell_states,
            "settings": self._tell_settings,
            "add": self._add,
            "stop-node": self._stop_node,
            "start-node": self._start_node,
            "restart-node": self._restart_node,
        }
        try:
            commands.get(command.command, self._refuse)(command)
        except UserError as error:
            command.reply(failure(error))
        except OSError as error:
            command.reply(failure(UnavailableError(f"could not {command.command}", str(error))))

    def _tell_states(self, command: Command) -> None:
        command.reply({"ok": True, "nodes": {node.plan.name: node.state for node in self._nodes}})

    def _tell_settings(self, command: Command) -> None:
        command.reply({"ok": True, "settings": config_to_json(self._config)})

    def _refuse(self, command: Command) -> None:
        raise UserError(f"unknown command '{command.command}'", "this devnet was started by another version")

    def _add(self, command: Command) -> None:
        if command.options.get("role") == AT_THE_START:
            raise UserError(
                "a devnet that runs is given no standby",
                "its nodes have been told who may lead, and how many disks have what is shown",
                "megaeth devnet down, then up with --standby N",
            )
        role = ADDED.get(str(command.options.get("role")))
        if role is None or role not in self._roles:
            raise UserError(
                f"a devnet cannot be given a {command.options.get('role')}",
                f"what can be added: {', '.join(ADDED)}",
            )
        if self._config.fork.url is not None and role is Role.PROVER:
            raise UserError("a forked devnet cannot be given a prover", NOT_PROVEN)
        number = 1 + max((node.plan.number for node in self._nodes if node.plan.role == role), default=0)
        node = Node(NodePlan.numbered(role, number))
        self._nodes.append(node)
        node.asked.append(command)
        self._hands.start(node)

    def _stop_node(self, command: Command) -> None:
        node = self._named(command)
        if node.start_due:
            node.start_due, node.state = False, "stopped"
            self._hands.update(node)
            command.reply({"ok": True, "node": node.plan.name})
            return
        if node.process is None:
            raise UnavailableError(
                f"{node.plan.name} is not running",
                f"it is {node.state}",
                f"megaeth devnet start {node.plan.name}   starts it",
            )
        node.start_again = False
        node.asked.append(command)
        self._hands.ask_to_stop(node)

    def _start_node(self, command: Command) -> None:
        node = self._named(command)
        if node.process is not None:
            raise UnavailableError(
                f"{node.plan.name} is {node.state} already",
                f"pid {node.process.id.pid}",
                f"megaeth devnet restart {node.plan.name}   starts it anew",
            )
        node.restarts = ()
        node.asked.append(command)
        self._hands.start(node)

    def _restart_node(self, command: Command) -> None:
        node = self._named(command)
        node.restarts = ()
        node.asked.append(command)
        if node.process is None:
            self._hands.start(node)
        else:
            node.start_again = True
            self._hands.ask_to_stop(node)

    def _named(self, command: Command) -> Node:
        for node in self._nodes:
            if node.plan.name == command.node:
                return node
        known = ", ".join(node.plan.name for node in self._nodes)
        raise UserError(
            f"there is no node '{command.node}'", f"this devnet has {known}", "megaeth devnet status"
        )
