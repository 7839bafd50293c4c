"""The beginning of the log goes: what is kept answers as before, what is gone is refused, a kill changes nothing."""

import random
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.storage import Pruner, Snapshotter, Store, StoreArchive, frozen_view, pruned_log, restore, tables
from devnet.storage.database import Tip
from devnet.storage.errors import Pruned
from devnet.storage.pruner import Stopped
from devnet.sync.log_offset import LogOffset
from devnet.sync.log_reader import NoSuchPlace, StoreLog
from tests.unit.storage.chain import IDENTITY, ToyEngine, build, fold, index, sealed_block, sealed_mini

KEYS = [b"a" * 20, b"b" * 20, b"a" * 20 + b"\0" * 32, b"\0\0\0\7"]
PER_BLOCK = 3
DIFFS = st.lists(
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from([b"", b"1", b"22"]), max_size=4),
    min_size=1,
    max_size=40,
)
BY_BLOCK = (tables.HISTORY, tables.BLOCK_NODES, tables.ATTESTATION)


def filled(path, diffs):
    store = Store.open(Path(path))
    store.create(IDENTITY, b"{}")
    store.append(build(diffs, PER_BLOCK))
    for block in range(1, store.tip.block + 1):
        store.attest(block, b"p" * 20, b"true")
    return store


def pruner_of(store, **options):
    return Pruner(store, index, pytest.fail, None, rest=0.0, **options)


def folded(store, block):
    Snapshotter(store, fold, print, limit=lambda: block).catch_up()


def state_after(diffs):
    state = {}
    for diff in diffs:
        state.update(diff)
    return {key: value for key, value in state.items() if value}


def state_at(diffs, block):
    return state_after(diffs[: block * PER_BLOCK])


def read_at(store, newest, block):
    """As the engine does: the first value from before a later block, else the newest one."""
    archive = StoreArchive(store)
    found = {key: archive.value_at(key, block) for key in KEYS}
    state = {key: newest.get(key, b"") if value is None else value for key, value in found.items()}
    return {key: value for key, value in state.items() if value}


def check(store, diffs, begin):
    """Everything behind the end of a block is as if nothing had been pruned; everything before is refused."""
    archive, blocks = StoreArchive(store), len(diffs) // PER_BLOCK
    whole = state_at(diffs, blocks)
    for block in range(begin, blocks + 1):
        # What the open block has changed is not in the history yet.
        if not diffs[blocks * PER_BLOCK :]:
            assert read_at(store, whole, block) == state_at(diffs, block)
    for block in range(begin):
        with pytest.raises(Pruned):
            archive.value_at(KEYS[0], block)
    sealed = build(diffs, PER_BLOCK)
    kept = [
        item for item in sealed if not item.record.startswith(b"block") and item.number >= begin * PER_BLOCK
    ]
    assert archive.minis(begin * PER_BLOCK, len(diffs)) == [mini.record for mini in kept]
    for mini in kept:
        assert archive.tx_location(mini.tx_hashes[0]) == (mini.number, 0)
    log = StoreLog(store)
    if kept:
        place = LogOffset(begin * PER_BLOCK, begin)
        assert len(log.read(place, 1 << 20)) == len(kept) + blocks - begin
    if begin:
        with pytest.raises(NoSuchPlace):
            log.read(LogOffset((begin - 1) * PER_BLOCK, begin - 1), 1)


def left_of(store, begin):
    """Rows of what is gone."""
    with store._db.iterator() as rows:
        for key, value in rows:
            if (key[:1] == tables.MINI and tables.read_number(key[1:]) < begin * PER_BLOCK) or (
                key[:1] == tables.TRANSACTION and tables.read_location(value)[0] < begin * PER_BLOCK
            ):
                yield key
            elif key[:1] in BY_BLOCK:
                number = tables.read_number(key[1:9] if key[:1] == tables.ATTESTATION else key[-8:])
                if number <= begin:
                    yield key


@given(DIFFS, st.data())
def test_what_is_kept_answers_as_before_and_the_rest_is_refused(diffs, data):
    blocks = len(diffs) // PER_BLOCK
    with TemporaryDirectory() as directory:
        begin = 0
        with filled(directory, diffs) as store:
            for _ in range(data.draw(st.integers(1, 3))):
                snapshot = data.draw(st.integers(0, blocks))
                folded(store, snapshot)
                keep = data.draw(st.integers(0, blocks + 1))
                begin = max(begin, min(blocks - keep, (store.snapshot or store.origin).block))
                assert pruner_of(store).prune(keep).begins_after == begin
                check(store, diffs, begin)
                assert not list(left_of(store, begin))
        with Store.open(Path(directory)) as again:
            check(again, diffs, begin)
            engine = ToyEngine()
            restore(again, engine)
            assert engine.values == state_after(diffs)
            again.append(
                build([*diffs, *[{KEYS[1]: b"9"}] * PER_BLOCK], PER_BLOCK)[len(build(diffs, PER_BLOCK)) :]
            )


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("writes", range(8))
def test_a_kill_amid_pruning_leaves_a_log_that_begins_once_and_the_next_start_forgets_the_rest(
    tmp_path, monkeypatch, writes
):
    monkeypatch.setattr(pruned_log, "BATCH_MINIS", 2)
    diffs = [{KEYS[0]: b"%d" % number, KEYS[2]: b"%d" % number} for number in range(18)]
    store = filled(tmp_path, diffs)
    folded(store, 6)
    left = writes
    batch_of = store._batch

    def batch(**options):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return batch_of(**options)

    monkeypatch.setattr(store, "_batch", batch)
    with pytest.raises(Killed):
        pruner_of(store).prune(2)
    store._db.close()
    store._lock.release()
    with Store.open(tmp_path) as again:
        begin = (again.first or again.origin).block
        assert begin == (4 if writes else 0)
        check(again, diffs, begin)
        engine = ToyEngine()
        restore(again, engine)
        assert engine.values == state_at(diffs, 6)
        # All blocks are kept: what goes are the rows that the kill left.
        pruner_of(again).prune(100)
        assert not list(left_of(again, begin))
        check(again, diffs, begin)


