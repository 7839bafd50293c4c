"""The log thread: on disk first, visible second, published third."""

import queue

from devnet.roles.chain_log import ChainLog, EngineEnded
from devnet.storage import Store
from devnet.storage.database import Tip
from tests.unit.storage.chain import IDENTITY, build

KEY = b"k" * 20


class Engine:
    """Hands out what a test puts in, and notes what was on disk when it became visible."""

    def __init__(self, store):
        self.store, self.sealed, self.visible, self.lingered = store, queue.Queue(), [], []

    def halt(self, patience_ms=None):
        self.sealed.put(None)

    def next_sealed(self, timeout_ms, linger_ms):
        self.lingered.append(linger_ms)
        return self.sealed.get(timeout=timeout_ms / 1000)

    def durable(self, mini, block):
        self.visible.append((mini, block, self.store.mini(mini) is not None))


class Hub:
    """Notes what was published."""

    def __init__(self, linger_ms=0):
        self.published, self.linger_ms = [], linger_ms

    def publish(self, sealed):
        self.published.append(sealed)


def test_mini_blocks_are_on_disk_before_they_are_visible(tmp_path):
    hub, failures = Hub(), []
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        engine = Engine(store)
        log = ChainLog(engine, store, hub, failures.append)
        log.start()
        items = build([{KEY: b"%d" % number} for number in range(4)], 2)
        for batch in (items[:2], [], items[2:]):
            engine.sealed.put(batch)
        assert log.finish(10)
        assert engine.visible == [(1, 0, True), (3, 2, True)]
        assert hub.published == [items[:2], items[2:]]
        assert failures == []


def test_a_write_that_fails_shows_nothing_and_is_reported(tmp_path):
    hub, failures = Hub(), []
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        engine = Engine(store)
        log = ChainLog(engine, store, hub, failures.append)
        log.start()
        engine.sealed.put(build([{KEY: b"1"}] * 2, 2)[1:])  # a log with a gap
        assert log.finish(10)
        assert engine.visible == hub.published == []
        assert [type(error) for error in failures] == [ValueError]


def test_an_engine_that_ends_by_itself_is_a_failure(tmp_path):
    told = queue.Queue()
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        engine = Engine(store)
        ChainLog(engine, store, Hub(), told.put).start()
        engine.halt()
        assert isinstance(told.get(timeout=10), EngineEnded)


def test_empty_mini_blocks_wait_as_long_as_the_publisher_says(tmp_path):
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        for linger_ms in (0, 30):
            engine = Engine(store)
            log = ChainLog(engine, store, Hub(linger_ms), print)
            log.start()
            assert log.finish(10)
            assert engine.lingered == [linger_ms]


class Confirming:
    """Says of each batch in its turn whether it may be shown."""

    def __init__(self, store, *answers):
        self.store, self.answers, self.asked, self.ended = store, list(answers), [], []

    def confirm(self, sealed):
        self.asked.append((len(sealed), self.store.tip))
        return self.answers.pop(0)

    def end(self, within_s):
        self.ended.append(within_s)


def led(tmp_path, *answers):
    """A log of four mini-blocks in two batches, written and shown as far as it may be."""
    hub, failures = Hub(), []
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        engine, confirming = Engine(store), Confirming(store, *answers)
        log = ChainLog(engine, store, hub, failures.append, confirming)
        items = build([{KEY: b"%d" % number} for number in range(4)], 2)
        for batch in (items[:2], items[2:]):
            engine.sealed.put(batch)
        log.start()
        finished = log.finish(10)
        assert failures == []
        return finished, engine.visible, hub.published, confirming, store.tip


def test_what_standbys_must_have_is_written_before_they_are_asked_and_shown_afterwards(tmp_path):
    finished, visible, published, confirming, _ = led(tmp_path, True, True, True)
    assert finished
    assert visible == [(1, 0, True), (3, 2, True)]
    assert len(published) == 2
    # First for what was there before, then for each batch, with it on disk.
    assert confirming.asked == [(0, None), (2, Tip(1, 0)), (4, Tip(3, 2))]
    assert confirming.ended == [10]


def test_what_is_not_confirmed_is_not_shown_and_nothing_is_written_after_it(tmp_path):
    finished, visible, published, _, tip = led(tmp_path, True, False)
    assert not finished
    assert visible == published == []
    assert tip == Tip(1, 0)
    finished, visible, published, _, tip = led(tmp_path / "other", False)
    assert (finished, visible, published, tip) == (False, [], [], None)
