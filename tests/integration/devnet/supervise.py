"""Run a supervisor over stand-in roles and print what it observes, one JSON line each.

python -m tests.integration.devnet.supervise ROOT MANNER [NODE:essential|NODE:optional ...]
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from devnet.config import AccountSettings, Config, RpcSettings
from devnet.errors import UserError
from devnet.session import Role
from devnet.supervision.supervisor import Launch, NodePlan, RoleSpec, Supervisor

MODULE = "tests.integration.devnet.stand_in_role"
ROLES = {
    Role.SEQUENCER: RoleSpec(MODULE, essential=True),
    Role.PROVER: RoleSpec(MODULE, essential=False),
    Role.FULL_NODE: RoleSpec(MODULE, essential=False),
}

KINDS = {"essential": Role.SEQUENCER, "optional": Role.PROVER}


def planned(node):
    """`NAME:KIND`"""
    name, _, kind = node.partition(":")
    return NodePlan(name, KINDS[kind])


def say(**event):
    """One line."""
    print(json.dumps(event), flush=True)


class Printer:
    """The observer."""

    def starting(self, session):
        say(event="starting")

    def ready(self, session):
        nodes = {
            node.name: {"pid": node.process.pid, "url": node.endpoints["http"]} for node in session.nodes
        }
        say(event="ready", nodes=nodes, state=session.state)

    def trouble(self, message):
        say(event="trouble", message=message)

    def stopping(self):
        say(event="stopping")


@dataclass(frozen=True)
class Planned(Launch):
    """A launch with other nodes than a real devnet's."""

    nodes: tuple[NodePlan, ...] = ()

    def plan(self):
        return self.nodes


def main():
    """Run until stopped."""
    root, manner, *nodes = sys.argv[1:]
    config = Config(
        rpc=RpcSettings(port=0), accounts=AccountSettings(mnemonic=f"{manner} {'a ' * 11}".strip())
    )
    plan = tuple(planned(node) for node in nodes or ["sequencer:essential"])
    try:
        Supervisor(Planned("test", Path(root), config, plan), Printer(), ROLES).run()
    except UserError as error:
        say(event="error", what=error.what, why=error.why, hint=error.hint)
        sys.exit(1)
    say(event="stopped")


if __name__ == "__main__":
    main()
