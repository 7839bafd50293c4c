"""Which compiler to run, and running it: standard JSON in, standard JSON out.

Looked for in this order: `--solc`, what the project names, `solc` on PATH, what py-solc-x has installed, npm's `solc`
(WebAssembly, run by node) in the user's cache, and at last npm's `solc` fetched into that cache. One process per
compilation, with an environment that holds no secrets.
"""

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from megaeth_cli.compile import npm, processes
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version, VersionRange
from megaeth_cli.compile.releases import DEFAULT, INTEGRITY

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
    variables: Mapping[str, str]

    @property
    def origin(self) -> str:
        """Its path."""
        return str(self.path)

    def run(self, request: Json) -> Json:
        """Run it once."""
        # No base path is given: all sources are in the request, and it may read no file besides.
        command = [str(self.path), "--standard-json"]
        return run_process(command, request, self.variables)


@dataclass(frozen=True)
class NodeCompiler:
    """A release of npm's `solc` in the cache."""

    path: Path
    version: Version
    node: str
    variables: Mapping[str, str]

    @property
    def origin(self) -> str:
        """Its path."""
        return f"npm solc, {self.path}"

    def run(self, request: Json) -> Json:
        """Run it once, in a process of node."""
        command = [self.node, "--stack-size=8192", str(npm.DRIVER), str(self.path)]
        return run_process(command, request, self.variables)


@dataclass(frozen=True)
class Search:
    """Where compilers may be."""

    cache: Path
    variables: dict[str, str]
    chosen: str | None = None
    """`--solc`."""
    named: str | None = None
    """What the project's configuration names: a version or a path."""
    say: Callable[[str], None] = lambda _: None
    """Told about anything that takes long."""


def choose(search: Search, ranges: dict[str, VersionRange]) -> Compiler:
    """The first compiler, in the order of this module, whose version all pragmas allow."""
    if search.chosen is not None:
        return _at(search.chosen, f"--solc {search.chosen}", "leave --solc out", search, ranges)
    if search.named is not None:
        version = Version.parse(search.named)
        # A version with a comparator before it, as in `^0.8.20`, is what a pragma would be.
        if version is None or "/" in search.named:
            change = "change it, or give another compiler with --solc PATH"
            return _at(search.named, f"the project's solc {search.named}", change, search, ranges)
        named = VersionRange(f"={version}" if search.named.strip("v") == str(version) else search.named)
        ranges = {**ranges, "the project's configuration": named}
    passed_over: list[str] = []
    for compiler in _installed(search):
        if _fits(compiler.version, ranges.values()):
            log.info("compiler: solc %s, %s", compiler.version, compiler.origin)
            return compiler
        passed_over.append(f"solc {compiler.version} ({compiler.origin})")
    return _from_npm(search, ranges, passed_over)


def run_process(command: list[str], request: Json, variables: Mapping[str, str]) -> Json:
    """Feed a compiler process and read its answer."""
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request).encode(),
            capture_output=True,
            check=False,
            env=processes.environment(variables),
        )
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


def native(path: Path, variables: Mapping[str, str]) -> NativeCompiler | None:
    """The compiler at a path; None when what lies there does not say a version."""
    try:
        done = subprocess.run(
            [str(path), "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            errors="replace",
            env=processes.environment(variables),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = Version.parse(done.stdout) if done.returncode == 0 else None
    return NativeCompiler(path, version, variables) if version is not None else None


def _at(text: str, called: str, else_do: str, search: Search, ranges: dict[str, VersionRange]) -> Compiler:
    found = shutil.which(text, path=search.variables.get("PATH")) or text
    compiler = native(Path(found), search.variables)
    if compiler is None:
        raise CompileError(
            f"{called} is not a Solidity compiler",
            "`--version` of it says no version" if Path(found).exists() else "no such file",
            f"{else_do} to have one found or fetched",
        )
    for unit, allowed in ranges.items():
        if compiler.version not in allowed:
            raise CompileError(
                f"solc {compiler.version} may not compile {unit}",
                f"its pragma asks for {allowed.text}",
                f"{else_do} to have a fitting compiler found or fetched",
            )
    return compiler


def _installed(search: Search) -> Iterator[Compiler]:
    path = search.variables.get("PATH")
    if (on_path := shutil.which("solc", path=path)) and (compiler := native(Path(on_path), search.variables)):
        yield compiler
    yield from sorted(_of_solcx(search.variables), key=lambda one: one.version, reverse=True)
    if (node := shutil.which("node", path=path)) is None:
        return
    fetched = dict(npm.fetched(search.cache))
    # The same source gives the same bytecode on every machine: the default release before newer ones.
    for version in sorted(fetched, key=lambda one: (one == DEFAULT, one), reverse=True):
        yield NodeCompiler(fetched[version], version, node, search.variables)


def _of_solcx(variables: dict[str, str]) -> Iterator[NativeCompiler]:
    home = variables.get("HOME") or str(Path.home())
    directory = Path(variables.get("SOLCX_BINARY_PATH") or Path(home) / ".solcx")
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        version = Version.parse(entry.name) if entry.name.startswith("solc-v") else None
        binary = entry / "solc" if entry.is_dir() else entry
        if version is not None and os.access(binary, os.X_OK):
            yield NativeCompiler(binary, version, variables)


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
    fitting = [version for version in INTEGRITY if _fits(version, ranges.values())]
    if not fitting:
        raise CompileError(
            "no Solidity compiler fits all pragmas",
            f"{asked}\nknown are solc {min(INTEGRITY)} to {max(INTEGRITY)}",
            "change the pragmas so that one version satisfies all, or give a newer compiler with --solc PATH",
        )
    version = DEFAULT if DEFAULT in fitting else max(fitting)
    search.say(f"Fetching solc {version} from npm into {search.cache} (once) ...")
    path_of_it = npm.fetch(installer, search.cache, version, search.variables)
    return NodeCompiler(path_of_it, version, node, search.variables)


def _fits(version: Version, ranges: Iterable[VersionRange]) -> bool:
    return all(version in allowed for allowed in ranges)
