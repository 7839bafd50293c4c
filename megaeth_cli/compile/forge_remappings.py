"""The remappings of a forge project, as forge itself comes to them.

    the project's own (environment, remappings.txt, foundry.toml)
      > those of its libraries (each a forge project again) and those found by looking at the directories

The project's own stand. Of the rest the closest target wins for each prefix, and none may touch a prefix that the
project has taken, be it shorter or longer. Two libraries that map one prefix to copies of their own therefore share one
copy, unless the project gives each a remapping with a context; `shared_prefixes` tells of that.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from megaeth_cli.compile import forge_config
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.forge_config import ForgeConfig
from megaeth_cli.compile.forge_libraries import find_libraries
from megaeth_cli.compile.remapping import Remapping

_NO_LIBRARY = ("lib/", "src/", "contracts/")
_VARIABLES = ("DAPP_REMAPPINGS", "FOUNDRY_REMAPPINGS")


@dataclass(frozen=True)
class Shared:
    """A prefix for which a library has a copy of its own that it does not get."""

    library: str
    prefix: str
    taken: str
    passed_over: str


def remappings_of(config: ForgeConfig, extra: Iterable[Remapping] = ()) -> tuple[Remapping, ...]:
    """All remappings of a project, targets relative to its root; `extra`, from the command line, come first."""
    own_directories = [f"{path}/".lower() for key in ("src", "test", "script") if (path := config.text(key))]
    found = _Taken(extra, own_directories)
    for one in _listed(config):
        found.add(one)
    return tuple(map(_normal, found.remappings))


def shared_prefixes(config: ForgeConfig, remappings: Iterable[Remapping]) -> tuple[Shared, ...]:
    """Prefixes that libraries map to copies of their own, and that the project's remappings make others'."""
    taken = {one.prefix: one.target for one in remappings if not one.context}
    own = {one.prefix for one in _own(config)}
    return tuple(
        Shared(_relative(f"{library}/", config.root), one.prefix, taken[one.prefix], target)
        for library, one in _of_libraries(config)
        if not one.context and one.prefix in taken and one.prefix not in own
        if (target := _relative(one.target, config.root)) != taken[one.prefix]
    )


def _listed(config: ForgeConfig, above: frozenset[Path] = frozenset()) -> list[Remapping]:
    """What `forge remappings` lists."""
    found = _Taken(_own(config), [])
    if config.flag("auto_detect_remappings") is not False:
        for one in _inferred(config, above):
            found.add(one)
    unique: dict[tuple[str, str], Remapping] = {}
    for one in found.remappings:
        unique.setdefault((one.context, one.prefix), one)
    return [
        one._replace(context=_relative(one.context, config.root), target=_relative(one.target, config.root))
        for one in unique.values()
    ]


class _Taken:
    """Remappings of which none may be part of another's prefix."""

    def __init__(self, first: Iterable[Remapping], reserved: list[str]) -> None:
        self.remappings = list(first)
        self._reserved = reserved

    def add(self, new: Remapping) -> None:
        if new.prefix.endswith(".sol"):
            refused = not new.target.endswith(".sol") or new in self.remappings
        else:
            refused = any(_conflict(known, new) for known in self.remappings)
        if not refused and new.prefix.lower() not in self._reserved:
            self.remappings.append(new)


def _conflict(known: Remapping, new: Remapping) -> bool:
    prefix = known.prefix if known.prefix.endswith("/") else f"{known.prefix}/"
    return known.context == new.context and (
        new.prefix.startswith(prefix) or known.prefix.startswith(new.prefix)
    )


def _own(config: ForgeConfig) -> Iterator[Remapping]:
    variable = next((name for name in _VARIABLES if name in config.variables), None)
    if variable is not None:
        yield from _lines(config.variables[variable], variable)
    file = config.root / "remappings.txt"
    if file.is_file():
        yield from _lines(_read(file), str(file))
    for text in config.texts("remappings"):
        yield Remapping.parse(text, str(config.root / forge_config.FILE_NAME))


def _lines(text: str, where: str) -> Iterator[Remapping]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield Remapping.parse(line, f"{where}:{number}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CompileError(f"{path} is not UTF-8 text", str(error)) from None
    except OSError as error:
        raise CompileError(f"{path} cannot be read", error.strerror or str(error)) from None


def _inferred(config: ForgeConfig, above: frozenset[Path]) -> list[Remapping]:
    """What libraries say of themselves and what their directories tell, the closest for each prefix."""
    closest: dict[tuple[str, str], str] = {}
    of_directories = [
        Remapping("", name, f"{target}/")
        for library in config.libraries
        for name, target in find_libraries(config.root / library).items()
        if name not in _NO_LIBRARY
    ]
    of_libraries = [one for _, one in _of_libraries(config, above)]
    for one in (*of_libraries, *of_directories):
        known = closest.get(one[:2])
        if known is None or _depth(known) > _depth(one.target):
            closest[one[:2]] = one.target
    return [Remapping(*key, closest[key]) for key in sorted(closest)]


def _of_libraries(
    config: ForgeConfig, above: frozenset[Path] = frozenset()
) -> Iterator[tuple[Path, Remapping]]:
    """What every library with a foundry.toml makes of itself; targets are absolute.

    `above` are the projects that this one is a library of: libraries' directories may lead back to them.
    """
    above |= {config.root}
    for directory in config.libraries:
        # forge looks into the project's own lib instead of a directory outside.
        parent = config.root / ("lib" if directory.is_absolute() else directory)
        for library in (parent, *_children(parent)):
            if (library / forge_config.FILE_NAME).exists():
                yield from ((library, one) for one in _of_library(library.resolve(), config, above))


def _of_library(root: Path, config: ForgeConfig, above: frozenset[Path]) -> Iterator[Remapping]:
    if root in above:
        return
    try:
        inner = forge_config.load(root, config.variables)
        listed = [_normal(one) for one in _listed(inner, above)]
    except CompileError:
        # What a library has wrong is passed over, as forge does.
        return
    for one in listed:
        yield one._replace(target=_directory(os.path.normpath(root / one.target)))
    yield Remapping("", f"{root.name}/", _directory(str(root / (inner.text("src") or "src"))))


def _children(directory: Path) -> list[Path]:
    """In the order in which the system lists them, as forge: of two that are as close the first counts."""
    try:
        return [one for one in directory.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []


def _depth(target: str) -> int:
    return len(Path(target).parts)


def _normal(one: Remapping) -> Remapping:
    """Prefixes and targets that are no files end with a slash."""
    return one._replace(prefix=_directory(one.prefix), target=_directory(one.target))


def _directory(text: str) -> str:
    return text if text.endswith(("/", ".sol")) else f"{text}/"


def _relative(text: str, root: Path) -> str:
    """A path below the root without the root; others stay."""
    path = Path(text)
    if not path.is_absolute() or not path.is_relative_to(root):
        return text
    return _directory(path.relative_to(root).as_posix())
