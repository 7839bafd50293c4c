"""Measurements as a table for people and as JSON for tools."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import Expectation, Measurement, Medians, ratio, side_of
from bench.targets import Megaeth

_VERDICTS = {True: "[green]yes[/]", False: "[red]NO[/]", None: "[yellow]open[/]"}


def print_tables(console: Console, medians: Medians, expectations: list[Expectation]) -> bool:
    """Shows what was measured and what was promised; tells whether all promises hold."""
    measured = Table(title="Medians over all rounds", title_justify="left")
    for column in ("scenario", "metric", "target"):
        measured.add_column(column)
    measured.add_column("median", justify="right")
    measured.add_column("unit")
    measured.add_column("megaeth / this", justify="right")
    measured.add_column("all rounds", justify="right", style="dim")
    for scenario, target, metric in _ordered(medians.values):
        values = medians.values[scenario, target, metric]
        median = medians.get(scenario, target, metric)
        assert median is not None
        everything = " ".join(_number(value) for value in values)
        measured.add_row(
            scenario,
            metric,
            target,
            _stated(median),
            medians.units[scenario, target, metric],
            _beside(medians, scenario, target, metric, median),
            everything,
        )
    console.print(measured)

    promised = Table(title="Expectations", title_justify="left")
    promised.add_column("what")
    promised.add_column("bound", justify="right")
    promised.add_column("measured", justify="right")
    promised.add_column("")
    fine = True
    for one in expectations:
        value = one.compute(medians)
        holds = None if value is None else one.holds(value)
        fine &= holds is True
        bound = f"{'>=' if one.at_least else '<='} {_number(one.bound)} {one.unit}"
        measure = "not measured" if value is None else _stated(value)
        promised.add_row(one.name, bound, measure, _VERDICTS[holds])
    console.print(promised)
    return fine


def write_json(path: Path, measurements: list[Measurement], expectations: list[Expectation]) -> None:
    """Everything, with what is needed to tell one machine from another."""
    medians = Medians.of(measurements)
    document = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "system": platform.platform(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
        "measurements": [asdict(one) for one in measurements],
        "expectations": [
            {
                "name": one.name,
                "bound": one.bound,
                "unit": one.unit,
                "value": value,
                "side": None if value is None else side_of(value),
                "holds": None if value is None else one.holds(value),
            }
            for one in expectations
            for value in (one.compute(medians),)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _beside(medians: Medians, scenario: str, target: str, metric: str, median: float) -> str:
    """Ours over a peer's."""
    ours = medians.get(scenario, Megaeth.name, metric)
    if target == Megaeth.name or ours is None or not median:
        return ""
    found = ratio(ours, median)
    return "" if found is None else f"{_stated(found)} x"


def _ordered(keys: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Scenarios and their metrics as they were measured, each metric's targets beside each other."""
    listed = list(keys)
    scenarios: dict[str, int] = {}
    metrics: dict[tuple[str, str], int] = {}
    for scenario, _, metric in listed:
        scenarios.setdefault(scenario, len(scenarios))
        metrics.setdefault((scenario, metric), len(metrics))
    return sorted(listed, key=lambda key: (scenarios[key[0]], metrics[key[0], key[2]]))


def _stated(value: float) -> str:
    side = side_of(value)
    return _number(value) if side == "exactly" else f"{side} {_number(value)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
