"""A node that follows, while its leader dies, stands still, steps down or hands over: clients notice a pause only."""

import asyncio
import json
import threading
import time

import pytest

from devnet._engine import keccak256
from devnet.rpc.errors import Code, RpcFault, not_leading
from devnet.rpc.forwarding import Forwarder
from devnet.rpc.kept_transactions import KeptTransactions
from devnet.rpc.leader import FORWARDER, refuse_if_forwarded
from devnet.rpc.methods import ENGINE

PATIENCE_S = 3.0
RAW = "0xaa01"
HASH = "0x" + keccak256(bytes.fromhex(RAW[2:])).hex()
RECEIPT = {"transactionHash": HASH, "mega": {"miniBlock": "0x7"}}
NEVER = object()
"""An answer that never comes."""


class Leader:
    """Answers what its script says: a result, an error, `NEVER`, or the connection's end (None)."""

    def __init__(self, **script):
        self.script = script
        self.asked = []
        self.agents = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.writers = []
        return self

    async def __aexit__(self, *_):
        await self.die()

    async def die(self):
        self.server.close()
        for writer in self.writers:
            writer.close()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                self.agents.add(fields.get("user-agent"))
                request = json.loads(await reader.readexactly(int(fields["content-length"])))
                self.asked.append((request["method"], *request["params"]))
                given = self.script.get(request["method"])
                given = given(len(self.asked)) if callable(given) else given
                if given is NEVER:
                    await asyncio.sleep(60)
                if given is None:
                    break
                answer = json.dumps({"jsonrpc": "2.0", "id": request["id"], **given}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Engine:
    """A node that has these transactions in its chain."""

    def __init__(self, *hashes):
        self.hashes = hashes

    def call(self, method, params):
        assert method == "eth_getTransactionReceipt"
        return b"{}" if json.loads(params)[0] in self.hashes else b"null"


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario(), 20))


class Following:
    """A forwarder with a leader."""

    def __init__(self, url, *hashes, patience_s=PATIENCE_S):
        self.waited = []
        self.forwarder = Forwarder(url, self.wait, patience_s=patience_s)
        self.methods = self.forwarder.methods(Engine(*hashes))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.forwarder.close()

    async def wait(self, mini, timeout_s, block=0, rollbacks=0):
        self.waited.append(mini)
        return True

    def send(self, method="eth_sendRawTransaction", *params):
        answering = self.methods[method].answer(list(params or (RAW,)), None)
        return asyncio.ensure_future(answering)

    redirect = property(lambda self: self.forwarder.redirect)


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


def sent(leader):
    return [
        asked
        for asked in leader.asked
        if asked[0] in ("eth_sendRawTransaction", "realtime_sendRawTransaction")
    ]


def known(message="already known"):
    return {"error": {"code": -32000, "message": message}}


def test_what_comes_while_nobody_leads_waits_for_who_does():
    async def scenario():
        async with Leader() as dead, Leader(eth_sendRawTransaction={"result": HASH}) as new:
            await dead.die()
            async with Following(dead.url) as here:
                answer = here.send()
                await asyncio.sleep(0.3)
                assert not answer.done()
                here.redirect(new.url)
                assert json.loads(await answer) == HASH

    run(scenario)


@pytest.mark.parametrize("end", [None, NEVER])
def test_what_a_leader_took_that_died_or_stands_still_is_sent_to_the_next(end):
    async def scenario():
        script = {"realtime_sendRawTransaction": {"result": RECEIPT}, "eth_sendRawTransaction": known()}
        async with (
            Leader(realtime_sendRawTransaction=end) as old,
            Leader(**script) as new,
            Following(old.url) as here,
        ):
            answer = here.send("realtime_sendRawTransaction")
            await until(lambda: old.asked)
            began = time.monotonic()
            here.redirect(new.url)
            assert json.loads(await answer) == RECEIPT
            assert time.monotonic() - began < 1.0
            assert here.waited == [7]

    run(scenario)


