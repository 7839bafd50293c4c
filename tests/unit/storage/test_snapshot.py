"""The snapshotter as a thread."""

import threading

from devnet.storage import Snapshotter, Store, restore
from tests.unit.storage.chain import IDENTITY, ToyEngine, build, fold, sealed_block, sealed_mini

KEY = b"k" * 20


def test_follows_the_log_while_it_grows_and_catches_up_on_stop(tmp_path):
    failures = []
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        snapshotter = Snapshotter(store, fold, failures.append, interval_s=0.001)
        snapshotter.start()
        sealed = build([{KEY: b"%d" % number} for number in range(200)], 4)
        for item in sealed:
            store.append([item])
        snapshotter.stop()
        assert store.snapshot == store.tip == (199, 50)
        assert list(store.state(10)) == [[(KEY, b"199")]]
    assert failures == []


def test_snapshot_carries_code(tmp_path):
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        store.append([sealed_mini(0, {KEY: b"1"}, codes=(b"code",)), sealed_block(1, [])])
        Snapshotter(store, fold, lambda error: None).catch_up()
        [(code_hash, _)] = fold([store.mini(0)])[1]
        assert store.code(code_hash) == b"code"
        engine = ToyEngine()
        restore(store, engine)
        assert engine.codes == [b"code"]
        assert engine.minis == []


def test_open_block_stays_out_of_the_snapshot(tmp_path):
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        store.append([sealed_mini(0, {KEY: b"1"}), sealed_block(1, []), sealed_mini(1, {KEY: b"2"})])
        Snapshotter(store, fold, lambda error: None).catch_up()
        assert store.snapshot == (0, 1)
        engine = ToyEngine()
        assert restore(store, engine) == (1, 1)
        assert engine.values == {KEY: b"2"}


def test_failure_of_the_thread_is_reported(tmp_path):
    told = threading.Event()

    def broken(records):
        raise RuntimeError("broken")

    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        store.append([sealed_mini(0, {}), sealed_block(1, [])])
        snapshotter = Snapshotter(store, broken, lambda error: told.set(), interval_s=0.001)
        snapshotter.start()
        assert told.wait(10)
        snapshotter.stop(patience_s=0)
