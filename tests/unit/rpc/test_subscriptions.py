"""Who hears of what. The engine is a fake that notes what it is asked to render."""

import json
from types import SimpleNamespace

import pytest
from websockets.sync.client import connect

from tests.support.fake_engine import block, mini
from tests.support.raw_http import RawHttp
from tests.unit.rpc.test_websocket import call, news, subscribe

ALICE = "0x" + "aa" * 20
BOB = "0x" + "bb" * 20


@pytest.fixture
def ws(server):
    with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as client:
        yield client


def publish(server, *sealed):
    server.run(server.server.hub.on_durable, sealed)


def test_nothing_is_rendered_for_nobody(server, ws):
    server.engine.pending = [b"\x01" * 32]
    publish(server, mini(0, index=0), mini(1, tx_count=3), block(1))
    assert server.engine.calls == []


def test_a_payload_is_rendered_once_for_all_its_subscribers(server, ws):
    identifiers = {subscribe(ws, "newHeads") for _ in range(3)}
    publish(server, block(5))
    received = [news(ws) for _ in range(3)]
    assert {item["subscription"] for item in received} == identifiers
    assert all(item["result"] == {"number": "0x5"} for item in received)
    assert server.engine.calls == [("head_json", 5)]


def test_mini_blocks_are_told_one_by_one_even_if_empty(server, ws):
    subscribe(ws, "miniBlocks")
    publish(server, mini(0), mini(1), mini(2))
    assert [news(ws)["result"]["mini_block_number"] for _ in range(3)] == ["0x0", "0x1", "0x2"]


def test_the_engine_learns_when_a_mini_block_was_told_but_not_of_those_that_nobody_hears_of(server, ws):
    publish(server, mini(0))
    subscribe(ws, "logs", {"toBlock": "pending"})
    publish(server, mini(1), mini(2, tx_count=1), block(1))
    assert server.engine.told == [mini(2).timestamp_us]


def test_logs_come_with_their_sealed_block(server, ws):
    subscribe(ws, "logs", {"address": ALICE})
    subscribe(ws, "newHeads")
    publish(server, mini(1, tx_count=1), mini(2), mini(3, tx_count=1))
    assert ("logs_json", 1) not in server.engine.calls
    publish(server, block(1))
    assert news(ws)["result"] == {"number": "0x1"}
    assert [news(ws)["result"]["mini"] for _ in range(2)] == [1, 3]


def test_a_subscriber_who_comes_within_a_block_hears_of_its_earlier_logs_but_not_of_other_blocks(server, ws):
    hub = server.server.hub
    hub.publish([mini(1, tx_count=1, block=1)])  # as the log thread does; nobody listens yet
    hub.publish([block(1), mini(2, tx_count=1, block=2)])
    subscribe(ws, "logs", {})
    hub.publish([mini(3, tx_count=1, block=2), block(2)])
    assert [news(ws)["result"]["mini"] for _ in range(2)] == [2, 3]


def test_pending_logs_come_with_their_mini_block(server, ws):
    subscribe(ws, "logs", {"address": [BOB, ALICE.upper().replace("X", "x")], "toBlock": "pending"})
    publish(server, mini(1, tx_count=1), mini(2))
    assert news(ws)["result"] == {"filter": {"address": [ALICE, BOB]}, "mini": 1, "removed": False}


def test_logs_that_go_are_taken_back_from_those_who_were_told_of_them_the_newest_first(server, ws):
    """Block 2 was sealed, block 3 is open; mini-block 3 stays, and is told of again with its block."""
    hub = server.server.hub
    plan = SimpleNamespace(minis=4, block=1, blocks=[(2, b"hash", [])], busy=[(3, 2), (5, 2), (6, 3)])
    sealed, early = subscribe(ws, "logs", {}), subscribe(ws, "logs", {"toBlock": "pending"})
    server.run(hub.rewinding, plan)
    told = [news(ws) for _ in range(4)]
    assert all(each["result"]["removed"] for each in told)
    heard = [(each["subscription"], each["result"]["mini"]) for each in told]
    assert [mini for subscription, mini in heard if subscription == sealed] == [5, 3]
    assert [mini for subscription, mini in heard if subscription == early] == [6, 5]
    server.run(hub.rewound, plan)
    publish(server, block(2))
    assert news(ws) == {
        "subscription": sealed,
        "result": {"filter": {}, "mini": 3, "removed": False},
    }


def test_state_changes_come_for_the_accounts_named(server, ws):
    subscribe(ws, "stateChanges", [BOB])
    publish(server, mini(7), mini(8, tx_count=1))
    assert news(ws)["result"] == {"address": BOB}


@pytest.mark.parametrize("params", [[], [[]], [None]])
def test_state_changes_come_for_all_accounts_if_none_is_named(server, ws, params):
    subscribe(ws, "stateChanges", *params)
    publish(server, mini(8, tx_count=1))
    assert news(ws)["result"] == {"address": "any"}


def test_as_many_accounts_can_be_watched_as_on_the_chain(ws):
    assert subscribe(ws, "stateChanges", [f"0x{number:040x}" for number in range(256)])


def test_the_sync_status_is_told_at_once_and_when_the_node_falls_behind_or_has_caught_up(server, ws):
    told = {"startingBlock": "0x1", "currentBlock": "0x2", "highestBlock": "0xa"}
    first = subscribe(ws, "syncing")
    assert news(ws) == {"subscription": first, "result": False}
    publish(server, mini(1))
    server.health["catching_up"] = {"first_block": 1, "block": 2, "last_block": 10}
    publish(server, mini(2), mini(3))
    assert news(ws) == {"subscription": first, "result": told}
    server.health["catching_up"]["block"] = 3
    publish(server, mini(4))
    second = subscribe(ws, "syncing")
    assert news(ws) == {"subscription": second, "result": told | {"currentBlock": "0x3"}}
    assert call(ws, "eth_syncing")["result"] == told | {"currentBlock": "0x3"}
    del server.health["catching_up"]
    publish(server, mini(5))
    assert {news(ws)["subscription"], news(ws)["subscription"]} == {first, second}
    assert call(ws, "eth_syncing")["result"] is False