def test_an_answer_that_was_on_its_way_when_another_began_to_lead_counts():
    async def scenario():
        async with Leader() as old, Leader() as new:
            gate = asyncio.Event()
            old.script = {"eth_sendRawTransaction": NEVER}

            async def answer_late(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                await gate.wait()
                body = json.dumps({"result": HASH}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(answer_late, "127.0.0.1", 0)
            async with (
                server,
                Following(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", HASH) as here,
            ):
                answer = here.send()
                await asyncio.sleep(0.05)
                here.redirect(new.url)
                await asyncio.sleep(0.05)
                gate.set()
                assert json.loads(await answer) == HASH
                assert not sent(new)

    run(scenario)


@pytest.mark.parametrize(
    "refusal",
    [
        json.loads(not_leading("standby-1").to_json()),
        {"code": -32000, "message": "another node builds the chain now"},
        {"code": -32000, "message": "the node is stopping"},
    ],
)
def test_who_has_stepped_down_is_asked_again_until_another_leads(refusal):
    async def scenario():
        async with (
            Leader(eth_sendRawTransaction={"error": refusal}) as old,
            Leader(eth_sendRawTransaction={"result": HASH}) as new,
            Following(old.url) as here,
        ):
            answer = here.send()
            await until(lambda: len(old.asked) > 1)
            here.redirect(new.url)
            assert json.loads(await answer) == HASH
            assert old.agents == new.agents == {FORWARDER.decode()}

    run(scenario)


@pytest.mark.parametrize("message", ["already known", "nonce too low: next nonce 5, tx nonce 4"])
@pytest.mark.parametrize("method", ["eth_sendRawTransaction", "realtime_sendRawTransaction"])
def test_a_transaction_that_the_next_leader_has_already_is_a_success(method, message):
    async def scenario():
        asked_late = {"eth_getTransactionReceipt": lambda nth: {"result": RECEIPT if nth > 3 else None}}
        script = {
            **{"realtime_sendRawTransaction": known(message), "eth_sendRawTransaction": known(message)},
            **{"eth_getTransactionByHash": {"result": {"hash": HASH}}, **asked_late},
        }
        async with Leader() as old, Leader(**script) as new, Following(old.url) as here:
            answer = here.send(method)
            await until(lambda: old.asked)
            here.redirect(new.url)
            assert json.loads(await answer) == (HASH if method == "eth_sendRawTransaction" else RECEIPT)

    run(scenario)


def test_a_nonce_that_another_transaction_has_used_is_still_an_error():
    async def scenario():
        script = {
            "eth_sendRawTransaction": known("nonce too low: next nonce 5, tx nonce 4"),
            "eth_getTransactionByHash": {"result": None},
        }
        async with Leader() as old, Leader(**script) as new, Following(old.url, patience_s=0.3) as here:
            answer = here.send()
            await until(lambda: old.asked)
            here.redirect(new.url)
            with pytest.raises(RpcFault, match="nonce too low"):
                await answer

    run(scenario)


def test_an_error_of_the_first_leader_is_the_clients():
    async def scenario():
        async with Leader(eth_sendRawTransaction=known()) as leader, Following(leader.url) as here:
            with pytest.raises(RpcFault, match="already known"):
                await here.send()

    run(scenario)


def test_what_was_taken_and_is_not_in_the_chain_is_sent_to_the_next_leader_in_its_order():
    async def scenario():
        raws = ["0xaa", "0xbb", "0xcc"]
        hashes = ["0x" + keccak256(bytes.fromhex(raw[2:])).hex() for raw in raws]
        taken = {"eth_sendRawTransaction": {"result": "0x"}}
        async with Leader(**taken) as old, Leader(**taken) as new, Following(old.url, hashes[1]) as here:
            for raw in raws:
                await here.send("eth_sendRawTransaction", raw)
            here.redirect(new.url)
            await until(lambda: len(sent(new)) == 2)
            assert [raw for _, raw in sent(new)] == ["0xaa", "0xcc"]

    run(scenario)


def test_what_is_kept_is_only_touched_where_transactions_come_in(monkeypatch):
    threads = set()
    listed = KeptTransactions.all

    def noted(kept):
        threads.add(threading.current_thread())
        return listed(kept)

    monkeypatch.setattr(KeptTransactions, "all", noted)

    async def scenario():
        taken = {"eth_sendRawTransaction": {"result": "0x"}}
        async with Leader(**taken) as old, Leader(**taken) as new, Following(old.url) as here:
            await here.send("eth_sendRawTransaction", "0xaa")
            here.redirect(new.url)
            await until(lambda: sent(new))

    run(scenario)
    assert threads == {threading.current_thread()}


def test_who_comes_just_after_the_same_was_sent_again_is_told_of_a_success():
    async def scenario():
        script = {
            "eth_sendRawTransaction": lambda nth: {"result": HASH} if nth == 1 else known(),
            "eth_getTransactionByHash": {"result": {"hash": HASH}},
        }
        async with Leader() as old, Leader(**script) as new, Following(old.url) as here:
            here.forwarder._sent.keep(HASH, RAW)
            here.redirect(new.url)
            await until(lambda: sent(new))
            assert json.loads(await here.send()) == HASH

    run(scenario)


def test_what_was_refused_or_has_its_receipt_is_not_sent_again():
    async def scenario():
        script = {
            "eth_sendRawTransaction": known("insufficient funds"),
            "realtime_sendRawTransaction": {"result": RECEIPT},
            "eth_sendRawTransactionSync": {"error": {"code": 4, "message": "it waits"}},
        }
        async with (
            Leader(**script) as old,
            Leader(eth_sendRawTransaction={"result": "0x"}) as new,
            Following(old.url) as here,
        ):
            with pytest.raises(RpcFault):
                await here.send("eth_sendRawTransaction", "0x01")
            await here.send("realtime_sendRawTransaction", "0x02")
            with pytest.raises(RpcFault):
                await here.send("eth_sendRawTransactionSync", "0x03")
            here.redirect(new.url)
            await until(lambda: sent(new))
            await asyncio.sleep(0.05)
            assert sent(new) == [("eth_sendRawTransaction", "0x03")]

    run(scenario)


def test_what_must_not_be_done_twice_is_not_asked_for_twice():
    async def scenario():
        async with Leader() as old, Leader(evm_mine={"result": "0x0"}) as new, Following(old.url) as here:
            mining = here.send("evm_mine", {})
            await until(lambda: old.asked)
            with pytest.raises(RpcFault, match="whether it took effect is not known"):
                await mining
            here.redirect(new.url)
            await asyncio.sleep(0.05)
            assert not new.asked

    run(scenario)


def test_what_nobody_has_heard_is_done_when_somebody_leads():
    async def scenario():
        end = {"result": {"miniBlock": "0x1", "block": "0x0", "rollbacks": "0x0"}}
        async with Leader() as old, Leader(evm_mine={"result": "0x0"}, mega_getLogEnd=end) as new:
            await old.die()
            async with Following(old.url) as here:
                mining = here.send("evm_mine", {})
                await asyncio.sleep(0.05)
                here.redirect(new.url)
                assert json.loads(await mining) == "0x0"
                assert [asked for asked in new.asked if asked[0] == "evm_mine"] == [("evm_mine", {})]

    run(scenario)


def test_when_nobody_comes_to_lead_the_error_is_the_usual_one():
    async def scenario():
        async with Leader() as old:
            await old.die()
            async with Following(old.url, patience_s=0.3) as here:
                with pytest.raises(RpcFault, match="the sequencer cannot be reached"):
                    await here.send()

    run(scenario)


def test_without_anybody_who_could_take_over_nothing_waits_and_nothing_is_kept():
    async def scenario():
        async with Leader() as old, Following(old.url, patience_s=0.0) as here:
            began = time.monotonic()
            with pytest.raises(RpcFault, match="cannot be reached"):
                await here.send()
            assert time.monotonic() - began < 1.0
            assert old.agents == {None}
            assert here.forwarder._sent.all() == []

    run(scenario)


def test_a_node_that_comes_to_lead_answers_itself_what_waits():
    async def scenario():
        async with Leader() as old, Leader(eth_sendRawTransaction={"result": HASH}) as itself:
            await old.die()
            async with Following(old.url) as here:
                answer = here.send()
                await asyncio.sleep(0.05)
                here.forwarder.hand_over(itself.url)
                assert json.loads(await answer) == HASH

    run(scenario)


def test_what_was_forwarded_is_not_forwarded_again():
    class Call:
        class client:
            user_agent = FORWARDER

    with pytest.raises(RpcFault) as refused:
        refuse_if_forwarded(Call)
    assert refused.value.code == Code.NOT_LEADING
    Call.client.user_agent = b"curl"
    refuse_if_forwarded(Call)

    async def scenario():
        async with Following("http://127.0.0.1:1") as here:
            Call.client.user_agent = FORWARDER
            with pytest.raises(RpcFault, match="does not lead"):
                await here.methods["eth_sendRawTransaction"].answer([RAW], Call)

    run(scenario)


def test_the_oldest_make_room_for_the_newest():
    kept = KeptTransactions(most=3, most_bytes=10)
    for number in range(5):
        kept.keep(f"h{number}", "0x")
    assert [tx_hash for tx_hash, _ in kept.all()] == ["h2", "h3", "h4"]
    kept.keep("long", "0x345678")
    assert [tx_hash for tx_hash, _ in kept.all()] == ["h4", "long"]
    kept.drop("h4")
    kept.drop("nothing")
    kept.keep("long", "0x345678")
    assert kept.all() == [("long", "0x345678")]


def test_only_what_sends_is_kept():
    assert {"eth_sendRawTransaction", "eth_sendRawTransactionSync", "realtime_sendRawTransaction"} <= set(
        ENGINE
    )
