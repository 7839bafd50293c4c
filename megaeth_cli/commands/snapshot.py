"""`megaeth snapshot ...`: name the chain's state at one block, keep it in one file, and go back to it or on from it."""

from __future__ import annotations

import time
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
    is_name,
    meant,
    named,
    opened,
    pieces_of,
    place_of,
)

if TYPE_CHECKING:
    from devnet.snapshots.file import SnapshotFile
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
                _checked(file)
        taken.aside.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}", error.strerror or str(error)) from None
    finally:
        taken.aside.unlink(missing_ok=True)
    _show(env, path, taken.manifest, "saved")


@app.command("list")
def list_snapshots(context: typer.Context, devnet: DevnetName = None) -> None:
    """List the snapshots that have a name, and what `load` would do with each on the devnet that runs."""
    env = environment(context)
    rows = [_row(path) for path in all_of(env)]
    _add_fits(env, rows, devnet)

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
def verify(context: typer.Context, word: Word) -> None:
    """Check a snapshot: every byte by its checksums, and the state by its root, which is computed again."""
    env = environment(context)
    path = meant(env, word)
    began = time.monotonic()
    with opened(path) as file:
        root = _checked(file)
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


def _checked(file: SnapshotFile) -> str:
    """The root of its state. ConfigError: it is damaged, or another one than its block says."""
    from devnet.snapshots.manifest import SnapshotError
    from megaeth_cli.snapshots.opened import OpenedState

    try:
        return OpenedState(file).root
    except SnapshotError as error:
        raise bad_file(file.path, str(error)) from None


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


def _add_fits(env: Environment, rows: list[dict[str, Any]], devnet: str | None) -> None:
    """Of each, what `load` would do on the devnet that runs; None where none does."""
    from megaeth_cli.select_devnet import find_session

    session = find_session(env, devnet)
    for row in rows:
        row["fits"] = None
    if session is None:
        return
    with connect(env, session.rpc_url) as node:
        for row in rows:
            if row["problem"] is None:
                is_here = is_in_chain(node, row["block"], row["block_hash"])
                row["fits"] = "goes back" if is_here else "by transactions"
