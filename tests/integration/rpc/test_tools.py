"""What testing tools ask of a local node besides: facts, the pool, and what cannot hold here."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import wallet
from tests.support.node import RpcFailure


@pytest.fixture
def manual(new_node):
    with new_node(blocks__mining=False) as node:
        yield node


def wait(node, sender, nonce):
    return node.rpc("eth_sendRawTransaction", wallet.signed(sender, nonce, to=wallet.address(9)))


def test_a_transaction_is_dropped_once(manual):
    first, second = wait(manual, 0, 0), wait(manual, 1, 0)
    assert manual.rpc("anvil_dropTransaction", first) == first
    assert manual.rpc("anvil_dropTransaction", first) is None
    assert manual.rpc("hardhat_dropTransaction", second) is True
    assert manual.rpc("hardhat_dropTransaction", second) is False
    third = wait(manual, 2, 0)
    manual.rpc("evm_mine")
    assert manual.rpc("eth_getTransactionReceipt", third)
    # What is in a block stays.
    assert manual.rpc("anvil_dropTransaction", third) is None
    assert manual.rpc("eth_getTransactionReceipt", first) is None
    # Its nonce is free again.
    again = wait(manual, 0, 0)
    manual.rpc("evm_mine")
    assert manual.rpc("eth_getTransactionReceipt", again)


def test_a_senders_transactions_are_dropped_or_all(manual):
    for nonce in range(3):
        wait(manual, 0, nonce)
        wait(manual, 1, nonce)
        wait(manual, 2, nonce + 1)
    manual.rpc("anvil_removePoolTransactions", wallet.address(0))
    assert manual.rpc("txpool_status") == {"pending": "0x3", "queued": "0x3"}
    manual.rpc("hardhat_dropAllTransactions")
    assert manual.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}


def test_a_node_tells_what_it_is(node):
    info = node.rpc("anvil_nodeInfo")
    assert info["environment"]["chainId"] == wallet.CHAIN_ID
    assert info["environment"]["baseFee"] == hex(1_000_000)
    assert info["hardFork"] == "rex6"
    block = node.rpc("eth_getBlockByNumber", info["currentBlockNumber"], False)
    assert block["hash"] == info["currentBlockHash"]
    told = node.rpc("anvil_metadata")
    assert told.keys() == node.rpc("hardhat_metadata").keys()
    assert told["clientVersion"] == node.rpc("web3_clientVersion")
    assert told["instanceId"] == node.rpc("anvil_metadata")["instanceId"]


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("anvil_setCoinbase", "0x" + "11" * 20),
        ("hardhat_setCoinbase", "0x" + "11" * 20),
        ("anvil_setNextBlockBaseFeePerGas", "0x1"),
        ("hardhat_setNextBlockBaseFeePerGas", "0x1"),
        ("evm_setBlockGasLimit", "0x1000000"),
        ("anvil_setMinGasPrice", "0x1"),
        ("hardhat_setPrevRandao", "0x1"),
        ("anvil_setNextBlockPrevRandao", "0x1"),
        ("anvil_setChainId", "0x1"),
        ("anvil_setRpcUrl", "http://127.0.0.1:1"),
    ],
)
def test_what_cannot_hold_here_is_refused_with_the_reason(node, method, value):
    with pytest.raises(
        RpcFailure, match=r"cannot be c|checks the block|when it begins|all blocks share"
    ) as refused:
        node.rpc(method, value)
    assert refused.value.code == -32000


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("anvil_impersonateSignature", ["0x" + "11" * 65, wallet.address(0)], "ECRECOVER"),
        ("anvil_enableTraces", [], "debug_traceTransaction"),
    ],
)
def test_what_needs_no_setting_or_can_have_none_says_so(node, method, params, reason):
    with pytest.raises(RpcFailure, match=reason) as refused:
        node.rpc(method, *params)
    assert refused.value.code == -32000


def test_old_questions_have_the_answers_that_clients_expect(node, anvil):
    for method in ("eth_hashrate", "eth_protocolVersion", "eth_networkId", "eth_requestAccounts"):
        ours, theirs = node.rpc(method), anvil.rpc(method)
        assert type(ours) is type(theirs), method
    assert node.rpc("eth_hashrate") == anvil.rpc("eth_hashrate")
    assert node.rpc("eth_networkId") == node.rpc("net_version") == anvil.rpc("eth_networkId")
    assert node.rpc("eth_requestAccounts") == node.rpc("eth_accounts")
    assert node.rpc("eth_mining") is False


def test_a_chain_tells_when_it_began_and_went_on(manual):
    genesis = manual.rpc("eth_getBlockByNumber", "0x0", False)
    assert manual.rpc("anvil_getGenesisTime") == int(genesis["timestamp"], 16)
    assert manual.rpc("anvil_getLastBlockWallTime") == int(genesis["timestamp"], 16) * 1000
    before = time.time() * 1000
    manual.rpc("evm_increaseTime", 3600)
    manual.rpc("evm_mine")
    first = manual.rpc("anvil_getLastBlockWallTime")
    assert before - 1 <= first
    manual.rpc("evm_mine")
    assert manual.rpc("anvil_getLastBlockWallTime") >= first


def test_pending_transactions_are_those_whose_turn_it_is(manual):
    first = wait(manual, 0, 0)
    wait(manual, 1, 1)
    [pending] = manual.rpc("eth_pendingTransactions")
    assert (pending["hash"], pending["blockNumber"]) == (first, None)
    manual.rpc("debug_clearTxpool")
    assert manual.rpc("eth_pendingTransactions") == []


def test_a_call_waits_for_a_nonce(manual):
    account = wallet.address(0)
    call = {"to": wallet.address(9)}
    assert manual.rpc("eth_callAfter", call, {"account": account, "nonce": "0x0"}) == "0x"
    wait(manual, 0, 0)
    with pytest.raises(RpcFailure, match="Timeout: timeout waiting for nonce condition") as refused:
        manual.rpc("eth_callAfter", call, {"account": account, "nonce": "0x1", "timeout": 1})
    assert refused.value.code == -32000
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(
            manual.rpc,
            "eth_callAfter",
            call,
            {"account": account, "nonce": 1, "timeout": "0x2710"},
            {wallet.address(9): {"code": "0x602a5f5260205ff3"}},
        )
        manual.rpc("evm_mine")
        assert int(waiting.result(), 16) == 42
    for condition in ({}, {"account": account}, {"account": account, "nonce": 0, "timeout": 60_001}, []):
        with pytest.raises(RpcFailure) as refused:
            manual.rpc("eth_callAfter", call, condition)
        assert refused.value.code == -32602, condition


def test_what_waits_behind_a_gap_takes_no_nonce_from_what_comes_after_it(new_node):
    with new_node(blocks__automine=True) as node:
        sender = {"from": wallet.address(0), "to": wallet.address(1), "value": "0x1"}
        node.rpc("eth_sendTransaction", {**sender, "nonce": "0x3"})
        hashes = [node.rpc("eth_sendTransaction", sender) for _ in range(4)]
        nonces = [int(node.rpc("eth_getTransactionByHash", digest)["nonce"], 16) for digest in hashes]
        assert nonces == [0, 1, 2, 4]
        assert node.rpc("eth_getTransactionCount", wallet.address(0), "pending") == "0x5"


@pytest.mark.parametrize(
    "transaction", ["0xdead", {"from": "0x" + "99" * 20}], ids=["no transaction", "nobody's"]
)
def test_a_reorg_that_cannot_be_carried_out_takes_nothing_back(new_node, transaction):
    with new_node(blocks__automine=True) as node:
        wallet.send(node, 0, to=wallet.address(1))
        height = node.height()
        with pytest.raises(RpcFailure):
            node.rpc("anvil_reorg", "0x1", [[transaction, 0]])
        assert node.height() == height
