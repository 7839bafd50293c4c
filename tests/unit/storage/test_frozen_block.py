"""The chain at its newest block, read while the store goes on."""

from hypothesis import given
from hypothesis import strategies as st

from devnet.storage import Snapshotter, Store, tables
from tests.unit.storage.chain import IDENTITY, build, fold

KEYS = st.sampled_from([bytes([byte]) * 20 for byte in range(6)])
DIFFS = st.lists(st.dictionaries(KEYS, st.binary(max_size=3), max_size=4), min_size=3, max_size=24)


def state_of(rows):
    return {key[1:]: value for key, value in rows if key[:1] == tables.STATE and value}


def expected(diffs, count):
    merged = {}
    for diff in diffs[:count]:
        merged.update(diff)
    return {key: value for key, value in merged.items() if value}


@given(DIFFS, st.integers(0, 24))
def test_is_the_state_at_the_newest_block_wherever_the_nodes_own_snapshot_stands(
    tmp_path_factory, diffs, folded
):
    sealed = build(diffs, 3)
    with Store.open(tmp_path_factory.mktemp("store")) as store:
        store.create(IDENTITY, b"{}")
        if sealed[:folded]:
            store.append(sealed[:folded])
        Snapshotter(store, fold, lambda error: None).catch_up()
        if sealed[folded:]:
            store.append(sealed[folded:])
        frozen = store.freeze_block()
        blocks = len(diffs) // 3
        assert frozen.end == (blocks * 3 - 1, blocks)
        assert frozen.newest == len(diffs) - 1
        assert frozen.changed_since(fold) == any(diffs[blocks * 3 :])
        rows = list(frozen.rows(fold, history=False))
        frozen.close()
    assert rows[0] == (tables.META_GENESIS, b"{}")
    assert state_of(rows) == expected(diffs, blocks * 3)
    assert len({key for key, _ in rows}) == len(rows)


def test_stands_still_while_the_log_grows_and_is_folded(tmp_path):
    diffs = [{b"k" * 20: b"%d" % number} for number in range(40)]
    sealed = build(diffs, 4)
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        store.append(sealed[:25])
        frozen = store.freeze_block()
        store.append(sealed[25:])
        Snapshotter(store, fold, lambda error: None).catch_up()
        assert frozen.end == (19, 5)
        assert state_of(frozen.rows(fold, history=False)) == {b"k" * 20: b"19"}
        frozen.close()


def test_the_past_ends_at_the_block(tmp_path):
    diffs = [{b"k" * 20: b"%d" % number} for number in range(10)]
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        store.append(build(diffs, 4))
        frozen = store.freeze_block()
        rows = list(frozen.rows(fold, history=True))
        frozen.close()
    of = {
        table: [row for row in rows if row[0][:1] == table]
        for table in tables.__dict__.values()
        if row_table(table)
    }
    assert [tables.read_number(key[1:]) for key, _ in of[tables.MINI]] == list(range(8))
    assert [tables.read_number(key[1:]) for key, _ in of[tables.BLOCK]] == [1, 2]
    assert len(of[tables.TRANSACTION]) == 8
    assert len(of[tables.BLOCK_HASH]) == len(of[tables.HISTORY]) == 2


def row_table(name):
    return isinstance(name, bytes) and len(name) == 1


def test_a_chain_without_a_block_has_none(tmp_path):
    with Store.open(tmp_path) as store:
        store.create(IDENTITY, b"{}")
        frozen = store.freeze_block()
        assert frozen.end == (-1, 0)
        frozen.close()
