"""Whose word counts on who may lead."""

from hypothesis import given
from hypothesis import strategies as st

from devnet._engine import address_of
from devnet.proving import provers
from devnet.session import Role
from devnet.succession.keys import is_vouched, leader_key, vouch
from devnet.supervision.pki import Pki

SECRET = b"\x07" * 32
CHAIN_ID = 6343
AUTHORITY = provers.authority_key(SECRET)
CANDIDATES = ("sequencer", "standby-1")


def vouched(name, address, voucher, *, chain_id=CHAIN_ID, authority=AUTHORITY):
    return is_vouched(address_of(authority), chain_id, name, address, voucher)


def test_the_authority_vouches_for_a_name_and_an_address_on_one_chain():
    address = address_of(leader_key(SECRET, "standby-1"))
    voucher = vouch(AUTHORITY, CHAIN_ID, "standby-1", address)

    assert len(voucher) == 65
    assert vouched("standby-1", address, voucher)
    assert not vouched("standby-2", address, voucher)
    assert not vouched("standby-1", address_of(leader_key(SECRET, "sequencer")), voucher)
    assert not vouched("standby-1", address, voucher, chain_id=CHAIN_ID + 1)
    assert not vouched("standby-1", address, voucher, authority=leader_key(SECRET, "standby-1"))


@given(st.binary(max_size=70))
def test_what_is_no_signature_vouches_for_nobody(voucher):
    assert not vouched("standby-1", address_of(AUTHORITY), voucher)


def test_each_candidate_has_a_key_of_its_own_and_none_is_a_provers():
    keys = [leader_key(SECRET, name) for name in ("sequencer", "standby-1", "standby-2")]
    assert len({*keys, *(provers.prover_key(SECRET, name) for name in ("sequencer", "standby-1"))}) == 5


def test_a_provers_voucher_lets_nobody_lead():
    address = address_of(leader_key(SECRET, "standby-1"))
    assert not vouched("standby-1", address, provers.vouch(AUTHORITY, CHAIN_ID, address))


def test_candidates_are_given_their_keys_and_nobody_else_is(tmp_path):
    pki = Pki(tmp_path, CHAIN_ID)
    more = {"candidates": CANDIDATES, "lease": "control://127.0.0.1:1"}
    place = pki.place("standby-1", Role.STANDBY, **more)
    address = address_of(bytes.fromhex(place.leader_key))

    assert is_vouched(
        bytes.fromhex(place.authority[2:]),
        CHAIN_ID,
        "standby-1",
        address,
        bytes.fromhex(place.leader_voucher),
    )
    assert (place.candidates, place.lease) == (CANDIDATES, "control://127.0.0.1:1")
    follower = pki.place("full-node-1", Role.FULL_NODE, **more)
    assert (follower.leader_key, follower.leader_voucher) == ("", "")
    assert follower.candidates == CANDIDATES
    alone = pki.place("sequencer", Role.SEQUENCER)
    assert (alone.leader_key, alone.leader_voucher, alone.lease, alone.candidates) == ("", "", "", ())
