"""HTTP as clients meet it. The engine is a fake: what is tested is the transport."""

import asyncio
import json
import socket
import struct
import time

import psutil
import pytest

from devnet.rpc.engine_bridge import CONNECTIONS
from devnet.rpc.listener import bind
from tests.support.fake_engine import FakeEngine
from tests.support.raw_http import RawHttp, post, request
from tests.support.server_thread import ServerThread


def result(response):
    status, _, body = response
    assert status == 200
    return json.loads(body)["result"]


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# --- requests and responses ---


def test_a_connection_serves_request_after_request(http):
    for number in range(3):
        assert result(http.post(request("now_echo", number))) == [number]
        assert result(http.post(request("later_echo", number))) == [number]


def test_pipelined_requests_are_answered_in_their_order_although_the_engine_finishes_in_another(server, http):
    server.engine.hold = True
    http.send(b"".join(post(request("later_echo", n)) + post(request("now_echo", -n)) for n in range(1, 6)))
    wait_for(lambda: server.engine.held() == 5)
    server.engine.release(newest_first=True)
    answers = [result(http.response())[0] for _ in range(10)]
    assert answers == [1, -1, 2, -2, 3, -3, 4, -4, 5, -5]


def test_a_request_may_arrive_byte_by_byte(http):
    for byte in post(request("now_echo", "slow")):
        http.send(bytes([byte]))
    assert result(http.response()) == ["slow"]


def test_a_chunked_body_is_put_together(http):
    body = json.dumps(request("now_echo", "chunked")).encode()
    http.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(body), 7):
        piece = body[start : start + 7]
        http.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    http.send(b"0\r\n\r\n")
    assert result(http.response()) == ["chunked"]


def test_a_large_response_arrives_whole(http):
    assert len(result(http.post(request("now_large", 5_000_000)))) == 5_000_000


def test_a_client_that_reads_nothing_stops_being_read_and_nothing_is_lost(server, http):
    http.send(post(request("now_large", 100_000)) * 200)
    assert all(len(result(http.response())) == 100_000 for _ in range(200))


def test_more_pipelined_requests_than_the_limit_wait_in_the_socket(serve):
    server = serve(max_pipelined=4)
    server.engine.hold = True
    with RawHttp(server.port) as http:
        for number in range(40):
            http.send(post(request("later_echo", number)))
        answers = []
        while len(answers) < 40:
            wait_for(server.engine.held)
            held = server.engine.held()
            server.engine.release()
            answers += [result(http.response())[0] for _ in range(held)]
    assert answers == list(range(40))


def test_a_client_that_has_sent_all_it_wants_still_gets_its_answer(server, http):
    server.engine.hold = True
    http.send(post(request("later_echo", "last")))
    wait_for(server.engine.held)
    http.socket.shutdown(1)
    server.engine.release()
    assert result(http.response()) == ["last"]
    assert http.closed()


def test_a_client_that_goes_away_leaves_the_others_served(server, http):
    server.engine.hold = True
    with RawHttp(server.port) as leaving:
        leaving.send(post(request("later_echo", 1)))
        wait_for(server.engine.held)
    server.engine.release()
    server.engine.hold = False
    assert result(http.post(request("later_echo", 2))) == [2]


def test_connection_close_is_honoured(http):
    _, headers, _ = http.post(request("now_echo"), Connection="close")
    assert headers["connection"] == "close"
    assert http.closed()


