"""The rules of the public endpoint over real sockets; the engine is a fake. Those that need a chain are in
tests/integration/rpc/test_gateway.py.
"""

import json
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from devnet.rpc.gateway import judge, rules
from devnet.rpc.gateway.rules import Gateway
from tests.support.fake_engine import FakeEngine
from tests.support.gateway import OF_A_CHAIN, GatewayClient
from tests.support.raw_http import RawHttp, post, request
from tests.support.server_thread import ServerThread

ADDRESS = "0x" + "11" * 20
HASH = "0x" + "22" * 32
NUMBERS = {
    "method": "", "unsupported-method": "", "websocket-method": "", "subscription-kind": "", "tracer": "",
    "trace-options": "2", "batch": "100", "batch-subrequests": "950", "body": "128 KiB", "simulation-body": "1.5 MiB",
    "transaction-body": "2.5 MiB", "response": "50 MiB", "call-compute": "60,000,000", "call-many": "100",
    "call-many-timeout": "25,000", "call-many-time": "25,000", "estimate-time": "0.5 s", "fee-history": "256",
    "receipt-wait": "3,000", "instant-rate": "2,000", "simple-rate": "500", "compute-rate": "200",
    "io-heavy-rate": "200", "websocket-connections": "5", "websocket-subscriptions": "5", "websocket-messages": "5",
    "websocket-idle": "60 s", "websocket-message": "64 KiB", "log-addresses": "20", "log-topics": "4",
}  # fmt: skip
"""What each rule's message has to name, as MegaETH's documentation has it."""


class Engine(FakeEngine):
    """Echoes what the endpoint knows; of some methods large answers."""

    def methods(self):
        return sorted(
            (rules.HTTP_METHODS | rules.OWN_METHODS) - {"eth_accounts", "net_version", "web3_clientVersion"}
        )

    def _answer(self, item):
        if item["method"] == "eth_getLogs":
            item = {**item, "method": "now_large", "params": [item["params"][0].get("size", 0)]}
        return super()._answer(item)


@pytest.fixture
def serve():
    with ExitStack() as running:
        yield lambda gateway=Gateway.PUBLIC: running.enter_context(
            ServerThread(Engine(), gateway=gateway, sweep_s=3_600)
        )


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def client(server):
    return client_of(server)


def client_of(server):
    return GatewayClient(server.server.gateway_port)


def socket_to(server):
    url = f"ws://127.0.0.1:{server.server.gateway_port}"
    return connect(url, compression=None, proxy=None, max_size=None)


def ask(socket, method, *params):
    socket.send(json.dumps(request(method, *params)))
    return json.loads(socket.recv(timeout=10))


def says(rule, message):
    """The rule's name and its number stand in the message."""
    assert f"gateway rule {rule.name}: " in message
    assert NUMBERS[rule.name] in message.partition(rule.name)[2]
    return True


def by_name(name):
    return next(rule for rule in rules.RULES if rule.name == name)


def test_every_rule_has_a_name_of_its_own_and_says_its_number():
    assert [rule.name for rule in rules.RULES if not says(rule, rule.text("eth_x"))] == []
    assert NUMBERS.keys() == {rule.name for rule in rules.RULES}
    assert len(rules.RULES) == len(NUMBERS)


# --- requests over HTTP -----------------------------------------------------------------------------------

CALL = {"to": ADDRESS}


def many(bundles, calls):
    return [{"transactions": [CALL] * calls}] * bundles


def padded(method, size):
    body = request(method, "x")
    return request(method, "x" * (size - len(json.dumps(body)) + 1))


