"""Blocks whose contracts ran natively: who interprets them again comes to the same."""

import pytest

from tests.integration.contracts.conftest import CommandLine
from tests.support.waiting import eventually
from tests.support.wallet import ACCOUNTS

BOB = ACCOUNTS[1].address


@pytest.fixture
def native_cli(megaeth, new_node, cli):
    node = new_node(jit__mode="eager").start()
    return node, CommandLine(megaeth, node.url)


def runs(node):
    """How often native code was entered, by the code's hash."""
    contracts = node.rpc("mega_getNativeStatus")["contracts"]
    return {one["codeHash"]: one.get("runs", 0) for one in contracts}


def test_blocks_of_native_contracts_verify(native_cli):
    node, cli = native_cli
    cli.deploy("Fibonacci")
    cli.deploy("Token", "MegaCoin", "MEGA", "1000")
    cli.deploy("Counter")
    first = cli.send("Fibonacci", "store(uint256)", "20000")
    cli.send("Token", "transfer", BOB, "5")
    cli.send("Counter", "increment")
    eventually(lambda: len(runs(node)) >= 3 and _all_loaded(node), "three contracts to be native", 180.0)

    before = runs(node)
    again = cli.send("Fibonacci", "store(uint256)", "20000")
    receipts = [again, cli.send("Token", "transfer", BOB, "5"), cli.send("Counter", "increment")]
    assert all(count > before[code_hash] for code_hash, count in runs(node).items())
    # The second run finds the slot used and the caller's slots known: only storage may cost less.
    assert again["computeGas"] <= first["computeGas"]
    for receipt in receipts:
        node.sealed(receipt["blockNumber"])
        report = cli.json("verify", "block", str(receipt["blockNumber"]))
        assert report["ok"], report


def test_a_call_without_limits_computes_what_no_transaction_may(native_cli):
    node, cli = native_cli
    cli.deploy("Fibonacci")
    cli.call("Fibonacci", "run", "10")
    eventually(lambda: runs(node) and _all_loaded(node), "the contract to be native", 180.0)
    refused = cli("call", "Fibonacci", "run", "10000000")
    assert refused.code != 0
    assert "compute gas" in refused.err
    assert int(cli.call("Fibonacci", "run", "10000000", "--unlimited")) == _fibonacci(10_000_000)


def _all_loaded(node):
    return all(one["state"] == "native" for one in node.rpc("mega_getNativeStatus")["contracts"])


def _fibonacci(n):
    """Modulo 2^256, by doubling."""
    if n == 0:
        return 0

    def pair(n):
        if n == 0:
            return 0, 1
        a, b = pair(n // 2)
        c, d = a * (2 * b - a), a * a + b * b
        c, d = c % 2**256, d % 2**256
        return (d, (c + d) % 2**256) if n % 2 else (c, d)

    return pair(n)[0]
