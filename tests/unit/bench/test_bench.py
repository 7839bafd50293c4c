"""The parts of the benchmarks that could lie: arithmetic, nonces, framing."""

import asyncio

import pytest

from bench.accounts import senders, transfers
from bench.percentiles import percentile
from bench.results import Expectation, Measurement, Medians, ratio
from bench.scenarios import ALL
from bench.wire import Connection, LoadError, check, post, send_raw
from devnet._engine import keccak256


def test_percentiles_are_nearest_rank():
    values = list(range(1, 101))
    assert [percentile(values, percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7], 99) == 7


def test_medians_are_taken_over_rounds_and_peers_best_counts():
    rounds = [("ours", 10), ("ours", 30), ("ours", 20), ("slow", 2), ("fast", 5)]
    medians = Medians.of(Measurement("s", target, "m", value, "x") for target, value in rounds)
    assert medians.get("s", "ours", "m") == 20
    assert medians.best("s", ("slow", "fast", "absent"), "m") == 5
    assert ratio(medians.get("s", "ours", "m"), medians.get("s", "absent", "m")) is None


def test_expectations_know_their_direction():
    least = Expectation("", 2.5, "x", lambda m: None, at_least=True)
    most = Expectation("", 2.5, "x", lambda m: None)
    assert (least.holds(3), least.holds(2), most.holds(3), most.holds(2)) == (True, False, False, True)


def test_every_scenario_has_a_name_of_its_own():
    assert len({one.name for one in ALL}) == len(ALL)


def test_transfers_continue_each_senders_nonces():
    group = senders(3)
    first = transfers(group, 4, 1)
    assert [sender.nonce for sender in group] == [2, 1, 1]
    second = transfers(group, 4, 1)
    assert [sender.nonce for sender in group] == [4, 2, 2]
    assert len({keccak256(raw) for raw in first + second}) == 8


def serve(chunks):
    """One connection, answered with the given pieces."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()

    async def ask():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        link = await Connection.open("127.0.0.1", port)
        try:
            return await asyncio.wait_for(link.request(post("127.0.0.1", port, b"")), 10)
        finally:
            link.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(ask())


def test_response_in_pieces_is_put_together():
    assert serve([b"HTTP/1.1 200 OK\r\ncontent-", b"length: 5\r\n", b"\r\nhe", b"llo"]) == b"hello"


@pytest.mark.parametrize(
    "chunks", [[b"HTTP/1.1 200 OK\r\n\r\n"], [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"]]
)
def test_broken_response_voids_the_measurement(chunks):
    with pytest.raises(LoadError):
        serve(chunks)


def test_errors_void_the_measurement():
    check(b'{"jsonrpc":"2.0","id":1,"result":"0x"}')
    with pytest.raises(LoadError, match="nonce too low"):
        check(b'[{"id":1,"result":"0x"},{"id":2,"error":{"message":"nonce too low"}}]')


def test_request_is_plain_json_rpc():
    assert (
        send_raw(b"\x02", 7)
        == b'{"jsonrpc":"2.0","id":7,"method":"eth_sendRawTransaction","params":["0x02"]}'
    )
