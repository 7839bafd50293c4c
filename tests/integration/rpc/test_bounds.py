"""What one client may take of a node: memory, time, workers. A real process with narrow bounds."""

import json
import urllib.request
from contextlib import ExitStack

import pytest

from tests.support.node import Node, RpcFailure
from tests.support.raw_http import RawHttp, post, request
from tests.support.waiting import eventually
from tests.support.ws_client import WsClient

LIMIT_EXCEEDED = -32005
CONTRACT = "0x00000000000000000000000000000000000c0d1e"
SPIN = {CONTRACT: {"code": "0x5b5f56"}}
RETURNS_64_KB = {CONTRACT: {"code": "0x620100005ff3"}}
NESTS = {CONTRACT: {"code": "0x5f62100000525f5f5f5f5f305af100"}}
UNLIMITED = {"unlimited": True}
CALL = {"to": CONTRACT}
LOOPS = 8
"""More than a small machine runs at a time."""


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    settings = {
        "rpc__max_batch": 4,
        "rpc__max_answer_bytes": 300_000,
        "rpc__max_call_bytes": 32 * 2**20,
        "rpc__call_timeout_s": 60.0,
    }
    with Node(tmp_path_factory.mktemp("narrow"), **settings) as node:
        yield node


def loop(node):
    """Begin a call that doesn't end, on a connection of its own."""
    client = RawHttp(node.port)
    client.send(post(request("eth_call", CALL, "latest", SPIN, UNLIMITED)))
    return client


def counter(node, name):
    with urllib.request.urlopen(f"{node.url}/metrics.json") as response:
        return json.load(response)["counters"][name]


def in_work(node):
    return counter(node, "rpc_in_work")


def test_an_answer_beyond_the_bound_is_refused_by_the_name_of_the_setting(narrow):
    assert len(narrow.rpc("eth_call", CALL, "latest", RETURNS_64_KB)) == 2 + 2 * 65_536
    large = {CONTRACT: {"code": "0x620400005ff3"}}
    with pytest.raises(RpcFailure, match="--max-answer-bytes") as failure:
        narrow.rpc("eth_call", CALL, "latest", large)
    assert failure.value.code == LIMIT_EXCEEDED


@pytest.mark.parametrize("last", ["eth_call", "web3_sha3"], ids=["the engine", "Python"])
def test_a_batch_is_bounded_as_a_whole_whoever_answers_it(narrow, last):
    text = "0x" + "00" * 65_536
    calls = [request("eth_call", CALL, "latest", RETURNS_64_KB, id=number) for number in range(3)]
    params = [text] if last == "web3_sha3" else [CALL, "latest", RETURNS_64_KB]
    with RawHttp(narrow.port) as client:
        _, _, body = client.post([*calls, request(last, *params, id=3)])
    answers = {answer["id"]: answer for answer in json.loads(body)}
    assert [*answers] == [0, 1, 2, 3]
    # They run side by side: which two of the large ones are done first is not said, nor whether the last, which Python
    # answers shortly, comes before the bound is met.
    refused = [answer["error"] for answer in answers.values() if "error" in answer]
    assert len(refused) == 2 if last == "eth_call" else len(refused) in (1, 2)
    assert all(
        error["code"] == LIMIT_EXCEEDED and "--max-answer-bytes" in error["message"] for error in refused
    )


def test_a_web_socket_has_the_same_bounds(narrow):
    large = {CONTRACT: {"code": "0x620400005ff3"}}
    with WsClient(narrow.ws_url) as client, pytest.raises(RpcFailure, match="--max-answer-bytes"):
        client.call("eth_call", CALL, "latest", large)


def test_the_batch_setting_reaches_the_engine(narrow):
    with RawHttp(narrow.port) as client:
        _, _, body = client.post([request("eth_chainId")] * 5)
        assert json.loads(body)["error"]["code"] == -32600
        _, _, body = client.post([request("eth_chainId")] * 4)
        assert len(json.loads(body)) == 4
    with pytest.raises(RpcFailure, match="--max-batch"):
        narrow.rpc("eth_callMany", [{"transactions": [CALL] * 5}], {"blockNumber": "latest"})


def test_memory_of_nested_frames_ends_a_call_and_not_the_node(narrow):
    with pytest.raises(RpcFailure, match="--max-call-bytes") as failure:
        narrow.rpc("eth_call", CALL, "latest", NESTS, UNLIMITED)
    assert failure.value.code == LIMIT_EXCEEDED
    assert narrow.rpc("eth_chainId")


