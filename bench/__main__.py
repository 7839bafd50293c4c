"""`python -m bench`: runs the scenarios, target by target, round by round, and reports."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.report import print_tables, write_json
from bench.results import Measurement, Medians, side_of
from bench.scenarios import ALL
from bench.scenarios.scenario import S, Scale, Scenario
from megaeth_cli.load.wire import LoadError

ATTEMPTS = 3
"""anvil at a block every 10 ms stops for good now and then."""
PAGE_WIDTH = 140
"""Of the tables when they go into a file."""
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Parses, runs, reports; 1 when a promise is not kept and `--check` was given."""
    arguments = _parser().parse_args()
    # What was started is stopped on the way out, whoever ends us, and what was measured until then is told.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console, notes = Console(width=None if sys.stdout.isatty() else PAGE_WIDTH), Console(stderr=True)
    chosen = [one for one in ALL if not arguments.scenario or one.name in arguments.scenario]
    expectations = [one for scenario in chosen for one in scenario.expectations]
    path = arguments.out or RESULTS / time.strftime("%Y%m%d-%H%M%S.json")
    measurements: list[Measurement] = []
    whole = fine = False
    try:
        whole = _run(chosen, arguments, notes, measurements)
    finally:
        fine = print_tables(console, Medians.of(measurements), expectations)
        write_json(path, measurements, expectations)
        notes.print(f"written to {path}")
    return 1 if arguments.check and not (whole and fine) else 0


def _run(
    chosen: list[Scenario[S]], arguments: argparse.Namespace, notes: Console, measurements: list[Measurement]
) -> bool:
    """Adds what is measured; tells whether all of it could be."""
    whole = True
    for round_number in range(1, arguments.rounds + 1):
        # Targets take turns inside a round, so that a machine that slows down slows all of them.
        for scenario in chosen:
            began = time.monotonic()
            for make in scenario.targets:
                if arguments.target and make.name not in arguments.target:
                    continue
                notes.print(f"[dim]round {round_number}: {scenario.name}, {make.name}[/]")
                found = measured(scenario, make, Scale(arguments.scale), notes)
                measurements += found
                whole = whole and bool(found)
            notes.print(f"[dim]{scenario.name} took {time.monotonic() - began:.0f} s[/]")
    return whole


def measured(scenario: Scenario[S], make: type[S], scale: Scale, notes: Console) -> list[Measurement]:
    """All metrics of one target, or none: what broke off half way says nothing, and takes nothing else with it."""
    for _ in range(ATTEMPTS):
        try:
            with make() as target:
                return [
                    Measurement(scenario.name, make.name, metric, float(value), unit, side_of(value))
                    for metric, value, unit in scenario.measure(target, scale)
                ]
        except LoadError as error:
            notes.print(f"[red]void:[/] {error}")
        except Exception:
            notes.print("[red]void:[/]", escape(traceback.format_exc()))
            break
    return []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [one.name for one in ALL]
    targets = sorted({make.name for one in ALL for make in one.targets})
    parser.add_argument("--scenario", action="append", choices=names, help="only this one (repeatable)")
    parser.add_argument("--target", action="append", choices=targets, help="only this one (repeatable)")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over this many (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="amount of work; 0.1 for a quick look")
    parser.add_argument("--out", type=Path, help="where the JSON goes (default bench/results/)")
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 when a promise is broken, open or not measured"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
