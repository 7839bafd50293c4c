"""The loop over real sockets: order, schedules, ends, and a peer that misbehaves."""

import itertools
import json
import socket
import threading
from contextlib import closing

import pytest

from megaeth_cli.load.connections import Connection, Transport, evenly
from megaeth_cli.load.loop import Loop
from megaeth_cli.load.run import Shape, ask
from megaeth_cli.load.wire import Endpoint, LoadError, call
from tests.support.keep_alive_server import server

QUESTION = call("eth_blockNumber", b"[]")


def connection_of(endpoint, stack, bodies, **rest):
    transport = Transport(endpoint)
    stack.append(transport)
    return Connection(transport, iter([transport.message(body) for body in bodies]), **rest)


def test_each_lane_sends_its_requests_in_order_one_at_a_time():
    transports = []
    with server(lambda body: body, 3) as (endpoint, seen), closing(Loop()) as loop:
        plans = [[b"%d-%d" % (connection, number) for number in range(20)] for connection in range(3)]
        connections = [connection_of(endpoint, transports, plan) for plan in plans]
        loop.run(connections)
        for transport in transports:
            transport.close()
    for number, plan in enumerate(plans):
        assert [body for body in seen if body.startswith(b"%d-" % number)] == plan
    assert all(len(connection.began) == len(connection.ended) == 20 for connection in connections)
    assert all(wait >= 0 for connection in connections for wait in connection.waits())


def test_load_that_ends_by_the_clock_waits_for_what_is_in_flight():
    with server(lambda _: b"{}", 2) as (endpoint, seen):
        outcome = ask(endpoint, [QUESTION], Shape(connections=2, seconds=0.05))
    assert outcome.calls == len(seen) > 0
    assert outcome.clean


def test_scheduled_requests_are_not_sent_before_they_are_due():
    transports = []
    with server(lambda body: body, 1) as (endpoint, _), closing(Loop()) as loop:
        connection = connection_of(endpoint, transports, [b"a", b"b", b"c"], due=evenly(100))
        began = loop.run([connection])
        transports[0].close()
    assert all(at >= began + number / 100 for number, at in enumerate(connection.began))


def test_late_answer_is_counted_from_when_the_next_request_was_due():
    transports, waiting = [], threading.Event()

    def slow_first(body):
        if body == b"a":
            waiting.wait(0.1)
        return body

    with server(slow_first, 1) as (endpoint, _), closing(Loop()) as loop:
        connection = connection_of(endpoint, transports, [b"a", b"b"], due=evenly(1000))
        began = loop.run([connection])
        transports[0].close()
    assert connection.began[1] == pytest.approx(began + 0.001)
    assert connection.began[1] < connection.ended[0]


def test_empty_request_means_that_there_is_none_yet():
    transports = []
    with server(lambda body: body, 1) as (endpoint, seen), closing(Loop()) as loop:
        transport = Transport(endpoint)
        transports.append(transport)
        connection = Connection(transport, iter([transport.message(b"a"), b"", b"", transport.message(b"b")]))
        loop.run([connection])
        transport.close()
    assert seen == [b"a", b"b"]
    assert loop.effort.starved == 2


def test_lanes_beside_end_with_the_leading_ones():
    transports = []
    with server(lambda body: body, 2) as (endpoint, seen), closing(Loop()) as loop:
        leading = connection_of(endpoint, transports, [b"lead"] * 5)
        transport = Transport(endpoint)
        transports.append(transport)
        beside = Connection(transport, itertools.repeat(transport.message(b"beside")))
        loop.run([leading], [beside])
        for one in transports:
            one.close()
    assert seen.count(b"lead") == 5
    assert len(beside.began) == len(beside.ended) == seen.count(b"beside")


def test_errors_are_counted_by_kind():
    numbers = itertools.count()

    def refuse(_):
        error = {"code": -32000, "message": f"nonce {next(numbers)} is too low"}
        return json.dumps([{"id": 1, "error": error}, {"id": 2, "result": "0x1"}]).encode()

    with server(refuse, 1) as (endpoint, _):
        outcome = ask(endpoint, [QUESTION], Shape(batch=2, count=6))
    assert (outcome.calls, outcome.refused) == (6, 3)
    assert outcome.errors == {"-32000 nonce N is too low": 3}
    assert not outcome.clean


def test_peer_that_hangs_up_voids_the_measurement():
    with server(lambda _: None, 1) as (endpoint, _), pytest.raises(LoadError):
        ask(endpoint, [QUESTION], Shape(count=1))


def test_nobody_listening_voids_the_measurement():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LoadError, match=str(port)):
        ask(Endpoint("127.0.0.1", port), [QUESTION], Shape(count=1))
