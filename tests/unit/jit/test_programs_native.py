"""Whole contracts, natively and interpreted: same result, gas in every dimension, refunds, logs, state and halts."""

import random

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from devnet.jit.child import Refused
from tests.support.bytecode import assemble, push
from tests.support.native import CONTRACT, OTHER, SPECS, hexed
from tests.support.programs import Program

INTRINSIC = 21_000

LOOP = "10 loop: DUP1 DUP1 MUL 32 MSTORE 1 SWAP1 SUB DUP1 @loop JUMPI 64 0 RETURN"
CALLS_A_FUNCTION = (
    "7 @one @twice JUMP one: @two @twice JUMP two: 0 MSTORE 32 0 RETURN twice: SWAP1 DUP1 ADD SWAP1 JUMP"
)
STORES = "1 0 SSTORE 0 SLOAD 2 0 SSTORE 5 1 TSTORE 1 TLOAD 0 MSTORE 32 0 LOG0 GAS 1 SSTORE STOP"
GROWS = "1 1000 MSTORE 2 5000 MSTORE8 7000 MLOAD MSIZE ADD 0 MSTORE 96 0 KECCAK256 0 SSTORE STOP"
MEASURES_GAS = "GAS 0 MSTORE 0 CALLDATALOAD POP GAS 32 MSTORE 3 2 EXP POP GAS 64 MSTORE 96 0 RETURN"
CALLS_ANOTHER = f"0 0 32 0 0 {OTHER} GAS CALL POP GAS 0 0 32 0 {OTHER} 5000 STATICCALL ADD 0 SSTORE STOP"
CREATES = "0x600160005500 0 MSTORE 6 26 0 CREATE EXTCODESIZE 0 SSTORE STOP"
READS_THE_BLOCK = (
    "TIMESTAMP NUMBER ADD COINBASE BALANCE ADD 0 SSTORE 1 loop: 1 ADD DUP1 50 GT @loop JUMPI STOP"
)
REVERTS = "1 0 SSTORE 5 0 MSTORE 32 0 REVERT"
JUMPS_AS_TOLD = (
    "0 CALLDATALOAD JUMP a: 1 0 SSTORE STOP b: @a @c JUMP c: JUMP "
    "d: 0 CALLDATALOAD 36 JUMPI 1 STOP e: @a @b @d JUMP"
)
SMALL = {
    name: assemble(source)
    for name, source in {
        "loop": LOOP,
        "function": CALLS_A_FUNCTION,
        "stores": STORES,
        "grows": GROWS,
        "gas": MEASURES_GAS,
        "calls": CALLS_ANOTHER,
        "creates": CREATES,
        "block": READS_THE_BLOCK,
        "reverts": REVERTS,
    }.items()
}
CALLED = assemble("0 CALLDATALOAD 1 ADD DUP1 0 SSTORE 0 MSTORE 32 0 RETURN")
ACCOUNTS = {OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(CALLED), "storage": {"0x0": "0x5"}}}


@pytest.mark.parametrize("name", SMALL)
def test_out_of_gas_at_every_gas_limit(native, name):
    """Every limit up to what is needed; where that is much, every one near its ends and a sample between."""
    code = SMALL[name]
    used = native.compare(code, CALLED, accounts=ACCOUNTS).gas_used
    limits = range(INTRINSIC, used + 10)
    if len(limits) > 1_000:
        chance = random.Random(0)
        limits = sorted({*limits[:300], *limits[-300:], *chance.sample(limits, 400)})
    for gas in limits:
        native.compare(code, CALLED, gas=gas, accounts=ACCOUNTS)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", SMALL)
def test_small_programs_on_every_spec(native, name, spec):
    assert native.compare(SMALL[name], CALLED, spec=spec, accounts=ACCOUNTS).native_runs > 0


