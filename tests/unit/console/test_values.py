"""Arguments from calldata, beside eth-abi's."""

import pytest
from eth_abi import decode as reference_decode
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from devnet.console.values import Hex, Malformed, decode

SIZES = range(1, 33)
VALUES = {
    "uint256": st.integers(0, 2**256 - 1),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes": st.binary(max_size=80),
    **{f"bytes{size}": st.binary(min_size=size, max_size=size) for size in SIZES},
}

arguments = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind])), max_size=4
)


def shown(kind, value):
    if kind == "address":
        return Hex(Web3.to_checksum_address(value))
    return Hex("0x" + value.hex()) if isinstance(value, bytes) else value


@given(arguments)
def test_what_eth_abi_encodes_is_decoded(given_arguments):
    types = tuple(kind for kind, _ in given_arguments)
    expected = [shown(kind, value) for kind, value in given_arguments]
    decoded = decode(types, encode(types, [value for _, value in given_arguments]))
    assert decoded == expected
    assert [type(value) for value in decoded] == [type(value) for value in expected]


@given(st.lists(st.sampled_from(sorted(VALUES)), max_size=4), st.binary(max_size=400))
def test_whatever_comes_is_decoded_as_eth_abi_does_or_malformed(types, data):
    try:
        expected = reference_decode(types, data)
    except Exception:
        expected = None
    try:
        decoded = decode(tuple(types), data)
    except Malformed:
        decoded = None
    # Who pads with something else than zeroes is understood here.
    if expected is not None:
        assert decoded == [shown(kind, value) for kind, value in zip(types, expected, strict=True)]


@given(arguments, st.data())
def test_what_is_cut_off_is_malformed(given_arguments, data):
    types = tuple(kind for kind, _ in given_arguments)
    whole = encode(types, [value for _, value in given_arguments])
    heads = 32 * len(types)
    if heads:
        with pytest.raises(Malformed):
            decode(types, whole[: data.draw(st.integers(0, heads - 1))])


@pytest.mark.parametrize("offset", [2**255, 2**64, 33, 64])
def test_an_offset_that_leads_nowhere_is_malformed(offset):
    with pytest.raises(Malformed):
        decode(("string",), offset.to_bytes(32) + (1).to_bytes(32))


def test_text_that_is_no_utf_8_is_shown_as_far_as_it_is():
    data = (32).to_bytes(32) + (3).to_bytes(32) + b"a\xffb".ljust(32, b"\0")
    assert decode(("string",), data) == ["a\N{REPLACEMENT CHARACTER}b"]
