"""The parts of the benchmarks that could lie: arithmetic, and what voids a measurement."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.accounts import senders
from bench.load import checked
from bench.results import Expectation, Measurement, Medians, ratio
from bench.scenarios import ALL
from megaeth_cli.load.outcome import Generator, Outcome
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


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"refused": 3, "errors": {"nonce too low": 3}}, "nonce too low"),
        ({"missing": 1}, "not included"),
        ({"generator": Generator(0.99, 0.0, 0.0, 0)}, "generator"),
    ],
)
def test_what_says_nothing_of_the_target_voids_the_measurement(changes, why):
    target = SimpleNamespace(name="target")
    assert checked(target, outcome()) == outcome()
    with pytest.raises(LoadError, match=why):
        checked(target, outcome(**changes))


def test_accounts_are_those_of_the_well_known_mnemonic():
    assert senders(1)[0].address.hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
