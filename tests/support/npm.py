"""Clients from npm, fetched once into the user's cache. Tests that need them skip only where npm is absent."""

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
SYSTEM = f"{platform.system().lower()}-{MACHINE}"
CAST = f"@foundry-rs/cast-{SYSTEM}"
FORGE = f"@foundry-rs/forge-{SYSTEM}"
CLIENTS = {CAST: "1.7.1", FORGE: "1.7.1", "ethers": "6.17.0", "viem": "2.57.20"}
ANVIL_PACKAGE = f"@foundry-rs/anvil-{SYSTEM}"
ANVIL = {ANVIL_PACKAGE: "1.7.1"}
# Hardhat 3 needs a newer node than many machines have.
HARDHAT = {
    "hardhat": "2.29.1",
    "@nomicfoundation/hardhat-ignition": "0.15.16",
    "@nomicfoundation/hardhat-network-helpers": "1.1.2",
    "@nomicfoundation/hardhat-verify": "2.1.3",
}
CONSOLES = {"forge-std": "1.1.2", "hardhat": HARDHAT["hardhat"]}
"""Both of forge's: its `console.sol` is hardhat's older one, whose selectors are of `uint` and `int`."""
FETCH_S = 600


def directory():
    """Return the directory that holds `node_modules` with all clients."""
    return installed("test-clients", CLIENTS)


def installed(name, packages):
    """Return the directory of that name in the cache; its `node_modules` holds the packages (name -> version)."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is absent")
    cache = Path(os.environ.get("MEGAETH_CACHE") or Path.home() / ".cache" / "megaeth") / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if _installed(cache, packages) != packages:
            wanted = [f"{name}@{version}" for name, version in packages.items()]
            command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(cache), *wanted]
            subprocess.run(command, check=True, timeout=FETCH_S, capture_output=True)
    return cache


def unpacked(package):
    """Return the directory of a package's files (`name@version`) in the cache, without what it depends on."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is absent")
    packages = Path(os.environ.get("MEGAETH_CACHE") or Path.home() / ".cache" / "megaeth") / "test-projects"
    target = packages / re.sub(r"\W+", "-", package)
    if not target.is_dir():
        packages.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=packages) as aside:
            command = [npm, "pack", package, "--silent"]
            subprocess.run(command, cwd=aside, check=True, timeout=FETCH_S, capture_output=True)
            (archive,) = Path(aside).glob("*.tgz")
            subprocess.run(["tar", "xzf", archive], cwd=aside, check=True, timeout=FETCH_S)
            # Workers may fetch it side by side.
            with contextlib.suppress(OSError):
                (Path(aside) / "package").rename(target)
    return target


def _installed(cache, packages):
    manifests = {name: cache / "node_modules" / name / "package.json" for name in packages}
    return {
        name: json.loads(path.read_text())["version"] for name, path in manifests.items() if path.exists()
    }
