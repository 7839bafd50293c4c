"""A signature can be written in one way only."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet._engine import address_of, sign_hash
from devnet.proving.attestation import Attestation, InvalidAttestationError
from devnet.proving.provers import is_vouched
from devnet.proving.reports import FaultReport, InvalidReportError
from devnet.proving.signatures import signer_of
from tests.support.proving import AUTHORITY, CHAIN_ID, address, attest, key, voucher

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DIGEST = bytes(range(32))
REPORT = FaultReport(5, bytes(32), "state root", "a", "b", "sequencer", "prover-1", "now", "here")


def turned_over(signature):
    """Another signature of the same signer's, which anybody can make."""
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes((1 - signature[64],))


@given(st.binary(min_size=32, max_size=32))
def test_what_we_sign_is_taken_and_its_twin_is_not(digest):
    signature = sign_hash(key(), digest)
    assert signer_of(digest, signature) == address_of(key())
    with pytest.raises(ValueError, match="EIP-2"):
        signer_of(digest, turned_over(signature))


@pytest.mark.parametrize("v", [2, 27, 28, 35, 255])
def test_v_is_written_in_one_way(v):
    signature = sign_hash(key(), DIGEST)
    with pytest.raises(ValueError, match="its v is"):
        signer_of(DIGEST, signature[:64] + bytes((v,)))


@pytest.mark.parametrize("size", [0, 64, 66])
def test_a_signature_of_another_size_is_none(size):
    with pytest.raises(ValueError, match="65 bytes"):
        signer_of(DIGEST, bytes(size))


@pytest.mark.parametrize("field", ["signature", "voucher"])
def test_nobody_can_make_two_attestations_of_one(field):
    attestation = attest(7)
    twin = replace(attestation, **{field: turned_over(getattr(attestation, field))})
    with pytest.raises(InvalidAttestationError):
        Attestation.decode(twin.encode(), CHAIN_ID, AUTHORITY)


@pytest.mark.parametrize("field", ["signature", "voucher"])
def test_nobody_can_make_two_fault_reports_of_one(field):
    report = REPORT.sign(key(), voucher(), CHAIN_ID)
    twin = replace(report, **{field: turned_over(getattr(report, field))})
    with pytest.raises(InvalidReportError):
        FaultReport.decode(twin.encode(), CHAIN_ID, AUTHORITY)


def test_a_voucher_has_one_form():
    assert is_vouched(AUTHORITY, CHAIN_ID, address(), voucher())
    assert not is_vouched(AUTHORITY, CHAIN_ID, address(), turned_over(voucher()))


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda data: data + b" ",
        lambda data: orjson.dumps(orjson.loads(data), option=orjson.OPT_SORT_KEYS),
        lambda data: orjson.dumps({**orjson.loads(data), "more": 1}),
        lambda data: data.replace(b'"0x5"', b'"0x05"'),
        lambda data: data.upper().replace(b"0X", b"0x"),
    ],
)
def test_the_same_word_in_other_bytes_is_not_passed_on(rewrite):
    for kind, made, error in (
        (Attestation, attest(5), InvalidAttestationError),
        (FaultReport, REPORT.sign(key(), voucher(), CHAIN_ID), InvalidReportError),
    ):
        assert kind.decode(made.encode(), CHAIN_ID, AUTHORITY) == made
        with pytest.raises(error):
            kind.decode(rewrite(made.encode()), CHAIN_ID, AUTHORITY)
