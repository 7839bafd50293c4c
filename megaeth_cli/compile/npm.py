"""npm's `solc` releases in the user's cache: one script per version, each complete or absent.

Of a package only the compiler itself (`soljson.js`) is taken, after its tarball has shown the hash that `releases`
holds. Nothing of npm's is installed, and no script of a package runs.
"""

import base64
import hashlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from devnet.files import write_atomically
from megaeth_cli.compile import processes
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version
from megaeth_cli.compile.releases import INTEGRITY

DRIVER = Path(__file__).with_name("soljson.cjs")
"""What node runs, with the path of a release."""

_TIMEOUT_S = 300
_MEMBER = "package/soljson.js"


def path_of(cache: Path, version: Version) -> Path:
    """Where a release is kept: as .cjs, whatever a package.json above the cache says of its scripts."""
    return cache / "solc" / f"soljson-{version}.cjs"


def fetched(cache: Path) -> Iterator[tuple[Version, Path]]:
    """What is in the cache."""
    for path in (cache / "solc").glob("soljson-*.cjs"):
        version = Version.parse(path.name)
        if version is not None and path == path_of(cache, version):
            yield version, path


def fetch(npm: str, cache: Path, version: Version, variables: Mapping[str, str]) -> Path:
    """Bring one release into the cache and return its path."""
    target = path_of(cache, version)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as aside:
            tarball = _download(npm, version, Path(aside), variables)
            write_atomically(target, _checked_compiler(tarball, version))
    except OSError as error:
        raise CompileError(
            f"{target.parent} cannot be written",
            error.strerror or str(error),
            "set XDG_CACHE_HOME or MEGAETH_HOME",
        ) from None
    return target


def _download(npm: str, version: Version, directory: Path, variables: Mapping[str, str]) -> bytes:
    # Not in the project: an .npmrc there has no say in what is fetched.
    command = [npm, "pack", f"solc@{version}", "--ignore-scripts", "--loglevel=error"]
    environment = processes.npm_environment(variables)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_TIMEOUT_S,
            cwd=directory,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        why = f"npm was not done in {_TIMEOUT_S} s"
    except OSError as error:
        why = error.strerror or str(error)
    else:
        packed = list(directory.glob("*.tgz"))
        if done.returncode == 0 and packed:
            return packed[0].read_bytes()
        lines = [line for line in done.stderr.splitlines() if not line.startswith("npm warn")]
        why = "\n".join(lines[:8]) or "npm gave no package"
    raise CompileError(
        f"solc {version} could not be fetched from npm",
        why,
        "check the network and npm's registry setting, or give a compiler with --solc PATH",
    )


def _checked_compiler(tarball: bytes, version: Version) -> bytes:
    expected = INTEGRITY[version]
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != expected:
        raise CompileError(
            f"what npm gave for solc {version} is not that release",
            f"its hash is {found},\nexpected is    {expected}",
            "check npm's registry setting; it was not used",
        )
    with tarfile.open(fileobj=io.BytesIO(tarball)) as package:
        member = package.extractfile(_MEMBER)
        if member is None:
            raise CompileError(f"solc {version} of npm has no {_MEMBER}")
        return member.read()