def test_pending_transactions_are_those_after_the_subscription(server, ws):
    server.engine.pending = [b"\x01" * 32]
    subscribe(ws, "newPendingTransactions")
    server.engine.pending.append(b"\x02" * 32)
    publish(server, mini(0))
    assert news(ws)["result"] == "0x" + "02" * 32
    server.engine.pending.append(b"\x03" * 32)
    assert call(ws, "later_echo") == {"jsonrpc": "2.0", "id": 1, "result": []}  # any answer brings the news
    assert news(ws)["result"] == "0x" + "03" * 32


def test_pending_transactions_with_bodies_are_asked_of_the_engine(server, ws):
    subscribe(ws, "newPendingTransactions", True)
    server.engine.pending.append(b"\x02" * 32)
    publish(server, mini(0))
    assert server.engine.calls == [("eth_getTransactionByHash", ["0x" + "02" * 32])]


def test_after_unsubscribing_nothing_comes_any_more(server, ws):
    first, second = subscribe(ws, "newHeads"), subscribe(ws, "newHeads")
    assert call(ws, "eth_unsubscribe", first)["result"] is True
    publish(server, block(1))
    assert news(ws)["subscription"] == second
    assert call(ws, "eth_unsubscribe", first)["error"] == {
        "code": -32000,
        "message": "subscription not found",
    }
    assert call(ws, "eth_unsubscribe", second)["result"] is True
    publish(server, block(2))
    assert server.engine.calls == [("head_json", 1)]


def test_a_subscription_belongs_to_its_connection(server, ws):
    identifier = subscribe(ws, "newHeads")
    with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as other:
        assert call(other, "eth_unsubscribe", identifier)["error"]["code"] == -32000


def test_a_closed_connection_takes_its_subscriptions_along(server, ws):
    with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as other:
        subscribe(other, "newHeads")
    call(ws, "now_echo")
    publish(server, block(1))
    assert call(ws, "now_echo")["result"] == []
    hub = server.server.hub
    assert not any(topics for topics in hub._topics.values())


def test_the_id_precedes_the_news_even_in_a_batch(server, ws):
    server.engine.hold = True
    ws.send(
        json.dumps(
            [
                {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]},
                {"jsonrpc": "2.0", "id": 2, "method": "later_echo"},
            ]
        )
    )
    while not server.engine.held():
        pass
    publish(server, block(1))
    server.engine.release()
    answers = json.loads(ws.recv(timeout=10))
    publish(server, block(2))
    assert news(ws) == {"subscription": answers[0]["result"], "result": {"number": "0x2"}}


def test_who_wants_to_hear_of_the_console_does(ws, server):
    subscription = subscribe(ws, "consoleLogs")
    server.server.hub.publish_console([b'{"text":"one"}', b'{"text":"two"}'])
    for text in ("one", "two"):
        assert news(ws) == {"subscription": subscription, "result": {"text": text}}
    call(ws, "eth_unsubscribe", subscription)
    server.server.hub.publish_console([b'{"text":"three"}'])


def test_http_has_no_subscriptions(server):
    with RawHttp(server.port) as http:
        for method in ("eth_subscribe", "eth_unsubscribe"):
            assert http.call(method, "newHeads")["error"]["code"] == -32000


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ([], -32602),
        ([5], -32602),
        (["nonsense"], -32601),
        (["newHeads", {}, {}], -32602),
        (["newPendingTransactions", "yes"], -32602),
        (["stateChanges", [f"0x{number:040x}" for number in range(257)]], -32602),
        (["stateChanges", ["0x12"]], -32602),
        (["stateChanges", ALICE], -32602),
        (["logs", []], -32602),
        (["logs", {"address": "0x12"}], -32602),
        (["logs", {"address": [ALICE, None]}], -32602),
        (["logs", {"topics": "0x00"}], -32602),
        (["logs", {"topics": ["0x00"]}], -32602),
        (["logs", {"topics": [None] * 5}], -32602),
        (["logs", {"topics": [[ALICE]]}], -32602),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(ws, params, code):
    assert call(ws, "eth_subscribe", *params)["error"]["code"] == code


def test_topics_may_be_open_single_or_alternatives(ws):
    topic = "0x" + "AB" * 32
    assert subscribe(ws, "logs", {"topics": [None, topic, [topic, topic], []]})


def test_subscriptions_per_connection_are_limited(serve):
    server = serve(max_subscriptions=2)
    with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as ws:
        for _ in range(2):
            subscribe(ws, "newHeads")
        assert call(ws, "eth_subscribe", "newHeads")["error"]["code"] == -32000


def test_a_client_may_not_have_every_mini_block_held_against_filters_without_end(serve):
    server = serve(max_filter_bytes=1_000)
    addresses = [f"0x{number:040x}" for number in range(15)]
    with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as ws:
        first = subscribe(ws, "logs", {"address": addresses})
        assert (
            "1000 bytes at most"
            in call(ws, "eth_subscribe", "logs", {"address": addresses[1:]})["error"]["message"]
        )
        assert call(ws, "eth_subscribe", "stateChanges", addresses * 17)[
            "result"
        ]  # the same, again and again
        assert call(ws, "eth_unsubscribe", first)["result"] is True
        assert subscribe(ws, "logs", {"address": addresses[1:]})
