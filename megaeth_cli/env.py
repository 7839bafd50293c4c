"""The world that a command sees: streams, colours, environment variables, directories.

Injected, so that the whole program runs inside a test with strings for streams. Knows no command, no chain.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from devnet.paths import DEFAULT_NAME, Paths
from megaeth_cli.visible import visible

if TYPE_CHECKING:
    import typer
    from rich.console import Console


@dataclass
class Environment:
    """Everything outside the program that a command may touch or that changes how it speaks."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = field(default_factory=Path.cwd)
    json: bool = False
    """`--json` was given: stdout carries exactly one JSON value (or one per line for streams)."""
    verbosity: int = 0
    """-1 with `-q`, +1 for each `-v`."""

    @classmethod
    def of_process(cls) -> "Environment":
        """The environment of this process."""
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ)

    @cached_property
    def paths(self) -> Paths:
        """Where sessions, data, logs and caches live."""
        return Paths.from_environment(self.variables)

    @property
    def network_name(self) -> str:
        """Which devnet a command means: MEGAETH_NAME, else the default one."""
        return self.variables.get("MEGAETH_NAME") or DEFAULT_NAME

    @property
    def quiet(self) -> bool:
        """Only what was asked for: no progress, no advice."""
        return self.verbosity < 0

    @cached_property
    def console(self) -> "Console":
        """Rich console on stdout (imported on first use)."""
        return self._console(self.stdout)

    def write(self, text: str) -> None:
        """One line to stdout; what could steer a terminal is written out."""
        print(visible(text), file=self.stdout, flush=True)

    def write_rendered(self, text: str) -> None:
        """Lines that `console` has rendered: its colours pass, and it has made all text visible."""
        print(text, file=self.stdout, flush=True)

    def complain(self, text: str, label: str = "", style: str = "") -> None:
        """One line to stderr, behind a label in a colour; what could steer a terminal is written out."""
        parts = (self._paint(label, style) if label else "", visible(text))
        print(" ".join(part for part in parts if part), file=self.stderr, flush=True)

    def note(self, text: str) -> None:
        """One line of advice or progress to stderr; silent with `-q` and `--json`."""
        if not (self.quiet or self.json):
            self.complain(text)

    def _paint(self, text: str, style: str) -> str:
        if not self._wants_colour(self.stderr):
            return text
        from rich.color import ColorSystem
        from rich.style import Style

        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    def _wants_colour(self, stream: TextIO) -> bool:
        # https://no-color.org and https://force-color.org
        if self.variables.get("NO_COLOR"):
            return False
        return bool(self.variables.get("FORCE_COLOR")) or stream.isatty()

    def _console(self, stream: TextIO) -> "Console":
        from megaeth_cli.console import VisibleConsole

        colour = self._wants_colour(stream)
        asked = self.variables.get("COLUMNS", "")
        width = None if stream.isatty() else int(asked) if asked.isdecimal() and int(asked) > 0 else 120
        return VisibleConsole(
            file=stream,
            force_terminal=colour,
            no_color=not colour,
            highlight=False,
            soft_wrap=False,
            width=width,
        )


def environment(context: "typer.Context") -> Environment:
    """The environment of a running command."""
    env = context.find_object(Environment)
    if env is None:
        raise RuntimeError("the command was started without an Environment")
    return env