@pytest.mark.parametrize("name", SMALL)
def test_compute_limit_at_many_places(native, name):
    used = native.compare(SMALL[name], CALLED, accounts=ACCOUNTS).report["usage"]["computeGas"]
    for limit in range(INTRINSIC, used + 10, max(1, (used - INTRINSIC) // 100)):
        native.compare(SMALL[name], CALLED, accounts=ACCOUNTS, limits={"computeGas": limit})


@pytest.mark.parametrize("height", [1023, 1024, 1025])
@pytest.mark.parametrize("then", ["", "DUP1", "CALLER SLOAD"])
def test_stack_overflow(native, height, then):
    for source in (
        f"CALLER {'DUP1 ' * (height - 1)}",
        f"loop: CALLER MSIZE {height} GT @loop JUMPI {'1 ' * height}",
    ):
        native.compare(assemble(f"{source} {then} STOP"))


def test_stack_overflow_in_a_loop(native):
    code = assemble("loop: CALLER @loop JUMP")
    assert "StackOverflow" in native.compare(code).report["reason"]


@pytest.mark.parametrize(
    "source", ["POP", "ADD", "1 ADD", "1 SWAP1", "DUP1", "1 MSTORE", "SLOAD", "JUMP", "1 JUMPI", "LOG1"]
)
def test_stack_underflow(native, source):
    assert native.compare(assemble(f"CALLER POP {source}")).status == "halt"


@pytest.mark.parametrize("target", [0, 1, 3, 5, 2**64 + 7, 2**256 - 1])
@pytest.mark.parametrize("jump", ["JUMP", "1 SWAP1 JUMPI", "0 SWAP1 JUMPI"])
def test_invalid_jumps(native, target, jump):
    code = push(target) + assemble(f"{jump} STOP") + bytes([0x61, 0x5B, 0x5B])
    native.compare(code)
    native.compare(assemble(f"0 CALLDATALOAD {jump} STOP"), calldata=hexed(target.to_bytes(32)))


def test_jumps_to_where_the_caller_says(native):
    code = assemble(JUMPS_AS_TOLD)
    statuses = {
        native.compare(code, calldata=hexed(target.to_bytes(32))).status
        for target in (*range(len(code) + 2), 2**64, 2**64 + 4, 2**255)
    }
    assert statuses == {"success", "halt"}


def test_recursion(native):
    """Deeper than contexts are told apart, with a result that each level changes."""
    code = assemble(
        "0 CALLDATALOAD @end SWAP1 @f JUMP end: 0 MSTORE 32 0 RETURN "
        "f: DUP1 @deeper JUMPI SWAP1 JUMP deeper: @back 1 DUP3 SUB @f JUMP back: ADD SWAP1 JUMP"
    )
    for depth in (0, 1, 50, 400):
        native.compare(code, calldata=hexed(depth.to_bytes(32)), gas=10_000_000)


@pytest.mark.parametrize(
    "offset", [0, 1, 31, 32, 1023, 1024, 100_000, 2**32, 2**63, 2**64 - 32, 2**64 - 1, 2**255]
)
@pytest.mark.parametrize("what", ["MLOAD", "1 SWAP1 MSTORE", "1 SWAP1 MSTORE8", "1 SWAP1 KECCAK256"])
def test_memory_growth(native, offset, what):
    native.compare(push(offset) + assemble(f"{what} MSIZE 0 MSTORE 32 0 RETURN"))
    native.compare(
        assemble(f"0 CALLDATALOAD {what} MSIZE 0 MSTORE 32 0 RETURN"), calldata=hexed(offset.to_bytes(32))
    )


@pytest.mark.parametrize(
    "code", [b"", b"\x60", b"\x7f\x01", b"\x5b", b"\xfe", b"\xef\x01", assemble("1 2 ADD")]
)
def test_code_that_just_ends(native, code):
    if code:
        native.compare(code, accounts={CONTRACT: {"code": hexed(code), "nonce": 1}}, to=CONTRACT)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False), spec=st.sampled_from(SPECS))
def test_random_programs(native, chance, spec):
    code, other = Program(chance).code, Program(chance).code
    accounts = {
        CONTRACT: {"balance": "0x3", "nonce": 1, "code": hexed(code), "storage": {"0x0": "0x9"}},
        OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(other), "storage": {"0x1": "0x5"}},
    }
    request = {"spec": spec, "to": CONTRACT, "accounts": accounts, "calldata": hexed(chance.randbytes(36))}
    try:
        used = native.compare(code, other, gas=2_000_000, **request).gas_used
    except Refused:
        reject()  # its native code would be too large for so little: the policy's right
    for _ in range(8):
        native.compare(code, other, gas=chance.randint(INTRINSIC, max(INTRINSIC, used)), **request)


@pytest.mark.parametrize("spec", SPECS[1:])
@pytest.mark.parametrize("limit", [1, 100, 21_020, 21_040, 1_000_000])
def test_a_limit_that_falls_below_what_is_used_ends_the_frame_one_instruction_later(native, spec, limit):
    """Before Rex4 the limit after volatile data is absolute: reading it may be too late already."""
    code = assemble("TIMESTAMP 7 ADD 0 MSTORE 32 0 RETURN")
    compared = native.compare(code, spec=spec, limits={"detainedComputeGas": limit})
    assert compared.native_runs == 1


@pytest.mark.parametrize("spec", ["equivalence", "rex6"])
def test_more_gas_than_native_code_is_given_at_a_time(native, spec):
    code = assemble("0 loop: 1 ADD 5 0 MSTORE GAS 32 MSTORE DUP1 1000 GT @loop JUMPI 64 0 RETURN")
    most = 2**62
    compared = native.compare(code, spec=spec, gas=most, limits={"computeGas": most})
    assert compared.native_runs > 0
    assert int.from_bytes(compared.output[32:]) > most - 10**6
