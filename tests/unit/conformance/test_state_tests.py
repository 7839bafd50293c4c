"""The runner of state tests: every way of executing a fixture's transactions is tried, and what differs is found."""

import json
import sys
from itertools import islice
from pathlib import Path

import pytest

from devnet.jit.child import Child
from tests.conformance import __main__ as program
from tests.conformance import crew, ways
from tests.conformance.__main__ import main
from tests.conformance.state_tests import Case, cases
from tests.conformance.ways import Ways

SENDER = "0xcd3b766ccdd6ae721141f452c550ca635964ce71"
CONTRACT = "0x" + "c0" * 20
COINBASE = "0x" + "2a" * 20
NO_LOGS = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
"""The hash of an empty list."""
ADDING = "0x5f356001015f5260205fa060205ff3"
"""Logs calldata[0] + 1, and returns it."""


def _fixture(code: str, choices: int = 2) -> dict[str, object]:
    """A test of one transaction that calls a contract, with some choices of calldata."""
    return {
        "env": {
            "currentNumber": "0x10",
            "currentTimestamp": "0x3e8",
            "currentCoinbase": COINBASE,
            "currentGasLimit": "0x5f5e100",
            "currentBaseFee": "0xa",
        },
        "pre": {
            SENDER: {"balance": "0xde0b6b3a7640000", "nonce": "0x0", "code": "0x", "storage": {}},
            COINBASE: {"balance": "0x1", "nonce": "0x0", "code": "0x", "storage": {}},
            CONTRACT: {"balance": "0x5", "nonce": "0x1", "code": code, "storage": {"0x00": "0x07"}},
        },
        "transaction": {
            "data": [f"0x{choice:064x}" for choice in range(1, choices + 1)],
            "gasLimit": ["0xf4240"],
            "gasPrice": "0x14",
            "nonce": "0x0",
            "sender": SENDER,
            "to": CONTRACT,
            "value": ["0x0"],
        },
        "post": {
            "Cancun": [
                {"indexes": {"data": data, "gas": 0, "value": 0}, "hash": "", "logs": NO_LOGS}
                for data in range(choices)
            ]
        },
    }


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the program over fixtures: its exit code and what it prints."""

    def call(tests, *options, mutant=""):
        for name, test in tests.items():
            path = tmp_path / "fixtures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"one": test}))
        monkeypatch.setattr(sys, "argv", ["conformance", "--fixtures", str(tmp_path / "fixtures"), *options])
        if mutant:
            command = (sys.executable, "-m", "tests.unit.conformance.mutants", mutant)
            monkeypatch.setattr(crew, "COMMAND", command)
        return main(), capsys.readouterr().out

    return call


@pytest.mark.parametrize(
    ("code", "held", "in_vain"),
    [
        ("0x5f35335500", 8, 0),  # SSTORE(CALLER, calldata[0])
        ("0x5f546001015f5500", 6, 2),  # SSTORE(0, SLOAD(0) + 1): the one after it must see it
        ("0x5f5fa060015ffd", 8, 0),  # a log, and a revert
    ],
)
def test_a_fixture_runs_in_every_way(run, code, held, in_vain):
    code, told = run({"one.json": _fixture(code)}, "--json")
    assert code == 0
    told = json.loads(told)
    assert (told["files"], told["files_left"], told["cases"]) == (1, 0, 2)
    assert (told["held"], told["in_vain"], told["ahead_cases"]) == (held, in_vain, 2)
    assert (told["native_cases"], told["native_runs"]) == (2, 2)
    assert told["ahead_native_runs"] >= held
    assert 0 < told["native_gas"] < told["gas"]
    assert (told["stated"], told["as_stated"]) == (2, 2)
    assert told["disagreements"] == []
    assert told["directories"]["."]["cases"] == 2


def test_native_code_takes_over_in_loops(run):
    counting = "0x60055b600190038060025700"  # for (i = 5; i > 0; i--)
    code, told = run({"one.json": _fixture(counting)}, "--json")
    assert code == 0
    assert json.loads(told)["late_cases"] == 2


def test_rules_of_every_hard_fork_can_be_chosen(run):
    code, told = run({"one.json": _fixture(ADDING)}, "--spec", "rex6")
    assert code == 0
    assert "2 cases: 2 success" in told
    assert "as Ethereum has it: 0 of 2" in told, "it logs something else"
    assert told.endswith("no disagreement\n")
    with pytest.raises(SystemExit):
        run({}, "--spec", "frontier")


@pytest.mark.parametrize(
    ("mutant", "finding"),
    [
        ("miscompile", "state interpreted and natively"),
        ("miscompile", "one by one and ahead"),
        ("garble_objects", "native code is refused"),
        ("crash_in_native_code", "ended with SIGABRT"),
        ("execute_something_else_ahead", "logs alone and in a block"),
    ],
)
def test_what_is_wrong_is_found(run, mutant, finding):
    storing = "0x5f356001015f52" + "60205fa0" + "5f515f5500"
    tests = {"a/one.json": _fixture(storing), "b/two.json": _fixture(storing)}
    code, told = run(tests, mutant=mutant)
    assert code == 1
    assert finding in told
    assert "one.json: one:one[1,0,0]" in told
    assert "two.json: two:one[0,0,0]" in told
    assert "disagreements in 4 cases" in told


def test_what_never_ran_natively_says_nothing(run):
    code, told = run({"one.json": _fixture(ADDING)}, mutant="refuse_to_compile")
    assert code == 2
    assert "no case was executed natively: nothing is known of that" in told
    assert "not compiled: 2 x Refused: it is Sunday" in told


def test_what_was_never_executed_ahead_says_nothing(run):
    balance_of_the_coinbase = "0x41315f5500"  # in its turn only
    code, told = run({"one.json": _fixture(balance_of_the_coinbase)})
    assert code == 2
    assert "no case was executed ahead of its turn" in told


def test_no_case_at_all_says_nothing(run):
    blob = _fixture(ADDING)
    blob["transaction"]["blobVersionedHashes"] = ["0x" + "01" * 32]
    code, told = run({"one.json": blob, "none.json": {"no": "test"}})
    assert code == 2
    assert "left out: 2 x a blob transaction" in told
    assert "0 cases\n" in told


def test_a_process_that_cannot_start_is_no_result(run):
    assert run({"one.json": _fixture(ADDING)}, mutant="fail_to_start")[0] == 2


def test_a_journal_is_gone_on_with(run, tmp_path):
    journal = ("--journal", str(tmp_path / "journal"))
    first = {"a/one.json": _fixture(ADDING)}
    assert run(first, *journal)[0] == 0
    code, told = run({**first, "b/two.json": _fixture(ADDING, choices=3)}, *journal, mutant="miscompile")
    assert code == 1
    assert "2 of 2 files\n5 cases" in told
    assert "disagreements in 3 cases" in told, "those of the second file"
    # What differed is remembered too.
    assert run(first, *journal, mutant="fail_to_start") == (1, told)


def test_directories_take_turns_until_the_time_is_over(run):
    names = ("a/1.json", "a/2.json", "b/1.json")
    _, told = run({name: _fixture(ADDING) for name in names}, mutant="miscompile")
    order = [line.split(".json")[0].split("fixtures/")[1] for line in told.splitlines() if ".json" in line]
    assert list(dict.fromkeys(order)) == ["a/1", "b/1", "a/2"]
    _, told = run({}, "--seconds", "0")
    assert "1 of 3 files" in told


def test_an_interrupted_run_says_what_it_has_seen(run, monkeypatch):
    def run_files(*args):
        yield from islice(crew.run_files(*args), 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "run_files", run_files)
    code, told = run({"a.json": _fixture(ADDING), "b.json": _fixture(ADDING)})
    assert code == 2
    assert told.startswith("1 of 2 files\n2 cases: 2 success")


def test_what_burns_billions_of_gas_is_run(run):
    burning = _fixture("0x5f50fe")
    burning["env"]["currentGasLimit"] = burning["transaction"]["gasLimit"][0] = "0x200000000"
    code, told = run({"a.json": burning})
    assert code == 0
    assert "2 cases: 2 halt" in told


@pytest.fixture(scope="module")
def child():
    compiler = Child()
    yield compiler
    compiler.close()


@pytest.fixture
def case(tmp_path: Path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"one": _fixture(ADDING, choices=1)}))
    (case,) = cases(path, "equivalence")
    assert isinstance(case, Case)
    return case


def test_what_takes_too_long_is_left_out_and_counted(child, case, monkeypatch):
    monkeypatch.setattr(ways, "MAX_CPU_S", -1.0)
    tally = Ways(child, "equivalence").run(case)
    assert tally.cases == 0
    assert tally.left_out.total() == 1


def _wrong(value):
    match value:
        case str():
            return value + "0"
        case int():
            return value + 1
        case list():
            return value[1:]
        case dict():
            key = next(iter(value))
            return {**value, key: _wrong(value[key])}


@pytest.mark.parametrize(
    "key", ["status", "output", "gasUsed", "gasRefunded", "usage", "logs", "state", "reason"]
)
def test_every_part_of_a_report_is_compared(key, child, case, monkeypatch):
    right = ways.run_code

    def run_code(request):
        report = json.loads(right(request))
        if "native" in report:
            report[key] = _wrong(report.get(key, ""))
        return json.dumps(report).encode()

    assert Ways(child, "equivalence").run(case).disagreements == []
    monkeypatch.setattr(ways, "run_code", run_code)
    once, late = Ways(child, "equivalence").run(case).disagreements
    assert once["what"] == f"{key} interpreted and natively"
    assert late["what"] == f"{key} interpreted and natively from within a loop"
    assert once["case"] == late["case"] == "one:one[0,0,0]"
