"""Finds every file that a contract imports, under the names that the compiler will look for.

The compiler gets all sources in one request and opens no file itself, so that a native and a WebAssembly
compiler behave alike. Name rules: https://docs.soliditylang.org/en/latest/path-resolution.html
"""

from dataclasses import dataclass, field
from pathlib import Path

from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import PragmaError, VersionRange
from megaeth_cli.compile.project import Project
from megaeth_cli.compile.remapping import Remapping, chosen, resolve, unmapped
from megaeth_cli.compile.statements import read_statements


@dataclass
class SourceSet:
    """The files of one compilation: unit name -> content, and what their pragmas ask for."""

    contents: dict[str, str] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    pragmas: dict[str, VersionRange] = field(default_factory=dict)
    imports: dict[str, list[str]] = field(default_factory=dict)
    """Unit name -> the paths in its import statements."""
    remappings: tuple[Remapping, ...] = ()
    """The project's, and those that its files turned out to need."""


def collect(project: Project, roots: list[Path]) -> SourceSet:
    """The roots and everything they import, directly or not."""
    found = SourceSet(remappings=project.remappings)
    todo: list[tuple[str, Path, str]] = [(project.unit_name(path), path, "") for path in roots]
    while todo:
        name, path, importer = todo.pop()
        if name in found.contents:
            continue
        source = _read(project, path, importer)
        statements = read_statements(source)
        found.contents[name], found.paths[name] = source, path
        if statements.pragmas:
            try:
                found.pragmas[name] = VersionRange(*statements.pragmas)
            except PragmaError as error:
                raise CompileError(f"{path}: its `pragma solidity` cannot be read", str(error)) from None
        found.imports[name] = statements.imports
        todo += [(*_imported(project, found, wanted, name, path), name) for wanted in statements.imports]
    return found


def _imported(project: Project, found: SourceSet, wanted: str, importer: str, path: Path) -> tuple[str, Path]:
    """The unit and the file of an import statement; remappings are added where the project's don't lead there."""
    unit = resolve(wanted, importer, found.remappings)
    target = _find(project, unit, path)
    if target is None:
        needed = _doubled_directory(project, wanted, importer, found.remappings)
    else:
        needed = _own_package(project, unit, target, importer, path)
    if needed is not None:
        found.remappings = (*found.remappings, needed)
        unit = resolve(wanted, importer, found.remappings)
        target = _find(project, unit, path)
    if target is None:
        raise _missing(project, unit, wanted, path)
    return unit, target


def _find(project: Project, unit: str, importer: Path) -> Path | None:
    candidates = (directory / unit for directory in project.search_path(importer))
    return next((one for one in candidates if one.is_file()), None)


def _doubled_directory(
    project: Project, wanted: str, importer: str, remappings: tuple[Remapping, ...]
) -> Remapping | None:
    """`lib/src/A.sol` of a library whose `lib/` stands for its `src/` already; both ways of writing are in use."""
    unit = unmapped(wanted, importer)
    best = chosen(unit, importer, remappings)
    if best is None:
        return None
    directory = f"{best.target.rstrip('/').rpartition('/')[2]}/"
    if directory not in ("src/", "contracts/") or not unit.startswith(best.prefix + directory):
        return None
    there = (project.root / best.target / directory).exists()
    return None if there else best._replace(prefix=best.prefix + directory)


def _own_package(project: Project, unit: str, target: Path, importer: str, path: Path) -> Remapping | None:
    """The remapping that a package needs for a package of its own, which is not the one that the project has."""
    modules = next((one for one in target.parents if one.name == "node_modules"), None)
    if modules is None or target != modules / unit or project.root.is_relative_to(modules.parent):
        return None
    context = importer.removesuffix(path.relative_to(modules.parent).as_posix())
    package = "/".join(unit.split("/")[: 2 if unit.startswith("@") else 1])
    return Remapping(context, f"{package}/", f"{project.unit_name(modules / package)}/")


def _missing(project: Project, unit: str, wanted: str, importer: Path) -> CompileError:
    looked = dict.fromkeys(str(directory / unit) for directory in project.search_path(importer))
    package = unit if not unit.startswith("@") else "/".join(unit.split("/")[:2])
    is_package = not wanted.startswith((".", "/")) and "/" in unit
    return CompileError(
        f'{importer}: imports "{wanted}", which is not there',
        "looked for\n" + "\n".join(looked),
        f"npm install {package.split('/')[0] if not unit.startswith('@') else package}"
        f"   or   --remapping {wanted.split('/')[0]}/=PATH/"
        if is_package
        else "check the path in the import statement",
    )


def _read(project: Project, path: Path, importer: str) -> str:
    by = f" (imported by {importer})" if importer else ""
    if not project.may_read(path):
        raise CompileError(
            f"{path} may not be read{by}",
            "imports and remappings may lead to files of the project, its libraries and node_modules only:\n"
            + "\n".join(map(str, project.readable)),
            "if that file is meant, give its directory yourself with --remapping PREFIX=DIRECTORY/",
        )
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CompileError(f"no such file: {path}{by}", hint="check the path") from None
    except UnicodeDecodeError as error:
        raise CompileError(f"{path} is not UTF-8 text{by}", str(error)) from None
    except OSError as error:
        raise CompileError(f"{path} cannot be read{by}", error.strerror or str(error)) from None
