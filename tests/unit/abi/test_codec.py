"""The codec against eth-abi, the field's reference in Python, on random types and values."""

import json
from contextlib import suppress

import eth_abi
import eth_abi.codec
import eth_abi.decoding
import eth_abi.exceptions
import eth_abi.packed
import eth_abi.registry
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megaeth_cli.abi import DecodingError, Parameter, decode, encode, from_text, parse_type, to_json, to_text
from megaeth_cli.abi.codec import encode_packed

SCALARS = st.one_of(
    st.integers(1, 32).map(lambda n: f"uint{8 * n}"),
    st.integers(1, 32).map(lambda n: f"int{8 * n}"),
    st.integers(1, 32).map(lambda n: f"bytes{n}"),
    st.sampled_from(["address", "bool", "bytes", "string", "function"]),
)
TYPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda t: f"{t}[]"),
        st.tuples(inner, st.integers(1, 3)).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({','.join(parts)})"),
    ),
    max_leaves=5,
)


def values_of(kind: str) -> st.SearchStrategy:
    """Values of a type in the form that eth-abi takes."""
    if kind.endswith("]"):
        element, _, length = kind[:-1].rpartition("[")
        sizes = {"min_size": int(length), "max_size": int(length)} if length else {"max_size": 3}
        return st.lists(values_of(element), **sizes)
    parsed = parse_type(kind)
    if kind.startswith("("):
        return st.tuples(*(values_of(str(member.type)) for member in parsed.members)).map(list)
    match parsed.kind:
        case "uint":
            return st.integers(0, 2**parsed.size - 1)
        case "int":
            return st.integers(-(2 ** (parsed.size - 1)), 2 ** (parsed.size - 1) - 1)
        case "bytesN" | "function":
            return st.binary(min_size=parsed.size, max_size=parsed.size)
        case "address":
            return st.binary(min_size=20, max_size=20)
        case "bool":
            return st.booleans()
        case "string":
            return st.text(max_size=40)
        case _:
            return st.binary(max_size=70)


TYPED_VALUES = st.lists(TYPES, max_size=4).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.tuples(*map(values_of, kinds)))
)


@settings(deadline=None)
@given(TYPED_VALUES)
def test_encoding_is_that_of_eth_abi_and_decodes_to_the_same_values(case):
    kinds, values = case
    types = [parse_type(kind) for kind in kinds]
    encoded = encode(types, values)
    assert encoded == eth_abi.encode(kinds, values)
    assert decode(types, encoded) == list(values)


@settings(deadline=None)
@given(TYPED_VALUES)
def test_what_is_shown_can_be_typed_again(case):
    for kind, value in zip(map(parse_type, case[0]), case[1], strict=True):
        assert from_text(kind, to_text(Parameter(kind), value)) == value
        assert from_text(kind, json.dumps(to_json(kind, value))) == value


PACKABLE = st.one_of(SCALARS, SCALARS.filter(lambda t: t not in ("bytes", "string")).map(lambda t: f"{t}[]"))


@settings(deadline=None)
@given(
    st.lists(PACKABLE, max_size=4).flatmap(
        lambda kinds: st.tuples(st.just(kinds), st.tuples(*map(values_of, kinds)))
    )
)
def test_packed_encoding_is_that_of_eth_abi(case):
    kinds, values = case
    expected = b""
    for kind, value in zip(kinds, values, strict=True):
        # eth-abi has no packed encoding of a function, which is that of its 24 bytes; and it packs the elements of
        # arrays, which Solidity pads.
        named = kind.replace("function", "bytes24")
        if kind.endswith("]"):
            expected += eth_abi.encode([f"{named[:-2]}[{len(value)}]"], [value]) if value else b""
        else:
            expected += eth_abi.packed.encode_packed([named], [value])
    assert encode_packed([parse_type(kind) for kind in kinds], values) == expected


@pytest.mark.parametrize("kind", ["(uint8)", "uint8[][]", "string[]"])
def test_what_solidity_does_not_pack_is_refused(kind):
    with pytest.raises(ValueError, match="no packed encoding"):
        encode_packed([parse_type(kind)], [[]])


WORDS = st.sampled_from([0, 1, 2, 31, 32, 33, 64, 2**31, 2**64, 2**255, 2**256 - 1]).map(
    lambda number: number.to_bytes(32, "big")
)


