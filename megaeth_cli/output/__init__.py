"""How results look: JSON for programs, rich tables for people. Asks no node, decides nothing."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from megaeth_cli.env import Environment

if TYPE_CHECKING:
    from rich.console import RenderableType


def show(env: Environment, value: object, render: "Callable[[], RenderableType]") -> None:
    """Print a result: the value itself with `--json`, else what `render` makes of it."""
    if env.json:
        env.write(json.dumps(value, indent=2))
    else:
        env.console.print(render())
