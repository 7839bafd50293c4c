"""Transactions over the remote's state: executed here, seen here alone."""

import pytest

from tests.integration.fork.conftest import ETHER
from tests.support import wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

STRANGER = "0x" + "77" * 20


def slot(node, address, block="latest"):
    return int(node.rpc("eth_getStorageAt", address, "0x0", block), 16)


def test_a_transaction_goes_on_from_what_the_remote_had(fork, remote):
    before = slot(fork, remote.counter)

    receipts = [wallet.send(fork, 4, to=remote.counter) for _ in range(2)]

    assert [receipt["status"] for receipt in receipts] == ["0x1", "0x1"]
    assert [int(receipt["logs"][0]["data"], 16) for receipt in receipts] == [before + 1, before + 2]
    assert slot(fork, remote.counter) == before + 2
    assert slot(remote.node, remote.counter) == 3
    # History here begins with what the remote had.
    assert slot(fork, remote.counter, hex(remote.number + 1)) == 3


def test_remote_accounts_can_be_impersonated(fork, remote):
    before = int(fork.rpc("eth_getBalance", STRANGER, "latest"), 16)
    fork.rpc("anvil_impersonateAccount", remote.whale)

    sent = fork.rpc(
        "eth_sendTransaction",
        {"from": remote.whale, "to": STRANGER, "value": hex(2 * ETHER), "gas": hex(100_000)},
    )

    receipt = eventually(lambda: fork.rpc("eth_getTransactionReceipt", sent), "the receipt")
    assert receipt["status"] == "0x1"
    assert int(fork.rpc("eth_getBalance", STRANGER, "latest"), 16) == before + 2 * ETHER
    left = int(fork.rpc("eth_getBalance", remote.whale, "latest"), 16)
    assert 497 * ETHER < left <= 498 * ETHER


def test_remote_state_can_be_set(fork, remote):
    other = "0x" + "55" * 20

    fork.rpc("anvil_setBalance", other, hex(7))
    fork.rpc("anvil_setStorageAt", remote.counter, "0x9", "0x" + f"{5:064x}")

    assert fork.rpc("eth_getBalance", other, "latest") == "0x7"
    assert int(fork.rpc("eth_getStorageAt", remote.counter, "0x9", "latest"), 16) == 5


def test_a_slot_that_is_cleared_here_stays_cleared(fork, remote):
    fork.rpc("anvil_setStorageAt", remote.counter, "0x0", "0x" + "00" * 32)

    assert slot(fork, remote.counter) == 0
    receipt = wallet.send(fork, 5, to=remote.counter)
    assert int(receipt["logs"][0]["data"], 16) == 1


@pytest.mark.parametrize("mode", ["automine", "manual"])
def test_on_demand_a_block_holds_the_transaction_that_it_was_asked_for(mode, new_fork, remote):
    modes = {"automine": {"blocks__automine": True}, "manual": {"blocks__mining": False}}
    fork = new_fork(**modes[mode]).start()

    raw, digest = wallet.signed_with_hash(6, wallet.nonce(fork, 6), to=remote.counter)
    assert fork.rpc("eth_sendRawTransaction", raw) == digest
    if mode == "manual":
        fork.rpc("evm_mine")

    receipt = eventually(lambda: fork.rpc("eth_getTransactionReceipt", digest), "the receipt")
    block = fork.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)
    assert block["transactions"] == [digest]
    assert int(block["number"], 16) == remote.number + 2
    assert slot(fork, remote.counter) == 4


def test_what_is_taken_back_is_the_remotes_again(new_fork, remote):
    fork = new_fork().start()
    first = fork.rpc("evm_snapshot")
    wallet.send(fork, 4, to=remote.counter)
    second = fork.rpc("evm_snapshot")
    wallet.send(fork, 4, to=remote.counter)
    assert slot(fork, remote.counter) == 5

    assert fork.rpc("evm_revert", second) is True
    assert slot(fork, remote.counter) == 4
    assert fork.rpc("evm_revert", first) is True
    assert slot(fork, remote.counter) == 3
    receipt = wallet.send(fork, 4, to=remote.counter)
    assert int(receipt["logs"][0]["data"], 16) == 4
    fork.sealed(int(receipt["blockNumber"], 16))
    fork.kill()

    fork.start()
    assert slot(fork, remote.counter) == 4
    assert slot(fork, remote.counter, hex(remote.number + 1)) == 3


def test_a_reset_goes_back_to_the_block_of_the_fork_and_to_no_other(new_fork, remote):
    with new_fork() as fork:
        own = {"jsonRpcUrl": remote.url, "blockNumber": remote.number}
        for options in ([], [None], [{"forking": own}], [{"forking": {"blockNumber": hex(remote.number)}}]):
            wallet.send(fork, 4, to=remote.counter)
            assert slot(fork, remote.counter) == 4
            assert fork.rpc("hardhat_reset", *options) is None
            assert slot(fork, remote.counter) == 3
        for other in (
            own | {"blockNumber": remote.number - 1},
            own | {"jsonRpcUrl": "http://localhost:1"},
            {},
        ):
            with pytest.raises(RpcFailure, match=r"megaeth devnet up --reset --fork-url"):
                fork.rpc("anvil_reset", {"forking": other})