@st.composite
def corrupted(draw):
    """Types, and what was an encoding of values of theirs until some of it was changed, cut off or moved."""
    kinds, values = draw(TYPED_VALUES.filter(lambda case: case[0]))
    data = bytearray(eth_abi.encode(kinds, values))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["byte", "word", "cut", "insert"])):
            case "byte":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "word":
                data[at // 32 * 32 : at // 32 * 32 + 32] = draw(WORDS)
            case "cut":
                del data[at:]
            case _:
                data[at:at] = draw(st.binary(min_size=1, max_size=32))
    return kinds, bytes(data)


def ours(kinds, data):
    """What this decodes; None for what it refuses."""
    try:
        return decode([parse_type(kind) for kind in kinds], data)
    except DecodingError:
        return None


class AnyPadding(eth_abi.decoding.ByteStringDecoder):
    """`bytes` whatever follows them; eth-abi's own `strict=False` reaches the outermost values only."""

    def read_data_from_stream(self, stream):
        length = eth_abi.decoding.decode_uint_256(stream)
        return stream.read(length)


LENIENT = eth_abi.registry.registry.copy()
LENIENT.unregister_decoder("bytes")
LENIENT.register_decoder(eth_abi.registry.BaseEquals("bytes", with_sub=False), AnyPadding, label="bytes")


def theirs(kinds, data, decode=eth_abi.decode):
    """What eth-abi decodes, in our form; None for what it refuses."""
    try:
        return like_ours(decode(kinds, data))
    except (eth_abi.exceptions.DecodingError, UnicodeDecodeError, OverflowError):
        return None


def like_ours(value):
    """Lists for tuples, and bytes for addresses."""
    if isinstance(value, list | tuple):
        return [like_ours(one) for one in value]
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else value


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(case=corrupted())
def test_what_eth_abi_refuses_is_refused_but_for_what_solidity_does_not_look_at(case):
    kinds, data = case
    # Strings as bytes: eth-abi has nothing to say of what is no UTF-8 but that.
    kinds = [kind.replace("string", "bytes") for kind in kinds]
    found = ours(kinds, data)
    if found is not None:
        assert theirs(kinds, data, eth_abi.codec.ABICodec(LENIENT).decode) == found


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(case=corrupted())
def test_where_both_decode_they_decode_the_same(case):
    kinds, data = case
    found, expected = ours(kinds, data), theirs(kinds, data)
    if found is not None and expected is not None:
        assert found == expected


def word(number):
    return number.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("bytes", word(32) + word(1) + b"a" + bytes(30) + b"\x01", b"a"),
        ("bytes", word(32) + word(1) + b"a", b"a"),
        ("string", word(32) + word(1) + b"\xff" + bytes(31), "\N{REPLACEMENT CHARACTER}"),
    ],
    ids=["padding that is not zero", "no padding", "no UTF-8"],
)
def test_these_are_the_only_differences(kind, data, value):
    assert theirs([kind], data) is None
    assert ours([kind], data) == [value]


@pytest.mark.parametrize(
    ("kinds", "data"),
    [
        (["uint8[]"], word(0) + word(0)),
        (["uint8", "bytes"], word(1) + word(32) + word(0)),
        (["bytes[]"], word(32) + word(2) + word(64) + word(32) + word(0)),
        (["(bytes,uint8)"], word(32) + word(32) + word(0)),
    ],
)
def test_an_offset_into_the_heads_is_refused_as_by_eth_abi(kinds, data):
    assert theirs(kinds, data) is None
    with pytest.raises(DecodingError, match="points before"):
        decode([parse_type(kind) for kind in kinds], data)


def test_offsets_that_lead_to_the_same_place_do_not_make_much_of_little_data():
    # Each of the arrays has 100 elements, which are all the next array: 10^10 values in 16 KB.
    level = word(100) + b"".join(word(100 * 32) for _ in range(100))
    data = word(32) + level * 5

    with pytest.raises(DecodingError, match="more than 1,000,000 values"):
        decode([parse_type("uint256[][][][][]")], data)


@settings(deadline=None)
@given(st.lists(TYPES, min_size=1, max_size=3), st.binary(max_size=300))
def test_any_data_either_decodes_or_is_refused(kinds, data):
    with suppress(DecodingError):
        decode([parse_type(kind) for kind in kinds], data)


def test_a_length_beyond_the_data_is_refused_before_anything_is_built():
    huge = (32).to_bytes(32, "big") + (2**200).to_bytes(32, "big")
    with pytest.raises(DecodingError, match="points after the data"):
        decode([parse_type("uint256[]")], huge)


@pytest.mark.parametrize(
    ("kind", "value"), [("uint8", 256), ("uint8", -1), ("int8", 128), ("uint256[2]", [1])]
)
def test_a_value_that_the_type_cannot_hold_is_refused(kind, value):
    with pytest.raises(ValueError, match=r"range|elements"):
        encode([parse_type(kind)], [value])


def test_a_string_that_is_no_utf8_is_shown_with_replacements():
    encoded = eth_abi.encode(["bytes"], [b"ok \xff"])
    assert decode([parse_type("string")], encoded) == ["ok \N{REPLACEMENT CHARACTER}"]
