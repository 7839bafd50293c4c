"""A remote that is slow, dead or talks nonsense: what is known is answered, the chain goes on, nothing is made up."""

import json
import threading

import pytest

from tests.support import wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

UNREAD = "0x" + "e1" * 20
DEAD = "http://127.0.0.1:1"


def test_a_fork_goes_on_without_its_remote(new_fork, remote):
    fork = new_fork().start()
    fork.rpc("eth_call", {"to": remote.counter}, "latest")
    fork.rpc("eth_getTransactionReceipt", remote.calls[0]["transactionHash"])
    receipt = wallet.send(fork, 4, to=remote.counter)
    block = fork.sealed(int(receipt["blockNumber"], 16))
    fork.kill()
    settings = {"fork__url": DEAD}
    fork = new_fork(DEAD).start()

    # What was written, what was read, and history at both.
    assert fork.rpc("eth_getBlockByHash", block["hash"], False) == block
    assert int(fork.rpc("eth_getStorageAt", remote.counter, "0x0", "latest"), 16) == 4
    assert int(fork.rpc("eth_getStorageAt", remote.counter, "0x0", hex(remote.number + 1)), 16) == 3
    assert fork.rpc("eth_call", {"to": remote.counter}, "latest") == "0x"
    old = fork.rpc("eth_getTransactionReceipt", remote.calls[0]["transactionHash"])
    assert old["transactionHash"] == remote.calls[0]["transactionHash"]
    assert wallet.send(fork, 4, to=remote.counter)["status"] == "0x1"
    # What was not is an error, and no zero.
    with pytest.raises(RpcFailure, match=r"remote http://127\.0\.0\.1:1 does not answer eth_get"):
        fork.rpc("eth_getBalance", UNREAD, "latest")
    assert settings["fork__url"] in fork.log()


def test_a_transaction_that_nobody_can_read_for_is_refused_and_changes_nothing(new_fork, remote):
    fork = new_fork().start()
    nonce = wallet.nonce(fork, 7)
    remote.passage.instead = lambda text: (503, b"down for a while") if UNREAD in text else None
    try:
        with pytest.raises(RpcFailure, match="503 Service Unavailable: down for a while"):
            fork.rpc("eth_sendRawTransaction", wallet.signed(7, nonce, to=UNREAD, value="0x1"))
    finally:
        remote.passage.instead = None

    assert wallet.nonce(fork, 7) == nonce
    assert fork.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    # Once it is back the same transaction is taken.
    raw = wallet.signed(7, nonce, to=UNREAD, value="0x1")
    assert fork.rpc("realtime_sendRawTransaction", raw)["status"] == "0x1"


def test_the_chain_goes_on_while_a_transaction_waits_for_a_slow_remote(new_fork, remote):
    fork = new_fork().start()
    slow = "0x" + "e2" * 20
    remote.passage.held = slow
    remote.passage.open.clear()
    told = []
    raw = wallet.signed(7, wallet.nonce(fork, 7), to=slow, value="0x1", gas=hex(100_000))
    sending = threading.Thread(target=lambda: told.append(fork.rpc("realtime_sendRawTransaction", raw)))
    sending.start()
    try:
        eventually(
            lambda: any(slow in json.dumps(request) for request in remote.passage.asked), "the question"
        )
        assert wallet.send(fork, 8, to=remote.counter)["status"] == "0x1"
        height = fork.height()
        eventually(lambda: fork.height() >= height + 2, "more blocks")
        assert told == []
    finally:
        remote.passage.open.set()
        remote.passage.held = ""
    sending.join(20)
    assert told[0]["status"] == "0x1"


def test_a_remote_that_limits_is_asked_again_later(new_fork, remote):
    fork = new_fork().start()
    refusals = [
        (429, b"slow down"),
        (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit"}}'),
    ]
    remote.passage.instead = lambda text: refusals.pop() if refusals and remote.whale in text else None
    try:
        assert int(fork.rpc("eth_getBalance", remote.whale, "latest"), 16) > 0
    finally:
        remote.passage.instead = None
    assert refusals == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"<html>", "does not speak JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":1,"result":"0xnonsense"}', "can't be used"),
        (
            b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"not on this plan"}}',
            "not on this plan",
        ),
    ],
)
def test_nonsense_and_errors_of_the_remote_are_shown(answer, told, new_fork, remote):
    fork = new_fork().start()
    remote.passage.instead = lambda text: (200, answer) if "eth_getStorageAt" in text else None
    try:
        with pytest.raises(RpcFailure, match=told):
            fork.rpc("eth_getStorageAt", remote.counter, "0x55", "latest")
    finally:
        remote.passage.instead = None
    assert fork.rpc("eth_getStorageAt", remote.counter, "0x55", "latest") == "0x" + "00" * 32


def test_a_remote_that_answers_nonsense_at_first_makes_no_chain(new_fork, remote):
    remote.passage.instead = lambda text: (200, b"[]")
    fork = new_fork()
    try:
        fork.spawn()
        assert fork.wait() == 3
    finally:
        remote.passage.instead = None
    assert "does not speak JSON-RPC" in fork.log()
    # Nothing is left of the attempt.
    assert fork.start().height() > remote.number


def test_another_chain_under_the_same_url_is_refused(new_fork, remote):
    fork = new_fork().start()
    assert fork.stop() == 0
    other = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x1"}).encode()
    remote.passage.instead = lambda text: (200, other) if "eth_chainId" in text else None
    try:
        fork.spawn()
        assert fork.wait() == 3
    finally:
        remote.passage.instead = None
    assert "has another chain than this devnet" in fork.log()
    assert fork.start().height() > remote.number


def test_a_chain_cannot_become_another_fork(new_fork, new_node, remote):
    fork = new_fork().start()
    assert fork.stop() == 0

    moved = new_node("fork", fork__url=remote.url, fork__block_number=remote.number - 1)
    moved.spawn()
    assert moved.wait() == 3
    assert "--fork-block" in moved.log()
    plain = new_node("fork")
    plain.spawn()
    assert plain.wait() == 3
    assert "--fork-url" in plain.log().splitlines()[-1]
