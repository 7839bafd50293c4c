"""What a hardhat project asks of the compiler. Its configuration is a program: hardhat itself runs it, in node.

Without hardhat or node nothing is read, and `notes` say so.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megaeth_cli.compile import processes
from megaeth_cli.compile.standard_json import Json, Settings

CONFIG_FILES = tuple(f"hardhat.config.{ending}" for ending in ("ts", "js", "cjs", "mjs", "cts", "mts"))

One = tuple[str, Settings]
"""A compiler's version, and its settings."""

_READER = Path(__file__).with_name("hardhat_config.mjs")
_TIMEOUT_S = 180
_OWN_PACKAGES_SINCE = 3


@dataclass(frozen=True)
class Hardhat:
    """A configuration, as far as it could be read."""

    compilers: tuple[One, ...] = ()
    overrides: Mapping[str, One] = field(default_factory=dict)
    """Unit name -> its compiler."""
    own_packages: bool = True
    """Whether a package may have packages of its own."""
    notes: tuple[str, ...] = ()


def read(root: Path, config: Path, variables: Mapping[str, str]) -> Hardhat:
    """Read a configuration file."""
    installed = next(
        (one for up in (root, *root.parents) if (one := up / "node_modules" / "hardhat").is_dir()), None
    )
    node = shutil.which("node", path=variables.get("PATH"))
    if installed is None or node is None:
        missing = "hardhat is not installed (npm install)" if installed is None else "node is not installed"
        return _unread(config, missing)
    major = _major(installed)
    own_packages = major >= _OWN_PACKAGES_SINCE
    try:
        answer = _run(node, root, config, installed, variables)
        found = {
            unit: _one(one) for unit, one in (*enumerate(answer["compilers"]), *answer["overrides"].items())
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return _unread(config, str(error), own_packages)
    return Hardhat(
        tuple(one for unit, one in found.items() if isinstance(unit, int)),
        {unit: one for unit, one in found.items() if isinstance(unit, str)},
        own_packages,
    )


def _unread(config: Path, why: str, own_packages: bool = True) -> Hardhat:
    note = f"{config.name} was not read: {why}; its compiler settings do not count"
    return Hardhat(own_packages=own_packages, notes=(note,))


def _major(installed: Path) -> int:
    try:
        version = json.loads((installed / "package.json").read_bytes())["version"]
        return int(str(version).split(".")[0])
    except (OSError, ValueError, KeyError, TypeError):
        return _OWN_PACKAGES_SINCE


def _run(node: str, root: Path, config: Path, installed: Path, variables: Mapping[str, str]) -> Json:
    # Into a file: configurations print.
    with tempfile.TemporaryDirectory(prefix="megaeth-") as directory:
        answer = Path(directory) / "answer.json"
        command = [node, str(_READER), str(installed), str(config), str(answer)]
        try:
            done = subprocess.run(
                command,
                cwd=root,
                env=processes.project_environment(variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"hardhat was not done in {_TIMEOUT_S} s") from None
        if not answer.is_file():
            said = [
                line.strip() for line in done.stderr.splitlines() if "Error" in line
            ] or done.stderr.split("\n")
            raise ValueError(f"hardhat failed: {said[0].strip()[:300]}")
        read: Json = json.loads(answer.read_bytes())
        return read


def _one(compiler: Mapping[str, Any]) -> One:
    settings = {key: value for key, value in (compiler.get("settings") or {}).items() if value is not None}
    optimizer = dict(settings.pop("optimizer", None) or {})
    evm = settings.pop("evmVersion", None)
    via_ir = settings.pop("viaIR", False)
    for key in ("outputSelection", "remappings"):
        settings.pop(key, None)
    enabled, runs = optimizer.pop("enabled", False), optimizer.pop("runs", 200)
    more = {**settings, "optimizer": optimizer} if optimizer else settings
    return str(compiler["version"]), Settings(enabled is True, int(runs), via_ir is True, evm, more)
