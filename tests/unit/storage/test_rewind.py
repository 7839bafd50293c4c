"""Going back to any place: what is left is what a chain that never went on has, wherever the snapshot stood."""

import math
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devnet._engine import SealedBlock
from devnet.storage import Snapshotter, Store, restore
from devnet.storage.database import Tip
from devnet.storage.mark import Mark, read_mark
from tests.unit.storage.chain import IDENTITY, ToyEngine, build, fold

KEYS = [b"a" * 20, b"b" * 20, b"a" * 20 + b"\0" * 32, b"\0\0\0\7"]
RECORD = b"a rollback"
LOG = (b"m", b"b", b"t", b"H", b"x", b"h", b"n", b"A")
diffs = st.lists(
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from([b"", b"1", b"22"]), max_size=4),
    min_size=1,
    max_size=24,
)


class Plan(NamedTuple):
    """What an engine says."""

    minis: int
    block: int
    values: list
    codes: list
    tx_hashes: list
    blocks: list


def plan(diffs, per_block, minis):
    """To a chain of so many mini-blocks, from one of all these."""
    block = minis // per_block
    first = block * per_block
    at_block_end = replayed(diffs[:first])
    changed = {key for diff in diffs[first:] for key in diff}
    closed = [item for item in build(diffs, per_block) if isinstance(item, SealedBlock)]
    return Plan(
        minis,
        block,
        [(key, at_block_end.get(key, b"")) for key in sorted(changed)],
        [],
        [hashed for mini in build(diffs, per_block) for hashed in hashes(mini, minis)],
        [(item.number, item.hash, [key for key, _ in item.undo]) for item in closed[block:]],
    )


def hashes(item, minis):
    return item.tx_hashes if not isinstance(item, SealedBlock) and item.number >= minis else []


def replayed(diffs):
    state = {}
    for diff in diffs:
        state.update(diff)
    return state


def filled(path, diffs, per_block):
    store = Store.open(path)
    store.create(IDENTITY, b"{}")
    if diffs:
        store.append(build(diffs, per_block))
    return store


def log_rows(store):
    with store._db.iterator() as rows:
        return {key: value for key, value in rows if key[:1] in LOG or key in (b"!tip", b"!transactions")}


def restored(store):
    engine = ToyEngine()
    restore(store, engine)
    return engine