def test_records_of_blocks_stay_for_as_long_as_they_may_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(pruned_log, "FROZEN_BLOCKS", 2)
    diffs = [{KEYS[0]: b"%d" % number} for number in range(24)]
    with filled(tmp_path, diffs) as store:
        folded(store, 8)
        pruner_of(store).prune(3)
        assert [block for block in range(1, 9) if store.block(block) is not None] == [4, 5, 6, 7, 8]
        closed = {
            item.number: item.hash for item in build(diffs, PER_BLOCK) if item.record.startswith(b"block")
        }
        assert [block for block in range(1, 9) if store.block_number(closed[block])] == [4, 5, 6, 7, 8]
        assert store.tx_total(3) is None
        assert store.tx_total(4) == 12


def test_the_beginning_stops_at_the_snapshot_and_at_what_is_validated(tmp_path):
    with filled(tmp_path, [{KEYS[0]: b"%d" % number} for number in range(24)]) as store:
        folded(store, 5)
        pruned = pruner_of(store).prune(1)
        assert (pruned.begins_after, pruned.blocks) == (5, 5)
        assert "stands at block 5" in pruned.held_by
        folded(store, 8)
        pruned = pruner_of(store, limit=lambda: 6).prune(1)
        assert (pruned.begins_after, pruned.blocks) == (6, 1)
        assert "block 6 is not validated" in pruned.held_by
        pruned = pruner_of(store).prune(1)
        assert (pruned.begins_after, pruned.blocks, pruned.held_by) == (7, 1, None)


def test_a_snapshot_with_history_has_what_the_log_still_has(tmp_path, monkeypatch):
    monkeypatch.setattr(pruned_log, "BATCH_MINIS", 1)
    diffs = [{KEYS[0]: b"%d" % number} for number in range(24)]
    with filled(tmp_path, diffs) as store:
        folded(store, 8)
        store.begin_after(5)
        store.prune_some(index)  # the rest is still to go
        frozen = store.freeze_block()
        rows = list(frozen.rows(fold, history=True))
        frozen.close()
    of = {name: [row for row in rows if row[0][:1] == name] for name in (b"m", b"t", b"h", b"b")}
    assert [tables.read_number(key[1:]) for key, _ in of[b"m"]] == list(range(15, 24))
    assert len(of[b"t"]) == 9
    assert len(of[b"h"]) == 3
    assert len(of[b"b"]) == min(8, frozen_view.FROZEN_BLOCKS)


def test_the_thread_keeps_a_window_and_does_what_is_asked(tmp_path):
    diffs = [{KEYS[0]: b"%d" % number} for number in range(60)]
    with filled(tmp_path, diffs) as store:
        folded(store, 20)
        moved = threading.Event()
        begin_after = store.begin_after
        store.begin_after = lambda block: (begin_after(block), moved.set())
        pruner = Pruner(store, index, pytest.fail, 15, interval_s=0.01)
        pruner.start()
        assert moved.wait(10)
        with pruner.paused():
            assert store.first.block == 5
        assert pruner.ask(2).result(10).begins_after == 18
        assert not list(left_of(store, 18))
        check(store, diffs, 18)
        pruner.stop()


def test_who_waits_for_a_thread_that_ends_is_told(tmp_path):
    with filled(tmp_path, [{}]) as store:
        pruner = Pruner(store, index, pytest.fail, None)
        asked = pruner.ask(1)
        pruner.stop()
        with pytest.raises(Stopped):
            asked.result(10)


def test_a_new_chain_in_a_pruned_database_begins_with_itself(tmp_path):
    diffs = [{KEYS[0]: b"%d" % number} for number in range(24)]
    with filled(tmp_path, diffs) as store:
        folded(store, 8)
        pruner_of(store).prune(2)
        store.truncate_all()
        assert store.first is None
        store.append(build(diffs, PER_BLOCK))
        check(store, diffs, 0)
        folded(store, 8)
        assert pruner_of(store).prune(3).begins_after == 5
        assert not list(left_of(store, 5))
        assert store.tip == Tip(23, 8)


@pytest.mark.parametrize("at_once", [0, 1 << 40])
def test_the_disk_is_given_back(tmp_path, monkeypatch, at_once):
    """Also of rows that lie anywhere; what is kept is still there."""
    monkeypatch.setattr(pruned_log, "WHOLE_BYTES", at_once)
    chance = random.Random(1)
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        for number in range(40):
            diff = {KEYS[0]: b"%d" % number, chance.randbytes(20): chance.randbytes(400_000)}
            store.append(
                [
                    sealed_mini(number, diff, [chance.randbytes(32) for _ in range(3_000)]),
                    sealed_block(number + 1, []),
                ]
            )
        folded(store, 40)
        pruner = pruner_of(store)
        before = disk_bytes(tmp_path)
        assert before > 40 * 800_000
        pruner.prune(4)
        pruner.compact()
        state = 40 * 400_000
        assert disk_bytes(tmp_path) < state + (before - state) / 4
        assert [store.mini(number) is not None for number in (35, 36, 39)] == [False, True, True]


def disk_bytes(path):
    return sum(file.stat().st_size for file in path.rglob("*.ldb"))
