"""Who led which mini-block, told from the records of rollbacks and successions alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet._engine import address_of, sign_hash
from devnet.succession.keys import leader_key, vouch
from devnet.succession.leaders import Leaders, require_leadership
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.leadership import Leadership

CHAIN_ID = 6343
GENESIS_HASH = b"\x07" * 32
SECRET = b"secret"
AUTHORITY = b"\x09" * 32
SEQUENCER = b"\x01" * 32


def leadership(node, term, /, **changed):
    address = address_of(leader_key(SECRET, node))
    voucher = vouch(AUTHORITY, CHAIN_ID, node, address)
    return replace(Leadership(term, node, address, f"http://{node}", voucher), **changed)


def succession(number, minis, node, term, /, **changed):
    key = leader_key(SECRET, node)
    return ChainRollback.sign(
        *(number, minis, 0, GENESIS_HASH),
        lambda digest: sign_hash(key, digest),
        leadership(node, term, **changed),
    )


def rollback(number, minis):
    return ChainRollback.sign(number, minis, 0, GENESIS_HASH, lambda digest: sign_hash(SEQUENCER, digest))


def parts(*records):
    return [(part.first_mini, part.term) for part in Leaders(records).parts]


def test_a_chain_without_standbys_has_no_leaders():
    leaders = Leaders([rollback(1, 10), rollback(2, 4)])
    assert (leaders.parts, leaders.newest, leaders.term) == ([], None, 0)


def test_each_leads_from_where_it_succeeds():
    records = [succession(1, 0, "a", 1), succession(2, 50, "b", 4), succession(3, 70, "a", 5)]
    assert parts(*records) == [(0, 1), (50, 4), (70, 5)]
    leaders = Leaders(records)
    assert leaders.newest == records[-1]
    assert leaders.leadership.node == "a"
    assert leaders.for_engine()[1] == (50, 4, address_of(leader_key(SECRET, "b")))


def test_a_succession_takes_what_its_leader_does_not_have_from_who_led_before():
    assert parts(succession(1, 0, "a", 1), succession(2, 50, "b", 2), succession(3, 30, "c", 3)) == [
        (0, 1),
        (30, 3),
    ]
    assert parts(succession(1, 0, "a", 1), succession(2, 0, "b", 2)) == [(0, 2)]


def test_after_a_rollback_who_led_last_goes_on_leading():
    records = [succession(1, 0, "a", 1), succession(2, 50, "b", 2)]
    assert parts(*records, rollback(3, 60)) == [(0, 1), (50, 2)]
    assert parts(*records, rollback(3, 50)) == [(0, 1), (50, 2)]
    assert parts(*records, rollback(3, 20)) == [(0, 1), (20, 2)]
    assert parts(*records, rollback(3, 0)) == [(0, 2)]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.integers(0, 20)), max_size=12))
def test_the_parts_say_of_each_mini_block_who_sealed_it(steps):
    """Beside a chain in which every mini-block knows its term."""
    records, sealed, term = [], [], 0
    for is_succession, cut, grown in steps:
        minis = max(0, len(sealed) - cut)
        if is_succession or not term:
            term += 1
            records.append(succession(len(records) + 1, minis, "abc"[term % 3], term))
        else:
            records.append(rollback(len(records) + 1, minis))
        sealed = sealed[:minis] + [term] * grown
    told = Leaders(records).parts
    for number, by in enumerate(sealed):
        assert [part.term for part in told if part.first_mini <= number][-1] == by
    assert sorted(told) == told


def require(record, after_term=0):
    return require_leadership(record, GENESIS_HASH, CHAIN_ID, address_of(AUTHORITY), after_term)


def test_a_leadership_is_believed_when_its_key_has_signed_it_and_the_authority_vouches_for_it():
    record = succession(1, 0, "a", 3)
    assert require(ChainRollback.decode(record.encode()), 2) == leadership("a", 3)


@pytest.mark.parametrize(
    ("record", "after_term", "why"),
    [
        (rollback(1, 0), 0, "names no leader"),
        (succession(1, 0, "a", 3), 3, "its term is 3"),
        (replace(succession(1, 0, "a", 3), minis=1), 0, "has not signed it"),
        (replace(succession(1, 0, "a", 3), leadership=leadership("a", 4)), 0, "has not signed it"),
        (replace(succession(1, 0, "a", 3), leadership=leadership("b", 3)), 0, "has not signed it"),
        (succession(1, 0, "a", 3, node="b"), 0, "nobody vouches for b"),
        (succession(1, 0, "a", 3, voucher=bytes(65)), 0, "nobody vouches for a"),
        (replace(succession(1, 0, "a", 3), signature=bytes(65)), 0, "signature"),
    ],
)
def test_what_nobody_may_lead_by_is_refused(record, after_term, why):
    with pytest.raises(InvalidRollback, match=why):
        require(record, after_term)
