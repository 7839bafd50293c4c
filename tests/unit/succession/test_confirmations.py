"""Nothing is shown before enough standbys have it, and nothing without a valid lease."""

import threading
import time

import pytest

from devnet.succession.confirmations import Confirmations
from devnet.succession.in_sync import Requirement
from devnet.sync import LogOffset
from tests.support.waiting import eventually

LONG_S = 1000.0


class Log:
    """Where a log ends, what standbys were given of it, and what everybody was told."""

    def __init__(self, others):
        self.end, self.written, self.told = LogOffset(0, 0, 1), [], []
        self.confirmations = Confirmations(lambda: self.end, self.written.append, self.told.append)
        self.confirmations.require(Requirement(frozenset("bcd"), others))
        self.outcomes = []

    def confirm(self, minis):
        """In a thread, as the log thread does; the thread."""
        self.end = LogOffset(minis, 0, 1)

        def run():
            self.outcomes.append(self.confirmations.confirm([f"up to {minis}"]))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def done(thread):
    thread.join(10)
    return not thread.is_alive()


def waits(thread):
    thread.join(0.05)
    return thread.is_alive()


@pytest.fixture
def log():
    log = Log(2)
    log.confirmations.renewed(time.monotonic() + LONG_S)
    return log


def test_enough_standbys_must_have_it(log):
    thread = log.confirm(10)
    log.confirmations.stored("b", LogOffset(10, 0, 1))
    log.confirmations.stored("c", LogOffset(9, 0, 1))
    assert waits(thread)
    assert log.confirmations.confirmed_by == ["b"]
    # So short a wait is nothing to speak of.
    assert log.confirmations.missing == 0
    eventually(lambda: log.confirmations.missing == 1, "the wait to be told")
    assert log.written == [["up to 10"]]
    assert log.told == []
    log.confirmations.stored("c", LogOffset(11, 0, 1))
    assert done(thread)
    assert log.outcomes == [True]
    assert log.told == [LogOffset(10, 0, 1)] == [log.confirmations.position]
    assert (log.confirmations.missing, log.confirmations.confirmed_by) == (0, ["b", "c"])
    assert log.confirmations.stored_by("c") == LogOffset(11, 0, 1)
    assert log.confirmations.stored_by("d") is None


def test_what_a_standby_had_before_a_rollback_does_not_count_after_it(log):
    log.confirmations.stored("b", LogOffset(50, 5, 0))
    log.confirmations.stored("c", LogOffset(10, 0, 1))
    thread = log.confirm(10)
    assert waits(thread)
    log.confirmations.stored("b", LogOffset(10, 0, 1))
    assert done(thread)


def test_without_a_valid_lease_nothing_is_shown():
    log = Log(0)
    thread = log.confirm(10)
    assert waits(thread)
    log.confirmations.renewed(time.monotonic() - 1)
    assert waits(thread)
    log.confirmations.renewed(time.monotonic() + LONG_S)
    assert done(thread)
    assert log.outcomes == [True]


def test_who_is_deposed_shows_nothing_more_whatever_comes(log):
    thread = log.confirm(10)
    log.confirmations.depose()
    assert done(thread)
    log.confirmations.begin()
    for node in "bc":
        log.confirmations.stored(node, LogOffset(99, 0, 1))
    assert done(log.confirm(11))
    assert log.outcomes == [False, False]
    assert log.told == []


def test_a_pause_ends_the_waiting_until_building_begins_again(log):
    thread = log.confirm(10)
    log.confirmations.end(LONG_S)
    assert waits(thread)
    log.confirmations.end(0.0)
    assert done(thread)
    log.confirmations.begin()
    thread = log.confirm(10)
    assert waits(thread)
    for node in "bc":
        log.confirmations.stored(node, LogOffset(10, 0, 1))
    assert done(thread)
    assert log.outcomes == [False, True]


def test_nothing_is_shown_before_it_is_said_what_must_hold_of_it():
    log = Log(0)
    log.confirmations = Confirmations(lambda: log.end, log.written.append, log.told.append)
    log.confirmations.renewed(time.monotonic() + LONG_S)
    thread = log.confirm(10)
    assert waits(thread)
    log.confirmations.require(Requirement(frozenset(), 0))
    assert done(thread)


def test_of_several_requirements_all_hold_and_the_others_do_not_count(log):
    log.confirmations.require(Requirement(frozenset("b"), 1), Requirement(frozenset("cd"), 1))
    thread = log.confirm(10)
    for node in "ce":
        log.confirmations.stored(node, log.end)
    assert waits(thread)
    eventually(lambda: log.confirmations.stragglers == {"b", "d"}, "those who do not come up")
    log.confirmations.stored("b", log.end)
    assert done(thread)
    assert log.confirmations.stragglers == frozenset()
    assert log.confirmations.have_all() == {"b", "c", "e"}
    assert (log.confirmations.disks, log.confirmations.others) == (2, ["c", "d"])
