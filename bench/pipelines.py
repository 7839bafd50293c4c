"""What a node says of its mini-blocks' pace while something is measured."""

from __future__ import annotations

from typing import Final

from bench.results import Expectation
from bench.targets import HOST, Megaeth
from megaeth_cli.chain.pipeline import IntervalRow, Sample, Window
from megaeth_cli.load.wire import LoadError

ON_TIME: Final = "within 10 +- 5 ms"
"""The metric: percent of all mini-blocks."""
ON_TIME_PERCENT: Final = 99.0


def sample(target: Megaeth) -> Sample:
    """What its node has told until now."""
    taken = Sample.take(f"http://{HOST}:{target.port}")
    if taken is None:
        raise LoadError("the node tells nothing about its pipeline")
    return taken


def intervals_of(seen: Window) -> IntervalRow:
    """The times between mini-blocks, of which there must be some."""
    if seen.intervals is None:
        raise LoadError("no mini-block was built")
    return seen.intervals


def on_time(scenario: str, when: str, metric: str = ON_TIME) -> Expectation:
    """That mini-blocks come on time, `when`."""
    return Expectation(
        f"mini-blocks {ON_TIME} {when}",
        ON_TIME_PERCENT,
        "%",
        lambda m: m.get(scenario, Megaeth.name, metric),
        at_least=True,
    )
