"""A standby's process: a node that follows as a full node with the trie, and leads when it may (`candidate.py`)."""

from __future__ import annotations

from devnet.role_config import RoleConfig, run_role
from devnet.roles.candidate import serve_candidate
from devnet.roles.process import serve_role


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    serve_role(role, serve_candidate)


if __name__ == "__main__":
    run_role(serve)
