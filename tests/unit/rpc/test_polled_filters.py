"""Filters that clients poll. The engine is a chain of headers and logs that the tests write down."""

import json
import threading
from types import SimpleNamespace

import pytest

from tests.support.fake_engine import FakeEngine
from tests.support.raw_http import RawHttp
from tests.support.server_thread import ServerThread
from tests.support.waiting import eventually

HOME = "0x" + "11" * 20
HASHES = ["0x" + f"{number:02x}" * 32 for number in range(256)]


class Chain(FakeEngine):
    """`logs`: (block, index) of each log, in order; what lies behind `sealed` is the open block's. `minis`: those of
    each mini-block."""

    def __init__(self):
        super().__init__()
        self.sealed, self.logs, self.page, self.asked = 5, [], 20_000, []
        self.gate = None

    def call(self, method, params):
        params = json.loads(params)
        self.asked.append((method, params))
        return json.dumps(getattr(self, method)(*params)).encode()

    def eth_blockNumber(self):
        return hex(self.sealed)

    def eth_getHeaderByNumber(self, number):
        return {"hash": HASHES[int(number, 16)]}

    def eth_getTransactionByHash(self, digest):
        return None if digest == HASHES[9] else {"hash": digest}

    def eth_getLogs(self, asked):
        return [asked]

    def logs_json(self, filter, mini):
        return [log_json(*place) for place in self.minis.get(mini, [])]

    def eth_getLogsWithCursor(self, asked):
        first = int(asked["fromBlock"], 16)
        last = self.sealed + 1 if asked["toBlock"] == "latest" else int(asked["toBlock"], 16)
        assert first <= last <= self.sealed + 1
        start = int(asked["cursor"][2:10], 16), int(asked["cursor"][10:], 16)
        found = [place for place in self.logs if start <= place and first <= place[0] <= last]
        page = {"logs": [{"blockNumber": hex(b), "logIndex": hex(i)} for b, i in found[: self.page]]}
        if found[self.page :]:
            block, index = found[self.page]
            page["cursor"] = f"0x{block:08x}{index:08x}"
        if self.gate is not None:
            self.gate.wait(10)
        return page


def log_json(block, index):
    return json.dumps({"blockNumber": hex(block), "logIndex": hex(index), "removed": False}).encode()


@pytest.fixture
def chain():
    return Chain()


@pytest.fixture
def server(chain):
    with ServerThread(chain, sweep_s=1_000, max_filters=4) as thread:
        yield thread


@pytest.fixture
def http(server):
    with RawHttp(server.port) as client:
        yield client


def ask(http, method, *params):
    answer = http.call(method, *params)
    assert "error" not in answer, answer
    return answer["result"]


def places(logs):
    return [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in logs]


def changes(http, identifier):
    return places(ask(http, "eth_getFilterChanges", identifier))


def test_logs_come_once_when_their_block_is_sealed(http, chain):
    chain.logs = [(5, 0), (6, 0)]
    one = ask(http, "eth_newFilter", {"address": HOME})
    assert changes(http, one) == []
    chain.sealed, chain.logs = 7, [*chain.logs, (6, 1), (7, 0), (8, 0)]
    assert changes(http, one) == [(6, 0), (6, 1), (7, 0)]
    assert changes(http, one) == []
    chain.sealed = 8
    assert changes(http, one) == [(8, 0)]
    assert all(
        params[0]["address"] == HOME for method, params in chain.asked if method == "eth_getLogsWithCursor"
    )


@pytest.mark.parametrize("tag", ["latest", "pending"])
def test_from_latest_on_logs_come_with_their_mini_block(http, chain, tag):
    chain.logs = [(5, 0), (6, 0)]
    one = ask(http, "eth_newFilter", {"fromBlock": tag})
    assert changes(http, one) == []
    chain.logs.append((6, 1))
    assert changes(http, one) == [(6, 1)]
    chain.sealed, chain.logs = 6, [*chain.logs, (6, 2), (7, 0)]
    assert changes(http, one) == [(6, 2), (7, 0)]
    chain.sealed = 9
    assert changes(http, one) == []
    chain.logs.append((10, 0))
    assert changes(http, one) == [(10, 0)]


def test_more_than_fits_into_one_answer_comes_with_the_next(http, chain):
    one, early = ask(http, "eth_newFilter", {}), ask(http, "eth_newFilter", {"fromBlock": "pending"})
    chain.logs = [(6, 0), (6, 1), (6, 2), (6, 3), (6, 4)]
    chain.page = 2
    late = ask(http, "eth_newFilter", {"fromBlock": "pending"})
    assert changes(http, late) == []
    chain.sealed = 7
    chain.logs = [(6, 0), (6, 1), (6, 2), (7, 0), (8, 0)]
    for identifier, last in ((one, []), (early, [(8, 0)])):
        assert changes(http, identifier) == [(6, 0), (6, 1)]
        assert changes(http, identifier) == [(6, 2), (7, 0)]
        assert changes(http, identifier) == last


