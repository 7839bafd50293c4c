"""npm's `solc` packages in the user's cache: one directory per version, each complete or absent."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version

DEFAULT_VERSION = Version(0, 8, 37)
"""What is fetched when the pragmas allow it."""

_TIMEOUT_S = 300
_DRIVER = "compile.js"
# Reads a whole request and answers it. The package's own command line (solcjs) adds imports from the disk:
# not wanted.
_DRIVER_SOURCE = """\
const solc = require("solc");
const parts = [];
process.stdin.on("data", (part) => parts.push(part));
process.stdin.on("end", () => {
  const answer = solc.compile(Buffer.concat(parts).toString("utf8"));
  process.stdout.write(answer, () => process.exit(0));
});
"""


def driver(directory: Path) -> Path:
    """The script that node runs."""
    return directory / _DRIVER


def fetched(cache: Path) -> Iterator[tuple[Version, Path]]:
    """What is in the cache."""
    root = cache / "solc"
    if not root.is_dir():
        return
    for directory in root.iterdir():
        version = Version.parse(directory.name)
        if version is not None and directory.name == str(version) and driver(directory).is_file():
            yield version, directory


def published(npm: str) -> list[Version]:
    """Every release of the package."""
    answer = _run([npm, "view", "solc", "versions", "--json"], "the versions of solc")
    try:
        names = json.loads(answer)
    except ValueError:
        names = []
    versions = (Version.parse(name) for name in names if isinstance(name, str) and "-" not in name)
    return [version for version in versions if version is not None]


def fetch(npm: str, cache: Path, version: Version) -> Path:
    """Install one release into the cache and return its directory."""
    root = cache / "solc"
    target = root / str(version)
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Prepared aside and renamed: a directory with a version's name is always complete.
        aside = Path(tempfile.mkdtemp(prefix=".fetching-", dir=root))
    except OSError as error:
        raise CompileError(
            f"{root} cannot be written", error.strerror or str(error), "set XDG_CACHE_HOME or MEGAETH_HOME"
        ) from None
    try:
        (aside / "package.json").write_text('{"private": true}\n')
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix", str(aside)]
        _run([npm, "install", *options, f"solc@{version}"], f"solc {version}")
        driver(aside).write_text(_DRIVER_SOURCE)
        try:
            aside.rename(target)
        except OSError:
            # Another process was faster.
            if not driver(target).is_file():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def _run(command: list[str], wanted: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        why = f"npm was not done in {_TIMEOUT_S} s"
    except OSError as error:
        why = error.strerror or str(error)
    else:
        if done.returncode == 0:
            return done.stdout
        lines = [line for line in done.stderr.splitlines() if not line.startswith("npm warn")]
        why = "\n".join(lines[:8])
    raise CompileError(
        f"{wanted} could not be fetched from npm",
        why,
        "check the network and npm's registry setting, or give a compiler with --solc PATH",
    )
