"""Arguments as people type them, and values as they read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megaeth_cli.abi import Parameter, ValueTextError, from_text, parse_type, to_json, to_text
from megaeth_cli.abi.values import integer

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
RAW_ALICE = bytes.fromhex(ALICE[2:])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1_000", 1000),
        ("-5", -5),
        ("0xff", 255),
        ("1e18", 10**18),
        ("1ether", 10**18),
        ("0.5 ether", 5 * 10**17),
        ("1.000000000000000001ether", 10**18 + 1),
        ("2gwei", 2 * 10**9),
        (".5ether", 5 * 10**17),
        ("25e-1 gwei", 25 * 10**8),
        (str(2**256 - 1), 2**256 - 1),
    ],
)
def test_a_number_may_have_underscores_an_exponent_or_a_unit(text, value):
    assert integer(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a number"),
        ("abc", "not a number"),
        ("1.5", "not a whole number"),
        ("0.1wei", "not a whole number of wei"),
        ("1 bitcoin", "unknown unit 'bitcoin'"),
        ("1e9999999", "out of range"),
        ("1e-9999999", "out of range"),
        ("1e-3", "not a whole number"),
        ("._", "not a number"),
    ],
)
def test_what_is_no_whole_number_is_refused_with_the_reason(text, why):
    with pytest.raises(ValueTextError, match=why):
        integer(text)


@given(st.integers(-(2**255), 2**255 - 1))
def test_every_integer_reads_back(number):
    assert from_text(parse_type("int256"), str(number)) == number


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bool", "true", True),
        ("bool", "0", False),
        ("string", 'say "hi", all', 'say "hi", all'),
        ("bytes", "0x", b""),
        ("bytes4", "0xdeadbeef", b"\xde\xad\xbe\xef"),
        ("address", ALICE, RAW_ALICE),
        ("address", ALICE.lower(), RAW_ALICE),
        ("uint8[]", "[]", []),
        ("uint8[]", "[1, 2,0x3]", [1, 2, 3]),
        ("uint8[2][]", "[[1,2],[3,4]]", [[1, 2], [3, 4]]),
        ("string[]", '["a,b", c, "d\\"e"]', ["a,b", "c", 'd"e']),
        ("string[]", "['a','b,c', \"it's\", it's]", ["a", "b,c", "it's", "it's"]),
        ("string[][]", "[['a',\"b\"],[]]", [["a", "b"], []]),
        ("string[]", """["\\"a\\"", '""', ""]""", ['"a"', '""', ""]),
        ("string", "'a, b'", "a, b"),
        ("string", '"a"', "a"),
        ("string", "it's", "it's"),
        ("string", '"a" and "b"', '"a" and "b"'),
        ("string", "'", "'"),
        ("bytes2[]", "['0x1122', \"0x3344\"]", [b"\x11\x22", b"\x33\x44"]),
        ("function", "0x" + "11" * 24, b"\x11" * 24),
        ("(string s,string t)", '{"s": "\\"quoted\\"", "t": "\'x\'"}', ['"quoted"', "'x'"]),
        ("(uint256,string)", '(1ether, "x")', [10**18, "x"]),
        ("(uint8 x,(bool b,string s) y)", '{"y": {"s": "t", "b": true}, "x": 7}', [7, [True, "t"]]),
        ("(address,uint8[])[]", f"[({ALICE},[1]),({ALICE},[])]", [[RAW_ALICE, [1]], [RAW_ALICE, []]]),
    ],
)
def test_text_of_each_type_is_read(kind, text, value):
    assert from_text(parse_type(kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("uint8", "256", "out of range for uint8"),
        ("uint256", "-1", "out of range for uint256"),
        ("bool", "yes", "neither true nor false"),
        ("address", "0x1234", "has 2 bytes; an address has 20"),
        ("address", ALICE.replace("f39F", "f39f"), "wrong checksum"),
        ("address", "Nobody", "neither an address nor a contract known by that name"),
        ("bytes4", "0xdead", "has 2 bytes; bytes4 has 4"),
        ("bytes", "0xabc", "odd number of hex digits"),
        ("bytes", "0xzz", "not hex"),
        ("bytes", "hello", "must start with 0x; the letters 'hello' would be 0x68656c6c6f"),
        ("bytes4", "abc", "the letters 'abc' would be 0x61626300"),
        ("function", "0x1234", "has 2 bytes; function has 24, an address and a selector"),
        ("string[]", "['a' b]", "'b' follows a closing quotation mark"),
        ("string[]", "[a,,b]", "an element is missing"),
        ("string[]", "['a]", "quotation mark is missing"),
        ("uint8[2]", "[1]", "takes 2 elements, not 1"),
        ("uint8[]", "[1,x]", "element 1: 'x' is not a number"),
        ("uint8[]", "1,2", "write"),
        ("uint8[]", "[[1]", "missing"),
        ("string[]", '["a]', "quotation mark is missing"),
        ("(uint8 x,bool y)", '{"x": 1}', "'y' is missing"),
        ("(uint8 x)", '{"x": 1, "z": 2}', "no member 'z'"),
        ("(uint8 x,bool y)", "(1,maybe)", "y: 'maybe' is neither true nor false"),
    ],
)
def test_text_that_is_no_value_of_the_type_is_refused_with_the_reason(kind, text, why):
    with pytest.raises(ValueTextError, match=why):
        from_text(parse_type(kind), text)


def test_a_contract_known_by_name_may_stand_for_its_address():
    assert from_text(parse_type("address"), "Token", {"Token": RAW_ALICE}.get) == RAW_ALICE


def test_values_are_shown_to_people_with_the_names_of_members():
    kind = parse_type("(address who,uint256 amount,bytes2[] tags)")
    value = [RAW_ALICE, 10**18, [b"\x01\x02"]]
    assert to_text(Parameter(kind), value) == f"(who: {ALICE}, amount: 1000000000000000000, tags: [0x0102])"


def test_values_are_given_to_programs_with_integers_as_strings():
    kind = parse_type("(address who,uint256 amount,bool[] flags)")
    value = [RAW_ALICE, 2**256 - 1, [True]]
    assert to_json(kind, value) == {"who": ALICE, "amount": str(2**256 - 1), "flags": [True]}
