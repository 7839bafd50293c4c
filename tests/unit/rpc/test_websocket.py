"""WebSockets on the port of HTTP. The engine is a fake: what is tested is the transport."""

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from tests.support.fake_engine import block, mini
from tests.support.raw_http import RawHttp, request


def open_socket(server, path="/", **options):
    return connect(f"ws://127.0.0.1:{server.port}{path}", compression=None, proxy=None, **options)


@pytest.fixture
def ws(server):
    with open_socket(server) as client:
        yield client


def call(ws, method, *params, id=1):
    ws.send(json.dumps(request(method, *params, id=id)))
    return json.loads(ws.recv(timeout=10))


def subscribe(ws, *params):
    return call(ws, "eth_subscribe", *params)["result"]


def news(ws):
    return json.loads(ws.recv(timeout=10))["params"]


def test_requests_are_answered_at_once_or_later(ws):
    assert call(ws, "now_echo", 1) == {"jsonrpc": "2.0", "id": 1, "result": [1]}
    assert call(ws, "later_echo", 2, id="two") == {"jsonrpc": "2.0", "id": "two", "result": [2]}


def test_any_path_of_the_real_network_will_do(server):
    for path in ("/", "/ws", "/rpc"):
        with open_socket(server, path) as ws:
            assert call(ws, "now_echo", path)["result"] == [path]


def test_batches_and_binary_frames_are_understood(ws):
    ws.send(json.dumps([request("now_echo", 1), request("web3_clientVersion", id=2)]).encode())
    assert [item["id"] for item in json.loads(ws.recv(timeout=10))] == [1, 2]


def test_a_fragmented_message_is_put_together(ws):
    text = json.dumps(request("now_echo", "pieces"))
    ws.send(iter([text[:10], text[10:20], text[20:]]))
    assert json.loads(ws.recv(timeout=10))["result"] == ["pieces"]


def handshake(raw):
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    raw.send(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + key + b"\r\n"
    )
    raw.until(b"\r\n\r\n")


def frame(opcode, payload, *, fin=True):
    return Frame(opcode, payload, fin).serialize(mask=True)


def ask(number):
    return frame(Opcode.TEXT, json.dumps(request("now_echo", number)).encode())


def answer(number):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": [number]}).encode()
    return bytes((0x81, len(body))) + body


def test_a_frame_may_arrive_byte_by_byte_and_many_at_once(server):
    with RawHttp(server.port) as raw:
        handshake(raw)
        for number in (1, "long " * 40):
            for byte in ask(number):
                raw.send(bytes([byte]))
            raw.until(json.dumps(number).encode() + b"]}")
        last = ask(10)
        raw.send(b"".join(map(ask, range(10))) + last[:9])
        for number in range(10):
            assert raw.until(b"]}") == answer(number)
        raw.send(last[9:])
        assert raw.until(b"]}") == answer(10)


def test_control_frames_may_stand_between_the_parts_of_a_message_and_between_requests(server):
    text = json.dumps(request("now_echo", 5)).encode()
    with RawHttp(server.port) as raw:
        handshake(raw)
        ping, pong = frame(Opcode.PING, b"?"), bytes((0x8A, 1)) + b"?"
        raw.send(
            ask(4)
            + ping
            + frame(Opcode.TEXT, text[:9], fin=False)
            + ping
            + frame(Opcode.CONT, text[9:])
            + ask(6)
        )
        heard = raw.until(pong) + raw.until(pong)
        if answer(6) not in heard:
            heard += raw.until(answer(6))
        assert heard.replace(pong, b"") == answer(4) + answer(5) + answer(6)


def test_a_whole_message_within_another_is_against_the_protocol(server):
    with RawHttp(server.port) as raw:
        handshake(raw)
        raw.send(frame(Opcode.TEXT, b"{", fin=False) + ask(1))
        assert raw.until(b"\x03\xea")[0] == 0x88  # a close frame with code 1002


def test_nothing_is_answered_after_a_close_frame(server):
    with RawHttp(server.port) as raw:
        handshake(raw)
        raw.send(frame(Opcode.CLOSE, b"\x03\xe8") + ask(1))
        assert raw.until(b"\x03\xe8") == b"\x88\x02\x03\xe8"
        assert raw.closed()


def test_a_slow_request_does_not_hold_up_the_next(server, ws):
    server.engine.hold = True
    ws.send(json.dumps(request("later_echo", id="slow")))
    assert call(ws, "now_echo", id="quick")["id"] == "quick"
    server.engine.release()
    assert json.loads(ws.recv(timeout=10))["id"] == "slow"


def test_a_lone_message_takes_the_short_way_unless_its_method_is_pythons(server, ws):
    for number in range(3):
        assert call(ws, "now_echo", number)["result"] == [number]
        assert call(ws, "later_echo", number)["result"] == [number]
    assert server.engine.lone_messages == 6
    ws.send(json.dumps({"jsonrpc": "2.0", "method": "now_echo"}))  # not answered
    assert call(ws, "now_echo", "x" * 1000)["result"] == ["x" * 1000]
    assert "megaeth" in call(ws, "web3_clientVersion")["result"]
    assert call(ws, "now_echo", "on")["result"] == ["on"]


