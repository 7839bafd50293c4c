"""Pages of docs/ whose commands a test runs: `console` blocks, a `$` before each command, and what it prints.

In a page `...` stands for any text within a line, and alone on a line for any number of lines.
"""

import re
import shlex
from pathlib import Path

from tests.support.cli import compiler_variables

ROOT = Path(__file__).parents[2]


def page(name):
    return (ROOT / "docs" / name).read_text()


def commands(text):
    """(command, expected lines) in the order of the page."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            yield command, lines


def matches(expected, printed):
    """Whether what was printed has the form of the lines; how much blank space stands between words does not count."""
    parts = []
    for line in expected:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            words = [".*".join(map(re.escape, word.split("..."))) for word in line.split()]
            parts.append(r"[ ]*" + r"[ ]+".join(words) + r"[ ]*\n")
    return re.fullmatch("".join(parts), printed) is not None


def wrong(megaeth, said):
    """Of the commands of a page, those that print something else, each with what it prints."""
    found = []
    for command, expected in said:
        program, *arguments = shlex.split(command)
        assert program == "megaeth"
        result = megaeth(*arguments, cwd=ROOT, **compiler_variables())
        printed = result.err + result.out if result.code else result.out
        fails = expected[0].startswith("error:")
        if not matches(expected, printed) or bool(result.code) != fails:
            found.append(f"$ {command}\n{printed}")
    return found
