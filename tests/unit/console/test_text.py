"""What a call of the console shows: as forge's own tests of its formats have it, and what else may come."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from devnet._engine import keccak256
from devnet.console.text import MAX_TEXT, told

ADDRESS = "0xdEADBEeF00000000000000000000000000000000"
DEAD_BEEF = bytes.fromhex("deadbeef")


def call(types, *values):
    return keccak256(f"log({','.join(types)})".encode())[:4] + encode(types, values)


def shown(*arguments):
    """Pairs of type and value."""
    return told(call([kind for kind, _ in arguments], *[value for _, value in arguments]))


@pytest.mark.parametrize(
    ("specifier", "kind", "value", "text"),
    [
        ("%s", "string", "foo", "foo"),
        ("%d", "string", "foo", "NaN"),
        ("%i", "string", "foo", "NaN"),
        ("%e", "string", "foo", "NaN"),
        ("%x", "string", "foo", "NaN"),
        ("%o", "string", "foo", "'foo'"),
        ("%%s", "string", "foo", "%s foo"),
        ("%", "string", "foo", "% foo"),
        ("%%", "string", "foo", "% foo"),
        ("%%%s", "string", "foo", "%foo"),
        ("%s", "bool", True, "true"),
        ("%d", "bool", True, "1"),
        ("%d", "bool", False, "0"),
        ("%i", "bool", True, "NaN"),
        ("%x", "bool", True, "NaN"),
        ("%o", "bool", False, "'false'"),
        ("%s", "address", ADDRESS, ADDRESS),
        ("%d", "address", ADDRESS, "NaN"),
        ("%x", "address", ADDRESS, ADDRESS),
        ("%o", "address", ADDRESS, f"'{ADDRESS}'"),
        ("%s", "bytes", DEAD_BEEF, "0xdeadbeef"),
        ("%i", "bytes", DEAD_BEEF, "NaN"),
        ("%x", "bytes", DEAD_BEEF, "0xdeadbeef"),
        ("%o", "bytes4", DEAD_BEEF, "'0xdeadbeef'"),
        ("%s", "uint256", 100, "100"),
        ("%d", "uint256", 2**256 - 1, str(2**256 - 1)),
        ("%i", "uint256", 100, "100"),
        ("%o", "uint256", 100, "100"),
        ("%x", "uint256", 100, "0x64"),
        ("%x", "uint256", 0, "0x0"),
        ("%e", "uint256", 0, "0e0"),
        ("%e", "uint256", 100, "1e2"),
        ("%e", "uint256", 1002300, "1.0023e6"),
        ("%e", "uint256", 123000, "1.23e5"),
        ("%s", "int256", -100, "-100"),
        ("%d", "int256", -100, "-100"),
        ("%x", "int256", -100, "0x" + "f" * 62 + "9c"),
        ("%e", "int256", -1002300, "-1.0023e6"),
        ("%1e", "int256", 100, "10"),
        ("%2e", "int256", -100, "-1"),
        ("%0e", "int256", 123000, "123000"),
        ("%7e", "int256", 123000, "0.0123"),
        ("%7e", "int256", -123000, "-0.0123"),
        ("%18e", "uint256", 1_500_000_000_000_000_000, "1.5"),
        ("%5d%3e", "uint256", 123456789, "%5d123456.789"),
        ("%5d", "uint256", 7, "%5d 7"),
        ("%9999e", "uint256", 7, "%9999e 7"),
        ("%c", "uint256", 7, "%c 7"),
    ],
)
def test_a_format_with_one_value(specifier, kind, value, text):
    assert shown(("string", specifier), (kind, value)) == text


def test_values_take_their_places_in_turn_and_the_rest_follows():
    values = ("address", ADDRESS), ("bool", True), ("uint256", 21)
    text = shown(("string", "foo %s %%s %s and %d foo %%"), *values)
    assert text == f"foo {ADDRESS} %s true and 21 foo %"
    assert shown(("string", "a"), *values) == f"a {ADDRESS} true 21"
    assert shown(("string", "%s"), *values) == f"{ADDRESS} true 21"
    assert shown(("string", ""), ("uint256", 1), ("string", "%s")) == "1 %s"


def test_what_is_left_of_a_format_stays():
    assert shown(("string", "%333d%3e%5F")) == "%333d%3e%5F"
    assert shown(("string", "%s %s"), ("uint256", 1)) == "1 %s"
    # What came in for a specifier is no format itself.
    assert shown(("string", "%s %s"), ("string", "%s"), ("uint256", 1)) == "%s 1"


def test_only_a_string_in_the_first_place_is_a_format():
    assert shown(("uint256", 1), ("string", "%s"), ("bool", False)) == "1 %s false"
    assert shown() == ""


def test_what_is_not_understood_is_shown_as_it_came():
    unknown = "(console.log has no such function)"
    assert told(b"") == f"0x {unknown}"
    assert told(DEAD_BEEF) == f"0xdeadbeef {unknown}"
    cut = call(["string"], "hello")[:40]
    assert told(cut) == f"0x{cut.hex()} {unknown}"
    assert told(bytes(100)) == f"0x{'00' * 68}... {unknown}"


def test_a_long_text_is_cut():
    assert shown(("string", "x" * (MAX_TEXT + 3))) == "x" * MAX_TEXT + "... (3 characters more)"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.integers(0, 2**256 - 1))
def test_any_format_shows_something(text, number):
    assert isinstance(shown(("string", text), ("uint256", number)), str)


@given(st.binary(max_size=300))
def test_any_calldata_shows_something(calldata):
    told(calldata)
    told(keccak256(b"log(string,bytes,int256,address)")[:4] + calldata)
