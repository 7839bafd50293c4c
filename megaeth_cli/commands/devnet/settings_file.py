"""`megaeth devnet init`: a settings file that explains itself."""

import os
from pathlib import Path
from typing import Annotated

import typer

from devnet.errors import UnavailableError
from devnet.settings import FILE_NAME, load_config, render_toml
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError
from megaeth_cli.output import show
from megaeth_cli.settings_options import with_settings


@with_settings
def init(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write.")] = Path(
        FILE_NAME
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    **flags: object,
) -> None:
    """Write a devnet.toml that explains every setting, with the given flags filled in."""
    env = environment(context)
    target = env.cwd / file
    text = render_toml(load_config(flags, {}, Path(os.devnull), env.cwd))
    try:
        with target.open("w" if force else "x") as output:
            output.write(text)
    except FileExistsError:
        raise CliError(
            f"{file} is there already", "", "give --force to replace it, or -o for another name"
        ) from None
    except OSError as error:
        raise UnavailableError(f"cannot write {file}", error.strerror or str(error)) from error
    show(env, {"file": str(target)}, lambda: f"wrote {file}; megaeth devnet up reads it from here")
