"""What a contract's sources define, on which lines, and what of it an execution can have come to.

Optimised code is shared between functions that have nothing to do with one another, and its lines are those of one of
them. Told by names alone, from the text: what a function mentions it may call, with its modifiers, its bases' functions
of the same name and free functions. So nothing that was executed is left out, and what has no name in common is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from megaeth_cli.bytecode.source_map import Line

CONSTRUCTOR, FALLBACK, RECEIVE = "constructor", "fallback", "receive"

_SILENT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
_FAILURE = re.compile(r"""\b(revert|require|assert)\b\s*(\w*)[^"'\n]*("[^"\n]*"|'[^'\n]*')?""")
_TOKEN = re.compile(r"[A-Za-z_$][\w$]*|[{};\n]|(?<![=<>!])=(?![=>])")
_CONTAINERS = frozenset(("contract", "library", "interface", "abstract"))
_NAMED = frozenset(("function", "modifier"))
_UNNAMED = frozenset((CONSTRUCTOR, FALLBACK, RECEIVE))
_WITHOUT_CODE = frozenset(("pragma", "import", "error", "event", "struct", "enum", "type"))


@dataclass(frozen=True)
class Definition:
    """A function, modifier or variable of a contract or a file."""

    name: str
    is_variable: bool
    first: int
    last: int
    """Lines, from 1."""
    mentioned: frozenset[str]
    """All words in it."""


class Definitions:
    """Of the sources that were compiled together, by the compiler's names of their files."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._reached: dict[str, frozenset[Definition]] = {}
        self._answers: dict[tuple[str, str, int], bool] = {}

    def may_reach(self, entry: str, line: Line) -> bool:
        """Whether what begins at a function (or `constructor`, `fallback`, `receive`) may get to a line.

        What lies outside all definitions, and in files that are not known, may be reached from everywhere.
        """
        key = entry, line.unit, line.number
        if key not in self._answers:
            here = [one for one in self._by_unit.get(line.unit, ()) if one.first <= line.number <= one.last]
            self._answers[key] = not here or any(one in self._from(entry) for one in here)
        return self._answers[key]

    def alike(self, failing: Line, near: Line) -> Line | None:
        """The one line that fails with the same error or message as another, in the function that a line is in; None
        where there is no such line, or several."""
        here = [one for one in self._by_unit.get(near.unit, ()) if one.first <= near.number <= one.last]
        texts = self._sources.get(near.unit, "").split("\n")
        numbers = {n for one in here for n in range(one.first, one.last + 1)}
        found = [n for n in numbers if _failures(failing.text) & _failures(texts[n - 1])]
        return Line(near.unit, found[0], texts[found[0] - 1].strip()) if len(found) == 1 else None

    def _from(self, entry: str) -> frozenset[Definition]:
        if entry not in self._reached:
            self._reached[entry] = frozenset(self._walk(entry))
        return self._reached[entry]

    def _walk(self, entry: str) -> Iterator[Definition]:
        waiting = [entry, *self._operators]
        if entry == CONSTRUCTOR:
            # Which gives the variables their first values, too.
            waiting += [one.name for one in self._all if one.is_variable]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for one in self._by_name.get(name, ()):
                yield one
                # A constructor is never called by name.
                waiting += one.mentioned - seen - _UNNAMED

    @cached_property
    def _by_unit(self) -> dict[str, list[Definition]]:
        return {unit: list(_definitions(text)) for unit, text in self._sources.items()}

    @cached_property
    def _all(self) -> list[Definition]:
        return [one for each in self._by_unit.values() for one in each]

    @cached_property
    def _by_name(self) -> dict[str, list[Definition]]:
        found: dict[str, list[Definition]] = {}
        for one in self._all:
            found.setdefault(one.name, []).append(one)
        return found

    @cached_property
    def _operators(self) -> list[str]:
        """Functions that are called by `+` and its like: `using {add as +} for T`."""
        return [name for one in self._all if one.name == "using" for name in one.mentioned]


def _failures(text: str) -> set[tuple[str, ...]]:
    """The errors and messages that a line may fail with."""
    return set(_FAILURE.findall(text))


def _definitions(text: str) -> Iterator[Definition]:
    """Cuts a source into its definitions: at a container's own level each ends with `;` or with its block."""
    words: list[str] = []
    name, first, number, depth = "", 0, 1, 0
    for token in _tokens(text):
        if token == "\n":
            number += 1
        elif token == "{" and not depth and words[:1] and words[0] in _CONTAINERS:
            words, name = [], ""
        elif token == "{":
            name = name or _name(words)
            depth += 1
        elif token == "=" and not depth:
            name = name or _name(words)
        elif token == "}" and depth > 1:
            depth -= 1
        elif token in "};":
            if token == ";" and depth:
                continue
            if words and words[0] not in _WITHOUT_CODE:
                yield _definition(name or _name(words), words, first, number)
            words, name, depth = [], "", 0
        elif token != "=":
            first = first if words else number
            words.append(token)


def _tokens(text: str) -> Iterable[str]:
    silenced = _SILENT.sub(lambda found: " " + "\n" * found[0].count("\n"), text)
    return _TOKEN.findall(silenced)


def _definition(name: str, words: list[str], first: int, last: int) -> Definition:
    is_variable = words[0] not in _NAMED and name not in _UNNAMED and name != "using"
    return Definition(name, is_variable, first, last, frozenset(words))


def _name(words: list[str]) -> str:
    """Of what these words begin; of a variable it is the last of them."""
    if not words:
        return ""
    if words[0] == "using" or words[0] in _UNNAMED:
        return words[0]
    if (
        words[0] == "function"
        and len(words) > 1
        and words[1] in ("external", "public", "payable", "internal")
    ):
        return FALLBACK  # of Solidity before 0.6, or a variable that holds a function
    return words[1] if words[0] in _NAMED and len(words) > 1 else words[-1]
