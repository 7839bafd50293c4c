"""The `import` and `pragma` statements and the comments of a source, told from what only looks like one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# The compiler ends a line at each of these.
_LINE_END = "\n\v\f\r\x85\u2028\u2029"
_STRING = r"""(?P<string>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')"""
_COMMENT = rf"(?P<comment>//[^{_LINE_END}]*|/\*.*?\*/)"
_OF_INTEREST = re.compile(
    rf"{_STRING}|{_COMMENT}|(?P<keyword>(?<![\w$])(?:import|pragma)(?![\w$]))|;", re.DOTALL
)
_COMMENTS = re.compile(_COMMENT, re.DOTALL)
_SOLIDITY = re.compile(r"\s*solidity(?![\w$])(.*)", re.DOTALL)


@dataclass
class Statements:
    """What a source asks for."""

    imports: list[str] = field(default_factory=list)
    """The paths in the import statements."""
    pragmas: list[str] = field(default_factory=list)
    """The version ranges, one for each `pragma solidity`."""


def read_statements(source: str) -> Statements:
    """Find the statements of a source."""
    found = Statements()
    for keyword, body, strings in _statements(source):
        if keyword == "import" and strings:
            found.imports.append(strings[0][1:-1])
        elif keyword == "pragma" and (match := _SOLIDITY.fullmatch(_COMMENTS.sub(" ", body))):
            found.pragmas.append(match[1].strip())
    return found


def _statements(source: str) -> Iterator[tuple[str, str, list[str]]]:
    keyword, begin, strings = "", 0, list[str]()
    for match in _OF_INTEREST.finditer(source):
        if match["comment"]:
            continue
        if match["string"]:
            strings.append(match["string"])
        elif match["keyword"] and not keyword:
            keyword, begin, strings = match["keyword"], match.end(), []
        elif match[0] == ";":
            if keyword:
                yield keyword, source[begin : match.start()], strings
            keyword = ""


def read_comments(source: str) -> Iterator[tuple[int, str]]:
    """The comments of a source: where each begins, in characters, and its text."""
    for match in _OF_INTEREST.finditer(source):
        if match["comment"]:
            yield match.start(), match["comment"]
