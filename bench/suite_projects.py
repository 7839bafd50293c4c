"""Projects of other tools, run against a target as their users run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import node_packages
from bench.accounts import senders
from bench.targets import HOST, LogSink
from megaeth_cli.load.wire import LoadError

HERE: Final = Path(__file__).parent / "suite"
HARDHAT: Final = {"hardhat": "2.29.1", "@nomicfoundation/hardhat-network-helpers": "1.1.2"}
TIMEOUT_S: Final = 600.0


def fixture_tests(target: LogSink, tests: int) -> float:
    """Seconds that Hardhat takes for so many tests, each of which begins at a `loadFixture`. Raises `LoadError`."""
    modules = node_packages.modules("bench-hardhat", HARDHAT, Path(".bin") / "hardhat")
    with _project({"fixtures.js": "test", "hardhat.config.js": "."}) as project:
        (project / "package.json").write_text("{}")
        (project / "node_modules").symlink_to(modules)
        seconds, output = _timed(
            ["node", "node_modules/.bin/hardhat", "test", "--no-compile", "--network", "node"],
            project,
            {"RPC_URL": _url(target), "TESTS": str(tests)},
        )
    if f"{tests} passing" not in output:
        raise LoadError(f"hardhat on {target.name}: {output[-500:]}")
    return seconds


def deployments(target: LogSink, count: int) -> float:
    """Seconds that a script of forge, compiled before, takes to deploy so many contracts. Raises `LoadError`."""
    forge = str(node_packages.foundry("forge"))
    [account] = senders(1)
    compiler = ("--use", str(HERE / "solc"), "--offline")
    script = ("script", "script/Deploy.s.sol:Deploy", *compiler, "--broadcast", "--skip-simulation")
    chosen = ("--rpc-url", _url(target), "--private-key", f"0x{account.key.hex()}")
    with _project({"Deploy.s.sol": "script", "foundry.toml": "."}) as project:
        environment = {
            "SOLJSON": str(node_packages.soljson()),
            "DEPLOYMENTS": str(count),
            "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
        }
        _timed([forge, "build", *compiler], project, environment)
        seconds, output = _timed([forge, *script, *chosen], project, environment)
        done = sum(
            receipt["status"] == "0x1"
            for path in project.glob("broadcast/**/run-latest.json")
            for receipt in json.loads(path.read_bytes())["receipts"]
        )
    if done != count:
        raise LoadError(f"forge on {target.name} deployed {done} of {count}: {output[-500:]}")
    return seconds


@contextmanager
def _project(files: Mapping[str, str]) -> Iterator[Path]:
    """A directory with these files, each in the folder that is named for it."""
    with tempfile.TemporaryDirectory(prefix="megaeth-bench-") as directory:
        project = Path(directory)
        for name, folder in files.items():
            (project / folder).mkdir(exist_ok=True)
            shutil.copy(HERE / name, project / folder)
        yield project


def _timed(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> tuple[float, str]:
    """Seconds, and what it said. Raises `LoadError`."""
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LoadError(f"{command[0]}: {error}") from None
    seconds, output = time.perf_counter() - began, done.stdout + done.stderr
    if done.returncode:
        raise LoadError(f"{' '.join(command[:2])}: {output[-500:]}")
    return seconds, output


def _url(target: LogSink) -> str:
    return f"http://{HOST}:{target.port}"
