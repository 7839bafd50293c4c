"""The supervisor's process of a devnet whose nodes have networks of their own: `supervise ROOT CONFIG.json`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from devnet.session import Session
from devnet.settings import config_from_json
from devnet.supervision import supervisor
from devnet.supervision.control import ControlServer
from devnet.supervision.launch import ROLES, Launch
from tests.torture.succession.links import LEASE_HOST

OFTEN = 1_000_000
"""Nodes die more often here than a person would have it."""


class Printer:
    """The observer."""

    def starting(self, session: Session) -> None:
        """Nothing to say."""

    def ready(self, session: Session) -> None:
        """All of them are there."""
        print("ready", flush=True)

    def trouble(self, message: str) -> None:
        """A process ended."""
        print(message, flush=True)

    def stopping(self) -> None:
        """Nothing to say."""


def main() -> None:
    """Runs until it is told to stop."""
    import json

    root, config = Path(sys.argv[1]), config_from_json(json.loads(Path(sys.argv[2]).read_text()))
    ControlServer.HOST = LEASE_HOST
    supervisor.RESTARTS_ALLOWED = supervisor.ANEW_ALLOWED = OFTEN
    roles = {role: replace(spec, module="tests.torture.succession.placed") for role, spec in ROLES.items()}
    supervisor.Supervisor(Launch("torture", root, config), Printer(), roles).run()


if __name__ == "__main__":
    main()
