"""Fault reports, reproductions, incidents, the code cache."""

import json
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from devnet._engine import keccak256
from devnet.errors import UserError
from devnet.proving.code_cache import CodeCache
from devnet.proving.incidents import MOST_KEPT, Incidents
from devnet.proving.reports import FaultReport, InvalidReportError, Reproduction
from tests.support import proving
from tests.support.proving import AUTHORITY, CHAIN_ID

REPORT = FaultReport(
    7,
    b"\x01" * 32,
    "state root",
    "0xaa",
    "0xbb",
    "full-node-1",
    "prover-1",
    "2026-01-01T00:00:00.000Z",
    "/somewhere/block-7.json",
).sign(proving.key(), proving.voucher(), CHAIN_ID)


def test_a_report_survives_the_wire_and_names_its_prover():
    read = FaultReport.decode(REPORT.encode(), CHAIN_ID, AUTHORITY)
    assert read == REPORT
    assert read.prover == proving.address()


@pytest.mark.parametrize("field", ["block", "check", "expected", "actual", "source", "reporter", "at"])
def test_nothing_in_a_report_can_be_changed(field):
    fields = REPORT.to_json() | {field: "0x9"}
    with pytest.raises(InvalidReportError):
        FaultReport.decode(orjson.dumps(fields), CHAIN_ID, AUTHORITY)


def test_only_provers_report():
    stranger = replace(REPORT).sign(b"\x07" * 32, proving.voucher(), CHAIN_ID)
    with pytest.raises(InvalidReportError, match="not signed by a prover"):
        FaultReport.decode(stranger.encode(), CHAIN_ID, AUTHORITY)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b"x" * 20_000])
def test_rubbish_is_no_report(data):
    with pytest.raises(InvalidReportError):
        FaultReport.decode(data, CHAIN_ID, AUTHORITY)


def test_a_reproduction_holds_all_that_the_check_needed(tmp_path):
    made = Reproduction({"chainId": 1}, b'{"number": "0x1"}', b"{}", "v0:AAAA", (b"\x60\x00",), (b"mini",))
    made.save(tmp_path / "deep" / "one.json", {"ok": False})
    assert Reproduction.load(tmp_path / "deep" / "one.json") == made
    assert json.loads((tmp_path / "deep" / "one.json").read_text())["report"] == {"ok": False}


@pytest.mark.parametrize("text", ["", "{}", '{"format": 9}', '{"format": 1}'])
def test_another_file_is_no_reproduction(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError):
        Reproduction.load(tmp_path / "x.json")


def test_incidents_outlive_the_process_with_their_evidence(tmp_path):
    Incidents(tmp_path, "full-node-1", "full_node").record(
        "diff", 3, "it is wrong", {"record": "0x00"}, "sequencer"
    )
    [found] = Incidents(tmp_path, "full-node-1", "full_node").since()
    assert (found.kind, found.block, found.detected_by, found.source) == (
        "diff",
        3,
        "full-node-1",
        "sequencer",
    )
    assert json.loads(Path(found.evidence).read_text())["proof"] == {"record": "0x00"}


def test_incidents_of_one_moment_have_files_of_their_own(tmp_path):
    incidents = Incidents(tmp_path, "n", "prover")
    files = {incidents.record("diff", 3, "wrong", {}).evidence for _ in range(20)}
    assert len(files) == 20


def test_a_flood_of_incidents_does_not_fill_the_disk(tmp_path):
    incidents = Incidents(tmp_path, "n", "prover")
    for block in range(MOST_KEPT + 5):
        incidents.record("diff", block, "wrong", {})
    assert len(list(tmp_path.glob("*.json"))) == MOST_KEPT
    assert incidents.since()[0].block == 5


def test_code_is_kept_only_under_its_own_hash():
    cache = CodeCache()
    code = b"\x60\x01"
    assert not cache.put(bytes(32), code)
    assert cache.put(keccak256(code), code)
    assert cache.get(keccak256(code)) == code
    assert cache.missing([keccak256(code), bytes(32), keccak256(b"")]) == [bytes(32)]


def test_the_least_used_code_goes_first():
    cache = CodeCache(most_bytes=3_000)
    codes = [bytes((n,)) * 1_000 for n in range(4)]
    for code in codes[:3]:
        cache.put(keccak256(code), code)
    cache.get(keccak256(codes[0]))
    cache.put(keccak256(codes[3]), codes[3])
    assert cache.get(keccak256(codes[1])) is None
    assert cache.get(keccak256(codes[0])) == codes[0]
    assert cache.bytes == 3_000
