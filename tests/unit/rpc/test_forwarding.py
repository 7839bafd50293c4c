"""A full node answers reads itself; what belongs to the sequencer goes there and comes back as it is."""

import asyncio
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.errors import RpcFault
from devnet.rpc.forwarding import Forwarder, ForwardingRpc
from devnet.rpc.http_response import refusal_of_connection
from devnet.rpc.methods import ENGINE, Home

RECEIPT = {"transactionHash": "0x01", "mega": {"miniBlock": "0x7"}}


class Sequencer(ThreadingHTTPServer):
    """Answers every call with the same result or error, but where its log ends, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, answer, log_end=None):
        asked = self.asked = []
        self.connections = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                server.connections += 1

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked.append((request["method"], request["params"]))
                given = {"result": log_end} if request["method"] == "mega_getLogEnd" else answer
                body = json.dumps({"jsonrpc": "2.0", "id": request["id"], **given}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def sequencer():
    made = []

    def make(log_end=None, **answer):
        made.append(Sequencer(answer, log_end))
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


class Engine:
    """A full node's engine."""

    completions = wakeup_fd = learn_head = cancel = submit_one = published = metrics = pipeline = None
    mini_json = head_json = logs_json = state_changes_json = pending_hashes = None

    def submit(self, body, token):
        return b"read here"

    submit_http = submit_ws = submit

    def call(self, method, params):
        return b'"here"'

    call_at_once = call

    def methods(self):
        return list(ENGINE)


async def forwarded(url, method, *params, waited=None):
    async def wait(mini, timeout_s):
        if waited is not None:
            waited.append(mini)
        return True

    forwarder = Forwarder(url, wait)
    try:
        return await forwarder.methods(Engine())[method].answer(list(params), None)
    finally:
        forwarder.close()


def test_a_raw_transaction_goes_to_the_sequencer_and_its_answer_comes_back(sequencer):
    there = sequencer(result="0x01")
    assert asyncio.run(forwarded(there.url, "eth_sendRawTransaction", "0xaa")) == b'"0x01"'
    assert there.asked == [("eth_sendRawTransaction", ["0xaa"])]


def test_a_receipt_is_answered_when_its_mini_block_is_shown_here(sequencer):
    waited = []
    there = sequencer(result=RECEIPT)
    asyncio.run(forwarded(there.url, "realtime_sendRawTransaction", "0xaa", waited=waited))
    assert waited == [7]


@pytest.mark.parametrize(
    ("method", "result", "end", "waited"),
    [
        ("evm_revert", True, ("0x7", "0x2", "0x4"), [(7, 2, 4)]),
        ("evm_revert", False, ("0x7", "0x2", "0x3"), []),
        ("anvil_reset", None, (None, "0x0", "0x1"), [(-1, 0, 1)]),
        ("evm_mine", "0x0", ("0x9", "0x3", "0x4"), [(9, 3, 4)]),
        ("mega_depositTransaction", "0xaa", ("0xa", "0x3", "0x4"), [(10, 3, 4)]),
        ("anvil_loadState", True, ("0xa", "0x3", "0x0"), [(10, 3, 0)]),
    ],
)
def test_what_changes_the_chain_is_answered_when_this_node_shows_it_on_the_same_branch(
    sequencer, method, result, end, waited
):
    there = sequencer(dict(zip(("miniBlock", "block", "rollbacks"), end, strict=True)), result=result)
    assert json.loads(followed(there.url, method, places := [])) == result
    assert places == waited


def followed(url, method, places):
    async def wait(mini, timeout_s, block=0, rollbacks=0):
        places.append((mini, block, rollbacks))
        return True

    async def ask():
        forwarder = Forwarder(url, wait)
        try:
            return await forwarder.forward(method, [])
        finally:
            forwarder.close()

    return asyncio.run(ask())


def test_an_error_of_the_sequencer_comes_back_whole(sequencer):
    error = {"code": -32003, "message": "nonce too low", "data": {"want": 1}, "mega": {"x": 1}}
    there = sequencer(error=error)
    with pytest.raises(RpcFault) as fault:
        asyncio.run(forwarded(there.url, "eth_sendRawTransaction", "0xaa"))
    assert json.loads(fault.value.to_json()) == error


def test_numbers_beyond_64_bits_pass_as_they_are(sequencer):
    there = sequencer(result=[2**64, 1.5])
    assert (
        asyncio.run(forwarded(there.url, "eth_sendRawTransaction", 2**64)) == b"[18446744073709551616, 1.5]"
    )
    assert there.asked == [("eth_sendRawTransaction", [2**64])]


def test_a_sequencer_that_is_away_is_said_so():
    with pytest.raises(RpcFault, match="the sequencer cannot be reached"):
        asyncio.run(forwarded("http://127.0.0.1:1", "eth_sendRawTransaction", "0xaa"))


@pytest.mark.parametrize(
    ("method", "code"), [("eth_sendRawTransactionSync", 5), ("realtime_sendRawTransaction", -32000)]
)
def test_who_waits_for_a_receipt_is_told_that_nobody_is_ready_in_the_words_of_its_method(method, code):
    with pytest.raises(RpcFault, match="the sequencer cannot be reached") as fault:
        asyncio.run(forwarded("http://127.0.0.1:1", method, "0xaa"))
    assert fault.value.code == code


