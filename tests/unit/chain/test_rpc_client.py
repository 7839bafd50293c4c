"""The JSON-RPC client against a server that misbehaves in every way."""

import json
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devnet.errors import NotRunningError
from megaeth_cli.chain.rpc_client import RpcClient, RpcError
from megaeth_cli.errors import CliError, ExitStatus


@pytest.fixture
def node():
    """A server whose answers the test decides: `node.answer = lambda request: body`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append(request)
            answer = server.answer(request)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # a client may have stopped waiting
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.requests = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def echo(request):
    return {"jsonrpc": "2.0", "id": request["id"], "result": [request["method"], request["params"]]}


def test_a_call_sends_its_parameters_and_returns_the_result(node):
    node.answer = echo
    with RpcClient(node.url) as client:
        assert client.call("test_echo", "0x1", "latest") == ["test_echo", ["0x1", "latest"]]
        assert client.call("test_nothing") == ["test_nothing", []]


def test_a_batch_keeps_the_order_of_the_calls_whatever_the_order_of_the_answers(node):
    node.answer = lambda batch: [echo(request) for request in reversed(batch)]
    with RpcClient(node.url) as client:
        assert client.batch([("a", [1]), ("b", [2])]) == [["a", [1]], ["b", [2]]]
        assert client.batch([]) == []
    assert len(node.requests) == 1


def test_an_error_object_becomes_an_exception_with_code_and_data(node):
    error = {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}
    node.answer = lambda request: {"id": request["id"], "error": error}
    with RpcClient(node.url) as client, pytest.raises(RpcError) as caught:
        client.call("eth_call")
    assert (caught.value.code, caught.value.data, caught.value.status) == (3, "0x08c379a0", ExitStatus.RPC)


def test_a_batch_refused_as_a_whole_raises_its_error(node):
    node.answer = lambda batch: {"id": None, "error": {"code": -32600, "message": "batch too large"}}
    with RpcClient(node.url) as client, pytest.raises(RpcError, match="batch too large"):
        client.batch([("a", []), ("b", [])])


def test_a_call_of_a_batch_that_is_left_unanswered_is_an_error(node):
    node.answer = lambda batch: [echo(batch[0])]
    with RpcClient(node.url) as client, pytest.raises(RpcError, match="unanswered"):
        client.batch([("a", []), ("b", [])])


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b"7", b"null"])
def test_something_that_is_not_json_rpc_is_called_so(node, body):
    node.answer = lambda request: body
    with RpcClient(node.url) as client, pytest.raises(CliError, match="does not speak JSON-RPC"):
        client.call("eth_chainId")


def test_a_silent_node_is_not_waited_for_for_ever(node):
    release = threading.Event()
    node.answer = lambda request: release.wait(10) and b"{}"
    with (
        RpcClient(node.url, timeout_s=0.05) as client,
        pytest.raises(NotRunningError, match="did not answer"),
    ):
        client.call("eth_chainId")
    release.set()


def test_nobody_there_is_said_with_the_way_to_start_a_devnet():
    with RpcClient("http://127.0.0.1:1") as client, pytest.raises(NotRunningError) as caught:
        client.call("eth_chainId")
    assert "megaeth devnet up" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:8545",
        "file:///etc/passwd",
        "http://",
        "",
        "127.0.0.1:99999",
        "http://a:x",
        "http://[::1",
    ],
)
def test_only_http_urls_are_taken(url):
    with pytest.raises(CliError) as caught:
        RpcClient(url)
    assert caught.value.status is ExitStatus.USAGE


def test_a_url_may_leave_the_scheme_away(node):
    node.answer = echo
    with RpcClient(node.url.removeprefix("http://")) as client:
        assert client.call("test_echo")[0] == "test_echo"


def test_megaeth_rpc_reads_json_parameters_and_keeps_the_rest_as_text(node, megaeth):
    node.answer = echo
    result = megaeth("rpc", "m", "0x10", "latest", "true", '{"a": 1}', "--rpc-url", node.url, "--json")
    assert json.loads(result.out) == ["m", ["0x10", "latest", True, {"a": 1}]]


def test_megaeth_rpc_takes_the_url_from_the_environment(node, megaeth, monkeypatch):
    node.answer = lambda request: {"id": request["id"], "result": "0x18c7"}
    monkeypatch.setenv("MEGAETH_RPC_URL", node.url)
    assert megaeth("rpc", "eth_chainId").out == "0x18c7\n"


class TestSeveralNodes:
    """With commas between them."""

    GONE = "http://127.0.0.1:1"

    def test_the_first_that_answers_is_asked_and_stays(self, node):
        node.answer = echo
        with RpcClient(f"{self.GONE}, {node.url}") as client:
            assert client.call("test_echo") == ["test_echo", []]
            assert client.url == node.url
            assert client.call("evm_mine") == ["evm_mine", []]
            assert client.call("test_again") == ["test_again", []]

    def test_from_the_last_it_goes_on_with_the_first(self, node):
        node.answer = echo
        with RpcClient(f"{node.url},{self.GONE}") as client:
            client.url, (client._connection, client._path) = self.GONE, client._connection_to(self.GONE)
            assert client.call("test_echo") == ["test_echo", []]

    def test_when_none_answers_the_last_is_named(self, node):
        with RpcClient(f"{self.GONE},http://127.0.0.1:2") as client, pytest.raises(NotRunningError) as caught:
            client.call("eth_chainId")
        assert "http://127.0.0.1:2" in caught.value.what

    @pytest.mark.parametrize(
        ("method", "asked"),
        [
            ("eth_blockNumber", True),
            ("eth_sendRawTransaction", True),
            ("realtime_sendRawTransaction", True),
            ("eth_sendTransaction", False),
            ("evm_mine", False),
            ("anvil_setBalance", False),
        ],
    )
    def test_what_one_may_have_done_already_is_not_asked_of_another_if_twice_is_too_often(
        self, node, method, asked
    ):
        node.answer = echo
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with RpcClient(f"{url},{node.url}", timeout_s=0.1) as client, suppress(CliError, NotRunningError):
                client.call(method)
        assert bool(node.requests) is asked

    def test_each_has_to_be_a_url(self):
        with pytest.raises(CliError, match="not an HTTP URL"):
            RpcClient(f"{self.GONE},ftp://x")
