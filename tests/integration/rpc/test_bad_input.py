"""Every malformed request has its error, harms nothing, and leaves the connection usable."""

import json

import pytest

from tests.support import wallet
from tests.support.raw_http import RawHttp, request
from tests.support.socket_client import SocketClient

ALICE = wallet.address(0)


@pytest.fixture(scope="module")
def http(node):
    with RawHttp(node.port) as client:
        yield client


def answer(http, body):
    status, _, content = http.post(body)
    assert status == 200
    return json.loads(content)


def error(http, method, *params):
    return http.call(method, *params)["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b'{"a":' * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_nonsense"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":5}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"net_version","params":{}}', -32602),
        (json.dumps([request("eth_chainId")] * 1001).encode(), -32600),
        (json.dumps([request("net_version")] * 1001).encode(), -32600),
    ],
)
def test_malformed_bodies(http, body, code):
    assert answer(http, body)["error"]["code"] == code
    assert answer(http, request("eth_chainId"))["result"] == hex(wallet.CHAIN_ID)


def test_a_batch_of_the_largest_size_is_answered(http):
    answers = answer(http, [request("eth_chainId", id=number) for number in range(1000)])
    assert [item["id"] for item in answers] == list(range(1000))


def test_each_bad_item_of_a_batch_has_its_own_error(http):
    items = [request("eth_chainId"), 1, {}, request("eth_nonsense"), request("eth_getBalance", "0x12")]
    codes = [item.get("error", {}).get("code") for item in answer(http, items)]
    assert codes == [None, -32600, -32600, -32601, -32602]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBalance", []),
        ("eth_getBalance", [5]),
        ("eth_getBalance", ["0x12", "latest"]),
        ("eth_getBalance", [ALICE, "newest"]),
        ("eth_getBalance", [ALICE, "0xzz"]),
        ("eth_getBalance", [ALICE, 1.5]),
        ("eth_getBalance", [ALICE, {"blockNumber": "0x0", "blockHash": "0x" + "00" * 32}]),
        ("eth_getStorageAt", [ALICE, "slot", "latest"]),
        ("eth_getBlockByHash", ["0x12", False]),
        ("eth_getBlockByNumber", ["latest", "yes"]),
        ("eth_getTransactionByHash", ["0x12"]),
        ("eth_getTransactionReceipt", [None]),
        ("eth_call", []),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x12"}]),
        ("eth_call", [{"to": ALICE, "value": "-1"}]),
        ("eth_call", [{"to": ALICE, "data": "0x1"}]),
        ("eth_getLogs", [5]),
        ("eth_getLogs", [{"address": "0x12"}]),
        ("eth_getLogs", [{"topics": [[["0x"]]]}]),
        ("eth_feeHistory", ["many", "latest", []]),
        ("eth_feeHistory", ["0x1", "latest", [50, 10]]),
        ("eth_sendRawTransaction", []),
        ("eth_sendRawTransaction", [5]),
        ("eth_sendRawTransaction", ["nonsense"]),
        ("eth_sendTransaction", []),
        ("eth_sign", [ALICE]),
        ("web3_sha3", ["zz"]),
    ],
)
def test_wrong_parameters(http, method, params):
    found = error(http, method, *params)
    assert found["code"] in (-32602, -32000)
    assert found["message"]


@pytest.mark.parametrize("digits", [400, 4_301, 100_000])
@pytest.mark.parametrize(
    "call",
    [
        '"method":"eth_getBalance","params":[N,"latest"]',
        '"method":"web3_sha3","params":[N]',
        '"method":"net_version","params":[N]',
        f'"method":"eth_sign","params":["{ALICE}",N]',
        f'"method":"eth_sendTransaction","params":[{{"from":"{ALICE}","value":N}}]',
        f'"method":"eth_signTypedData_v4","params":["{ALICE}",{{"types":{{}},"primaryType":N}}]',
    ],
)
def test_a_number_without_measure_is_a_wrong_parameter_whoever_answers(http, call, digits):
    body = f'{{"jsonrpc":"2.0","id":1,{call.replace("N", "7" * digits)}}}'
    assert answer(http, body.encode())["error"]["code"] == -32602


def test_unknown_blocks_are_refused_for_state_and_null_for_look_ups(http):
    unknown = "0x" + "12" * 32
    assert error(http, "eth_getBalance", ALICE, "0xffffffff")["message"]
    assert error(http, "eth_getBalance", ALICE, {"blockHash": unknown})["message"]
    assert error(http, "eth_getLogs", {"blockHash": unknown})["message"]
    assert http.call("eth_getBlockByHash", unknown, False)["result"] is None
    assert http.call("eth_getBlockByNumber", "0xffffffff", False)["result"] is None


def test_an_oversized_body_is_refused_and_the_node_goes_on(node):
    with RawHttp(node.port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
        assert client.response()[0] == 413
    assert node.height() >= 0


TOPIC = "0x" + "ab" * 32
FILTERS = [
    {}, {"topics": [[None]]}, {"topics": [[TOPIC, None]]}, {"topics": [None, TOPIC]}, {"topics": [[None, "0x"]]},
    {"topics": [None] * 5}, {"topics": TOPIC}, {"fromBlock": "banana"}, {"fromBlock": 5.5}, {"fromBlock": True},
    {"fromBlock": "0x0"}, {"fromBlock": 0}, {"fromBlock": "0x1" + "0" * 16}, {"fromBlock": "earliest"},
    {"fromBlock": "0x1", "toBlock": "0x0"}, {"toBlock": ""}, {"address": []}, {"address": [None]},
    {"address": ALICE}, {"address": "0x12"}, {"address": None, "topics": None, "fromBlock": None},
]  # fmt: skip


def test_a_subscription_takes_the_filters_that_a_search_takes(node, http):
    with SocketClient(node.ws_url) as client:
        for each in FILTERS:
            subscribed = client.call("eth_subscribe", "logs", each).get("error", {}).get("code")
            assert subscribed == http.call("eth_getLogs", each).get("error", {}).get("code"), each
