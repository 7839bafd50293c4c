"""A prover's lateness is told once, from the first late block until it is in time again."""

from devnet.proving.prover_liveness import ProverLiveness
from tests.support.proving import attest


def prover(*blocks, since=1):
    made = ProverLiveness(since)
    for block in blocks:
        made.attested(attest(block))
    return made


def test_a_prover_in_time_is_never_late():
    assert prover(1, 2, 3).newly_late([1, 2, 3]) is None


def test_the_first_missing_block_is_told():
    assert prover(1, 3).newly_late([1, 2, 3]) == 2


def test_blocks_before_its_time_are_not_asked_of_it():
    assert prover(5, since=5).newly_late([3, 4, 5]) is None


def test_a_prover_that_stays_behind_is_told_of_once():
    slow = prover(1)
    assert slow.newly_late([1, 2]) == 2
    for block in range(3, 20):
        slow.attested(attest(block - 1))
        assert slow.newly_late([block]) is None


def test_who_was_in_time_again_can_be_late_again():
    once = prover(1)
    assert once.newly_late([2]) == 2
    once.attested(attest(3))
    assert once.newly_late([3]) is None
    assert once.newly_late([4]) == 4
