"""`megaeth devnet init`: a settings file that explains itself."""

import os
from pathlib import Path
from typing import Annotated

import typer

from devnet.settings import FILE_NAME, load_config, render_toml
from megaeth_cli.env import environment
from megaeth_cli.output import show
from megaeth_cli.output_file import write_new
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
    text = render_toml(load_config(flags, {}, Path(os.devnull), env.cwd))
    target = write_new(env, file, text, force=force)
    show(env, {"file": str(target)}, lambda: f"wrote {file}; megaeth devnet up reads it from here")
