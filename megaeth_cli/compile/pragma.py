"""Which compiler versions a `pragma solidity` allows. Versions and ranges only: no files, no compilers.

The ranges are npm's (https://docs.soliditylang.org/en/latest/layout-of-source-files.html#version-pragma):
comparators joined by spaces must all hold, `||` separates alternatives, `^`, `~`, `x` and hyphens are
shorthands.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Version(NamedTuple):
    """A compiler release."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """The first `x.y.z` in a text, None when there is none."""
        found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
        return cls(*map(int, found.groups())) if found else None


class Bounds(NamedTuple):
    """Versions from `low` up to, not including, `high`; None is no bound."""

    low: Version
    high: Version | None

    def __contains__(self, version: object) -> bool:
        return (
            isinstance(version, Version)
            and self.low <= version
            and (self.high is None or version < self.high)
        )


_ZERO = Version(0, 0, 0)
_PART = r"(?:\d+|[xX*])"
_PARTIAL = rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?"
_COMPARATOR = re.compile(rf"(\^|~|>=|<=|>|<|=)?\s*{_PARTIAL}")
_HYPHEN = re.compile(rf"{_PARTIAL}\s+-\s+{_PARTIAL}")


class PragmaError(ValueError):
    """A version range that is none."""


class VersionRange:
    """A parsed range, as in `^0.8.20 || >=0.7.0 <0.7.4`."""

    def __init__(self, text: str) -> None:
        """Parse; PragmaError says what cannot be read."""
        self.text = " ".join(text.split())
        self._alternatives = [_all_of(part) for part in text.split("||")]

    def __contains__(self, version: object) -> bool:
        return any(all(version in bounds for bounds in alternative) for alternative in self._alternatives)

    def __repr__(self) -> str:
        return f"VersionRange({self.text!r})"


def newest(versions: Iterable[Version], ranges: Iterable[VersionRange]) -> Version | None:
    """The newest version that all ranges allow."""
    wanted = list(ranges)
    return max((v for v in versions if all(v in one for one in wanted)), default=None)


def _all_of(text: str) -> list[Bounds]:
    # The compiler accepts quotes and, unlike npm, spaces after an operator.
    text = text.replace('"', " ").replace("'", " ").strip()
    if not text:
        return [Bounds(_ZERO, None)]
    if hyphen := _HYPHEN.fullmatch(text):
        parts = hyphen.groups()
        return [Bounds(_span(parts[:3]).low, _span(parts[3:]).high)]
    found, position = [], 0
    for match in _COMPARATOR.finditer(text):
        if text[position : match.start()].strip():
            break
        found.append(_comparator(match[1] or "", match.groups()[1:]))
        position = match.end()
    if text[position:].strip() or not found:
        raise PragmaError(f"not a version range: {text!r}")
    return found


def _comparator(operator: str, parts: tuple[str | None, ...]) -> Bounds:
    span = _span(parts)
    low, high = span
    match operator:
        case "^":
            return Bounds(low, _caret_end(low, parts))
        case "~":
            return Bounds(low, high if _number(parts[1]) is None else Version(low.major, low.minor + 1, 0))
        case ">=":
            return Bounds(low, None)
        case ">":
            # Nothing is greater than everything: `>*` allows no version.
            return Bounds(high, None) if high is not None else Bounds(_ZERO, _ZERO)
        case "<":
            return Bounds(_ZERO, low)
        case "<=":
            return Bounds(_ZERO, high)
        case _:
            return span


def _caret_end(low: Version, parts: tuple[str | None, ...]) -> Version | None:
    """The left-most part that is not zero stays."""
    if _number(parts[0]) is None:
        return None
    if low.major or _number(parts[1]) is None:
        return Version(low.major + 1, 0, 0)
    if low.minor or _number(parts[2]) is None:
        return Version(0, low.minor + 1, 0)
    return Version(0, 0, low.patch + 1)


def _span(parts: tuple[str | None, ...]) -> Bounds:
    """What a partial version stands for: `0.8` is every 0.8.z."""
    major, minor, patch = (_number(part) for part in parts)
    if major is None:
        return Bounds(_ZERO, None)
    if minor is None:
        return Bounds(Version(major, 0, 0), Version(major + 1, 0, 0))
    if patch is None:
        return Bounds(Version(major, minor, 0), Version(major, minor + 1, 0))
    return Bounds(Version(major, minor, patch), Version(major, minor, patch + 1))


def _number(part: str | None) -> int | None:
    return int(part) if part is not None and part.isdigit() else None
