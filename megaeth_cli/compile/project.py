"""The project around a source file: its root, its remappings, its compilers, and where sources may be read.

A project is forge's (foundry.toml) or hardhat's (hardhat.config.*), as the tool itself sees it; else a directory with
what both would find there. Compiles nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from megaeth_cli.compile import forge, forge_config, hardhat
from megaeth_cli.compile.configured import Configured, Restriction
from megaeth_cli.compile.forge_config import ForgeConfig
from megaeth_cli.compile.forge_remappings import Shared, remappings_of, shared_prefixes
from megaeth_cli.compile.remapping import Remapping

_PACKAGES = "node_modules"
_TOOLS = (forge_config.FILE_NAME, *hardhat.CONFIG_FILES)
_OTHER_MARKERS = ("remappings.txt", "package.json", ".git")
_LIBRARY_MARKERS = (forge_config.FILE_NAME, "remappings.txt", "package.json", "src", "contracts")


@dataclass(frozen=True)
class Project:
    """What surrounds a source file."""

    root: Path
    remappings: tuple[Remapping, ...] = ()
    libraries: tuple[Path, ...] = ()
    """Directories of libraries, absolute."""
    compilers: tuple[Configured, ...] = (Configured(),)
    """At least one; which of several is for a file is `configured.pick`'s affair."""
    restrictions: tuple[Restriction, ...] = ()
    """What files demand of a compiler's settings."""
    overrides: Mapping[str, Configured] = field(default_factory=dict)
    """For single units."""
    own_packages: bool = True
    """Whether a package may have packages of its own, as for node; hardhat 2 looks into the project's only."""
    include: tuple[Path, ...] = ()
    """More directories in which units may lie."""
    readable: tuple[Path, ...] = ()
    """Sources may lie in these directories only, all without links."""
    shared: tuple[Shared, ...] = ()
    """Prefixes of which a library does not get the copy that it asks for."""
    notes: tuple[str, ...] = ()
    """What the user should know of how the configuration was read."""

    def unit_name(self, path: Path) -> str:
        """The compiler's name of a file: relative to the root where possible."""
        absolute = path.absolute()
        try:
            return absolute.relative_to(self.root).as_posix()
        except ValueError:
            return absolute.as_posix()

    def search_path(self, importer: Path) -> Iterator[Path]:
        """Where a unit may lie: root, the importer's own library, packages from the importer upwards, libraries."""
        yield self.root
        yield from self.include
        for library in self.libraries:
            # As forge: a library may name its own files from its own root, or from any directory above the importer.
            if importer.is_relative_to(library):
                yield from (
                    parent for parent in importer.parents if parent != library and library in parent.parents
                )
        yield from self.packages(importer if self.own_packages else self.root / "any")
        yield from (one for one in self.libraries if one.name != _PACKAGES)

    def packages(self, importer: Path) -> Iterator[Path]:
        """The `node_modules` that a file's imports are looked for in, nearest first."""
        for directory in importer.parents:
            if directory.name != _PACKAGES and (modules := directory / _PACKAGES).is_dir():
                yield modules

    def may_read(self, path: Path) -> bool:
        """Whether a source may be read: it lies in the project, its libraries or packages, links followed."""
        real = path.resolve()
        if any(real.is_relative_to(directory) for directory in self.readable):
            return True
        return any(real.is_relative_to(directory) for directory in self._linked(path))

    def _linked(self, path: Path) -> Iterator[Path]:
        """A library or package may be a link to where it is worked on, as in workspaces."""
        for parent in path.parents:
            if parent.is_symlink() and self._is_dependency(parent):
                target = parent.resolve()
                if any((target / name).exists() for name in _LIBRARY_MARKERS):
                    yield target

    def _is_dependency(self, directory: Path) -> bool:
        above = directory.parent.parent if directory.parent.name.startswith("@") else directory.parent
        return above.name == _PACKAGES or above in self.libraries


def find_project(
    source: Path,
    extra: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Project:
    """The project of a source file; `extra` are remappings from the command line, which win.

    A file of a library belongs to the project that has the library, if that is where the user is (`cwd`).
    """
    source, variables = source.absolute(), variables or {}
    root = project_root(source, cwd)
    given = [Remapping.parse(text, "--remapping") for text in extra]
    tool = next((name for name in _TOOLS if (root / name).is_file()), None)
    if tool == forge_config.FILE_NAME:
        config = forge_config.load(root, variables)
        remappings = remappings_of(config, given)
        found = Project(
            root,
            remappings,
            compilers=tuple(forge.compilers_of(config, remappings)),
            restrictions=tuple(forge.restrictions_of(config)),
            shared=shared_prefixes(config, remappings),
            notes=tuple(_forge_notes(config)),
        )
    else:
        config = ForgeConfig(root, {"src": "src", "libs": ["lib"]}, variables)
        found = Project(root, remappings_of(config, given))
        if tool is not None:
            read = hardhat.read(root, root / tool, variables)
            found = Project(
                root,
                found.remappings,
                compilers=tuple(Configured(*one) for one in read.compilers) or (Configured(),),
                overrides={unit: Configured(*one) for unit, one in read.overrides.items()},
                own_packages=read.own_packages,
                notes=read.notes,
            )
    return _with_directories(found, config, source, given)


def _with_directories(
    found: Project, config: ForgeConfig, source: Path, given: Iterable[Remapping]
) -> Project:
    root = found.root
    libraries = tuple(root / path for path in config.libraries)
    include = tuple(root / text for text in config.texts("include_paths"))
    allowed = (
        root,
        source.parent,
        *libraries,
        *include,
        *(root / text for text in config.texts("allow_paths")),
        *found.packages(source),
        # What the user types may be read; what a project's files say may not lead out of it.
        *(root / one.target for one in given),
    )
    return replace(
        found,
        libraries=libraries,
        include=include,
        readable=tuple(dict.fromkeys(path.resolve() for path in allowed)),
    )


def project_root(source: Path, cwd: Path | None = None) -> Path:
    """Where the project of a source file begins, all links followed."""
    return _root(source.absolute(), cwd).resolve()


def _root(source: Path, cwd: Path | None) -> Path:
    within = next((one.parent for one in reversed(source.parents) if one.name == _PACKAGES), None)
    own = _nearest(within or source.parent)
    if cwd is None:
        return own
    around = _nearest(cwd.absolute())
    libraries = _library_directories(around)
    return around if any(source.is_relative_to(one) for one in libraries) else own


def _library_directories(root: Path) -> list[Path]:
    if not (root / forge_config.FILE_NAME).is_file():
        return []
    return [root / one for one in forge_config.load(root, {}).libraries]


def _nearest(start: Path) -> Path:
    """The nearest directory upwards with a configuration, not beyond the repository; else with another marker."""
    above = [start, *start.parents]
    repository = next((place for place, one in enumerate(above) if (one / ".git").exists()), len(above))
    for markers, places in ((_TOOLS, above[: repository + 1]), (_OTHER_MARKERS, above)):
        for one in places:
            if any((one / name).exists() for name in markers):
                return one
    return start


def _forge_notes(config: ForgeConfig) -> Iterator[str]:
    if config.unknown_profile:
        yield (
            f"foundry.toml has no profile {config.unknown_profile!r}, which FOUNDRY_PROFILE names: "
            "the default profile counts"
        )
