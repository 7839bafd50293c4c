"""Filters that clients poll. The engine is a chain of headers and logs that the tests write down."""

import json
import threading

import pytest

from tests.support.fake_engine import FakeEngine
from tests.support.raw_http import RawHttp
from tests.support.server_thread import ServerThread

HOME = "0x" + "11" * 20
HASHES = ["0x" + f"{number:02x}" * 32 for number in range(256)]


class Chain(FakeEngine):
    """`logs`: (block, index) of each log, in order; what lies behind `sealed` is the open block's."""

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

    def eth_getLogsWithCursor(self, asked):
        if self.gate is not None:
            self.gate.wait(10)
        first = int(asked["fromBlock"], 16)
        last = self.sealed + 1 if asked["toBlock"] == "latest" else int(asked["toBlock"], 16)
        assert first <= last <= self.sealed + 1
        start = int(asked["cursor"][2:10], 16), int(asked["cursor"][10:], 16)
        found = [place for place in self.logs if start <= place and first <= place[0] <= last]
        page = {"logs": [{"blockNumber": hex(b), "logIndex": hex(i)} for b, i in found[: self.page]]}
        if found[self.page :]:
            block, index = found[self.page]
            page["cursor"] = f"0x{block:08x}{index:08x}"
        return page


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
