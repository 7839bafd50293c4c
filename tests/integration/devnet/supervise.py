"""Run a supervisor over stand-in roles and print what it observes, one JSON line each.

python -m tests.integration.devnet.supervise ROOT MANNER [NODE:essential|NODE:optional ...] [--standby N]
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from devnet.config import AccountSettings, Config, NetworkSettings, RpcSettings
from devnet.errors import UserError
from devnet.session import Role
from devnet.supervision.supervisor import Launch, NodePlan, RoleSpec, Supervisor

MODULE = "tests.integration.devnet.stand_in_role"
ROLES = {
    Role.SEQUENCER: RoleSpec(MODULE, essential=True),
    Role.PROVER: RoleSpec(MODULE, essential=False),
    Role.FULL_NODE: RoleSpec(MODULE, essential=False),
}
CANDIDATES = {
    role: RoleSpec(MODULE, essential=role is Role.SEQUENCER, networked=True, port="any")
    for role in (Role.SEQUENCER, Role.STANDBY)
}
"""Nodes that may lead have a place in the network, with certificates."""

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
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("manner")
    parser.add_argument("nodes", nargs="*", default=["sequencer:essential"])
    parser.add_argument("--standby", type=int)
    asked = parser.parse_args()
    config = Config(
        rpc=RpcSettings(port=0),
        accounts=AccountSettings(mnemonic=f"{asked.manner} {'a ' * 11}".strip()),
        network=NetworkSettings(standbys=asked.standby or 0),
    )
    if asked.standby is None:
        launch = Planned("test", asked.root, config, tuple(planned(node) for node in asked.nodes))
    else:
        launch = Launch("test", asked.root, config)
    try:
        Supervisor(launch, Printer(), ROLES if asked.standby is None else CANDIDATES).run()
    except UserError as error:
        say(event="error", what=error.what, why=error.why, hint=error.hint)
        sys.exit(1)
    say(event="stopped")


if __name__ == "__main__":
    main()
