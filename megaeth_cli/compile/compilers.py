"""Which compiler to run, and running it: standard JSON in, standard JSON out.

Looked for in this order: `--solc`, `solc` on PATH, what py-solc-x has installed, npm's `solc` (WebAssembly,
run by node) in the user's cache, and at last npm's `solc` fetched into that cache. One process per
compilation.
"""

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from megaeth_cli.compile import npm
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version, VersionRange

log = logging.getLogger("megaeth.compile")

Json = dict[str, Any]


class Compiler(Protocol):
    """Something that compiles."""

    @property
    def version(self) -> Version:
        """Its release."""

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""

    def run(self, request: Json) -> Json:
        """Answer one standard JSON request."""


@dataclass(frozen=True)
class NativeCompiler:
    """A `solc` executable."""

    path: Path
    version: Version

    @property
    def origin(self) -> str:
        """Its path."""
        return str(self.path)

    def run(self, request: Json) -> Json:
        """Run it once."""
        # No base path is given: all sources are in the request, and it may read no file besides.
        command = [str(self.path), "--standard-json"]
        return run_process(command, request)


@dataclass(frozen=True)
class NodeCompiler:
    """npm's `solc` in a directory of the cache."""

    directory: Path
    version: Version
    node: str

    @property
    def origin(self) -> str:
        """Its directory."""
        return f"npm solc in {self.directory}"

    def run(self, request: Json) -> Json:
        """Run it once, in a process of node."""
        return run_process([self.node, "--stack-size=8192", str(npm.driver(self.directory))], request)


@dataclass(frozen=True)
class Search:
    """Where compilers may be."""

    cache: Path
    variables: dict[str, str]
    chosen: str | None = None
    """`--solc`."""
    say: Callable[[str], None] = lambda _: None
    """Told about anything that takes long."""


def choose(search: Search, ranges: dict[str, VersionRange]) -> Compiler:
    """The first compiler, in the order of this module, whose version all pragmas allow."""
    wanted = list(ranges.values())
    if search.chosen is not None:
        return _chosen(search.chosen, search.variables, ranges)
    passed_over: list[str] = []
    for compiler in _installed(search):
        if _fits(compiler.version, wanted):
            log.info("compiler: solc %s, %s", compiler.version, compiler.origin)
            return compiler
        passed_over.append(f"solc {compiler.version} ({compiler.origin})")
    return _from_npm(search, ranges, passed_over)


def run_process(command: list[str], request: Json) -> Json:
    """Feed a compiler process and read its answer."""
    try:
        done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, check=False)
    except OSError as error:
        raise CompileError(f"{command[0]} cannot be run", error.strerror or str(error)) from None
    try:
        # Some releases greet on stdout before the answer.
        answer = json.loads(done.stdout[max(done.stdout.find(b"{"), 0) :])
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        why = (done.stderr or done.stdout).decode(errors="replace").strip()[-1500:]
        raise CompileError(
            f"{' '.join(command)} failed with exit code {done.returncode}",
            why or "it gave no answer",
            "try another compiler with --solc PATH",
        )
    return answer


def native(path: Path) -> NativeCompiler | None:
    """The compiler at a path; None when what lies there does not say a version."""
    try:
        done = subprocess.run(
            [str(path), "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = Version.parse(done.stdout) if done.returncode == 0 else None
    return NativeCompiler(path, version) if version is not None else None


def _chosen(text: str, variables: dict[str, str], ranges: dict[str, VersionRange]) -> Compiler:
    found = shutil.which(text, path=variables.get("PATH")) or text
    compiler = native(Path(found))
    if compiler is None:
        raise CompileError(
            f"--solc {text} is not a Solidity compiler",
            "`--version` of it says no version" if Path(found).exists() else "no such file",
            "leave --solc out to have one found or fetched",
        )
    for unit, allowed in ranges.items():
        if compiler.version not in allowed:
            raise CompileError(
                f"solc {compiler.version} may not compile {unit}",
                f"its pragma asks for {allowed.text}",
                "leave --solc out to have a fitting compiler found or fetched",
            )
    return compiler


def _installed(search: Search) -> Iterator[Compiler]:
    path = search.variables.get("PATH")
    if (on_path := shutil.which("solc", path=path)) and (compiler := native(Path(on_path))):
        yield compiler
    yield from sorted(_of_solcx(search.variables), key=lambda one: one.version, reverse=True)
    if (node := shutil.which("node", path=path)) is None:
        return
    fetched = dict(npm.fetched(search.cache))
    # The same source gives the same bytecode on every machine: the default release before newer ones.
    for version in sorted(fetched, key=lambda one: (one == npm.DEFAULT_VERSION, one), reverse=True):
        yield NodeCompiler(fetched[version], version, node)


def _of_solcx(variables: dict[str, str]) -> Iterator[NativeCompiler]:
    home = variables.get("HOME") or str(Path.home())
    directory = Path(variables.get("SOLCX_BINARY_PATH") or Path(home) / ".solcx")
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        version = Version.parse(entry.name) if entry.name.startswith("solc-v") else None
        binary = entry / "solc" if entry.is_dir() else entry
        if version is not None and os.access(binary, os.X_OK):
            yield NativeCompiler(binary, version)


def _from_npm(search: Search, ranges: dict[str, VersionRange], passed_over: list[str]) -> Compiler:
    asked = "\n".join(f"{unit}: {allowed.text}" for unit, allowed in ranges.items())
    looked = f"found, but not fitting: {', '.join(passed_over)}" if passed_over else "none is installed"
    path = search.variables.get("PATH")
    node, installer = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or installer is None:
        missing = " and ".join(name for name, at in (("node", node), ("npm", installer)) if at is None)
        raise CompileError(
            "no Solidity compiler fits",
            f"{looked}; {missing} would be needed to fetch one" + (f"\n{asked}" if asked else ""),
            "install node and npm (https://nodejs.org), or solc, or give one with --solc PATH",
        )
    wanted = list(ranges.values())
    version: Version | None = npm.DEFAULT_VERSION
    if not _fits(npm.DEFAULT_VERSION, wanted):
        version = max((v for v in npm.published(installer) if _fits(v, wanted)), default=None)
    if version is None:
        raise CompileError(
            "no Solidity compiler fits all pragmas",
            asked,
            "change the pragmas so that one version satisfies all",
        )
    search.say(f"Fetching solc {version} from npm into {search.cache} (once) ...")
    return NodeCompiler(npm.fetch(installer, search.cache, version), version, node)


def _fits(version: Version, ranges: Iterable[VersionRange]) -> bool:
    return all(version in allowed for allowed in ranges)
