"""Native code that takes over a frame in the middle, from the interpreter: as if nothing had happened."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bytecode import assemble
from tests.support.native import CONTRACT, OTHER, SPECS, hexed
from tests.support.programs import Program

INTRINSIC = 21_000
COUNTS_DOWN = "1 SWAP1 SUB"
LOOPS = {
    name: assemble(source)
    for name, source in {
        "arithmetic": f"3 10 loop: SWAP1 DUP1 MUL SWAP1 {COUNTS_DOWN} DUP1 @loop JUMPI POP 0 MSTORE 32 0 RETURN",
        "grows": f"8 loop: DUP1 DUP1 DUP1 MUL 200 MUL MSTORE {COUNTS_DOWN} DUP1 @loop JUMPI MSIZE 0 MSTORE 32 0 RETURN",
        "stores": f"4 loop: DUP1 DUP1 SSTORE GAS POP {COUNTS_DOWN} DUP1 @loop JUMPI 2 SLOAD 0 MSTORE 32 0 RETURN",
        "calls": (
            f"4 loop: DUP1 0 MSTORE 32 32 32 0 0 {OTHER} GAS CALL POP {COUNTS_DOWN} DUP1 @loop JUMPI "
            "32 MLOAD 0 MSTORE 32 0 RETURN"
        ),
        "function": (
            f"6 loop: @back DUP2 @square JUMP back: 0 MLOAD ADD 0 MSTORE {COUNTS_DOWN} DUP1 @loop JUMPI "
            "32 0 RETURN square: DUP1 MUL SWAP1 JUMP"
        ),
        "nested": (
            f"0 4 outer: 5 inner: DUP1 DUP4 ADD DUP3 ADD SWAP3 POP {COUNTS_DOWN} DUP1 @inner JUMPI POP "
            f"{COUNTS_DOWN} DUP1 @outer JUMPI POP 0 MSTORE 32 0 RETURN"
        ),
        "two": (
            f"5 first: {COUNTS_DOWN} DUP1 @first JUMPI CALLER second: 1 ADD SWAP1 1 ADD SWAP1 DUP2 6 GT @second "
            "JUMPI 0 MSTORE 32 0 RETURN"
        ),
        "volatile": f"TIMESTAMP 6 loop: TIMESTAMP POP {COUNTS_DOWN} DUP1 @loop JUMPI 0 MSTORE 32 0 RETURN",
        "as told": (
            f"0 CALLDATALOAD 9 loop: DUP2 DUP1 MUL POP {COUNTS_DOWN} DUP1 @end SWAP1 ISZERO @end JUMPI POP @loop JUMP "
            "end: MSIZE 0 MSTORE 32 0 RETURN"
        ),
    }.items()
}
CALLED = assemble(
    f"5 loop: {COUNTS_DOWN} DUP1 @loop JUMPI 0 CALLDATALOAD 0 SLOAD ADD DUP1 0 SSTORE 0 MSTORE 32 0 RETURN"
)
ACCOUNTS = {OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(CALLED), "storage": {"0x0": "0x5"}}}


@pytest.mark.parametrize("name", LOOPS)
def test_taken_over_after_any_number_of_instructions(native, name):
    taken = {
        after: native.compare(LOOPS[name], CALLED, accounts=ACCOUNTS, after=after).native_gas
        for after in range(160)
    }
    assert taken[0] > taken[159]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", LOOPS)
def test_taken_over_on_every_spec(native, name, spec):
    for after in (0, 10, 33):
        native.compare(LOOPS[name], CALLED, spec=spec, accounts=ACCOUNTS, after=after)


@pytest.mark.parametrize("name", LOOPS)
def test_out_of_gas_after_taking_over(native, name):
    used = native.compare(LOOPS[name], CALLED, accounts=ACCOUNTS).gas_used
    for after in (0, 17, 50):
        for gas in range(INTRINSIC, used + 10, max(1, (used - INTRINSIC) // 90)):
            native.compare(LOOPS[name], CALLED, gas=gas, accounts=ACCOUNTS, after=after)


@pytest.mark.parametrize("spec", ["mini-rex", "rex3", "rex4", "rex6"])
@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("limit", ["computeGas", "detainedComputeGas"])
def test_limits_after_taking_over(native, name, spec, limit):
    whole = native.compare(LOOPS[name], CALLED, spec=spec, accounts=ACCOUNTS)
    used = whole.report["usage"]["computeGas"]
    least = INTRINSIC if limit == "computeGas" else 1
    for after in (0, 20):
        for most in range(least, used + 10, max(1, (used - least) // 15)):
            native.compare(
                LOOPS[name], CALLED, spec=spec, accounts=ACCOUNTS, after=after, limits={limit: most}
            )


def test_a_frame_whose_words_are_not_what_the_code_relies_on_is_not_taken_over(native):
    """A counter that began below 2^41 is known to fit; one that is beyond when it enters isn't."""
    code = assemble(f"{2**41 - 3} loop: 1 ADD DUP1 {2**41 + 10} GT @loop JUMPI 0 MSTORE 32 0 RETURN")
    taken = [native.compare(code, after=after).native_gas > 0 for after in range(0, 70, 7)]
    assert taken[0]
    assert not any(taken[4:])


def test_a_frame_in_a_function_is_taken_over_where_it_returns_to_its_caller(native):
    """The same loop in the same function, called from two places."""
    code = assemble(
        "@one 5 @f JUMP one: @two 7 @f JUMP two: ADD 0 MSTORE 32 0 RETURN "
        f"f: 0 SWAP1 loop: SWAP1 DUP2 DUP1 MUL ADD SWAP1 {COUNTS_DOWN} DUP1 @loop JUMPI POP SWAP1 JUMP"
    )
    for after in range(0, 250, 5):
        assert native.compare(code, after=after).output == (55 + 140).to_bytes(32)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False), spec=st.sampled_from(SPECS))
def test_random_programs_taken_over(native, chance, spec):
    code, other = Program(chance).code, Program(chance).code
    accounts = {
        CONTRACT: {"balance": "0x3", "nonce": 1, "code": hexed(code), "storage": {"0x0": "0x9"}},
        OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(other), "storage": {"0x1": "0x5"}},
    }
    request = {"spec": spec, "to": CONTRACT, "accounts": accounts, "calldata": hexed(chance.randbytes(36))}
    used = native.compare(code, other, gas=2_000_000, after=0, **request).gas_used
    for _ in range(8):
        gas = chance.randint(INTRINSIC, max(INTRINSIC, used))
        native.compare(code, other, gas=gas, after=chance.randint(0, 300), **request)
