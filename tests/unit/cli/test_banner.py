"""What `megaeth devnet up` shows of the settings."""

from dataclasses import replace

import pytest
from rich.console import Console

from devnet.config import Config
from megaeth_cli.output.banner import banner
from tests.unit.cli.test_devnet_commands import session


def shown(**blocks):
    config = replace(Config(), blocks=replace(Config().blocks, **blocks))
    console = Console(width=120)
    with console.capture() as printed:
        console.print(banner(session("devnet"), config, [], "1.0"))
    return printed.get()


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ({}, "a mini-block every 10 ms, an EVM block every 1 s"),
        ({"automine": True}, "one with each transaction (--automine)"),
        ({"mining": False}, "when they are asked for: megaeth devnet mine"),
    ],
)
def test_when_there_are_blocks_is_as_the_settings_have_it(blocks, told):
    printed = shown(**blocks)
    assert told in printed
    assert ("every 1 s" in printed) == (not blocks)
