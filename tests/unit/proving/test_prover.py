"""A prover's workers: none is missed for long."""

import queue

import pytest

from devnet.proving.incidents import Incidents
from devnet.proving.job_queue import Source
from devnet.proving.kept import Bounds
from devnet.proving.material import Unavailable
from devnet.proving.prover import Prover, Signer
from devnet.proving.workers import MAX_DEATHS
from tests.support.proving import CHAIN_ID, key, voucher

PATIENCE_S = 60


@pytest.fixture
def incidents(tmp_path):
    return Incidents(tmp_path / "evidence", "prover-1", "prover", Bounds(files=100, bytes=2**20))


@pytest.fixture
def prover(tmp_path, incidents):
    """One with a single worker, that puts the numbers of blocks it would fetch, and its end, into queues."""
    failures = queue.SimpleQueue()
    prover = Prover(
        Signer("prover-1", key(), voucher(), CHAIN_ID),
        {},
        incidents,
        tmp_path / "reproductions",
        1,
        lambda attestation: None,
        lambda report: None,
        failures.put,
    )
    fetched = queue.SimpleQueue()

    def material(http, number):
        fetched.put(number)
        raise Unavailable("nothing here")

    prover._reader.material = material
    prover.fetched, prover.failures = fetched, failures
    yield prover
    prover.stop(PATIENCE_S)


def dying(prover, times):
    """Workers die that many times when they look for work."""
    take, left = prover._work.take, [RuntimeError("out of luck")] * times

    def take_or_die():
        if left:
            raise left.pop()
        return take()

    prover._work.take = take_or_die


def test_a_worker_that_died_is_an_incident_and_another_takes_its_place(prover, incidents):
    dying(prover, 2)
    prover.start()
    prover.offer(1, bytes(32), Source("full-node-1", "http://f1"), 0)
    assert prover.fetched.get(timeout=PATIENCE_S) == 1
    assert [incident.kind for incident in incidents.since()] == ["worker died"] * 2
    assert "out of luck" in incidents.since()[0].what
    assert prover.failures.empty()


def test_a_prover_whose_workers_die_all_the_time_ends(prover, incidents):
    dying(prover, MAX_DEATHS + 1)
    prover.start()
    assert isinstance(prover.failures.get(timeout=PATIENCE_S), RuntimeError)
    assert len(incidents) == MAX_DEATHS
