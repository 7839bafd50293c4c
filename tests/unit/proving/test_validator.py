"""An embedded validator: it gets witnesses where it can, tells what is wrong, and never goes past it."""

import json
import queue
import time
from pathlib import Path

import pytest

from devnet.proving import stateless
from devnet.proving.incidents import Incidents
from devnet.proving.job_queue import SEQUENCER, Source
from devnet.proving.kept import Bounds, KeptFiles
from devnet.proving.material import Unavailable, VerificationInput
from devnet.proving.reports import Reproduction
from devnet.proving.stateless import Difference, StatelessReport
from devnet.proving.validator import Validator
from tests.support.proving import claim
from tests.support.waiting import eventually

PATIENCE_S = 60
GOOD, BAD = "v0:good", "v0:bad"
BOUNDS = Bounds(files=100, bytes=2**20)


class Blocks:
    """A node that has all blocks."""

    def material(self, number):
        return VerificationInput(number, bytes(32), b"{}", b"{}", "", (b"record",))

    def codes(self, hashes):
        return []


class Bench:
    """A validator among nodes that are said to be there, with a check that knows what is wrong."""

    def __init__(self, path, monkeypatch):
        self.incidents = Incidents(path / "evidence", "full-node-1", "full_node", BOUNDS)
        self.reproductions = KeptFiles(path / "reproductions", BOUNDS)
        self.advanced, self.failures, self.asked = queue.SimpleQueue(), queue.SimpleQueue(), []
        self.witnesses = {"peer": GOOD}
        """Node to what it gives; None: it does not answer."""
        self.hashes = {}
        """Node to the hash of all its blocks, where it has others."""
        self.wrong = {}
        """Block number to the check that fails."""
        self.by_diffs = set()
        monkeypatch.setattr(stateless, "code_hashes", lambda witness: [])
        monkeypatch.setattr(stateless, "check", self._check)
        self.validator = self.made()

    def made(self, validated=0, workers=1, by_diffs=True, blocks=None):
        validator = Validator(
            *(blocks or Blocks(), lambda: [Source(name, name) for name in self.witnesses], {"chainId": 7}),
            *(validated, self.incidents, self.reproductions, workers, self.advanced.put, self.failures.put),
            by_diffs=by_diffs,
        )
        validator._reader.witness = self._witness
        validator._reader.block_hash = lambda http, number: self.hashes.get(http, bytes(32))
        return validator

    def _witness(self, http, number):
        self.asked.append((http, number))
        if self.witnesses[http] is None:
            raise Unavailable("nothing here")
        return self.witnesses[http]

    def _check(self, material, codes, rules, *, by_diffs):
        self.by_diffs.add(by_diffs)
        failed = "state witness" if material.witness == BAD else self.wrong.get(material.number)
        difference = Difference(failed, "this", "that") if failed else None
        return StatelessReport(claim(material.number), difference, 1_000, 3, {"block": material.number})

    def until(self, height):
        while self.validator.window.validated < height:
            self.advanced.get(timeout=PATIENCE_S)
        assert self.validator.window.validated == height

    def kinds(self):
        return [(one.kind, one.block, one.source) for one in self.incidents.since()]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.validator.stop(PATIENCE_S)


def test_all_blocks_are_checked_and_the_height_is_told(bench):
    bench.validator = bench.made(validated=5, workers=2)
    bench.validator.note(30)
    bench.validator.start()
    bench.until(30)
    assert bench.kinds() == []
    told = bench.validator.status()
    assert (told["checked"], told["behind"], told["witness_bytes"]) == (25, 0, 1_000)
    assert told["refused"] is None
    bench.validator.note(31)
    bench.until(31)
    assert bench.by_diffs == {True}


def test_state_roots_are_checked_where_that_is_asked_for(bench):
    bench.validator = bench.made(by_diffs=False)
    bench.validator.note(1)
    bench.validator.start()
    bench.until(1)
    assert bench.by_diffs == {False}


