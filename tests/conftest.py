"""Fixtures that every test may use. Processes are started and reaped here, and nowhere else."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.support.cli import megaeth
from tests.support.node import Node

__all__ = ["megaeth"]

LONG_FILES = (
    "integration/torture/test_chain.py",
    "packaging/test_container.py",
    "integration/network/test_faults.py",
    "integration/network/test_poor_link.py",
    "integration/torture/test_rpc.py",
    "integration/torture/test_crash.py",
    "integration/durability/test_kill.py",
)
"""Minutes each. Workers take whole files: these begin first, so that in the end none waits for another."""


def pytest_configure():
    """Stop in order when told to, so that fixtures reap what they started.

    Shells let background jobs ignore Ctrl-C, and children inherit that: undone, as tests interrupt what they start.
    No example counts as a failure for having taken long: machines differ, and are busy with other things.
    """
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Put the long files first; all else stays in its order."""
    place = {config.rootpath / "tests" / path: number for number, path in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


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
