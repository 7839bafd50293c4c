"""The node as a wallet: its development accounts send through the real pool."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually


def test_transactions_sent_at_once_get_consecutive_nonces(node):
    sender, recipient = wallet.address(4), wallet.address(5)
    first = wallet.nonce(node, 4)
    request = {"from": sender, "to": recipient, "value": "0x1"}
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda _: node.rpc("eth_sendTransaction", request), range(40)))
    for digest in digests:
        eventually(lambda digest=digest: node.rpc("eth_getTransactionReceipt", digest), "a receipt")
    nonces = {int(node.rpc("eth_getTransactionByHash", digest)["nonce"], 16) for digest in digests}
    assert nonces == set(range(first, first + 40))


def test_a_transaction_that_would_fail_is_refused_with_the_engines_reason(node):
    poor = {"from": wallet.address(4), "to": wallet.address(5), "value": hex(10**30)}
    with pytest.raises(RpcFailure, match="insufficient funds"):
        node.rpc("eth_sendTransaction", {**poor, "gas": "0xea60"})
    creates_nothing = {"from": wallet.address(4), "data": "0x5f5ffd"}
    with pytest.raises(RpcFailure, match="execution reverted"):
        node.rpc("eth_sendTransaction", creates_nothing)


def test_a_batch_sees_its_own_effects(node):
    from tests.support.raw_http import RawHttp, request

    sender = wallet.address(4)
    transfer = {"from": sender, "to": wallet.address(5), "value": "0x1"}
    with RawHttp(node.port) as http:
        import json

        _, _, body = http.post(
            [
                request("eth_getTransactionCount", sender, "pending", id=1),
                request("eth_sendTransaction", transfer, id=2),
                request("eth_getTransactionCount", sender, "pending", id=3),
                request("web3_clientVersion", id=4),
            ]
        )
    answers = json.loads(body)
    assert [answer["id"] for answer in answers] == [1, 2, 3, 4]
    before, after = (int(answers[index]["result"], 16) for index in (0, 2))
    assert after == before + 1
