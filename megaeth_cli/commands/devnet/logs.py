"""`megaeth devnet logs`: the last lines of a process's log, and those to come."""

import json
import os
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from devnet.console.lines import ConsoleLine
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError
from megaeth_cli.select_devnet import START_ONE, DataDir, Name, find_session

FOLLOW_INTERVAL_S = 0.2
_BLOCK_BYTES = 65_536


def logs(
    context: typer.Context,
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE", help="sequencer, full-node-1, ..., or supervisor for a detached one's own."
        ),
    ] = "sequencer",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines come, until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Show the log of a process, also of a devnet that has stopped."""
    env = environment(context)
    session = find_session(env, name, data_dir)
    paths = env.paths.network(session.name if session is not None else name or env.network_name)
    path = paths.log(node)
    if not path.is_file():
        known = sorted(entry.stem for entry in paths.logs.glob("*.log"))
        raise CliError(
            f"there is no log of '{node}'",
            f"{paths.logs} has {', '.join(known) if known else 'none yet'}",
            START_ONE if not known else f"megaeth devnet logs {known[0]}",
        )
    shown, position = _last_lines(path, lines)
    for line in chain(shown, _new_lines(path, position) if follow else ()):
        env.write(json.dumps(_named(line)) if env.json else line)


def _named(line: str) -> dict[str, Any]:
    """The line, and what it says under names where it is of the console: tx, method, contract, text."""
    told = ConsoleLine.of_log(line)
    return {"line": line} | (told.fields() if told is not None else {})


def _last_lines(path: Path, count: int) -> tuple[list[str], int]:
    """The last lines, and where the file ended then."""
    with path.open("rb") as file:
        start = end = file.seek(0, os.SEEK_END)
        block = b""
        while start > 0 and block.count(b"\n") <= count:
            start = max(0, start - _BLOCK_BYTES)
            file.seek(start)
            block = file.read(end - start)
    lines = block.decode(errors="replace").splitlines()
    return (lines[-count:] if count else []), end


def _new_lines(path: Path, position: int) -> Iterator[str]:
    """Lines as they are written from a position on, over rotations."""
    file = path.open("rb")
    file.seek(position)
    while True:
        line = file.readline()
        if line.endswith(b"\n"):
            position += len(line)
            yield line.decode(errors="replace").rstrip("\r\n")
            continue
        file.seek(position)
        try:
            rotated = path.stat().st_ino != os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            rotated = False
        if rotated:
            file.close()
            file, position = path.open("rb"), 0
        else:
            time.sleep(FOLLOW_INTERVAL_S)
