"""Finds every file that a contract imports, under the names that the compiler will look for.

The compiler gets all sources in one request and opens no file itself, so that a native and a WebAssembly
compiler behave alike. Name rules: https://docs.soliditylang.org/en/latest/path-resolution.html
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import PragmaError, VersionRange
from megaeth_cli.compile.project import Project, Remapping

# A string, or a comment; strings come first so that "//" inside one is no comment.
_STRING = r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_STRING_OR_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_QUOTED = r"""(?:"([^"\n]+)"|'([^'\n]+)')"""
# Strings that belong to no import are matched too, so that nothing inside them is taken for one.
_IMPORT_OR_STRING = re.compile(rf"""(?<![\w$])import\s*(?:{_QUOTED}|[^"';]*?\bfrom\s*{_QUOTED})|{_STRING}""")
_PRAGMA = re.compile(r"(?<![\w$])pragma\s+solidity\s+([^;]+);")


@dataclass
class SourceSet:
    """The files of one compilation: unit name -> content, and what their pragmas ask for."""

    contents: dict[str, str] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    pragmas: dict[str, VersionRange] = field(default_factory=dict)


def imports_of(source: str) -> Iterator[str]:
    """The paths in the import statements of a source."""
    for match in _IMPORT_OR_STRING.finditer(without_comments(source)):
        if match["string"] is None:
            yield next(group for group in match.groups() if group)


def pragma_of(source: str) -> str:
    """The version range of a source: all its pragmas together, empty when it has none."""
    return " ".join(_PRAGMA.findall(without_comments(source)))


def without_comments(source: str) -> str:
    """The source with each comment replaced by a space; strings stay."""
    return _STRING_OR_COMMENT.sub(lambda found: found["string"] or " ", source)


def collect(project: Project, roots: list[Path]) -> SourceSet:
    """The roots and everything they import, directly or not."""
    found = SourceSet()
    todo: list[tuple[str, Path, str]] = [(project.unit_name(path), path, "") for path in roots]
    while todo:
        name, path, importer = todo.pop()
        if name in found.contents:
            continue
        source = _read(path, importer)
        found.contents[name], found.paths[name] = source, path
        if text := pragma_of(source):
            try:
                found.pragmas[name] = VersionRange(text)
            except PragmaError as error:
                raise CompileError(f"{path}: `pragma solidity {text}` cannot be read", str(error)) from None
        for wanted in imports_of(source):
            unit = resolve(wanted, name, project.remappings)
            todo.append((unit, _locate(project, unit, wanted, path), name))
    return found


def resolve(wanted: str, importer: str, remappings: tuple[Remapping, ...]) -> str:
    """The unit name that an import statement means."""
    if wanted.startswith(("./", "../")):
        wanted = _join(posixpath.dirname(importer), wanted)
    fitting = [r for r in remappings if importer.startswith(r.context) and wanted.startswith(r.prefix)]
    if not fitting:
        return wanted
    # The compiler's order: longest context, then longest prefix, then the last one given.
    best = max(enumerate(fitting), key=lambda one: (len(one[1].context), len(one[1].prefix), one[0]))[1]
    return best.target + wanted[len(best.prefix) :]


def _join(directory: str, relative: str) -> str:
    parts = [part for part in directory.split("/") if part]
    rooted = directory.startswith("/")
    for part in relative.split("/"):
        if part == "..":
            # Above the root the compiler stays at the root.
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if rooted else "") + "/".join(parts)


def _locate(project: Project, unit: str, wanted: str, importer: Path) -> Path:
    for directory in project.search_path(importer):
        candidate = directory / unit
        if candidate.is_file():
            return candidate
    looked = "\n".join(str(directory / unit) for directory in project.search_path(importer))
    package = unit if not unit.startswith("@") else "/".join(unit.split("/")[:2])
    is_package = not wanted.startswith((".", "/")) and "/" in unit
    raise CompileError(
        f'{importer}: imports "{wanted}", which is not there',
        f"looked for\n{looked}",
        f"npm install {package.split('/')[0] if not unit.startswith('@') else package}"
        f"   or   --remapping {wanted.split('/')[0]}/=PATH/"
        if is_package
        else "check the path in the import statement",
    )


def _read(path: Path, importer: str) -> str:
    by = f" (imported by {importer})" if importer else ""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CompileError(f"no such file: {path}{by}", hint="check the path") from None
    except UnicodeDecodeError as error:
        raise CompileError(f"{path} is not UTF-8 text{by}", str(error)) from None
    except OSError as error:
        raise CompileError(f"{path} cannot be read{by}", error.strerror or str(error)) from None