HTTP = {
    "method": (request("txpool_content"), 200, -32601),
    "trace-options": (request("debug_traceTransaction", HASH), 200, -32602),
    "tracer": (request("debug_traceTransaction", HASH, {"tracer": "4byteTracer"}), 200, -32602),
    "batch": ([request("eth_chainId", id=number) for number in range(101)], 200, -32600),
    "batch-subrequests": ([request("eth_callMany", many(1, 96))] * 10, 200, -32600),
    "body": (padded("eth_getBalance", 128 * 1024 + 1), 413, -32099),
    "simulation-body": (padded("eth_estimateGas", 1024 * 1024 * 3 // 2 + 1), 413, -32099),
    "transaction-body": (padded("eth_sendRawTransaction", 1024 * 1024 * 5 // 2 + 1), 413, -32099),
    "response": (request("eth_getLogs", {"size": 50 * 1024 * 1024}), 500, -32020),
    "call-many": (request("eth_callMany", many(2, 51)), 200, -32602),
    "call-many-timeout": (request("eth_callMany", many(1, 1), {}, None, 25_001), 200, -32602),
    "fee-history": (request("eth_feeHistory", "0x101", "latest"), 200, -32602),
}
"""Body, HTTP's status, the error's code."""


@pytest.mark.parametrize("name", HTTP)
def test_what_the_endpoint_refuses_is_refused_by_name_and_number(client, name):
    body, status, code = HTTP[name]
    answered, response = client.post(body)
    assert (answered, response["error"]["code"]) == (status, code)
    assert says(by_name(name), response["error"]["message"])


@pytest.mark.parametrize(
    "body",
    [
        request("debug_traceTransaction", HASH, {"tracer": "flatCallTracer"}),
        request("debug_traceTransaction", HASH, {}),
        [request("eth_chainId", id=number) for number in range(100)],
        padded("eth_getBalance", 128 * 1024),
        padded("eth_estimateGas", 1024 * 1024 * 3 // 2),
        padded("eth_sendRawTransaction", 1024 * 1024 * 5 // 2),
        request("eth_getLogs", {"size": 1024 * 1024}),
        request("eth_callMany", many(2, 50), {}, None, 25_000),
        request("eth_feeHistory", "0x100", "latest"),
        request("eth_getUncleCountByBlockHash", HASH),
    ],
)
def test_who_stays_within_the_limits_notices_nothing(client, body):
    status, response = client.post(body)
    responses = response if isinstance(body, list) else [response]
    assert status == 200
    assert all("result" in one for one in responses)


@pytest.mark.parametrize(
    "method",
    [
        *("eth_newFilter", "eth_getFilterChanges", "txpool_status", "debug_traceCall", "trace_block"),
        *("eth_getLogsWithCursor", "eth_callAfter", "eth_getTransactionByBlockNumberAndIndex", "eth_sign"),
        *(
            "eth_sendTransaction",
            "eth_blobBaseFee",
            "evm_mine",
            "anvil_setBalance",
            "eth_mining",
            "eth_subscribe",
        ),
    ],
)
def test_methods_that_are_not_public_are_refused(client, method):
    status, code, message = client.refusal(method)
    assert (status, code) == (200, -32601)
    assert message.startswith(f"rpc method is not whitelisted: {method} ")


def test_who_executes_blocks_again_learns_that_the_rules_are_a_devnets(client):
    assert client.call("mega_getChainRules")["result"] == []


def test_a_fault_of_the_gateways_own_is_an_answer_and_leaves_no_request_in_work(client, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(judge, "check", fail)
        for _ in range(20):
            assert client.call("eth_chainId")["error"]["code"] == -32603
    assert "error" not in client.call("eth_chainId")


def test_the_coming_node_names_what_it_does_not_support(serve):
    client = client_of(serve(Gateway.COMING))
    for method in ("eth_sendTransaction", "eth_signTypedData", "eth_blobBaseFee", "eth_callBundle"):
        status, code, message = client.refusal(method, "whatever")
        assert (status, code) == (200, -32004)
        assert message.startswith(f"{method} is not supported on MegaETH ")
        assert says(rules.UNSUPPORTED_METHOD, message)
    assert client.refusal("eth_getUncleCountByBlockHash", HASH)[1] == -32004
    assert client.refusal("eth_getLogsWithCursor", {})[1] == -32601
    assert client.call("eth_chainId")["result"] == []


def test_the_endpoint_has_no_accounts(client):
    assert client.call("eth_accounts")["result"] == []


def test_a_batch_has_what_is_refused_beside_what_is_answered(client):
    batch = [request("eth_chainId", id=1), request("trace_block", id=2), 7, request("eth_gasPrice", id=3)]
    status, answers = client.post(batch)
    assert status == 200
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32601, -32600, None]
    assert [answer["id"] for answer in answers] == [1, 2, None, 3]


def test_a_notification_that_is_refused_is_not_answered(client):
    notification = {"jsonrpc": "2.0", "method": "trace_block", "params": []}
    with RawHttp(client.port) as http:
        assert http.post(notification)[0] == 204
        assert http.call("eth_chainId", 1)["result"] == [1]


def test_a_body_that_is_refused_leaves_the_connection_usable(client):
    with RawHttp(client.port) as http:
        assert http.post(HTTP["body"][0])[0] == 413
        assert http.call("eth_chainId", 1)["result"] == [1]


def test_answers_come_in_the_order_of_pipelined_requests(client):
    bodies = [request("eth_chainId", 1), request("trace_block"), request("eth_chainId", 2)]
    with RawHttp(client.port) as http:
        http.send(b"".join(map(post, bodies)))
        answers = [json.loads(http.response()[2]) for _ in bodies]
    assert [answer.get("result") for answer in answers] == [[1], None, [2]]


def test_what_is_no_json_is_a_parse_error_with_status_200(client):
    assert client.post(b"{")[0] == 200
    assert client.post(b"{")[1]["error"]["code"] == -32700


def test_both_synchronous_methods_are_one_that_waits_three_seconds_at_most(server, client):
    for method in ("eth_sendRawTransactionSync", "realtime_sendRawTransaction"):
        assert client.call(method, "0x01", 60_000)["result"] == ["0x01", 3_000]
        assert client.call(method, "0x01", 2_000)["result"] == ["0x01", 2_000]
        assert client.call(method, "0x01")["result"] == ["0x01"]


# --- rates ------------------------------------------------------------------------------------------------

RATES = {
    "instant-rate": ("eth_getBalance", 2_000),
    "simple-rate": ("eth_getTransactionReceipt", 500),
    "compute-rate": ("eth_createAccessList", 200),
    "io-heavy-rate": ("eth_getBlockReceipts", 200),
}


@pytest.mark.parametrize("name", RATES)
def test_reads_are_limited_by_category_in_windows_of_ten_seconds(server, client, name):
    method, most = RATES[name]
    for _ in range(most // 100):
        assert client.post([request(method, id=number) for number in range(100)])[0] == 200
    status, code, message = client.refusal(method)
    assert (status, code) == (429, -32005)
    assert message.startswith("Rate limit exceeded ")
    assert says(by_name(name), message)
    assert client.post([request(method), request("eth_chainId")])[0] == 429
    others = [other for other, _ in RATES.values() if other != method]
    assert all("result" in client.call(other) for other in others), "each category has a budget of its own"
    server.pass_time(rules.WINDOW_S)
    assert "result" in client.call(method)


def test_transactions_are_not_limited_and_calls_within_a_call_are_counted(client):
    for _ in range(30):
        assert client.post([request("eth_sendRawTransaction", "0x01")] * 100)[0] == 200
    assert "result" in client.call("eth_callMany", many(1, 100))
    assert "result" in client.call("eth_callMany", many(1, 99))
    assert client.refusal("eth_callMany", many(1, 2))[:2] == (429, -32005)
    assert "result" in client.call("eth_estimateGas", CALL)


def test_what_is_refused_is_not_charged(client):
    for _ in range(6):
        assert client.post([request("trace_block")] * 100)[0] == 200
    assert "result" in client.call("eth_gasPrice")


# --- WebSockets -------------------------------------------------------------------------------------------

LOGS = "eth_subscribe", "logs"
TOPIC = "0x" + "33" * 32
SOCKET = {
    "websocket-method": (("eth_getBalance", ADDRESS), -32601),
    "subscription-kind": (("eth_subscribe", "consoleLogs"), -32602),
    "log-addresses": ((*LOGS, {"address": [f"0x{number:040x}" for number in range(21)]}), -32602),
    "log-topics": ((*LOGS, {"topics": [TOPIC] * 5}), -32602),
}


@pytest.mark.parametrize("name", SOCKET)
def test_what_a_websocket_refuses_is_refused_by_name_and_number(server, name):
    asked, code = SOCKET[name]
    with socket_to(server) as socket:
        error = ask(socket, *asked)["error"]
        assert error["code"] == code
        assert says(by_name(name), error["message"])
        assert "result" in ask(socket, "eth_chainId")


def test_a_websocket_takes_its_methods_and_filters_of_the_allowed_size(server):
    with socket_to(server) as socket:
        assert ask(socket, "eth_chainId", 1)["result"] == [1]
        assert ask(socket, "eth_sendRawTransaction", "0x01")["result"] == ["0x01"]
        addresses = [f"0x{number:040x}" for number in range(20)]
        subscription = ask(socket, *LOGS, {"address": addresses, "topics": [TOPIC] * 4})["result"]
        assert ask(socket, "eth_unsubscribe", subscription)["result"] is True
        assert ask(socket, "txpool_content")["error"]["code"] == -32601


def test_the_sixth_websocket_is_turned_away_until_another_closes(server):
    with ExitStack() as sockets:
        opened = [sockets.enter_context(socket_to(server)) for _ in range(5)]
        with pytest.raises(InvalidStatus) as refused:
            socket_to(server)
        response = refused.value.response
        error = json.loads(response.body)["error"]
        assert (response.status_code, error["code"]) == (429, -32005)
        assert says(rules.SOCKETS, error["message"])
        ours = connect(f"ws://127.0.0.1:{server.port}", compression=None, proxy=None)
        sockets.enter_context(ours)
        opened[0].close()
        server.run(lambda: None)
        with socket_to(server) as another:
            assert ask(another, "eth_chainId", 1)["result"] == [1]


def test_a_connection_has_five_subscriptions(server):
    with socket_to(server) as socket:
        subscriptions = [ask(socket, "eth_subscribe", "newHeads")["result"] for _ in range(5)]
        server.pass_time(1)
        error = ask(socket, "eth_subscribe", "syncing")["error"]
        assert error["code"] == -32005
        assert says(rules.SUBSCRIPTION_COUNT, error["message"])
        assert ask(socket, "eth_unsubscribe", subscriptions[0])["result"] is True
        assert "result" in ask(socket, "eth_subscribe", "newPendingTransactions")


def test_a_connection_sends_five_messages_a_second(server):
    with socket_to(server) as socket, socket_to(server) as another:
        for number in range(5):
            assert ask(socket, "eth_chainId", number)["result"] == [number]
        error = ask(socket, "eth_chainId")["error"]
        assert error["code"] == -32005
        assert says(rules.MESSAGES, error["message"])
        assert "result" in ask(another, "eth_chainId")
        server.pass_time(1)
        assert "result" in ask(socket, "eth_chainId")


def test_a_silent_websocket_is_closed_whatever_it_hears(server):
    with socket_to(server) as silent, socket_to(server) as busy:
        assert "result" in ask(silent, "eth_subscribe", "newHeads")
        for _ in range(2):
            server.pass_time(rules.IDLE_S / 2)
            assert "result" in ask(busy, "eth_chainId")
        server.pass_time(1)
        with pytest.raises(ConnectionClosed) as closed:
            silent.recv(timeout=10)
        assert closed.value.rcvd.code == 1001
        assert says(rules.IDLE, closed.value.rcvd.reason)
        assert "result" in ask(busy, "eth_chainId")


def test_a_message_beyond_64_kib_ends_the_websocket(server):
    with socket_to(server) as socket:
        assert "result" in ask(socket, "eth_sendRawTransaction", "x" * (64 * 1024 - 200))
        with pytest.raises(ConnectionClosed) as closed:
            ask(socket, "eth_sendRawTransaction", "x" * 64 * 1024)
        assert closed.value.rcvd.code == 1009
        assert says(rules.MESSAGE_BYTES, closed.value.rcvd.reason)


def test_a_subscriptions_id_comes_before_its_news(server):
    with socket_to(server) as socket:
        answer = ask(socket, "eth_subscribe", "syncing")
        news = json.loads(socket.recv(timeout=10))
        assert news["params"]["subscription"] == answer["result"]


# --- the node's own address -------------------------------------------------------------------------------


def test_the_nodes_own_address_has_none_of_it(server):
    with RawHttp(server.port) as http:
        large = padded("eth_getBalance", 1024 * 1024)
        assert "result" in json.loads(http.post(large)[2])
        for _ in range(25):
            assert http.post([request("eth_getBlockReceipts")] * 101)[0] == 200


def test_without_a_gateway_there_is_no_other_address(serve):
    server = serve(Gateway.OFF)
    assert server.server.gateway_endpoints == {}


def test_each_rule_is_met_by_a_test():
    sockets = {"websocket-connections", "websocket-subscriptions", "websocket-messages", "websocket-idle"}
    met = {*HTTP, *RATES, *SOCKET, *sockets, "websocket-message", "unsupported-method"}
    assert met | OF_A_CHAIN == {rule.name for rule in rules.RULES}
