"""The project around a source file: its root, its remappings, and the settings it already has for other
tools.

Reads foundry.toml and remappings.txt, knows where npm and forge put dependencies. Compiles nothing.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from megaeth_cli.compile.errors import CompileError

_ROOT_MARKERS = (
    "foundry.toml",
    "remappings.txt",
    "hardhat.config.js",
    "hardhat.config.ts",
    "hardhat.config.cjs",
    "package.json",
    ".git",
)


class Remapping(NamedTuple):
    """`context:prefix=target`: imports of prefix go to target, in units that start with the context."""

    context: str
    prefix: str
    target: str

    def __str__(self) -> str:
        return (
            f"{self.context}:{self.prefix}={self.target}" if self.context else f"{self.prefix}={self.target}"
        )

    @classmethod
    def parse(cls, text: str, where: str) -> "Remapping":
        """Read `[context:]prefix=[target]`."""
        left, equals, target = text.strip().partition("=")
        context, colon, prefix = left.partition(":")
        if not colon:
            context, prefix = "", left
        if not equals or not prefix:
            raise CompileError(
                f"{where}: not a remapping: {text.strip()!r}",
                "a remapping is [CONTEXT:]PREFIX=TARGET",
                "for example @openzeppelin/=lib/openzeppelin-contracts/",
            )
        return cls(context, prefix, target)


@dataclass(frozen=True)
class Project:
    """What surrounds a source file."""

    root: Path
    remappings: tuple[Remapping, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`[profile.default]` of foundry.toml; empty without one."""

    def unit_name(self, path: Path) -> str:
        """The compiler's name of a file: relative to the root where possible."""
        absolute = path.absolute()
        try:
            return absolute.relative_to(self.root).as_posix()
        except ValueError:
            return absolute.as_posix()

    def search_path(self, importer: Path) -> Iterator[Path]:
        """Where a unit may lie: the root, then node_modules from the importer upwards, then lib."""
        yield self.root
        for directory in importer.absolute().parents:
            if (modules := directory / "node_modules").is_dir():
                yield modules
        for name in _strings(self.settings, "libs") or ["lib"]:
            if (library := self.root / name).is_dir() and library.name != "node_modules":
                yield library


def find_project(source: Path, extra: tuple[str, ...] = ()) -> Project:
    """The project of a source file; `extra` are remappings from the command line, which win."""
    absolute = source.absolute()
    root = next(
        (parent for parent in absolute.parents if any((parent / name).exists() for name in _ROOT_MARKERS)),
        absolute.parent,
    )
    settings = _foundry_settings(root)
    remappings = (
        *_forge_libraries(root, settings),
        *(Remapping.parse(text, "foundry.toml") for text in _strings(settings, "remappings")),
        *_remappings_file(root),
        *(Remapping.parse(text, "--remapping") for text in extra),
    )
    # Later ones win over earlier ones with the same context and prefix.
    unique = {(one.context, one.prefix): one for one in remappings}
    return Project(root, tuple(unique.values()), settings)


def _foundry_settings(root: Path) -> dict[str, Any]:
    path = root / "foundry.toml"
    if not path.is_file():
        return {}
    try:
        profile = tomllib.loads(path.read_text(encoding="utf-8")).get("profile", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CompileError(f"{path} cannot be read", str(error)) from None
    settings = profile.get("default", {}) if isinstance(profile, dict) else {}
    return settings if isinstance(settings, dict) else {}


def _remappings_file(root: Path) -> Iterator[Remapping]:
    path = root / "remappings.txt"
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield Remapping.parse(line, f"{path}:{number}")


def _forge_libraries(root: Path, settings: Mapping[str, Any]) -> Iterator[Remapping]:
    """What forge infers for each library of `forge install`: `name/` is its src or contracts directory."""
    for name in _strings(settings, "libs") or ["lib"]:
        library_root = root / name
        if library_root.name == "node_modules" or not library_root.is_dir():
            continue
        for library in sorted(library_root.iterdir()):
            inside = next((part for part in ("src", "contracts") if (library / part).is_dir()), None)
            if inside is not None:
                yield Remapping("", f"{library.name}/", f"{name}/{library.name}/{inside}/")


def _strings(settings: Mapping[str, Any], key: str) -> list[str]:
    value = settings.get(key, [])
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