def test_http_1_0_gets_an_answer_and_a_closed_connection(http):
    http.send(post(request("now_echo", 1)).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert result(http.response()) == [1]
    assert http.closed()


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(http):
    whole = post(request("now_echo", 1), Expect="100-continue")
    head, separator, body = whole.partition(b"\r\n\r\n")
    http.send(head + separator)
    assert http.response()[0] == 100
    http.send(body)
    assert result(http.response()) == [1]


def test_an_offer_of_http2_is_declined_by_going_on(http):
    for number in range(2):
        answer = http.post(
            request("now_echo", number),
            Upgrade="h2c",
            Connection="Upgrade, HTTP2-Settings",
            HTTP2_Settings="AAMAAABkAAQAAP__",
        )
        assert result(answer) == [number]


def test_notifications_have_no_response_body(http):
    status, headers, body = http.post({"jsonrpc": "2.0", "method": "now_echo"})
    assert (status, body) == (204, b"")
    assert "content-length" not in headers
    assert result(http.post(request("now_echo", 1))) == [1]


def test_localhost_works_whichever_loopback_address_it_means(server):
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 loopback address")
    with RawHttp(server.port, host="::1") as http:
        assert result(http.post(request("now_echo", 1))) == [1]


# --- pages ---


def get(http, path="/", method="GET", **headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    http.send(f"{method} {path} HTTP/1.1\r\nHost: localhost:1\r\n{lines}\r\n".encode())
    return http.response(body=method != "HEAD")


def test_get_explains_how_to_call(http):
    status, _, body = get(http)
    assert status == 200
    assert b"http://localhost:1/" in body
    assert b"eth_blockNumber" in body


def test_head_has_no_body(http):
    assert get(http, method="HEAD")[0] == 200
    assert get(http, "/nowhere")[0] == 404


def test_healthz_says_whether_the_node_is_ready(serve):
    state = {"ready": False, "height": "0x0"}
    server = serve(health=lambda: state)
    with RawHttp(server.port) as http:
        status, headers, body = get(http, "/healthz")
        assert (status, headers["content-type"], json.loads(body)) == (503, "application/json", state)
        state["ready"] = True
        assert get(http, "/healthz")[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_and_the_connection_survives(http, method):
    status, headers, _ = get(http, method=method)
    assert (status, headers["allow"]) == (405, "POST, GET, HEAD, OPTIONS")
    assert result(http.post(request("now_echo", 1))) == [1]


def test_json_rpc_is_answered_on_the_paths_of_the_real_network(http):
    for path in ("/", "/rpc", "/ws", "/?key=1"):
        assert result(http.post(request("now_echo", path), path=path)) == [path]
    assert http.post(request("now_echo"), path="/other")[0] == 404
    assert result(http.post(request("now_echo", 1))) == [1]


# --- limits ---


def test_a_declared_body_beyond_the_limit_is_refused_unread(serve):
    server = serve(max_body_bytes=1000)
    with RawHttp(server.port) as http:
        assert http.post(b" " * 1000)[0] == 200
        status, headers, body = http.post(b" " * 1001)
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["error"] == {"code": -32600, "message": "request body exceeds 1000 bytes"}
        assert http.closed()


def test_a_chunked_body_beyond_the_limit_is_refused_and_the_client_can_read_why(serve):
    server = serve(max_body_bytes=1000)
    with RawHttp(server.port) as http:
        http.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        http.send((b"1f4\r\n" + b"x" * 500 + b"\r\n") * 100)
        assert http.response()[0] == 413


def test_an_oversized_head_is_refused(serve):
    server = serve(max_head_bytes=2000)
    with RawHttp(server.port) as http:
        http.send(b"POST / HTTP/1.1\r\nX-Filler: " + b"x" * 2000)
        assert http.response()[0] == 431
        assert http.closed()


def test_a_head_below_the_limit_may_be_followed_by_a_large_body(serve):
    server = serve(max_head_bytes=2000)
    with RawHttp(server.port) as http:
        for _ in range(3):
            assert len(result(http.post(request("now_echo", "x" * 10_000)))[0]) == 10_000


@pytest.mark.parametrize(
    "endless",
    [
        b"0\r\n" + b"X-Trailer: 1\r\n" * 1000,
        b"0\r\nX-Trailer: " + b"x" * 10_000,
        b"1;" + b"x" * 10_000,
        b"1;a=bcdefgh\r\nx\r\n" * 1000,
    ],
    ids=["trailers", "one trailer", "one chunk extension", "chunk extensions"],
)
def test_trailers_and_chunk_extensions_are_limited_as_a_head_is(serve, endless):
    server = serve(max_head_bytes=2000)
    with RawHttp(server.port) as http:
        http.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + endless)
        status, _, body = http.response()
        assert (status, body) == (431, b"the request's trailers and chunk extensions exceed 2000 bytes\n")
        assert http.closed()


def test_a_body_in_chunks_of_one_byte_is_no_trailer(serve):
    server = serve(max_head_bytes=500)
    body = json.dumps(request("now_echo", "x" * 3_000)).encode()
    with RawHttp(server.port) as http:
        http.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        http.send(b"".join(b"1\r\n%b\r\n" % bytes([byte]) for byte in body) + b"0\r\nX-Sum: 1\r\n\r\n")
        assert result(http.response()) == ["x" * 3_000]


def test_a_trailer_does_not_speak_for_its_request(http):
    body = json.dumps(request("now_echo", 1)).encode()
    http.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    http.send(b"%x\r\n%b\r\n0\r\nOrigin: https://evil.example\r\n\r\n" % (len(body), body))
    status, headers, _ = http.response()
    assert (status, headers.get("access-control-allow-origin")) == (200, None)


def test_a_request_that_never_ends_is_timed_out(serve):
    server = serve(request_timeout_s=30, sweep_s=3600)
    with RawHttp(server.port) as http:
        http.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        assert http.response()[0] == 100  # it has begun to read
        server.pass_time(31)
        assert http.response()[0] == 408
        assert http.closed()


def test_an_idle_connection_is_closed_but_not_one_that_waits_for_its_answer(serve):
    server = serve(keep_alive_s=300, sweep_s=3600)
    server.engine.hold = True
    with RawHttp(server.port) as http:
        http.send(post(request("later_echo", 1)))
        wait_for(server.engine.held)
        server.pass_time(1000)
        server.engine.release()
        assert result(http.response()) == [1]
        server.pass_time(200)
        assert result(http.post(request("now_echo", 2))) == [2]
        server.pass_time(301)
        assert http.closed()


def test_connections_beyond_the_limit_are_told_so(serve):
    server = serve(max_connections=2)
    with RawHttp(server.port) as first, RawHttp(server.port) as second:
        for http in (first, second):
            assert result(http.post(request("now_echo", 1))) == [1]
        with RawHttp(server.port) as third:
            assert third.response()[0] == 503
            assert third.closed()
        assert result(first.post(request("now_echo", 2))) == [2]


def test_connections_beyond_the_limit_hold_no_descriptor(serve):
    server = serve(max_connections=2)
    with RawHttp(server.port) as first, RawHttp(server.port) as second:
        for http in (first, second):
            assert result(http.post(request("now_echo", 1))) == [1]
        beyond = [RawHttp(server.port) for _ in range(200)]
        try:
            assert [http.response()[0] for http in beyond] == [503] * 200
            assert server.run(lambda: len(server.server._context.connections)) == 2
            for listening in server.server._listener._sockets:
                with pytest.raises(BlockingIOError):
                    listening.accept()  # nobody waits to be taken
            ours = sockets_of(server.port)
            assert len(ours) == 2
        finally:
            for http in beyond:
                http.socket.close()


def sockets_of(port):
    """The sockets of this process that clients of a server are on the other end of."""
    connections = psutil.Process().net_connections("tcp")
    return [
        c for c in connections if c.laddr.port == port and c.raddr and c.status == psutil.CONN_ESTABLISHED
    ]


def test_a_client_that_is_turned_away_may_come_again_when_there_is_room(serve):
    server = serve(max_connections=1)
    with RawHttp(server.port) as first:
        assert result(first.post(request("now_echo", 1))) == [1]
        with RawHttp(server.port) as second:
            assert second.response()[0] == 503
    wait_for(lambda: server.run(lambda: len(server.server._context.connections)) == 0)
    with RawHttp(server.port) as third:
        assert result(third.post(request("now_echo", 1))) == [1]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["tls", "words", "version", "length", "two lengths", "length and chunks", "chunk size"],
)
def test_what_is_not_http_is_refused(http, garbage):
    http.send(garbage)
    status, headers, _ = http.response()
    assert (status, headers["connection"]) == (400, "close")
    assert http.closed()


def test_an_error_does_not_overtake_answers_that_are_due_before_it(server, http):
    server.engine.hold = True
    http.send(post(request("later_echo", 1)) + b"nonsense\r\n\r\n")
    wait_for(server.engine.held)
    server.engine.release()
    assert result(http.response()) == [1]
    assert http.response()[0] == 400
    assert http.closed()


def test_compressed_bodies_are_refused_with_a_reason(http):
    assert http.post(b"\x1f\x8b", Content_Encoding="gzip")[0] == 415
    assert result(http.post(request("now_echo", 1))) == [1]


# --- who may call ---


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8545", "127.0.0.1:1", "[::1]:8545", "app.localhost", "10.1.2.3:8545", None],
)
def test_loopback_names_and_addresses_are_served(http, host):
    assert result(http.post(request("now_echo", 1), Host=host)) == [1]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8545", "localhost.evil.example", "[", "\xff"])
def test_a_rebound_name_is_refused_and_the_connection_survives(http, host):
    status, _, body = http.post(request("now_echo", 1), Host=host)
    assert status == 403
    assert "--allow-host" in json.loads(body)["error"]["message"]
    assert result(http.post(request("now_echo", 1))) == [1]


def test_further_host_names_can_be_allowed(serve):
    server = serve(allow_hosts=("node.test",))
    with RawHttp(server.port) as http:
        assert http.post(request("now_echo", 1), Host="node.test:8545")[0] == 200


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "chrome-extension://abc"])
def test_local_pages_and_wallets_may_read_answers(http, origin):
    status, headers, _ = http.post(request("later_echo", 1), Origin=origin)
    assert (status, headers["access-control-allow-origin"], headers["vary"]) == (200, origin, "Origin")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_foreign_pages_are_refused_whatever_they_send(http, origin):
    status, headers, body = http.post(request("now_echo", 1), Origin=origin, Content_Type="text/plain")
    assert status == 403
    assert "access-control-allow-origin" not in headers
    assert "--allow-origin" in json.loads(body)["error"]["message"]


