"""How results look: JSON for programs, rich tables for people. Asks no node, decides nothing."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from megaeth_cli.env import Environment

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDEST = 10_000


def show(env: Environment, value: object, render: "Callable[[], RenderableType]") -> None:
    """Print a result: the value itself with `--json`, else what `render` makes of it."""
    if env.json:
        env.write(json.dumps(value, indent=2))
    else:
        print_whole(env, render())


def print_whole(env: Environment, renderable: "RenderableType") -> None:
    """Print at the width that the content needs: hashes and URLs are never cut, however narrow the terminal."""
    console = env.console
    unlimited = console.options.update(max_width=WIDEST)
    console.width = max(console.width, console.measure(renderable, options=unlimited).maximum)
    with console.capture() as printed:
        console.print(renderable)
    env.write_rendered("\n".join(line.rstrip() for line in printed.get().splitlines()))


def print_wrapped(env: Environment, renderable: "RenderableType") -> None:
    """Print at the terminal's width: text is wrapped, at blanks where there are any."""
    with env.console.capture() as printed:
        env.console.print(renderable)
    env.write_rendered("\n".join(line.rstrip() for line in printed.get().rstrip().splitlines()))
