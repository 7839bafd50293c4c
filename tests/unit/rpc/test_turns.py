"""No client holds the event loop: what one sends is worked off in turns, and others have theirs between.

Nothing here measures time. A turn is over when the test says so, and who was served between two turns is counted.
"""

import asyncio
import json

import pytest
from websockets.frames import Frame, Opcode

from devnet.rpc import turns
from devnet.rpc.turns import BODY_COST, ROUND_BYTES, Gate, Turns
from tests.support.raw_http import RawHttp, post, request


class Short:
    """A turn that holds one piece of work."""

    def is_over(self):
        return True


@pytest.fixture
def short_turns(monkeypatch):
    for module in ("http", "ws", "flow_control"):
        monkeypatch.setattr(f"devnet.rpc.{module}.Turn", Short)


@pytest.fixture
def rounds(server):
    """Count the rounds of the loop."""
    counted = []

    def count():
        counted.append(None)
        server._loop.call_soon(count)

    server._loop.call_soon_threadsafe(count)
    return counted


def test_pipelined_requests_are_worked_off_in_turns_and_all_answered_in_order(server, short_turns, rounds):
    with RawHttp(server.port) as http:
        http.call("now_echo", 0)
        made = []
        server.run(server.server.routes.add, "/slow", lambda: made.append(len(rounds)) or _page(len(made)))
        http.send(b"GET /slow HTTP/1.1\r\n\r\n" * 200)
        assert [http.response()[2] for _ in range(200)] == [b"%d" % n for n in range(1, 201)]
    per_round = [made.count(at) for at in sorted(set(made))]
    assert per_round[0] <= 1_024 // 22 + 1  # the first slice; then it is seen how much work they are
    assert max(per_round[1:]) <= 2 * (64 // 22 + 1)


def _page(number):
    from devnet.rpc.routes import Page

    return Page(200, "text/plain", b"%d" % number)


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_message_in_thousands_of_tiny_frames_is_read_in_turns(server, short_turns, rounds):
    text = json.dumps(request("now_echo", "x" * 5_000)).encode()
    frames = [Frame(Opcode.TEXT, text[:1], fin=False)]
    frames += [Frame(Opcode.CONT, text[at : at + 1], fin=False) for at in range(1, len(text))]
    frames += [Frame(Opcode.CONT, b"")]
    with RawHttp(server.port) as raw:
        raw.send(HANDSHAKE)
        assert raw.response()[0] == 101
        before = len(rounds)
        raw.send(b"".join(frame.serialize(mask=True) for frame in frames))
        raw.until(b"x" * 5_000)
        assert len(rounds) - before > len(frames) // 2


def test_requests_sent_with_the_handshake_and_much_behind_them_are_all_read(server, short_turns):
    asked = [Frame(Opcode.TEXT, json.dumps(request("now_echo", n)).encode()) for n in range(300)]
    with RawHttp(server.port) as raw:
        raw.send(
            post(request("now_echo", 1)) * 50 + HANDSHAKE + b"".join(f.serialize(mask=True) for f in asked)
        )
        for _ in range(50):
            assert raw.response()[0] == 200
        assert raw.response()[0] == 101
        for number in range(300):
            raw.until(b"[%d]" % number)


def test_a_batch_for_python_leaves_others_their_turns(server, monkeypatch, rounds):
    monkeypatch.setattr("devnet.rpc.dispatch.Turn", Short)
    with RawHttp(server.port) as http:
        before = len(rounds)
        _, _, body = http.post([request("net_version", id=n) for n in range(500)])
        assert [item["id"] for item in json.loads(body)] == list(range(500))
        assert len(rounds) - before >= 500


def test_those_who_wait_have_one_turn_each_round():
    async def run():
        queue, order = Turns(), []

        class Client:
            def __init__(self, name, work):
                self.name, self.work = name, work

            def work_on(self):
                order.append(self.name)
                self.work -= 1
                if self.work:
                    queue.put_off(self)

        for client in (Client("greedy", 4), Client("modest", 1), Client("other", 2)):
            queue.put_off(client)
        seen = []
        while queue.are_wanted:
            await asyncio.sleep(0)
            seen.append(len(order))
        return order, seen

    order, seen = asyncio.run(run())
    assert order == ["greedy", "modest", "other", "greedy", "other", "greedy", "greedy"]
    assert all(after - before <= 1 for before, after in zip([0, *seen], seen, strict=False))


def test_a_worker_that_fails_does_not_keep_the_others_waiting():
    async def run():
        queue, worked = Turns(), []

        class Failing:
            def work_on(self):
                raise RuntimeError

        class Fine:
            def work_on(self):
                worked.append(self)

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        queue.put_off(Failing())
        queue.put_off(Fine())
        while queue.are_wanted:
            await asyncio.sleep(0)
        return len(worked)

    assert asyncio.run(run()) == 1


def test_the_gate_lets_so_many_bytes_through_a_round_in_their_order():
    async def run():
        gate, entered, per_round = Gate(), [], []

        async def body(number):
            await gate.enter(ROUND_BYTES // 4 - BODY_COST)
            entered.append(number)

        tasks = [asyncio.ensure_future(body(n)) for n in range(20)]
        while not all(task.done() for task in tasks):
            before = len(entered)
            await asyncio.sleep(0)
            per_round.append(len(entered) - before)
        return entered, per_round

    entered, per_round = asyncio.run(run())
    assert entered == list(range(20))
    assert max(per_round) <= 4


def test_a_body_larger_than_a_round_has_one_of_its_own():
    async def run():
        gate = Gate()
        await asyncio.wait_for(gate.enter(10 * ROUND_BYTES), 10)
        await asyncio.wait_for(gate.enter(10 * ROUND_BYTES), 10)

    asyncio.run(run())


def test_a_turn_ends():
    turn = turns.Turn()
    while not turn.is_over():
        pass
