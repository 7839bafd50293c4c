"""docs/snapshots.md: every command in it prints what the page says (tests/support/console_pages.py)."""

from tests.support.console_pages import commands, page, wrong


def test_every_command_prints_what_the_page_says(megaeth, new_node, monkeypatch):
    monkeypatch.setenv("MEGAETH_RPC_URL", new_node(blocks__block_time_s=0.5).start().url)
    said = list(commands(page("snapshots.md")))
    assert len(said) >= 7
    failed = wrong(megaeth, said)
    assert not failed, "\n".join(failed)
