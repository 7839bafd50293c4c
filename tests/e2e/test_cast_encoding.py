"""What `megaeth abi encode` makes of generated types and typed values is what cast makes of them."""

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megaeth_cli.abi import parse_type
from megaeth_cli.units import checksummed

SCALARS = st.one_of(
    st.integers(1, 32).map(lambda n: f"uint{8 * n}"),
    st.integers(1, 32).map(lambda n: f"int{8 * n}"),
    st.integers(1, 32).map(lambda n: f"bytes{n}"),
    st.sampled_from(["address", "bool", "bytes", "string", "function", "uint", "int"]),
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
LETTERS = st.sampled_from("abc xyz,.:;-+0x[](){}<>ÄöЖ字🙂")
QUOTES = st.sampled_from(['"', "'"])


def numbers(low, high):
    """Decimal, hex, with an exponent, in ether: as people type them."""
    plain = st.integers(low, high)
    forms = [plain.map(str), st.integers(0, high).map(hex)]
    if high >= 10**19:
        forms += [
            st.integers(0, 9).map(lambda n: f"{n}.5e18"),
            st.integers(0, 9).map(lambda n: f"{n}.25ether"),
        ]
    if high >= 10**10:
        forms += [st.integers(0, 9).map(lambda n: f"{n}gwei"), st.integers(0, 9).map(lambda n: f"{n}e9")]
    return st.one_of(forms)


def texts(kind):
    """A value of the type as it is typed."""
    match kind:
        case _ if kind.endswith("]"):
            element, _, length = kind[:-1].rpartition("[")
            sizes = {"min_size": int(length), "max_size": int(length)} if length else {"max_size": 3}
            return st.lists(texts(element), **sizes).map(lambda parts: f"[{', '.join(parts)}]")
        case _ if kind.startswith("("):
            members = [str(one.type) for one in parse_type(kind).members]
            return st.tuples(*map(texts, members)).map(lambda parts: f"({','.join(parts)})")
        case "bool":
            return st.sampled_from(["true", "false"])
        case "address":
            return st.binary(min_size=20, max_size=20).map(checksummed)
        case "string":
            return st.tuples(QUOTES, st.text(LETTERS, max_size=40)).map(
                lambda pair: pair[0] + pair[1] + pair[0]
            )
        case "function":
            return st.binary(min_size=24, max_size=24).map(lambda raw: f"0x{raw.hex()}")
        case "bytes":
            return st.binary(max_size=70).map(lambda raw: f"0x{raw.hex()}")
    parsed = parse_type(kind)
    if parsed.kind == "bytesN":
        return st.binary(min_size=parsed.size, max_size=parsed.size).map(lambda raw: f"0x{raw.hex()}")
    if parsed.kind == "uint":
        return numbers(0, 2**parsed.size - 1)
    return numbers(-(2 ** (parsed.size - 1)), 2 ** (parsed.size - 1) - 1)


CASES = st.lists(TYPES, min_size=3, max_size=8).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.tuples(*map(texts, kinds)))
)


@pytest.fixture
def cast(foundry):
    """Run cast; what it prints."""

    def run(*arguments):
        done = subprocess.run([foundry("cast"), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    return run


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CASES)
def test_calldata_is_that_of_cast(cast, megaeth, case):
    kinds, values = case
    signature = f"f({','.join(kinds)})"
    calldata = cast("calldata", signature, "--", *values)
    assert megaeth("abi", "encode", signature, "--", *values).out.strip() == calldata
    arguments = megaeth("abi", "encode", f"({','.join(kinds)})", "--", *values).out.strip()
    assert arguments == f"0x{calldata[10:]}"


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        ("f(string[])", ["['a','b']"]),
        ("f(string[])", ['["a", "b,[c]"]']),
        ("f(string[])", ["[a,b]"]),
        ("f(string)", ["'a b'"]),
        ("f(string)", ["it's"]),
        ("f((string,uint256)[])", ["[('x, y',1ether),(z,2)]"]),
        ("f(uint8,string,bytes2,uint16[],address,bool,int24)",
         ["1", "ab", "0x1122", "[1,2]", "0x" + "11" * 20, "true", "-3"]),
    ],
)  # fmt: skip
def test_values_are_read_as_cast_reads_them(cast, megaeth, signature, values):
    assert megaeth("abi", "encode", signature, "--", *values).out.strip() == cast(
        "calldata", signature, "--", *values
    )
    if "(string,uint256)" not in signature and "string[]" not in signature:
        packed = megaeth("abi", "encode", "--packed", signature, "--", *values).out.strip()
        assert packed == cast("abi-encode", "--packed", signature, "--", *values)


@pytest.mark.parametrize(
    "signature", ["f(function)", "g(function[2],(uint8,function)[])", "f()", "h((uint256,(bytes,bool)[])[3])"]
)
def test_selectors_are_those_of_cast(cast, megaeth, signature):
    assert megaeth("abi", "selectors", signature).out.split()[0] == cast("sig", signature)
    topic = megaeth("abi", "selectors", f"event {signature}").out.split()[0]
    assert topic == cast("sig-event", signature)
