"""From a source file to bytecode, ABI and storage layout. No chain, no network but npm's.

    source -> project (root, remappings, settings; forge's or hardhat's) -> sources (imports, pragmas)
           -> compilers (one that all pragmas allow) -> standard_json -> Compilation

`compile_source` is the door. Answers are kept in the user's cache under a hash of everything that they
depend on.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from megaeth_cli.bytecode.source_map import SourceMaps
from megaeth_cli.compile import cache, compilers, standard_json, storage, vyper
from megaeth_cli.compile.configured import Configured, pick
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version
from megaeth_cli.compile.project import Project, find_project
from megaeth_cli.compile.sources import SourceSet, collect
from megaeth_cli.compile.standard_json import Contract, Settings

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
    cwd: Path | None = None
    """Where the user is: the project there counts for files of its libraries."""


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
    source = source.parent.resolve() / source.name
    project = find_project(source, options.remappings, options.variables, options.cwd)
    unit = project.unit_name(source)
    found = collect(project, [source])
    for note in (*project.notes, *_shared_notes(project, found)):
        options.say(note)
    configured = _configured(project, unit, found, options)
    search = compilers.Search(
        options.cache,
        options.variables,
        options.solc,
        configured.solc,
        options.say,
    )
    compiler = compilers.choose(search, found.pragmas)
    settings = _settings(configured.settings, options, compiler.version)
    _say_lowered(settings, compiler.version, options)
    request = standard_json.request(
        found.contents, [str(one) for one in found.remappings], settings, compiler.version
    )
    name = f"solc {compiler.version}"
    key = _key(name, request)
    kept = f"{key}-{storage.VERSION}"
    answer = cache.load(options.cache, kept)
    if answer is None:
        answer = compiler.run(request)
        standard_json.raise_errors(answer)
        storage.complete(answer)
        cache.store(options.cache, kept, answer)
    return Compilation(
        unit=unit,
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


def _configured(project: Project, unit: str, found: SourceSet, options: Options) -> Configured:
    """What the project says of this file. What a restriction says of versions is put beside the pragmas."""
    if unit in project.overrides:
        return project.overrides[unit]
    restrictions = [one for one in project.restrictions if one.concerns(found.contents)]
    for one in restrictions:
        if one.versions is not None:
            found.pragmas[f"compilation_restrictions of {one.paths}"] = one.versions
    picked = pick(project.compilers, restrictions, found.pragmas.values())
    if picked is None:
        listed = ", ".join(one.solc or "" for one in project.compilers)
        options.say(f"none of the project's compilers ({listed}) fits all pragmas: another is taken")
    return picked or Configured()


def _shared_notes(project: Project, found: SourceSet) -> Iterator[str]:
    for shared in project.shared:
        asks = any(
            unit.startswith(shared.library) and wanted.startswith(shared.prefix)
            for unit, imports in found.imports.items()
            for wanted in imports
        )
        if asks:
            own = f"{shared.library}:{shared.prefix}={shared.passed_over}"
            yield (
                f"{shared.prefix} is {shared.taken} also for {shared.library}, as for forge; "
                f"its own copy is used with the remapping {own}"
            )


def _settings(settings: Settings, options: Options, compiler: Version) -> Settings:
    """Flags win over what the project says, of which an older compiler may not know everything."""
    if options.evm_version is not None:
        standard_json.refuse_later_evm(options.evm_version)
    given = {
        "optimize": options.optimize,
        "runs": options.runs,
        "via_ir": options.via_ir,
        "evm_version": options.evm_version,
    }
    flags: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    via_ir = settings.via_ir and compiler >= standard_json.VIA_IR_SINCE
    return replace(settings, **{"via_ir": via_ir, **flags})


def _say_lowered(settings: Settings, compiler: Version, options: Options) -> None:
    wanted, taken = settings.evm_version, standard_json.evm_version(settings, compiler)
    if wanted is not None and wanted != taken:
        options.say(
            f"EVM version {wanted} is later than solc {compiler} or MegaETH knows: "
            f"compiled for {taken or 'what the compiler takes'}"
        )


def _key(compiler: str, request: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([compiler, request], sort_keys=True).encode()).hexdigest()
