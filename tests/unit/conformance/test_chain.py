"""The conformance run over recorded blocks: what it counts, what it leaves out, and how it ends."""

import json
import shutil

import pytest

from tests.conformance.chain import __main__ as program
from tests.conformance.chain.early_sets import LEFT_OUT, MINI_REX, OLDER_ENCODING, RULES, UNFINISHED
from tests.conformance.chain.recordings import outcomes, with_witness
from tests.conformance.chain.table import AGREE, DISAGREE, UNKNOWN, Outcome, Table
from tests.unit.proving.test_recorded import CHAIN, recorded


def table_of(*given):
    table = Table()
    for outcome in given:
        table.add(outcome)
    return table


def passed(number, **changes):
    fields = {"chain_id": 4326, "fork": "Rex6", "transactions": 3, "of": 3, **changes}
    return Outcome("capture", f"{number}.cache.json", number, **fields)


def test_blocks_are_counted_by_source_chain_and_hardfork():
    table = table_of(passed(9), passed(4), passed(5, fork="Rex5"), passed(7, of=30))
    assert table.exit_code() == AGREE
    lines = table.text().splitlines()
    assert lines[2] == "| capture | 4326 | Rex5 | 5 | 1 | 3 | 1 |"
    assert lines[3] == "| capture | 4326 | Rex6 | 4 to 9 | 3, of 1 a part | 9 | 3 |"
    assert lines[-1] == "no disagreement"


def test_a_difference_is_kept_and_what_is_left_out_is_counted_by_reason():
    table = table_of(passed(9), passed(4, difference="receipt logs: ..."), passed(5, left_out="older"))
    assert table.exit_code() == DISAGREE
    assert [one.number for one in table.differing] == [4]
    assert "left out: 1 x capture: older" in table.text()
    assert table.to_json()["rows"][0]["passed"] == 1


def test_a_run_in_which_nothing_was_executed_proves_nothing(tmp_path, monkeypatch, capsys):
    assert table_of(passed(5, left_out="older")).exit_code() == UNKNOWN
    monkeypatch.setattr("sys.argv", ["chain", "--fixtures", str(tmp_path)])
    assert program.main() == UNKNOWN
    assert "no block was executed" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{}", '{"version": 2}', '{"version": 1, "chain_id": 1, "cache": []}'])
def test_a_capture_that_cannot_be_read_is_a_disagreement(tmp_path, text):
    (tmp_path / "5.cache.json").write_text(text)
    [outcome] = outcomes(tmp_path)
    assert outcome.difference is not None


@pytest.fixture
def two(tmp_path):
    """Two recorded blocks as the reference validator keeps its own."""
    blocks, witnesses = tmp_path / "blocks", tmp_path / "stateless" / "witness"
    blocks.mkdir()
    witnesses.mkdir(parents=True)
    shutil.copyfile(CHAIN / "contracts.txt", tmp_path / "contracts.txt")
    for number in (1141, 1142, 1143):
        shutil.copyfile(CHAIN / f"{number}.json", blocks / f"{number}.0xab.json")
    for number in (1142, 1143):
        for kind in ("salt", "mpt"):
            shutil.copyfile(CHAIN / f"{number}.{kind}", witnesses / f"{number}.0xab.{kind}")
    return tmp_path


@recorded
def test_recorded_blocks_pass_by_the_published_rules_and_not_by_others(two):
    table = table_of(*outcomes(two))
    assert table.exit_code() == AGREE
    [((source, chain_id, fork), row)] = table.rows.items()
    assert (source, chain_id, fork) == ("witness", 6342, "Rex")
    assert (row.first, row.last, row.blocks, row.passed) == (1142, 1143, 2, 2)
    assert table_of(*with_witness(two, MINI_REX)).exit_code() == DISAGREE


@recorded
def test_what_is_left_out_says_why(two, monkeypatch):
    first = json.loads((CHAIN / "1142.json").read_text())
    first_hash = first.get("result", first)["hash"]
    monkeypatch.setitem(LEFT_OUT, first_hash, UNFINISHED)
    (two / "stateless" / "witness" / "1144.0xab.w").write_bytes(b"")
    table = table_of(*outcomes(two))
    assert table.exit_code() == UNKNOWN
    assert table.left_out == {f"witness: {UNFINISHED}": 2, f"witness: {OLDER_ENCODING}": 1}


@recorded
def test_blocks_of_an_early_network_are_checked_by_the_rules_that_it_began_with(two, monkeypatch):
    first = json.loads((CHAIN / "1142.json").read_text())
    first_hash = first.get("result", first)["hash"]
    monkeypatch.setitem(RULES, first_hash, {"chainId": 6342, "spec": "rex"})
    table = table_of(*outcomes(two))
    assert table.exit_code() == AGREE
    assert list(table.rows) == [("witness", 6342, "Rex")]


@recorded
def test_the_command_reads_the_validators_directory_as_well(megaeth, two):
    result = megaeth("verify", "block", "--files", str(two), "--range", "1142..latest")
    assert result.code == 0, result.err + result.out
    assert len(result.out.splitlines()) == 2
