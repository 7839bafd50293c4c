"""A prover's word: EIP-712, checkable by anybody, worth something only with the authority's voucher."""

import orjson
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from devnet.proving.attestation import Attestation, InvalidAttestationError, signing_hash, typed_data
from devnet.proving.claim import Claim
from devnet.proving.provers import vouch
from tests.support import proving
from tests.support.proving import AUTHORITY, AUTHORITY_KEY, CHAIN_ID, attest, claim


def decode(attestation, chain_id=CHAIN_ID, authority=AUTHORITY):
    return Attestation.decode(attestation.encode(), chain_id, authority)


def test_ethereums_tools_recover_the_prover_from_the_typed_data():
    attestation = attest(7)
    signable = encode_typed_data(full_message=typed_data(CHAIN_ID, 7, claim(7)))
    signature = attestation.signature[:64] + bytes((27 + attestation.signature[64],))
    assert Account.recover_message(signable, signature=signature).lower() == "0x" + proving.address().hex()


def test_the_digest_is_that_of_the_typed_data():
    from eth_utils import keccak

    signable = encode_typed_data(full_message=typed_data(CHAIN_ID, 7, claim(7)))
    assert signing_hash(CHAIN_ID, 7, claim(7)) == keccak(b"\x19" + b"".join(signable))


def test_an_attestation_survives_the_wire():
    attestation = attest(7, since=3)
    assert decode(attestation) == attestation


@pytest.mark.parametrize("field", ["block", "blockHash", "parentStateRoot", "stateRoot", "diffDigest"])
def test_nothing_that_is_signed_can_be_changed(field):
    fields = attest(7).to_json()
    fields[field] = hex(8) if field == "block" else "0x" + "11" * 32
    with pytest.raises(InvalidAttestationError):
        Attestation.decode(orjson.dumps(fields), CHAIN_ID, AUTHORITY)


def test_on_a_chain_that_was_rolled_back_it_says_how_often_and_that_is_signed():
    attestation = attest(7, rollbacks=2)
    assert decode(attestation) == attestation
    signable = encode_typed_data(full_message=typed_data(CHAIN_ID, 7, claim(7), 2))
    signature = attestation.signature[:64] + bytes((27 + attestation.signature[64],))
    assert Account.recover_message(signable, signature=signature).lower() == "0x" + proving.address().hex()
    for fields in (
        {**attestation.to_json(), "rollbacks": "0x3"},
        {name: value for name, value in attestation.to_json().items() if name != "rollbacks"},
        {**attest(7).to_json(), "rollbacks": "0x1"},
        {**attest(7).to_json(), "rollbacks": "0x0"},
        {**attestation.to_json(), "rollbacks": hex(2**64)},
    ):
        with pytest.raises(InvalidAttestationError):
            Attestation.decode(orjson.dumps(fields), CHAIN_ID, AUTHORITY)


def test_it_is_for_one_chain():
    with pytest.raises(InvalidAttestationError):
        decode(attest(7), chain_id=CHAIN_ID + 1)


def test_who_is_not_vouched_for_by_this_devnet_is_no_prover():
    stranger = b"\x07" * 32
    forged = Attestation.sign(stranger, proving.voucher(), CHAIN_ID, 7, claim(7))
    with pytest.raises(InvalidAttestationError, match="no prover of this devnet"):
        decode(forged)
    elsewhere = Attestation.sign(
        proving.key(), vouch(stranger, CHAIN_ID, proving.address()), CHAIN_ID, 7, claim(7)
    )
    with pytest.raises(InvalidAttestationError, match="no prover of this devnet"):
        decode(elsewhere)


def test_a_voucher_is_for_one_chain():
    other_chain = vouch(AUTHORITY_KEY, CHAIN_ID + 1, proving.address())
    with pytest.raises(InvalidAttestationError, match="no prover of this devnet"):
        decode(Attestation.sign(proving.key(), other_chain, CHAIN_ID, 7, claim(7)))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"\xff", b'{"block": 7}', b"x" * 4096, b'{"block": "0x7"}'],
)
def test_rubbish_is_no_attestation(data):
    with pytest.raises(InvalidAttestationError):
        Attestation.decode(data, CHAIN_ID, AUTHORITY)


def test_a_claim_survives_both_encodings_and_names_what_differs():
    mine, other = claim(1), claim(1, state_root=bytes(32), diff_digest=bytes(32))
    assert Claim.unpack(mine.pack()) == mine
    assert Claim.from_json(mine.to_json()) == mine
    assert mine.differences(other) == ["stateRoot", "diffDigest"]
    with pytest.raises(ValueError, match="128 bytes"):
        Claim.unpack(mine.pack()[:-1])
