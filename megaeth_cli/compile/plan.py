"""How a source file is to be compiled: project, imports, compiler and settings. Compiles nothing."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from megaeth_cli.compile import compilers, standard_json
from megaeth_cli.compile.configured import Configured, pick
from megaeth_cli.compile.pragma import Version
from megaeth_cli.compile.project import Project, find_project, project_root
from megaeth_cli.compile.sources import SourceSet, collect
from megaeth_cli.compile.standard_json import Settings


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
class Plan:
    """One file with everything that it imports, and how they are compiled together."""

    unit: str
    """The compiler's name of the file."""
    project: Project
    found: SourceSet
    compiler: compilers.Compiler
    settings: Settings

    @property
    def compiler_name(self) -> str:
        """For people, and for the cache."""
        return f"solc {self.compiler.version}"


class Planner:
    """Plans files one after another; what several have in common is looked up once."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._projects: dict[Path, Project] = {}
        self._compilers: dict[tuple[str | None, frozenset[str]], compilers.Compiler] = {}

    def plan(self, source: Path) -> Plan:
        """Decide how a file is compiled; CompileError says what is missing."""
        options = self._options
        source = source.parent.resolve() / source.name
        project = self._project(source)
        unit = project.unit_name(source)
        found = collect(project, [source])
        for note in _shared_notes(project, found):
            options.say(note)
        configured = _configured(project, unit, found, options)
        compiler = self._compiler(configured, found)
        settings = _settings(configured.settings, options, compiler.version)
        _say_lowered(settings, compiler.version, options)
        return Plan(unit, project, found, compiler, settings)

    def _project(self, source: Path) -> Project:
        options = self._options
        root = project_root(source, options.cwd)
        if root not in self._projects:
            found = find_project(source, options.remappings, options.variables, options.cwd)
            self._projects[root] = found
            for note in found.notes:
                options.say(note)
        return self._projects[root]

    def _compiler(self, configured: Configured, found: SourceSet) -> compilers.Compiler:
        options = self._options
        key = (configured.solc, frozenset(allowed.text for allowed in found.pragmas.values()))
        if key not in self._compilers:
            search = compilers.Search(
                options.cache, options.variables, options.solc, configured.solc, options.say
            )
            self._compilers[key] = compilers.choose(search, found.pragmas)
        return self._compilers[key]


def request_key(compiler: str, request: dict[str, Any]) -> str:
    """SHA-256 of everything that an answer depends on."""
    return hashlib.sha256(json.dumps([compiler, request], sort_keys=True).encode()).hexdigest()


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
