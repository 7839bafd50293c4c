"""Which compiler versions a `pragma solidity` allows. Versions and ranges only: no files, no compilers.

The compiler itself is the judge, and it differs from npm's ranges, which it imitates: it reads tokens of its
own language (`0.8.20-0.8.30` is a range, `v0.8.1` nothing), and `^0.0.3` allows every later 0.0.z
(solidity, liblangutil/SemVerHandler.cpp). Each pragma of a file must hold by itself.
"""

import re
from dataclasses import dataclass
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


class PragmaError(ValueError):
    """A version range that is none."""


class VersionRange:
    """What all pragmas of a file allow together, each as in `^0.8.20 || >=0.7.0 <0.7.4`."""

    def __init__(self, *pragmas: str) -> None:
        """Parse; PragmaError says what cannot be read."""
        self.text = ", ".join(" ".join(text.split()) for text in pragmas)
        self._pragmas = [_Reader(text).alternatives() for text in pragmas]

    def __contains__(self, version: object) -> bool:
        return isinstance(version, Version) and all(
            any(all(one.allows(version) for one in together) for together in alternatives)
            for alternatives in self._pragmas
        )

    def __repr__(self) -> str:
        return f"VersionRange({self.text!r})"


@dataclass(frozen=True)
class _Comparator:
    operator: str
    numbers: tuple[int | None, ...]
    """One to three parts; None is `x`, which any number equals."""

    def allows(self, version: Version) -> bool:
        # `~` keeps the minor, `^` the leftmost part that is not zero, of major and minor only.
        if self.operator == "~":
            return self._within(version, 2)
        if self.operator == "^":
            return self._within(version, 2 if self.numbers[0] == 0 else 1)
        order = self._compare(version, len(self.numbers))
        match self.operator:
            case "<":
                return order < 0
            case "<=":
                return order <= 0
            case ">":
                return order > 0
            case ">=":
                return order >= 0
            case _:
                return order == 0

    def _within(self, version: Version, levels: int) -> bool:
        kept = min(levels, len(self.numbers))
        return self._compare(version, len(self.numbers)) >= 0 and self._compare(version, kept) <= 0

    def _compare(self, version: Version, levels: int) -> int:
        for number, own in zip(self.numbers[:levels], version, strict=False):
            if number is not None and own != number:
                return own - number
        return 0


_OPERATORS = ("^", "~", "<=", ">=", "<", ">", "=")
# As the compiler's scanner cuts: `0.8` is one number, `.20` the next; no number begins with 00 or runs into a word;
# the longest operator wins (`->`, `*-`, `=>` are no `>`).
_TOKEN = re.compile(
    r"\s+|(?P<token>(?:(?:0(?!\d)|[1-9]\d*)(?:\.\d+)?|\.\d+)(?![\w$])|[A-Za-z_$][\w$]*"
    r"|\"[^\"]+\"|'[^']+'|>>>=|<<=|>>=|>>>|\|\||<<|>>|\*\*|==|<=|>=|=>|->|--|[-^*]=|[-^~<>=.*])"
)
_MAX_PARTS = 3


class _Reader:
    """Reads one pragma, part by part; parts may lie in several tokens, or several in one token."""

    def __init__(self, text: str) -> None:
        self._text = " ".join(text.split())
        self._tokens = self._cut(text)
        self._at = self._inside = 0

    def alternatives(self) -> list[list[_Comparator]]:
        found = [self._together()]
        while self._token == "||":
            self._at += 1
            found.append(self._together())
        if self._token:
            raise self._error("ranges are joined by `||`")
        return found

    def _together(self) -> list[_Comparator]:
        first = self._comparator()
        if self._token == "-":
            self._at += 1
            # Both ends belong to a hyphen's range, whatever operators stand before them.
            return [_Comparator(">=", first.numbers), _Comparator("<=", self._comparator().numbers)]
        found = [first]
        while self._token not in ("", "||"):
            found.append(self._comparator())
        return found

    def _comparator(self) -> _Comparator:
        operator = "="
        if self._inside == 0 and self._token in _OPERATORS:
            operator = self._token
            self._at += 1
        numbers: list[int | None] = []
        while len(numbers) < _MAX_PARTS:
            numbers.append(self._part())
            if self._character != ".":
                break
            self._advance()
        return _Comparator(operator, tuple(numbers))

    def _part(self) -> int | None:
        digit, token = self._character, self._at
        self._advance()
        if digit and digit in "xX*":
            return None
        if not digit.isdigit():
            raise self._error("a number, x or * is missing")
        number = int(digit)
        while number and self._at == token and self._character.isdigit():
            number = 10 * number + int(self._character)
            self._advance()
        return number

    @property
    def _token(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    @property
    def _character(self) -> str:
        return self._token[self._inside : self._inside + 1]

    def _advance(self) -> None:
        self._inside += 1
        if self._inside >= len(self._token):
            self._at, self._inside = self._at + 1, 0

    def _cut(self, text: str) -> list[str]:
        tokens, position = [], 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(f"{text[position]!r} cannot stand here")
            position = match.end()
            if match["token"]:
                tokens.append(match["token"].strip("\"'"))
        return tokens

    def _error(self, why: str) -> PragmaError:
        return PragmaError(f"not a version range: {self._text!r}: {why}")