def test_a_sequencer_that_is_full_is_said_so():
    """It has no room for the connection that the question would come over."""
    with socket.create_server(("127.0.0.1", 0)) as full:

        def turn_away():
            client, _ = full.accept()
            with client:
                client.recv(65536)
                client.sendall(refusal_of_connection(7))

        thread = threading.Thread(target=turn_away)
        thread.start()
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with pytest.raises(RpcFault, match=r"cannot be reached.*503 too many connections: 7"):
            asyncio.run(forwarded(url, "eth_sendRawTransaction", "0xaa"))
        thread.join()


def test_only_the_pending_nonce_is_the_sequencers(sequencer):
    there = sequencer(result="0x9")
    assert asyncio.run(forwarded(there.url, "eth_getTransactionCount", "0x0", "pending")) == b'"0x9"'
    assert asyncio.run(forwarded(there.url, "eth_getTransactionCount", "0x0", "latest")) == b'"here"'
    assert len(there.asked) == 1


@pytest.mark.parametrize("proofs", [False, True])
def test_the_home_of_a_method_says_whether_it_is_forwarded(proofs):
    async def look():
        return set(Forwarder("http://127.0.0.1:1", None, proofs=proofs).forwarded)

    of_homes = [Home.SEQUENCER, Home.POOL, *([Home.COMMITMENT] if proofs else [])]
    forwarded = asyncio.run(look())
    assert forwarded == {line.name for line in ENGINE.values() if line.home in of_homes}
    assert {"eth_sendRawTransaction", "mega_depositTransaction"} <= forwarded
    assert ("eth_getProof" in forwarded) is proofs


def test_what_a_method_does_not_take_is_not_forwarded(sequencer):
    there = sequencer(result="0x01")
    with pytest.raises(RpcFault, match="too many arguments, want at most 1"):
        asyncio.run(forwarded(there.url, "eth_sendRawTransaction", "0xaa", 1))
    assert there.asked == []


def test_what_has_to_be_forwarded_is_kept_from_the_engine():
    async def look():
        rpc = ForwardingRpc(Engine())
        forwarder = Forwarder("http://127.0.0.1:1", None)
        rpc.forward(forwarder)
        for submit in (rpc.submit, rpc.submit_http):
            assert submit(b'{"method":"eth_getBalance"}', 1) == b"read here"
            for method in forwarder.forwarded:
                assert submit(b'[{"method":"eth_getBalance"},{"method":"%b"}]' % method.encode(), 1) is False
        assert rpc.submit_ws(b"masked", 1) is False

    asyncio.run(look())


def test_who_follows_nobody_gives_the_engine_everything(sequencer):
    async def look():
        rpc = ForwardingRpc(Engine())
        rpc.forward(Forwarder("http://127.0.0.1:1", None))
        rpc.forward(None)
        for submit in (rpc.submit, rpc.submit_http, rpc.submit_ws):
            assert submit(b'{"method":"eth_sendRawTransaction"}', 1) == b"read here"
        assert rpc.call("eth_sendRawTransaction", b"[]") == b'"here"'

    asyncio.run(look())


def test_composed_methods_forward_from_their_threads(sequencer):
    there = sequencer(result="0x01")

    async def send():
        forwarder = Forwarder(there.url, None)
        rpc = ForwardingRpc(Engine())
        rpc.forward(forwarder)
        loop = asyncio.get_running_loop()
        try:
            raw = await loop.run_in_executor(None, rpc.call, "eth_sendRawTransaction", b'["0xaa"]')
            balance = await loop.run_in_executor(None, rpc.call, "eth_getBalance", b"[]")
        finally:
            forwarder.close()
        return raw, balance

    assert asyncio.run(send()) == (b'"0x01"', b'"here"')


def test_what_is_the_sequencers_is_not_answered_here_at_once():
    async def look():
        forwarder = Forwarder("http://127.0.0.1:1", None)
        rpc = ForwardingRpc(Engine())
        count = "eth_getTransactionCount"
        asked = [
            ("eth_sendRawTransaction", b"[]"),
            (count, b'["0x1","pending"]'),
            (count, b'["0x1","latest"]'),
        ]
        rpc.forward(forwarder)
        follows = [rpc.call_at_once(*each) for each in asked]
        rpc.forward(None)
        forwarder.close()
        return follows, [rpc.call_at_once(*each) for each in asked]

    assert asyncio.run(look()) == ([None, None, b'"here"'], [b'"here"'] * 3)


def test_connections_are_kept_and_a_dead_one_is_replaced(sequencer):
    there = sequencer(result=1)

    async def twice():
        client = NodeClient(there.url)
        await client.call("a")
        await client.call("b")
        kept = there.connections
        client._idle[0][1].close()
        await client.call("c")
        client.close()
        return kept

    assert asyncio.run(twice()) == 1
    assert [method for method, _ in there.asked] == ["a", "b", "c"]


def test_a_node_that_does_not_answer_in_time_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(NodeSilentError):
            asyncio.run(NodeClient(url, timeout_s=0.05).call("anything"))
