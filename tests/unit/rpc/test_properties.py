"""What holds for every stream of bytes."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fake_engine import FakeEngine
from tests.support.raw_http import RawHttp, post, request
from tests.support.server_thread import ServerThread


@pytest.fixture(scope="module")
def port():
    with ServerThread(FakeEngine()) as server:
        yield server.port


relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
requests = st.lists(
    st.tuples(st.sampled_from(["now_echo", "later_echo", "net_version"]), st.integers(0, 2**40)),
    min_size=1,
    max_size=12,
)


@relaxed
@given(requests, st.lists(st.integers(1, 200), max_size=40))
def test_answers_do_not_depend_on_how_the_stream_is_cut(port, calls, cuts):
    stream = b"".join(
        post(request(method, *([] if method == "net_version" else [number]), id=number))
        for method, number in calls
    )
    with RawHttp(port) as http:
        for cut in cuts:
            http.send(stream[:cut])
            stream = stream[cut:]
        http.send(stream)
        for _, number in calls:
            status, _, body = http.response()
            assert status == 200
            assert json.loads(body)["id"] == number


@relaxed
@given(st.binary(max_size=400))
def test_no_bytes_take_the_server_down(port, garbage):
    with RawHttp(port) as http:
        http.send(garbage)
        http.socket.shutdown(1)
        while http.socket.recv(65536):
            pass
    with RawHttp(port) as http:
        assert http.call("now_echo", 1)["result"] == [1]


@relaxed
@given(st.binary(max_size=200))
def test_no_websocket_frames_take_the_server_down(port, garbage):
    with RawHttp(port) as http:
        http.send(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" + garbage
        )
        http.socket.shutdown(1)
        while http.socket.recv(65536):
            pass
    with RawHttp(port) as http:
        assert http.call("now_echo", 1)["result"] == [1]
