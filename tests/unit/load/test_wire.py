"""What goes over the wire, and how answers are cut out of it."""

import pytest

from megaeth_cli.load.wire import (
    Endpoint,
    HttpFraming,
    LoadError,
    WebSocketFraming,
    batch,
    http_message,
    send_raw,
    websocket_message,
)

HERE = Endpoint("127.0.0.1", 8545)
OPENED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def fed(framing, *pieces):
    """Return what each piece completes."""
    return [framing.take(piece) for piece in pieces]


def test_request_is_plain_json_rpc():
    expected = b'{"jsonrpc":"2.0","id":7,"method":"eth_sendRawTransaction","params":["0x02"]}'
    assert send_raw(b"\x02", 7) == expected
    assert batch([expected]) == expected
    assert batch([b"1", b"2"]) == b"[1,2]"
    assert http_message(HERE, b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:8545", ("127.0.0.1", 8545, "/")),
        ("ws://[::1]:8546/v1?key=a", ("::1", 8546, "/v1?key=a")),
        ("localhost:1", ("localhost", 1, "/")),
    ],
)
def test_urls_name_an_endpoint(url, endpoint):
    assert Endpoint.of(url) == endpoint


def test_load_goes_over_plain_connections_only():
    with pytest.raises(ValueError, match="https://node"):
        Endpoint.of("https://node")


def test_response_in_pieces_is_put_together():
    framing = HttpFraming()
    pieces = [b"HTTP/1.1 200 OK\r\ncontent-", b"length: 5\r\n", b"\r\nhe", b"llo"]
    assert fed(framing, *pieces) == [None, None, None, b"hello"]
    assert framing.take(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno") == b"no"


def test_responses_of_the_same_and_of_other_heads_are_told_apart():
    framing = HttpFraming()
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    dated = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 3\r\n\r\n"
    whole = [short + b"{}", short + b"[]", dated + b"123", short + b"{}", dated + b"456"]
    assert fed(framing, *whole) == [b"{}", b"[]", b"123", b"{}", b"456"]
    assert fed(framing, dated + b"7", b"89", dated + b"456") == [None, b"789", b"456"]
    with pytest.raises(LoadError, match="more came"):
        framing.take(dated + b"4567")


def test_chunked_response_is_put_together():
    framing = HttpFraming()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert fed(framing, head + b"3\r\nabc\r\n", b"2;x=y\r\nde", b"\r\n0\r\n\r\n") == [None, None, b"abcde"]
    assert framing.take(head + b"1\r\nf\r\n0\r\n\r\n") == b"f"


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"]
)
def test_response_of_unknown_length_voids_the_measurement(data):
    with pytest.raises(LoadError):
        HttpFraming().take(data)


@pytest.mark.parametrize("size", [5, 300, 70_000])
def test_websocket_messages_come_through_in_pieces(size):
    body = b"x" * size
    sent = websocket_message(body)
    # A server's frame is the same without the mask.
    reply = bytes([sent[0], sent[1] & 0x7F]) + sent[2 : len(sent) - size - 4] + body
    framing = WebSocketFraming()
    assert framing.take(OPENED) == b""
    assert fed(framing, reply[:1], reply[1:6], reply[6:]) == [None, None, body]


def test_pings_are_answered():
    framing = WebSocketFraming()
    framing.take(OPENED)
    assert framing.take(b"\x89\x02hi") is None
    assert framing.owed() == b"\x8a\x82\0\0\0\0hi"
    assert framing.owed() == b""


def test_refused_and_closed_websockets_void_the_measurement():
    with pytest.raises(LoadError, match="no WebSocket"):
        WebSocketFraming().take(b"HTTP/1.1 404 Not Found\r\n\r\n")
    framing = WebSocketFraming()
    framing.take(OPENED)
    with pytest.raises(LoadError, match="too slow"):
        framing.take(b"\x88\x0a\x03\xf0too slow")
