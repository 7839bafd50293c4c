"""A user's machine: `megaeth` commands as a person types them, real processes behind them, all reaped."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from devnet.session import running_sessions
from megaeth_cli.commands.devnet.status import node_statuses

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
COMMAND = [sys.executable, "-P", "-m", "megaeth_cli"]


class Home:
    """A user's machine: `megaeth` commands with a home directory of their own."""

    def __init__(self, path):
        self.path = path
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MEGAETH_")},
            "MEGAETH_HOME": str(path / "home"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *_python_path()]),
        }
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run("devnet", "down", "--all")
        for process in self.started:
            with contextlib.suppress(OSError):
                process.kill()
            process.communicate()

    def run(self, *arguments):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.path,
            env=self.variables,
            timeout=PATIENCE_S,
        )

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json").stdout)

    def up(self, *arguments):
        """Start in the background; the RPC URL."""
        done = self.run("devnet", "up", "--detach", "--quiet", "--port", 0, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def foreground(self, *arguments):
        """Start in the foreground; returns once the banner is there."""
        process = subprocess.Popen(
            [*COMMAND, "devnet", "up", "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.path,
            env=self.variables,
        )
        self.started.append(process)
        return process

    def node(self, name):
        """What `status` says of one node."""
        return next(node for node in self.nodes() if node["name"] == name)

    def status(self, *arguments):
        """What `megaeth devnet status --json` tells."""
        return self.json("devnet", "status", *arguments)

    def nodes(self):
        """What it says of the nodes of the only devnet, without a process for each look: for who waits."""
        [session] = running_sessions(self.path / "home")
        return node_statuses(session)

    def sequencer(self):
        [node] = self.nodes()
        return node


def _python_path():
    """What the tests themselves were started with, less what depends on the working directory."""
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(path).is_absolute()]