def test_answers_of_a_client_that_has_said_goodbye_are_not_sent(server):
    server.engine.hold = True
    with RawHttp(server.port) as raw:
        handshake(raw)
        raw.send(frame(Opcode.TEXT, json.dumps(request("later_echo", 1)).encode()))
        while not server.engine.held():
            pass
        raw.send(frame(Opcode.CLOSE, b"\x03\xe8"))
        assert raw.until(b"\x03\xe8") == b"\x88\x02\x03\xe8"
        server.engine.release()
        assert raw.closed()


def test_notifications_are_not_answered(ws):
    ws.send(json.dumps({"jsonrpc": "2.0", "method": "now_echo"}))
    assert call(ws, "now_echo", "next")["result"] == ["next"]


def test_a_message_beyond_the_limit_closes_with_1009(serve):
    server = serve(max_message_bytes=1000)
    with open_socket(server) as ws:
        ws.send("x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=10)
    assert closed.value.rcvd.code == 1009


def test_malformed_json_is_answered_and_the_socket_survives(ws):
    ws.send("{")
    assert json.loads(ws.recv(timeout=10))["error"]["code"] == -32700
    assert call(ws, "now_echo", 1)["result"] == [1]


def test_frames_against_the_protocol_close_with_1002(server):
    with RawHttp(server.port) as raw:
        raw.send(HANDSHAKE)
        assert raw.response()[0] == 101
        raw.send(b"\x81\x05hello")  # a client's frame without a mask
        assert raw.until(b"incorrect masking")[-19:] == (1002).to_bytes(2) + b"incorrect masking"


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_handshake_without_a_key_is_refused(server):
    with RawHttp(server.port) as raw:
        raw.send(HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X-Key"))
        assert raw.response()[0] == 400


def test_frames_sent_along_with_the_handshake_are_read(server):
    body = json.dumps(request("now_echo", "early")).encode()
    assert len(body) < 126
    frame = bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body
    with RawHttp(server.port) as raw:
        raw.send(HANDSHAKE + frame)
        assert raw.response()[0] == 101
        raw.until(b'["early"]')


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_foreign_pages_cannot_open_one(server, origin):
    with pytest.raises(InvalidStatus) as refused:
        open_socket(server, origin=origin)
    assert refused.value.response.status_code == 403


def test_local_pages_can_open_one(server):
    with open_socket(server, origin="http://localhost:5173") as ws:
        assert call(ws, "now_echo", 1)["result"] == [1]


# --- living long ---


PING, PONG = b"\x89\x00", b"\x8a\x00"


def test_an_idle_subscriber_is_pinged_and_still_gets_its_news(serve):
    server = serve(ping_interval_s=30, pong_timeout_s=300, keep_alive_s=1, request_timeout_s=1, sweep_s=3600)
    with RawHttp(server.port) as raw:
        handshake(raw)
        raw.send(frame(Opcode.TEXT, json.dumps(request("eth_subscribe", "newHeads")).encode()))
        raw.until(b'"}')
        for _ in range(20):  # ten minutes, and nothing but answers to pings
            server.pass_time(31)
            assert raw.until(PING) == PING
            raw.send(frame(Opcode.PONG, b"") + frame(Opcode.PING, b""))
            assert raw.until(PONG) == PONG
        server.run(server.server.hub.on_durable, [block(7)])
        raw.until(b'"result":{"number":"0x7"}}}')


def test_a_client_that_answers_no_ping_is_dropped(serve):
    server = serve(ping_interval_s=30, pong_timeout_s=300, sweep_s=3600)
    with RawHttp(server.port) as raw:
        handshake(raw)
        server.pass_time(31)
        assert raw.until(PING) == PING
        server.pass_time(300)
        raw.until(b"no answer to pings")


def test_a_subscriber_that_does_not_read_is_cut_off_with_a_reason_and_others_go_on(serve):
    server = serve(max_outgoing_bytes=100_000)
    server.engine.minis[1] = json.dumps("x" * 1_000_000).encode()
    with RawHttp(server.port) as slow, open_socket(server, max_size=None) as quick:
        slow.send(HANDSHAKE)
        assert slow.response()[0] == 101
        body = json.dumps(request("eth_subscribe", "miniBlocks")).encode()
        slow.send(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)
        slow.until(b'"result"')
        identifier = subscribe(quick, "miniBlocks")
        for _ in range(30):  # far more than the kernel holds for one socket
            server.run(server.server.hub.on_durable, [mini(1)])
            assert news(quick)["subscription"] == identifier
        assert slow.until(b"too slow")[-10:] == (1008).to_bytes(2) + b"too slow"


def test_stopping_says_goodbye(serve):
    server = serve()
    with open_socket(server) as ws:
        subscribe(ws, "newHeads")
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=10)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "the node is stopping")
