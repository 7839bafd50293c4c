"""Comments in a source that say which findings may stand, and why: `// megaeth-lint: ignore[rule, rule] reason`.

A comment covers findings that begin on its own line, or on the next line with code where it stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from megaeth_cli.compile.statements import read_comments
from megaeth_cli.compile.trees import Tree
from megaeth_cli.lint.findings import Finding, Level, Place

NAME = "suppression"
_COMMENT = re.compile(r"//+\s*megaeth-lint:\s*(.*?)\s*$")
_IGNORE = re.compile(r"ignore\[([\w\s,-]+)\]\s*(.*)")


@dataclass(frozen=True)
class Suppression:
    """One comment."""

    rules: frozenset[str]
    reason: str
    covers: int
    """The line whose findings are meant."""
    place: Place
    problem: str = ""
    """Why it does not count."""


def suppressions_of(tree: Tree, rules: frozenset[str]) -> list[Suppression]:
    """The comments of a source; those that are wrong say so. `rules`: the names that there are."""
    lines = tree.text.split("\n")
    return [
        _read(tree, lines, number, column, text, rules)
        for offset, text in read_comments(tree.text)
        if _COMMENT.match(text)
        for number, column in [_position(tree.text, offset)]
    ]


def suppress(findings: list[Finding], suppressions: list[Suppression]) -> Iterator[Finding]:
    """The findings, those that are covered marked so, and one for each comment that is wrong or covers nothing."""
    used: set[int] = set()
    for one in findings:
        covering = [
            (index, comment)
            for index, comment in enumerate(suppressions)
            if not comment.problem
            and one.rule in comment.rules
            and comment.place.path == one.place.path
            and comment.covers == one.place.begin[0]
        ]
        used |= {index for index, _ in covering}
        yield replace(one, suppressed=covering[0][1].reason) if covering else one
    for index, comment in enumerate(suppressions):
        if comment.problem:
            yield Finding(NAME, Level.WARNING, comment.problem, comment.place)
        elif index not in used:
            yield Finding(NAME, Level.NOTE, "this comment covers no finding", comment.place)


def _read(
    tree: Tree, lines: list[str], number: int, column: int, text: str, rules: frozenset[str]
) -> Suppression:
    line = lines[number - 1]
    alone = not line[: column - 1].strip()
    covers = _next_code(lines, number) if alone else number
    place = Place(tree.path, (number, column), (number, column + len(text)), line.rstrip("\r"))
    said = _COMMENT.match(text)
    ignored = _IGNORE.fullmatch(said[1]) if said else None
    if ignored is None:
        return Suppression(frozenset(), "", covers, place, "write `megaeth-lint: ignore[rule] reason`")
    names = frozenset(name.strip() for name in ignored[1].split(","))
    if unknown := sorted(names - rules):
        return Suppression(names, "", covers, place, f"there is no rule {unknown[0]!r}")
    if not ignored[2]:
        return Suppression(names, "", covers, place, "a reason is missing: `ignore[rule] reason`")
    return Suppression(names, ignored[2], covers, place)


def _next_code(lines: list[str], number: int) -> int:
    """The next line that is neither blank nor a comment of one line."""
    for after, line in enumerate(lines[number:], number + 1):
        if line.strip() and not line.strip().startswith("//"):
            return after
    return number


def _position(text: str, offset: int) -> tuple[int, int]:
    begin = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - begin + 1
