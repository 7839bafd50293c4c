"""Bodies with methods of Python's and the engine's, and everything malformed about them."""

import json

import pytest

from devnet._engine import __version__, address_of
from tests.support.raw_http import RawHttp, request

CLIENT = f"megaeth-devnet/v{__version__}"


def answer(http, body):
    status, _, content = http.post(body)
    assert status == 200
    return json.loads(content)


def error_code(response):
    return response["error"]["code"]


def test_a_mixed_batch_is_answered_in_its_order(http):
    methods = ["later_echo", "web3_clientVersion", "now_echo", "net_version", "later_echo", "nonsense_x"]
    answers = answer(http, [request(method, id=number) for number, method in enumerate(methods)])
    assert [item["id"] for item in answers] == list(range(6))
    assert [item.get("result") for item in answers] == [[], CLIENT, [], "6343", [], None]
    assert answers[5]["error"] == {
        "code": -32601,
        "message": "the method nonsense_x does not exist/is not available",
    }


def test_an_unknown_method_alone_has_geths_wording(http):
    response = http.call("eth_nonsense")
    assert response["error"]["message"] == "the method eth_nonsense does not exist/is not available"


def test_ids_come_back_as_they_were(http):
    for identifier in (0, -1, "x", "ü", None, 1.5):
        body = {**request("net_version"), "id": identifier}
        assert answer(http, body)["id"] == identifier
        assert answer(http, [body])[0]["id"] == identifier


def test_a_malformed_item_spoils_only_itself(http):
    good = request("net_version", id=9)
    items = [
        5,
        {},
        {**good, "jsonrpc": "1.0"},
        {**good, "method": 1},
        {**good, "id": []},
        {**good, "id": True},
        good,
    ]
    answers = answer(http, [request("web3_clientVersion"), *items[1:]])
    assert [error_code(item) for item in answers[1:-1]] == [-32600] * 5
    assert [item["id"] for item in answers[1:-1]] == [None, 9, 9, None, None]
    assert answers[-1]["result"] == "6343"


@pytest.mark.parametrize("params", [{"name": 1}, "text", 5])
def test_params_that_are_no_list_are_refused(http, params):
    body = {**request("net_version"), "params": params}
    assert error_code(answer(http, body)) == -32602


def test_params_may_be_left_out_or_null(http):
    for body in (
        {"jsonrpc": "2.0", "id": 1, "method": "net_version"},
        {**request("net_version"), "params": None},
    ):
        assert answer(http, body)["result"] == "6343"


def test_too_many_params_are_refused(http):
    assert error_code(http.call("net_version", 1)) == -32602
    assert error_code(http.call("web3_sha3")) == -32602


def test_a_batch_of_notifications_has_no_answer(http):
    body = [{"jsonrpc": "2.0", "method": method} for method in ("net_version", "now_echo", "nonsense")]
    assert http.post(body)[0] == 204


def test_a_failing_handler_is_an_internal_error_without_inner_details(serve):
    key = b"\x01" * 32
    account = "0x" + address_of(key).hex()
    server = serve(accounts={account: key})
    server.engine.call = fail
    with RawHttp(server.port) as http:
        error = http.call("eth_sendTransaction", {"from": account, "to": account})["error"]
    assert error["code"] == -32603
    assert "secret" not in error["message"]


def fail(method, params):
    raise RuntimeError("secret")


# --- the small namespaces ---


def test_net(http):
    assert http.call("net_version")["result"] == "6343"
    assert http.call("net_listening")["result"] is True
    assert http.call("net_peerCount")["result"] == "0x0"


def test_web3(http):
    assert http.call("web3_clientVersion")["result"] == CLIENT
    empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert http.call("web3_sha3", "0x")["result"] == empty
    for wrong in ("", "0x1", "0xzz", 5, None):
        assert error_code(http.call("web3_sha3", wrong)) == -32602


def test_rpc_modules_names_every_namespace(http):
    modules = http.call("rpc_modules")["result"]
    assert {"eth", "net", "web3", "rpc", "now"} <= modules.keys()
    assert set(modules.values()) == {"1.0"}
