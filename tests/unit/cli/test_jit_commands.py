"""`megaeth jit`, with a node that the test plays."""

import json

import pytest

from devnet._engine import keccak256
from megaeth_cli.inspect.known import ADDRESSES, SYSTEM
from tests.support.bytecode import assemble
from tests.support.scripted_node import scripted_node

ADDRESS = "0x" + "c0" * 20
LOOP = assemble("0 CALLDATALOAD loop: 1 SWAP1 SUB DUP1 @loop JUMPI CALLER SLOAD STOP")
HASH = f"0x{keccak256(LOOP).hex()}"
WAITING = {
    "codeHash": HASH,
    "state": "waiting",
    "codeSize": len(LOOP),
    "reason": None,
    "interpretedGas": 1234,
    "compiledAfterGas": 56789,
}
NATIVE = WAITING | {
    "state": "native",
    "size": 4096,
    "compileSeconds": 0.25,
    "fromCache": False,
    "runs": 3,
    "nativeGas": 98765,
    "leaves": 3,
    "speedUp": 41.5,
    "nativeWhole": False,
    "nativeBytes": 30,
    "leftOutBytes": 90,
    "compilations": 2,
    "missedGas": 4321,
}


# Two runs: the loop turned four times.
PROFILE = {
    "codeHash": HASH,
    "blocks": "0x3",
    "transactions": ["0x" + "01" * 32, "0x" + "02" * 32],
    "entries": "0x2",
    "gas": "0x7d0",
    "instructions": [[0, 2, 4], [1, 2, 6], [2, 8, 16], [3, 8, 400], [12, 2, 1574]],
}
NEVER = PROFILE | {"transactions": [], "entries": "0x0", "gas": "0x0", "instructions": []}


@pytest.fixture
def jit(megaeth):
    """Runs `megaeth jit ...` against a node where one contract is as given."""

    def run(*arguments, contracts=(NATIVE,), mode="on", profile=PROFILE, unavailable=None, codes=None):
        standing = dict.fromkeys(SYSTEM, "0x") | (codes or {})
        with scripted_node(
            mega_getNativeStatus={
                "mode": mode,
                "unavailable": unavailable,
                "spec": "rex6",
                "contracts": list(contracts),
            },
            mega_getGasProfile=profile,
            mega_getCallGasProfile=lambda call, *rest: profile | {"error": "out of gas"},
            eth_getCode=lambda address, tag: standing.get(address, f"0x{LOOP.hex()}"),
            eth_chainId="0x18c7",
        ) as node:
            return megaeth("jit", *arguments, "--rpc-url", node.url)

    return run


def test_status_shows_gas_speed_up_time_and_size(jit):
    shown = jit("status").out
    for text in (HASH, "native", "98,765", "1,234", "41.5 x", "0.25 s", "4,096 B"):
        assert text in shown


def test_status_for_programs_is_what_the_node_says(jit):
    found = json.loads(jit("status", "--json").out)
    assert found["contracts"] == [NATIVE | {"name": None}]


@pytest.mark.parametrize("name", ["WETH", "Oracle", "HighPrecisionTimestamp", "SequencerRegistry"])
def test_status_names_what_stands_on_every_chain(jit, name):
    code = bytes.fromhex("6001600255")
    known = NATIVE | {"codeHash": f"0x{keccak256(code).hex()}"}
    shown = jit("status", "--json", contracts=[known], codes={ADDRESSES[name]: f"0x{code.hex()}"})
    assert json.loads(shown.out)["contracts"] == [known | {"name": name}]


def test_status_before_anything_was_called(jit):
    assert "no contract was looked at yet" in jit("status", contracts=()).out


def test_status_where_native_code_can_not_run(jit):
    why = "native code is for x86-64, and this is aarch64"
    assert f"everything is interpreted: {why}" in jit("status", contracts=(), mode="off", unavailable=why).out
    assert f"interpreted: {why}" in jit("explain", ADDRESS, mode="off", unavailable=why).out


def test_explain_says_what_a_contract_still_has_to_spend(jit):
    shown = jit("explain", ADDRESS, contracts=[WAITING]).out
    assert "compiled after 56,789 gas, 1,234 were spent on it so far" in shown


def test_how_much_of_a_contract_is_native_and_why_the_rest_is_not(jit):
    assert "25%" in jit("status").out
    shown = " ".join(jit("explain", ADDRESS).out.split())
    assert "native: 25% of its code; the rest was not executed when it was looked at" in shown
    assert "4,321 gas" in shown
    shown = " ".join(jit("explain", ADDRESS, contracts=[NATIVE | {"nativeWhole": True}]).out.split())
    assert "the rest only leads to failures" in shown


def test_explain_says_why_not(jit):
    assert "--jit is off" in jit("explain", ADDRESS, mode="off").out
    refused = WAITING | {"state": "failed", "reason": "it took longer than 30 s"}
    assert "failed: it took longer than 30 s" in jit("explain", ADDRESS, contracts=[refused]).out


def test_explain_shows_loops_with_their_gas_and_the_steps_of_the_engine(jit):
    analysis = json.loads(jit("explain", ADDRESS, "--json").out)["analysis"]
    [loop] = analysis["loops"]
    assert (loop["first_pc"], loop["steps"]) == (2, {})
    assert analysis["steps"] == {"SLOAD": 1}
    assert analysis["leaves"] == {"STOP": 1}
    assert "2.." in jit("explain", ADDRESS).out


def test_explain_shows_the_blocks_that_take_most_gas(jit):
    profile = json.loads(jit("explain", ADDRESS, "--json").out)["profile"]
    assert [(one["first_pc"], one["runs"], one["gas"]) for one in profile["blocks"]] == [
        (12, 2, 1574),
        (2, 8, 416),
        (0, 2, 10),
    ]
    assert profile["blocks"][1]["share"] == 0.208
    assert (profile["entries"], profile["gas"], profile["has_lines"]) == (2, 2000, False)
    shown = jit("explain", ADDRESS).out
    assert "Hottest blocks of the 2 newest transactions: 2,000 gas in 2 entries" in shown
    assert "20.8%" in shown
    assert "its sources are not known" in shown


def test_explain_counts_a_call_that_is_given_and_says_how_it_failed(jit):
    shown = jit("explain", ADDRESS, "run(uint256)", "5").out
    assert "Hottest blocks of run(uint256), which fails: out of gas: 2,000 gas in 2 entries" in shown


def test_explain_of_a_contract_that_nobody_called(jit):
    shown = jit("explain", ADDRESS, profile=NEVER).out
    assert "none of the newest transactions entered it" in shown
    assert "megaeth jit explain CONTRACT FUNCTION" in shown


def test_asm_prints_machine_code_and_on_request_what_llvm_was_given(jit):
    assert "entry:" in jit("asm", ADDRESS).out
    assert "define i64 @entry" in jit("asm", ADDRESS, "--llvm").out
