"""Files that a command writes because it was asked to: none is replaced unless that was asked for, too."""

from __future__ import annotations

from pathlib import Path

from devnet.errors import UnavailableError
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError


def write_new(env: Environment, file: Path, data: str | bytes, *, force: bool) -> Path:
    """Write a file, seen from where the command was given; return where it is. CliError if there is one already."""
    target = env.cwd / file
    try:
        with target.open("wb" if force else "xb") as output:
            output.write(data.encode() if isinstance(data, str) else data)
    except FileExistsError:
        raise CliError(
            f"{file} is there already", "", "give --force to replace it, or another name"
        ) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise UnavailableError(
            f"cannot write {file}", why, "another FILE, in a directory that is there"
        ) from error
    return target
