"""Bodies with methods of Python's and the engine's, and everything malformed about them."""

import asyncio
import json

import pytest

from devnet._engine import __version__, address_of
from devnet.rpc.methods import Home, Line, Method
from tests.support.raw_http import RawHttp, post, request

CLIENT = f"megaeth-devnet/v{__version__}"


def answer(http, body):
    status, _, content = http.post(body)
    assert status == 200
    return json.loads(content)


def served(name, handler, *params):
    """What a server is given to answer a method by a function."""
    return {name: Method(Line(name, params, Home.NODE, "It is tested."), handler)}


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


def test_an_id_beyond_64_bits_comes_back_as_it_was_whoever_answers(http):
    for identifier in (b"18446744073709551616", b"1.10", b"-9007199254740993"):
        for method in (b"net_version", b"web3_nonsense"):
            body = b'{"jsonrpc":"2.0","id":%b,"method":"%b"}' % (identifier, method)
            for sent in (body, b"[%b]" % body):
                assert b'"id":%b,' % identifier in http.post(sent)[2]


def test_the_engines_requests_of_a_mixed_body_reach_it_as_they_came(http):
    body = b'[%b,{"jsonrpc":"2.0","id":18446744073709551616,"method":"now_echo","params":[18446744073709551616]}]'
    _, _, answers = http.post(body % json.dumps(request("net_version")).encode())
    assert json.loads(answers)[1] == {"jsonrpc": "2.0", "id": 2**64, "result": [2**64]}


@pytest.mark.parametrize("depth", [65, 255, 300, 900, 1000, 2000])
def test_a_body_that_is_nested_too_deep_is_no_request(http, depth):
    params = b"[" * depth + b"]" * depth
    body = b'{"jsonrpc":"2.0","id":1,"method":"now_echo","params":%b}' % params
    mixed = b'[%b,{"jsonrpc":"2.0","id":1,"method":"net_version"}]' % body
    assert answer(http, mixed)["error"]["code"] == -32700
    assert answer(http, request("net_version"))["result"] == "6343"


def test_the_batch_limit_that_was_set_holds(serve):
    server = serve(max_batch=3)
    with RawHttp(server.port) as http:
        assert len(answer(http, [request("net_version")] * 3)) == 3
        refused = answer(http, [request("net_version")] * 4)["error"]
    assert (refused["code"], refused["message"]) == (-32600, "batch too large: more than 3 requests")


# --- everything is answered ---


def test_a_method_that_the_engine_no_longer_takes_is_answered(server, http):
    server.engine.submit_one = lambda *_: False
    gone, there = answer(http, [request("now_echo", id=3), request("net_version")])
    assert (gone["id"], error_code(gone), there["result"]) == (3, -32601, "6343")


def test_an_exception_that_nobody_foresaw_is_an_answer(server, http):
    server.engine.submit_one = lambda *_: fail("", "")
    answers = answer(http, [request("now_echo", id=7), request("net_version", id=8)])
    assert (answers[0]["id"], error_code(answers[0])) == (7, -32603)
    assert answers[1]["result"] == "6343"


def test_a_method_that_never_ends_is_answered_with_what_became_of_it(serve):
    server = serve(answer_timeout_s=0.05)

    async def never(params, call):
        await asyncio.sleep(3600)

    server.run(server.server.add, served("dev_never", never))
    with RawHttp(server.port) as http:
        [endless, quick] = answer(http, [request("dev_never", id=5), request("net_version", id=6)])
        assert (endless["id"], endless["error"]["code"]) == (5, -32000)
        assert "dev_never was not answered within 0.05 s" in endless["error"]["message"]
        assert quick["id"] == 6
        assert http.call("net_version")["result"] == "6343"


@pytest.mark.parametrize("is_known", [False, True])
def test_what_the_engine_never_answers_is_answered_after_the_deadline(serve, is_known):
    server = serve(answer_timeout_s=600, sweep_s=3600)
    with RawHttp(server.port) as http:
        if is_known:  # the head: it takes the short way
            assert http.call("later_echo", 1)["result"] == [1]
        server.engine.hold = True
        http.send(post(request("later_echo", 1)))
        while not server.engine.held():
            pass
        server.pass_time(0)
        server.pass_time(599)
        assert server.run(lambda: server.server._context.bridge.in_work) == 1
        server.pass_time(700)
        status, _, body = http.response()
        assert status == 200
        assert "was not answered within 600 s" in json.loads(body)["error"]["message"]
        server.engine.release()  # too late, and not to be taken for the answer to what comes next
        server.engine.hold = False
        assert http.call("later_echo", 2)["result"] == [2]


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


def test_what_is_added_answers_instead_of_the_engine_until_it_is_removed(server, http):
    async def handler(params, call):
        return b'"added"'

    def told():
        batch = [request("web3_clientVersion", id=1), request("now_echo", id=2)]
        return [item["result"] for item in answer(http, batch)]

    assert told() == [CLIENT, []]
    server.run(server.server.add, served("now_echo", handler))
    assert told() == [CLIENT, "added"]
    server.run(server.server.remove, ["now_echo"])
    assert told() == [CLIENT, []]
