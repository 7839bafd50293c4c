"""Several processes ask as one: nothing is counted twice, and the generator limits only where all of it does."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.asking import Askers, together
from megaeth_cli.load.outcome import Generator, Outcome
from megaeth_cli.load.run import Shape
from megaeth_cli.load.wire import call
from tests.support.keep_alive_server import server

BUSY, FREE = (Generator(share, 0.0, 0.0, 0) for share in (0.97, 0.4))
ONE = Outcome(100, 0, 0, 2.0, None, None, None, BUSY, idle_share=0.3)


def test_outcomes_add_up():
    both = together(
        [replace(ONE, refused=1, errors={"a": 1}), replace(ONE, refused=2, seconds=2.5, errors={"a": 2})]
    )
    assert (both.calls, both.refused, both.seconds, both.errors) == (200, 3, 2.5, {"a": 3})
    assert both.per_second == pytest.approx(197 / 2.5)


def test_generator_is_the_limit_where_all_of_it_is_busy():
    assert together([ONE, ONE]).limit == "generator"
    assert together([ONE, replace(ONE, generator=FREE)]).limit == "node"
    assert together([ONE, replace(ONE, generator=FREE, idle_share=0.05)]).limit == "machine"


def test_processes_share_the_connections():
    with server(lambda _: b"{}", 4) as (endpoint, seen), Askers(2) as askers:
        target = SimpleNamespace(port=endpoint.port)
        outcome = askers.ask(target, [call("eth_blockNumber", b"[]")], Shape(connections=4, count=40))
    assert outcome.calls == len(seen) == 80, "a count is each process's"
    assert outcome.clean