def test_foreign_pages_can_be_allowed(serve):
    for allowed in ("https://remix.example", "*"):
        server = serve(allow_origins=(allowed,))
        with RawHttp(server.port) as http:
            _, headers, _ = http.post(request("now_echo", 1), Origin="https://remix.example")
            assert headers["access-control-allow-origin"] == "https://remix.example"


def test_a_browsers_question_before_the_request_is_answered(http):
    asked = {
        "Origin": "http://localhost:3000",
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "content-type,x-custom",
        "Access_Control_Request_Private_Network": "true",
    }
    status, headers, _ = get(http, method="OPTIONS", **asked)
    assert status == 204
    assert headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["access-control-allow-headers"] == "content-type,x-custom"
    assert headers["access-control-allow-private-network"] == "true"
    assert get(http, method="OPTIONS", **{**asked, "Origin": "https://evil.example"})[0] == 403


# --- stopping ---


def test_stopping_answers_what_is_in_work_and_takes_no_more(serve):
    server = serve()
    server.engine.hold = True
    with RawHttp(server.port) as http:
        http.send(post(request("later_echo", "in work")))
        wait_for(server.engine.held)
        server.engine.release()
        server.stop()
        assert result(http.response()) == ["in work"]
        assert http.closed()
        with pytest.raises(ConnectionRefusedError):
            RawHttp(server.port)


