"""What scenarios make of what they see, where it takes more than a division."""

import pytest

from bench.histogram import shares
from bench.results import Measurement, Medians
from bench.scenarios import soak, suites
from bench.scenarios.history import MINUTE, Piece, ends
from bench.targets import Megaeth

MS = 1_000_000


def histogram(*buckets):
    return {"buckets": [[upper * MS, count] for upper, count in buckets]}


def test_shares_are_of_what_was_added():
    before, after = histogram((9, 90), (40, 5)), histogram((4, 1), (9, 95), (11, 2), (40, 5), (60, 2))
    assert dict(shares(before, after, (5, 10, 50))) == {
        "up to 5 ms": 10,
        "5 to 10 ms": 50,
        "10 to 50 ms": 20,
        "longer than 50 ms": 20,
    }


def test_shares_of_nothing_are_nothing():
    assert {share for _, share in shares(None, histogram(), (5,))} == {0}


@pytest.mark.parametrize(("pieces", "each"), [(1, 1), (6, 1), (10, 2), (20, 5), (200, MINUTE)])
def test_first_and_last_minute_are_a_quarter_at_most(pieces, each):
    made = [Piece(number, 0, 0, 0) for number in range(pieces)]
    first, last = ends(made)
    assert (first, last) == (made[:each], made[-each:])


@pytest.mark.parametrize(
    ("first", "last", "holds"),
    [(1, 5, True), (300, 370, True), (300, 400, False), (-3, 5, True), (-3, 20, False)],
)
def test_disk_may_grow_by_what_a_file_is_at_the_moment(first, last, holds):
    promise = soak.disk_flat(soak.QUIET)
    metrics = {f"{soak.DISK}, first minute": first, f"{soak.DISK}, last minute": last}
    medians = Medians.of(
        Measurement(soak.QUIET, Megaeth.name, metric, value, "MiB") for metric, value in metrics.items()
    )
    assert promise.holds(promise.compute(medians)) is holds
    assert promise.compute(Medians()) is None


@pytest.mark.parametrize(
    ("calls", "ranges"),
    [
        (dict.fromkeys(range(3, 43), 1), [(3, 42)]),
        (dict.fromkeys(range(3, 44), 1), [(3, 42), (43, 43)]),
        ({5: 30, 6: 30, 9: 1}, [(5, 5), (6, 9)]),
        ({5: 200}, [(5, 5)]),
        ({2: 1, 5: 200, 6: 1}, [(2, 4), (5, 5), (6, 6)]),
    ],
)
def test_logs_are_asked_for_as_many_at_a_time_as_a_node_answers_with(calls, ranges):
    assert list(suites.ranges(calls)) == ranges
