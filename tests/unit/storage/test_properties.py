"""For any chain: snapshot and log together are the state, at every place where the process may die."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from devnet._engine import SealedBlock, SealedMini
from devnet.storage import Snapshotter, Store, restore
from tests.unit.storage.chain import IDENTITY, ToyEngine, build, fold

KEYS = [b"a" * 20, b"b" * 20, b"a" * 20 + b"\0" * 32, b"a" * 20 + b"\xff" * 32]
diffs = st.lists(
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from([b"", b"1", b"22", b"3"]), max_size=4),
    min_size=1,
    max_size=24,
)
cheap = settings(max_examples=60, deadline=None)


def replay(diffs):
    state = {}
    for diff in diffs:
        state.update(diff)
    return {key: value for key, value in state.items() if value}


class Dies(Exception):
    pass


@cheap
@given(diffs, st.integers(1, 5), st.integers(1, 200), st.integers(0, 8))
def test_restart_gives_the_state_of_the_log_wherever_the_snapshotter_died(
    diffs, per_block, batch_bytes, batches
):
    """`batches` is how many of its writes the snapshotter lived to make."""

    def mortal_fold(records, left=[batches]):  # noqa: B006 counts down
        if not left[0]:
            raise Dies
        left[0] -= 1
        return fold(records)

    with TemporaryDirectory() as directory:
        with Store.open(Path(directory)) as store:
            store.create(IDENTITY, b"{}")
            for sealed in build(diffs, per_block):
                store.append([sealed])
            with suppress(Dies):
                Snapshotter(store, mortal_fold, lambda error: None, batch_bytes=batch_bytes).catch_up()
        with Store.open(Path(directory)) as store:
            engine = ToyEngine()
            assert restore(store, engine) == (len(diffs) - 1, len(diffs) // per_block)
            assert engine.values == replay(diffs)
            # The snapshot alone is the state at a block's end, exactly.
            marker = store.snapshot
            snapshot = {key: value for rows in store.state(3) for key, value in rows if value}
            assert snapshot == (replay(diffs[: marker.mini + 1]) if marker else {})
            if marker:
                assert marker.mini == marker.block * per_block - 1
                assert engine.tip == b"block %d" % marker.block


@cheap
@given(diffs, st.integers(1, 5))
def test_history_knows_every_value_at_every_block(diffs, per_block):
    with TemporaryDirectory() as directory, Store.open(Path(directory)) as store:
        store.create(IDENTITY, b"{}")
        store.append(build(diffs, per_block))
        blocks = len(diffs) // per_block
        newest = replay(diffs[: blocks * per_block])
        for block in range(blocks + 1):
            then = replay(diffs[: block * per_block])
            for key in KEYS:
                value = store.value_at(key, block)
                assert (newest.get(key, b"") if value is None else value) == then.get(key, b"")
        for key in KEYS:
            assert store.value_at(key, blocks) is None


@cheap
@given(diffs, st.integers(1, 5), st.integers(1, 6))
def test_batches_of_the_log_thread_do_not_show_in_the_log(diffs, per_block, together):
    sealed = build(diffs, per_block)
    with TemporaryDirectory() as directory, Store.open(Path(directory)) as store:
        store.create(IDENTITY, b"{}")
        for start in range(0, len(sealed), together):
            store.append(sealed[start : start + together])
        engine = ToyEngine()
        restore(store, engine)
        assert engine.minis == [item.record for item in sealed if isinstance(item, SealedMini)]
        assert engine.blocks == [item.record for item in sealed if isinstance(item, SealedBlock)]