# --- starting ---


def test_clients_that_come_before_anybody_serves_them_wait_and_are_served():
    sockets = asyncio.run(bind("127.0.0.1", 0))
    port = sockets[0].getsockname()[1]
    with RawHttp(port) as early:
        early.send(post(request("now_echo", "early")))
        with ServerThread(FakeEngine(), sockets=sockets) as server:
            assert server.port == port
            assert result(early.response()) == ["early"]


def test_a_port_that_is_taken_is_not_to_be_had(server):
    with pytest.raises(OSError, match="in use"):
        asyncio.run(bind("127.0.0.1", server.port))


# --- the short way ---


def ways(http, *requests):
    """Whether each of the responses to these requests, sent at once, came the short way."""
    http.send(b"".join(requests))
    return [http.response()[1].get("way") == "short" for _ in requests]


@pytest.mark.parametrize("method", ["now_echo", "later_echo"])
def test_a_head_that_was_seen_before_is_not_read_again_on_any_connection(server, method):
    known = post(request(method, 1))
    with RawHttp(server.port) as http:
        assert ways(http, known) == [False]
        assert ways(http, known) == [True]
    with RawHttp(server.port) as http:
        for number in range(3):
            http.send(post(request(method, number)))
            status, headers, body = http.response()
            assert (status, headers["way"]) == (200, "short")
            assert json.loads(body)["result"] == [number]


def test_a_notification_has_no_response_body_on_the_short_way_either(http):
    for way in (None, "short"):
        status, headers, body = http.post({"jsonrpc": "2.0", "method": "now_echo"})
        assert (status, headers.get("way"), body) == (204, way, b"")


def test_a_method_of_pythons_is_answered_whether_or_not_its_head_is_known(http):
    for _ in range(3):
        assert "megaeth" in result(http.post(request("web3_clientVersion")))


