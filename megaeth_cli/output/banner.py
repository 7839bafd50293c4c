"""What `megaeth devnet up` shows once the devnet answers: accounts, keys, endpoints, chain. Rendering only."""

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devnet.config import BlockSettings, Config
from devnet.session import Session

MAX_SHOWN = 20


@dataclass(frozen=True)
class Account:
    """A funded account."""

    address: str
    key: str


def banner(session: Session, config: Config, accounts: list[Account], version: str) -> RenderableType:
    """The banner of a devnet that has just become ready."""
    parts: list[RenderableType] = [Text.assemble(("megaeth", "bold cyan"), f" {version}"), ""]
    hidden = max(0, config.accounts.count - len(accounts))
    if accounts:
        parts += [_heading("Accounts"), _accounts(accounts, config, hidden), ""]
        parts += [_heading("Private keys"), _keys(accounts), ""]
        parts += _mnemonic(config)
    parts += [_heading("Network"), _network(session, config)]
    return Group(*parts)


def _heading(text: str) -> Text:
    return Text(text, style="bold")


def _accounts(accounts: list[Account], config: Config, hidden: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for index, account in enumerate(accounts):
        table.add_row(f"({index})", account.address, f"{config.accounts.balance_eth:,.10g} ETH")
    if hidden:
        table.add_row("", f"and {hidden:,} more")
    return table


def _keys(accounts: list[Account]) -> Table:
    table = Table.grid(padding=(0, 2))
    for index, account in enumerate(accounts):
        table.add_row(f"({index})", account.key)
    return table


def _mnemonic(config: Config) -> list[RenderableType]:
    if config.uses_test_keys:
        return [
            Text("These keys are public. Never send real money to these accounts.", style="bold yellow"),
            Text(f"mnemonic: {config.accounts.mnemonic}", style="dim"),
            "",
        ]
    return [
        Text("The keys come from your own mnemonic. Keep this output to yourself.", style="bold yellow"),
        "",
    ]


def _blocks(blocks: BlockSettings) -> str:
    """When there is a block."""
    if blocks.automine:
        return "one with each transaction (--automine)"
    if not blocks.mining:
        return "when they are asked for: megaeth devnet mine"
    mini, block = blocks.mini_block_time_ms, blocks.block_time_s
    return f"a mini-block every {mini} ms, an EVM block every {block:g} s"


def _network(session: Session, config: Config) -> Table:
    table = Table.grid(padding=(0, 2))
    for node in session.nodes:
        for kind, url in node.endpoints.items():
            table.add_row(f"{node.name} {kind}", Text(url, style="cyan"))
    table.add_row("chain id", f"{session.chain_id} ({session.chain_id:#x})")
    table.add_row("spec", session.spec)
    if config.fork.url is not None:
        table.add_row(
            "forked from",
            f"block {config.fork.block_number}" if config.fork.block_number is not None else "as before",
        )
    table.add_row("blocks", _blocks(config.blocks))
    table.add_row("base fee", f"{config.chain.base_fee:,} wei")
    table.add_row("gas limit", f"{config.chain.gas_limit:,}")
    kept = f"{session.data_dir} (deleted on stop)" if session.ephemeral else session.data_dir
    table.add_row("data", kept)
    return table
