"""Write the pages of docs/ that are made from the program itself; `--check` only says whether they are current."""

import io
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text
from typer.core import TyperGroup

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# The same pages for everyone: no terminal width, no colours.
os.environ["COLUMNS"] = "100"
os.environ["NO_COLOR"] = "1"
os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"

from devnet.config import Config, known_settings  # noqa: E402
from devnet.roles.served import all_methods, served  # noqa: E402
from devnet.rpc.methods import Home, Line  # noqa: E402
from devnet.session import Role  # noqa: E402
from devnet.settings import load_config, render_toml  # noqa: E402
from megaeth_cli.app import COMMANDS, app, load_command  # noqa: E402
from megaeth_cli.env import Environment  # noqa: E402
from megaeth_cli.errors import ExitStatus  # noqa: E402
from megaeth_cli.help import adopt  # noqa: E402
from megaeth_cli.lint import RULES, Costs  # noqa: E402
from tests.clients import suites  # noqa: E402
from tests.compatibility.asks import WRITES  # noqa: E402
from tests.compatibility.verdicts import NOTES, VERDICTS, Verdict  # noqa: E402

if TYPE_CHECKING:
    from typer._click import Command, Context

CLI_INTRO = """# Commands

Generated from the program by `make docs`; a test compares them.

Every command takes `--json` (one JSON value on stdout, errors too; `logs`: one per line), `-v` (say more, twice for
everything) and `-q` (results and errors only). Messages and progress go to stderr, results to stdout. Colours follow
`NO_COLOR` and `FORCE_COLOR`.

An error says what happened, why, and what to do next; with `--json` it is
`{"error": {"what", "why", "hint", "status"}}`.

## Exit codes

| code | name | meaning |
|---|---|---|
"""

EXIT_MEANINGS = {
    ExitStatus.SUCCESS: "done",
    ExitStatus.FAILURE: "a check failed, a transaction reverted, or the request cannot be satisfied",
    ExitStatus.USAGE: "the command line is wrong",
    ExitStatus.CONFIG: "a setting in devnet.toml, the environment or a flag is wrong",
    ExitStatus.NOT_RUNNING: "no devnet or node answers",
    ExitStatus.UNAVAILABLE: "the machine refuses: port in use, directory locked or unwritable, a process that died",
    ExitStatus.RPC: "the node answered with a JSON-RPC error",
    ExitStatus.COMPILE: "the source does not compile, or there is no compiler",
    ExitStatus.INTERNAL: "a fault in this program",
    ExitStatus.INTERRUPTED: "Ctrl-C",
}

CONFIGURATION_INTRO = """# Settings

Generated from the program by `make docs`; a test compares them.

Flags win over environment variables, those over the file, the file over the defaults. The file is `devnet.toml` in
the working directory, or what `--config` or `MEGAETH_CONFIG` names. Relative paths are relative to the file, or to
the working directory for flags and variables.

Besides: `MEGAETH_HOME` is where devnets live (default: `megaeth` in the user's data directory), `MEGAETH_CACHE` where
compilers are kept, `MEGAETH_NAME` which devnet is meant when several run, `MEGAETH_RPC_URL` the node that commands
talk to.

## Chain id

The default is 6343, MegaETH's public testnet, because tools decide by it how they treat a network:

| chain id | forge 1.7.1 | viem |
|---|---|---|
| 4326 | MegaETH mainnet: `forge script` asks the node for gas (`eth_estimateGas`) | `megaeth` |
| 6343 | MegaETH testnet: `forge script` asks the node for gas | `megaethTestnet` |
| 6342 | unknown: `forge script` simulates with Ethereum's gas, too little for MegaETH | none |

The mainnet's id would do as well, but a wallet or a script could take the devnet for the place where real money
lives. With any other `--chain-id`, give forge `--skip-simulation` or `--gas-limit`.

## The tree

"""


def commands(command: "Command", context: "Context") -> "Iterator[tuple[Command, Context]]":
    """A command and all below it, with the contexts in which they would run."""
    yield command, context
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from commands(child, type(context)(child, info_name=name, parent=context))


def plain(text: str) -> str:
    """Without colours and outer blank space."""
    return Text.from_ansi(text).plain.strip()


def cli_page() -> str:
    """docs/cli.md."""
    page = CLI_INTRO
    for status, meaning in EXIT_MEANINGS.items():
        page += f"| {status.value} | {status.name} | {meaning} |\n"
    environment = Environment(io.StringIO(), io.StringIO(), io.StringIO())
    root = typer.main.get_command(app)
    adopt(root)
    root_context = root.make_context("megaeth", [], resilient_parsing=True, obj=environment)
    pages = [(root, root_context)]
    for name in COMMANDS:
        child = load_command(name)
        pages += commands(child, type(root_context)(child, info_name=name, parent=root_context))
    for command, context in pages:
        page += f"\n## {context.command_path}\n\n```text\n{plain(command.get_help(context))}\n```\n"
    return page


def configuration_page() -> str:
    """docs/configuration.md."""
    page = CONFIGURATION_INTRO
    page += "| setting | flag | variable | default |\n|---|---|---|---|\n"
    for setting in known_settings():
        default = "" if setting.default in (None, ()) else f"`{setting.default}`"
        page += f"| `{setting.dotted}` | `{setting.about.flag}` | `{setting.about.variable}` | {default} |\n"
    return page + f"\n## devnet.toml\n\n```toml\n{render_toml(load_config(cwd=Path('/')))}```\n"


METHODS_INTRO = """# JSON-RPC methods

Generated from the program by `make docs`; a test compares them. [json-rpc.md](json-rpc.md) tells what they mean here.

Parameters are positional; those with `?` may be left out. Another number of them is refused with -32602. A standby
answers what full nodes do.
"""

