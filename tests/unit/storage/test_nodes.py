"""The state commitment's nodes: kept with the snapshot and the log after it, and only believed where they belong."""

import pytest

from devnet.storage import Snapshotter, Store, restore
from tests.unit.storage.chain import COMPUTED, IDENTITY, ToyEngine, fold, row, sealed_block, sealed_mini

KEY = b"k" * 20


def block(number, nodes):
    """A block with one mini-block, and the nodes that it changes."""
    return [sealed_mini(number - 1, {KEY: b"%d" % number}), sealed_block(number, [], nodes)]


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path) as opened:
        opened.create(IDENTITY, b"{}")
        yield opened


def catch_up(store):
    Snapshotter(store, fold, print).catch_up()


def restored(store):
    engine = ToyEngine()
    restore(store, engine)
    return engine


def test_the_last_commitment_of_each_node_is_kept(store):
    store.append(block(1, row(0, 1) + row(7, 1)))
    catch_up(store)
    store.append(block(2, row(0, 2) + row(9, 2)))
    store.append(block(3, row(0, 3)))
    catch_up(store)
    assert restored(store).loaded_nodes == row(0, 3) + row(7, 1) + row(9, 2)


def test_blocks_after_the_snapshot_bring_theirs_and_folded_ones_leave(store):
    store.append(block(1, row(0, 1)))
    catch_up(store)
    store.append(block(2, row(0, 2)))
    engine = restored(store)
    assert (engine.loaded_nodes, engine.block_nodes) == (row(0, 1), [row(0, 2)])
    assert store.block_nodes(1) == b""


def test_what_had_to_be_computed_is_kept_for_the_next_start(store):
    store.append(block(1, row(0, 1)))
    store.append(block(2, b""))
    catch_up(store)
    store.append(block(3, b""))
    catch_up(store)  # nobody computed what the third changed
    assert restored(store).loaded_nodes == b""
    assert restored(store).loaded_nodes == COMPUTED
    store.append(block(4, row(5, 4)))
    catch_up(store)
    assert restored(store).loaded_nodes == row(0, 0xCC) + row(5, 4)


def test_nodes_of_another_block_than_the_snapshots_are_not_believed(store):
    store.append(block(1, row(0, 1)))
    catch_up(store)
    store.append(block(2, b""))
    catch_up(store)
    store.append(block(3, row(0, 3)))
    catch_up(store)
    assert list(store.nodes(10)) == []


def test_a_log_that_is_given_up_takes_its_nodes_along(store):
    store.append(block(1, row(0, 1)))
    store.append(block(2, row(0, 2)))
    assert store.truncate(1)
    assert (store.block_nodes(1), store.block_nodes(2)) == (row(0, 1), b"")
    catch_up(store)
    store.truncate_all()
    assert list(store.nodes(10)) == []
    store.append(block(1, row(0, 9)))
    catch_up(store)
    assert restored(store).loaded_nodes == row(0, 9)
