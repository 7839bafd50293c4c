"""Giving up the newest blocks, as if they had never come; keeping what provers say."""

from devnet.storage import Snapshotter, Store, restore
from devnet.storage.database import Tip
from tests.unit.storage.chain import IDENTITY, ToyEngine, build, fold

KEY = b"\x01" * 20


def diffs(count):
    return [{KEY: b"%d" % number, bytes((number,)) * 20: b"x"} for number in range(count)]


def rows(store):
    """Everything in the database but what provers say."""
    with store._db.iterator() as found:
        return {key: value for key, value in found if key[:1] != b"A"}


def filled(path, count, minis_per_block=3):
    store = Store.open(path)
    store.create(IDENTITY, b"{}")
    store.append(build(diffs(count), minis_per_block))
    return store


def test_what_is_given_up_leaves_no_trace(tmp_path):
    with filled(tmp_path / "short", 6) as short, filled(tmp_path / "long", 20) as long:
        assert long.truncate(2)
        assert long.tip == short.tip == Tip(5, 2)
        assert rows(long) == rows(short)


def test_an_open_block_is_given_up_too(tmp_path):
    with filled(tmp_path, 8) as store:
        assert store.tip == Tip(7, 2)
        assert store.truncate(2)
        assert store.tip == Tip(5, 2)


def test_the_chain_goes_on_from_there(tmp_path):
    with filled(tmp_path, 20) as store:
        store.truncate(2)
        store.append(build(diffs(12), 3)[8:])
        assert store.tip == Tip(11, 4)
        engine = ToyEngine()
        restore(store, engine)
        assert engine.state[KEY] == b"11"


def test_back_to_genesis(tmp_path):
    with filled(tmp_path, 20) as store:
        assert store.truncate(0)
        assert store.tip is None
    with Store.open(tmp_path) as store:
        assert store.tip is None


def test_nothing_beyond_the_log_is_nothing_to_give_up(tmp_path):
    with filled(tmp_path, 6) as store:
        assert store.truncate(2)
        assert store.truncate(99)
        assert store.tip == Tip(5, 2)


def test_a_snapshot_that_is_beyond_leaves_only_the_beginning(tmp_path):
    with filled(tmp_path, 20) as store:
        Snapshotter(store, fold, print).catch_up()
        assert store.snapshot is not None
        assert not store.truncate(2)
        assert store.tip == Tip(19, 6)
        store.truncate_all()
        assert (store.tip, store.snapshot) == (None, None)
        assert {key[:1] for key in rows(store)} == {b"!"}


def test_a_snapshot_does_not_pass_what_may_have_to_be_given_up(tmp_path):
    with filled(tmp_path, 20) as store:
        verified = 2
        snapshotter = Snapshotter(store, fold, print, limit=lambda: verified)
        snapshotter.catch_up()
        assert store.snapshot == Tip(5, 2)
        verified = 4
        snapshotter.catch_up()
        assert store.snapshot == Tip(11, 4)
        assert store.truncate(4)


def test_what_provers_say_stays(tmp_path):
    with filled(tmp_path, 20) as store:
        store.attest(2, b"p" * 20, b"two")
        store.attest(5, b"p" * 20, b"five")
        store.attest(5, b"q" * 20, b"five again")
        store.verified = 3
        store.truncate(2)
        assert store.attestations(1, 9) == [(2, b"two"), (5, b"five"), (5, b"five again")]
        assert store.attestations(3, 4) == []
        assert store.attestations(1, 9, most=1) == [(2, b"two")]
    with Store.open(tmp_path) as store:
        assert store.verified == 3


def test_a_place_within_a_block_can_be_gone_back_to(tmp_path):
    with filled(tmp_path / "short", 8) as short, filled(tmp_path / "long", 20) as long:
        assert long.give_up(Tip(7, 2), 0)
        assert long.tip == short.tip == Tip(7, 2)
        assert rows(long) == rows(short)
        # A block whose mini-blocks are not all kept goes, too; what is not there can't go.
        assert long.give_up(Tip(4, 2), 0)
        assert long.tip == Tip(4, 1)
        assert long.give_up(Tip(90, 30), 7)
        assert long.tip == Tip(4, 1)


def test_rollbacks_are_forgotten_with_what_came_after_them(tmp_path):
    with filled(tmp_path / "short", 8) as short, filled(tmp_path / "long", 20) as long:
        for store in (short, long):
            store.note_rollback(b"first")
        long.note_rollback(b"second")
        long.note_rollback(b"third")
        assert long.rollback_records() == [b"first", b"second", b"third"]
        assert long.give_up(Tip(7, 2), 1)
        assert long.rollbacks == short.rollbacks == 1
        assert rows(long) == rows(short)


def test_no_place_before_the_snapshot_can_be_gone_back_to(tmp_path):
    with filled(tmp_path, 20) as store:
        store.note_rollback(b"first")
        Snapshotter(store, fold, lambda error: None, limit=lambda: 3).catch_up()
        before = rows(store)
        assert not store.give_up(Tip(7, 2), 0)
        assert rows(store) == before
        assert store.give_up(Tip(8, 3), 0)
        assert store.tip == Tip(8, 3)
