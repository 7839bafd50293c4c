"""Fault reports, reproductions, incidents, the code cache."""

import json
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet._engine import keccak256
from devnet.errors import UserError
from devnet.proving.code_cache import CodeCache
from devnet.proving.incidents import Incidents
from devnet.proving.kept import Bounds, KeptFiles
from devnet.proving.reports import FaultReport, InvalidReportError, Reproduction
from tests.support import proving
from tests.support.proving import AUTHORITY, CHAIN_ID

ROOM = Bounds(files=1_000, bytes=2**30)

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


REPRODUCTION = Reproduction(
    {"chainId": 1}, b'{"number": "0x1"}', b"{}", "v0:AAAA", (b"\x60\x00",), (b"mini",)
)


def test_a_reproduction_holds_all_that_the_check_needed(tmp_path):
    files = KeptFiles(tmp_path / "deep", ROOM)
    path = REPRODUCTION.save(files, {"ok": False}, check="state root", block=1, source="full-node-1")
    assert Reproduction.load(path) == REPRODUCTION
    assert json.loads(path.read_text())["report"] == {"ok": False}
    assert "state-root-block-1-full-node-1" in path.name


@pytest.mark.parametrize("text", ["", "{}", '{"format": 9}', '{"format": 2}'])
def test_another_file_is_no_reproduction(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError):
        Reproduction.load(tmp_path / "x.json")


def test_incidents_outlive_the_process_with_their_evidence(tmp_path):
    Incidents(tmp_path, "full-node-1", "full_node", ROOM).record(
        "diff", 3, "it is wrong", {"record": "0x00"}, "sequencer"
    )
    [found] = Incidents(tmp_path, "full-node-1", "full_node", ROOM).since()
    assert (found.kind, found.block, found.detected_by, found.source) == (
        "diff",
        3,
        "full-node-1",
        "sequencer",
    )
    assert json.loads(Path(found.evidence).read_text())["proof"] == {"record": "0x00"}


def test_incidents_of_one_moment_have_files_of_their_own(tmp_path):
    incidents = Incidents(tmp_path, "n", "prover", ROOM)
    files = {incidents.record("diff", 3, "wrong", {}).evidence for _ in range(20)}
    assert len(files) == 20


def test_a_flood_of_incidents_leaves_the_newest_and_the_first_of_each_kind(tmp_path):
    incidents = Incidents(tmp_path, "n", "prover", Bounds(files=5, bytes=2**20))
    for kind, block in [
        ("witness", 1),
        ("diff", 2),
        ("diff", 3),
        ("witness", 4),
        *(("diff", n) for n in range(5, 20)),
    ]:
        incidents.record(kind, block, "wrong", {})
    assert [(one.kind, one.block) for one in incidents.since()] == [
        ("witness", 1),
        ("diff", 2),
        ("diff", 17),
        ("diff", 18),
        ("diff", 19),
    ]
    assert sorted(str(path) for path in tmp_path.glob("*.json")) == sorted(
        one.evidence for one in incidents.since()
    )


def test_what_is_no_longer_kept_stays_counted_after_a_restart(tmp_path):
    bounds = Bounds(files=2, bytes=2**20)
    incidents = Incidents(tmp_path, "n", "prover", bounds)
    for block in range(7):
        incidents.record("diff", block, "wrong", {})
    again = Incidents(tmp_path, "n", "prover", bounds)
    assert (incidents.dropped, again.dropped) == (5, 5)
    assert (len(incidents), len(again)) == (7, 7)
    assert again.since() == incidents.since()


def test_reproductions_are_bounded_in_bytes(tmp_path):
    files = KeptFiles(tmp_path, ROOM)
    size = REPRODUCTION.save(files, {}, check="state root", block=1, source="n").stat().st_size
    files = KeptFiles(tmp_path, Bounds(files=1_000, bytes=4 * size))
    for block in range(2, 10):
        REPRODUCTION.save(files, {}, check="state root", block=block, source="n")
    kept = [int(path.name.split("-block-")[1].split("-")[0]) for path in files.paths()]
    assert kept == [1, 7, 8, 9]
    assert files.dropped == 5


def test_the_newest_file_stays_however_large_it_is(tmp_path):
    files = KeptFiles(tmp_path, Bounds(files=10, bytes=1_024))
    for block in range(3):
        files.add("witness", block, lambda _: "x" * 5_000)
    assert [path.name.rpartition("-")[2] for path in files.paths()] == ["2.json"]
    assert files.dropped == 2


def test_what_is_there_is_brought_within_bounds_that_have_become_narrower(tmp_path):
    files = KeptFiles(tmp_path, ROOM)
    for block in range(6):
        files.add("witness", block, lambda _: "{}")
    narrower = KeptFiles(tmp_path, Bounds(files=3, bytes=2**20))
    assert [path.name.rpartition("-")[2] for path in narrower.paths()] == ["0.json", "4.json", "5.json"]
    assert len(list(tmp_path.glob("*.json"))) == 3


@given(
    kinds=st.lists(st.sampled_from(("a", "b", "c", "d")), min_size=1, max_size=30),
    sizes=st.data(),
    files=st.integers(1, 8),
    bytes=st.integers(1, 400),
)
def test_evidence_never_exceeds_its_bounds(tmp_path_factory, kinds, sizes, files, bytes):
    kept = KeptFiles(tmp_path_factory.mktemp("kept"), Bounds(files, bytes))
    for number, kind in enumerate(kinds):
        newest = kept.add(kind, number, lambda _: "x" * sizes.draw(st.integers(0, 100)))
        paths = kept.paths()
        assert newest == paths[-1]
        assert len(paths) <= files
        assert len(paths) == 1 or sum(path.stat().st_size for path in paths) <= bytes
        assert len(paths) + kept.dropped == number + 1


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
