"""`megaeth snapshot ...`: name the chain's state at one block, keep it in one file, and go back to it or on from it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from devnet.errors import UnavailableError
from megaeth_cli import options
from megaeth_cli.chain.rpc_client import connect
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError
from megaeth_cli.output import show
from megaeth_cli.select_devnet import Name as DevnetName
from megaeth_cli.snapshots.chain import is_in_chain
from megaeth_cli.snapshots.library import (
    SUFFIX,
    all_of,
    bad_file,
    check_whole,
    is_name,
    meant,
    named,
    opened,
    pieces_of,
    place_of,
)

if TYPE_CHECKING:
    from devnet.snapshots.manifest import Manifest

SAVE_TIMEOUT_S: Final = 600.0

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, - and _.", show_default=False)]
Word = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="One of `list`, or a file.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace what is there.")]


@app.callback()
def snapshot() -> None:
    """Keep a chain's state by name, go back to it, and begin others with it.

    A snapshot is the whole state at the end of one block, in one file that any machine with this version or a later one
    opens: `megaeth devnet up --snapshot NAME` begins a new devnet that goes on from that block.
    """


@app.command()
def save(
    context: typer.Context,
    name: Name,
    with_history: Annotated[
        bool,
        typer.Option(
            "--with-history", help="Earlier blocks too, with transactions, receipts and older states."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check", help="Compute the state root again before the file gets its name."
        ),
    ] = True,
    force: Force = False,
    rpc_url: options.RpcUrl = None,
    devnet: DevnetName = None,
) -> None:
    """Save the state of the running devnet, at the end of the block that has in it what can be seen now.

    The chain goes on meanwhile. A snapshot of that name is replaced when the new one is whole, and only with --force.
    """
    from megaeth_cli.snapshots.states import state_of
    from megaeth_cli.snapshots.taking import take

    env = environment(context)
    path = place_of(env, name)
    if path.exists() and not force:
        raise CliError(f"there is a snapshot '{name}' already", "", "--force replaces it; or another NAME")
    with connect(env, rpc_url, SAVE_TIMEOUT_S, name=devnet) as node:
        taken = take(node, path, history=with_history)
    try:
        if check:
            with opened(taken.aside) as file:
                state_of(file)
        taken.aside.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}", error.strerror or str(error)) from None
    finally:
        taken.aside.unlink(missing_ok=True)
    _show(env, path, taken.manifest, "saved")


@app.command("list")
def list_snapshots(context: typer.Context, rpc_url: options.RpcUrl = None, devnet: DevnetName = None) -> None:
    """List the snapshots that have a name, and what `load` would do with each on the devnet that runs."""
    env = environment(context)
    rows = [_row(path) for path in all_of(env)]
    _add_fits(env, rows, rpc_url, devnet)

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.snapshots import list_table

        return list_table(rows) if rows else "there is none; megaeth snapshot save NAME makes one"

    show(env, {"snapshots": rows}, render)


@app.command()
def rm(context: typer.Context, name: Name) -> None:
    """Remove a snapshot."""
    env = environment(context)
    path = named(env, name)
    path.unlink()
    show(env, {"name": name, "removed": str(path)}, lambda: f"removed {name}")


@app.command()
def export(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.", show_default=False)],
    force: Force = False,
) -> None:
    """Copy a snapshot to a file, for another machine or a repository."""
    env = environment(context)
    target = env.cwd / file
    if target.is_dir():
        target = target / f"{name}{SUFFIX}"
    if target.exists() and not force:
        raise CliError(f"{file} is there already", "", "--force replaces it; or another FILE")
    _copy(env, named(env, name), target, "exported")


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Its name here; default: the file's.")
    ] = None,
    force: Force = False,
) -> None:
    """Give a file a name here. It is read and checked as a whole first."""
    env = environment(context)
    source = env.cwd / file
    chosen = name if name is not None else source.name.removesuffix(SUFFIX)
    target = place_of(env, chosen)
    if target.exists() and not force:
        raise CliError(f"there is a snapshot '{chosen}' already", "", "--force replaces it; --as NAME")
    _copy(env, source, target, "imported")


@app.command()
def load(
    context: typer.Context,
    word: Word,
    forward: Annotated[
        bool, typer.Option("--forward", help="By transactions, even if the chain could go back to its block.")
    ] = False,
    rpc_url: options.RpcUrl = None,
    devnet: DevnetName = None,
) -> None:
    """Bring the running devnet to a snapshot's state, with all its nodes.

    If the snapshot's block is one of its chain's, the chain goes back to it: exactly that state, and the blocks after
    it are gone, with their receipts. Otherwise, or with --forward, it goes on: transactions make all accounts of the
    snapshot what they are in it, with no other slots than there. Accounts that the snapshot doesn't have stay.

    To begin a new devnet with a snapshot: megaeth devnet up --snapshot NAME.
    """
    from megaeth_cli.snapshots.difference import differences
    from megaeth_cli.snapshots.loading import go_back, go_forward
    from megaeth_cli.snapshots.states import running_state, state_of

    env = environment(context)
    path = meant(env, word)
    with opened(path) as file, connect(env, rpc_url, SAVE_TIMEOUT_S, name=devnet) as node:
        place = file.manifest.place
        facts = {"name": word, "block": place.block}
        if not forward and is_in_chain(node, place.block, place.block_hash):
            check_whole(file)
            go_back(node, place)
            show(env, facts | {"way": "back"}, lambda: f"the chain is back at block {place.block:,}")
            return
        wanted = state_of(file)
        with running_state(node) as now:
            loaded, others = go_forward(node, differences(now.accounts(), wanted.accounts()))
    for account in loaded.kept:
        env.complain(f"{account} stays as it is: the chain itself keeps it", "warning:", "bold yellow")
    facts |= {"way": "forward", "others": others, **asdict(loaded)}
    show(
        env,
        facts,
        lambda: (
            f"loaded {word}: {loaded.written:,} accounts were not as they are in it, written by "
            f"{loaded.transactions:,} transactions; {others:,} that it does not have stay"
        ),
    )


@app.command()
def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="A snapshot, or a file.", show_default=False)],
    after: Annotated[
        str | None,
        typer.Argument(metavar="[B]", help="Another; default: the running devnet.", show_default=False),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", metavar="N", min=1, help="Show so many accounts, and slots of each; --json has all."
        ),
    ] = 100,
    rpc_url: options.RpcUrl = None,
    devnet: DevnetName = None,
) -> None:
    """Show which accounts, balances, nonces, codes and slots differ between two states.

    Slots have the names of variables where the running devnet knows the contract. What every block changes by itself is
    left out: the hashes of blocks, beacon roots, and the nonce of the chain's own calls.
    """
    from megaeth_cli.snapshots.difference import differences
    from megaeth_cli.snapshots.naming import Names
    from megaeth_cli.snapshots.states import running_state, state_of

    env = environment(context)
    with opened(meant(env, before)) as file:
        first = state_of(file, computes_root=False)
    if after is not None:
        with opened(meant(env, after)) as file:
            found = list(differences(first.accounts(), state_of(file, computes_root=False).accounts()))
    else:
        with connect(env, rpc_url, SAVE_TIMEOUT_S, name=devnet) as node, running_state(node) as now:
            found = list(differences(first.accounts(), now.accounts()))
    names = Names(context, rpc_url, found)
    if env.json:
        env.write(json.dumps({"before": before, "after": after, "accounts": names.facts()}, indent=2))
        return
    env.write(names.text(limit))
    if len(found) > limit or any(len(one.slots) > limit for one in found):
        slots = sum(len(one.slots) for one in found)
        env.note(
            f"{len(found):,} accounts and {slots:,} slots differ: --limit N shows more of them, --json all"
        )


@app.command()
def verify(context: typer.Context, word: Word) -> None:
    """Check a snapshot: every byte by its checksums, and the state by its root, which is computed again."""
    from megaeth_cli.snapshots.states import state_of

    env = environment(context)
    path = meant(env, word)
    began = time.monotonic()
    with opened(path) as file:
        root = state_of(file).root
        manifest = file.manifest
    facts = _facts(path, manifest) | {"root_computed": root, "seconds": round(time.monotonic() - began, 2)}
    show(
        env,
        facts,
        lambda: (
            f"{word} is whole: block {manifest.place.block}, {manifest.accounts:,} accounts with "
            f"{manifest.slots:,} slots, state root {root}"
        ),
    )


def _copy(env: Environment, source: Path, target: Path, done: str) -> None:
    """All of a file that is not damaged, or nothing."""
    from devnet.files import write_atomically
    from devnet.snapshots.manifest import SnapshotError

    with opened(source) as file:
        try:
            file.check()
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, pieces_of(source), fsync=True)
        except SnapshotError as error:
            raise bad_file(source, str(error)) from None
        except OSError as error:
            raise UnavailableError(f"cannot write {target}", error.strerror or str(error)) from None
        _show(env, target, file.manifest, done)


def _facts(path: Path, manifest: Manifest) -> dict[str, Any]:
    place = manifest.place
    return {
        "name": path.stem if is_name(path.stem) else None,
        "file": str(path),
        "bytes": path.stat().st_size,
        "chain_id": place.chain_id,
        "spec": place.spec,
        "block": place.block,
        "block_hash": place.block_hash,
        "state_root": place.state_root,
        "accounts": manifest.accounts,
        "slots": manifest.slots,
        "codes": manifest.codes,
        "history": place.history,
        "created": manifest.created,
        "made_by": manifest.made_by,
    }


def _show(env: Environment, path: Path, manifest: Manifest, done: str) -> None:
    facts = _facts(path, manifest)
    show(
        env,
        facts,
        lambda: (
            f"{done} {path.name.removesuffix(SUFFIX)}: block {manifest.place.block:,} of chain "
            f"{manifest.place.chain_id}, {manifest.accounts:,} accounts with {manifest.slots:,} slots, "
            f"{facts['bytes']:,} bytes"
        ),
    )


def _row(path: Path) -> dict[str, Any]:
    """What is told of a file, damaged or not."""
    from devnet.errors import ConfigError

    try:
        with opened(path) as file:
            return _facts(path, file.manifest) | {"problem": None}
    except ConfigError as error:
        return {"name": path.stem, "file": str(path), "bytes": path.stat().st_size, "problem": error.why}


def _add_fits(env: Environment, rows: list[dict[str, Any]], rpc_url: str | None, devnet: str | None) -> None:
    """Of each, what `load` would do on the devnet that runs; None where none does."""
    from megaeth_cli.select_devnet import find_session

    for row in rows:
        row["fits"] = None
    if rpc_url is None and find_session(env, devnet) is None:
        return
    with connect(env, rpc_url, name=devnet) as node:
        for row in rows:
            if row["problem"] is None:
                is_here = is_in_chain(node, row["block"], row["block_hash"])
                row["fits"] = "goes back" if is_here else "by transactions"