def test_answers_that_nobody_reads_count_however_small_each_is(tmp_path):
    """A connection is read no further once some 64 KiB wait to be written to it: it takes many to pass the bound."""
    returns_24_kb = {CONTRACT: {"code": "0x6160005ff3"}}
    clients, asked = 40, 8
    with Node(tmp_path, rpc__max_work_bytes=2**22) as node, ExitStack() as stack:
        one = post(request("eth_call", CALL, "latest", returns_24_kb))
        connections = [
            stack.enter_context(RawHttp(node.port, timeout=60, narrow=True)) for _ in range(clients)
        ]
        for connection in connections:
            connection.send(one * asked)
        eventually(lambda: counter(node, "work_bytes") > 2**20, "answers to pile up")
        answers = [json.loads(connection.response()[2]) for connection in connections for _ in range(asked)]
        refused = [answer["error"] for answer in answers if "error" in answer]
        assert refused
        assert all("--max-work-bytes" in error["message"] for error in refused)
        assert all(len(answer["result"]) == 2 + 2 * 24_576 for answer in answers if "result" in answer)
        eventually(lambda: counter(node, "work_bytes") == 0, "the memory to come back")


def test_calls_of_clients_that_are_gone_end(narrow):
    clients = [loop(narrow) for _ in range(LOOPS)]
    eventually(lambda: in_work(narrow) >= LOOPS, "the calls to begin")
    for client in clients:
        client.socket.close()
    eventually(lambda: in_work(narrow) == 0, "the calls to end")


def test_a_web_socket_that_closes_ends_its_calls(narrow):
    client = WsClient(narrow.ws_url)
    for _ in range(LOOPS):
        client.send("eth_call", CALL, "latest", SPIN, UNLIMITED)
    eventually(lambda: in_work(narrow) >= LOOPS, "the calls to begin")
    client.close()
    eventually(lambda: in_work(narrow) == 0, "the calls to end")


def test_long_calls_do_not_keep_short_ones_waiting(narrow):
    clients = [loop(narrow) for _ in range(LOOPS)]
    try:
        eventually(lambda: in_work(narrow) >= LOOPS, "the calls to begin")
        assert narrow.rpc("eth_call", CALL, "latest", RETURNS_64_KB)
        assert isinstance(narrow.rpc("eth_getLogs", {"fromBlock": "earliest"}), list)
        assert in_work(narrow) >= LOOPS
    finally:
        for client in clients:
            client.socket.close()


def test_a_call_takes_no_longer_than_the_setting_allows(tmp_path):
    with Node(tmp_path, rpc__call_timeout_s=0.05) as node:
        for method in ("eth_call", "eth_estimateGas", "eth_createAccessList"):
            with pytest.raises(RpcFailure, match="--call-timeout") as failure:
                node.rpc(method, CALL, "latest", SPIN, UNLIMITED)
            assert failure.value.code == LIMIT_EXCEEDED


def test_a_node_stops_while_calls_go_on(tmp_path):
    with Node(tmp_path) as node:
        clients = [loop(node) for _ in range(LOOPS)]
        eventually(lambda: in_work(node) >= LOOPS, "the calls to begin")
        assert node.stop() == 0
        for client in clients:
            client.socket.close()


def test_the_open_block_is_served_as_a_block_if_the_setting_says_so(tmp_path):
    with Node(tmp_path, rpc__open_block="served", blocks__block_time_s=5.0) as node:
        sender, receiver, *_ = node.rpc("eth_accounts")
        tx = node.rpc("eth_sendTransaction", {"from": sender, "to": receiver, "value": "0x1"})
        receipt = eventually(lambda: node.rpc("eth_getTransactionReceipt", tx), "the receipt")
        number = receipt["blockNumber"]
        block = node.rpc("eth_getBlockByNumber", number, False)
        assert tx in block["transactions"]
        assert node.rpc("eth_getTransactionCount", sender, number) == "0x1"


def test_the_open_blocks_number_can_be_asked_for_as_soon_as_a_receipt_names_it(tmp_path):
    with Node(tmp_path, blocks__block_time_s=5.0) as node:
        sender, receiver, *_ = node.rpc("eth_accounts")
        before = int(node.rpc("eth_getBalance", receiver, "latest"), 16)
        tx = node.rpc("eth_sendTransaction", {"from": sender, "to": receiver, "value": "0x1"})
        number = eventually(lambda: node.rpc("eth_getTransactionReceipt", tx), "the receipt")["blockNumber"]
        assert int(node.rpc("eth_getBalance", receiver, number), 16) == before + 1
        assert node.rpc("eth_call", {"to": receiver}, number) == "0x"
        assert node.rpc("eth_getBlockByNumber", "pending", False) is None