def test_a_filters_range_holds(http, chain):
    chain.logs = [(block, 0) for block in range(12)]
    one = ask(http, "eth_newFilter", {"fromBlock": "0x8", "toBlock": "0x9"})
    past = ask(http, "eth_newFilter", {"fromBlock": "0x0", "toBlock": "0x3"})
    chain.sealed = 7
    assert changes(http, one) == []
    chain.sealed = 11
    assert changes(http, one) == [(8, 0), (9, 0)]
    assert changes(http, one) == changes(http, past) == []


def test_all_logs_of_a_filter_are_those_of_eth_get_logs(http):
    asked = {"address": HOME, "fromBlock": "0x0", "topics": [[HASHES[1], None]]}
    one = ask(http, "eth_newFilter", asked)
    assert ask(http, "eth_getFilterLogs", one) == [asked]
    of_block = ask(http, "eth_newFilter", {"blockHash": HASHES[3]})
    assert ask(http, "eth_getFilterLogs", of_block) == [{"blockHash": HASHES[3]}]
    assert changes(http, of_block) == []


def test_blocks_come_as_hashes_of_what_was_sealed(http, chain):
    blocks = ask(http, "eth_newBlockFilter")
    assert ask(http, "eth_getFilterChanges", blocks) == []
    chain.sealed = 8
    assert ask(http, "eth_getFilterChanges", blocks) == HASHES[6:9]
    assert ask(http, "eth_getFilterChanges", blocks) == []


def test_pending_transactions_come_as_hashes_or_whole(http, chain):
    chain.pending = [b"\x07" * 32]
    hashes, bodies = (ask(http, "eth_newPendingTransactionFilter", *full) for full in ([], [True]))
    assert ask(http, "eth_getFilterChanges", hashes) == []
    chain.pending += [b"\x08" * 32, b"\x09" * 32]
    assert ask(http, "eth_getFilterChanges", hashes) == HASHES[8:10]
    assert ask(http, "eth_getFilterChanges", bodies) == [{"hash": HASHES[8]}]
    assert ask(http, "eth_getFilterChanges", hashes) == []


def test_a_filter_that_nobody_asks_for_five_minutes_is_gone(server, http):
    kept, lost = ask(http, "eth_newBlockFilter"), ask(http, "eth_newBlockFilter")
    server.pass_time(200)
    assert ask(http, "eth_getFilterChanges", kept) == []
    server.pass_time(200)
    assert ask(http, "eth_getFilterChanges", kept) == []
    for method in ("eth_getFilterChanges", "eth_getFilterLogs"):
        assert http.call(method, lost)["error"] == {"code": -32000, "message": "filter not found"}
    assert ask(http, "eth_uninstallFilter", lost) is False


def test_an_uninstalled_filter_makes_room(http):
    made = [ask(http, "eth_newBlockFilter") for _ in range(4)]
    assert len(set(made)) == 4
    for method, params in (
        ("eth_newFilter", [{}]),
        ("eth_newBlockFilter", []),
        ("eth_newPendingTransactionFilter", []),
    ):
        error = http.call(method, *params)["error"]
        assert error["code"] == -32005
        assert "--max-filters" in error["message"]
    assert ask(http, "eth_uninstallFilter", made[0]) is True
    assert ask(http, "eth_uninstallFilter", made[0]) is False
    assert ask(http, "eth_newFilter", {})


def test_filters_may_not_be_long_without_end(http):
    topics = [[f"0x{place:064x}" for place in range(1_000)]] * 4
    addresses = [f"0x{number:040x}" for number in range(1_000)]
    long = {"address": addresses, "topics": topics}
    assert ask(http, "eth_newFilter", long)
    assert "error" in http.call("eth_newFilter", {**long, "address": [*addresses, HOME]})


def test_two_who_ask_at_once_get_nothing_twice(server, http, chain):
    one = ask(http, "eth_newFilter", {})
    chain.sealed, chain.logs, chain.gate = 6, [(6, 0)], threading.Event()
    answers = []

    def poll():
        with RawHttp(server.port) as client:
            answers.append(changes(client, one))

    pollers = [threading.Thread(target=poll) for _ in range(2)]
    for poller in pollers:
        poller.start()
    chain.gate.set()
    for poller in pollers:
        poller.join()
    assert sorted(answers) == [[], [(6, 0)]]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_newFilter", [{"fromBlock": 2**64}]),
        ("eth_newFilter", []),
        ("eth_newFilter", [5]),
        ("eth_newFilter", [{"address": "0x12"}]),
        ("eth_newFilter", [{"fromBlock": "0x2", "toBlock": "0x1"}]),
        ("eth_newFilter", [{"blockHash": HASHES[1], "fromBlock": "0x1"}]),
        ("eth_newBlockFilter", [1]),
        ("eth_newPendingTransactionFilter", ["yes"]),
        ("eth_getFilterChanges", []),
        ("eth_getFilterChanges", [5]),
        ("eth_uninstallFilter", [None]),
    ],
)
def test_what_is_no_filter_is_refused(http, method, params):
    assert http.call(method, *params)["error"]["code"] == -32602


def test_only_logs_can_be_had_again(http):
    error = http.call("eth_getFilterLogs", ask(http, "eth_newBlockFilter"))["error"]
    assert error["code"] == -32000


