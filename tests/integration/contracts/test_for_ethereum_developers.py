"""docs/megaeth-for-ethereum-developers.md: every command in it prints what the page says.

How a page is read is in tests/support/console_pages.py.
"""

import re

import pytest

from tests.support.console_pages import commands, matches, page, wrong

PAGE = page("megaeth-for-ethereum-developers.md")


@pytest.fixture(scope="module")
def said():
    return list(commands(PAGE))


def test_every_command_prints_what_the_page_says(megaeth, new_node, said, monkeypatch):
    # Few mini-blocks leave a busy machine more time for the commands; what they print is the same.
    monkeypatch.setenv(
        "MEGAETH_RPC_URL", new_node(blocks__block_time_s=4, blocks__mini_block_time_ms=500).start().url
    )
    failed = wrong(megaeth, said)
    assert not failed, "\n".join(failed)


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
