"""What the tortures have in common as programs: their options, and how they end."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Deal = Callable[[int, int, list[str]], Iterator[str]]
"""The deeds of a seed: so many, of those that have these words in their names."""


def parser_of(name: str, doc: str | None) -> argparse.ArgumentParser:
    """With what all of them take. `doc`: its module's, whose last paragraph says how it ends."""
    description, ends = (doc or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.torture.{name}",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another one chooses others (1)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="the nodes' data and logs, kept afterwards")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def add_rounds(parser: argparse.ArgumentParser, only: str) -> None:
    """Of a torture that does one deed a round. `only`: what `--only` chooses."""
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="bad things (200)")
    parser.add_argument("--only", action="append", default=[], metavar="WORDS", help=only)


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """The options; what is kept begins in an empty place."""
    options = parser.parse_args(arguments)
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty: what has begun is no place for another run")
    return options


def parse_rounds(
    parser: argparse.ArgumentParser, arguments: list[str] | None, deal: Deal, deeds: Iterable[str]
) -> argparse.Namespace:
    """Likewise, where there is something to do."""
    options = parse(parser, arguments)
    if not any(deal(options.seed, 1, options.only)):
        parser.error(f"nothing is called {', '.join(options.only)}; there is: {', '.join(deeds)}")
    return options


def run_as_program(main: Callable[[], int]) -> None:
    """Ends the process with what it says."""
    for number in (signal.SIGINT, signal.SIGTERM):  # shells let background jobs ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
