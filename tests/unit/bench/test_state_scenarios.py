"""What the scenarios about state that stays make of what they see."""

import pytest

from bench.results import Measurement, Medians
from bench.scenarios import growth, past
from bench.targets import Megaeth, MegaethAutomine
from devnet._engine import keccak256


def medians(scenario, target, metrics):
    return Medians.of(Measurement(scenario, target.name, name, value, "") for name, value in metrics.items())


@pytest.mark.parametrize(
    ("what", "first", "last", "holds"),
    [
        *((growth.MEMORY, 100, 125, True), (growth.MEMORY, 100, 126, False)),
        *((growth.DISK, 10, 20, True), (growth.DISK, 10, 60, True), (growth.DISK, 10, 61, False)),
    ],
)
def test_what_grows_breaks_the_promise_by_the_last_third(what, first, last, holds):
    promise = growth.flat(growth.IDLE, what)
    seen = {f"idle: {what}, first third": first, f"idle: {what}, last third": last}
    seen[f"busy: {what}, last third"] = 1e9
    found = medians(growth.NAME, growth.MegaethWithAWindow, seen)
    assert promise.holds(promise.compute(found)) is holds


def test_samples_are_told_apart():
    class Node(Megaeth):
        def memory_bytes(self):
            return 300 << 20

        def mapped_bytes(self):
            return 100 << 20

        def disk_bytes(self):
            return 7 << 20

        def descriptors(self):
            return 40

    told = growth.Sample.of(Node()).told
    assert [(what, value) for what, value, _ in told] == [
        (growth.MEMORY, 200),
        (growth.MAPPED, 100),
        (growth.DISK, 7),
        (growth.DESCRIPTORS, 40),
    ]


def test_a_balance_lies_where_solidity_puts_it():
    holder = bytes(range(20))
    assert past._slot(holder) == "0x" + keccak256(bytes(12) + holder + bytes(31) + b"\2").hex()


def test_time_travel_promises_each_kind_of_value():
    seen = {f"{method} p50": 4.9 for method in past.METHODS}
    found = medians(past.NAME, MegaethAutomine, seen)
    assert all(promise.holds(promise.compute(found)) for promise in past.SCENARIO.expectations)
    assert len(past.SCENARIO.expectations) == len(past.VALUES)
