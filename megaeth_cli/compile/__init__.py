"""From a source file to bytecode, ABI and storage layout. No chain, no network but npm's.

    source -> project (root, remappings, settings) -> sources (imports, pragmas)
           -> compilers (one that all pragmas allow) -> standard_json -> Compilation

`compile_source` is the door. Answers are kept in the user's cache under a hash of everything that they
depend on.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from megaeth_cli.compile import cache, compilers, standard_json, vyper
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.project import Project, find_project
from megaeth_cli.compile.sources import collect
from megaeth_cli.compile.standard_json import Contract, Settings
from megaeth_cli.source_map import SourceMaps

T = TypeVar("T", bool, int)

__all__ = ["Compilation", "CompileError", "Contract", "Options", "Settings", "compile_source"]


@dataclass(frozen=True)
class Options:
    """What a caller may ask for; None means: as the project says, else the default."""

    cache: Path
    variables: dict[str, str] = field(default_factory=dict)
    solc: str | None = None
    remappings: tuple[str, ...] = ()
    optimize: bool | None = None
    runs: int | None = None
    via_ir: bool | None = None
    evm_version: str | None = None
    say: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Compilation:
    """A compiled source file with everything that it imports."""

    unit: str
    """The compiler's name of the file that was asked for."""
    compiler: str
    source_hash: str
    """SHA-256 of the whole request: sources, settings, compiler."""
    contracts: tuple[Contract, ...]
    warnings: tuple[str, ...] = ()
    source_maps: SourceMaps | None = None
    """Which lines the code comes from; Vyper does not tell."""

    def contract(self, name: str | None) -> Contract:
        """The contract with that name.

        Without a name, the only deployable one or the one named like the file.
        """
        own = [one for one in self.contracts if one.unit == self.unit]
        if name is not None:
            named = [one for one in own if one.name == name] or [c for c in self.contracts if c.name == name]
            if not named:
                raise CompileError(
                    f"{self.unit} has no contract {name}",
                    f"it has {', '.join(one.name for one in own) or 'none'}",
                    f"{self.unit}:{own[0].name}" if own else "",
                )
            return named[0]
        deployable = [one for one in own if one.bytecode]
        if not deployable:
            raise CompileError(
                f"{self.unit} has nothing to deploy",
                "interfaces, abstract contracts and empty files have no code",
                "name a file with a contract in it",
            )
        stem = Path(self.unit).stem
        chosen = deployable if len(deployable) == 1 else [one for one in deployable if one.name == stem]
        if not chosen:
            names = ", ".join(one.name for one in deployable)
            raise CompileError(
                f"{self.unit} has several contracts: {names}",
                "which one?",
                f"{self.unit}:{deployable[0].name}",
            )
        return chosen[0]


def compile_source(source: Path, options: Options) -> Compilation:
    """Compile one file and what it imports; CompileError shows the offending lines."""
    if source.suffix == ".vy":
        return _compile_vyper(source, options)
    project = find_project(source, options.remappings)
    found = collect(project, [source])
    search = compilers.Search(
        options.cache,
        options.variables,
        options.solc,
        options.say,
    )
    compiler = compilers.choose(search, found.pragmas)
    request = standard_json.request(
        found.contents,
        [str(one) for one in project.remappings],
        _settings(project, options),
        compiler.version,
    )
    name = f"solc {compiler.version}"
    key = _key(name, request)
    answer = cache.load(options.cache, key)
    if answer is None:
        answer = compiler.run(request)
        standard_json.raise_errors(answer)
        cache.store(options.cache, key, answer)
    return Compilation(
        unit=project.unit_name(source),
        compiler=name,
        source_hash=key,
        contracts=tuple(standard_json.contracts(answer)),
        warnings=tuple(standard_json.warnings(answer)),
        source_maps=standard_json.source_maps(answer, found.contents),
    )


def _compile_vyper(source: Path, options: Options) -> Compilation:
    compiler = vyper.find(options.variables)
    contract = compiler.compile(source, options.evm_version)
    text = source.read_bytes()
    return Compilation(
        unit=contract.unit,
        compiler=f"vyper {compiler.version}",
        source_hash=hashlib.sha256(text).hexdigest(),
        contracts=(contract,),
    )


def _settings(project: Project, options: Options) -> Settings:
    """Flags win over foundry.toml over defaults."""

    def setting(flag: T | None, key: str, default: T) -> T:
        if flag is not None:
            return flag
        value = project.settings.get(key)
        return value if type(value) is type(default) else default

    default = Settings()
    evm_version = project.settings.get("evm_version")
    return Settings(
        optimize=setting(options.optimize, "optimizer", default.optimize),
        runs=setting(options.runs, "optimizer_runs", default.runs),
        via_ir=setting(options.via_ir, "via_ir", default.via_ir),
        evm_version=options.evm_version or (evm_version if isinstance(evm_version, str) else None),
    )


def _key(compiler: str, request: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([compiler, request], sort_keys=True).encode()).hexdigest()
