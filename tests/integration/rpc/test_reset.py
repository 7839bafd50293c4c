"""`anvil_reset` on a real node: the chain begins anew, and what does not belong to it stays."""

import time

import pytest

from tests.support import wallet
from tests.support.node import RpcFailure

STRANGER = "0x" + "5a" * 20


def balance(node, address=STRANGER):
    return int(node.rpc("eth_getBalance", address, "latest"), 16)


def timestamp(node):
    return int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.mark.parametrize("prefix", ["anvil", "hardhat"])
def test_a_reset_leaves_the_first_block_and_no_more(new_node, prefix):
    node = new_node(blocks__mining=False).start()
    first = node.rpc("eth_getBlockByNumber", "0x0", False)
    rich = balance(node, wallet.address(0))
    node.rpc("anvil_setBalance", STRANGER, "0x5")
    node.rpc("anvil_impersonateAccount", STRANGER)
    old = node.rpc("eth_sendRawTransaction", wallet.signed(0, 0, to=STRANGER, value="0x1"))
    node.rpc("anvil_mine", "0x3")
    snapshots = [node.rpc("evm_snapshot") for _ in range(2)]
    node.rpc("evm_increaseTime", 100_000)
    node.rpc("evm_mine")
    assert timestamp(node) > time.time() + 90_000
    seen = node.rpc("eth_newBlockFilter")
    node.rpc("eth_sendRawTransaction", wallet.signed(0, 1, to=STRANGER))
    node.rpc("eth_sendRawTransaction", wallet.signed(1, 7, to=STRANGER))

    assert node.rpc(f"{prefix}_reset") is None

    assert node.rpc("eth_blockNumber") == "0x0"
    assert node.rpc("eth_getBlockByNumber", "latest", False) == first
    assert (balance(node), balance(node, wallet.address(0))) == (0, rich)
    assert node.rpc("eth_getTransactionReceipt", old) is None
    assert node.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert [node.rpc("evm_revert", one) for one in snapshots] == [False, False]
    assert node.rpc("evm_snapshot") == "0x2"
    assert node.rpc("anvil_getAutomine") is False
    node.rpc("eth_getFilterChanges", seen)
    # It goes on, also after it was killed.
    node.rpc("anvil_setBalance", STRANGER, hex(10**18))
    sent = node.rpc("eth_sendTransaction", {"from": STRANGER, "to": wallet.address(1), "value": "0x1"})
    node.rpc("evm_mine")
    assert node.rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"
    assert abs(timestamp(node) - time.time()) < 1_000
    assert len(node.rpc("eth_getFilterChanges", seen)) == node.height()
    height = node.height()
    node.kill()
    node.start()
    assert node.height() == height
    assert node.rpc("eth_getBlockByNumber", "0x0", False) == first
    assert balance(node) < 10**18


def test_what_has_begun_anew_can_be_reset_again(new_node):
    with new_node(blocks__automine=True) as node:
        for _ in range(3):
            receipt = wallet.send(node, 0, to=STRANGER, value="0x1")
            assert (receipt["blockNumber"], balance(node)) == ("0x1", 1)
            assert node.rpc("anvil_reset", None) is None
        assert node.rpc("anvil_reset") is None
        assert node.height() == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (7, "options must be an object"),
        ({}, "Forking not enabled and RPC URL not provided to start forking"),
        ({"forking": {"blockNumber": "0x1"}}, "Forking not enabled and RPC URL not provided"),
        (
            {"forking": {"jsonRpcUrl": "http://localhost:1", "blockNumber": 5}},
            "--fork-url http://localhost:1 --fork-block 5",
        ),
    ],
)
def test_a_reset_to_another_chain_is_refused_and_changes_nothing(node, options, reason):
    before = node.sealed(1)
    with pytest.raises(RpcFailure, match=reason):
        node.rpc("hardhat_reset", options)
    assert node.rpc("eth_getBlockByNumber", "0x1", False) == before
