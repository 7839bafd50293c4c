"""The parts of the benchmarks that could lie: arithmetic, and what voids a measurement."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from bench.__main__ import ATTEMPTS, measured
from bench.accounts import senders
from bench.load import checked, latency, rate
from bench.report import _ordered, print_tables, write_json
from bench.results import Bounded, Expectation, Measurement, Medians, ratio, side_of
from bench.scenarios import ALL
from bench.scenarios.scenario import Scale, Scenario
from megaeth_cli.load.outcome import Generator, Latency, Outcome
from megaeth_cli.load.wire import LoadError


def test_medians_are_taken_over_rounds_and_peers_best_counts():
    rounds = [("ours", 10), ("ours", 30), ("ours", 20), ("slow", 2), ("fast", 5)]
    medians = Medians.of(Measurement("s", target, "m", value, "x") for target, value in rounds)
    assert medians.get("s", "ours", "m") == 20
    assert medians.best("s", ("slow", "fast", "absent"), "m") == 5
    assert ratio(medians.get("s", "ours", "m"), medians.get("s", "absent", "m")) is None


def test_expectations_know_their_direction():
    least = Expectation("", 2.5, "x", lambda m: None, at_least=True)
    most = Expectation("", 2.5, "x", lambda m: None)
    assert (least.holds(3), least.holds(2), most.holds(3), most.holds(2)) == (True, False, False, True)


def test_every_scenario_has_a_name_of_its_own():
    assert len({one.name for one in ALL}) == len(ALL)


def outcome(**changes):
    generator = Generator(cpu_share=0.1, signing_share=0.0, late_ms=0.0, starved=0)
    fine = Outcome(100, 0, 0, 1.0, 1.0, None, None, generator, idle_share=0.0)
    return replace(fine, **changes)


BUSY = Generator(0.99, 0.0, 0.0, 0)
OURS = SimpleNamespace(name="target", may_stop=False)
PEER = SimpleNamespace(name="peer", may_stop=True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"refused": 3, "errors": {"nonce too low": 3}}, "nonce too low"), ({"missing": 1}, "not incl")],
)
def test_what_says_nothing_of_the_target_voids_the_measurement(changes, why):
    assert checked(OURS, outcome()) == outcome()
    with pytest.raises(LoadError, match=why):
        checked(OURS, outcome(**changes))


def test_a_peer_that_stops_including_is_measured_by_what_it_included():
    stopped = outcome(missing=40, included_seconds=0.5)
    assert rate(checked(PEER, stopped)) == 120
    for worse in (outcome(missing=100), outcome(refused=1)):
        with pytest.raises(LoadError, match="not included"):
            checked(PEER, worse)


def test_a_rate_that_the_generator_limited_is_a_bound():
    assert (rate(outcome()), side_of(rate(outcome()))) == (100, "exactly")
    assert side_of(rate(outcome(generator=BUSY))) == "at least"
    assert rate(outcome(included_seconds=None, seconds=2.0)) == 50, "of reads nothing is included"


def test_latencies_of_a_generator_that_was_late_itself_are_bounds():
    taken = Latency(p50=2, p90=3, p99=4, most=5, of=9)
    assert latency(outcome(acknowledged=taken)) == (2, 4)
    assert [side_of(one) for one in latency(outcome(acknowledged=taken))] == ["exactly"] * 2
    late = outcome(acknowledged=taken, generator=BUSY)
    assert [side_of(one) for one in latency(late)] == ["at most"] * 2


LEAST, MOST, EXACT = "at least", "at most", "exactly"


@pytest.mark.parametrize(
    ("left", "right", "side"),
    [
        (EXACT, EXACT, EXACT),
        (LEAST, EXACT, LEAST),
        (EXACT, LEAST, MOST),
        (EXACT, MOST, LEAST),
        (LEAST, MOST, LEAST),
    ],
)
def test_ratios_of_bounds_are_bounds(left, right, side):
    found = ratio(Bounded(6, left), Bounded(2, right))
    assert (found, side_of(found)) == (3, side)


def test_bounds_that_point_apart_have_no_ratio():
    assert ratio(Bounded(6, LEAST), Bounded(2, LEAST)) is None


@pytest.mark.parametrize(
    ("value", "side", "holds"),
    [
        (3, EXACT, True),
        (3, LEAST, True),
        (3, MOST, None),
        (1, EXACT, False),
        (1, LEAST, None),
        (1, MOST, False),
    ],
)
def test_promises_are_open_when_a_bound_does_not_tell(value, side, holds):
    promise = Expectation("", 2, "x", lambda m: None, at_least=True)
    assert promise.holds(Bounded(value, side)) is holds
    mirrored = {EXACT: EXACT, LEAST: MOST, MOST: LEAST}[side]
    assert Expectation("", -2, "x", lambda m: None).holds(Bounded(-value, mirrored)) is holds


def test_one_round_at_the_generators_limit_makes_the_median_a_bound():
    rounds = [
        Measurement("s", "ours", "m", value, "x", side)
        for value, side in ((9, EXACT), (8, LEAST), (7, EXACT))
    ]
    medians = Medians.of(rounds)
    assert (medians.get("s", "ours", "m"), side_of(medians.get("s", "ours", "m"))) == (8, LEAST)
    assert side_of(medians.best("s", ("ours",), "m")) == LEAST


class Subject:
    name = "ours"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize(("error", "attempts"), [(LoadError("stalled"), ATTEMPTS), (ZeroDivisionError(), 1)])
def test_a_scenario_that_stalls_is_tried_again_and_one_that_fails_is_left_out(error, attempts):
    tried = []

    def measure(subject, scale):
        tried.append(subject)
        yield "half", 1.0, "x"
        raise error

    quiet = Console(quiet=True)
    assert measured(Scenario("s", "", (Subject,), measure), Subject, Scale(1), quiet) == []
    assert len(tried) == attempts


def test_rows_stand_as_they_were_measured_with_targets_beside_each_other():
    keys = [
        ("b", "ours", "2"),
        ("b", "ours", "10"),
        ("a", "ours", "x"),
        ("b", "theirs", "10"),
        ("b", "theirs", "2"),
    ]
    assert [key[1:] for key in _ordered(keys)] == [
        ("ours", "2"),
        ("theirs", "2"),
        ("ours", "10"),
        ("theirs", "10"),
        ("ours", "x"),
    ]


def test_bounds_reach_the_table_and_the_file(tmp_path):
    def measure(subject, scale):
        yield "m", Bounded(6, LEAST), "/s"

    scenario = Scenario("s", "", (Subject,), measure)
    found = measured(scenario, Subject, Scale(1), Console(quiet=True))
    reached = Expectation("fast", 5, "/s", lambda m: m.get("s", "ours", "m"), at_least=True)
    unclear = Expectation("faster", 9, "/s", lambda m: m.get("s", "ours", "m"), at_least=True)
    absent = Expectation("other", 9, "/s", lambda m: m.get("s", "theirs", "m"))
    page = Console(record=True, width=120, quiet=True)
    assert print_tables(page, Medians.of(found), [reached])
    assert not print_tables(page, Medians.of(found), [reached, unclear])
    assert not print_tables(page, Medians.of(found), [absent])
    write_json(tmp_path / "out.json", found, [reached, unclear, absent])
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["measurements"][0]["side"] == LEAST
    assert [one["holds"] for one in written["expectations"]] == [True, None, None]


def test_accounts_are_those_of_the_well_known_mnemonic():
    assert senders(1)[0].address.hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
