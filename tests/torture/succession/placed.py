"""A role's process that goes to its node's network before it begins (`links.py`), and listens at its address there."""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from devnet.role_config import RoleConfig

PLACES: Final = "MEGAETH_TORTURE_PLACES"
"""In the environment: of each node a process in its namespace, and its address."""
CLONE_NEWNET: Final = 0x40000000


def main() -> None:
    """The role."""
    file = Path(sys.argv[2])
    role = RoleConfig.load(file)
    pid, address = json.loads(os.environ[PLACES])[role.node]
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"{role.node} can't go to its network")
    replace(role, config=replace(role.config, rpc=replace(role.config.rpc, host=address))).save(file)
    runpy.run_module(f"devnet.roles.{role.role}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
