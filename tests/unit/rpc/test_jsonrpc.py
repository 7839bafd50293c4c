"""What is a request and what is none, where Python reads the body: as the engine reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.rpc import jsonrpc
from devnet.rpc.errors import RpcFault
from devnet.rpc.jsonrpc import Malformed, Request

WELL = b'{"jsonrpc":"2.0","id":%b,"method":"m","params":%b}'


def only(body):
    return jsonrpc.read(body, 1000)


def code(body):
    try:
        found = jsonrpc.read(body, 1000)
    except RpcFault as fault:
        return fault.code
    assert isinstance(found, Malformed), found
    return found.fault.code


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"nonsense", -32700),
        (b'{"jsonrpc":"2.0","method":"m","id":1} x', -32700),
        (b"[", -32700),
        (b"[{},", -32700),
        (b"[{}", -32700),
        (b"[{} {}]", -32700),
        (b'{"a" 1}', -32700),
        (b'{"a":1 "b":2}', -32700),
        (b"{1:2}", -32700),
        (b'{"a', -32700),
        (WELL % (b"NaN", b"[]"), -32700),
        (WELL % (b"1", b"[Infinity]"), -32700),
        (WELL % (b"01", b"[]"), -32700),
        (b"[]", -32600),
        (b" [ ] ", -32600),
        (b"1", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","method":"m","id":1}', -32600),
        (b'{"jsonrpc":2.0,"method":"m","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', -32600),
        (b'{"jsonrpc":"2.0","id":[],"method":"m"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}', -32602),
        (b"[" + b"1," * 1000 + b"1]", -32600),
        (b"[" + b"[]," * 200_000 + b"1]", -32005),
    ],
)  # fmt: skip
def test_each_malformed_body_has_its_code(body, expected):
    assert code(body) == expected


@pytest.mark.parametrize(
    "identifier",
    ["1", "-1", "18446744073709551616", "1" * 100, "1.10", "1e400", '"\\u00fc"', '"\\ud800"', "null"],
)
def test_an_id_stays_the_text_that_it_came_as(identifier):
    assert only(WELL % (identifier.encode(), b"[]")).reply_to == identifier.encode()


def test_parameters_stay_as_they_came_for_the_engine_and_are_exact_for_python():
    params = b"[ 18446744073709551616, 1.10, {} ]"
    request = only(WELL % (b"1", params))
    assert request.raw_params == params.decode()
    assert jsonrpc.positional(request)[0] == 2**64


@pytest.mark.parametrize("digits", [1001, 5000, 100_000])
def test_a_number_of_more_digits_than_any_type_has_is_json_and_no_integer(digits):
    number = "-" + "7" * digits
    found = jsonrpc.read(f'{{"jsonrpc":"2.0","id":{number},"method":"m","params":[{number}]}}'.encode(), 1)

    assert found.reply_to == number.encode()
    assert found.raw_params == f"[{number}]"
    assert not isinstance(jsonrpc.positional(found)[0], int)


def test_half_a_surrogate_pair_in_the_parameters_is_refused():
    request = only(WELL % (b"1", b'["\\ud800"]'))
    with pytest.raises(RpcFault, match="Unicode"):
        jsonrpc.positional(request)
    assert jsonrpc.positional(only(WELL % (b"1", b'["\\ud83d\\ude00"]'))) == ["😀"]


def test_a_malformed_element_spoils_only_itself():
    entries = jsonrpc.read(b'[1,{"jsonrpc":"2.0","id":1,"method":"m"},{}]', 3)
    assert [type(entry) for entry in entries] == [Malformed, Request, Malformed]


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded_but_brackets_in_strings_do_not_count(open_, close):
    for depth, expected in ((62, None), (65, -32700), (300, -32700), (1000, -32700), (100_000, -32700)):
        body = WELL % (b"1", b"[" + open_ * depth + b"1" + close * depth + b"]")
        if expected is None:
            assert isinstance(only(body), Request)
        else:
            assert code(body) == expected
    text = json.dumps('\\"' + open_.decode() * 500).encode()
    assert isinstance(only(WELL % (b"1", b"[" + text + b"]")), Request)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('[]{}"\\,ab')),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"\\', max_size=3), inner, max_size=3)
    ),
)


def depth_of(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(values, st.integers(0, 5), st.booleans())
def test_depth_is_counted_as_by_walking_the_value(value, limit, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert jsonrpc.deeper_than(body, limit) == (depth_of(value) > limit)


@given(st.dictionaries(st.text(), values))
def test_members_are_those_of_the_object_each_with_its_text(value):
    text = " " + json.dumps(value)
    found, end = jsonrpc.members(text, 1)
    assert end == len(text)
    assert {name: member for name, (member, _) in found} == value
    assert all(json.loads(raw) == member for _, (member, raw) in found)