@settings(max_examples=120, deadline=None)
@given(diffs, st.integers(1, 5), st.integers(0, 24), st.integers(0, 8), st.booleans())
def test_nothing_is_left_of_what_goes_and_the_chain_goes_on(diffs, per_block, minis, folded, again):
    minis = min(minis, len(diffs))
    with TemporaryDirectory() as directory:
        with (
            filled(Path(directory, "long"), diffs, per_block) as long,
            filled(Path(directory, "short"), diffs[:minis], per_block) as short,
        ):
            Snapshotter(long, fold, print, limit=lambda: folded).catch_up()
            long.attest(minis // per_block + 1, b"p" * 20, b"gone")
            long.rewind(plan(diffs, per_block, minis), 0, RECORD)
            expected = log_rows(short)
            assert log_rows(long) == expected
            assert long.tip == short.tip
            if again:
                rest = build(diffs, per_block)[len(build(diffs[:minis], per_block)) :]
                if rest:
                    long.append(rest)
                    Snapshotter(long, fold, print).catch_up()
        with Store.open(Path(directory, "long")) as store:
            kept = diffs if again else diffs[:minis]
            state = replayed(kept)
            found = restored(store).state
            assert {key: value for key, value in found.items() if value} == {
                key: value for key, value in state.items() if value
            }


def twelve(path):
    return filled(path, [{KEYS[0]: b"%d" % number} for number in range(12)], 3)


def plan_of_twelve(minis):
    return plan([{KEYS[0]: b"%d" % number} for number in range(12)], 3, minis)


def test_a_process_that_dies_before_the_write_leaves_the_chain_as_it_was(tmp_path, monkeypatch):
    store = twelve(tmp_path)
    Snapshotter(store, fold, print).catch_up()
    before = log_rows(store)

    def dies(*_):
        raise RuntimeError("killed")

    monkeypatch.setattr("devnet.storage.store.move_snapshot", dies)
    with suppress(RuntimeError):
        store.rewind(plan_of_twelve(4), 0, RECORD)
    store._db.close()
    store._lock.release()
    with Store.open(tmp_path) as store:
        assert log_rows(store) == before
        assert (store.tip, store.snapshot) == (Tip(11, 4), Tip(11, 4))
        assert restored(store).state[KEYS[0]] == b"11"


def test_the_mark_promises_nothing_that_was_taken_back_and_is_written_only_for_that(tmp_path, monkeypatch):
    written = []
    write = Mark.write
    monkeypatch.setattr(Mark, "write", lambda mark, *more: (written.append(mark.mini), write(mark, *more))[1])
    items = build([{KEYS[0]: b"%d" % number} for number in range(12)], 3)
    with twelve(tmp_path) as store:
        assert read_mark(tmp_path).mini == 11
        written.clear()
        store._mark_due = math.inf  # nothing is due while the log grows
        for _ in range(3):
            store.rewind(plan_of_twelve(7), 0, RECORD)
            assert read_mark(tmp_path).mini == 6
            store.append(items[len(items) - 7 :])
            assert store.tip == Tip(11, 4)
        assert written == [6]
        store.rewind(plan_of_twelve(4), 0, RECORD)
        store.rewind(plan_of_twelve(0), 0, RECORD)
        assert read_mark(tmp_path) is None
    with Store.open(tmp_path) as store:
        assert store.tip is None


def test_a_place_has_as_many_names_as_it_was_given_and_loses_them_in_their_order(tmp_path):
    with twelve(tmp_path) as store:
        assert [store.take_evm_snapshot(minis) for minis in (4, 4, 9, 12)] == [0, 1, 2, 3]
        assert store.evm_snapshots_beyond(4) == 2
        assert store.evm_snapshots_beyond(12) == 4
        store.rewind(plan_of_twelve(9), 2, RECORD)
        assert [store.evm_snapshot(each) for each in range(5)] == [4, 4, None, None, None]
    with Store.open(tmp_path) as store:
        assert [store.evm_snapshot(each) for each in range(5)] == [4, 4, None, None, None]
        assert store.evm_snapshot(2**64) is None
        assert store.take_evm_snapshot(9) == 4  # no id comes twice


def test_codes_and_the_verified_height_go_back(tmp_path):
    with twelve(tmp_path) as store:
        Snapshotter(store, fold, print).catch_up()
        store._db.put(b"c" + b"x" * 32, b"code")
        store._db.put(b"c" + b"y" * 32, b"older")
        store.verified = 4
        store.rewind(plan_of_twelve(7)._replace(codes=[b"x" * 32]), 0, RECORD)
        assert store.verified == 2
        assert store.code(b"x" * 32) is None
        assert store.code(b"y" * 32) == b"older"
        assert store.snapshot == Tip(5, 2)


def test_nobody_folds_while_it_is_paused(tmp_path):
    with twelve(tmp_path) as store:
        snapshotter = Snapshotter(store, fold, print)
        snapshotter.start()
        with snapshotter.paused():
            assert store.snapshot is None
        snapshotter.stop()
        assert store.snapshot == Tip(11, 4)


@pytest.mark.parametrize("minis", [0, 2])
def test_a_snapshot_of_later_blocks_is_dropped_where_no_block_is_left(tmp_path, minis):
    with twelve(tmp_path) as store:
        Snapshotter(store, fold, print).catch_up()
        store.rewind(plan_of_twelve(minis), 0, RECORD)
        assert store.snapshot is None
    with Store.open(tmp_path) as store:
        assert (store.tip.mini if store.tip else -1) == minis - 1
        if minis:
            assert restored(store).state == {KEYS[0]: b"1"}
