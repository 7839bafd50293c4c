"""What npm has of other tools, fetched once into the user's cache at the version that is measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from devnet.paths import Paths
from megaeth_cli.compile import npm as solc_npm
from megaeth_cli.compile.releases import DEFAULT
from megaeth_cli.load.wire import LoadError

FOUNDRY_VERSION: Final = "1.7.1"
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def cache() -> Path:
    """The user's."""
    return Paths.from_environment(os.environ).cache


def foundry(tool: str) -> Path:
    """The executable of `anvil` or `forge`."""
    machine = _MACHINES.get(platform.machine(), platform.machine())
    package = f"@foundry-rs/{tool}-{platform.system().lower()}-{machine}"
    binary = Path(package) / "bin" / tool
    directory = "bench" if tool == "anvil" else f"bench-{tool}"
    return modules(directory, {package: FOUNDRY_VERSION}, binary) / binary


def modules(name: str, packages: dict[str, str], proof: Path) -> Path:
    """The `node_modules` with these packages (name -> version), in the directory of that name; `proof` is in it when
    they are."""
    directory = cache() / name
    found = directory / "node_modules"
    if not (found / proof).exists():
        directory.mkdir(parents=True, exist_ok=True)
        wanted = [f"{package}@{version}" for package, version in packages.items()]
        print(f"fetching {', '.join(wanted)} from npm", file=sys.stderr)
        subprocess.run(
            [npm(), "install", "--no-audit", "--no-fund", "--prefix", str(directory), *wanted],
            check=True,
            stdout=sys.stderr,
        )
    return found


def soljson() -> Path:
    """solc for node, the release that the product compiles with."""
    path = solc_npm.path_of(cache(), DEFAULT)
    return path if path.exists() else solc_npm.fetch(npm(), cache(), DEFAULT, os.environ)


def npm() -> str:
    """npm itself. Raises `LoadError`."""
    found = shutil.which("npm")
    if found is None:
        raise LoadError("npm is needed to fetch what is measured; install node (https://nodejs.org)")
    return found
