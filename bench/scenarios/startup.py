"""From typing the command to the first JSON-RPC answer, and the memory that stands then."""

from __future__ import annotations

from collections.abc import Iterator

from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilAuto, LogSink, Megaeth

NAME = "startup"


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """The target was started for us: only read its clock."""
    yield "first answer", target.first_answer_s, "s"


SCENARIO = Scenario(
    NAME,
    "command to first eth_chainId answer",
    (Megaeth, AnvilAuto),
    measure,
    (Expectation("first RPC answer", 1.5, "s", lambda m: m.get(NAME, Megaeth.name, "first answer")),),
)
