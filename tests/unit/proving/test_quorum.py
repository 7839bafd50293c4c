"""M of N distinct provers, in any order, without gaps."""

from hypothesis import given
from hypothesis import strategies as st

from devnet.proving.quorum import MAX_AHEAD, Contradiction, DoubleAttestation, Quorum
from tests.support.proving import attest, claim

OTHER = b"\x0f" * 32


def with_blocks(count, needed=1, **more):
    quorum = Quorum(needed, **more)
    for block in range(1, count + 1):
        assert quorum.enter(block, claim(block)) is None
    return quorum


def test_a_block_is_verified_by_a_quorum_of_distinct_provers():
    quorum = with_blocks(1, needed=2)
    quorum.attest(attest(1, "prover-1"))
    quorum.attest(attest(1, "prover-1"))
    assert quorum.verified == 0
    quorum.attest(attest(1, "prover-2"))
    assert quorum.verified == 1


def test_the_verified_height_leaves_no_gap():
    quorum = with_blocks(3)
    quorum.attest(attest(3))
    quorum.attest(attest(2))
    assert quorum.verified == 0
    quorum.attest(attest(1))
    assert quorum.verified == 3


def test_attestations_may_come_before_the_block():
    quorum = Quorum(1)
    quorum.attest(attest(1))
    assert quorum.verified == 0
    quorum.enter(1, claim(1))
    assert quorum.verified == 1


def test_a_quorum_for_something_else_is_a_contradiction_with_all_its_evidence():
    quorum = with_blocks(1, needed=2)
    assert quorum.attest(attest(1, "prover-1", state_root=OTHER)) is None
    found = quorum.attest(attest(1, "prover-2", state_root=OTHER))
    assert isinstance(found, Contradiction)
    assert (found.block, found.own, found.attested) == (1, claim(1), claim(1, state_root=OTHER))
    assert {attestation.name for attestation in found.attestations} == {"prover-1", "prover-2"}


def test_a_contradiction_is_noticed_when_the_block_comes_late_too():
    quorum = Quorum(1)
    quorum.attest(attest(1, diff_digest=OTHER))
    assert isinstance(quorum.enter(1, claim(1)), Contradiction)


def test_a_contradicted_block_is_never_verified_and_told_of_once():
    quorum = with_blocks(1)
    assert isinstance(quorum.attest(attest(1, "prover-1", state_root=OTHER)), Contradiction)
    assert quorum.attest(attest(1, "prover-2")) is None
    assert quorum.verified == 0


def test_one_liar_among_many_stops_nothing():
    quorum = with_blocks(1, needed=2)
    quorum.attest(attest(1, "prover-1", state_root=OTHER))
    quorum.attest(attest(1, "prover-2"))
    quorum.attest(attest(1, "prover-3"))
    assert quorum.verified == 1


def test_who_attests_to_two_things_is_told_of_and_its_second_word_not_counted():
    quorum = with_blocks(1, needed=2)
    quorum.attest(attest(1, "prover-1"))
    found = quorum.attest(attest(1, "prover-1", state_root=OTHER))
    assert isinstance(found, DoubleAttestation)
    quorum.attest(attest(1, "prover-2"))
    assert quorum.verified == 1


def test_counting_goes_on_from_a_height_that_was_kept():
    quorum = Quorum(1, verified=41)
    quorum.enter(42, claim(42))
    quorum.attest(attest(42))
    assert quorum.verified == 42


def test_without_provers_nothing_is_counted_until_the_first_one_speaks():
    quorum = Quorum(1, counting=False)
    quorum.attest(attest(12, since=10))
    assert quorum.counting
    assert quorum.verified == 9, "what came before the first prover is taken on trust"
    for block in (10, 11, 12):
        quorum.enter(block, claim(block))
    quorum.attest(attest(11))
    quorum.attest(attest(10))
    assert quorum.verified == 12


def test_words_about_a_far_future_are_not_kept():
    quorum = Quorum(1)
    quorum.attest(attest(MAX_AHEAD + 1))
    assert quorum.attestations(MAX_AHEAD + 1) == ()


@given(st.permutations([(what, block) for what in ("block", "p1", "p2", "p3") for block in (1, 2, 3, 4)]))
def test_the_order_of_news_makes_no_difference(news):
    quorum = Quorum(2)
    for what, block in news:
        if what == "block":
            quorum.enter(block, claim(block))
        else:
            quorum.attest(attest(block, what))
    assert quorum.verified == 4