def test_hardhat_alone_is_told_that_it_may_help_itself(http):
    """Its network helpers refuse a node whose version begins with none of the names that they know."""
    for agent, begins in [
        ("hardhat 2.29.1", "anvil/megaeth-devnet/"),
        ("Hardhat 3.1.0", "anvil/megaeth-devnet/"),
        ("viem", "megaeth-devnet/"),
        ("not a hardhat", "megaeth-devnet/"),
    ]:
        for _ in range(2):
            version = result(http.post(request("web3_clientVersion"), **{"User-Agent": agent}))
            assert version.startswith(begins), agent


def test_a_request_is_read_by_its_own_head_although_others_like_it_came_before(server):
    with RawHttp(server.port) as http:
        for _ in range(3):
            assert result(http.post(request("now_echo", "known"))) == ["known"]
        assert http.post(request("now_echo", "known"), Host="evil.example")[0] == 403
        assert http.post(request("now_echo", "known"), Origin="https://evil.example")[0] == 403
        assert http.post(request("now_echo", "known"), path="/elsewhere")[0] == 404
        assert result(http.post(request("now_echo", "longer than known"))) == ["longer than known"]
        assert result(http.post(request("now_echo", "known"))) == ["known"]


def test_requests_in_company_are_answered_in_their_order_whatever_way_they_take(server, http):
    known = post(request("now_echo", 1))
    later = post(request("later_echo", 2))
    for one in (known, later):
        assert result(http.post(json.loads(one.partition(b"\r\n\r\n")[2]))) in ([1], [2])
    server.engine.hold = True
    http.send(later)  # the short way
    wait_for(server.engine.held)
    http.send(known)  # must wait
    http.send(later + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + known)
    wait_for(lambda: server.engine.held() == 2)
    server.engine.release(newest_first=True)
    assert [result(http.response()) for _ in range(3)] == [[2], [1], [2]]
    assert http.response()[0] == 200
    assert result(http.response()) == [1]
    assert ways(http, known) == [True]


def test_a_client_that_ends_while_it_waits_the_short_way_still_gets_its_answer(server, http):
    for _ in range(2):
        assert result(http.post(request("later_echo", 1))) == [1]
    server.engine.hold = True
    http.send(post(request("later_echo", 1)))
    wait_for(server.engine.held)
    http.socket.shutdown(1)
    server.engine.release()
    assert result(http.response()) == [1]
    assert http.closed()


def test_a_known_head_whose_body_comes_later_waits_for_it(server):
    known = post(request("now_echo", "whole"))
    with RawHttp(server.port) as http:
        http.send(known)
        assert result(http.response()) == ["whole"]
        for end in range(len(known) - 20, len(known)):
            http.send(known[:end])
            time.sleep(0.002)
            http.send(known[end:])
            assert result(http.response()) == ["whole"]


def test_what_asks_for_more_than_an_answer_never_takes_the_short_way(server):
    closing = post(request("now_echo", 1), Connection="close")
    for _ in range(2):
        with RawHttp(server.port) as http:
            http.send(closing)
            assert result(http.response()) == [1]
            assert http.closed()
    allowed = post(request("now_echo", 1), Origin="http://localhost:3000")
    with RawHttp(server.port) as http:
        for _ in range(2):
            http.send(allowed)
            _, headers, _ = http.response()
            assert headers["access-control-allow-origin"] == "http://localhost:3000"


# --- clients that go while they wait ----------------------------------------------------------------------


def test_calls_of_a_connection_that_is_closed_are_cancelled_and_only_those(server, http):
    server.engine.hold = True
    with RawHttp(server.port) as other:
        for client in (http, other):
            client.send(post(request("later_echo", 1)))
        wait_for(lambda: len(server.engine.held_tokens()) == 2)
        # A connection that ends in the middle of something is reset.
        other.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: server.engine.cancelled)
    connections = {token % CONNECTIONS for token in server.engine.held_tokens()}
    assert len(server.engine.cancelled) == 1
    assert len(connections) == 2
    assert set(server.engine.cancelled) < connections
    server.engine.release()
    assert result(http.response()) == [1]


def test_a_client_that_sends_no_more_is_given_a_moment_and_then_taken_for_gone(server, http):
    server.engine.hold = True
    http.send(post(request("later_echo", 1)))
    wait_for(server.engine.held_tokens)
    http.socket.shutdown(socket.SHUT_WR)
    wait_for(lambda: server.engine.cancelled)
    server.engine.release()
    assert result(http.response()) == [1]
