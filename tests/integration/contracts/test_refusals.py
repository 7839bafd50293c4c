"""What cannot work is refused with a clear error, and nothing is sent."""

import pytest

from tests.integration.contracts.conftest import CONTRACTS
from tests.support.wallet import ACCOUNTS, nonce

BOB = ACCOUNTS[1].address


@pytest.fixture
def nothing_sent(node):
    """Check that the first dev account sent nothing during the test."""
    before = nonce(node, 0)
    yield
    assert nonce(node, 0) == before


def test_a_source_that_does_not_compile_shows_its_lines(cli, source, nothing_sent):
    result = cli("deploy", source("contract Bad {\n  uint256 x = missing;\n}"))
    assert result.code == 7
    assert "the source does not compile: 1 error" in result.err
    assert "Test.sol:3:15" in result.err
    assert "uint256 x = missing;" in result.err


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('constructor() { revert("not today"); }', 'reverted: "not today"'),
        ("error Closed(uint256 until); constructor() { revert Closed(7); }", "reverted: Closed(until: 7)"),
        ("uint256 z; constructor() { z = 1 / z; }", "panicked: division or modulo by zero"),
    ],
)
def test_a_constructor_that_reverts_is_not_deployed(cli, source, nothing_sent, body, reason):
    result = cli("deploy", source(f"contract Bad {{ {body} }}"))
    assert result.code == 1
    assert reason in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "takes 3 arguments, none was given"),
        (("a", "b", "c"), "argument 3 (uint256 supply) of Token: 'c' is not a number"),
        (("a", "b", "1", "--value", "1ether"), "the constructor of Token takes no ether"),
        (("a", "b", "1", "--from", "99999"), "no such dev account"),
    ],
)
def test_wrong_constructor_arguments_are_usage_errors(cli, nothing_sent, arguments, message):
    result = cli("deploy", CONTRACTS / "Token.sol", *arguments)
    assert result.code == 2
    assert message in result.err


@pytest.mark.parametrize(
    ("name", "message"),
    [("Token.sol:Nothing", "has no contract Nothing"), ("interfaces/IERC20.sol", "nothing to deploy")],
)
def test_what_is_no_contract_is_not_deployed(cli, nothing_sent, name, message):
    result = cli("deploy", CONTRACTS / name)
    assert result.code == 7
    assert message in result.err


def test_an_account_that_cannot_pay_is_told_so(cli, nothing_sent):
    result = cli("tx", "send", "--to", BOB, "--value", "1000000ether")
    assert result.code == 1
    assert "cannot pay for this" in result.err


def test_a_nonce_that_was_used_is_refused(cli):
    cli.send("--to", BOB)
    result = cli("tx", "send", "--to", BOB, "--nonce", "0")
    assert result.code == 6
    assert "nonce too low" in result.err


def test_too_little_gas_is_refused_with_what_megaeth_needs(cli, nothing_sent):
    result = cli("tx", "send", "--to", BOB, "--gas-limit", "21000")
    assert result.code == 6
    assert "60,000 gas" in result.err or "60000" in result.err


def test_more_computation_than_a_transaction_may_do_says_the_limit(cli, nothing_sent):
    cli.deploy("Fibonacci", "--from", "2")
    result = cli("tx", "send", "Fibonacci", "store", "100000000")
    assert result.code == 1
    assert "compute gas limit" in result.err
    assert "200,000,000" in result.err
    assert "megaeth tx explain --call 0x" in result.err


def test_sent_anyway_it_fails_in_a_block_and_says_why(cli):
    cli.deploy("Counter")
    result = cli("tx", "send", "Counter", "decrement", "--gas-limit", "1000000")
    assert result.code == 1
    assert "failed: reverted: NothingToTake()" in result.out
    hash_ = next(word for word in result.out.split() if len(word) == 66)
    assert "failed: reverted: NothingToTake()" in cli("tx", "show", hash_).out
    assert f"megaeth tx explain {hash_}" in result.out


def test_gas_detention_is_explained_with_its_numbers(cli, source):
    path = source(
        "contract Late { uint256 public x; function f(uint256 n) external {\n"
        "uint256 t = block.timestamp; for (uint256 i; i < n; ++i) t = uint256(keccak256(abi.encode(t))); x = t; } }"
    )
    cli.json("deploy", path)
    detained = cli("tx", "send", "Late", "f", "10")
    assert detained.code == 0, detained.err
    assert "20,000,000 compute gas" not in detained.out  # advice is for what failed
    result = cli("tx", "send", "Late", "f", "1000000", "--gas-limit", "1000000000")
    assert result.code == 1
    assert "20,000,000 compute gas" in result.out
