"""Contracts of which only parts are native: as if everything were interpreted, wherever native code has to leave."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devnet.jit.decode import decode
from devnet.jit.selection import Wanted
from tests.support.bytecode import assemble
from tests.support.native import CONTRACT, OTHER, SPECS, hexed
from tests.support.programs import Program

INTRINSIC = 21_000
COUNTS_DOWN = "1 SWAP1 SUB"
CALLED = assemble("0 CALLDATALOAD 1 ADD DUP1 0 SSTORE 0 MSTORE 32 0 RETURN")
SMALL = {
    name: assemble(source)
    for name, source in {
        "branches in a loop": (
            f"0 9 loop: DUP1 3 AND @seldom JUMPI SWAP1 DUP2 ADD SWAP1 seldom: {COUNTS_DOWN} DUP1 @loop JUMPI "
            "POP 0 MSTORE 32 0 RETURN"
        ),
        "function": "7 @one @f JUMP one: @two @f JUMP two: 0 MSTORE 32 0 RETURN f: SWAP1 DUP1 ADD SWAP1 JUMP",
        "calls": (
            f"4 loop: DUP1 0 MSTORE 32 32 32 0 0 {OTHER} GAS CALL @well JUMPI 0 0 REVERT well: {COUNTS_DOWN} "
            "DUP1 @loop JUMPI 32 MLOAD 0 MSTORE 32 0 RETURN"
        ),
        "dispatches": (
            "0 CALLDATALOAD DUP1 2 EQ @two JUMPI DUP1 3 EQ @three JUMPI 1 0 REVERT "
            "two: POP 5 0 SSTORE STOP three: @two JUMP"
        ),
        "volatile": f"TIMESTAMP 6 loop: TIMESTAMP POP {COUNTS_DOWN} DUP1 @loop JUMPI 0 MSTORE 32 0 RETURN",
        "fails late": (
            f"0 CALLDATALOAD @bad JUMPI STOP bad: 9 loop: {COUNTS_DOWN} DUP1 @loop JUMPI 7 0 SSTORE 0 0 REVERT"
        ),
    }.items()
}
ACCOUNTS = {OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(CALLED), "storage": {"0x0": "0x5"}}}


def without(code: bytes, *left_out: int) -> Wanted:
    return Wanted(whole=False, kept=tuple(pc for pc in decode(code).blocks if pc not in left_out))


@pytest.mark.parametrize("name", SMALL)
def test_any_block_may_be_left_out(native, name):
    code = SMALL[name]
    request = {"accounts": ACCOUNTS, "calldata": hexed((3).to_bytes(32))}
    missed = 0
    for pc in decode(code).blocks:
        used = native.compare(code, CALLED, **request).gas_used
        for gas in (3_000_000, *range(max(INTRINSIC, used - 200), used + 2, 7)):
            for watched in (False, True):
                wanted = without(code, pc)
                compared = native.compare(code, CALLED, gas=gas, wanted=wanted, watched=watched, **request)
                missed += compared.missed_gas
    assert missed > 0


@pytest.mark.parametrize("spec", SPECS)
def test_limits_are_met_where_blocks_are_left_out(native, spec):
    for name in ("branches in a loop", "volatile"):
        code = SMALL[name]
        for pc in decode(code).blocks:
            for detained in range(1, 200, 11):
                native.compare(
                    code, spec=spec, wanted=without(code, pc), limits={"detainedComputeGas": detained}
                )


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.floats(0.2, 0.95))
def test_random_programs_of_which_random_blocks_are_native(native, seed, share):
    chance = random.Random(seed)
    code, other = Program(chance).code, Program(chance).code
    left_out = [pc for pc in decode(code).blocks if chance.random() > share]
    native.compare(
        code,
        other,
        to=CONTRACT,
        calldata=hexed(chance.randbytes(36)),
        wanted=without(code, *left_out),
        watched=chance.random() < 0.5,
        after=chance.choice((None, 0, 7)),
        accounts={OTHER: {"balance": "0x7", "nonce": 1, "code": hexed(other)}},
    )


def test_what_was_seen_is_enough_until_something_else_is_executed(native):
    code = SMALL["dispatches"]
    calldata = {number: hexed(number.to_bytes(32)) for number in (2, 3)}
    first = Wanted(whole=False, counts=native.seen(code, calldata=calldata[2]), most=10_000)
    assert native.compare(code, wanted=first, calldata=calldata[2]).missed_gas == 0
    assert native.compare(code, wanted=first, calldata=calldata[3]).missed_gas > 0
    kept = tuple(pc for pc in decode(code).blocks if any(first.counts[4 * pc : 4 * pc + 4]))
    more = Wanted(whole=False, kept=kept, counts=native.seen(code, calldata=calldata[3]), most=10_000)
    for one in calldata.values():
        assert native.compare(code, wanted=more, calldata=one).missed_gas == 0


def test_failure_is_left_to_the_interpreter_until_it_was_seen(native):
    code = assemble("0 CALLDATALOAD @fine JUMPI 1 0 MSTORE 32 0 REVERT fine: 1 0 SSTORE STOP")
    assert native.compare(code).missed_gas > 0
    seen = Wanted(whole=True, counts=native.seen(code))
    assert native.compare(code, wanted=seen).missed_gas == 0


def test_every_instruction_is_counted_as_often_as_it_is_executed(native):
    code = assemble(f"5 loop: {COUNTS_DOWN} DUP1 @loop JUMPI STOP")
    seen = native.seen(code)
    counts = [int.from_bytes(seen[4 * pc : 4 * pc + 4], "little") for pc in range(len(code))]
    # PUSH1, JUMPDEST, PUSH1, SWAP1, SUB, DUP1, PUSH2, JUMPI, STOP.
    assert counts == [1, 0, 5, 5, 0, 5, 5, 5, 5, 0, 0, 5, 1]


def test_loop_whose_seldom_way_is_left_out_goes_on_natively_behind_it(native):
    code = assemble(
        f"0 2000 loop: DUP1 255 AND ISZERO @seldom JUMPI back: SWAP1 DUP2 ADD SWAP1 {COUNTS_DOWN} DUP1 @loop JUMPI "
        "POP 0 MSTORE 32 0 RETURN seldom: 7 POP @back JUMP"
    )
    *_, seldom, _ = sorted(decode(code).blocks)
    compared = native.compare(code, wanted=without(code, seldom))
    assert compared.native_runs > 5
    assert 0 < compared.missed_gas < compared.native_gas / 20


def test_loop_that_leaves_in_each_turn_is_interpreted_after_a_while(native):
    code = assemble(
        f"30000 loop: DUP1 @always JUMPI back: {COUNTS_DOWN} DUP1 @loop JUMPI STOP always: 7 POP @back JUMP"
    )
    *_, always, _ = sorted(decode(code).blocks)
    compared = native.compare(code, wanted=without(code, always), gas=30_000_000)
    assert compared.native_runs < 1_000
