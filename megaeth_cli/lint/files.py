"""Which sources a directory holds that are deployed: not what others wrote, what tools made, tests and scripts."""

from __future__ import annotations

import os
from pathlib import Path

from megaeth_cli.errors import CliError, ExitStatus

PASSED_OVER = frozenset(
    {
        *("node_modules", "lib"),
        *("out", "artifacts", "cache", "broadcast"),
        *("test", "tests", "script", "scripts"),
    }
)
"""Directories that are not entered; whoever means one names it."""
NOT_DEPLOYED = (".t.sol", ".s.sol")
"""forge's tests and scripts."""


def sources(path: Path, shown: str) -> list[Path]:
    """A file, or the Solidity sources below a directory, by name; `shown` is how the user wrote it."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CliError(f"no such file or directory: {shown}", "", "check the path", ExitStatus.USAGE)
    found: list[Path] = []
    for directory, below, names in os.walk(path):
        below[:] = sorted(name for name in below if name not in PASSED_OVER and not name.startswith("."))
        found += [
            Path(directory) / name
            for name in sorted(names)
            if name.endswith(".sol") and not name.endswith(NOT_DEPLOYED)
        ]
    if not found:
        raise CliError(
            f"no Solidity sources in {shown}",
            f"not looked into: {', '.join(sorted(PASSED_OVER))}, and what begins with a dot",
            "name a file, or the directory itself",
            ExitStatus.USAGE,
        )
    return found