ROLLBACK = SimpleNamespace(minis=21, block=5, busy=[(20, 6), (21, 6), (22, 7), (23, 8)])
"""Takes mini-block 21 of block 6 back, and what came after it."""


@pytest.fixture
def told(http, chain):
    """Filters that have been told everything: of sealed blocks, of mini-blocks, of blocks."""
    made = [
        ask(http, "eth_newFilter", {}),
        ask(http, "eth_newFilter", {"fromBlock": "latest"}),
        ask(http, "eth_newBlockFilter"),
    ]
    chain.sealed, chain.logs = 7, [(6, 0), (6, 1), (7, 0), (8, 0)]
    chain.minis = {20 + at: [place] for at, place in enumerate(chain.logs)}
    for identifier in made:
        ask(http, "eth_getFilterChanges", identifier)
    return made


def roll_back(server, chain):
    server.run(server.server._filters.rewinding, ROLLBACK)
    chain.sealed, chain.logs = 5, [(6, 0)]
    server.run(server.server._filters.rewound)


def test_logs_that_are_taken_back_are_told_to_be_gone_the_newest_first(server, http, chain, told):
    sealed, early, blocks = told
    roll_back(server, chain)
    for identifier, gone in ((sealed, [(7, 0), (6, 1), (6, 0)]), (early, [(8, 0), (7, 0), (6, 1)])):
        logs = ask(http, "eth_getFilterChanges", identifier)
        assert places(logs) == gone
        assert all(log["removed"] for log in logs)
        assert changes(http, identifier) == []
    assert ask(http, "eth_getFilterChanges", blocks) == []
    chain.sealed, chain.logs = 6, [(6, 0), (6, 1)]
    assert changes(http, sealed) == [(6, 0), (6, 1)]
    assert changes(http, early) == [(6, 1)]
    assert ask(http, "eth_getFilterChanges", blocks) == [HASHES[6]]


def test_what_a_filter_was_not_told_is_not_told_to_be_gone(server, http, chain):
    later = ask(http, "eth_newFilter", {"fromBlock": "0x8"})
    one = ask(http, "eth_newFilter", {})
    chain.sealed, chain.logs, chain.minis = 7, [(6, 1), (7, 0)], {21: [(6, 1)], 22: [(7, 0)]}
    roll_back(server, chain)
    chain.sealed, chain.logs = 8, [(6, 0), (8, 0)]
    assert changes(http, one) == [(6, 0), (8, 0)]
    assert changes(http, later) == [(8, 0)]


def test_what_came_before_a_filter_is_not_told_to_be_gone(server, http, chain):
    chain.sealed, chain.logs = 6, [(6, 0), (6, 1), (7, 0)]
    made = [ask(http, "eth_newFilter", {"fromBlock": first}) for first in ("0x0", "latest")]
    chain.sealed, chain.logs = 7, [(6, 0), (6, 1), (7, 0), (8, 0)]
    chain.minis = {20 + at: [place] for at, place in enumerate(chain.logs)}
    assert [changes(http, each) for each in made] == [[(7, 0)], [(8, 0)]]
    roll_back(server, chain)
    assert [changes(http, each) for each in made] == [[(7, 0)], [(8, 0)]]
    chain.sealed, chain.logs = 6, [(6, 0), (6, 1)]
    assert [changes(http, each) for each in made] == [[(6, 0), (6, 1)], [(6, 1)]]


def test_nothing_is_news_while_the_chain_is_rolled_back(server, http, chain, told):
    server.run(server.server._filters.rewinding, ROLLBACK)
    chain.sealed, chain.logs = 9, [(9, 0)]
    assert [len(ask(http, "eth_getFilterChanges", each)) for each in told] == [3, 3, 0]
    chain.sealed, chain.logs = 5, []
    server.run(server.server._filters.rewound)
    assert [ask(http, "eth_getFilterChanges", each) for each in told] == [[], [], []]


def test_logs_that_were_read_before_a_rollback_are_not_told_after_it(server, http, chain):
    one = ask(http, "eth_newFilter", {})
    chain.sealed, chain.logs, chain.gate = 7, [(6, 0), (7, 0)], threading.Event()
    answers = []

    def poll():
        with RawHttp(server.port) as client:
            answers.append(changes(client, one))

    asked = len(chain.asked)
    poller = threading.Thread(target=poll)
    poller.start()
    eventually(
        lambda: "eth_getLogsWithCursor" in [method for method, _ in chain.asked[asked:]], "the question"
    )
    roll_back(server, chain)
    chain.gate.set()
    poller.join()
    assert answers == [[]]
    chain.sealed = 6
    assert changes(http, one) == [(6, 0)]


def test_when_very_much_goes_filters_only_begin_again(server, http, chain, told, monkeypatch):
    monkeypatch.setattr("devnet.rpc.polled_filters.MAX_LOOKED_AT", len(told) * len(ROLLBACK.busy) - 1)
    roll_back(server, chain)
    assert changes(http, told[0]) == []
    chain.sealed = 6
    assert changes(http, told[0]) == [(6, 0)]
