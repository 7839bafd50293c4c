"""`megaeth jit explain` counts where a contract's gas went, and names the source lines."""

from tests.integration.contracts.conftest import CONTRACTS

LOOP = "for (uint256 i = 0; i < n; ++i) {"
BODY = "(a, b) = (b, a + b);"
N = 20_000
"""Turns that take more gas than keeping the result."""


def hottest(cli, *arguments):
    """The profile, and its dearest block."""
    profile = cli.json("jit", "explain", *arguments)["profile"]
    return profile, profile["blocks"][0]


def lines_of(block):
    """The lines that a block comes from, by number."""
    return {line["line"]: line["text"] for line in block["lines"]}


def numbered(contract, *lines):
    """Lines of one of the project's contracts, by number."""
    all_lines = enumerate((CONTRACTS / f"{contract}.sol").read_text().splitlines(), 1)
    return {number: line.strip() for number, line in all_lines if line.strip() in lines}


def test_the_loop_of_fibonacci_is_its_hottest_block(cli, node):
    cli.deploy("Fibonacci")
    assert cli.json("jit", "explain", "Fibonacci")["profile"]["entries"] == 0
    sent = cli.send("Fibonacci", "store(uint256)", str(N))
    profile, block = hottest(cli, "Fibonacci")
    assert profile["transactions"] == [sent["transactionHash"]]
    assert profile["entries"] == 1
    assert block["runs"] == N
    assert block["share"] > 0.4
    assert lines_of(block) == numbered("Fibonacci", LOOP, BODY)
    assert all(line["unit"].endswith("Fibonacci.sol") for line in block["lines"])

    node.sealed(sent["blockNumber"])
    assert hottest(cli, "Fibonacci")[1] == block


def test_a_call_is_counted_without_being_sent(cli):
    cli.deploy("Fibonacci")
    profile, block = hottest(cli, "Fibonacci", "run(uint256)", "1000")
    assert (profile["call"], profile["error"], profile["entries"]) == ("run(uint256)", None, 1)
    assert block["runs"] == 1000
    shown = cli("jit", "explain", "Fibonacci", "run", "1000").out
    for number, text in numbered("Fibonacci", LOOP, BODY).items():
        assert f"Fibonacci.sol:{number}  {text}" in shown
    # Without limits, more than any transaction may compute.
    beyond, _ = hottest(cli, "Fibonacci", "run", "4000000", "--unlimited")
    assert beyond["gas"] > 200_000_000


def test_a_contract_that_a_contract_made_and_calls_is_profiled(cli):
    router = cli.deploy("AmmRouter")
    tokens = [cli.deploy("Token", name, name, "1000000") for name in ("First", "Second")]
    for token in tokens:
        cli.send(token, "approve", router, "1000000")
    sent = cli.send("AmmRouter", "addLiquidity", *tokens, "250000", "250000")
    pair = cli.call("AmmRouter", "pairOf", *tokens)
    profile, block = hottest(cli, pair)
    assert profile["transactions"] == [sent["transactionHash"]]
    assert all(line["unit"].endswith("AmmPair.sol") for line in block["lines"])
    root = "next = (x / next + next) / 2;"
    assert any(line["text"] == root for block in profile["blocks"] for line in block["lines"])
