"""The remappings that forge finds by looking into a directory of libraries, without any configuration.

A library is named by the directory that opened its *window*: a child of the libraries' directory, or of a `lib` or
`node_modules` inside one. Its target is the directory with its sources: the only `src` if there is one, else where the
Solidity files' paths meet. Only directories are looked at; nothing is read.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

_SOURCES = ("src", "contracts")
_LIBRARIES = ("lib", "node_modules")
_NOT_SEARCHED = ("tests", "test", "demo")


@dataclass(frozen=True)
class _Candidate:
    window: Path
    """The library's directory."""
    sources: Path
    level: int
    """How many libraries this one lies in."""


def find_libraries(directory: Path) -> dict[str, Path]:
    """`name/` -> the directory that it stands for, of every library in a directory and in those libraries."""
    search = _Search(directory.name == "node_modules")
    candidates = [
        candidate
        for child, _ in _entries(directory).directories
        for candidate in search.look(child, child, 0)
    ]
    found: dict[str, Path] = {}
    for candidate in sorted(candidates, key=lambda one: one.sources.parts):
        name = f"{candidate.window.name}/"
        known = found.get(name)
        if (
            known is None
            or len(known.parts) > len(candidate.sources.parts)
            or (candidate.sources.name == "src" and known.name != "src")
        ):
            found[name] = candidate.sources
    return found


@dataclass(frozen=True)
class _Entries:
    directories: list[tuple[Path, bool]]
    """With whether they are links."""
    has_sources: bool


class _Search:
    def __init__(self, in_node_modules: bool) -> None:
        self._in_node_modules = in_node_modules
        self._links_seen: set[Path] = set()

    def look(self, directory: Path, opened: Path, level: int) -> list[_Candidate]:
        entries = _entries(directory)
        children = []
        for child, is_link in entries.directories:
            if is_link and self._leads_back(child, opened):
                return []
            if child.name not in _NOT_SEARCHED:
                children.append(child)
        candidates: list[_Candidate] = []
        for child in children:
            if child.name in _LIBRARIES:
                candidates += self.look(child, child, level + 1)
            else:
                candidates += self.look(child, opened, level)
        window = _window(opened, directory)
        here = [one for one in candidates if one.level == level]
        if entries.has_sources or sum(one.window == window for one in here) > 1:
            return self._merged(candidates, directory, level, window)
        if here:
            place = candidates.index(here[0])
            candidates[place] = _settled(here[0], opened, window)
        return candidates

    def _merged(
        self, candidates: list[_Candidate], directory: Path, level: int, window: Path
    ) -> list[_Candidate]:
        in_src = [one for one in candidates if one.sources.name == "src"]
        if len(in_src) == 1:
            return in_src
        kept = [one for one in candidates if one.level != level]
        # An npm package is imported by its own name, so its window is its target.
        sources = window if self._in_node_modules else directory
        if level > 0 and sources == window and sources.name in (*_SOURCES, *_LIBRARIES):
            return kept
        return [*kept, _Candidate(window, sources, level)]

    def _leads_back(self, link: Path, opened: Path) -> bool:
        target = link.resolve()
        if target in self._links_seen:
            return True
        self._links_seen.add(target)
        return len(opened.parts) > len(target.parts)


def _settled(candidate: _Candidate, opened: Path, window: Path) -> _Candidate:
    """The only candidate of a level: its sources are where imports begin."""
    sources = candidate.sources
    try:
        distance = len(sources.relative_to(candidate.window).parts)
    except ValueError:
        distance = 0
    if distance > 1 and (sources.name == "contracts" or sources.parts[-2:] == ("contracts", "src")):
        return replace(candidate, sources=window)
    if sources.name not in _SOURCES and sources != candidate.window:
        above = next((one for one in sources.parents if one == opened or one.name in _SOURCES), opened)
        return replace(candidate, sources=above)
    return candidate


def _window(opened: Path, directory: Path) -> Path:
    if opened.name not in _LIBRARIES or opened == directory:
        return opened
    return opened / directory.relative_to(opened).parts[0]


def _entries(directory: Path) -> _Entries:
    try:
        with os.scandir(directory) as listing:
            entries: Iterable[os.DirEntry[str]] = sorted(
                (one for one in listing if not one.name.startswith(".")), key=lambda one: one.name
            )
    except OSError:
        return _Entries([], False)
    return _Entries(
        [(Path(one.path), one.is_symlink()) for one in entries if one.is_dir()],
        any(one.name.endswith(".sol") and one.is_file() for one in entries),
    )