def test_the_sequencer_is_asked_last(bench):
    bench.witnesses = {SEQUENCER: GOOD, "peer-a": None, "peer-b": None}
    bench.validator.note(2)
    bench.validator.start()
    bench.until(2)
    assert bench.asked == [
        *(("peer-b", 1), ("peer-a", 1), (SEQUENCER, 1)),
        *(("peer-a", 2), ("peer-b", 2), (SEQUENCER, 2)),
    ]


def test_a_bad_witness_is_noticed_and_another_node_is_asked(bench):
    bench.witnesses = {"liar": BAD, SEQUENCER: GOOD}
    bench.validator.note(2)
    bench.validator.start()
    bench.until(2)
    assert bench.kinds() == [("state witness", 1, "liar"), ("state witness", 2, "liar")]
    assert "liar gave a bad state witness of block 1" in bench.incidents.since()[0].what


def test_the_witness_of_another_block_is_no_bad_one(bench):
    bench.witnesses = {"elsewhere": BAD, SEQUENCER: GOOD}
    bench.hashes = {"elsewhere": b"x" * 32}
    bench.validator.note(2)
    bench.validator.start()
    bench.until(2)
    assert bench.kinds() == []


def test_the_height_waits_for_a_witness_that_is_good(bench):
    bench.witnesses = {"liar": BAD}
    bench.validator.note(1)
    bench.validator.start()
    eventually(lambda: len(bench.asked) >= 3, "the witness to be asked for again")
    assert bench.validator.window.validated == 0
    assert bench.kinds() == [("state witness", 1, "liar")], "once is enough"
    bench.witnesses = {"liar": GOOD}
    bench.until(1)


def test_a_wrong_block_is_kept_as_evidence_and_ends_the_validation(bench):
    bench.wrong = {3: "state diffs"}
    bench.validator.note(9)
    bench.validator.start()
    eventually(lambda: bench.validator.refusal is not None, "the block to be refused")
    bench.until(2)
    assert bench.kinds() == [("state diffs", 3, "")]
    [incident] = bench.incidents.since()
    assert "block 3 is wrong: state diffs is claimed to be this, executing it gives that" in incident.what
    proof = json.loads(Path(incident.evidence).read_text())["proof"]
    kept = Reproduction.load(Path(proof["reproduction"]))
    assert (kept.witness, kept.records, kept.chain) == (GOOD, (b"record",), {"chainId": 7})
    refused = {"block": 3, "check": "state diffs", "evidence": incident.evidence}
    assert bench.validator.status()["refused"] == refused
    bench.validator.note(10)
    time.sleep(0.05)
    assert bench.validator.window.validated == 2


def test_another_block_in_the_place_of_a_wrong_one_is_looked_at(bench):
    bench.wrong = {2: "receipts root"}
    bench.validator.note(2)
    bench.validator.start()
    eventually(lambda: bench.validator.refusal is not None, "the block to be refused")
    bench.wrong = {}
    bench.validator.rewind(1)
    bench.validator.note(2)
    bench.until(2)
    assert bench.validator.status()["refused"] is None


def test_a_worker_that_died_is_an_incident_and_another_takes_its_place(bench):
    left = [RuntimeError("out of luck")]

    class Dying(Blocks):
        def material(self, number):
            if left:
                raise left.pop()
            return super().material(number)

    bench.validator = bench.made(blocks=Dying())
    bench.validator.note(1)
    bench.validator.start()
    bench.until(1)
    assert bench.kinds() == [("worker died", 0, "")]
    assert bench.failures.empty()


def test_what_a_worker_meets_when_all_is_over_is_no_incident(bench):
    entered, release = queue.SimpleQueue(), queue.SimpleQueue()

    class Closing(Blocks):
        def material(self, number):
            entered.put(number)
            release.get(timeout=PATIENCE_S)
            raise RuntimeError("the database is closed")

    bench.validator = bench.made(blocks=Closing())
    bench.validator.note(1)
    bench.validator.start()
    assert entered.get(timeout=PATIENCE_S) == 1
    bench.validator.stop(0.0)
    release.put(None)
    bench.validator.stop(PATIENCE_S)
    assert bench.kinds() == []
    assert bench.failures.empty()
