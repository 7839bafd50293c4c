"""docs/megaeth-for-ethereum-developers.md: every command in it prints what the page says.

In the page `...` stands for any text within a line, and alone on a line for any number of lines.
"""

import re
import shlex
from pathlib import Path

import pytest

from tests.support.cli import compiler_variables

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "megaeth-for-ethereum-developers.md").read_text()


def commands():
    """(command, expected lines) in the order of the page."""
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
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


@pytest.fixture(scope="module")
def said():
    return list(commands())


def test_every_command_prints_what_the_page_says(megaeth, new_node, said, monkeypatch):
    # Few mini-blocks leave a busy machine more time for the commands; what they print is the same.
    monkeypatch.setenv(
        "MEGAETH_RPC_URL", new_node(blocks__block_time_s=4, blocks__mini_block_time_ms=500).start().url
    )
    wrong = []
    for command, expected in said:
        program, *arguments = shlex.split(command)
        assert program == "megaeth"
        result = megaeth(*arguments, cwd=ROOT, **compiler_variables())
        printed = result.err + result.out if result.code else result.out
        fails = expected[0].startswith("error:")
        if not matches(expected, printed) or bool(result.code) != fails:
            wrong.append(f"$ {command}\n{printed}")
    assert not wrong, "\n".join(wrong)


def test_each_section_has_a_command_or_says_what_others_do(said):
    sections = PAGE.split("\n## ")[1:]
    silent = [text.split("\n")[0] for text in sections if "```console" not in text]
    assert silent == ["What the public gateway refuses"]
    assert len(said) >= 20


def test_what_the_gateway_refuses_is_served_here(node):
    table = PAGE[PAGE.index("## What the public gateway refuses") :]
    named = re.findall(r"`((?:eth|txpool|debug|trace)_\w+)`", table)
    served = {method["name"] for method in node.rpc("rpc.discover")["methods"]}
    assert len(named) > 10
    assert set(named) <= served


def test_another_line_another_number_or_a_missing_line_does_not_pass():
    said = ["status success", "...", "gas used 60,000 = ..."]
    assert matches(said, "status   success\nblock 1\ngas used  60,000 = 21,000\n")
    assert not matches(said, "status   success\nblock 1\ngas used  60,001 = 21,000\n")
    assert not matches(said, "status   success\nblock 1\n")
    assert not matches(["0x1"], "0x10\n")
