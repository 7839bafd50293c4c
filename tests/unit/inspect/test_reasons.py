"""Failures are explained in words."""

import eth_abi
import pytest
from eth_hash.auto import keccak

from megaeth_cli.abi import Interface
from megaeth_cli.chain.allowance import allowance_of, newest
from megaeth_cli.inspect.reasons import detention_hint, of_halt, of_revert


def revert(signature, *values):
    types = signature[signature.index("(") + 1 : -1]
    encoded = eth_abi.encode([one for one in types.split(",") if one], values)
    return keccak(signature.encode())[:4] + encoded


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "reverted without a reason"),
        (revert("Error(string)", "not the owner"), 'reverted: "not the owner"'),
        (revert("Panic(uint256)", 0x11), "panicked: arithmetic overflow or underflow (Panic 0x11)"),
        (revert("Panic(uint256)", 0x32), "panicked: array index out of bounds (Panic 0x32)"),
        (revert("Panic(uint256)", 0x99), "panicked: unknown code (Panic 0x99)"),
        (
            revert("MegaLimitExceeded(uint8,uint64)", 2, 196_000_000),
            "MegaLimitExceeded: a call used up its compute gas limit of 196,000,000",
        ),
        (
            revert("VolatileDataAccessDisabled(uint8)", 1),
            "VolatileDataAccessDisabled: block.timestamp was read where a caller has disabled it",
        ),
        (
            revert("NotIntercepted()"),
            "NotIntercepted: this function of a system contract answers direct calls only",
        ),
        (bytes.fromhex("deadbeef"), "reverted with data of an unknown error: 0xdeadbeef"),
        (keccak(b"Error(string)")[:4] + b"\xff" * 40, None),
    ],
)
def test_revert_data_is_explained(data, text):
    reason = of_revert(data)
    assert reason.text == text or (
        text is None and reason.text.startswith("reverted with data of an unknown")
    )


def test_a_custom_error_is_decoded_by_the_abi():
    abi = [
        {
            "type": "error",
            "name": "TooLittle",
            "inputs": [{"type": "uint256", "name": "have"}, {"type": "uint256", "name": "want"}],
        }
    ]
    reason = of_revert(revert("TooLittle(uint256,uint256)", 1, 5), [Interface([]), Interface(abi)])
    assert reason.text == "reverted: TooLittle(have: 1, want: 5)"
    assert reason.to_json()["arguments"] == {"have": "1", "want": "5"}


@pytest.mark.parametrize(
    ("halt", "text", "hint"),
    [
        (
            {"kind": "ComputeGasLimitExceeded", "limit": "0xbebc200", "actual": "0xbebc201"},
            "ComputeGasLimitExceeded: compute gas limit exceeded (limit 200,000,000, actual 200,000,001)",
            "split the computation",
        ),
        (
            {
                "kind": "VolatileDataAccessOutOfGas",
                "limit": "0x1312d00",
                "actual": "0x1312d01",
                "accesses": ["TIMESTAMP"],
            },
            "VolatileDataAccessOutOfGas: gas detention: the compute gas left after reading volatile data ran out "
            "(limit 20,000,000, actual 20,000,001, read TIMESTAMP)",
            "20,000,000 compute gas",
        ),
        (
            {"kind": "StateGrowthLimitExceeded", "limit": "0x3e8", "actual": "0x3e9"},
            "state growth",
            "fewer new slots",
        ),
        ({"kind": "OutOfGas(Basic)"}, "halted: OutOfGas(Basic)", "the gas limit was too low"),
        ({"kind": "InvalidJump"}, "halted: InvalidJump", ""),
    ],
)
def test_a_halt_is_explained_with_its_numbers_and_what_to_do(halt, text, hint):
    reason = of_halt({"haltReason": halt})
    assert text in reason.text
    assert hint in reason.hint


@pytest.mark.parametrize("mega", [None, {}, {"haltReason": None}])
def test_no_halt_is_no_reason(mega):
    assert of_halt(mega) is None


def by(spec):
    return lambda: allowance_of({"chainId": 7, "spec": spec})


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        (
            "rex6",
            "a transaction has 200,000,000, and each call 98/100 of what its caller has left; "
            "split the work over several transactions",
        ),
        ("rex3", "a transaction has 200,000,000; split the work over several transactions"),
        ("mini-rex", "a transaction has 1,000,000,000; split the work over several transactions"),
        ("equivalence", "split the work over several transactions"),
    ],
)
def test_hints_have_the_numbers_of_the_chains_rules(spec, hint):
    assert of_revert(revert("MegaLimitExceeded(uint8,uint64)", 2, 5), allowed=by(spec)).hint == hint


@pytest.mark.parametrize(("spec", "bytes_"), [("rex6", "524,288"), ("equivalence", "24,576")])
def test_how_long_code_may_be_is_the_rules_to_say(spec, bytes_):
    halted = of_halt({"haltReason": {"kind": "CreateContractSizeLimit"}}, by(spec))
    assert halted.hint == f"the contract is larger than {bytes_} bytes; split it"


def test_detention_leaves_what_the_rules_say():
    assert "leaves a transaction 20,000,000 compute gas" in detention_hint(by("rex6")())
    assert "leaves a transaction little compute gas" in detention_hint(by("equivalence")())


def test_of_a_chain_whose_rules_are_not_known_the_newest_are_taken():
    assert allowance_of({"chainId": 1}) == allowance_of({"nonsense": 1}) == newest()
    assert newest() == by("rex6")()
    assert allowance_of({"chainId": 4326}).spec == "rex6"
