"""Fixtures that every test may use. Processes are started and reaped here, and nowhere else."""

import signal

import pytest

from tests.support.cli import megaeth
from tests.support.node import Node

__all__ = ["megaeth"]


def pytest_configure():
    """Let tests interrupt what they start: shells make background jobs ignore Ctrl-C, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """One sequencer for all tests that only add to its chain."""
    with Node(tmp_path_factory.mktemp("node")) as running:
        yield running
        assert running.stop() == 0, running.log()
        assert "Traceback" not in running.log()


@pytest.fixture
def new_node(tmp_path):
    """Make sequencers with settings of the test's own; they are reaped after it."""
    made = []

    def make(name="node", **settings):
        made.append(Node(tmp_path / name, **settings))
        return made[-1]

    yield make
    for each in made:
        each.reap()
