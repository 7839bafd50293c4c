"""Ranges of the log: from memory and from disk, from any place that is one."""

import pytest

from devnet.storage import Identity, Store
from devnet.storage.database import Tip
from devnet.sync import GENESIS, LogOffset, NoSuchPlace, StoreLog
from devnet.sync.backlog import Backlog
from devnet.sync.frames import EntryFrame
from tests.support.chain_log import MemoryLog, sealed

LENGTH = 40


@pytest.fixture(scope="module")
def whole():
    return MemoryLog(LENGTH)


@pytest.fixture(scope="module")
def store(tmp_path_factory, whole):
    with Store.open(tmp_path_factory.mktemp("store")) as store:
        store.create(Identity(1, bytes(32)), b"{}")
        store.append(sealed(entry) for entry in whole.entries)
        yield store


def places(log):
    return [GENESIS, *(entry.after for entry in log.entries)]


def test_the_disk_gives_the_log_from_every_place(store, whole):
    source = StoreLog(store)
    assert source.position() == whole.end
    assert source.oldest() == GENESIS
    for index, place in enumerate(places(whole)):
        assert source.read(place, 1 << 20) == whole.entries[index:]
        assert source.read(place, 1) == whole.entries[index : index + 1]


def test_the_disk_knows_no_place_that_the_log_never_was_at(store, whole):
    real = set(places(whole))
    for minis in range(whole.end.minis + 3):
        for blocks in range(whole.end.blocks + 3):
            if LogOffset(minis, blocks) not in real:
                with pytest.raises(NoSuchPlace):
                    StoreLog(store).read(LogOffset(minis, blocks), 1000)


def test_a_log_that_begins_with_a_snapshot_says_so(tmp_path, whole):
    taken = next(entry for entry in whole.entries if entry.after.blocks == 3)
    with Store.open(tmp_path / "new") as store:
        store.create(Identity(1, bytes(32)), b"{}")
        block_row = (b"b" + (3).to_bytes(8, "big"), (taken.after.minis - 1).to_bytes(8, "big") + taken.record)
        store.install([block_row, (b"s" + bytes(20), b"value")])
        assert store.tip is None
        store.installed(taken.after.tip)
        index = whole.entries.index(taken) + 1
        store.append(sealed(entry) for entry in whole.entries[index:])
        source = StoreLog(store)
        assert source.oldest() == taken.after
        assert source.read(taken.after, 1 << 20) == whole.entries[index:]
        with pytest.raises(NoSuchPlace):
            source.read(GENESIS, 1000)
    with Store.open(tmp_path / "new") as store:
        assert StoreLog(store).oldest() == taken.after


def test_a_snapshot_that_was_not_finished_leaves_nothing(tmp_path):
    with Store.open(tmp_path) as store:
        store.create(Identity(1, bytes(32)), b"{}")
        store.install([(b"s" + bytes([n]) * 20, b"value") for n in range(100)])
        store.uninstall()
        assert list(store.state(1000)) == []
        assert store.tip is None


def test_a_snapshot_stands_still_while_the_store_goes_on(tmp_path, whole):
    with Store.open(tmp_path) as store:
        store.create(Identity(1, bytes(32)), b"{}")
        assert store.freeze() is None
        store.append(sealed(entry) for entry in whole.entries)
        key = b"\xaa" * 20
        store.fold([(key, b"old")], [(bytes(32), b"code")], Tip(4, 1))
        frozen = store.freeze()
        store.fold([(key, b"new")], [], Tip(9, 2))
        rows = list(frozen.rows())
        assert (b"s" + key, b"old") in rows
        assert (b"c" + bytes(32), b"code") in rows
        assert rows == sorted(rows)
        assert [row for row in rows if row[0][:1] == b"b"] == [
            (b"b" + (1).to_bytes(8, "big"), (4).to_bytes(8, "big") + frozen.block_record)
        ]
        assert list(frozen.rows(rows[1][0], rows[2][0])) == rows[1:2]
        frozen.close()


def test_the_backlog_gives_what_it_has_and_nothing_else(whole):
    backlog = Backlog(GENESIS, 1 << 20, max_items=10)
    backlog.append(whole.entries)
    everywhere = places(whole)
    for index, place in enumerate(everywhere):
        found = backlog.after(place, 1 << 20)
        if index < LENGTH - 10:
            assert found is None
        else:
            assert found == ([EntryFrame(entry).encode() for entry in whole.entries[index:]], whole.end)
    assert backlog.after(LogOffset(everywhere[-2].minis + 1, everywhere[-2].blocks - 1), 1000) is None


def test_the_backlog_is_bounded_in_bytes(whole):
    backlog = Backlog(GENESIS, 500, 1 << 20)
    backlog.append(whole.entries)
    assert 0 < backlog.size_bytes <= 500
    backlog.forget()
    assert backlog.after(whole.entries[-1].before, 1000) is None
    assert backlog.after(whole.end, 1000) == ([], whole.end)


def test_the_backlog_has_no_gaps(whole):
    with pytest.raises(ValueError, match="backlog ends"):
        Backlog(GENESIS, 500, 500).append(whole.entries[1:])