NAMESPACES = {
    "eth": "Ethereum's, with MegaETH's own where no other client has them",
    "debug": "what transactions and calls did, as geth tells it",
    "trace": "the same, as Parity tells it",
    "ots": "what Otterscan asks",
    "erigon": "likewise",
    "mega": "MegaETH's and this devnet's",
    "realtime": "MegaETH's",
    "txpool": "what waits",
    "net": "the network",
    "web3": "the program",
    "rpc": "the server",
    "personal": "the development accounts",
    "anvil": "what is done to the chain ([interventions.md](interventions.md), [json-rpc.md](json-rpc.md#going-back))",
    "hardhat": "the same under hardhat's names",
    "evm": "the same under the first names that local nodes had for it",
    "tenderly": "the same under Tenderly's names",
    "devnet": "for who knows the devnet's token, in a network of several nodes",
}

PASSED_ON = {
    Home.POOL: "sequencer, full node (passed on at `pending`)",
    Home.COMMITMENT: "sequencer, full node (passed on where it keeps no SALT)",
    Home.SEQUENCER: "sequencer, full node (passed on)",
}


def served_by(line: Line) -> str:
    """Which nodes answer a method."""
    told = (role for role in Role if role is not Role.STANDBY)
    roles = [role.hyphenated.replace("-", " ") for role in told if line.name in served(role)]
    return PASSED_ON.get(line.home, ", ".join(roles))


def methods_page() -> str:
    """docs/json-rpc-methods.md."""
    page = METHODS_INTRO
    for namespace, about in NAMESPACES.items():
        page += f"\n## {namespace}_: {about}\n\n| method | parameters | answered by | |\n|---|---|---|---|\n"
        for line in all_methods().values():
            if line.namespace == namespace:
                params = ", ".join(line.params)
                page += f"| `{line.name}` | {params} | {served_by(line)} | {line.about} |\n"
    return page


COMPATIBILITY_INTRO = """# Beside anvil, method by method

Generated by `make docs` from the table of a test (`tests/compatibility`), which asks anvil 1.7.1 and a devnet the same
questions on chains with the same history, and fails when a line here is no longer true. The devnet runs with
`--spec equivalence --automine`, so that only what a node does differs, not MegaETH's gas. What MegaETH does otherwise
is in [differences.md](differences.md), what happens to the state in [interventions.md](interventions.md).

- **same**: an answer has all members that anvil's has, in the same form. It may have more (`mega`).
- **differs**: it has not, or has another form, as told.
- **refused**: an error says why.
- **here only**: anvil's newest sources know the method, the release 1.7.1 answers with an error.
- **not offered**: -32601.

The list is the whole of anvil's, other names of the same method included.
"""


CLIENTS_INTRO = """
## Clients

`python -m tests.clients` lets real clients do with a devnet what their users do with a local node, and says of each
check whether it held (`--only NAME` for one client, `--json` for programs). It gets the clients from npm by itself and
takes some minutes. A check that fails fails the run, unless it is listed here; one that is listed and holds does, too.
"""


def compatibility_page() -> str:
    """docs/compatibility.md."""
    counts = Counter(verdict for verdict, _ in VERDICTS.values())
    page = COMPATIBILITY_INTRO
    page += (
        "\n"
        + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
        + f"; {len(VERDICTS)} in all.\n"
    )
    for title, writes in [("What reads", False), ("What changes something", True)]:
        page += f"\n## {title}\n\n| method | | how, or why |\n|---|---|---|\n"
        for name, (verdict, why) in VERDICTS.items():
            if (name in WRITES) == writes:
                page += f"| `{name}` | {verdict} | {why or NOTES.get(name, '')} |\n"
    return page + CLIENTS_INTRO + "".join(f"\n### {name}\n\n{client_part(name)}" for name in suites.SUITES)


def client_part(name: str) -> str:
    """What a client is tried with, and the checks that can't hold."""
    suite = suites.load(name)
    part = f"{suite.CLIENT}: {suite.TRIES}.\n"
    if differences := suites.differences(name):
        part += "\n| what differs | why |\n|---|---|\n"
    for reason, checks in differences.items():
        part += f"| {', '.join(f'`{check}`' for check in checks)} | {reason} |\n"
    return part


LINT_INTRO = """# Rules of `megaeth lint`

Generated from the program by `make docs`; a test compares them. The numbers are those that the engine gave, under the
rules of {spec}. [lint.md](lint.md) tells how to use the command.
"""


def lint_page() -> str:
    """docs/lint-rules.md."""
    costs = Costs(Config().chain.spec)
    page = LINT_INTRO.format(spec=costs.spec)
    for rule in RULES.values():
        page += f"\n## {rule.name}: {rule.title[0].lower()}{rule.title[1:]}\n\n{rule.why}\n\n"
        page += "| measured | |\n|---|---|\n"
        page += "".join(f"| {what} | {how_much} |\n" for what, how_much in rule.measures(costs))
        page += f"\n**What to do.** {rule.remedy}\n\n[Specification]({rule.source})\n"
    return page


PAGES = {
    "docs/compatibility.md": compatibility_page,
    "docs/cli.md": cli_page,
    "docs/configuration.md": configuration_page,
    "docs/json-rpc-methods.md": methods_page,
    "docs/lint-rules.md": lint_page,
}


def stale() -> list[str]:
    """The pages that differ from what the program says now."""
    return [
        name
        for name, make in PAGES.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text() != make()
    ]


def main() -> None:
    """Write the pages, or check them."""
    if "--check" in sys.argv:
        if names := stale():
            sys.exit(f"not current: {', '.join(names)}; make docs writes them")
        return
    for name, make in PAGES.items():
        (ROOT / name).write_text(make())
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
