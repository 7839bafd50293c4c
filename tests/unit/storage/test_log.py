"""The chain log: what goes in comes out, and nothing else does."""

import pytest

from devnet.storage import Corrupted, Store, StoreArchive
from devnet.storage.database import Tip
from tests.unit.storage.chain import IDENTITY, build, sealed_block, sealed_mini


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "node") as store:
        store.create(IDENTITY, b'{"alloc":{}}')
        yield store


ACCOUNT, SLOT = b"a" * 20, b"a" * 20 + b"\0" * 32


def test_append_makes_records_findable_by_number_and_hash(store):
    mini, block = sealed_mini(0, {ACCOUNT: b"1"}, [b"t" * 32, b"u" * 32]), sealed_block(1, [(ACCOUNT, b"")])
    assert store.append([mini, block]) == (0, 1)
    archive = StoreArchive(store)
    assert archive.mini(0) == mini.record
    assert archive.block(1) == block.record
    assert archive.block_number(block.hash) == 1
    assert archive.tx_location(b"u" * 32) == (0, 1)


def test_records_are_read_in_runs(store):
    sealed = build([{ACCOUNT: b"%d" % number} for number in range(7)], 2)
    store.append(sealed)
    archive = StoreArchive(store)
    records = [item.record for item in sealed]
    minis = [record for record in records if not record.startswith(b"block")]
    blocks = [record for record in records if record.startswith(b"block")]
    assert archive.minis(2, 5) == minis[2:6]
    assert archive.minis(5, 50) == minis[5:]
    assert archive.minis(7, 9) == []
    assert archive.blocks(2, 3) == blocks[1:3]
    assert archive.blocks(0, 3) == []


def test_what_is_not_there_is_none(store):
    archive = StoreArchive(store)
    assert archive.mini(0) is None
    assert archive.block(1) is None
    assert archive.block_number(b"x" * 32) is None
    assert archive.tx_location(b"x" * 32) is None
    assert archive.value_at(ACCOUNT, 0) is None
    assert archive.code(b"x" * 32) is None


def test_log_continues_after_reopening(store):
    store.append(build([{ACCOUNT: b"1"}] * 3, 2))
    directory = store.directory
    store.close()
    with Store.open(directory) as again:
        assert again.tip == (2, 1)
        assert again.identity == IDENTITY
        assert again.genesis == b'{"alloc":{}}'
        again.append([sealed_mini(3, {}), sealed_block(2, [])])
        assert again.tip == (3, 2)


@pytest.mark.parametrize(
    "sealed",
    [
        [sealed_mini(1, {})],
        [sealed_mini(0, {}), sealed_mini(0, {})],
        [sealed_mini(0, {}), sealed_block(2, [])],
    ],
)
def test_append_refuses_gaps_and_writes_nothing(store, sealed):
    with pytest.raises(ValueError, match="no gaps"):
        store.append(sealed)
    assert store.tip is None
    assert store.mini(0) is None


def test_reading_a_range_says_which_record_is_missing(store):
    store.append([sealed_mini(0, {}), sealed_mini(1, {})])
    with pytest.raises(Corrupted, match="mini-block 2 is missing"):
        list(store.minis(0, 2))
    with pytest.raises(Corrupted, match="block 1 is missing"):
        list(store.blocks(1, 1))


def test_the_chains_transactions_are_counted_up_to_each_block_over_restarts_and_cuts(store):
    sealed = build([{ACCOUNT: b"1"}] * 7, 2)
    store.append(sealed[:4])
    directory = store.directory
    store.close()
    with Store.open(directory) as again:
        again.append(sealed[4:])
        archive = StoreArchive(again)
        assert [archive.tx_total(block) for block in range(5)] == [0, 2, 4, 6, None]
        again.truncate(2)
        again.append(sealed[6:9])
        assert [archive.tx_total(block) for block in range(5)] == [0, 2, 4, 6, None]


def test_a_snapshot_tells_how_many_transactions_there_were(store, tmp_path):
    store.append(build([{ACCOUNT: b"1"}] * 7, 2))
    store.fold([], [], store._place(2))
    frozen = store.freeze()
    with Store.open(tmp_path / "late") as late:
        late.create(IDENTITY, b"{}")
        late.install(frozen.rows())
        late.installed(frozen.marker)
        late.append([sealed_mini(frozen.marker.mini + 1, {ACCOUNT: b"1"}, [b"t" * 32]), sealed_block(3, [])])
        assert [StoreArchive(late).tx_total(block) for block in range(1, 5)] == [2, 4, 5, None]
    frozen.close()


def test_what_a_snapshot_does_not_tell_cannot_be_counted(tmp_path):
    with Store.open(tmp_path / "late") as late:
        late.create(IDENTITY, b"{}")
        late.installed(Tip(4, 2))
        late.append([sealed_mini(5, {ACCOUNT: b"1"}, [b"t" * 32]), sealed_block(3, [])])
        assert StoreArchive(late).tx_total(3) is None


def test_history_of_an_account_is_not_mixed_with_its_slots(store):
    store.append(
        [
            sealed_mini(0, {}),
            sealed_block(1, [(SLOT, b"slot")]),
            sealed_mini(1, {}),
            sealed_block(2, [(ACCOUNT, b"account")]),
        ]
    )
    assert store.value_at(ACCOUNT, 0) == b"account"
    assert store.value_at(SLOT, 0) == b"slot"
    assert store.value_at(SLOT, 1) is None
